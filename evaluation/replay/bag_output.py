"""Writes bags in the layout of rosbag2 that Foxglove and ROS tools open, without ROS."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from controllers.errors import InvalidValue
from controllers.robot.interface import JointCommand, RobotState
from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES
from evaluation.replay.message_types import PRONK_MESSAGES
from evaluation.replay.recording import METADATA

Array = npt.NDArray[np.float64]
_NONE = np.empty(0)
# Marks a folder that may be replaced.
MARK = "written_by"


def clear_bag(folder: Path, author: str) -> None:
    """Remove a bag that the same author wrote before.

    Args:
        folder: Its folder; it need not exist.
        author: Who writes it.

    Raises:
        InvalidValue: There is something else, which is left alone.
    """
    if not folder.exists():
        return
    metadata = folder / METADATA
    ours = metadata.is_file() and f"{MARK}: {author}" in metadata.read_text(encoding="utf-8")
    files = list(folder.iterdir()) if ours else []
    if not ours or any(file.name != METADATA and file.suffix != ".mcap" for file in files):
        raise InvalidValue(f"'{folder}' exists and is no bag of '{author}'; choose another folder")
    for file in files:
        file.unlink()
    folder.rmdir()


class BagOutput:
    """A bag being written; use it in a `with` statement."""

    def __init__(self, folder: Path, author: str) -> None:
        """Create the bag.

        Args:
            folder: Folder to make; a bag of the same author is replaced.
            author: Who writes it, such as "pronk replay".

        Raises:
            InvalidValue: The folder exists and is something else.
        """
        clear_bag(folder, author)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._store = get_typestore(Stores.ROS2_KILTED)
        for name, text in PRONK_MESSAGES.items():
            self._store.register(get_types_from_msg(text, name))
        self._writer = Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._writer.set_custom_data(MARK, author)
        self._connections: dict[str, Any] = {}

    def __enter__(self) -> "BagOutput":
        """Open it."""
        self._writer.open()
        return self

    def __exit__(self, *error: object) -> None:
        """Complete it."""
        self._writer.close()

    def _put(self, topic: str, time: float, message: Any) -> None:
        kind = message.__msgtype__
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(f"/{topic}", kind, typestore=self._store)
        data = self._store.serialize_cdr(message, kind)
        self._writer.write(self._connections[topic], round(time * 1e9), data)

    def _make(self, kind: str, *values: Any) -> Any:
        return self._store.types[kind](*values)

    def _header(self, time: float, frame: str = "") -> Any:
        stamp = self._make("builtin_interfaces/msg/Time", *divmod(round(time * 1e9), 10**9))
        return self._make("std_msgs/msg/Header", stamp, frame)

    def _vector(self, values: Sequence[float] | Array, kind: str = "Vector3") -> Any:
        x, y, z = (float(v) for v in values)
        return self._make(f"geometry_msgs/msg/{kind}", x, y, z)

    def joints(
        self, topic: str, time: float, names: Sequence[str], position: Array, velocity: Array, effort: Array
    ) -> None:
        """Write joint states; empty arrays for what is not known."""
        message = self._make("sensor_msgs/msg/JointState", self._header(time), list(names), position, velocity, effort)
        self._put(topic, time, message)

    def numbers(self, topic: str, time: float, values: Mapping[str, float]) -> None:
        """Write named numbers, in the form that plotting tools show by name."""
        self.joints(topic, time, list(values), np.array(list(values.values()), dtype=np.float64), _NONE, _NONE)

    def reading(self, state: RobotState) -> None:
        """Write a reading to `joint_states`, `imu/data` and, where there are sensors, `foot_sensors`."""
        time = state.time
        if state.foot_force is not None:
            self.joints("foot_sensors", time, FOOT_NAMES, _NONE, _NONE, state.foot_force)
        w, x, y, z = (float(v) for v in state.orientation)
        unknown = np.zeros(9)
        message = self._make(
            "sensor_msgs/msg/Imu",
            self._header(time, "base_link"),
            self._make("geometry_msgs/msg/Quaternion", x, y, z, w),
            unknown,
            self._vector(state.angular_velocity_body),
            unknown,
            self._vector(state.linear_acceleration_body),
            unknown,
        )
        self._put("imu/data", time, message)
        self.joints("joint_states", time, JOINT_NAMES, state.joint_position, state.joint_velocity, state.joint_effort)

    def odometry(
        self, topic: str, time: float, position: Array, orientation: Array, velocity_body: Array, spin_body: Array
    ) -> None:
        """Write a pose in `odom` and a twist in `base_link`."""
        w, x, y, z = (float(v) for v in orientation)
        pose = self._make(
            "geometry_msgs/msg/Pose",
            self._vector(position, "Point"),
            self._make("geometry_msgs/msg/Quaternion", x, y, z, w),
        )
        twist = self._make("geometry_msgs/msg/Twist", self._vector(velocity_body), self._vector(spin_body))
        message = self._make(
            "nav_msgs/msg/Odometry",
            self._header(time, "odom"),
            "base_link",
            self._make("geometry_msgs/msg/PoseWithCovariance", pose, np.zeros(36)),
            self._make("geometry_msgs/msg/TwistWithCovariance", twist, np.zeros(36)),
        )
        self._put(topic, time, message)

    def wrench(self, topic: str, time: float, frame: str, wrench: Array) -> None:
        """Write a force and a moment, shape (6,) [N, N·m]."""
        body = self._make("geometry_msgs/msg/Wrench", self._vector(wrench[:3]), self._vector(wrench[3:]))
        self._put(topic, time, self._make("geometry_msgs/msg/WrenchStamped", self._header(time, frame), body))

    def joint_command(self, topic: str, command: JointCommand) -> None:
        """Write an impedance command at its own time."""
        c = command
        message = self._make(
            "pronk_msgs/msg/JointCommand",
            self._header(c.time),
            list(JOINT_NAMES),
            *(np.ascontiguousarray(v) for v in (c.position, c.velocity, c.effort, c.stiffness, c.damping)),
        )
        self._put(topic, c.time, message)

    def velocity_command(self, topic: str, time: float, velocity: Sequence[float] | Array, yaw_rate: float) -> None:
        """Write a velocity asked for, shape (2,) [m/s], and a yaw rate [rad/s]."""
        x, y = (float(v) for v in velocity)
        twist = self._make(
            "geometry_msgs/msg/Twist", self._vector((x, y, 0.0)), self._vector((0.0, 0.0, float(yaw_rate)))
        )
        self._put(topic, time, self._make("geometry_msgs/msg/TwistStamped", self._header(time, "base_link"), twist))

    def posture_command(
        self, topic: str, time: float, gait: str, height: float | None, roll: float, pitch: float
    ) -> None:
        """Write a gait and a posture; None for the nominal height [m]."""
        number = math.nan if height is None else float(height)
        message = self._make("pronk_msgs/msg/BodyCommand", self._header(time), gait, number, float(roll), float(pitch))
        self._put(topic, time, message)
