import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from policies.rewards.finite_problem import FiniteProblem
from policies.rewards.ledge import ledge
from policies.rewards.shaped_episodes import ShapedEpisode, relabel, transitions
from policies.rewards.shaping import ShapingConfig, continuation, shaping

EPISODES = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(-2.0, 2.0), min_size=n + 1, max_size=n + 1),
        st.lists(st.integers(1, 5), min_size=n, max_size=n),
    )
)


def discounted(numbers, durations, discount):
    begin = np.concatenate([[0], np.cumsum(durations)[:-1]])
    return float(np.sum(discount**begin * numbers))


@given(EPISODES, st.floats(0.5, 1.0), st.floats(0.1, 3.0), st.floats(-1.0, 1.0))
def test_all_that_an_episode_is_paid_is_settled_before_its_first_action(drawn, discount, scale, offset):
    value, duration = np.array(drawn[0]), np.array(drawn[1])
    config = ShapingConfig(discount, scale, offset)
    episode = ShapedEpisode(np.zeros(len(duration)), value, duration, terminated=True)
    first = scale * (min(max(value[0], 0.0), 1.0) + offset)
    assert discounted(episode.shaping(config), duration, discount) == pytest.approx(-first, abs=1e-9)


@given(EPISODES, st.floats(0.5, 1.0))
def test_a_cut_episode_keeps_the_potential_of_its_last_state(drawn, discount):
    value, duration = np.clip(drawn[0], 0.0, 1.0), np.array(drawn[1])
    episode = ShapedEpisode(np.zeros(len(duration)), value, duration, terminated=False, truncated=True)
    total = discounted(episode.shaping(ShapingConfig(discount)), duration, discount)
    assert total == pytest.approx(discount ** duration.sum() * value[-1] - value[0], abs=1e-9)
    ended = discounted(episode.shaping(ShapingConfig(discount, time_limit="end")), duration, discount)
    assert ended == pytest.approx(-value[0], abs=1e-9)


def test_one_decision_is_paid_as_the_formula_says():
    config = ShapingConfig(0.9)
    # 0.81 · 0.7 - 0.2, and -0.2 alone at the end.
    assert shaping(config, 0.2, 0.7, 2) == pytest.approx(0.367)
    assert shaping(config, 0.2, 0.7, 2, terminated=True) == pytest.approx(-0.2)
    assert shaping(config, 0.2, 0.7, 2, truncated=True) == pytest.approx(0.367)
    # An end of the task counts more than a limit in the same step.
    assert shaping(config, 0.2, 0.7, 2, terminated=True, truncated=True) == pytest.approx(-0.2)


def test_behind_an_end_the_model_is_not_asked():
    assert shaping(ShapingConfig(0.9), [0.2, 0.3], [np.nan, 0.5], 1, [True, False]) == pytest.approx([-0.2, 0.15])
    with pytest.raises(InvalidValue, match="progress must be finite"):
        shaping(ShapingConfig(0.9), 0.2, np.nan)
    with pytest.raises(InvalidValue, match="progress must be finite"):
        shaping(ShapingConfig(0.9), np.nan, 0.2, terminated=True)


def test_the_learner_bootstraps_from_limits_and_not_from_ends():
    config = ShapingConfig(0.5)
    duration, terminated, truncated = [1, 2, 3], [False, True, False], [False, False, True]
    assert continuation(config, duration, terminated, truncated).tolist() == [0.5, 0.0, 0.125]
    ends = ShapingConfig(0.5, time_limit="end")
    assert continuation(ends, duration, terminated, truncated).tolist() == [0.5, 0.0, 0.0]


@given(EPISODES, st.integers(1, 6), st.booleans())
def test_looking_ahead_telescopes(drawn, lookahead, terminated):
    value, duration = np.clip(drawn[0], 0.0, 1.0), np.array(drawn[1])
    n, config = len(duration), ShapingConfig(0.9)
    found = transitions([ShapedEpisode(np.zeros(n), value, duration, terminated)], config, lookahead)
    for i in range(n):
        j = min(i + lookahead, n)
        factor = 0.9 ** duration[i:j].sum() * (not (terminated and j == n))
        assert found.continuation[i] == pytest.approx(factor) and found.after[i] == j
        assert found.reward[i] == pytest.approx(factor * value[j] - value[i], abs=1e-9)


def two_episodes():
    first = ShapedEpisode(np.array([0.0, 1.0]), np.array([0.1, 0.5, 0.9]), np.array([1, 1]), terminated=True)
    second = ShapedEpisode(np.array([0.0]), np.array([0.2, 0.4]), np.array([1]), terminated=False, truncated=True)
    return [first, second]


def test_transitions_name_their_states_through_all_episodes():
    found = transitions(two_episodes(), ShapingConfig(0.5))
    assert found.before.tolist() == [0, 1, 3] and found.after.tolist() == [1, 2, 4]
    # 0.5 · 0.5 - 0.1, 1 - 0.5, 0.5 · 0.4 - 0.2.
    assert found.reward == pytest.approx([0.15, 0.5, 0.0]) and found.continuation.tolist() == [0.5, 0.0, 0.5]


def test_looking_ahead_adds_the_rewards_of_the_task():
    episode = ShapedEpisode(np.array([1.0, 2.0, 4.0]), np.zeros(4), np.array([1, 2, 1]), terminated=False)
    # 1 + 0.5 · 2, 2 + 0.25 · 4, 4.
    assert transitions([episode], ShapingConfig(0.5), 2).reward == pytest.approx([2.0, 3.0, 4.0])


def test_relabelling_changes_both_sides_and_nothing_else():
    newer = [np.array([0.0, 0.2, 0.3]), np.array([0.6, 0.8])]
    found = relabel(two_episodes(), lambda i: newer[i], version=3)
    before, after = (transitions(episodes, ShapingConfig(0.5)) for episodes in (two_episodes(), found))
    assert after.reward == pytest.approx([0.1, 1.0 - 0.2, 0.5 * 0.8 - 0.6]) and after.version == 3
    for name in ("before", "after", "continuation"):
        assert np.array_equal(getattr(before, name), getattr(after, name))


def test_values_of_different_models_are_not_mixed():
    old, new = two_episodes()[:1], relabel(two_episodes()[1:], lambda _: [0.0, 0.0], version=1)
    with pytest.raises(InvalidValue, match="must hold values of one model, got 2 versions: 0, 1; relabel them first"):
        transitions([*old, *new], ShapingConfig(0.9))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0.1, 0.2, 0.3, 0.4], r"value of shape \(3,\).*got shape \(4,\)"),
        ([0.1, np.nan, 0.3], "value .* must be finite"),
    ],
)
def test_a_failed_relabelling_leaves_the_episodes_as_they_were(answer, message):
    episodes = two_episodes()
    with pytest.raises(InvalidValue, match=message):
        relabel(episodes, lambda _: answer, version=1)
    assert [episode.version for episode in episodes] == [0, 0] and episodes[0].value.tolist() == [0.1, 0.5, 0.9]
    with pytest.raises(InvalidValue, match="version must be greater than that of the stored values, 0, got 0"):
        relabel(episodes, lambda _: answer, version=0)


def test_stored_values_cannot_be_changed_from_outside():
    mine = np.array([0.1, 0.5, 0.9])
    episode = ShapedEpisode(np.zeros(2), mine, np.array([1, 1]), terminated=True)
    mine[0] = 9.0
    assert episode.value[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        episode.value[0] = 0.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"discount": 0.0}, r"ShapingConfig.discount must lie in \(0, 1\], got 0.0"),
        ({"discount": np.nan}, r"ShapingConfig.discount must lie in \(0, 1\], got nan"),
        ({"discount": 0.9, "scale": -1.0}, "ShapingConfig.scale must be finite and not negative, got -1.0"),
        ({"discount": 0.9, "offset": np.inf}, "ShapingConfig.offset must be finite, got inf"),
        ({"discount": 0.9, "lowest": 2.0}, "lowest must be below highest"),
        ({"discount": 0.9, "time_limit": "stop"}, "time_limit must be one of bootstrap, end, got 'stop'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        ShapingConfig(**settings)


@pytest.mark.parametrize("duration", [0, 1.5, np.nan])
def test_durations_are_whole_numbers_of_steps(duration):
    with pytest.raises(InvalidValue, match="a duration must be a whole number of steps, at least 1"):
        shaping(ShapingConfig(0.9), 0.1, 0.2, duration)


def test_an_empty_buffer_and_a_lookahead_of_zero_are_refused():
    with pytest.raises(InvalidValue, match="got 0 versions; relabel"):
        transitions([], ShapingConfig(0.9))
    with pytest.raises(InvalidValue, match="lookahead must be at least 1, got 0"):
        transitions(two_episodes(), ShapingConfig(0.9), 0)


def test_policy_iteration_finds_what_value_iteration_finds():
    rng = np.random.default_rng(0)
    chance = rng.dirichlet(np.ones(6), (4, 6, 3))
    problem = FiniteProblem(chance, rng.normal(size=chance.shape), np.full(chance.shape, 0.9))
    value = np.zeros((4, 6))
    for _ in range(400):
        value = problem.action_values(value).max(axis=2)
    assert np.abs(problem.solve().max(axis=2) - value).max() < 1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: (p.chance * 0.9, p.reward, p.continuation), "chances must not be negative and sum to 1"),
        (lambda p: (p.chance, p.reward * np.nan, p.continuation), "rewards must be finite"),
        (lambda p: (p.chance, p.reward, p.continuation + 1.0), r"continuations must lie in \[0, 1\]"),
        (lambda p: (p.chance, p.reward[0], p.continuation), r"same shape \(N, S, A, S\)"),
    ],
)
def test_what_is_no_finite_problem_is_refused(change, message):
    with pytest.raises(InvalidValue, match=message):
        FiniteProblem(*change(ledge(0.5, 0.9)))


def test_a_problem_without_end_and_discount_has_no_value():
    with pytest.raises(InvalidValue, match="goes on for ever without discount"):
        ledge(0.5, 1.0).solve()
    with pytest.raises(InvalidValue, match=r"chance must lie in \(0, 1\], got 0.0"):
        ledge(0.0, 0.9)
