import io
import json

import numpy as np
import pytest
from made_bags import write_bag
from made_runs import loaded_scenario, made_log, short_scenario
from rich.console import Console

from evaluation import run_report
from evaluation.phases import comparison_rows, measure_phases, phases
from evaluation.run_report import report_run


def report(bag, scenario, out, **options):
    console = Console(file=io.StringIO(), width=160)
    code = report_run(bag, scenario, out, console, video=False, **{"comparison": False, **options})
    return code, console.file.getvalue(), json.loads((out / "metrics.json").read_text())


def test_a_good_run_gives_a_table_metrics_and_a_plot(tmp_path):
    scenario = loaded_scenario()
    bag = write_bag(tmp_path / "bag", scenario, learned=(0, 0, -70, 0, 0, 0), true_world=(0, 0, -78, 0, 0, 0))
    code, text, document = report(bag, scenario, tmp_path / "out")
    assert code == 0
    assert document["survived"] is True
    assert document["run"]["during"]["height_rmse_m"] == pytest.approx(0.0, abs=1e-12)
    assert document["run"]["during"]["wrench_rmse_n"] == pytest.approx(8.0)
    assert document["health"] == {
        "solve_time_p50_s": pytest.approx(1e-4),
        "solve_time_p99_s": pytest.approx(1e-4),
        "deadline_misses": 11.0,
        "deadline_miss_fraction": pytest.approx(11.0 / 1199.0),
        "command_age_p50_s": pytest.approx(0.002),
        "command_age_p99_s": pytest.approx(0.004),
        "realtime_factor": pytest.approx(0.99),
    }
    assert "11 (0.92 %)" in text
    assert "2.0 / 4.0" in text
    assert (tmp_path / "out" / "run.png").read_bytes().startswith(b"\x89PNG")


def test_a_robot_that_fell_gives_exit_code_one_and_no_numbers_from_the_ground(tmp_path):
    scenario = loaded_scenario()
    code, text, document = report(write_bag(tmp_path / "bag", scenario, fall_at=7.0), scenario, tmp_path / "out")
    assert code == 1
    assert "no, fell at 7.0 s" in text
    assert document["fell"] is True
    assert set(document["run"]) == {"before"}


def test_a_run_that_ended_early_has_not_survived(tmp_path):
    scenario = short_scenario()
    code, text, document = report(write_bag(tmp_path / "bag", scenario, end=9.0), scenario, tmp_path / "out")
    assert code == 1
    assert "no, the run ended at 9.0 s" in text
    assert (document["survived"], document["fell"]) == (False, False)


def test_the_run_without_learning_stands_beside_it(tmp_path, monkeypatch):
    scenario = loaded_scenario()
    sunk = made_log(scenario)
    sunk.values["height"][sunk.values["payload_mass"] > 0.0] -= 0.05

    class AtOnce:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def submit(self, function, *arguments):
            return self

        def result(self):
            return sunk

    monkeypatch.setattr(run_report, "_pool", AtOnce)
    code, text, document = report(write_bag(tmp_path / "bag", scenario), scenario, tmp_path / "out", comparison=True)
    assert code == 0
    assert document["without_learning"]["during"]["height_mean_error_m"] == pytest.approx(-0.05)
    assert document["without_learning"]["fell"] is False
    assert "without learning" in text
    assert "50.0" in text


def test_a_run_without_disturbance_has_one_phase():
    assert phases(short_scenario()) == {"walk": (5.0, 12.0)}


def test_phases_of_a_load_are_before_during_and_after():
    assert phases(loaded_scenario()) == {"before": (5.0, 6.0), "during": (6.0, 9.0), "after": (11.0, 12.0)}


def test_what_never_settled_is_shown_as_such():
    log = made_log(loaded_scenario())
    log.values["height"][log.values["time"] >= 6.0] -= 0.05
    rows = comparison_rows([measure_phases(log.scenario, log.values)])
    assert ["settled after [s]", "not within 3.00"] in rows


def test_a_run_that_has_no_number_shows_a_dash():
    whole = measure_phases(short_scenario(), made_log(short_scenario()).values)
    rows = comparison_rows([whole, {}])
    assert all(row[2] == "–" for row in rows)
    assert np.all([row[1] != "–" for row in rows])
