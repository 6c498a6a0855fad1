"""Mass properties of a quadruped's base and links."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]

_SHAPES: dict[str, tuple[int, ...]] = {
    "base_com": (3,),
    "base_inertia": (3, 3),
    "link_mass": (4, 3),
    "link_com": (4, 3, 3),
    "link_inertia": (4, 3, 3, 3),
    "armature": (12,),
    "damping": (12,),
}


@dataclass(frozen=True)
class MassProperties:
    """Masses, centres and inertias of all bodies, and what the joints add; legs in canonical order.

    Attributes:
        base_mass: Mass of the base alone [kg].
        base_com: Its centre of mass in the base frame, shape (3,) [m].
        base_inertia: About that centre, along the base axes, shape (3, 3) [kg·m²].
        link_mass: Hip, thigh and calf (the foot belongs to the calf), shape (4, 3) [kg].
        link_com: Centre of mass of each link in its own frame, shape (4, 3, 3) [m].
        link_inertia: About that centre, along the link's axes, shape (4, 3, 3, 3) [kg·m²].
        armature: Rotor inertia seen at each joint, shape (12,) [kg·m²].
        damping: Viscous friction of each joint, shape (12,) [N·m·s/rad].
    """

    base_mass: float
    base_com: Array
    base_inertia: Array
    link_mass: Array
    link_com: Array
    link_inertia: Array
    armature: Array
    damping: Array

    def __post_init__(self) -> None:
        """Refuse wrong shapes, NaN, Inf and negative masses.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        owner = type(self).__name__
        for name, shape in _SHAPES.items():
            value = getattr(self, name)
            if np.shape(value) != shape or not np.isfinite(value).all():
                raise InvalidValue(f"{owner}.{name} must be finite with shape {shape}, got {value}")
        if not 0.0 < self.base_mass < np.inf:
            raise InvalidValue(f"{owner}.base_mass must be > 0, got {self.base_mass}")
        for name in ("link_mass", "armature", "damping"):
            if (getattr(self, name) < 0.0).any():
                raise InvalidValue(f"{owner}.{name} must be >= 0, got {getattr(self, name).min():.4g}")
