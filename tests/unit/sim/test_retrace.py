import numpy as np
import pytest
from gymnasium import spaces

from controllers.errors import InvalidValue
from sim.episodes import Episode, EpisodeInfo
from sim.image_world import POSE
from sim.retrace import Retrace

LIMIT, SIZE = 0.1, 2.0


class Floor:
    """A point that goes where it is told, and a command beside it."""

    workspace = np.array([[0.0, 0.0], [SIZE, SIZE]])
    action_space = spaces.Box(np.array([-LIMIT, -LIMIT, -1.0]), np.array([LIMIT, LIMIT, 1.0]), dtype=np.float64)


def example(way, commands):
    steps = len(way) - 1
    info = EpisodeInfo("floor", "corner", "go", 0, "play", 0.1, ("x_m", "y_m"), steps, True, True, False)
    action = np.column_stack([np.diff(way, axis=0), commands]).astype(np.float32)
    flags = np.zeros(len(way), bool)
    return Episode(info, {}, np.asarray(way, np.float32), np.zeros((len(way), 1)), flags, action, np.zeros(steps))


def run(behaviour, start, steps, seed=0):
    """Places and commands of an episode."""
    behaviour.begin(Floor(), np.random.default_rng(seed))
    places, commands = [np.array(start, dtype=float)], []
    for _ in range(steps):
        action = behaviour.act({POSE: np.append(places[-1], 0.0).astype(np.float32)})
        assert Floor.action_space.contains(np.clip(action, Floor.action_space.low, Floor.action_space.high))
        assert (np.abs(action[:2]) <= LIMIT + 1e-9).all()
        places.append(places[-1] + action[:2])
        commands.append(action[2])
    return np.array(places), commands


LONG = np.column_stack([np.linspace(0.0, 1.0, 21), np.full(21, 0.5)])
COMMANDS = np.where(np.arange(20) < 15, -1.0, 1.0)


def test_the_end_of_the_way_is_followed_from_elsewhere_with_its_commands():
    # The last 10 actions lead from x = 0.5 to 1, 5 cm a step.
    places, commands = run(Retrace(example(LONG, COMMANDS), steps=10, spread_m=0.0), (0.5, 1.0), 15)
    # Five steps of 10 cm, and one more that tells that it is there.
    assert places[5] == pytest.approx((0.5, 0.5), abs=1e-6)
    assert places[5:15] == pytest.approx(np.column_stack([np.linspace(0.55, 1.0, 10), np.full(10, 0.5)]), abs=0.06)
    assert places[15] == pytest.approx((1.0, 0.5), abs=1e-6)
    assert commands == [-1.0] * 10 + [1.0] * 5


def test_it_is_tried_again_and_every_try_is_shifted_by_chance():
    behaviour = Retrace(example(LONG, COMMANDS), steps=10, spread_m=0.05)
    ends = []
    behaviour.begin(Floor(), np.random.default_rng(3))
    place, before = np.array([0.5, 0.5]), behaviour._way
    for _ in range(4000):
        place = place + behaviour.act({POSE: place.astype(np.float32)})[:2]
        if behaviour._way is not before:
            ends.append(before.places[-1])
            before = behaviour._way
    shifts = np.array(ends) - (1.0, 0.5)
    assert len(shifts) > 100 and np.abs(shifts.mean(axis=0)).max() < 0.02
    assert shifts.std(axis=0) == pytest.approx((0.05, 0.05), rel=0.25)


def test_a_beginning_that_cannot_be_reached_is_given_up():
    behaviour = Retrace(example(LONG, COMMANDS), steps=10, spread_m=0.0)
    behaviour.begin(Floor(), np.random.default_rng(0))
    stuck = {POSE: np.array([1.5, 1.5], np.float32)}
    commands = [behaviour.act(stuck)[2] for _ in range(60)]
    # 40 steps on the way to the beginning, then the way itself, whose second half closes.
    assert commands.index(1.0) == 40 + 5


def test_a_shorter_way_is_followed_whole_and_stays_in_the_workspace():
    way = np.column_stack([np.linspace(0.0, 0.1, 3), np.zeros(3)])
    places, _ = run(Retrace(example(way, [-1.0, -1.0]), steps=40, spread_m=0.5), (1.0, 1.0), 200, seed=1)
    assert (places >= -1e-6).all() and (places <= SIZE + 1e-6).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps of at least 1 and a spread of at least 0, got 0, 0.05"),
        ({"spread_m": -0.1}, "got 40, -0.1"),
        ({"spread_m": float("nan")}, "got 40, nan"),
    ],
)
def test_settings_that_lead_nowhere_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        Retrace(example(LONG, COMMANDS), **settings)


def test_an_episode_without_actions_is_refused():
    with pytest.raises(InvalidValue, match="an episode of 'corner' without any action cannot be followed"):
        Retrace(example(LONG[:1], np.zeros(0)))
