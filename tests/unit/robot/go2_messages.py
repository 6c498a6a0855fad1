"""LowState messages of a Go2 that is well, built without the code under test."""

import struct

import numpy as np

from controllers.robot.catalog import load_robot
from controllers.robot.joints import JOINT_NAMES
from controllers.robot.unitree.checksum import sign
from controllers.robot.unitree.layout import LOW_STATE

LYING = load_robot("go2").lying_position
# Vendor's number of each joint of Pronk, from its published list.
NUMBER = {"FR": 0, "FL": 3, "RR": 6, "RL": 9}
MOTOR = [NUMBER[name[:2]] + ("hip", "thigh", "calf").index(name.split("_")[1]) for name in JOINT_NAMES]


def low_state(pose=LYING, tick=2, temperature=35, battery=80, lost=0, keys=0, seal=True, **fields):
    """Build a message; `pose` in the order of joints."""
    record = np.zeros(1, dtype=LOW_STATE)
    record["head"] = (0xFE, 0xEF)
    for joint, motor in enumerate(MOTOR):
        state = record["motor_state"][0, motor]
        state["mode"], state["q"] = 1, pose[joint]
        state["dq"], state["tau_est"] = 0.01 * joint, -0.1 * joint
        state["temperature"], state["lost"] = temperature, lost
    record["imu_state"]["quaternion"] = (1.0, 0.0, 0.0, 0.0)
    record["imu_state"]["accelerometer"] = (0.0, 0.0, 9.81)
    record["bms_state"]["soc"] = battery
    record["foot_force"] = (20, 10, 40, 30)
    record["tick"] = tick
    record["power_v"] = 29.5
    record["wireless_remote"][0, 2:4] = np.frombuffer(struct.pack("<H", keys), dtype=np.uint8)
    for name, value in fields.items():
        record[name] = value
    if seal:
        sign(record)
    return record
