from types import SimpleNamespace

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.safety.gains import FixedGains, Gains
from controllers.safety.guarded_gains import UNALIGNED, GuardedGains
from controllers.safety.liveness import Liveness
from controllers.safety.obstacles import Obstacles, disc
from controllers.safety.reading import Observation, Reading, Wish
from controllers.safety.run_time_filter import RunTimeConfig, RunTimeFilter

NAN = float("nan")
SETTINGS = RunTimeConfig(radius=0.4, neighbour_radius=0.4, speed=0.6, neighbour_speed=0.6, tracking_error=0.05)


def reading(x, y=0.0, heading=0.0, velocity=(0.0, 0.0), time=10.0):
    return Reading(time, np.array([x, y], dtype=float), heading, np.array(velocity, dtype=float))


def observe(own, neighbours=None, wish=(0.5, 0.0), time=10.0, goal=None, yaw_rate=0.0):
    wanted = None if wish is None else Wish(time, np.array(wish), yaw_rate)
    return Observation(time, own, neighbours or {}, wanted, goal)


def make(name="a", gain=2.0, config=SETTINGS, obstacles=None, schedule=None):
    return RunTimeFilter(name, schedule or FixedGains(gain), config, obstacles)


class Answers:
    """A schedule that returns what it is told to."""

    def __init__(self, answer):
        self.answer = answer

    def gains(self, neighbourhood):
        return self.answer(neighbourhood)


# Alone


def test_a_robot_alone_gets_what_it_wants():
    command, info = make().step(observe(reading(0.0), wish=(0.4, -0.2), yaw_rate=0.3))
    # The command is turned to the middle of the period: by half of 0.3 rad/s times 0.05 s.
    turned = 0.5 * 0.3 * 0.05
    c, s = np.cos(turned), np.sin(turned)
    np.testing.assert_allclose(command.velocity, [c * 0.4 - s * 0.2, -s * 0.4 - c * 0.2], atol=1e-9)
    assert command.yaw_rate == 0.3
    assert info.mode == "filtered" and info.least_gap == np.inf and info.reasons == () and info.correction < 1e-9


def test_the_wish_is_in_the_heading_frame_and_so_is_the_command():
    command, info = make().step(observe(reading(0.0, heading=np.pi / 2)))
    np.testing.assert_allclose(info.velocity, [0.0, 0.5], atol=1e-9)
    np.testing.assert_allclose(command.velocity, [0.5, 0.0], atol=1e-9)


def test_wishes_beyond_the_limits_are_shortened():
    command, _ = make().step(observe(reading(0.0), wish=(3.0, 0.0), yaw_rate=-9.0))
    assert np.linalg.norm(command.velocity) == pytest.approx(0.6) and command.yaw_rate == -1.0


@pytest.mark.parametrize("wish", [(NAN, 0.0), (0.0, np.inf)])
def test_a_wish_that_is_not_finite_is_refused_and_named(wish):
    command, info = make().step(observe(reading(0.0), wish=wish))
    assert not command.velocity.any()
    assert info.reasons[0].startswith("wanted velocity refused: must be finite, got [")


def test_an_old_wish_is_none():
    old = Wish(9.4, np.array([0.5, 0.0]), 0.5)
    command, info = make().step(Observation(10.0, reading(0.0), {}, old))
    assert not command.velocity.any() and command.yaw_rate == 0.0 and not info.wanted.any()


# Own odometry


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        (None, "no own odometry yet"),
        (reading(0.0, time=9.5), "own odometry is 0.50 s old"),
        (reading(NAN), "own odometry refused: position must be finite, got [nan, 0.0]"),
        (reading(0.0, velocity=(0.0, -np.inf)), "own odometry refused: velocity must be finite, got [0.0, -inf]"),
        (reading(0.0, heading=NAN), "own odometry refused: heading must be finite, got nan"),
    ],
)
def test_without_good_odometry_of_its_own_the_robot_stops_and_says_why(own, reason):
    command, info = make().step(observe(own, {"b": reading(2.0)}, yaw_rate=1.0))
    assert not command.velocity.any() and command.yaw_rate == 0.0
    assert info.mode == "stopped" and info.reasons == (reason,) and np.isnan(info.least_gap)


def test_the_robot_goes_on_when_its_odometry_is_good_again():
    pilot = make()
    pilot.step(observe(reading(NAN)))
    command, info = pilot.step(observe(reading(0.0)))
    assert info.mode == "filtered" and command.velocity[0] == pytest.approx(0.5)


# Neighbours


def test_the_barrier_is_that_of_the_theorem():
    # Both at rest 1.5 m apart. Gap = 1.5 − 2 (0.4 + 0.05 tracking error) = 0.6; the robot may use half of
    # gain · (gap − margin): 0.5 · 1 · (0.6 − 0.02) = 0.29 m/s along the line.
    command, info = make(gain=1.0).step(observe(reading(0.0), {"b": reading(1.5)}))
    assert info.least_gap == pytest.approx(0.6)
    assert command.velocity[0] == pytest.approx(0.29, abs=1e-6)
    assert info.correction == pytest.approx(0.21, abs=1e-6) and info.gain == 1.0
    assert [(b.name, b.radius, b.stale) for b in info.barriers] == [("b", pytest.approx(0.45), False)]


def test_momentum_uses_up_the_gap():
    # The head of a robot at 0.4 m/s with a lag of 0.25 s is 0.1 m ahead of it.
    _, info = make().step(observe(reading(0.0, velocity=(0.4, 0.0)), {"b": reading(1.5)}))
    assert info.least_gap == pytest.approx(0.5)


def test_a_robot_without_lag_has_no_momentum():
    config = RunTimeConfig(time_constant=0.0, radius=0.4, neighbour_radius=0.4, tracking_error=0.0)
    _, info = make(config=config).step(observe(reading(0.0, velocity=(0.4, 0.0)), {"b": reading(1.5)}))
    assert info.least_gap == pytest.approx(0.7)


def test_what_may_have_happened_since_a_reading_counts():
    # 0.1 s at 0.6 m/s: 0.06 m.
    _, info = make().step(observe(reading(0.0), {"b": reading(1.5, time=9.9)}))
    assert info.least_gap == pytest.approx(0.54) and info.stale == ()


def test_robots_that_overlap_part_whatever_is_wanted():
    # Overlap 0.9 − 0.85 = 0.05 m, to be gone in half a second: 0.1 m/s, beside what is wanted along the tangent.
    command, info = make().step(observe(reading(0.0), {"b": reading(0.85)}, wish=(0.5, 0.3)))
    np.testing.assert_allclose(command.velocity, [-0.1, 0.3], atol=1e-9)
    assert info.least_gap == pytest.approx(-0.05) and info.mode == "filtered"
    away, _ = make().step(observe(reading(0.0), {"b": reading(0.5)}, wish=(-0.5, 0.0)))
    assert away.velocity[0] == pytest.approx(-0.5)


def test_a_schedule_cannot_turn_a_robot_that_parts_towards_the_other():
    back = Answers(lambda n: Gains(*(np.zeros(shape) for shape in shapes(n)[:3]), np.full(1, np.pi), np.ones(1)))
    command, _ = make(schedule=back).step(observe(reading(0.0), {"b": reading(0.85)}))
    assert command.velocity[0] == pytest.approx(-0.1)


def test_noise_does_not_carry_a_robot_into_what_it_presses_against():
    rng = np.random.default_rng(1000)
    pilot, x, dt = make(obstacles=Obstacles.of([[disc([2.0, 0.0], 0.5)]])), 0.9, 0.05
    gaps = []
    for k in range(400):
        noisy = reading(x + rng.normal(0.0, 0.01), velocity=rng.normal(0.0, 0.05, 2), time=10.0 + k * dt)
        command, _ = pilot.step(observe(noisy, time=10.0 + k * dt))
        x += dt * command.velocity[0]
        gaps.append(2.0 - x - 0.5 - 0.45)
    assert min(gaps) > -0.05 and max(gaps[200:]) < 0.1


def test_robots_at_one_point_part_in_opposite_directions():
    ways = {}
    for wish in (0.5, -0.5):
        for me, other in (("a", "b"), ("b", "a")):
            command, info = make(me).step(observe(reading(1.0, 2.0), {other: reading(1.0, 2.0)}, wish=(wish, 0.0)))
            assert info.mode == "filtered" and abs(command.velocity[0]) > 0.1
            ways.setdefault(me, set()).add(float(np.sign(command.velocity[0])))
    assert ways in ({"a": {1.0}, "b": {-1.0}}, {"a": {-1.0}, "b": {1.0}})


def test_a_silent_neighbour_counts_as_one_that_does_not_give_way():
    # 0.5 s old: radius 0.45 + 0.6 · 0.5 = 0.75, gap 3 − 0.45 − 0.75 = 1.8; bound 1 · (1.8 − 0.02) − 0.6 = 1.18 m/s,
    # while at a gap of 0.3 the robot must retreat: 0.28 − 0.6 = −0.32 m/s.
    pilot = make(gain=1.0)
    command, info = pilot.step(observe(reading(0.0), {"b": reading(3.0, time=9.5)}))
    assert info.stale == ("b",) and info.lost == () and command.velocity[0] == pytest.approx(0.5)
    command, info = pilot.step(observe(reading(0.0), {"b": reading(1.5, time=9.5)}))
    assert info.barriers[0].stale and info.least_gap == pytest.approx(0.3)
    assert command.velocity[0] == pytest.approx(-0.32, abs=1e-6)


def test_a_neighbour_silent_for_long_stops_the_robot():
    command, info = make().step(observe(reading(0.0), {"b": reading(30.0, time=8.0)}, yaw_rate=1.0))
    assert not command.velocity.any() and command.yaw_rate == 0.0
    assert info.mode == "stopped" and info.lost == ("b",) and info.reasons == ("odometry of b is 2.00 s old",)


def test_a_neighbour_never_heard_of_stops_the_robot():
    command, info = make().step(observe(reading(0.0), {"b": None, "c": reading(5.0)}))
    assert not command.velocity.any() and info.reasons == ("no odometry of b yet",)
    # What is known is reported all the same.
    assert [barrier.name for barrier in info.barriers] == ["c"]


def test_nan_of_a_neighbour_is_refused_and_its_last_reading_grows_old():
    pilot = make()
    pilot.step(observe(reading(0.0), {"b": reading(3.0)}))
    _, info = pilot.step(observe(reading(0.0, time=10.1), {"b": reading(NAN, time=10.1)}, time=10.1))
    assert info.refused == ("b",) and info.mode == "filtered"
    # Gap 3 − 0.9 less 0.06 m that it may have moved in 0.1 s.
    assert info.least_gap == pytest.approx(2.04)
    command, info = pilot.step(observe(reading(0.0, time=11.5), {"b": reading(NAN, time=11.5)}, time=11.5))
    assert info.mode == "stopped" and info.lost == ("b",) and not command.velocity.any()


def test_between_movers_that_do_not_give_way_the_least_relaxation_is_used_and_named():
    sides = {"b": reading(1.0, time=9.5), "c": reading(-1.0, time=9.5)}
    command, info = make().step(observe(reading(0.0), sides))
    assert info.mode == "relaxed" and info.reasons == ("movers that do not cooperate come too close",)
    # Symmetric, so it stays in the middle.
    assert abs(command.velocity[0]) < 1e-6


def test_obstacles_are_kept_clear():
    # Disc of 0.5 m at 2 m: gap 2 − 0.5 − 0.45 = 1.05; bound 0.4 · 1.03 = 0.412.
    post = Obstacles.of([[disc([2.0, 0.0], 0.5)]])
    command, info = make(gain=0.4, obstacles=post).step(observe(reading(0.0)))
    assert info.obstacle_gap == info.least_gap == pytest.approx(1.05)
    assert command.velocity[0] == pytest.approx(0.412, abs=1e-6)


# Schedules


@pytest.mark.parametrize(
    ("answer", "changed"),
    [
        # Gain, share, obstacle gains (no obstacle: none), turn, pace.
        (lambda n: Gains(*(np.full(shape, NAN) for shape in shapes(n))), 4),
        (lambda n: Gains(*(np.full(shape, np.inf) for shape in shapes(n))), 4),
        (lambda n: Gains(*(np.full(shape, -1e9) for shape in shapes(n))), 4),
    ],
)
def test_values_out_of_range_are_clamped_and_counted(answer, changed):
    pilot = make(schedule=Answers(answer))
    command, info = pilot.step(observe(reading(0.0), {"b": reading(1.2)}))
    assert info.clamped == pilot.clamped == changed and pilot.schedule_failures == 0
    # Whatever it returns, the robot uses half of what robots that run apart may use of the gap, 1/(e dt), at most.
    assert command.velocity[0] <= 1.0 * UNALIGNED / 0.05 * 0.28 + 1e-9
    assert np.linalg.norm(command.velocity) <= 0.6 + 1e-9


def shapes(neighbourhood):
    (n, k), m = neighbourhood.valid.shape, neighbourhood.obstacle_valid.shape[1]
    return (n, k), (n, k), (n, m), (n,), (n,)


@pytest.mark.parametrize(
    "answer", [lambda n: None, lambda n: "go", lambda n: SimpleNamespace(gain=[[1.0]]), lambda n: FixedGains(1.0)]
)
def test_an_answer_of_the_wrong_kind_makes_the_robot_stand_and_is_counted(answer):
    pilot = make(schedule=Answers(answer))
    command, _ = pilot.step(observe(reading(0.0), {"b": reading(3.0)}))
    assert not command.velocity.any() and pilot.schedule_failures == 1


def test_an_answer_of_the_wrong_shape_makes_the_robot_stand_and_is_counted():
    def wrong(n):
        return Gains(np.zeros((2, 7)), *(np.zeros(shape) for shape in shapes(n)[1:]))

    pilot = make(schedule=Answers(wrong))
    command, _ = pilot.step(observe(reading(0.0), {"b": reading(3.0)}))
    assert not command.velocity.any() and pilot.schedule_failures == 1


def test_gains_within_the_theorem_are_capped_without_complaint():
    from controllers.safety.agents import Agents, SensingConfig
    from controllers.safety.graph import perceive

    agents = Agents.of(np.array([[[0.0, 0.0], [2.0, 0.0]]]), 0.0, 0.3, 1.0)
    guard = GuardedGains(FixedGains(20.0), 0.05)
    answer = guard.gains(perceive(SensingConfig(5.0, 1, 1, 0.05), agents))
    np.testing.assert_allclose(answer.gain, 1.0 / (np.e * 0.05))
    assert guard.clamped == guard.refused == 0
    # One clock serves robot and obstacle: no cap.
    np.testing.assert_allclose(answer.obstacle_gain, 20.0)


def test_time_without_progress_is_told_to_the_schedule():
    seen = []

    class Watch(FixedGains):
        def gains(self, neighbourhood):
            seen.append(float(neighbourhood.stall[0]))
            return super().gains(neighbourhood)

    pilot = make(schedule=Watch(2.0))
    goal = np.array([5.0, 0.0])
    for k in range(5):
        pilot.step(observe(reading(0.0, time=10.0 + k), time=10.0 + k, goal=goal))
    pilot.step(observe(reading(1.0, time=15.0), time=15.0, goal=goal))
    np.testing.assert_allclose(seen, [0.0, 1.0, 2.0, 3.0, 4.0, 0.0])


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(InvalidValue, match=r"RunTimeConfig.radius must be finite and not negative, got nan"):
        RunTimeConfig(radius=NAN)
    with pytest.raises(InvalidValue, match=r"RunTimeConfig.period must be positive, got 0"):
        RunTimeConfig(period=0.0)
    with pytest.raises(InvalidValue, match=r"lost must not be below stale = 0.3, got 0.1"):
        RunTimeConfig(lost=0.1)
    with pytest.raises(InvalidValue, match="obstacles must be given for one scene, got 2"):
        make(obstacles=Obstacles.of([[], []]))


# Together


@pytest.mark.parametrize("schedule", ["fixed", "greedy", "liveness"])
def test_robots_that_sample_at_different_instants_never_touch(schedule):
    """Four lagged robots swap places across a circle, each with its own clock and readings up to 40 ms old."""
    dt, lag, n = 0.05, 0.25, 4
    config = RunTimeConfig(period=dt, radius=0.4, neighbour_radius=0.4, tracking_error=0.0, time_constant=lag)
    choose = {
        "fixed": lambda: FixedGains(2.0),
        "greedy": lambda: FixedGains(1.0 / dt),
        "liveness": lambda: Liveness(dt),
    }[schedule]
    rng = np.random.default_rng(1000)
    angle = 2.0 * np.pi * np.arange(n) / n + rng.uniform(-0.05, 0.05, n)
    position = 2.0 * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    goal, velocity, command = -position, np.zeros((n, 2)), np.zeros((n, 2))
    names = ["a", "b", "c", "d"]
    pilots = [RunTimeFilter(name, choose(), config) for name in names]
    tick, told = 0.01, []
    offset = rng.integers(0, 5, n)
    least = np.inf
    for k in range(2500):
        told.append((position.copy(), velocity.copy()))
        for i in np.flatnonzero((k - offset) % 5 == 0):
            past = max(k - 4, 0)
            others = {
                names[j]: Reading(past * tick, told[past][0][j], 0.0, told[past][1][j]) for j in range(n) if j != i
            }
            own = Reading(k * tick, position[i], 0.0, velocity[i])
            way = goal[i] - position[i]
            wish = way * min(0.6 / max(np.linalg.norm(way), 1e-9), 1.0)
            answer, _ = pilots[i].step(Observation(k * tick, own, others, Wish(k * tick, wish), goal[i]))
            command[i] = answer.velocity
        left = np.exp(-tick / lag)
        position = position + tick * command + lag * (1.0 - left) * (velocity - command)
        velocity = command + left * (velocity - command)
        gaps = np.linalg.norm(position[:, None] - position[None], axis=2)[np.triu_indices(n, 1)] - 0.8
        least = min(least, gaps.min())
    assert least >= 0.0
    if schedule == "liveness":
        assert np.linalg.norm(position - goal, axis=1).max() < 0.1
