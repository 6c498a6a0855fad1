"""Heads move as single integrators, limits hold, and integration is exact."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from controllers.errors import InvalidValue
from controllers.safety.dynamics import DoubleIntegrator, LaggedVelocity, SingleIntegrator
from controllers.safety.unicycle import Unicycle

DT = 0.1
N = 200
ROBOTS = [
    SingleIntegrator(DT, 1.0),
    LaggedVelocity(DT, 1.0, 0.3),
    DoubleIntegrator(DT, 1.0, 2.5),
    DoubleIntegrator(DT, 1.0, 100.0),
    DoubleIntegrator(0.03, 0.5, 10.0, per_axis=True),
    DoubleIntegrator(0.03, 0.5, 10.0, per_axis=True, euler=True),
]
DERIVATIVES = {
    SingleIntegrator: lambda robot, x, u: u,
    LaggedVelocity: lambda robot, x, u: [*x[2:], *((u - x[2:]) / robot.time_constant)],
    DoubleIntegrator: lambda robot, x, u: [*x[2:], *u],
    Unicycle: lambda robot, x, u: [u[0] * np.cos(x[2]), u[0] * np.sin(x[2]), u[1]],
}
WHEELED = Unicycle(DT, 1.0, 3.0, 0.15)


def disc_points(rng, radius, n=N):
    angle, length = rng.uniform(0, 2 * np.pi, n), radius * np.sqrt(rng.random(n))
    return np.stack((length * np.cos(angle), length * np.sin(angle)), axis=1)


def states(robot, rng):
    place = rng.uniform(-3, 3, (N, 2))
    if isinstance(robot, Unicycle):
        return robot.rest(place, rng.uniform(-4, 4, N))
    state = robot.rest(place, np.zeros(N))
    if state.shape[1] == 4:
        per_axis = isinstance(robot, DoubleIntegrator) and robot.per_axis
        state[:, 2:] = rng.uniform(-robot.speed, robot.speed, (N, 2)) if per_axis else disc_points(rng, robot.speed)
    return state


def allowed(robot, state, rng):
    """Random velocities of the head within its bounds: shrunk towards zero, which the bounds contain."""
    bounds = robot.bounds(state)
    wish = rng.uniform(-2, 2, (N, 2))
    for scale in np.linspace(1, 0, 60):
        off = np.linalg.norm(wish[:, None] * scale - bounds.centre, axis=2) - bounds.radius
        fits = (
            (off <= 0).all(axis=1)
            & (wish * scale <= bounds.upper).all(axis=1)
            & (wish * scale >= bounds.lower).all(axis=1)
        )
        yield np.where(fits[:, None], wish * scale, 0.0)


@pytest.mark.parametrize("robot", ROBOTS, ids=repr)
def test_the_head_moves_as_a_single_integrator_and_limits_hold(robot):
    rng = np.random.default_rng(0)
    state = states(robot, rng)
    for velocity in allowed(robot, state, rng):
        command = robot.command(state, velocity)
        after = robot.advance(state, command, robot.dt)
        assert np.abs(robot.head(after) - robot.head(state) - robot.dt * velocity).max() < 1e-12
        if isinstance(robot, DoubleIntegrator):
            size = np.abs(command) if robot.per_axis else np.linalg.norm(command, axis=1)
            speed = np.abs(after[:, 2:]) if robot.per_axis else np.linalg.norm(after[:, 2:], axis=1)
            assert size.max() <= robot.acceleration * (1 + 1e-12) and speed.max() <= robot.speed * (1 + 1e-12)


@pytest.mark.parametrize("robot", ROBOTS, ids=repr)
def test_all_that_a_robot_covers_lies_within_the_hull_of_its_segment_and_the_new_head(robot):
    rng = np.random.default_rng(1)
    state = states(robot, rng)
    probes = np.stack((np.cos(a := np.arange(0, 6.3, 0.1)), np.sin(a)))
    for velocity in list(allowed(robot, state, rng))[::12]:
        command = robot.command(state, velocity)
        head, place = robot.head(state), robot.position(state)
        corners = np.stack((place, place if state.shape[1] == 2 else head, head + robot.dt * velocity), axis=1)
        reach = (corners @ probes).max(axis=1)
        for share in np.linspace(0, 1, 9):
            after = robot.advance(state, command, share * robot.dt)
            assert (robot.position(after) @ probes - reach).max() < 1e-12
        assert (robot.head(after) @ probes - reach).max() < 1e-12


@pytest.mark.parametrize("robot", [*ROBOTS[:3], WHEELED], ids=repr)
def test_motion_is_what_integrating_the_differential_equation_gives(robot):
    rng = np.random.default_rng(2)
    state = states(robot, rng)
    command = robot.command(state, disc_points(rng, 0.9))
    after = robot.advance(state, command, robot.dt)
    for i in range(5):
        rate = lambda t, x: DERIVATIVES[type(robot)](robot, x, command[i])  # noqa: B023, E731
        exact = solve_ivp(rate, (0, robot.dt), state[i], rtol=1e-11, atol=1e-12).y[:, -1]
        assert after[i] == pytest.approx(exact, abs=1e-9)


def test_a_unicycle_s_arc_ends_where_its_head_is_to_be_unless_a_limit_shortens_it():
    rng = np.random.default_rng(3)
    state, velocity = states(WHEELED, rng), disc_points(rng, WHEELED.speed)
    command = WHEELED.command(state, velocity)
    moved = WHEELED.head(WHEELED.advance(state, command, DT)) - WHEELED.head(state)
    length = np.linalg.norm(moved, axis=1)
    cross = moved[:, 0] * velocity[:, 1] - moved[:, 1] * velocity[:, 0]
    assert np.abs(cross).max() < 1e-12 and (length <= DT * np.linalg.norm(velocity, axis=1) + 1e-12).all()
    free = (np.abs(command[:, 0]) < 0.99) & (np.abs(command[:, 1]) < 2.99)
    assert 20 < free.sum() < N and np.abs(moved - DT * velocity)[free].max() < 1e-12
    assert np.abs(command[:, 0]).max() <= 1.0 + 1e-9 and np.abs(command[:, 1]).max() <= 3.0 + 1e-9


def test_a_unicycle_s_head_strays_from_the_chord_by_no_more_than_its_margin():
    rng = np.random.default_rng(4)
    state = states(WHEELED, rng)
    command = WHEELED.command(state, disc_points(rng, WHEELED.speed))
    start, end = WHEELED.head(state), WHEELED.head(WHEELED.advance(state, command, DT))
    worst = 0.0
    for share in np.linspace(0, 1, 21):
        between = WHEELED.head(WHEELED.advance(state, command, share * DT))
        worst = max(worst, np.linalg.norm(between - start - share * (end - start), axis=1).max())
    assert 0.0 < worst <= WHEELED.radius_margin - WHEELED.look_ahead


def test_robots_that_are_too_fast_or_settings_that_make_no_sense_are_refused():
    fast = np.array([[0.0, 0.0, 2.0, 0.0]])
    with pytest.raises(InvalidValue, match=r"speeds must not exceed 1.0 m/s, got 2.0"):
        DoubleIntegrator(DT, 1.0, 1.0).bounds(fast)
    with pytest.raises(InvalidValue, match=r"Unicycle.look_ahead must exceed one step, 0.1 m, got 0.05"):
        Unicycle(DT, 1.0, 1.0, 0.05)
    with pytest.raises(InvalidValue, match=r"Unicycle.turn_rate must stay below"):
        Unicycle(DT, 1.0, 40.0, 0.2)
    with pytest.raises(InvalidValue, match=r"LaggedVelocity.time_constant must be positive and finite, got -1.0"):
        LaggedVelocity(DT, 1.0, -1.0)
    with pytest.raises(InvalidValue, match=r"tracking_error must not be negative"):
        LaggedVelocity(DT, 1.0, 1.0, -0.1)
