"""Small bags written by `rosbags`, a library that the reader under test shares no code of storage with."""

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_HUMBLE)
T = STORE.types
MCAP, SQLITE = StoragePlugin.MCAP, StoragePlugin.SQLITE3
COMPRESSIONS = {
    "plain": None,
    "message": CompressionMode.MESSAGE,
    "file": CompressionMode.FILE,
    "storage": CompressionMode.STORAGE,
}
NAMES = [f"joint_{i}" for i in range(12)]


def stamp(time_ns):
    return T["builtin_interfaces/msg/Time"](time_ns // 10**9, time_ns % 10**9)


def joints(time_ns, number, frame="base"):
    header = T["std_msgs/msg/Header"](stamp=stamp(time_ns), frame_id=frame)
    values = np.random.default_rng(number).normal(size=(2, 12))
    return T["sensor_msgs/msg/JointState"](header, NAMES, values[0], values[1], np.empty(0))


def twist(number):
    vector = T["geometry_msgs/msg/Vector3"]
    return T["geometry_msgs/msg/Twist"](vector(float(number), 0.5, 0.0), vector(0.0, 0.0, -0.25))


def write(folder, count=200, plugin=MCAP, compression="plain", period_ns=2_000_000):
    """Write `count` joint states and a fifth as many twists."""
    writer = Writer(folder, version=9, storage_plugin=plugin)
    if COMPRESSIONS[compression] is not None:
        writer.set_compression(COMPRESSIONS[compression], CompressionFormat.ZSTD)
    with writer:
        state = writer.add_connection("/joint_states", "sensor_msgs/msg/JointState", typestore=STORE)
        speed = writer.add_connection("/cmd_vel", "geometry_msgs/msg/Twist", typestore=STORE)
        for i in range(count):
            time = 10**9 + i * period_ns
            writer.write(state, time, STORE.serialize_cdr(joints(time, i), "sensor_msgs/msg/JointState"))
            if i % 5 == 0:
                writer.write(speed, time, STORE.serialize_cdr(twist(i), "geometry_msgs/msg/Twist"))
    return folder


def by_rosbags(folder):
    """Read a bag by the library that wrote it."""
    with Reader(folder) as reader:
        return [(time, connection.topic, bytes(data)) for connection, time, data in reader.messages()]


def read(recording, wanted=lambda channel: True):
    return [(m.log_time, m.channel.topic, bytes(m.data)) for m in recording.messages(wanted)]
