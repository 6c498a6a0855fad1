"""Where the joints of a quadruped's legs are."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LegGeometry:
    """Joint and foot positions at zero angles, legs in canonical order.

    Attributes:
        hip_position: Hip joint in the base frame, shape (4, 3) [m].
        thigh_offset: Thigh joint in the hip frame, shape (4, 3) [m].
        calf_offset: Calf joint in the thigh frame, shape (4, 3) [m].
        foot_offset: Centre of the foot in the calf frame, shape (4, 3) [m].
    """

    hip_position: Array
    thigh_offset: Array
    calf_offset: Array
    foot_offset: Array

    def __post_init__(self) -> None:
        """Refuse wrong shapes, NaN and Inf.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for f in fields(LegGeometry):
            value = getattr(self, f.name)
            if np.shape(value) != (4, 3) or not np.isfinite(value).all():
                raise InvalidValue(f"LegGeometry.{f.name} must be finite with shape (4, 3), got {value}")

    def packed(self) -> Array:
        """Stack the four offsets of each leg for the compiled kernels.

        Returns:
            Hip position, thigh, calf and foot offset of each leg, shape (4, 4, 3) [m].
        """
        return np.ascontiguousarray(
            np.stack([self.hip_position, self.thigh_offset, self.calf_offset, self.foot_offset], axis=1)
        )
