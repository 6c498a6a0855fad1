"""An exact solver for programs that trade effort against a soft Lyapunov decrease, in two variables.

    minimise |u|² + w max(0, c·u + d)²    subject to    rows·u ≤ bound,  |u| ≤ speed

is what remains of min |u|² + w δ², c·u + d ≤ δ once the slack δ is eliminated. The objective is strictly convex and
piecewise quadratic, so the row-by-row argument of `planar_qp` holds with closed forms for the minimum on a disc (both
gradients point along c there) and on a line.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.safety.planar_qp import INFEASIBLE, RELIEF, SOLVED, interval

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@njit(cache=True)
def _solve(
    rows: Array, bound: Array, soft: BoolArray, count: int, cx: float, cy: float, d: float, w: float, speed: float
) -> tuple[float, float, bool]:
    x, y = 0.0, 0.0
    if d > 0.0:
        scale = -w * d / (1.0 + w * (cx * cx + cy * cy))
        x, y = scale * cx, scale * cy
        length = np.sqrt(x * x + y * y)
        if length > speed:
            x, y = x * speed / length, y * speed / length
    centre, radius = np.zeros((2, 2)), np.array([speed, np.inf])
    for k in range(count):
        ax, ay, b = rows[k, 0], rows[k, 1], bound[k]
        if ax * x + ay * y <= b:
            continue
        length = np.sqrt(ax * ax + ay * ay)
        if length == 0.0:
            return 0.0, 0.0, False
        ax, ay, b = ax / length, ay / length, b / length
        qx, qy = b * ax, b * ay
        low, high, found = interval(rows, bound, soft, k, 0.0, (ax, ay, qx, qy), centre, radius)
        if not found:
            return 0.0, 0.0, False
        # On the line the objective is b² + s² + w max(0, at + slope s)².
        at, slope = cx * qx + cy * qy + d, cy * ax - cx * ay
        s = 0.0 if at <= 0.0 else -w * at * slope / (1.0 + w * slope * slope)
        s = min(max(s, low), high)
        x, y = qx - s * ay, qy + s * ax
    return x, y, True


@njit(cache=True)
def solve_lyapunov(
    rows: Array,
    bound: Array,
    count: IntArray,
    gradient: Array,
    offset: Array,
    weight: float,
    speed: Array,
    velocity: Array,
    status: IntArray,
) -> None:
    """Solve N programs.

    Args:
        rows: Left-hand sides, shape (N, R, 2).
        bound: Right-hand sides, shape (N, R).
        count: How many rows count, shape (N,).
        gradient: c, shape (N, 2).
        offset: d, shape (N,).
        weight: w.
        speed: Bound on |u|, shape (N,).
        velocity: Output, zero where there is no solution, shape (N, 2).
        status: Output, SOLVED or INFEASIBLE, shape (N,).
    """
    hard = np.zeros(rows.shape[1], dtype=np.bool_)
    for i in range(rows.shape[0]):
        x, y, found = _solve(
            rows[i], bound[i], hard, count[i], gradient[i, 0], gradient[i, 1], offset[i], weight, speed[i]
        )
        if not found:
            relieved = bound[i] + RELIEF * (1.0 + np.abs(bound[i]))
            x, y, found = _solve(
                rows[i], relieved, hard, count[i], gradient[i, 0], gradient[i, 1], offset[i], weight, speed[i]
            )
        velocity[i, 0], velocity[i, 1] = x, y
        status[i] = SOLVED if found else INFEASIBLE
