"""A few cases of the fault drill, as `pronk drill` runs them."""

import json

import pytest

from evaluation.drill_cases import CASES, SMOKE, STACKS
from pronk.drill_stack import drill_launch_file
from pronk_bringup.expansion import expand

pytestmark = pytest.mark.timeout(150, func_only=True)


def test_a_few_faults_end_in_the_states_that_are_defined_for_them(compiled_kernels, start, tmp_path):
    out = tmp_path / "drill"
    program = start("-m", "pronk.cli", "drill", "--cases", ",".join(SMOKE), "--out", str(out))
    assert program.wait(140.0) == 0, program.text
    results = json.loads((out / "results.json").read_text())
    rows = {row["case"]: row["metrics"] for row in results["rows"]}
    assert set(rows) == set(SMOKE)
    assert all(row["passed"] == 1.0 and row["unsafe_commands"] == 0.0 and row["commands"] > 20 for row in rows.values())
    # Refused commands damp only when the last good one has grown old: not at once, and not late.
    assert 0.19 < rows["joint_commands.nan"]["delay_s"] <= rows["joint_commands.nan"]["allowed_s"]
    assert f"{len(SMOKE)} of {len(SMOKE)} cases passed" in program.text


@pytest.mark.parametrize("stack", STACKS)
def test_every_variant_of_the_stack_is_a_launch_file_that_leads_one_topic_through_the_fault_node(stack, tmp_path):
    for topic in {case.target for case in CASES if case.stack == stack and "node" not in case.target}:
        file = tmp_path / "drill.launch.yaml"
        file.write_text(drill_launch_file(stack, topic))
        commands = [" ".join(spec.command) for spec in expand(file, {}, tmp_path)]
        assert sum("pronk_bringup.fault_node" in command for command in commands) == 1
        rule = f"-r {topic}:={topic}/intact"
        assert sum(rule in command for command in commands) == (topic not in ("cmd_vel", "body_command"))
