"""The shipped launch file of several robots, for a moment of simulated time."""

import json
import math

import pytest
from conftest import ROOT

from sim.team_scenarios import crossing


@pytest.mark.timeout(240)
def test_four_robots_stand_up_in_one_world_and_the_run_ends_by_itself(compiled_kernels, start, tmp_path):
    arguments = ["seed:=1001", "time_limit:=1.0", "video:=false", f"output:={tmp_path / 'out'}"]
    file = str(ROOT / "launch" / "multi_agent_sim.launch.yaml")
    program = start("-m", "pronk_bringup.runner", file, *arguments, "--time-limit", "200", cwd=tmp_path)
    # Nobody can be at a goal after a second, so the run is no success; but nothing else is wrong.
    assert program.wait(220.0) == 1, program.text
    assert "scenario 'crossing', seed 1001, is over after 1.00 s: not as it should be" in program.text
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    scenario = crossing(seed=1001)
    assert [robot["name"] for robot in results["robots"]] == [place.name for place in scenario.places]
    for robot, place, goal in zip(results["robots"], scenario.places, scenario.goals, strict=True):
        assert robot["straight_m"] == pytest.approx(math.dist((place.x, place.y), goal))
        assert robot["arrival_s"] is None and robot["path_m"] < 0.3
        assert not robot["fell"] and robot["touched"] == []
    assert 0.0 < results["real_time_factor"] and results["success"] is False
    table = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert len(table) == 6 and table[0] in program.text
