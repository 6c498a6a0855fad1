import json

import numpy as np
import pytest

pytest.importorskip("rclpy")

from pronk_gateway.task_log import PlanNote, TaskLog


def picture(value):
    return np.full((8, 8, 3), value, np.uint8)


def made_log():
    log = TaskLog("red-box", "go", 7, 0.2)
    log.see(0.2, picture(0), False)
    for step in range(1, 5):
        log.see(0.2 + 0.2 * step, picture(10 * step), step >= 3)
        log.steps += 1
    log.plans.append(PlanNote(0.2, np.zeros((3, 8, 8, 3), np.uint8), 2.0, 0.5, 0.1))
    log.plans.append(PlanNote(0.6, np.zeros((3, 8, 8, 3), np.uint8), 2.0, 1.0, 0.3))
    log.judge(0.4, {"progress": 0.25, "success": 0.1, "confidence": 0.9})
    log.judge(0.2, {"progress": 0.0, "success": 0.0, "confidence": 1.0})
    return log


def test_results_tell_the_first_success_and_the_newest_judgement(tmp_path):
    log = made_log()
    found = log.results("")
    assert log.success_at == pytest.approx(0.8)
    assert (found["steps"], found["elapsed_s"], found["plans"]) == (4, 0.8, 2)
    assert (found["plan_time_mean_s"], found["plan_time_max_s"]) == (pytest.approx(0.2), 0.3)
    assert (found["confidence_mean"], found["progress"], found["judge_confidence"]) == (0.75, 0.25, 0.9)
    log.write(tmp_path / "new", "")
    assert json.loads((tmp_path / "new" / "results.json").read_text()) == found
    assert "| plan_time_max_s | 0.3 |" in (tmp_path / "new" / "table.md").read_text()


def test_a_run_without_plans_or_judge_has_numbers_only_where_there_are_any():
    log = TaskLog("red-box", "go", 7, 0.2)
    log.see(0.2, picture(0), False)
    assert log.results("no start")["plan_time_mean_s"] is None
    assert "| failure | no start |" in log.table("no start") and "| progress | - |" in log.table("no start")


def test_a_reset_forgets_the_run_and_what_is_still_told_of_it():
    log = made_log()
    log.begin(3.0, picture(1))
    log.judge(0.8, {"progress": 1.0})
    log.judge(3.0, {"progress": 0.0})
    assert (log.steps, log.success_at, log.plans, list(log.judgements)) == (0, None, [], [3.0])
