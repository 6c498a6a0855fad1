"""What the simulator knows, as messages."""

from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import InertiaStamped
from nav_msgs.msg import Odometry

from pronk_node_kit.conversions import set_stamp
from sim.disturbances import Payload
from sim.ground_truth import GroundTruth


def odometry_message(truth: GroundTruth, message: Odometry) -> Odometry:
    """Fill an odometry message with the true pose and twist.

    Args:
        truth: True state.
        message: Message to fill; twist in the base frame, as everywhere in ROS.

    Returns:
        The same message.
    """
    set_stamp(truth.time, message.header.stamp)
    message.header.frame_id, message.child_frame_id = "odom", "base_link"
    pose, twist = message.pose.pose, message.twist.twist
    p, q, v, w = pose.position, pose.orientation, twist.linear, twist.angular
    p.x, p.y, p.z = truth.position_world.tolist()
    q.w, q.x, q.y, q.z = truth.orientation.tolist()
    v.x, v.y, v.z = truth.velocity_body.tolist()
    w.x, w.y, w.z = truth.angular_velocity_body.tolist()
    return message


def payload_message(
    payloads: Sequence[Payload], elapsed: float, time: float, message: InertiaStamped
) -> InertiaStamped:
    """Fill an inertia message with the sum of all payloads.

    Args:
        payloads: Payloads on the robot now.
        elapsed: Time since the start of the scenario [s].
        time: Time now [s].
        message: Message to fill; mass and common centre of mass, base frame.

    Returns:
        The same message.
    """
    set_stamp(time, message.header.stamp)
    message.header.frame_id = "base_link"
    masses = [payload.mass(elapsed) for payload in payloads]
    total = float(sum(masses))
    com = np.zeros(3)
    for payload, mass in zip(payloads, masses, strict=True):
        com += mass * np.array(payload.offset_m)
    if total > 0.0:
        com /= total
    message.inertia.m = total
    message.inertia.com.x, message.inertia.com.y, message.inertia.com.z = com.tolist()
    return message
