import numpy as np
import pytest

from controllers.errors import InvalidValue
from evaluation.statistics import bootstrap_ci95, nested_bootstrap_ci95, wilson_ci95


def test_bootstrap_agrees_with_the_normal_interval_on_a_large_sample():
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    low, high = bootstrap_ci95(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


def test_bootstrap_covers_the_true_mean_about_95_times_in_100():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_ci95(rng.normal(0.0, 1.0, 30))
        covered += low <= 0.0 <= high
    assert 178 <= covered <= 199


def test_bootstrap_gives_the_same_interval_twice():
    assert bootstrap_ci95([1.0, 2.0, 4.0]) == bootstrap_ci95([1.0, 2.0, 4.0])


def test_one_trial_has_no_interval():
    assert bootstrap_ci95([3.0]) is None


def test_equal_trials_have_an_interval_of_no_width():
    assert bootstrap_ci95([2.0, 2.0, 2.0]) == (2.0, 2.0)


def test_wilson_interval_of_no_fall_in_twenty_reaches_sixteen_per_cent():
    # z² / (n + z²) with z = 1.96
    low, high = wilson_ci95(0, 20)
    assert low == 0.0
    assert high == pytest.approx(1.96**2 / (20 + 1.96**2), abs=1e-4)


def test_wilson_interval_ends_solve_its_defining_equation():
    share, n = 5.0 / 6.0, 6
    for end in wilson_ci95(5, n):
        assert abs(share - end) == pytest.approx(1.959964 * np.sqrt(end * (1.0 - end) / n), abs=1e-6)


def test_wilson_interval_needs_trials():
    assert wilson_ci95(0, 0) is None


def test_a_nested_interval_has_the_width_of_what_is_drawn_on_each_level():
    rng = np.random.default_rng(5)
    values = rng.normal(0.0, 1.0, (12, 1, 1)) + rng.normal(0.0, 0.8, (12, 4, 1)) + rng.normal(0.0, 2.0, (12, 4, 6))
    trials = values.var(axis=2).mean(axis=1) / 6
    runs = values.mean(axis=2).var(axis=1)
    groups = values.mean(axis=(1, 2)).var()
    half = 1.96 * np.sqrt((groups + ((runs + trials) / 4).mean()) / 12)
    low, high = nested_bootstrap_ci95(values.tolist())
    assert (high - low) / 2 == pytest.approx(half, rel=0.07)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=0.1 * half)


def test_a_nested_interval_needs_two_runs():
    assert nested_bootstrap_ci95([[[1.0, 0.0, 1.0]]]) is None


@pytest.mark.parametrize("values", [[], [[]], [[[1.0], []]]])
def test_a_nested_interval_refuses_empty_groups(values):
    with pytest.raises(InvalidValue, match="groups need runs and runs need trials, got an empty one"):
        nested_bootstrap_ci95(values)
