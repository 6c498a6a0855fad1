"""What every `RobotBackend` promises, whatever it is made of."""

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.robot.interface import N_JOINTS, JointCommand
from controllers.robot.unitree.backend import Go2Backend
from sim.fake_go2 import DirectLink, FakeGo2
from sim.quadruped_backend import MujocoQuadruped
from sim.team_backend import TeamBackend
from sim.team_world import Place

BACKENDS = {f"mujoco_{robot}": lambda robot=robot: MujocoQuadruped(robot) for robot in ("go2", "go1", "aliengo")}
BACKENDS["mujoco_team"] = lambda: TeamBackend([Place("lone", 1.0, 2.0, 0.5)]).members[0]
BACKENDS["go2"] = lambda: Go2Backend(DirectLink(FakeGo2(MujocoQuadruped("go2"), mode="")))


@pytest.fixture(params=sorted(BACKENDS))
def backend(request):
    """A backend after a reset."""
    robot = BACKENDS[request.param]()
    robot.reset(np.random.default_rng(1))
    yield robot
    robot.close()


def hold(state, stiffness=30.0):
    """The command that holds the joints where a reading found them."""
    zero = np.zeros(N_JOINTS)
    return JointCommand(
        state.time, state.joint_position.copy(), zero, zero.copy(), np.full(N_JOINTS, stiffness), np.full(N_JOINTS, 1.0)
    )


def spoiled(state, field, value):
    command = hold(state)
    getattr(command, field)[7] = value
    return command


def fields(state):
    return np.concatenate(
        [
            *([state.time], state.joint_position, state.joint_velocity, state.joint_effort, state.orientation),
            *(state.angular_velocity_body, state.linear_acceleration_body),
        ]
    )


def test_a_reset_returns_the_reading_that_can_be_read(backend):
    state = backend.reset(np.random.default_rng(2))
    assert np.array_equal(fields(state), fields(backend.read()))


def test_every_reading_is_valid(backend):
    for _ in range(20):
        state = backend.read()
        state.validate()
        backend.write(hold(state))
        backend.advance()


def test_reading_does_not_let_time_pass(backend):
    first = backend.read()
    assert np.array_equal(fields(first), fields(backend.read()))


def test_each_advance_lets_exactly_one_control_period_pass(backend):
    assert backend.control_period > 0.0
    times = [backend.read().time]
    for _ in range(50):
        backend.advance()
        times.append(backend.read().time)
    np.testing.assert_allclose(np.diff(times), backend.control_period, rtol=0.0, atol=1e-12)


def test_time_does_not_run_backwards_over_a_reset(backend):
    for _ in range(5):
        backend.advance()
    before = backend.read().time
    assert backend.reset(np.random.default_rng(3)).time >= before
    backend.advance()
    assert backend.read().time > before


def test_a_reading_is_not_changed_by_what_comes_after_it(backend):
    state = backend.read()
    kept = fields(state).copy()
    backend.write(hold(state))
    backend.advance()
    assert np.array_equal(fields(state), kept)


def test_a_command_holds_until_the_next(backend):
    target = hold(backend.read(), stiffness=60.0)
    # The calves of a lying robot are folded to their stop; a hip can be moved freely.
    target.position[0] += 0.15
    backend.write(target)
    for _ in range(100):
        backend.advance()
    assert abs(backend.read().joint_position[0] - target.position[0]) < 0.1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["position", "velocity", "effort", "stiffness", "damping"])
def test_a_command_that_is_not_finite_is_refused_and_named(backend, field, value):
    with pytest.raises(InvalidValue, match=f"{field} must be finite"):
        backend.write(spoiled(backend.read(), field, value))
    backend.advance()
    backend.read().validate()


def test_a_command_of_the_wrong_length_is_refused(backend):
    command = hold(backend.read())
    short = JointCommand(
        command.time, command.position[:11], command.velocity, command.effort, command.stiffness, command.damping
    )
    with pytest.raises(InvalidValue, match="position must have shape"):
        backend.write(short)


def test_closing_twice_is_harmless(backend):
    backend.close()
    backend.close()
