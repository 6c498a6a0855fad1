"""Limits and time-outs of the gatekeeper."""

import math
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.interface import N_JOINTS

Array = npt.NDArray[np.float64]


class JointLimits(Protocol):
    """The part of a robot's description that the gatekeeper reads, arrays of shape (12,)."""

    joint_lower: Array
    joint_upper: Array
    torque_limit: Array
    velocity_limit: Array


@dataclass(frozen=True, eq=False)
class GatekeeperConfig:
    """Limits and time-outs.

    Attributes:
        joint_lower: Lowest joint position, shape (12,) [rad].
        joint_upper: Highest joint position, shape (12,) [rad].
        torque_limit: Largest torque, shape (12,) [N·m].
        velocity_limit: Largest joint speed, shape (12,) [rad/s].
        target_rate: Largest speed at which a position target may move away from the measured position
            and the last target, shape (12,) [rad/s].
        target_margin: Distance that position targets keep from the joint limits [rad].
        position_tolerance: How far beyond its limit a joint may be measured before the robot stops [rad].
        position_lookahead_s: Time for which joint speed is projected ahead in that check [s]. One control period
            by default: with more, the wide fast steps that catch a pushed robot would stop it in mid-fall.
        overspeed_factor: Measured speed that stops the robot, as a multiple of `velocity_limit`.
        command_timeout_s: Oldest command that may still act, by receipt and by stamp [s].
        first_command_timeout_s: Longest wait for a first command after arming [s].
        state_timeout_s: Oldest reading that may still be trusted, by receipt and by stamp [s].
        max_roll: Roll that stops the robot [rad].
        max_pitch: Pitch that stops the robot [rad].
        damping: Velocity gain while braking [N·m·s/rad].
        max_stiffness: Highest position gain that passes [N·m/rad].
        max_damping: Highest velocity gain that passes [N·m·s/rad].
        minimum_period_s: Shortest time step that the target rate is applied to [s].
    """

    joint_lower: Array
    joint_upper: Array
    torque_limit: Array
    velocity_limit: Array
    target_rate: Array
    target_margin: float = 0.0
    position_tolerance: float = 0.2
    position_lookahead_s: float = 0.002
    overspeed_factor: float = 2.0
    command_timeout_s: float = 0.05
    first_command_timeout_s: float = 1.0
    state_timeout_s: float = 0.05
    max_roll: float = 1.0
    max_pitch: float = 1.0
    damping: float = 3.0
    max_stiffness: float = 200.0
    max_damping: float = 20.0
    minimum_period_s: float = 0.001

    def __post_init__(self) -> None:
        """Check shapes, signs and order.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for name in ("joint_lower", "joint_upper", "torque_limit", "velocity_limit", "target_rate"):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape != (N_JOINTS,) or not np.isfinite(value).all():
                raise InvalidValue(f"GatekeeperConfig.{name} must be {N_JOINTS} finite numbers, got {value}")
            if not name.startswith("joint_") and not (value > 0.0).all():
                raise InvalidValue(f"GatekeeperConfig.{name} must be > 0, got {value.min():.4g}")
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        for f in fields(self)[5:]:
            number = getattr(self, f.name)
            may_be_zero = f.name in ("target_margin", "position_tolerance", "position_lookahead_s", "damping")
            if not math.isfinite(number) or number < 0.0 or (number == 0.0 and not may_be_zero):
                bound = ">= 0" if may_be_zero else "> 0"
                raise InvalidValue(f"GatekeeperConfig.{f.name} must be finite and {bound}, got {number}")
        if not (self.joint_lower + self.target_margin < self.joint_upper - self.target_margin).all():
            raise InvalidValue("GatekeeperConfig.joint_lower + target_margin must be < joint_upper - target_margin")
        if self.damping > self.max_damping:
            raise InvalidValue(f"GatekeeperConfig.damping must be <= max_damping, got {self.damping}")

    @classmethod
    def for_robot(cls, description: JointLimits, **overrides: Any) -> "GatekeeperConfig":
        """Take the limits of a robot; targets may move at twice the speed of its joints.

        Args:
            description: Anything with joint_lower, joint_upper, torque_limit and velocity_limit, shape (12,).
            overrides: Fields of this class that should differ from the default.

        Returns:
            The configuration.
        """
        values: dict[str, Any] = {
            "joint_lower": description.joint_lower,
            "joint_upper": description.joint_upper,
            "torque_limit": description.torque_limit,
            "velocity_limit": description.velocity_limit,
            "target_rate": 2.0 * np.asarray(description.velocity_limit, dtype=np.float64),
        }
        return cls(**{**values, **overrides})
