import math

import numpy as np
import pytest
from made_runs import row
from scipy import stats

from controllers.errors import InvalidValue
from evaluation.comparison import choose_ours, compare, compare_survival, comparison_cells, pairs_needed, survival_cells
from evaluation.statistics import holm, mcnemar_p, paired_bootstrap_ci95, relative_difference, wilcoxon_p


def test_holm_multiplies_the_smallest_by_the_number_of_tests_and_never_falls_back():
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 is 0.02, 0.03, 0.06, 0.04, and the last is raised to 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_does_not_count_tests_that_were_not_made():
    assert holm([None, 0.02, None, 0.5]) == [None, pytest.approx(0.04), None, 0.5]


def test_holm_never_exceeds_one():
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_wilcoxon_of_pairs_that_all_differ_one_way_is_two_in_two_to_the_n():
    ours = [1.0, 2.0, 3.5, 4.2, 5.9, 6.1]
    other = [2.0, 3.1, 4.7, 5.5, 7.3, 7.6]
    assert wilcoxon_p(ours, other) == pytest.approx(2.0 / 2**6)


def test_wilcoxon_agrees_with_a_count_over_all_signs():
    difference = np.array([0.3, -0.1, 0.7, 0.2, -0.5, 0.9, 1.1])
    ranks = stats.rankdata(np.abs(difference))
    observed = min(ranks[difference > 0].sum(), ranks[difference < 0].sum())
    sums = [sum(r for i, r in enumerate(ranks) if mask >> i & 1) for mask in range(2**7)]
    expected = min(1.0, 2.0 * np.mean([s <= observed for s in sums]))
    assert wilcoxon_p(difference, np.zeros(7)) == pytest.approx(expected)


def test_wilcoxon_of_equal_pairs_finds_nothing():
    assert wilcoxon_p([1.0, 2.0], [1.0, 2.0]) == 1.0
    assert wilcoxon_p([], []) is None


@pytest.mark.parametrize(
    ("only_ours", "only_other", "p"), [(0, 0, 1.0), (5, 0, 2 / 32), (3, 1, 10 / 16), (1, 3, 10 / 16)]
)
def test_mcnemar_is_a_fair_coin_over_the_pairs_that_differ(only_ours, only_other, p):
    assert mcnemar_p(only_ours, only_other) == pytest.approx(p)


def test_pairs_that_differ_by_one_factor_have_an_interval_of_no_width():
    other = [1.0, 5.0, 2.0, 8.0]
    low, high = paired_bootstrap_ci95([0.7 * value for value in other], other)
    assert (low, high) == (pytest.approx(-0.3), pytest.approx(-0.3))


def test_the_paired_interval_agrees_with_the_delta_method_on_a_large_sample():
    rng = np.random.default_rng(3)
    other = rng.normal(10.0, 2.0, 500)
    ours = 0.8 * other + rng.normal(0.0, 1.0, 500)
    ratio = ours.mean() / other.mean()
    half = 1.96 * np.std(ours - ratio * other) / other.mean() / math.sqrt(500)
    low, high = paired_bootstrap_ci95(ours, other)
    assert low == pytest.approx(ratio - 1.0 - half, abs=0.002)
    assert high == pytest.approx(ratio - 1.0 + half, abs=0.002)
    assert relative_difference(ours, other) == pytest.approx(ratio - 1.0)


def test_one_pair_has_no_interval_and_unequal_samples_are_refused():
    assert paired_bootstrap_ci95([1.0], [2.0]) is None
    with pytest.raises(InvalidValue, match="pairs need as many values of either kind, got 2 and 1"):
        paired_bootstrap_ci95([1.0, 2.0], [1.0])


def trials(ours, other, case="quiet"):
    """Rows of both methods, None for a fall."""
    rows = []
    for method, values in (("pronk", ours), ("bias", other)):
        for seed, value in enumerate(values):
            metrics = {"fell": 1.0} if value is None else {"fell": 0.0, "height_rmse_m": value}
            rows.append(row(seed, method, case, **metrics))
    return rows


def test_pairs_in_which_either_fell_are_left_out_and_counted():
    (found,) = compare(trials([0.002, None, 0.004, 0.003], [0.004, 0.001, None, 0.006]), "pronk", ["height_rmse_m"])
    assert (found.n, found.fallen) == (2, 2)
    assert found.ours_mean == pytest.approx(0.0025)
    assert found.other_mean == pytest.approx(0.005)
    assert found.relative == pytest.approx(-0.5)


def test_a_number_that_a_fallen_trial_still_has_is_not_averaged():
    rows = [row(0, "pronk", fell=1.0, height_rmse_m=9.0), row(0, "bias", fell=0.0, height_rmse_m=0.1)]
    (found,) = compare(rows, "pronk", ["height_rmse_m"])
    assert (found.n, found.fallen, found.p_value) == (0, 1, None)
    assert math.isnan(found.relative)


def test_trials_are_paired_by_seed_and_not_by_order():
    rows = [*trials([0.001, 0.002], [0.002, 0.004])]
    assert compare(rows[::-1], "pronk", ["height_rmse_m"])[0].ci95 == pytest.approx((-0.5, -0.5))


def test_the_correction_counts_all_cases_of_a_metric_but_no_bound():
    ours, other = [0.001, 0.002, 0.003, 0.004, 0.005], [0.003, 0.005, 0.007, 0.009, 0.011]
    rows = [*trials(ours, other, "a"), *trials(ours, other, "b")]
    rows += [row(s, "clairvoyant", "a", fell=0.0, height_rmse_m=0.5 * v) for s, v in enumerate(ours)]
    by_key = {(c.case, c.other): c for c in compare(rows, "pronk", ["height_rmse_m"])}
    assert by_key["a", "bias"].p_value == pytest.approx(1 / 16)
    assert by_key["a", "bias"].p_holm == pytest.approx(2 / 16)
    assert by_key["a", "clairvoyant"].p_holm is None


def test_survival_is_compared_over_pairs():
    rows = trials([0.1, 0.1, None, 0.1, 0.1], [None, 0.1, None, None, None])
    (found,) = compare_survival(rows, "pronk")
    assert (found.n, found.ours_survived, found.other_survived) == (5, 4, 1)
    assert (found.only_ours, found.only_other) == (3, 0)
    assert found.p_value == pytest.approx(0.25)
    assert survival_cells([found])[1] == [["quiet", "bias", "4/5", "1/5", "3", "0", "0.2500", "0.2500"]]


def test_a_comparison_is_written_with_sign_interval_and_counts():
    cells = comparison_cells(
        compare(trials([0.002, 0.004], [0.004, 0.008]), "pronk", ["height_rmse_m"]),
        {"height_rmse_m": ("height RMSE [mm]", 1e3, 1)},
    )[1]
    assert cells == [
        ["quiet", "bias", "height RMSE [mm]", "3.0", "6.0", "-50.0", "[-50.0, -50.0]", "0.5000", "0.5000", "2", "0"]
    ]


def test_fewest_pairs_just_pass_and_one_less_does_not():
    for tests in (1, 7, 121):
        n = pairs_needed(tests)
        assert 2.0 ** (1 - n) * tests < 0.05 <= 2.0 ** (2 - n) * tests


def test_ours_is_pronk_where_it_was_run():
    rows = [row(0, "random_features"), row(0, "none")]
    assert choose_ours(rows) == "random_features"
    assert choose_ours([*rows, row(0, "pronk")]) == "pronk"
    assert choose_ours([row(0, "none")]) is None
    assert choose_ours(rows, "none") == "none"
