"""An exact solver for quadratic programs in two variables: the point of a polygon and two discs nearest to a target.

The solution is built up row by row. It stays as it is when the next row holds; otherwise the new solution lies on that
row's line, because the set is convex, and is found there by clipping a line to an interval. This is how the
incremental linear programs of Seidel (Discrete & Computational Geometry 6, 1991) and de Berg et al. (Computational
Geometry, chapter 4) work, with a quadratic objective. Every number is a closed form: there is no iteration to end.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.safety.barrier import PlanarProgram

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

SOLVED, RELAXED, INFEASIBLE = 0, 1, 2
# Intervals that are empty by less than this [m/s] are points: three lines through one point must have a solution.
TOLERANCE = 1e-11
# Lines that are all but opposite leave a sliver whose ends rounding moves by far more than its width. A program that
# seems to have no solution is tried again with this much room [m/s], a hundred times what rounding does to a row.
RELIEF = 1e-14
# Sine of an angle below which two lines count as parallel.
PARALLEL = 1e-12
HALVINGS = 48


@dataclass(frozen=True)
class PlanarSolution:
    """Solutions of N programs.

    Attributes:
        velocity: Minimisers; zero where there is none, shape (N, 2) [m/s].
        status: SOLVED, RELAXED (soft rows could not all hold) or INFEASIBLE, shape (N,).
        violation: By how much soft rows were relaxed (rows of unit length), shape (N,) [m/s].
    """

    velocity: Array
    status: IntArray
    violation: Array

    @property
    def found(self) -> BoolArray:
        """Whether all rows that are not soft hold, shape (N,)."""
        return np.not_equal(self.status, INFEASIBLE)


@njit(cache=True)
def _base(ux: float, uy: float, centre: Array, radius: Array) -> tuple[float, float, bool]:
    """Find the point of two discs nearest to u."""
    for c in range(2):
        r, other = radius[c], 1 - c
        if r == np.inf:
            x, y = ux, uy
        else:
            dx, dy = ux - centre[c, 0], uy - centre[c, 1]
            distance = np.sqrt(dx * dx + dy * dy)
            scale = r / distance if distance > r else 1.0
            x, y = centre[c, 0] + dx * scale, centre[c, 1] + dy * scale
        if radius[other] == np.inf:
            return x, y, True
        ex, ey = x - centre[other, 0], y - centre[other, 1]
        # Two discs may be the same: rounding must not put the point outside both.
        if np.sqrt(ex * ex + ey * ey) <= radius[other] + 1e-14 + 1e-14 * radius[other]:
            return x, y, True
    # Neither disc alone decides: a corner of the lens does.
    dx, dy = centre[1, 0] - centre[0, 0], centre[1, 1] - centre[0, 1]
    distance = np.sqrt(dx * dx + dy * dy)
    if distance > radius[0] + radius[1] + TOLERANCE or distance == 0.0:
        return 0.0, 0.0, False
    along = (distance * distance + radius[0] * radius[0] - radius[1] * radius[1]) / (2.0 * distance)
    half = np.sqrt(max(radius[0] * radius[0] - along * along, 0.0))
    dx, dy = dx / distance, dy / distance
    px, py = centre[0, 0] + along * dx, centre[0, 1] + along * dy
    side = half if (ux - px) * -dy + (uy - py) * dx >= 0.0 else -half
    return px - side * dy, py + side * dx, True


@njit(cache=True)
def interval(
    rows: Array,
    bound: Array,
    soft: BoolArray,
    count: int,
    relaxation: float,
    line: tuple[float, float, float, float],
    centre: Array,
    radius: Array,
) -> tuple[float, float, bool]:
    """Clip a line by rows and discs.

    Args:
        rows: Left-hand sides, shape (R, 2).
        bound: Right-hand sides, shape (R,).
        soft: Rows to which the relaxation applies, shape (R,).
        count: How many leading rows clip.
        relaxation: Added to the right-hand sides of soft rows.
        line: Unit normal (ax, ay) and a point (qx, qy); points of the line are q + s (−ay, ax).
        centre: Centres of two discs, shape (2, 2).
        radius: Radii of the discs (inf: none), shape (2,).

    Returns:
        Least and greatest s, and whether anything is left of the line.
    """
    ax, ay, qx, qy = line
    low, high = -np.inf, np.inf
    for c in range(2):
        r = radius[c]
        if r == np.inf:
            continue
        dx, dy = qx - centre[c, 0], qy - centre[c, 1]
        off = ax * dx + ay * dy
        middle = ay * dx - ax * dy
        squared = r * r - off * off
        if squared < 0.0:
            if abs(off) > r + TOLERANCE:
                return 0.0, 0.0, False
            squared = 0.0
        half = np.sqrt(squared)
        low, high = max(low, middle - half), min(high, middle + half)
    for j in range(count):
        gx, gy = rows[j, 0], rows[j, 1]
        h = bound[j] + relaxation if soft[j] else bound[j]
        cross = ax * gy - ay * gx
        room = h - gx * qx - gy * qy
        if cross > PARALLEL:
            high = min(high, room / cross)
        elif cross < -PARALLEL:
            low = max(low, room / cross)
        elif room < -TOLERANCE:
            return 0.0, 0.0, False
    if low > high:
        if low - high > TOLERANCE * (1.0 + abs(low)):
            return 0.0, 0.0, False
        low = high = 0.5 * (low + high)
    return low, high, True


@njit(cache=True)
def solve_planar(
    rows: Array,
    bound: Array,
    soft: BoolArray,
    count: int,
    relaxation: float,
    ux: float,
    uy: float,
    centre: Array,
    radius: Array,
) -> tuple[float, float, bool]:
    """Solve one program.

    Args:
        rows: Left-hand sides, shape (R, 2).
        bound: Right-hand sides, shape (R,).
        soft: Rows to which the relaxation applies, shape (R,).
        count: How many rows count.
        relaxation: Added to the right-hand sides of soft rows.
        ux: Target, x.
        uy: Target, y.
        centre: Centres of two discs, shape (2, 2).
        radius: Radii of the discs (inf: none), shape (2,).

    Returns:
        The minimiser and whether there is one.
    """
    x, y, found = _base(ux, uy, centre, radius)
    if not found:
        return 0.0, 0.0, False
    for k in range(count):
        ax, ay = rows[k, 0], rows[k, 1]
        b = bound[k] + relaxation if soft[k] else bound[k]
        if ax * x + ay * y <= b:
            continue
        length = np.sqrt(ax * ax + ay * ay)
        if length == 0.0:
            return 0.0, 0.0, False
        ax, ay, b = ax / length, ay / length, b / length
        # Measured from the line's point nearest to zero: rows through zero then meet there without rounding.
        qx, qy = b * ax, b * ay
        low, high, found = interval(rows, bound, soft, k, relaxation, (ax, ay, qx, qy), centre, radius)
        if not found:
            return 0.0, 0.0, False
        s = min(max(ax * uy - ay * ux, low), high)
        x, y = qx - s * ay, qy + s * ax
    return x, y, True


@njit(cache=True)
def _solve_batch(
    target: Array,
    rows: Array,
    bound: Array,
    soft: BoolArray,
    count: IntArray,
    centre: Array,
    radius: Array,
    velocity: Array,
    status: IntArray,
    violation: Array,
) -> None:
    relieved = np.empty(rows.shape[1])
    for i in range(target.shape[0]):
        u = (target[i, 0], target[i, 1])
        x, y, found = solve_planar(rows[i], bound[i], soft[i], count[i], 0.0, u[0], u[1], centre[i], radius[i])
        if not found:
            for k in range(count[i]):
                relieved[k] = bound[i, k] + RELIEF * (1.0 + abs(bound[i, k]))
            x, y, found = solve_planar(rows[i], relieved, soft[i], count[i], 0.0, u[0], u[1], centre[i], radius[i])
        if not found:
            status[i] = INFEASIBLE
            # Zero meets all rows that are not soft; it tells how much relaxation is certainly enough.
            high = 0.0
            for k in range(count[i]):
                if soft[i, k]:
                    high = max(high, -bound[i, k])
            if high > 0.0:
                low = 0.0
                x, y, found = solve_planar(rows[i], relieved, soft[i], count[i], high, u[0], u[1], centre[i], radius[i])
                if found:
                    for _ in range(HALVINGS):
                        middle = 0.5 * (low + high)
                        mx, my, found = solve_planar(
                            rows[i], relieved, soft[i], count[i], middle, u[0], u[1], centre[i], radius[i]
                        )
                        if found:
                            high, x, y = middle, mx, my
                        else:
                            low = middle
                    status[i] = RELAXED
                    violation[i] = high
        if status[i] != INFEASIBLE:
            velocity[i, 0], velocity[i, 1] = x, y


def solve(program: PlanarProgram) -> PlanarSolution:
    """Solve all programs of a batch exactly.

    Args:
        program: N programs.

    Returns:
        Their solutions; where none exists the status says so and the velocity is zero.
    """
    n = program.target.shape[0]
    velocity, status, violation = np.zeros((n, 2)), np.zeros(n, dtype=np.int64), np.zeros(n)
    _solve_batch(
        program.target,
        program.rows,
        program.bound,
        program.soft,
        program.count,
        program.centre,
        program.radius,
        velocity,
        status,
        violation,
    )
    return PlanarSolution(velocity, status, violation)
