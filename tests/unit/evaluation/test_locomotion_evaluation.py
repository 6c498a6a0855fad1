import io
import json
from dataclasses import replace

from rich.console import Console

from evaluation.claims import Claim
from evaluation.locomotion import evaluate
from evaluation.suite import Case, Suite
from sim.scenarios import get_scenario

STOOD = Claim("stands up", "rise", "none", "fell", 0.0, "max")


def rise(seed):
    return replace(get_scenario("flat_walk", seed=seed), name="rise", duration_s=2.6)


def late(scenario):
    return 2.3, scenario.duration_s


def test_a_suite_leaves_results_tables_curves_and_plots(tmp_path):
    suite = Suite("tiny", (Case("rise", rise, late),), ("none",), (0,), (STOOD,))
    console = Console(file=io.StringIO(), width=140)
    verdicts = evaluate(suite, tmp_path, console=console)
    assert [(verdict.passed, verdict.n) for verdict in verdicts] == [(True, 1)]
    results = json.loads((tmp_path / "results.json").read_text())
    assert (results["suite"], results["estimator"], results["claims"][0]["passed"]) == ("tiny", "kalman", True)
    # The trunk of a Go2 that stands still is within a centimetre of the height that was asked for.
    assert results["rows"][0]["metrics"]["height_rmse_m"] < 0.01
    assert "| rise | none | 0/1 |" in (tmp_path / "results.md").read_text()
    assert "stands up" in console.file.getvalue()
    for name in ("plots/summary.png", "plots/rise.png", "traces/rise__none__0.npz", "rows.jsonl"):
        assert (tmp_path / name).stat().st_size > 0
