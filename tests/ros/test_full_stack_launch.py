"""The shipped launch file of the whole stack, for a moment of simulated time, with a planner that goes straight on."""

import json

import pytest
from conftest import ROOT

from sim.team_scenarios import errands


@pytest.mark.timeout(240)
def test_two_robots_are_told_look_and_are_led_and_the_run_ends_by_itself(compiled_kernels, start, tmp_path):
    things = errands(seed=1001).errands.things
    told = f"walk to the {things[3].replace('-', ' ')}, please"
    arguments = ["seed:=1001", "time_limit:=4.5", "video:=false", "planner:=straight", "judge:=pixels"]
    arguments += [f"instructions:=['', '{told}']", f"output:={tmp_path / 'out'}"]
    file = str(ROOT / "launch" / "full_stack_sim.launch.yaml")
    program = start("-m", "pronk_bringup.runner", file, *arguments, "--time-limit", "200", cwd=tmp_path)
    # Nobody can be at a thing so soon, so the run is no success; but nothing else is wrong.
    assert program.wait(220.0) == 1, program.text
    assert "scenario 'errands', seed 1001, is over after 4.50 s: not as it should be" in program.text
    first, second = json.loads((tmp_path / "out" / "results.json").read_text())["robots"]
    assert (first["instruction"], second["instruction"]) == (errands(seed=1001).errands.instructions[0], told)
    for robot in (first, second):
        assert robot["plans"] >= 1 and 0.0 <= robot["progress"] <= 1.0
        # The filter has reported, so it has had a goal or at least odometry; nobody fell or touched anything.
        assert robot["least_barrier_m"] is not None and not robot["fell"] and robot["touched"] == []


def test_words_that_name_no_thing_end_the_launch_with_the_things_that_there_are(start, tmp_path):
    file = str(ROOT / "launch" / "full_stack_sim.launch.yaml")
    words = "instructions:=['go home', '']"
    program = start("-m", "pronk_bringup.runner", file, words, "record:=false", "--time-limit", "60", cwd=tmp_path)
    assert program.wait(90.0) != 0
    assert "'go home' must name exactly one colour of the things on the floor: " in program.text
