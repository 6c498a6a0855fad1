"""Names and order of legs, joints and feet.

Everything inside Pronk uses the canonical order FL, FR, RL, RR x hip, thigh, calf.
Any other order is mapped by name where it enters.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

LEGS: tuple[str, ...] = ("FL", "FR", "RL", "RR")
SEGMENTS: tuple[str, ...] = ("hip", "thigh", "calf")
JOINT_NAMES: tuple[str, ...] = tuple(f"{leg}_{segment}_joint" for leg in LEGS for segment in SEGMENTS)
FOOT_NAMES: tuple[str, ...] = tuple(f"{leg}_foot" for leg in LEGS)


def index_of(names: Sequence[str], wanted: Sequence[str] = JOINT_NAMES) -> npt.NDArray[np.intp]:
    """Find where each wanted name stands in a message.

    Args:
        names: Names in the order in which the message carries them.
        wanted: Names in the order that the caller needs.

    Returns:
        Index array, shape (len(wanted),), such that `values[index]` is in the wanted order.

    Raises:
        InvalidValue: A wanted name is missing, or a name occurs twice.
    """
    position = {name: i for i, name in enumerate(names)}
    if len(position) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise InvalidValue(f"names occur more than once: {', '.join(twice)}")
    missing = [name for name in wanted if name not in position]
    if missing:
        raise InvalidValue(f"missing names: {', '.join(missing)}; got: {', '.join(names) or 'none'}")
    return np.array([position[name] for name in wanted], dtype=np.intp)
