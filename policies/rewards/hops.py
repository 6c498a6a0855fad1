"""Hops: how far one state lies from another on the way to the goal, relative to what was left or done."""

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]


def hop(before: npt.ArrayLike, after: npt.ArrayLike) -> Array:
    """Label a pair of states (Robo-Dopamine, arXiv 2512.23703, equation 2).

    An improvement counts as a share of what remained, (q - p) / (1 - p); a regress as a share of what was done,
    (q - p) / p. So 1 is "to the goal", -1 "back to the start", wherever one was.

    Args:
        before: Progress p of the state before, in [0, 1], any shape.
        after: Progress q of the state after, in [0, 1], of a shape that spreads to the same.

    Returns:
        Hops in [-1, 1].

    Raises:
        InvalidValue: A progress is not in [0, 1].
    """
    p, q = _progress("before", before), _progress("after", after)
    whole = np.where(q >= p, 1.0 - p, p)
    # From the goal nothing remains, from the start nothing was done; the difference is zero there, too.
    return np.asarray((q - p) / np.where(whole == 0.0, 1.0, whole))


def apply_hop(before: npt.ArrayLike, size: npt.ArrayLike) -> Array:
    """Make a hop: the inverse of `hop` in its second argument.

    Args:
        before: Progress in [0, 1], any shape.
        size: Hop; beyond [-1, 1] it is clipped, of a shape that spreads to the same.

    Returns:
        Progress after it, in [0, 1]: p + h (1 - p) for an improvement, p (1 + h) for a regress.

    Raises:
        InvalidValue: A progress is not in [0, 1], or a hop is not finite.
    """
    p, h = _progress("before", before), np.asarray(size, dtype=np.float64)
    if not np.isfinite(h).all():
        raise InvalidValue(f"a hop must be finite, got {h}")
    h = np.clip(h, -1.0, 1.0)
    return np.where(h >= 0.0, p + h * (1.0 - p), p * (1.0 + h))


def _progress(name: str, value: npt.ArrayLike) -> Array:
    array = np.asarray(value, dtype=np.float64)
    if not ((array >= 0.0) & (array <= 1.0)).all():
        raise InvalidValue(f"progress {name} must lie in [0, 1], got {array}")
    return array
