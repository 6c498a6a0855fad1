import numpy as np

from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES
from controllers.robot.unitree.motors import (
    FEET_FROM_VENDOR,
    JOINTS_FROM_MOTORS,
    MOTOR_FEET,
    MOTOR_NAMES,
    MOTORS_FROM_JOINTS,
    VENDOR_FROM_FEET,
)

# Indices of unitree_ros2, motor_crc.h: FR_0 = 0 ... RL_2 = 11.
PUBLISHED = {
    **{"FR_hip_joint": 0, "FR_thigh_joint": 1, "FR_calf_joint": 2, "FL_hip_joint": 3, "FL_thigh_joint": 4},
    **{"FL_calf_joint": 5, "RR_hip_joint": 6, "RR_thigh_joint": 7, "RR_calf_joint": 8, "RL_hip_joint": 9},
    **{"RL_thigh_joint": 10, "RL_calf_joint": 11},
}


def test_motors_are_numbered_as_published():
    assert {name: i for i, name in enumerate(MOTOR_NAMES)} == PUBLISHED


def test_values_by_motor_come_out_by_joint():
    by_motor = np.array([10.0 * PUBLISHED[name] for name in MOTOR_NAMES])
    by_joint = by_motor[JOINTS_FROM_MOTORS]
    assert by_joint.tolist() == [10.0 * PUBLISHED[name] for name in JOINT_NAMES]
    # Written out by hand as in other drivers.
    assert JOINTS_FROM_MOTORS.tolist() == [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]


def test_values_by_joint_come_out_by_motor():
    by_joint = np.array([10.0 * PUBLISHED[name] for name in JOINT_NAMES])
    assert by_joint[MOTORS_FROM_JOINTS].tolist() == [10.0 * i for i in range(12)]


def test_feet_follow_their_legs():
    assert MOTOR_FEET == ("FR_foot", "FL_foot", "RR_foot", "RL_foot")
    assert np.array(MOTOR_FEET)[FEET_FROM_VENDOR].tolist() == list(FOOT_NAMES)
    assert np.array(FOOT_NAMES)[VENDOR_FROM_FEET].tolist() == list(MOTOR_FEET)
