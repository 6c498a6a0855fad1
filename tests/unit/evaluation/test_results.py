import json

import numpy as np
import pytest
from made_runs import row

from evaluation.results import compile_results, summarise, write_json


def test_results_have_the_keys_of_the_schema(tmp_path):
    write_json(tmp_path / "results.json", compile_results("walk", [row(0, fell=0.0, height_rmse_m=0.004)]))
    read = json.loads((tmp_path / "results.json").read_text())
    assert {"suite", "created", "versions", "machine", "rows", "summary"} <= set(read)
    assert read["rows"] == [
        {"method": "none", "case": "quiet", "seed": 0, "metrics": {"fell": 0.0, "height_rmse_m": 0.004}}
    ]
    entry = read["summary"][0]
    assert (entry["method"], entry["case"], entry["n"]) == ("none", "quiet", 1)
    assert set(entry["height_rmse_m"]) == {"mean", "ci95", "worst", "n"}


def test_rows_are_sorted_by_case_method_and_seed():
    rows = compile_results("s", [row(1), row(0, "rls"), row(0), row(0, case="a")])["rows"]
    assert [(r["case"], r["method"], r["seed"]) for r in rows] == [
        ("a", "none", 0),
        ("quiet", "none", 0),
        ("quiet", "none", 1),
        ("quiet", "rls", 0),
    ]


def test_trials_that_fell_are_counted_but_not_averaged():
    entry = summarise([row(0, fell=0.0, height_rmse_m=0.004), row(1, fell=1.0), row(2, fell=0.0, height_rmse_m=0.008)])[
        0
    ]
    assert entry["n"] == 3
    assert entry["fell"]["mean"] == pytest.approx(1.0 / 3.0)
    assert entry["height_rmse_m"]["mean"] == pytest.approx(0.006)
    assert entry["height_rmse_m"]["n"] == 2


def test_the_worst_trial_is_that_of_largest_magnitude():
    assert summarise([row(0, vx_mean_error_mps=0.01), row(1, vx_mean_error_mps=-0.03)])[0]["vx_mean_error_mps"][
        "worst"
    ] == pytest.approx(-0.03)


def test_no_fall_in_few_trials_does_not_prove_safety():
    low, high = summarise([row(seed, fell=0.0) for seed in range(6)])[0]["fell"]["ci95"]
    assert low == 0.0
    assert high > 0.3


def test_what_is_not_a_number_becomes_null(tmp_path):
    write_json(tmp_path / "x.json", {"a": float("nan"), "b": [np.float64(1.5), float("inf")], "c": np.arange(2)})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [1.5, None], "c": [0, 1]}


def test_no_partial_file_stays_behind(tmp_path):
    write_json(tmp_path / "deep" / "x.json", {})
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.json"]
