"""Odometry messages made into readings of the plane that all robots share."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from nav_msgs.msg import Odometry

from controllers.errors import InvalidValue
from controllers.rotations import matrix_from_quaternion
from controllers.safety.reading import Reading
from pronk_node_kit.stamps import time_from_stamp

Array = npt.NDArray[np.float64]

# A stamp that falls back by more than this comes from a clock that was started anew [s].
RESTART_S = 1.0


@dataclass(frozen=True)
class Origin:
    """Where a robot's odometry begins, in the frame that all robots share.

    Attributes:
        x: Position [m].
        y: Position [m].
        yaw: Direction of its x axis [rad].
    """

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0


def planar_reading(message: Odometry, received: float, origin: Origin | None = None) -> Reading:
    """Read the motion in the plane.

    Args:
        message: Pose in its frame, twist in the frame of the base.
        received: When it was received, on the node's clock [s].
        origin: Where the message's frame lies in the shared one.

    Returns:
        The reading; values that are not finite stay so for the filter to refuse, and the heading is NaN where the
        quaternion is not one of length 1.
    """
    pose, twist = message.pose.pose, message.twist.twist
    q = np.array((pose.orientation.w, pose.orientation.x, pose.orientation.y, pose.orientation.z))
    position = np.array((pose.position.x, pose.position.y))
    # Also false for NaN.
    if abs(float(np.linalg.norm(q)) - 1.0) < 0.01:
        rotation = matrix_from_quaternion(q / np.linalg.norm(q))
        heading = math.atan2(rotation[1, 0], rotation[0, 0])
        velocity = (rotation @ np.array((twist.linear.x, twist.linear.y, twist.linear.z)))[:2]
    else:
        heading, velocity = math.nan, np.array((twist.linear.x, twist.linear.y))
    if origin is None:
        return Reading(received, position, heading, velocity)
    c, s = math.cos(origin.yaw), math.sin(origin.yaw)
    turn = np.array(((c, -s), (s, c)))
    return Reading(received, turn @ position + (origin.x, origin.y), heading + origin.yaw, turn @ velocity)


class OdometryInbox:
    """Keeps the newest odometry of one robot, and refuses what is no news."""

    def __init__(self, name: str, frame: str, origin: Origin | None) -> None:
        """Begin without any.

        Args:
            name: The robot, for errors.
            frame: Frame that all robots share.
            origin: Where the robot's odometry begins; None where it must be in the shared frame.
        """
        self.name = name
        self._frame = frame
        self._origin = origin
        self._stamp = -math.inf
        self.reading: Reading | None = None

    def take(self, message: Odometry, now: float) -> None:
        """Take in a message; `reading` then is the newest, whatever its values are.

        Args:
            message: Odometry.
            now: Now, on the node's clock [s].

        Raises:
            InvalidValue: It is in another frame or its stamp repeats (`reading` stays), or a value is not finite
                (`reading` is that message's, for the filter to stop at once).
        """
        frame = message.header.frame_id
        if self._origin is None and frame != self._frame:
            raise InvalidValue(
                f"odometry of {self.name} must be in frame '{self._frame}', got '{frame}'; give the origins of all "
                "robots where each has a frame of its own"
            )
        stamp = time_from_stamp(message.header.stamp)
        if self._stamp - RESTART_S <= stamp <= self._stamp:
            raise InvalidValue(
                f"odometry of {self.name}: stamps must increase, got {stamp:.3f} after {self._stamp:.3f}"
            )
        self._stamp = stamp
        self.reading = planar_reading(message, now, self._origin)
        try:
            self.reading.validate()
        except InvalidValue as error:
            raise InvalidValue(f"odometry of {self.name}: {error}") from None
