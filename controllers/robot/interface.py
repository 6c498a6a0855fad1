"""What flows between a robot (simulated, real or replayed) and the controllers."""

from dataclasses import dataclass, field, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.joints import JOINT_NAMES, LEGS

Array = npt.NDArray[np.float64]

N_JOINTS = len(JOINT_NAMES)
N_LEGS = len(LEGS)


def _check(owner: str, name: str, value: Array, shape: tuple[int, ...]) -> None:
    got = np.shape(value)
    if got != shape:
        raise InvalidValue(f"{owner}.{name} must have shape {shape}, got {got}")
    finite = np.isfinite(value)
    if not finite.all():
        where = ", ".join(str(i) for i in np.flatnonzero(~finite))
        raise InvalidValue(f"{owner}.{name} must be finite, got NaN or Inf at index {where}")


@dataclass
class RobotState:
    """One sensor reading of a quadruped.

    Attributes:
        time: Time of measurement [s]; an integer number of nanoseconds times 1e-9.
        joint_position: Joint angles, canonical order, shape (12,) [rad].
        joint_velocity: Joint rates, shape (12,) [rad/s].
        joint_effort: Measured joint torques, shape (12,) [N·m].
        orientation: Attitude of the base in the world from the IMU, quaternion (w, x, y, z), shape (4,).
        angular_velocity_body: Gyroscope, base frame, shape (3,) [rad/s].
        linear_acceleration_body: Accelerometer (specific force: +g upward at rest), base frame, shape (3,) [m/s²].
        foot_force: Normal force of each foot from foot sensors, shape (4,) [N], or None without sensors.
    """

    time: float
    joint_position: Array
    joint_velocity: Array
    joint_effort: Array
    orientation: Array
    angular_velocity_body: Array
    linear_acceleration_body: Array
    foot_force: Array | None = None

    def validate(self) -> None:
        """Refuse wrong shapes, NaN, Inf and a quaternion that is not of unit norm.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for name in ("joint_position", "joint_velocity", "joint_effort"):
            _check("RobotState", name, getattr(self, name), (N_JOINTS,))
        _check("RobotState", "orientation", self.orientation, (4,))
        _check("RobotState", "angular_velocity_body", self.angular_velocity_body, (3,))
        _check("RobotState", "linear_acceleration_body", self.linear_acceleration_body, (3,))
        if self.foot_force is not None:
            _check("RobotState", "foot_force", self.foot_force, (N_LEGS,))
        norm = float(np.linalg.norm(self.orientation))
        if abs(norm - 1.0) > 1e-2:
            raise InvalidValue(f"RobotState.orientation must have norm 1, got {norm:.4g}")
        if not np.isfinite(self.time):
            raise InvalidValue(f"RobotState.time must be finite, got {self.time}")


@dataclass
class BaseEstimate:
    """Pose and twist of the base, and the load on each foot.

    Attributes:
        time: Time of the reading that it was estimated from [s].
        position_world: Origin of the base frame in the odometry frame, shape (3,) [m].
        orientation: Quaternion (w, x, y, z), base in world, shape (4,).
        velocity_body: Velocity of the base origin, in the base frame, shape (3,) [m/s].
        angular_velocity_body: Base frame, shape (3,) [rad/s].
        foot_force: Estimated normal force of each foot, shape (4,) [N].
        contact: 1 where a foot carries load, else 0, shape (4,).
        ground_force_world: Force at the centre of each foot that the joint torques tell of, world, shape (4, 3) [N];
            None where it is not known, as in an estimate that came as messages.
    """

    time: float
    position_world: Array
    orientation: Array
    velocity_body: Array
    angular_velocity_body: Array
    foot_force: Array = field(default_factory=lambda: np.zeros(N_LEGS))
    contact: Array = field(default_factory=lambda: np.ones(N_LEGS))
    ground_force_world: Array | None = None

    def validate(self) -> None:
        """Refuse wrong shapes, NaN and Inf.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for name, shape in (
            ("position_world", (3,)),
            ("orientation", (4,)),
            ("velocity_body", (3,)),
            ("angular_velocity_body", (3,)),
            ("foot_force", (N_LEGS,)),
            ("contact", (N_LEGS,)),
        ):
            _check("BaseEstimate", name, getattr(self, name), shape)
        if self.ground_force_world is not None:
            _check("BaseEstimate", "ground_force_world", self.ground_force_world, (N_LEGS, 3))


@dataclass
class JointCommand:
    """Impedance command: torque = effort + stiffness (position − q) + damping (velocity − q̇).

    Attributes:
        time: Time of the state that the command answers [s].
        position: Target angles, canonical order, shape (12,) [rad].
        velocity: Target rates, shape (12,) [rad/s].
        effort: Feed-forward torques, shape (12,) [N·m].
        stiffness: Position gains, shape (12,) [N·m/rad].
        damping: Velocity gains, shape (12,) [N·m·s/rad].
    """

    time: float
    position: Array
    velocity: Array
    effort: Array
    stiffness: Array
    damping: Array

    @classmethod
    def damped(cls, time: float, position: Array, damping: float) -> "JointCommand":
        """Make the command that only brakes: no torque, no stiffness.

        Args:
            time: Time stamp [s].
            position: Angles to report as target (they exert no torque), shape (12,) [rad].
            damping: Velocity gain of every joint [N·m·s/rad].

        Returns:
            The damping command.
        """
        zero = np.zeros(N_JOINTS)
        return cls(time, position.copy(), zero, zero.copy(), zero.copy(), np.full(N_JOINTS, damping))

    def torque(self, position: Array, velocity: Array) -> Array:
        """Evaluate the motor law at a joint state.

        Args:
            position: Measured angles, shape (12,) [rad].
            velocity: Measured rates, shape (12,) [rad/s].

        Returns:
            Torques before any limit, shape (12,) [N·m].
        """
        return self.effort + self.stiffness * (self.position - position) + self.damping * (self.velocity - velocity)

    def validate(self) -> None:
        """Refuse wrong shapes, NaN, Inf and negative gains.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for f in fields(self):
            if f.name != "time":
                _check("JointCommand", f.name, getattr(self, f.name), (N_JOINTS,))
        for name in ("stiffness", "damping"):
            if (getattr(self, name) < 0.0).any():
                raise InvalidValue(f"JointCommand.{name} must be >= 0, got {getattr(self, name).min():.4g}")
        if not np.isfinite(self.time):
            raise InvalidValue(f"JointCommand.time must be finite, got {self.time}")


@dataclass(frozen=True)
class LocomotionCommand:
    """What the operator or a planner asks the legs to do.

    Attributes:
        velocity_x: Forward velocity in the heading frame [m/s].
        velocity_y: Leftward velocity in the heading frame [m/s].
        yaw_rate: Turning rate about the vertical [rad/s].
        gait: Name of a gait, or "rest" (lie, damped), "sit" (lower the body and lie), "stand".
        body_height: Height of the base above the ground [m]; None for the robot's nominal height.
        roll: Desired roll [rad].
        pitch: Desired pitch [rad].
    """

    velocity_x: float = 0.0
    velocity_y: float = 0.0
    yaw_rate: float = 0.0
    gait: str = "stand"
    body_height: float | None = None
    roll: float = 0.0
    pitch: float = 0.0

    def __post_init__(self) -> None:
        """Refuse NaN and Inf.

        Raises:
            InvalidValue: Names the field that is not finite.
        """
        for name in ("velocity_x", "velocity_y", "yaw_rate", "roll", "pitch"):
            if not np.isfinite(getattr(self, name)):
                raise InvalidValue(f"LocomotionCommand.{name} must be finite, got {getattr(self, name)}")
        if self.body_height is not None and not np.isfinite(self.body_height):
            raise InvalidValue(f"LocomotionCommand.body_height must be finite, got {self.body_height}")


class RobotBackend(Protocol):
    """A robot, whatever it is made of.

    One control period is: `state = read()`, think, `write(command)`, `advance()`.
    """

    control_period: float

    def reset(self, rng: np.random.Generator) -> RobotState:
        """Bring the robot to its initial pose and return the first reading."""
        ...

    def read(self) -> RobotState:
        """Return the newest reading."""
        ...

    def write(self, command: JointCommand) -> None:
        """Hand the motors a command; it holds until the next one."""
        ...

    def advance(self) -> None:
        """Let one control period pass."""
        ...

    def close(self) -> None:
        """Release the robot; calling it twice is harmless."""
        ...
