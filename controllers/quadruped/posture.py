"""Rising from the ground and lying down again, in foot space."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.blend import quintic_blend
from controllers.errors import InvalidValue
from controllers.quadruped.centroidal import GRAVITY
from controllers.robot.description import RobotDescription
from controllers.robot.interface import JointCommand
from controllers.robot.kinematics import LegKinematics

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PostureConfig:
    """How the robot rises and lies down.

    Attributes:
        rise_time: Time from lying to standing [s].
        lower_time: Time from standing to lying [s].
        stiffness: Position gain of all joints meanwhile, per kilogram of robot [N·m/rad/kg].
        damping: Velocity gain, per kilogram of robot [N·m·s/rad/kg].
    """

    rise_time: float = 1.4
    lower_time: float = 1.4
    stiffness: float = 5.0
    damping: float = 0.2

    def __post_init__(self) -> None:
        """Refuse times that would throw the robot, and negative gains.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        for name in ("rise_time", "lower_time"):
            if not 0.3 <= getattr(self, name) <= 20.0:
                raise InvalidValue(f"PostureConfig.{name} must lie in [0.3, 20] s, got {getattr(self, name)}")
        for name in ("stiffness", "damping"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise InvalidValue(f"PostureConfig.{name} must be finite and >= 0, got {getattr(self, name)}")


class PostureMotion:
    """Moves the feet on straight lines relative to the base, from where they are to a pose."""

    def __init__(
        self,
        config: PostureConfig,
        description: RobotDescription,
        start: Array,
        target: Array,
        duration: float,
        time: float,
    ) -> None:
        """Plan the motion.

        Args:
            config: Gains.
            description: The robot.
            start: Joint angles now, shape (12,) [rad].
            target: Joint angles at the end, shape (12,) [rad].
            duration: Length [s].
            time: Time now [s].
        """
        self._kinematics = LegKinematics(description)
        self._start = self._kinematics.foot_positions(start)
        self._end = self._kinematics.foot_positions(target)
        self._first, self._last = start.copy(), target.copy()
        self._begin, self._duration = time, duration
        self._weight = description.mass * GRAVITY
        self._stiffness = np.full(12, config.stiffness * description.mass)
        self._damping = np.full(12, config.damping * description.mass)

    def done(self, time: float) -> bool:
        """Whether the motion has ended."""
        return time >= self._begin + self._duration

    def command(self, joint_position: Array, load: float, time: float) -> JointCommand:
        """Evaluate the motion.

        Args:
            joint_position: Measured angles, shape (12,) [rad].
            load: Fraction of the body weight to push with, shared by the feet.
            time: Time now [s].

        Returns:
            Impedance command.
        """
        s, slope = quintic_blend((time - self._begin) / self._duration)
        rate = slope / self._duration
        feet = self._start + s * (self._end - self._start)
        position, reached = self._kinematics.inverse(feet)
        # Outside the reach (odd poses on power-up) fall back to straight lines in joint space.
        line = self._first + s * (self._last - self._first)
        position = np.where(np.repeat(reached, 3), position, line)
        _, jacobians = self._kinematics.foot_positions_and_jacobians(joint_position)
        velocity = np.zeros(12)
        for leg in range(4):
            j = jacobians[leg]
            motion = rate * (self._end[leg] - self._start[leg])
            velocity[3 * leg : 3 * leg + 3] = np.linalg.solve(j.T @ j + 1e-4 * np.eye(3), j.T @ motion)
        effort = -np.einsum("lij,i->lj", jacobians, np.array([0.0, 0.0, 0.25 * load * self._weight])).ravel()
        return JointCommand(time, position, velocity, effort, self._stiffness, self._damping)
