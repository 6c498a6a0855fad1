import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.filter import FilterConfig, SafetyFilter
from controllers.safety.graph import perceive
from controllers.safety.liveness import Liveness, LivenessConfig
from controllers.safety.obstacles import Obstacles, disc

DT = 0.1
SENSING = SensingConfig(10.0, dt=DT)


def choose(position, goal, velocity=0.0, stall=None, config=None, obstacles=None, **more):
    agents = Agents.of([position], [goal], 0.3, 1.0, velocity, **more)
    stall = None if stall is None else np.array([stall])
    return Liveness(DT, config).gains(perceive(SENSING, agents, obstacles, stall))


def test_a_robot_alone_goes_straight_at_full_pace():
    gains = choose([[0.0, 0.0]], [[5.0, 2.0]])
    assert gains.turn[0] == 0.0 and gains.pace[0] == 1.0


def test_two_that_meet_head_on_both_turn_right():
    gains = choose([[0.0, 0.0], [2.0, 0.0]], [[9.0, 0.0], [-9.0, 0.0]], velocity=[[[1.0, 0.0], [-1.0, 0.0]]])
    # Turns are to the left where positive. Both see the same picture, turned by half a circle.
    assert (gains.turn < 0.0).all() and gains.turn[0] == pytest.approx(gains.turn[1])
    assert (gains.pace > 0.0).all()


def test_a_neighbour_that_leaves_does_not_matter():
    gains = choose([[0.0, 0.0], [1.0, 0.0]], [[9.0, 0.0], [9.0, 0.0]], velocity=[[[1.0, 0.0], [1.0, 0.0]]])
    assert gains.turn[0] == 0.0 and gains.pace[0] == 1.0


def test_what_lies_behind_the_goal_does_not_matter():
    # The other stands 0.7 m beyond the goal: at full speed contact would come 0.1 s after arrival.
    gains = choose([[0.0, 0.0], [2.7, 0.0]], [[2.0, 0.0], [2.7, 0.0]])
    assert gains.turn[0] == 0.0 and gains.pace[0] == 1.0


def test_the_schedule_does_not_depend_on_the_frame():
    rng = np.random.default_rng(5)
    position, goal, velocity = (rng.uniform(-4.0, 4.0, (6, 2)) for _ in range(3))
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([3.0, -8.0])
    here = choose(position, goal, velocity[None])
    there = choose(position @ turn.T + shift, goal @ turn.T + shift, (velocity @ turn.T)[None])
    assert there.turn == pytest.approx(here.turn) and there.pace == pytest.approx(here.pace)


def test_the_order_of_robots_does_not_matter():
    rng = np.random.default_rng(6)
    position, goal, velocity = (rng.uniform(-4.0, 4.0, (6, 2)) for _ in range(3))
    order = rng.permutation(6)
    here, there = choose(position, goal, velocity[None]), choose(position[order], goal[order], velocity[order][None])
    assert there.turn == pytest.approx(here.turn[order]) and there.pace == pytest.approx(here.pace[order])


def test_waiting_becomes_dearer_than_going_around():
    position, goal = [[0.0, 0.0], [0.62, 0.0]], [[9.0, 0.0], [0.62, 0.0]]
    # Without a look for a way around all that stands, which comes sooner.
    config = LivenessConfig(waiting=1.0, astray=100.0)
    assert choose(position, goal, stall=[3.0, 0.0], config=config).pace[0] == 1.0
    assert choose(position, goal, stall=[3.0, 0.0], config=config).turn[0] < 0.0


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_without_progress_a_robot_sets_out_around_all_that_stands_by_the_shorter_way(side):
    # A row of three that reaches farther to one side than to the other.
    row = [[0.8, side * y] for y in (-0.2, 0.42, 1.04)]
    turns = [choose([[0.0, 0.0], *row], [[9.0, 0.0], *row], stall=[s, 0.0, 0.0, 0.0]).turn[0] for s in (0.0, 2.0)]
    # At once it keeps right, whatever stands there; later it goes where the row ends first.
    assert side * turns[1] < -0.5
    assert turns[0] <= 0.0


def test_the_price_of_winding_is_paid_in_time():
    def path(price):
        gains = choose(
            [[0.0, 0.0], [2.0, 0.0]],
            [[9.0, 0.0], [-9.0, 0.0]],
            velocity=[[[1.0, 0.0], [-1.0, 0.0]]],
            config=LivenessConfig(winding=price),
        )
        return gains.pace[0], gains.pace[0] * (1.0 - np.cos(gains.turn[0]))

    # Pace, and path that brings nobody nearer to a goal.
    (quick, wound), (slow, straight) = path(0.0), path(5.0)
    assert slow < quick and straight < wound


def test_after_patience_has_ended_a_robot_swings_right_and_later_left():
    config = LivenessConfig(patience=2.0, swing=np.pi / 2.0)
    turns = [choose([[0.0, 0.0]], [[9.0, 0.0]], stall=[waited], config=config).turn[0] for waited in (1.0, 3.0, 7.0)]
    assert turns == pytest.approx([0.0, -np.pi / 2.0, np.pi / 2.0])


def test_gains_fall_in_a_crowd():
    ring = [[0.65 * np.cos(a), 0.65 * np.sin(a)] for a in np.arange(6) * np.pi / 3.0]
    crowd = choose([[0.0, 0.0], *ring], [[9.0, 0.0], *ring])
    pair = choose([[0.0, 0.0], ring[0]], [[9.0, 0.0], ring[0]])
    config = LivenessConfig()
    assert config.crowd_gain < crowd.gain[0, 0] < 0.6 * pair.gain[0, 0] <= config.gain


def test_a_disc_in_the_way_is_passed():
    obstacles = Obstacles.of([[disc((2.0, 0.0), 0.5)]])

    def end(schedule):
        barrier, place = SafetyFilter(FilterConfig(DT), schedule), np.zeros((1, 2))
        moved = np.zeros((1, 2))
        for step in range(150):
            agents = Agents.of([place], [[[5.0, 0.0]]], 0.3, 1.0, [moved])
            view = perceive(SENSING, agents, obstacles, np.array([[0.1 * step]]))
            way = view.goal / max(np.linalg.norm(view.goal), 1e-9) * min(1.0, np.linalg.norm(view.goal) / DT)
            moved = barrier.filter(view, way).velocity
            place = place + DT * moved
        return place[0]

    assert end(Liveness(DT)) == pytest.approx([5.0, 0.0], abs=0.05)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("gain", -1.0, "LivenessConfig.gain must be finite and not negative, got -1.0"),
        ("danger", np.nan, "LivenessConfig.danger must be finite"),
        ("horizon", 0.0, "LivenessConfig.horizon must be positive, got 0"),
        ("patience", 0.0, "LivenessConfig.patience must be positive, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(field, value, message):
    with pytest.raises(InvalidValue, match=message):
        LivenessConfig(**{field: value})


def test_a_period_must_be_positive():
    with pytest.raises(InvalidValue, match=r"Liveness.dt must be positive and finite, got 0.0"):
        Liveness(0.0)
