"""Bags that tests make up, written by a library other than Pronk's recorder."""

from pathlib import Path

import numpy as np
from made_runs import made_log
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from controllers.robot.joints import JOINT_NAMES
from controllers.rotations import quaternion_from_rpy
from sim.scenarios import Scenario

STORE = get_typestore(Stores.ROS2_HUMBLE)
T = STORE.types


def header(time: float, frame: str = ""):
    nanoseconds = round(time * 1e9)
    stamp = T["builtin_interfaces/msg/Time"](nanoseconds // 10**9, nanoseconds % 10**9)
    return T["std_msgs/msg/Header"](stamp=stamp, frame_id=frame)


def vector(values):
    return T["geometry_msgs/msg/Vector3"](*(float(v) for v in values))


def odometry(time, position, orientation, velocity, spin):
    w, x, y, z = (float(v) for v in orientation)
    pose = T["geometry_msgs/msg/Pose"](
        T["geometry_msgs/msg/Point"](*(float(v) for v in position)), T["geometry_msgs/msg/Quaternion"](x, y, z, w)
    )
    return T["nav_msgs/msg/Odometry"](
        header(time, "odom"),
        "base_link",
        T["geometry_msgs/msg/PoseWithCovariance"](pose, np.zeros(36)),
        T["geometry_msgs/msg/TwistWithCovariance"](
            T["geometry_msgs/msg/Twist"](vector(velocity), vector(spin)), np.zeros(36)
        ),
    )


def numbers(time, values):
    return T["sensor_msgs/msg/JointState"](
        header(time), list(values), np.array(list(values.values()), dtype=float), np.empty(0), np.empty(0)
    )


def wrench(time, values, frame):
    body = T["geometry_msgs/msg/Wrench"](vector(values[:3]), vector(values[3:]))
    return T["geometry_msgs/msg/WrenchStamped"](header(time, frame), body)


def payload(time, mass, offset):
    inertia = T["geometry_msgs/msg/Inertia"](float(mass), vector(offset), *([0.0] * 6))
    return T["geometry_msgs/msg/InertiaStamped"](header(time, "base_link"), inertia)


def write_bag(
    folder: Path,
    scenario: Scenario,
    end: float | None = None,
    fall_at: float | None = None,
    yaw: float = 0.0,
    namespace: str = "",
    learned=(0.0,) * 6,
    true_world=(0.0,) * 6,
    load=None,
) -> Path:
    """Record a robot that follows its commands at 0.3 m height, with one sample each 10 ms."""
    v = made_log(scenario, end=end, dt=0.01).values
    orientation = quaternion_from_rpy(0.0, 0.0, yaw)
    messages: dict[str, list] = {}
    for i, time in enumerate(v["time"].tolist()):
        position = v["position_world"][i].copy()
        fallen = fall_at is not None and time >= fall_at
        position[2] = 0.08 if fallen else 0.3
        on = {
            "ground_truth/odom": odometry(time, position, orientation, v["velocity_body"][i], np.zeros(3)),
            "ground_truth/wrench": wrench(time, true_world, "odom"),
            "residual_wrench": wrench(time, learned, "base_link_heading"),
            "ground_truth/payload": payload(time, v["payload_mass"][i], (-0.08, 0.04, 0.13)),
            "joint_states": numbers(time, {name: 0.01 * k for k, name in reversed(list(enumerate(JOINT_NAMES)))}),
            "controller_state": numbers(
                time,
                {
                    "solve_time_s": 1e-4 if i % 2 else 0.0,
                    "plans": float(i),
                    "deadline_misses": float(i // 100),
                    "height_reference_m": 0.3,
                    "velocity_x_reference_mps": float(v["velocity_reference"][i, 0]),
                    "velocity_y_reference_mps": float(v["velocity_reference"][i, 1]),
                },
            ),
            "sim_state": numbers(
                time,
                {
                    "real_time_factor": 0.99,
                    "command_age_p50_s": 0.002,
                    "command_age_p99_s": 0.004,
                    "fell": float(fallen),
                },
            ),
        }
        if load is not None:
            on["load_wrench"] = wrench(time, load, "base_link_heading")
        for topic, message in on.items():
            messages.setdefault(topic, []).append((time, message))
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            topic: writer.add_connection(f"{namespace}/{topic}", rows[0][1].__msgtype__, typestore=STORE)
            for topic, rows in messages.items()
        }
        for row in zip(*messages.values(), strict=True):
            for topic, (time, message) in zip(messages, row, strict=True):
                data = STORE.serialize_cdr(message, message.__msgtype__)
                writer.write(connections[topic], round(time * 1e9), data)
    return folder
