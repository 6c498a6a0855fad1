"""Robot states and base estimates made into messages, and back.

Exact to the bit, by name, and closed to NaN. Encoders own their messages and fill them anew at each call, because
building a message costs more than filling it: publish (or copy) the result before the next call. Decoders remember
where the names stood, so that an unchanged order of names costs one comparison.
"""

import math

import numpy as np
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Imu, JointState

from controllers.robot.interface import BaseEstimate, RobotState
from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES
from pronk_node_kit.name_map import NameMap, all_finite, common_time, doubles
from pronk_node_kit.stamps import set_stamp

_SENSORS = ("joint_states", "imu/data", "foot_sensors")


class RobotStateEncoder:
    """Splits a robot state into `joint_states`, `imu/data` and `foot_sensors`."""

    def __init__(self, base_frame: str = "base_link") -> None:
        """Build the messages.

        Args:
            base_frame: Frame of the IMU's readings.
        """
        self._joints = JointState(name=list(JOINT_NAMES))
        self._imu = Imu()
        self._imu.header.frame_id = base_frame
        self._feet = JointState(name=list(FOOT_NAMES))

    def encode(self, state: RobotState) -> tuple[JointState, Imu, JointState | None]:
        """Fill the messages.

        Args:
            state: One reading.

        Returns:
            `joint_states`, `imu/data`, and `foot_sensors` (None for a robot without foot sensors).

        Raises:
            InvalidValue: Wrong shape, NaN or Inf.
        """
        _check_state(state)
        set_stamp(state.time, self._joints.header.stamp, self._imu.header.stamp, self._feet.header.stamp)
        self._joints.position = doubles(state.joint_position)
        self._joints.velocity = doubles(state.joint_velocity)
        self._joints.effort = doubles(state.joint_effort)
        q, w, a = self._imu.orientation, self._imu.angular_velocity, self._imu.linear_acceleration
        q.w, q.x, q.y, q.z = state.orientation.tolist()
        w.x, w.y, w.z = state.angular_velocity_body.tolist()
        a.x, a.y, a.z = state.linear_acceleration_body.tolist()
        if state.foot_force is None:
            return self._joints, self._imu, None
        self._feet.effort = doubles(state.foot_force)
        return self._joints, self._imu, self._feet


def _check_state(state: RobotState) -> None:
    # The full check takes longer than the conversion; it runs only to word the error.
    q, w, a = state.orientation, state.angular_velocity_body, state.linear_acceleration_body
    joints = state.joint_position, state.joint_velocity, state.joint_effort
    good = joints[0].shape == joints[1].shape == joints[2].shape == (12,)
    good = good and q.shape == (4,) and w.shape == a.shape == (3,)
    good = good and all_finite(*joints, q, w, a) and abs(math.sqrt(q @ q) - 1.0) < 0.99e-2
    if good and state.foot_force is not None:
        good = state.foot_force.shape == (4,) and all_finite(state.foot_force)
    if not good:
        state.validate()


class RobotStateDecoder:
    """Joins `joint_states`, `imu/data` and `foot_sensors` of one stamp into a robot state."""

    def __init__(self) -> None:
        """Start without knowledge of the names' order."""
        self._joints = NameMap("joint_states", JOINT_NAMES)
        self._feet = NameMap("foot_sensors", FOOT_NAMES)

    def decode(self, joints: JointState, imu: Imu, feet: JointState | None = None) -> RobotState:
        """Read the messages.

        Args:
            joints: Message of `joint_states`; its names may stand in any order.
            imu: Message of `imu/data` with the same stamp.
            feet: Message of `foot_sensors` with the same stamp, or None for a robot without foot sensors.

        Returns:
            The state; its arrays are new.

        Raises:
            InvalidValue: A name is missing, a length is wrong, a value is NaN or Inf, or the stamps differ.
        """
        if feet is None:
            time, force = common_time(_SENSORS, joints, imu), None
        else:
            time = common_time(_SENSORS, joints, imu, feet)
            self._feet.learn(feet.name)
            force = self._feet.pick("effort", feet.effort)
        self._joints.learn(joints.name)
        q, w, a = imu.orientation, imu.angular_velocity, imu.linear_acceleration
        state = RobotState(
            time=time,
            joint_position=self._joints.pick("position", joints.position),
            joint_velocity=self._joints.pick("velocity", joints.velocity),
            joint_effort=self._joints.pick("effort", joints.effort),
            orientation=np.array((q.w, q.x, q.y, q.z)),
            angular_velocity_body=np.array((w.x, w.y, w.z)),
            linear_acceleration_body=np.array((a.x, a.y, a.z)),
            foot_force=force,
        )
        _check_state(state)
        return state


class BaseEstimateEncoder:
    """Splits an estimate of the base into `odom` and `foot_contacts`."""

    def __init__(self, odom_frame: str = "odom", base_frame: str = "base_link") -> None:
        """Build the messages.

        Args:
            odom_frame: Frame of the pose.
            base_frame: Frame of the twist.
        """
        self._odometry = Odometry(child_frame_id=base_frame)
        self._odometry.header.frame_id = odom_frame
        self._contacts = JointState(name=list(FOOT_NAMES))

    def encode(self, estimate: BaseEstimate) -> tuple[Odometry, JointState]:
        """Fill the messages.

        Args:
            estimate: Estimate of one instant.

        Returns:
            `odom`, and `foot_contacts` with position = contact (0 or 1) and effort = normal force [N].

        Raises:
            InvalidValue: Wrong shape, NaN or Inf.
        """
        _check_estimate(estimate)
        set_stamp(estimate.time, self._odometry.header.stamp, self._contacts.header.stamp)
        pose, twist = self._odometry.pose.pose, self._odometry.twist.twist
        p, q, v, w = pose.position, pose.orientation, twist.linear, twist.angular
        p.x, p.y, p.z = estimate.position_world.tolist()
        q.w, q.x, q.y, q.z = estimate.orientation.tolist()
        v.x, v.y, v.z = estimate.velocity_body.tolist()
        w.x, w.y, w.z = estimate.angular_velocity_body.tolist()
        self._contacts.position = doubles(estimate.contact)
        self._contacts.effort = doubles(estimate.foot_force)
        return self._odometry, self._contacts


def _check_estimate(estimate: BaseEstimate) -> None:
    p, q, force, contact = estimate.position_world, estimate.orientation, estimate.foot_force, estimate.contact
    v, w = estimate.velocity_body, estimate.angular_velocity_body
    good = p.shape == v.shape == w.shape == (3,) and q.shape == force.shape == contact.shape == (4,)
    if not (good and all_finite(p, q, v, w, force, contact)):
        estimate.validate()


class BaseEstimateDecoder:
    """Joins `odom` and `foot_contacts` of one stamp into an estimate of the base."""

    def __init__(self) -> None:
        """Start without knowledge of the names' order."""
        self._feet = NameMap("foot_contacts", FOOT_NAMES)

    def decode(self, odometry: Odometry, contacts: JointState) -> BaseEstimate:
        """Read the messages.

        Args:
            odometry: Message of `odom`.
            contacts: Message of `foot_contacts` with the same stamp; its names may stand in any order.

        Returns:
            The estimate; its arrays are new.

        Raises:
            InvalidValue: A name is missing, a length is wrong, a value is NaN or Inf, or the stamps differ.
        """
        self._feet.learn(contacts.name)
        pose, twist = odometry.pose.pose, odometry.twist.twist
        p, q, v, w = pose.position, pose.orientation, twist.linear, twist.angular
        estimate = BaseEstimate(
            time=common_time(("odom", "foot_contacts"), odometry, contacts),
            position_world=np.array((p.x, p.y, p.z)),
            orientation=np.array((q.w, q.x, q.y, q.z)),
            velocity_body=np.array((v.x, v.y, v.z)),
            angular_velocity_body=np.array((w.x, w.y, w.z)),
            foot_force=self._feet.pick("effort", contacts.effort),
            contact=self._feet.pick("position", contacts.position),
        )
        _check_estimate(estimate)
        return estimate
