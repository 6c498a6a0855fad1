import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.robot.interface import BaseEstimate, JointCommand, LocomotionCommand, RobotState


def state(**changes):
    fields = {
        "time": 0.0,
        "joint_position": np.zeros(12),
        "joint_velocity": np.zeros(12),
        "joint_effort": np.zeros(12),
        "orientation": np.array([1.0, 0.0, 0.0, 0.0]),
        "angular_velocity_body": np.zeros(3),
        "linear_acceleration_body": np.zeros(3),
    }
    return RobotState(**{**fields, **changes})


def command(**changes):
    fields = {name: np.zeros(12) for name in ("position", "velocity", "effort", "stiffness", "damping")}
    return JointCommand(**{"time": 0.0, **fields, **changes})


def with_nan(size, index):
    array = np.zeros(size)
    array[index] = np.nan
    return array


def test_sound_values_pass():
    state(foot_force=np.zeros(4)).validate()
    command().validate()
    BaseEstimate(0.0, np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3), np.zeros(3)).validate()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joint_position": np.zeros(11)}, r"RobotState.joint_position must have shape \(12,\), got \(11,\)"),
        ({"joint_velocity": with_nan(12, 5)}, "RobotState.joint_velocity must be finite, got NaN or Inf at index 5"),
        ({"joint_effort": with_nan(12, [1, 3])}, "joint_effort must be finite, got NaN or Inf at index 1, 3"),
        ({"angular_velocity_body": np.full(3, np.inf)}, "angular_velocity_body must be finite"),
        ({"linear_acceleration_body": np.zeros(4)}, r"linear_acceleration_body must have shape \(3,\)"),
        ({"foot_force": np.zeros(3)}, r"foot_force must have shape \(4,\)"),
        ({"orientation": np.array([1.1, 0.0, 0.0, 0.0])}, "orientation must have norm 1, got 1.1"),
        ({"time": float("nan")}, "time must be finite, got nan"),
    ],
)
def test_a_bad_reading_is_refused_by_field(changes, message):
    with pytest.raises(InvalidValue, match=message):
        state(**changes).validate()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effort": with_nan(12, 0)}, "JointCommand.effort must be finite, got NaN or Inf at index 0"),
        ({"position": np.zeros((12, 1))}, r"JointCommand.position must have shape \(12,\), got \(12, 1\)"),
        ({"stiffness": np.full(12, -1.0)}, "JointCommand.stiffness must be >= 0, got -1"),
        ({"damping": np.full(12, -0.5)}, "JointCommand.damping must be >= 0, got -0.5"),
        ({"time": float("inf")}, "JointCommand.time must be finite, got inf"),
    ],
)
def test_a_bad_command_is_refused_by_field(changes, message):
    with pytest.raises(InvalidValue, match=message):
        command(**changes).validate()


def test_a_bad_estimate_is_refused_by_field():
    estimate = BaseEstimate(0.0, with_nan(3, 2), np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3), np.zeros(3))
    with pytest.raises(InvalidValue, match=r"BaseEstimate\.position_world must be finite, got NaN or Inf at index 2"):
        estimate.validate()


def test_motor_law_adds_feedback_to_the_effort():
    found = command(
        position=np.full(12, 0.5),
        velocity=np.full(12, 1.0),
        effort=np.full(12, 3.0),
        stiffness=np.full(12, 20.0),
        damping=np.full(12, 2.0),
    ).torque(np.full(12, 0.4), np.full(12, 1.5))
    np.testing.assert_allclose(found, 3.0 + 20.0 * 0.1 - 2.0 * 0.5)


def test_a_damped_command_only_brakes():
    braking = JointCommand.damped(1.0, np.full(12, 9.0), damping=4.0)
    braking.validate()
    np.testing.assert_array_equal(braking.torque(np.zeros(12), np.full(12, 0.5)), np.full(12, -2.0))


@pytest.mark.parametrize("field", ["velocity_x", "velocity_y", "yaw_rate", "roll", "pitch", "body_height"])
def test_an_operators_command_that_is_not_finite_is_refused_by_field(field):
    with pytest.raises(InvalidValue, match=f"LocomotionCommand.{field} must be finite, got nan"):
        LocomotionCommand(**{field: float("nan")})
