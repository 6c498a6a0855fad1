import json
from dataclasses import replace

import pytest

from controllers.errors import InvalidValue, UnknownName
from evaluation.drill_cases import CASES, NODES, SMOKE, STATE, DrillCase, Outcome, find_cases
from evaluation.drill_report import DrillJournal, Verdict, drill_table, write_drill

CHAIN = ("joint_states", "imu/data", "foot_sensors", "odom", "foot_contacts", "cmd_vel", "body_command")


def verdict(case, passed=True):
    return Verdict(case.name, passed, "stopped", () if passed else ("too late",), 0.2, 0.26, 0, 100, 0.1)


def test_every_topic_of_the_chain_is_lost_late_twice_out_of_order_and_corrupted():
    for topic in (*CHAIN, "joint_commands"):
        faults = {case.fault for case in CASES if case.target == topic}
        assert {"drop", "nan"} <= faults, topic
        assert faults & {"delay", "delay_short", "duplicate", "permute"}, topic


def test_every_node_is_killed_and_paused():
    assert {(case.target, case.fault) for case in CASES if case.target in NODES} == {
        (node, fault) for node in NODES for fault in ("kill", "pause")
    }


def test_the_drill_has_at_least_sixty_cases_of_different_names_each_with_its_reason():
    assert len(CASES) == len({case.name for case in CASES}) >= 60
    assert all(case.why for case in CASES)
    assert set(SMOKE) <= {case.name for case in CASES}


def test_what_is_killed_has_a_launch_of_its_own_and_a_topic_shares_one():
    keys = [case.launch for case in CASES if case.fault == "kill"]
    assert len(set(keys)) == len(keys)
    assert len({case.launch for case in CASES if case.target == "imu/data"}) == 1


def test_faults_of_messages_exist_in_the_fault_node():
    faults = pytest.importorskip("pronk_bringup.message_faults").FAULTS
    assert {case.fault for case in CASES if case.target not in NODES} <= set(faults)


def test_cases_are_chosen_by_name_or_by_target_in_the_order_of_the_table():
    chosen = find_cases(["imu_data", "joint_states.nan"])
    assert chosen[0].name == "joint_states.nan" and {case.target for case in chosen[1:]} == {"imu/data"}
    with pytest.raises(UnknownName, match="unknown case 'imu'; available: "):
        find_cases(["imu"])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"fault": "drop", "promise": STATE}, "is to be stopped: promise and reason must be given"),
        ({"fault": "kill", "promise": STATE, "reason": "x"}, "nodes are paused or killed, topics are not"),
    ],
)
def test_a_case_that_says_too_little_is_refused(values, text):
    with pytest.raises(InvalidValue, match=text):
        DrillCase("odom", outcome=Outcome.STOPPED, why="x", **values)


def test_only_what_passed_with_this_code_and_this_expectation_is_not_run_again(tmp_path):
    first, second, third = CASES[:3]
    journal = DrillJournal(tmp_path / "drill.jsonl", "new")
    journal.append(first, verdict(first))
    journal.append(second, verdict(second, passed=False))
    journal.append(replace(third, promise="next check"), verdict(third))
    with (tmp_path / "drill.jsonl").open("a") as file:
        file.write('{"fingerprint": "new", "case')
    assert journal.passed(CASES) == {first.name: verdict(first)}
    assert DrillJournal(tmp_path / "drill.jsonl", "other").passed(CASES) == {}


def test_a_line_that_a_killed_drill_left_half_written_does_not_swallow_the_next(tmp_path):
    journal = DrillJournal(tmp_path / "drill.jsonl", "new")
    (tmp_path / "drill.jsonl").write_text('{"fingerprint": "new", "case')
    journal.append(CASES[0], verdict(CASES[0]))
    assert journal.passed(CASES) == {CASES[0].name: verdict(CASES[0])}


def test_results_and_table_tell_what_failed_and_what_was_not_run(tmp_path):
    cases = CASES[:3]
    verdicts = {case.name: verdict(case, case is cases[0]) for case in cases[:2]}
    write_drill(tmp_path / "results.json", cases, verdicts)
    results = json.loads((tmp_path / "results.json").read_text())
    rows = {row["case"]: row["metrics"] for row in results["rows"]}
    assert rows[cases[0].name]["passed"] == 1.0 and rows[cases[1].name]["passed"] == 0.0
    assert results["details"][1]["faults"] == ["too late"] and len(results["expected"]) == 3
    last = list(drill_table(cases, verdicts).columns[-1].cells)
    assert last == ["passed", "FAILED: too late", "not run"]
