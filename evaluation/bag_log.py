"""Reads a recorded run into arrays.

The bag is read record by record, so that one whose recorder was killed gives all that it holds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mcap.exceptions import McapError
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from controllers.errors import InvalidValue
from controllers.robot.joints import JOINT_NAMES

Array = npt.NDArray[np.float64]

ODOM = "ground_truth/odom"
JOINTS = "joint_states"
RESIDUAL = "residual_wrench"
LOAD = "load_wrench"
TRUE_WRENCH = "ground_truth/wrench"
PAYLOAD = "ground_truth/payload"
CONTROLLER = "controller_state"
SIMULATOR = "sim_state"


@dataclass
class Series:
    """Samples of one topic.

    Attributes:
        time: Stamps of the messages, shape (T,) [s].
        values: Arrays by name, time first.
        frame: Frame of the first message.
    """

    time: Array
    values: dict[str, Array]
    frame: str = ""

    def at(self, name: str, time: Array, most_age_s: float = np.inf) -> Array:
        """Look up the newest sample at given times.

        Args:
            name: Name of the values.
            time: Times, shape (T,) [s].
            most_age_s: Age beyond which a sample says nothing [s].

        Returns:
            Values, time first; NaN where there is no sample yet, or only an older one.
        """
        values = self.values.get(name)
        if values is None or not len(values):
            return np.full(len(time), np.nan)
        index = np.searchsorted(self.time, time + 1e-9, side="right") - 1
        found = values[np.maximum(index, 0)].copy()
        found[(index < 0) | (time - self.time[np.maximum(index, 0)] > most_age_s)] = np.nan
        return found


@dataclass
class BagLog:
    """A recorded run.

    Attributes:
        path: The bag.
        series: Samples by topic name without namespace; topics that were not recorded are missing.
        counts: Number of messages of every recorded topic.
        complete: Whether the recorder closed the bag.
    """

    path: Path
    series: dict[str, Series] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    complete: bool = True


def _odometry(message: Any) -> dict[str, Any]:
    p, q = message.pose.pose.position, message.pose.pose.orientation
    v, w = message.twist.twist.linear, message.twist.twist.angular
    return {
        "position_world": (p.x, p.y, p.z),
        "orientation": (q.w, q.x, q.y, q.z),
        "velocity_body": (v.x, v.y, v.z),
        "angular_velocity_body": (w.x, w.y, w.z),
    }


def _joints(message: Any) -> dict[str, Any]:
    place = {name: index for index, name in enumerate(message.name)}
    missing = [name for name in JOINT_NAMES if name not in place]
    if missing:
        raise InvalidValue(f"{JOINTS} lacks the joint '{missing[0]}'")
    return {"joint_position": [message.position[place[name]] for name in JOINT_NAMES]}


def _wrench(message: Any) -> dict[str, Any]:
    f, m = message.wrench.force, message.wrench.torque
    return {"wrench": (f.x, f.y, f.z, m.x, m.y, m.z)}


def _payload(message: Any) -> dict[str, Any]:
    c = message.inertia.com
    return {"mass_kg": message.inertia.m, "offset_m": (c.x, c.y, c.z)}


def _numbers(message: Any) -> dict[str, Any]:
    return dict(zip(message.name, message.position, strict=False))


DECODERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    ODOM: _odometry,
    JOINTS: _joints,
    RESIDUAL: _wrench,
    LOAD: _wrench,
    TRUE_WRENCH: _wrench,
    PAYLOAD: _payload,
    CONTROLLER: _numbers,
    SIMULATOR: _numbers,
}


def read_bag(path: Path) -> BagLog:
    """Read the topics that a report needs.

    Args:
        path: Folder of a bag, or an MCAP file.

    Returns:
        The run.

    Raises:
        InvalidValue: There is no bag, or it has no true odometry.
    """
    log = BagLog(path)
    store = get_typestore(Stores.ROS2_HUMBLE)
    times: dict[str, list[float]] = {}
    columns: dict[str, list[dict[str, Any]]] = {}
    frames: dict[str, str] = {}
    for schema, channel, message in _messages(log):
        topic = _plain(channel.topic)
        log.counts[topic] = log.counts.get(topic, 0) + 1
        decode = DECODERS.get(topic)
        if decode is None:
            continue
        if schema.name not in store.types:
            store.register(get_types_from_msg(schema.data.decode(), schema.name))
        decoded: Any = store.deserialize_cdr(message.data, schema.name)
        stamp = decoded.header.stamp
        times.setdefault(topic, []).append(stamp.sec + 1e-9 * stamp.nanosec)
        columns.setdefault(topic, []).append(decode(decoded))
        frames.setdefault(topic, decoded.header.frame_id)
    for topic, rows in columns.items():
        log.series[topic] = _series(np.array(times[topic]), rows, frames[topic])
    if ODOM not in log.series:
        raise InvalidValue(f"'{path}' has no messages on {ODOM}; it has: {', '.join(sorted(log.counts)) or 'nothing'}")
    return log


def _series(time: Array, rows: list[dict[str, Any]], frame: str) -> Series:
    names = list(dict.fromkeys(name for row in rows for name in row))
    absent = {name: np.full(np.shape(next(r[name] for r in rows if name in r)), np.nan) for name in names}
    order = np.argsort(time, kind="stable")
    values = {name: np.array([row.get(name, absent[name]) for row in rows], dtype=np.float64)[order] for name in names}
    return Series(time[order], values, frame)


def _plain(topic: str) -> str:
    """Take the namespace off a topic that a report reads."""
    bare = topic.lstrip("/")
    for name in sorted(DECODERS, key=len, reverse=True):
        if bare == name or bare.endswith(f"/{name}"):
            return name
    return bare


def _messages(log: BagLog) -> Iterator[tuple[Schema, Channel, Message]]:
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    for path in _files(log.path):
        with path.open("rb") as file:
            try:
                for record in StreamReader(file).records:
                    if isinstance(record, Schema):
                        schemas[record.id] = record
                    elif isinstance(record, Channel):
                        channels[record.id] = record
                    elif isinstance(record, Message):
                        channel = channels[record.channel_id]
                        yield schemas[channel.schema_id], channel, record
            except McapError:
                log.complete = False


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = sorted(path.glob("*.mcap"), key=lambda file: (len(file.name), file.name)) if path.is_dir() else []
    if not files:
        raise InvalidValue(f"'{path}' is no bag: there is no MCAP file")
    return files
