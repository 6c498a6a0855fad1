import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from policies.rewards.hops import apply_hop, hop
from policies.rewards.pairs import PairConfig, cells, level, sample_pairs
from policies.rewards.step_labels import label_steps

UNIT = st.floats(0.0, 1.0)


def test_hops_are_shares_of_what_remains_or_of_what_was_done():
    # (0.7 - 0.4) / 0.6 and (0.1 - 0.4) / 0.4.
    assert hop([0.4, 0.4, 0.4], [0.7, 0.1, 0.4]) == pytest.approx([0.5, -0.75, 0.0])
    assert hop([0.0, 0.3, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0, 0.0]).tolist() == [1.0, 1.0, -1.0, 0.0, 0.0]


@given(UNIT, UNIT)
def test_a_hop_leads_where_it_was_measured(p, q):
    size = hop(p, q)
    assert -1.0 <= size <= 1.0
    assert apply_hop(p, size) == pytest.approx(q, abs=1e-12)


@given(UNIT, st.lists(st.floats(-5.0, 5.0), max_size=30))
def test_no_chain_of_hops_leaves_the_range(p, sizes):
    for size in sizes:
        p = float(apply_hop(p, size))
        assert 0.0 <= p <= 1.0


@given(UNIT, UNIT, UNIT)
def test_a_larger_hop_never_leads_less_far(p, a, b):
    low, high = sorted((2.0 * a - 1.0, 2.0 * b - 1.0))
    assert apply_hop(p, low) <= apply_hop(p, high) + 1e-15


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hop(1.2, 0.5), r"progress before must lie in \[0, 1\], got 1.2"),
        (lambda: hop(0.5, np.nan), r"progress after must lie in \[0, 1\], got nan"),
        (lambda: apply_hop(-0.1, 0.5), r"progress before must lie in \[0, 1\], got -0.1"),
        (lambda: apply_hop(0.1, np.nan), "a hop must be finite, got nan"),
    ],
)
def test_what_is_no_progress_or_hop_is_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()


LABELS = label_steps([0, 40, 55, 139], chunk=4)


def table(pairs, labels, config):
    """How many pairs lie in each cell, counted anew from frames."""
    number = {int(frame): i for i, frame in enumerate(labels.frame)}
    counts = np.zeros((config.score_bins, config.gap_bins), int)
    for before, after, size in zip(pairs.before, pairs.after, pairs.hop, strict=True):
        gap = abs(number[int(after)] - number[int(before)])
        score = min(int((size + 1.0) / 2.0 * config.score_bins), config.score_bins - 1)
        counts[score, min((gap - 1) * config.gap_bins // (len(labels.frame) - 1), config.gap_bins - 1)] += 1
    return counts


@pytest.mark.parametrize("count", [50, 300])
def test_pairs_are_as_level_as_the_contents_of_the_cells_allow(count):
    config = PairConfig(zero_share=0.0)
    pairs = sample_pairs(LABELS, count, np.random.default_rng(0), config)
    drawn = table(pairs, LABELS, config).ravel()
    contents = np.bincount(cells(LABELS, config)[3], minlength=len(drawn))
    assert drawn.sum() == count
    # Whoever has less than the fullest has nothing left to give.
    poor = drawn < drawn.max() - 1
    assert np.array_equal(drawn[poor], contents[poor])


def test_every_kind_of_pair_comes_once_before_any_comes_twice():
    config = PairConfig(zero_share=0.0)
    kinds = len(set(cells(LABELS, config)[3].tolist()))
    drawn = table(sample_pairs(LABELS, kinds, np.random.default_rng(1), config), LABELS, config)
    assert set(drawn.ravel().tolist()) == {0, 1} and kinds > 50


def test_balance_brings_moments_that_are_far_apart():
    config = PairConfig(zero_share=0.0)
    far = table(sample_pairs(LABELS, 200, np.random.default_rng(1), config), LABELS, config).sum(axis=0)[-1]
    # Of all pairs, 1 in 16 spans more than three quarters of the episode.
    assert far / 200 > 1.5 / 16


def test_all_pairs_come_once_where_more_are_wanted():
    points = len(LABELS.frame)
    pairs = sample_pairs(LABELS, 10**6, np.random.default_rng(0), PairConfig(zero_share=0.0))
    assert len(pairs.hop) == points * (points - 1)
    assert len(set(zip(pairs.before.tolist(), pairs.after.tolist(), strict=True))) == len(pairs.hop)


def test_labels_are_the_hops_between_the_progress_of_their_frames():
    pairs = sample_pairs(LABELS, 400, np.random.default_rng(2))
    progress = dict(zip(LABELS.frame.tolist(), LABELS.progress, strict=True))
    for before, after, size, anchor in zip(pairs.before, pairs.after, pairs.hop, pairs.anchor, strict=True):
        if not anchor:
            p, q = progress[int(before)], progress[int(after)]
            assert size == pytest.approx((q - p) / (1.0 - p) if q > p else (q - p) / p)


def test_anchors_are_as_many_as_wanted_nearby_and_zero():
    pairs = sample_pairs(LABELS, 400, np.random.default_rng(3), PairConfig(zero_share=0.25, zero_window=0.5))
    assert pairs.anchor.sum() == 100 and not pairs.hop[pairs.anchor].any()
    width = dict(zip(LABELS.frame.tolist(), LABELS.local_frames.tolist(), strict=True))
    apart = np.abs(pairs.after - pairs.before)[pairs.anchor]
    assert all(d <= 0.5 * width[int(b)] for d, b in zip(apart, pairs.before[pairs.anchor], strict=True))
    assert apart.max() > 0 and pairs.after.min() >= 0 and pairs.after.max() <= 139


def test_pairs_depend_on_the_generator_alone():
    draw = lambda seed: sample_pairs(LABELS, 100, np.random.default_rng(seed)).before.tolist()  # noqa: E731
    assert draw(5) == draw(5) != draw(6)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.integers(0, 150))
def test_levelling_takes_what_it_should(available, total):
    available = np.array(available)
    taken = level(available, total)
    assert (taken >= 0).all() and (taken <= available).all() and taken.sum() == min(total, available.sum())
    unfinished = taken < available
    if unfinished.any():
        assert taken.max() - taken[unfinished].min() <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PairConfig(score_bins=0), "PairConfig.score_bins must be at least 1, got 0"),
        (lambda: PairConfig(zero_share=1.5), r"PairConfig.zero_share must lie in \[0, 1\], got 1.5"),
        (lambda: sample_pairs(LABELS, 0, np.random.default_rng(0)), "count must be at least 1, got 0"),
    ],
)
def test_wrong_settings_of_pairs_are_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()
