"""Geometry and masses of a quadruped together: all that its rigid-body dynamics need."""

from dataclasses import dataclass

from controllers.robot.geometry import LegGeometry
from controllers.robot.mass_properties import MassProperties


@dataclass(frozen=True)
class LeggedBody(LegGeometry, MassProperties):
    """A base with four legs of three links.

    Its fields are those of `LegGeometry` and of `MassProperties`.
    """

    def __post_init__(self) -> None:
        """Check both parts.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        LegGeometry.__post_init__(self)
        MassProperties.__post_init__(self)
