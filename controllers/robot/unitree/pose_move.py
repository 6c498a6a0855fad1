"""Slow motion from the measured pose to another, and whether a measured pose can be believed."""

import math

import numpy as np
import numpy.typing as npt

from controllers.blend import quintic_blend
from controllers.errors import InvalidValue
from controllers.robot.description import RobotDescription
from controllers.robot.interface import N_JOINTS, JointCommand, RobotState
from controllers.robot.joints import JOINT_NAMES

Array = npt.NDArray[np.float64]

# Gains of the vendor's example that stands a Go2 up (unitree_sdk2_python, go2_stand_example.py).
STIFFNESS = 60.0
DAMPING = 5.0
SHORTEST_S = 1.2
# Steepest slope of the quintic blend.
_STEEPEST = 1.875


class PoseMove:
    """Blends all joints from where they are to a pose, starting and ending at rest.

    The first target is the measured pose itself, so the motors start without a jump.
    """

    def __init__(self, start: Array, target: Array, begin: float, rate: float = 1.0) -> None:
        """Plan the motion.

        Args:
            start: Measured joint angles, shape (12,) [rad].
            target: Joint angles at the end, shape (12,) [rad].
            begin: Time now [s].
            rate: Largest joint speed [rad/s].

        Raises:
            InvalidValue: A pose has the wrong shape or is not finite, or the rate is not positive.
        """
        for name, pose in (("start", start), ("target", target)):
            if pose.shape != (N_JOINTS,) or not np.isfinite(pose).all():
                raise InvalidValue(f"PoseMove.{name} must be {N_JOINTS} finite numbers, got {pose}")
        if not 0.0 < rate < math.inf:
            raise InvalidValue(f"PoseMove.rate must be > 0, got {rate}")
        self._start = start.copy()
        self._way = target - start
        self._begin = begin
        self.duration = max(SHORTEST_S, _STEEPEST * float(np.abs(self._way).max()) / rate)

    def done(self, time: float) -> bool:
        """Whether the motion has ended."""
        return time >= self._begin + self.duration

    def command(self, time: float) -> JointCommand:
        """Evaluate the motion.

        Args:
            time: Time now [s].

        Returns:
            Impedance command; before the begin it holds the start, after the end the target.
        """
        blend, slope = quintic_blend((time - self._begin) / self.duration)
        return JointCommand(
            time,
            self._start + blend * self._way,
            slope / self.duration * self._way,
            np.zeros(N_JOINTS),
            np.full(N_JOINTS, STIFFNESS),
            np.full(N_JOINTS, DAMPING),
        )


def tilt(state: RobotState) -> float:
    """Measure how far the robot leans.

    Args:
        state: A valid reading.

    Returns:
        Angle between the vertical and the base's z axis [rad].
    """
    _, x, y, _ = (state.orientation / np.linalg.norm(state.orientation)).tolist()
    return math.acos(min(1.0, max(-1.0, 1.0 - 2.0 * (x * x + y * y))))


def why_implausible(
    state: RobotState, robot: RobotDescription, *, tolerance: float = 0.2, speed: float = 2.0, lean: float = 0.6
) -> str:
    """Look for what forbids to take a robot over in the pose that it reports.

    Args:
        state: A valid reading.
        robot: Limits of its joints.
        tolerance: How far beyond its stop a joint may be measured [rad].
        speed: Largest speed of a joint at rest [rad/s].
        lean: Largest tilt [rad].

    Returns:
        What is wrong; empty when nothing is.
    """
    q, dq = state.joint_position, state.joint_velocity
    if not q.any():
        return "all joint angles are exactly zero: the motors do not report"
    outside = np.maximum(robot.joint_lower - q, q - robot.joint_upper)
    worst = int(outside.argmax())
    if outside[worst] > tolerance:
        low, high = robot.joint_lower[worst], robot.joint_upper[worst]
        return f"{JOINT_NAMES[worst]} is at {q[worst]:.3f} rad, its range is {low:.3f} to {high:.3f} rad"
    fastest = int(np.abs(dq).argmax())
    if abs(dq[fastest]) > speed:
        return f"{JOINT_NAMES[fastest]} moves at {dq[fastest]:.2f} rad/s, at rest are up to {speed:g} rad/s"
    leaning = tilt(state)
    if leaning > lean:
        return f"the robot leans by {leaning:.2f} rad, allowed {lean:g} rad"
    return ""
