import numpy as np
import pytest
from small_problems import STATES, corridor_rollout

from controllers.errors import InvalidValue
from policies.rewards.ledge import GO, LEDGE, PROGRESS, STAY, ledge
from policies.rewards.shaping import ShapingConfig
from policies.rl.decisions import Recorder
from policies.rl.finite_decisions import FiniteDecisions
from policies.rl.replay import Replay
from policies.rl.reward_forms import ABSOLUTE, NAIVE, SHAPED, SPARSE
from policies.rl.soft_actor_critic import Learner, LearnerConfig, Scaling

CONFIG = ShapingConfig(0.9)
QUIET = LearnerConfig(
    hidden=32, critics=2, rate=3e-3, batch=64, follow=0.05, temperature=1e-3, target_entropy=None, cloning=0.0
)
EVERYWHERE = Scaling(np.eye(STATES))


def corridor(form):
    """All transitions of the corridor, many times, by walks of chance."""
    rng, replay = np.random.default_rng(0), Replay([], CONFIG, form)
    for _ in range(60):
        path, choices = [int(rng.integers(STATES - 1))], []
        while path[-1] < STATES - 1 and len(choices) < 15:
            choices.append(float(rng.uniform(-1.0, 1.0)))
            path.append(min(max(path[-1] + (1 if choices[-1] > 0.0 else -1), 0), STATES - 1))
        replay.add(corridor_rollout(path, choices))
    return replay


@pytest.mark.parametrize("form", [SPARSE, SHAPED])
def test_it_finds_the_values_of_a_corridor_that_can_be_told_by_hand(form):
    learner = Learner(STATES, 1, EVERYWHERE, QUIET, 0)
    learner.learn(corridor(form), np.random.default_rng(1), 400)
    places = np.eye(STATES)[:-1]
    right = learner.values(places, np.full((STATES - 1, 1), 0.8)).mean(axis=0)
    # γ^(steps to the goal - 1); shaping takes the potential of the place away, place / 4.
    expected = 0.9 ** np.arange(3, -1, -1) - (np.arange(4) / 4.0 if form == SHAPED else 0.0)
    assert right == pytest.approx(expected, abs=0.06)
    assert (learner.act(places) > 0.0).all()


def gone(form, chance=0.1, discount=0.9):
    """What a learner thinks of going and staying after it saw the ledge often."""
    problem = ledge(chance, discount)
    place = FiniteDecisions(problem, PROGRESS, LEDGE, discount, 8)
    rng, replay = np.random.default_rng(0), Replay([], ShapingConfig(discount), form)
    for seed in range(100):
        recorder, over = Recorder(place.reset(seed)), False
        while not over:
            action = rng.uniform(-1.0, 1.0, 1)
            outcome = place.step(action)
            recorder.add(action, outcome)
            over = outcome.terminated or outcome.truncated
        replay.add(recorder.finish())
    learner = Learner(5, 1, Scaling(np.eye(5)), QUIET, 0)
    learner.learn(replay, rng, 200)
    return learner.act(np.eye(5)[[LEDGE]])[0, 0], problem


def test_it_leaves_the_ledge_with_shaping_and_stays_with_the_naive_difference_and_with_absolute_progress():
    going, problem = gone(SHAPED)
    value = problem.solve()[0, LEDGE]
    assert value[GO] > value[STAY]
    assert going > 0.0
    assert gone(NAIVE)[0] < 0.0
    assert gone(ABSOLUTE)[0] < 0.0


def test_targets_are_reward_plus_continuation_times_the_least_of_the_chosen_critics():
    learner = Learner(STATES, 1, EVERYWHERE, QUIET, 0, np.float64)
    replay = corridor(SHAPED)
    batch = replay.sample(np.random.default_rng(2), 16)
    noise = np.zeros((16, 1))
    # Without noise the next action is the middle of the policy; targets begin as copies of the critics.
    ahead = learner.values(batch.following, learner.act(batch.following))
    for chosen in ([0, 1], [1]):
        told = learner.targets_of(batch, noise, np.array(chosen))
        expected = batch.reward + batch.continuation * ahead[chosen].min(axis=0)
        assert told == pytest.approx(expected, abs=1e-6)


def test_cloning_imitates_the_demonstration():
    replay = Replay([corridor_rollout([0, 1, 2, 3, 4], [0.6] * 4)], CONFIG)
    learner = Learner(STATES, 1, EVERYWHERE, LearnerConfig(hidden=32, rate=3e-3), 0)
    learner.clone(replay, np.random.default_rng(0))
    assert learner.act(np.eye(STATES)[:-1]) == pytest.approx(0.6, abs=0.05)


def test_a_state_that_was_written_down_goes_on_as_if_nothing_had_happened():
    replay, first, second = corridor(SPARSE), *(Learner(STATES, 1, EVERYWHERE, LearnerConfig(), s) for s in (0, 1))
    first.learn(replay, np.random.default_rng(0), 3)
    second.restore({name: array.copy() for name, array in first.state().items()})
    for learner in (first, second):
        learner.learn(replay, np.random.default_rng(1), 3)
    places = np.eye(STATES)
    assert np.array_equal(first.act(places), second.act(places))
    assert np.array_equal(first.values(places, places[:, :1]), second.values(places, places[:, :1]))


def test_a_state_of_another_learner_is_refused():
    learner, other = (Learner(STATES, n, EVERYWHERE, LearnerConfig(), 0) for n in (1, 2))
    with pytest.raises(InvalidValue, match="the state is of another learner: 'policy' has shape"):
        learner.restore(other.state())
    with pytest.raises(InvalidValue, match="'critics' is missing"):
        learner.restore({name: array for name, array in learner.state().items() if name != "critics"})


@pytest.mark.parametrize(("name", "value"), [("critics", 1), ("updates", 0), ("rate", 0.0), ("cloning", np.nan)])
def test_settings_that_cannot_learn_are_refused(name, value):
    with pytest.raises(InvalidValue, match=f"LearnerConfig.{name}"):
        LearnerConfig(**{name: value})
