"""How a group of robots did: clearance between samples in closed form, and what navigation is judged by."""

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.safety.obstacles import Obstacles
from controllers.safety.segments import to_polygon

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@njit(cache=True)
def _closest_approach(ax: float, ay: float, bx: float, by: float) -> float:
    """Least distance from the origin to the segment from a to b."""
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    s = 0.0
    if length > 0.0:
        s = min(max(-(ax * dx + ay * dy) / length, 0.0), 1.0)
    x, y = ax + s * dx, ay + s * dy
    return float(np.sqrt(x * x + y * y))


@njit(cache=True)
def _agent_clearance(before: Array, after: Array, radius: Array, present: BoolArray, out: Array) -> None:
    scenes, places = radius.shape
    for s in range(scenes):
        for i in range(places):
            if not present[s, i]:
                continue
            for j in range(i + 1, places):
                if not present[s, j]:
                    continue
                ax, ay = before[s, i, 0] - before[s, j, 0], before[s, i, 1] - before[s, j, 1]
                bx, by = after[s, i, 0] - after[s, j, 0], after[s, i, 1] - after[s, j, 1]
                gap = _closest_approach(ax, ay, bx, by) - radius[s, i] - radius[s, j]
                out[s, i], out[s, j] = min(out[s, i], gap), min(out[s, j], gap)


@njit(cache=True)
def _obstacle_clearance(
    before: Array,
    after: Array,
    radius: Array,
    present: BoolArray,
    corners: Array,
    count: IntArray,
    rounding: Array,
    lower: Array,
    upper: Array,
    out: Array,
) -> None:
    scenes, places = radius.shape
    for s in range(scenes):
        for i in range(places):
            if not present[s, i]:
                continue
            px, py = after[s, i, 0], after[s, i, 1]
            tx, ty = before[s, i, 0] - px, before[s, i, 1] - py
            least = out[s, i]
            for o in range(count.shape[1]):
                if count[s, o] > 0:
                    _, _, d, _, _, _ = to_polygon(tx, ty, px, py, corners[s, o], count[s, o])
                    least = min(least, d - rounding[s, o] - radius[s, i])
            for axis in range(2):
                low = min(before[s, i, axis], after[s, i, axis]) - lower[s, axis]
                high = upper[s, axis] - max(before[s, i, axis], after[s, i, axis])
                least = min(least, min(low, high) - radius[s, i])
            out[s, i] = least


def swept_clearance_m(
    before: Array, after: Array, radius: Array, present: BoolArray, obstacles: Obstacles | None = None
) -> Array:
    """Find how near each robot came to anything while all moved on straight lines at constant speed.

    Args:
        before: Positions at the start of the interval, shape (S, A, 2) [m].
        after: Positions at its end, shape (S, A, 2) [m].
        radius: Radii, shape (S, A) [m].
        present: Which places are taken, shape (S, A).
        obstacles: What does not move.

    Returns:
        Least clearance of each robot over the interval, negative in collision, inf without anything near,
        shape (S, A) [m].

    Raises:
        InvalidValue: Shapes do not fit.
    """
    shape = radius.shape
    if before.shape != (*shape, 2) or after.shape != before.shape or present.shape != shape:
        raise InvalidValue(
            f"positions must have shape {(*shape, 2)} and present {shape}, got {before.shape}, {after.shape}, "
            f"{present.shape}"
        )
    out = np.full(shape, np.inf)
    _agent_clearance(before, after, radius, present, out)
    if obstacles is not None:
        packed = (obstacles.corners, obstacles.count, obstacles.radius, obstacles.lower, obstacles.upper)
        _obstacle_clearance(before, after, radius, present, *packed, out)
    return out


def spl(success: BoolArray, shortest_m: Array, path_m: Array) -> Array:
    """Weigh success by path length (Anderson et al., "On Evaluation of Embodied Navigation Agents", 2018).

    Args:
        success: Whether the robot arrived unharmed, any shape.
        shortest_m: Length of the shortest path [m].
        path_m: Length of the path taken [m].

    Returns:
        S l / max(L, l), 0 for failures; a robot that starts at its goal scores its success. Same shape.
    """
    longest = np.maximum(path_m, shortest_m)
    ratio = np.divide(shortest_m, longest, out=np.ones_like(longest, dtype=np.float64), where=longest > 0.0)
    return np.where(success, ratio, 0.0)


def percent_speed(path_m: Array, time_s: Array, speed_mps: Array) -> Array:
    """Tell the mean speed as a percentage of the speed limit.

    Args:
        path_m: Length of the path taken, any shape [m].
        time_s: Time taken [s].
        speed_mps: Speed limit [m/s].

    Returns:
        Percentage; NaN where no time passed. Same shape.
    """
    possible = np.asarray(time_s * speed_mps, dtype=np.float64)
    return np.divide(100.0 * path_m, possible, out=np.full_like(possible, np.nan), where=possible > 0.0)


def extra_time_s(time_s: Array, shortest_m: Array, speed_mps: Array) -> Array:
    """Tell how much longer a robot took than alone on the shortest path at its preferred speed.

    Args:
        time_s: Time taken, any shape [s].
        shortest_m: Length of the shortest path [m].
        speed_mps: Preferred speed [m/s].

    Returns:
        Extra time, same shape [s].
    """
    return np.asarray(time_s - shortest_m / speed_mps, dtype=np.float64)
