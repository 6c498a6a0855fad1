import pytest
from made_runs import row

from evaluation.relative_claims import OrderClaim, RegretClaim, RelativeClaim, best_rival, runs_of

HEIGHT = "height_rmse_m"
BETTER = RelativeClaim("better", "quiet", "ours", HEIGHT)
ORDER = OrderClaim("order", "quiet", ("rff", "l1", "none"), HEIGHT)


def rows(method, *values):
    """One trial per value; None for a fall."""
    return [
        row(seed, method, fell=1.0) if value is None else row(seed, method, fell=0.0, height_rmse_m=value)
        for seed, value in enumerate(values)
    ]


def test_the_rival_with_the_lowest_mean_is_the_one_to_beat():
    trials = [*rows("ours", 1.0, 1.0), *rows("bias", 3.0, 5.0), *rows("kalman", 3.5, 3.5)]
    verdict = BETTER.judge(trials)
    # 1 / 3.5 - 1; either seed says the same, so that the interval has no width.
    assert (verdict.against, verdict.n, verdict.passed) == ("kalman", 2, True)
    assert verdict.measured == pytest.approx(1 / 3.5 - 1)
    assert verdict.ci95 == pytest.approx((verdict.measured, verdict.measured))


def test_a_rival_that_falls_is_not_the_best_while_another_does_not():
    runs = runs_of([*rows("ours", 1.0, 1.0), *rows("bold", 1.1, None), *rows("calm", 9.0, 9.0)], "quiet")
    assert best_rival(runs, "ours", HEIGHT) == "calm"
    assert best_rival(runs, "ours", HEIGHT, ("bold",)) == "bold"


def test_methods_that_are_told_the_truth_are_no_rivals():
    runs = runs_of([*rows("ours", 1.0), *rows("oracle", 0.1), *rows("clairvoyant", 0.1), *rows("bias", 2.0)], "quiet")
    assert best_rival(runs, "ours", HEIGHT) == "bias"


def test_only_seeds_of_ours_count_for_a_rival():
    runs = runs_of([*rows("ours", 1.0), *rows("bias", 2.0, 0.0), *rows("kalman", 1.9, 9.0)], "quiet")
    assert best_rival(runs, "ours", HEIGHT) == "kalman"


def test_less_than_thirty_percent_is_not_enough():
    assert BETTER.judge([*rows("ours", 0.71, 0.71), *rows("bias", 1.0, 1.0)]).passed is False
    assert BETTER.judge([*rows("ours", 0.69, 0.69), *rows("bias", 1.0, 1.0)]).passed is True


def test_an_interval_that_reaches_zero_is_not_enough():
    # The mean is 50 % lower, but a resample of the first pair alone says 4 times higher.
    verdict = BETTER.judge([*rows("ours", 4.0, 1.0), *rows("bias", 1.0, 9.0)])
    assert verdict.measured == pytest.approx(-0.5)
    assert verdict.ci95[1] > 0.0 and verdict.passed is False


def test_a_single_pair_leaves_a_decisive_claim_open_only_if_it_is_good():
    assert BETTER.judge([*rows("ours", 0.5), *rows("bias", 1.0)]).passed is None
    assert BETTER.judge([*rows("ours", 0.9), *rows("bias", 1.0)]).passed is False
    lenient = RelativeClaim("no worse", "quiet", "ours", HEIGHT, 0.05, ("none",), decisive=False)
    assert lenient.judge([*rows("ours", 1.04), *rows("none", 1.0)]).passed is True
    assert lenient.judge([*rows("ours", 1.06), *rows("none", 1.0)]).passed is False


def test_falling_more_often_than_the_rival_fails_whatever_the_error():
    verdict = BETTER.judge([*rows("ours", 0.1, 0.1, None), *rows("bias", 1.0, 1.0, 1.0)])
    assert verdict.passed is False
    assert verdict.detail == "fell 1 and 0 of 3"


def test_where_every_rival_falls_it_is_enough_to_survive():
    assert BETTER.judge([*rows("ours", 1.0, 1.0), *rows("bias", None, None)]).passed is True
    assert BETTER.judge([*rows("ours", None, 1.0), *rows("bias", None, None)]).passed is False


def test_without_rivals_or_without_ours_a_claim_stays_open():
    assert BETTER.judge(rows("ours", 1.0)).passed is None
    assert BETTER.judge(rows("bias", 1.0)).passed is None


def test_one_of_two_metrics_is_enough_and_is_named():
    claim = RelativeClaim("either", "quiet", "ours", "vx_rmse_mps", rivals=("bias",), alternative=HEIGHT)
    trials = [
        row(seed, method, fell=0.0, vx_rmse_mps=0.1, height_rmse_m=height)
        for method, height in (("ours", 0.5), ("bias", 1.0))
        for seed in range(3)
    ]
    verdict = claim.judge(trials)
    assert (verdict.passed, verdict.detail) == (True, HEIGHT)
    assert verdict.measured == pytest.approx(-0.5)


def test_the_target_tells_share_and_interval():
    assert BETTER.target == "≤ -30 %, interval < 0"
    assert RelativeClaim("no worse", "quiet", "ours", HEIGHT, 0.05, decisive=False).target == "≤ +5 %"


def test_an_order_is_reached_when_every_neighbour_is_better():
    trials = [*rows("rff", 0.001, 0.002), *rows("l1", 0.003, 0.002), *rows("none", 0.004, 0.005)]
    verdict = ORDER.judge(trials)
    assert (verdict.measured, verdict.n, verdict.passed) == (2.0, 2, True)
    assert verdict.detail == "rff 1.5 mm, l1 2.5 mm, none 4.5 mm"
    assert ORDER.target == "rff < l1 < none"


def test_a_method_that_falls_more_ranks_behind_whatever_its_error():
    trials = [*rows("rff", 0.009, 0.009), *rows("l1", 0.001, None), *rows("none", None, None)]
    verdict = ORDER.judge(trials)
    assert (verdict.measured, verdict.passed) == (2.0, True)
    assert "l1 1 mm, fell 1/2" in verdict.detail and "none –, fell 2/2" in verdict.detail


def test_neighbours_that_fell_equally_often_are_compared_on_what_both_completed():
    # On seed 0 alone l1 is worse; its low error on seed 2 has no counterpart.
    trials = [*rows("rff", 0.002, None, 0.009), *rows("l1", 0.003, 0.001, None), *rows("none", 0.5, 0.5, 0.5)]
    assert ORDER.judge(trials[:6]).passed is None
    assert OrderClaim("order", "quiet", ("rff", "l1"), HEIGHT).judge(trials).passed is True


def test_a_method_out_of_order_fails_the_claim():
    trials = [*rows("rff", 0.005), *rows("l1", 0.003), *rows("none", 0.004)]
    assert (ORDER.judge(trials).measured, ORDER.judge(trials).passed) == (1.0, False)


def regret(*pairs):
    """Trials of ours with regret per step over the first half and over the whole, and the comparator's."""
    names = ("regret_per_step_early", "regret_per_step_late")
    ours = [row(seed, "ours", fell=0.0, **dict(zip(names, pair, strict=True))) for seed, pair in enumerate(pairs)]
    return [*ours, *(row(seed, "clairvoyant", fell=0.0) for seed in range(len(pairs)))]


def test_regret_falls_when_it_is_less_over_the_whole_run_than_over_its_first_half():
    claim = RegretClaim("regret", "quiet", "ours")
    verdict = claim.judge(regret((2.0, 1.5), (1.0, 0.7)))
    assert verdict.measured == pytest.approx(-0.4)
    assert verdict.passed is True
    assert verdict.detail == "1.5 in the first half, 1.1 in all"
    assert claim.judge(regret((2.0, 2.5), (1.0, 2.0))).passed is False


def test_regret_leaves_out_seeds_without_one_and_needs_the_comparator():
    claim = RegretClaim("regret", "quiet", "ours")
    trials = [*regret((2.0, 1.0)), row(1, "ours", fell=1.0, regret_per_step_early=1.0, regret_per_step_late=9.0)]
    verdict = claim.judge([*trials, row(2, "ours", fell=0.0)])
    assert (verdict.n, verdict.passed, verdict.measured) == (1, None, -1.0)
    assert claim.judge(trials[:1]).passed is None
    assert claim.judge([row(2, "ours", fell=0.0), row(2, "clairvoyant", fell=0.0)]).passed is False
