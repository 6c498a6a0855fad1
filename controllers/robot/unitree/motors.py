"""Order of motors and feet in the vendor's messages: the one place where it meets Pronk's order.

The vendor counts FR, FL, RR, RL x hip, thigh, calf (unitree_ros2, motor_crc.h; its feet likewise); everything in
Pronk is ordered FL, FR, RL, RR. Angles and torques of both have the same zero and the same sign.
"""

from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES, SEGMENTS, index_of

MOTOR_LEGS: tuple[str, ...] = ("FR", "FL", "RR", "RL")
MOTOR_NAMES: tuple[str, ...] = tuple(f"{leg}_{segment}_joint" for leg in MOTOR_LEGS for segment in SEGMENTS)
MOTOR_FEET: tuple[str, ...] = tuple(f"{leg}_foot" for leg in MOTOR_LEGS)

# values_in_motor_order[JOINTS_FROM_MOTORS] are in the order of joints, and the other way round.
JOINTS_FROM_MOTORS = index_of(MOTOR_NAMES, JOINT_NAMES)
MOTORS_FROM_JOINTS = index_of(JOINT_NAMES, MOTOR_NAMES)
FEET_FROM_VENDOR = index_of(MOTOR_FEET, FOOT_NAMES)
VENDOR_FROM_FEET = index_of(FOOT_NAMES, MOTOR_FEET)
