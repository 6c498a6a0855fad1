import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.fusion import METHODS, FusionConfig, HopEstimates, Progress, fuse, fuse_episode
from policies.rewards.hops import hop

TRUTHS = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


def exact(truth):
    truth = np.concatenate([[0.0], truth])
    return hop(truth[:-1], truth[1:]), hop(0.0, truth[1:]), hop(1.0, truth[1:])


def values(found):
    return np.array([progress.value for progress in found])


@given(TRUTHS, st.sampled_from([m for m in METHODS if m != "consistency"]))
def test_exact_hops_give_exact_progress(truth, method):
    found = values(fuse_episode(*exact(truth), FusionConfig(method)))
    assert found == pytest.approx([0.0, *truth], abs=1e-9)


@given(
    st.lists(st.tuples(*[st.floats(-3.0, 3.0)] * 3), min_size=1, max_size=15),
    st.sampled_from(METHODS),
    st.lists(st.floats(0.0, 2.0), min_size=3, max_size=3),
)
def test_whatever_the_network_says_progress_stays_in_range(hops, method, deviation):
    found = fuse_episode(*np.array(hops).T, FusionConfig(method), np.tile(deviation, (len(hops), 1)))
    for progress in found:
        assert 0.0 <= progress.value <= 1.0 and 0.0 < progress.variance < np.inf and 0.0 <= progress.trust <= 1.0
        assert ((progress.sides >= 0.0) & (progress.sides <= 1.0)).all()


def test_the_mean_is_that_of_the_three_sides_after_the_fused_one_before():
    before = Progress(0.5, 0.01, np.zeros(3))
    found = fuse(before, HopEstimates(0.2, 0.7, -0.5), FusionConfig("mean"))
    # 0.5 + 0.2 · 0.5, 0.7, 1 - 0.5; their mean.
    assert found.sides == pytest.approx([0.6, 0.7, 0.5]) and found.value == pytest.approx(0.6)


def test_the_published_consistency_weighs_by_relative_disagreement():
    before = Progress(0.5, 0.01, np.zeros(3))
    found = fuse(before, HopEstimates(0.2, 0.7, -0.5), FusionConfig("consistency", alpha=20.0, epsilon=1e-9))
    # mean 0.6, D = 0.2 / 0.6, w = exp(-20 / 9); 0.5 + w / 2 (0.6 - 0.5 + 0.1).
    assert found.trust == pytest.approx(np.exp(-20.0 / 9.0))
    assert found.value == pytest.approx(0.5 + 0.1 * np.exp(-20.0 / 9.0))


def test_the_published_consistency_lags_and_the_others_do_not():
    # The goal is reached at once and the incremental side misses it: published, half the way is made up each step.
    jump = (np.zeros(5), np.ones(5), np.zeros(5))
    slow = values(fuse_episode(*jump, FusionConfig("consistency")))
    assert slow[1:] == pytest.approx([0.5, 0.75, 0.875, 0.9375, 0.96875])
    fast = values(fuse_episode(*jump, FusionConfig("inverse_variance")))
    assert (fast[1:4] > slow[1:4]).all() and fast[3] > 0.95


def noisy(rng, steps, deviation, bias=0.0):
    """An episode of a learned network: true hops with noise of a size of its own on each side."""
    truth = np.clip(np.linspace(0.0, 1.0, steps + 1) + 0.1 * np.sin(np.arange(steps + 1)), 0.0, 1.0)
    truth[0] = 0.0
    hops = exact(truth[1:])
    return truth, [h + bias + rng.normal(size=steps) * d for h, d in zip(hops, deviation, strict=True)]


def error(method, deviation, told=None, episodes=60, bias=0.0):
    rng, total = np.random.default_rng(7), []
    for _ in range(episodes):
        truth, hops = noisy(rng, 20, deviation, bias)
        known = None if told is None else np.tile(told, (20, 1))
        total.append(values(fuse_episode(*hops, FusionConfig(method), known)) - truth)
    return float(np.sqrt(np.mean(np.square(total))))


def test_fusion_is_better_than_every_single_side():
    same = (0.1, 0.1, 0.1)
    single = [error(method, same) for method in METHODS[:3]]
    assert error("mean", same) < 0.75 * min(single)
    assert error("inverse_variance", same, same) < 0.75 * min(single)


@pytest.mark.parametrize("deviation", [(0.05, 0.3, 0.3), (0.1, 0.05, 0.3), (0.3, 0.3, 0.05)])
def test_known_variances_beat_the_plain_mean_where_the_sides_differ(deviation):
    weighted = error("inverse_variance", deviation, deviation)
    assert weighted < 0.85 * error("mean", deviation)
    assert weighted < 1.1 * min(error(method, deviation) for method in METHODS[:3])


def test_the_anchors_hold_a_drift():
    drifting = error("incremental", (0.05, 0.1, 0.1), bias=0.03)
    assert error("inverse_variance", (0.05, 0.1, 0.1), (0.06, 0.1, 0.1), bias=0.03) < 0.7 * drifting


def test_the_variance_of_one_fusion_is_that_of_the_best_linear_estimate():
    before = Progress(0.4, 0.02, np.zeros(3))
    found = fuse(before, HopEstimates(0.5, 0.7, -0.3, np.array([0.2, 0.1, 0.3])), FusionConfig())
    # Incremental: 0.5² · 0.02 + (0.6² + 0.02) · 0.04 = 0.0202; all three say 0.7.
    assert found.value == pytest.approx(0.7)
    assert found.variance == pytest.approx(1.0 / (1 / 0.0202 + 1 / 0.01 + 1 / 0.09))
    back = fuse(before, HopEstimates(-0.5, 0.2, -0.8, np.array([0.2, 0.1, 0.3])), FusionConfig())
    # Regress: 0.5² · 0.02 + (0.4² + 0.02) · 0.04 = 0.0122.
    assert back.value == pytest.approx(0.2) and back.variance == pytest.approx(1.0 / (1 / 0.0122 + 1 / 0.01 + 1 / 0.09))


def test_sides_that_contradict_each_other_are_not_believed():
    config, before = FusionConfig(), Progress(0.5, 0.001, np.zeros(3))
    agree = fuse(before, HopEstimates(0.0, 0.5, -0.5, np.full(3, 0.05)), config)
    fight = fuse(before, HopEstimates(0.0, 0.9, -0.9, np.full(3, 0.05)), config)
    assert fight.variance > 20.0 * agree.variance


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FusionConfig("average"), "unknown fusion of progress 'average'; available: backward, consistency"),
        (lambda: FusionConfig(alpha=0.0), "FusionConfig.alpha must be finite and positive, got 0.0"),
        (lambda: fuse_episode([0.1], [np.nan], [0.0]), "hops must be finite"),
        (lambda: fuse_episode([0.1], [0.1, 0.2], [0.0]), r"same shape \(T,\), got \(1,\), \(2,\), \(1,\)"),
        (lambda: fuse_episode([0.1], [0.1], [0.0], None, [[0.1, 0.1]]), r"deviation must have shape \(1, 3\)"),
        (lambda: fuse_episode([0.1], [0.1], [0.0], None, [[0.1, -0.1, 0.1]]), "not negative"),
    ],
)
def test_what_cannot_be_fused_is_refused(call, message):
    with pytest.raises((InvalidValue, UnknownName), match=message):
        call()
