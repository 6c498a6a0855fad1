from dataclasses import replace

import pytest
from made_runs import row

from controllers.errors import UnknownName
from evaluation.claims import Claim, judge
from evaluation.locomotion_suites import SUITES
from evaluation.results import Row

HEIGHT = Claim("height", "quiet", "none", "height_rmse_m", 0.006, unit="mm", scale=1e3)


def verdict(claim, *rows):
    return judge([claim], rows)[0]


def test_a_mean_below_the_limit_reaches_the_target():
    result = verdict(HEIGHT, row(0, height_rmse_m=0.004), row(1, height_rmse_m=0.007))
    assert result.passed is True
    assert result.measured == pytest.approx(0.0055)
    assert result.n == 2


def test_the_limit_itself_reaches_the_target():
    assert verdict(HEIGHT, row(0, height_rmse_m=0.006)).passed is True


def test_a_mean_above_the_limit_misses_it():
    assert verdict(HEIGHT, row(0, height_rmse_m=0.0061)).passed is False


def test_a_lower_bound_is_missed_from_below():
    claim = Claim("survives", "quiet", "none", "survived", 5 / 6, at_least=True)
    rows = [row(seed, survived=float(seed > 0)) for seed in range(6)]
    assert verdict(claim, *rows).passed is True
    assert verdict(claim, *rows[:-1], row(5, survived=0.0)).passed is False


def test_errors_of_either_sign_do_not_cancel_in_the_mean_of_magnitudes():
    claim = replace(HEIGHT, metric="vx_mean_error_mps", statistic="mean_abs", limit=0.03)
    assert verdict(claim, row(0, vx_mean_error_mps=0.05), row(1, vx_mean_error_mps=-0.05)).passed is False


def test_one_bad_trial_misses_a_claim_about_the_worst():
    claim = replace(HEIGHT, metric="fell", statistic="max", limit=0.0)
    assert verdict(claim, row(0, fell=0.0), row(1, fell=1.0)).passed is False


def test_a_comparison_subtracts_the_other_method():
    claim = replace(HEIGHT, method="rls", versus="none", limit=0.001)
    rows = [row(0, "rls", height_rmse_m=0.0045), row(0, "none", height_rmse_m=0.004)]
    assert verdict(claim, *rows).measured == pytest.approx(0.0005)
    assert verdict(claim, *rows).against == "none"
    assert verdict(claim, rows[0]).passed is None


def test_a_claim_about_trials_that_were_not_run_stays_open():
    assert verdict(HEIGHT, row(0, "rls", height_rmse_m=0.001)).passed is None


def test_a_claim_beside_a_method_that_was_not_run_stays_open():
    claim = Claim("regret", "flat", "ours", "regret", 0.0, beside="bound")
    ours, bound = Row("ours", "flat", 0, {}), Row("bound", "flat", 0, {})
    assert claim.judge([ours]).passed is None
    assert claim.judge([ours, bound]).passed is False
    assert claim.judge([Row("ours", "flat", 0, {"regret": -1.0}), bound]).passed is True


def test_a_claim_about_trials_that_all_fell_has_failed():
    result = verdict(HEIGHT, row(0, fell=1.0))
    assert (result.measured, result.n, result.passed) == (None, 0, False)


def test_the_target_is_shown_in_its_own_unit():
    assert HEIGHT.target == "≤ 6 mm"


def test_an_unknown_statistic_is_refused_with_the_known_ones():
    with pytest.raises(UnknownName, match="unknown statistic 'median'; available: max, mean, mean_abs, min, sum"):
        replace(HEIGHT, statistic="median")


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_every_claim_is_about_a_case_and_a_method_that_the_suite_runs(suite):
    cases = {case.name: case for case in suite.cases}
    for claim in suite.claims:
        run = cases[claim.case].methods or suite.methods
        assert set(claim.methods) <= set(run)
