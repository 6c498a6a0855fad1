import numpy as np
import pytest
from gymnasium import spaces
from scipy import stats

from controllers.errors import InvalidValue
from sim.episodes import Episode, EpisodeInfo, record
from sim.image_world import POSE, WorldConfig
from sim.tinker import Tinker, moved

LIMIT, SIZE = 0.1, 2.0


class Floor:
    """A point that goes where it is told, and a command beside it."""

    workspace = np.array([[0.0, 0.0], [SIZE, SIZE]])
    action_space = spaces.Box(np.array([-LIMIT, -LIMIT, -1.0]), np.array([LIMIT, LIMIT, 1.0]), dtype=np.float64)


def example(way, state, world="manipulation", command=-1.0):
    steps = len(way) - 1
    info = EpisodeInfo(world, "slide", "go", 0, "rummage", 0.1, ("x_m", "y_m"), steps, False, False, True)
    action = np.column_stack([np.diff(way, axis=0), np.full(steps, command)]).astype(np.float32)
    flags = np.zeros(len(way), bool)
    return Episode(info, {}, np.asarray(way, np.float32), np.asarray(state), flags, action, np.zeros(steps))


def things(first, second):
    """States of MetaWorld's layout: two things, and anything in between."""
    state = np.random.default_rng(0).normal(size=(len(first), 39))
    state[:, 4:7], state[:, 11:14] = first, second
    return state


WAY = np.column_stack([np.linspace(0.0, 1.0, 21), np.full(21, 0.5)])
# The thing is taken along from x = 0.25 to 0.75, and then slides back half of the way.
PUSHED = np.column_stack([np.interp(WAY[:, 0], [0.25, 0.75, 1.0], [0.0, 0.5, 0.25]), np.zeros((21, 2))])
STILL = np.zeros((21, 3))
PUSH = example(WAY, things(PUSHED, STILL))


def run(behaviour, start, steps, seed=0):
    """Places and commands of an episode."""
    behaviour.begin(Floor(), np.random.default_rng(seed))
    places, commands = [np.array(start, dtype=float)], []
    for _ in range(steps):
        action = behaviour.act({POSE: np.append(places[-1], 0.0).astype(np.float32)})
        assert (np.abs(action[:2]) <= LIMIT + 1e-6).all()
        places.append(np.clip(places[-1] + action[:2], 0.0, SIZE))
        commands.append(action[2])
    return np.array(places), commands


def test_how_far_things_moved_is_that_of_the_one_that_is_farthest_from_where_it_stood():
    first, second = np.tile((1.0, 2.0, 3.0), (5, 1)), np.zeros((5, 3))
    first[2] += (0.03, 0.04, 0.0)
    second[3] += (0.0, 0.0, -0.2)
    first[4] += (0.0, 0.3, 0.4)
    second[4] += (0.1, 0.0, 0.0)
    assert moved(example(WAY[:5], things(first, second))) == pytest.approx([0.0, 0.0, 0.05, 0.2, 0.5])


@pytest.mark.parametrize("task", ["door-open", "window-close", "plate-slide", "sweep-into"])
def test_an_expert_moves_things_and_a_hand_that_rests_does_not(task):
    pytest.importorskip("metaworld", reason="metaworld is not installed")
    from sim.manipulation import ManipulationWorld

    world = ManipulationWorld(task, WorldConfig(cameras=()))
    shown = record(world, "expert", lambda seen: world.expert(), 3, lambda: None)
    assert shown.info.successful and moved(shown).max() > 0.1
    rested = record(world, "rest", lambda seen: np.zeros(4), 3, lambda: None)
    assert moved(rested).max() < 0.005


def test_a_world_whose_things_stand_still_is_refused():
    with pytest.raises(InvalidValue, match="only in the world 'manipulation' are things moved, got 'arena'"):
        moved(example(WAY, things(STILL, STILL), world="arena"))


def test_the_way_is_followed_to_where_the_thing_was_farthest_and_no_farther():
    places, commands = run(Tinker([PUSH], steps=10, spread_m=0.0, push_m=0.0), (0.25, 0.5), 40)
    # Ten actions of 5 cm lead from 0.25 to 0.75, where the thing was farthest away.
    assert places[1:12, 0].max() == pytest.approx(0.75, abs=1e-6)
    assert places[:, 0].max() == pytest.approx(0.75, abs=1e-6) and places[:, 1] == pytest.approx(0.5, abs=1e-6)
    assert commands[:10] == [-1.0] * 10


def test_strokes_go_on_from_where_the_way_ends():
    behaviour, ends, pushes = Tinker([PUSH], steps=10, spread_m=0.0, push_m=0.1), [], []
    behaviour.begin(Floor(), np.random.default_rng(5))
    place, target = np.array([0.25, 0.5]), None
    for _ in range(20000):
        strokes = behaviour._strokes
        action = behaviour.act({POSE: place.astype(np.float32)})
        if behaviour._strokes >= 0 and strokes < 0:
            ends.append(place)
        if behaviour._strokes >= 0 and (target is None or (behaviour._target != target).any()):
            target = behaviour._target
            pushes.append(target - place)
        place = place + action[:2]
    # None, one or two follow a way with the same chance: as many first ones as ways that have any, half as many second.
    assert len(pushes) / len(ends) == pytest.approx(1.5, abs=0.1)
    assert np.array(ends) == pytest.approx(np.tile((0.75, 0.5), (len(ends), 1)), abs=1e-5)
    assert stats.kstest(np.array(pushes).ravel() / 0.1, "norm").pvalue > 1e-3


def test_every_try_is_shifted_and_takes_any_of_the_examples():
    other = example(WAY[::-1], things(PUSHED[:, [1, 0, 2]], STILL), command=1.0)
    behaviour = Tinker([PUSH, other], steps=10, spread_m=0.05, push_m=0.0)
    behaviour.begin(Floor(), np.random.default_rng(1))
    place, ways = np.array([0.5, 0.5]), []
    for _ in range(6000):
        if not ways or behaviour._way is not ways[-1]:
            ways.append(behaviour._way)
        place = place + behaviour.act({POSE: place.astype(np.float32)})[:2]
    forwards = [way.places for way in ways if way.places[-1, 0] > way.places[0, 0]]
    assert len(ways) > 100 and len(forwards) / len(ways) == pytest.approx(0.5, abs=0.15)
    shifts = np.array([way[-1] for way in forwards]) - (0.75, 0.5)
    assert np.abs(shifts.mean(axis=0)).max() < 0.02 and shifts.std(axis=0) == pytest.approx((0.05, 0.05), rel=0.25)


def test_the_gripper_does_what_it_did_on_the_way_and_turns_over_before_every_fifth_stroke():
    behaviour, turned, before = Tinker([PUSH], steps=10, spread_m=0.0, push_m=0.2), [], -1.0
    behaviour.begin(Floor(), np.random.default_rng(2))
    place, target = np.array([0.25, 0.5]), None
    for _ in range(20000):
        action = behaviour.act({POSE: place.astype(np.float32)})
        if behaviour._strokes < 0:
            assert action[2] == -1.0
        elif target is None or (behaviour._target != target).any():
            target = behaviour._target
            turned.append(action[2] != before)
        place, before = place + action[:2], action[2]
    assert len(turned) > 500 and np.mean(turned) == pytest.approx(0.2, abs=0.05)


def test_a_thing_that_cannot_be_pushed_on_is_given_up():
    behaviour = Tinker([PUSH], steps=10, spread_m=0.0, push_m=0.3)
    behaviour.begin(Floor(), np.random.default_rng(0))
    stuck, ways = {POSE: np.array([1.5, 1.5], np.float32)}, []
    for _ in range(1500):
        behaviour.act(stuck)
        if not ways or behaviour._way is not ways[-1]:
            ways.append(behaviour._way)
    # 40 steps towards a way, 11 along it and at most 60 of strokes.
    assert len(ways) >= 13


@pytest.mark.parametrize(
    ("examples", "settings", "message"),
    [
        ([], {}, "got 0, 60, 0.04, 0.1"),
        ([PUSH], {"steps": 0}, "got 1, 0, 0.04, 0.1"),
        ([PUSH], {"spread_m": -0.1}, "got 1, 60, -0.1, 0.1"),
        ([PUSH], {"push_m": float("nan")}, "got 1, 60, 0.04, nan"),
    ],
)
def test_settings_out_of_range_are_refused(examples, settings, message):
    with pytest.raises(InvalidValue, match=f"Tinker needs examples, .* {message}"):
        Tinker(examples, **settings)
