import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from controllers.errors import InvalidValue
from policies.rewards.accuracy import calibration_error, rank_correlation, separation

NUMBERS = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=30)


@given(st.data())
def test_rank_correlation_is_that_of_scipy_ties_included(data):
    first = data.draw(NUMBERS)
    second = data.draw(st.lists(st.integers(-5, 5).map(float), min_size=len(first), max_size=len(first)))
    told = rank_correlation(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert told == 0.0
    else:
        assert told == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=30))
def test_separation_counts_pairs(members):
    score, positive = np.array([m[0] for m in members], dtype=float), np.array([m[1] for m in members])
    pairs = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    told = separation(score, positive)
    assert np.isnan(told) if not pairs else told == pytest.approx(np.mean(pairs))


def test_calibration_error_of_known_chances():
    # Bin 0.7 to 0.8: told 0.75, happened half the time; bin 0.1 to 0.2: told 0.15, never happened.
    chance, happened = [0.75] * 4 + [0.15] * 4, [1, 1, 0, 0, 0, 0, 0, 0]
    assert calibration_error(chance, happened) == pytest.approx(0.5 * 0.25 + 0.5 * 0.15)
    assert calibration_error([1.0, 0.0], [1, 0]) == 0.0 and np.isnan(calibration_error([], []))


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(InvalidValue, match=r"at least 2 numbers are needed, got \(1,\) and \(1,\)"):
        rank_correlation([1.0], [1.0])
    with pytest.raises(InvalidValue, match="must be finite"):
        rank_correlation([1.0, np.nan], [1.0, 2.0])
