import copy
import math
import random
from array import array

import numpy as np
import pytest

pytest.importorskip("rclpy")

from controllers.errors import InvalidValue
from controllers.robot.interface import BaseEstimate, JointCommand, LocomotionCommand, RobotState
from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES
from pronk_node_kit.conversions import (
    BaseEstimateDecoder,
    BaseEstimateEncoder,
    JointCommandDecoder,
    JointCommandEncoder,
    LocomotionCommandEncoder,
    RobotStateDecoder,
    RobotStateEncoder,
    locomotion_command,
    telemetry_message,
    telemetry_values,
    wrench_array,
    wrench_message,
)

TIME = 1234567891 * 1e-9


def quaternion(rng):
    q = rng.normal(size=4)
    return q / np.linalg.norm(q)


def robot_state(seed=0, feet=True):
    rng = np.random.default_rng(seed)
    return RobotState(
        time=TIME,
        joint_position=rng.normal(size=12),
        joint_velocity=rng.normal(size=12),
        joint_effort=rng.normal(size=12),
        orientation=quaternion(rng),
        angular_velocity_body=rng.normal(size=3),
        linear_acceleration_body=rng.normal(size=3),
        foot_force=rng.normal(size=4) if feet else None,
    )


def base_estimate(seed=0):
    rng = np.random.default_rng(seed)
    return BaseEstimate(
        time=TIME,
        position_world=rng.normal(size=3),
        orientation=quaternion(rng),
        velocity_body=rng.normal(size=3),
        angular_velocity_body=rng.normal(size=3),
        foot_force=rng.normal(size=4),
        contact=np.array([1.0, 0.0, 0.0, 1.0]),
    )


def joint_command(seed=0):
    rng = np.random.default_rng(seed)
    position, velocity, effort = rng.normal(size=(3, 12))
    return JointCommand(TIME, position, velocity, effort, rng.uniform(0, 60, 12), rng.uniform(0, 5, 12))


def bits(value):
    return None if value is None else np.asarray(value, dtype=np.float64).tobytes()


def assert_same_bits(left, right):
    for name, value in vars(left).items():
        assert bits(value) == bits(getattr(right, name)), name


def shuffle(message, fields, seed=1):
    """Permute the names of a message together with its arrays."""
    order = list(range(len(message.name)))
    random.Random(seed).shuffle(order)
    message = copy.deepcopy(message)
    message.name = [message.name[i] for i in order]
    for field in fields:
        setattr(message, field, array("d", [getattr(message, field)[i] for i in order]))
    return message


@pytest.mark.parametrize("feet", [True, False])
def test_robot_state_survives_the_round_trip_to_the_bit(feet):
    state = robot_state(feet=feet)
    assert_same_bits(state, RobotStateDecoder().decode(*RobotStateEncoder().encode(state)))


def test_base_estimate_survives_the_round_trip_to_the_bit():
    estimate = base_estimate()
    assert_same_bits(estimate, BaseEstimateDecoder().decode(*BaseEstimateEncoder().encode(estimate)))


def test_joint_command_survives_the_round_trip_to_the_bit():
    command = joint_command()
    assert_same_bits(command, JointCommandDecoder().decode(JointCommandEncoder().encode(command)))


def test_extreme_numbers_survive_the_round_trip():
    command = joint_command()
    command.effort[:4] = [1.7e308, 5e-324, -0.0, -1.7e308]
    command.position[:2] = 1.7e308  # the sum overflows though each number is finite
    assert_same_bits(command, JointCommandDecoder().decode(JointCommandEncoder().encode(command)))


@pytest.mark.parametrize("height", [None, 0.27])
def test_locomotion_command_survives_the_round_trip(height):
    command = LocomotionCommand(0.5, -0.1, 0.8, "trot", height, 0.02, -0.03)
    assert locomotion_command(*LocomotionCommandEncoder().encode(command, TIME)) == command


def test_quaternions_are_reordered_for_ros():
    state = robot_state()
    state.orientation = np.array([0.8, 0.6, 0.0, 0.0])
    _, imu, _ = RobotStateEncoder().encode(state)
    assert (imu.orientation.w, imu.orientation.x, imu.orientation.y, imu.orientation.z) == (0.8, 0.6, 0.0, 0.0)


def test_messages_name_frames_joints_and_feet():
    joints, imu, feet = RobotStateEncoder().encode(robot_state())
    odometry, contacts = BaseEstimateEncoder().encode(base_estimate())
    assert joints.name == list(JOINT_NAMES)
    assert feet.name == contacts.name == list(FOOT_NAMES)
    assert imu.header.frame_id == odometry.child_frame_id == "base_link"
    assert odometry.header.frame_id == "odom"
    assert list(contacts.position) == [1.0, 0.0, 0.0, 1.0]


def test_joint_states_in_another_order_are_mapped_by_name():
    state = robot_state()
    joints, imu, feet = RobotStateEncoder().encode(state)
    decoder = RobotStateDecoder()
    fields = ("position", "velocity", "effort")
    for seed in (1, 2):  # the decoder must notice that the order has changed
        shuffled = shuffle(joints, fields, seed), imu, shuffle(feet, ("effort",), seed)
        assert_same_bits(state, decoder.decode(*shuffled))


def test_joint_commands_in_another_order_are_mapped_by_name():
    command = joint_command()
    fields = ("position", "velocity", "effort", "stiffness", "damping")
    message = shuffle(JointCommandEncoder().encode(command), fields)
    assert_same_bits(command, JointCommandDecoder().decode(message))


def test_names_beyond_the_legs_are_ignored():
    command = joint_command()
    message = JointCommandEncoder().encode(command)
    message.name = ["arm_joint", *message.name]
    for field in ("position", "velocity", "effort", "stiffness", "damping"):
        setattr(message, field, array("d", [math.nan, *getattr(message, field)]))
    assert_same_bits(command, JointCommandDecoder().decode(message))


def test_a_missing_joint_is_named():
    joints, imu, feet = RobotStateEncoder().encode(robot_state())
    joints.name = [n for n in joints.name if n != "RL_calf_joint"]
    with pytest.raises(InvalidValue, match=r"joint_states: missing names: RL_calf_joint"):
        RobotStateDecoder().decode(joints, imu, feet)


def test_a_message_without_names_is_refused():
    message = JointCommandEncoder().encode(joint_command())
    message.name = []
    with pytest.raises(InvalidValue, match=r"joint_commands: missing names: .*FL_hip_joint.*got: none"):
        JointCommandDecoder().decode(message)


def test_a_name_given_twice_is_refused():
    message = JointCommandEncoder().encode(joint_command())
    message.name = [*message.name[:11], "FL_hip_joint"]
    with pytest.raises(InvalidValue, match="occur more than once: FL_hip_joint"):
        JointCommandDecoder().decode(message)


def test_an_array_of_the_wrong_length_is_refused():
    joints, imu, feet = RobotStateEncoder().encode(robot_state())
    joints.velocity = array("d", [0.0] * 11)
    with pytest.raises(InvalidValue, match=r"joint_states.velocity must have 12 values, one per name, got 11"):
        RobotStateDecoder().decode(joints, imu, feet)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_inf_are_refused_with_their_place(bad):
    message = JointCommandEncoder().encode(joint_command())
    message.stiffness[5] = bad
    with pytest.raises(InvalidValue, match=r"JointCommand.stiffness must be finite, got NaN or Inf at index 5"):
        JointCommandDecoder().decode(message)


@pytest.mark.parametrize(
    "field", ["joint_position", "joint_velocity", "joint_effort", "angular_velocity_body", "foot_force"]
)
def test_nan_does_not_leave_the_cores(field):
    state = robot_state()
    getattr(state, field)[2] = math.nan
    with pytest.raises(InvalidValue, match=rf"RobotState.{field} must be finite, got NaN or Inf at index 2"):
        RobotStateEncoder().encode(state)


@pytest.mark.parametrize("field", ["position_world", "orientation", "velocity_body", "foot_force", "contact"])
def test_nan_in_an_estimate_is_refused(field):
    estimate = base_estimate()
    getattr(estimate, field)[1] = math.nan
    with pytest.raises(InvalidValue, match=rf"BaseEstimate.{field} must be finite"):
        BaseEstimateEncoder().encode(estimate)


def test_nan_of_an_imu_is_refused():
    joints, imu, feet = RobotStateEncoder().encode(robot_state())
    imu.linear_acceleration.z = math.nan
    with pytest.raises(InvalidValue, match="linear_acceleration_body must be finite"):
        RobotStateDecoder().decode(joints, imu, feet)


def test_a_quaternion_without_unit_norm_is_refused():
    joints, imu, feet = RobotStateEncoder().encode(robot_state())
    imu.orientation.w = imu.orientation.x = imu.orientation.y = imu.orientation.z = 0.0
    with pytest.raises(InvalidValue, match="orientation must have norm 1, got 0"):
        RobotStateDecoder().decode(joints, imu, feet)


def test_a_negative_gain_is_refused():
    message = JointCommandEncoder().encode(joint_command())
    message.damping[0] = -0.5
    with pytest.raises(InvalidValue, match=r"JointCommand.damping must be >= 0, got -0.5"):
        JointCommandDecoder().decode(message)


def test_a_wrong_shape_is_refused():
    command = joint_command()
    command.effort = np.zeros(11)
    with pytest.raises(InvalidValue, match=r"JointCommand.effort must have shape \(12,\), got \(11,\)"):
        JointCommandEncoder().encode(command)


def test_messages_of_different_instants_are_not_joined():
    joints, imu, feet = RobotStateEncoder().encode(robot_state())
    imu.header.stamp.nanosec += 1
    with pytest.raises(InvalidValue, match=r"same stamp, got joint_states 1.234567891, imu/data 1.234567892"):
        RobotStateDecoder().decode(joints, imu, feet)


def test_decoded_arrays_do_not_change_with_the_message():
    encoder, decoder = RobotStateEncoder(), RobotStateDecoder()
    first = decoder.decode(*encoder.encode(robot_state(0)))
    decoder.decode(*encoder.encode(robot_state(1)))
    assert_same_bits(first, robot_state(0))


def test_single_precision_is_widened_not_reinterpreted():
    command = joint_command()
    command.position = command.position.astype(np.float32)
    decoded = JointCommandDecoder().decode(JointCommandEncoder().encode(command))
    assert decoded.position.tolist() == command.position.astype(np.float64).tolist()


def test_nan_velocity_commands_are_refused():
    twist, body = LocomotionCommandEncoder().encode(LocomotionCommand(), TIME)
    twist.twist.angular.z = math.nan
    with pytest.raises(InvalidValue, match=r"LocomotionCommand.yaw_rate must be finite, got nan"):
        locomotion_command(twist, body)


def test_wrench_survives_the_round_trip_to_the_bit():
    wrench = np.random.default_rng(0).normal(size=6)
    message = wrench_message(wrench, TIME, "odom")
    assert wrench_array(message).tobytes() == wrench.tobytes()
    assert (message.header.frame_id, message.header.stamp.nanosec) == ("odom", 234567891)


def test_wrench_with_nan_is_refused():
    with pytest.raises(InvalidValue, match="wrench must be finite, got NaN or Inf at index 4"):
        wrench_message(np.array([0, 0, 0, 0, math.nan, 0.0]), TIME, "odom")


def test_telemetry_keeps_names_and_numbers():
    values = {"solve_time_s": 1.25e-4, "height_m": 0.27}
    assert telemetry_values(telemetry_message(values, TIME)) == values
