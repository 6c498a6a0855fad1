"""Barriers between robots and around obstacles, written as rows of a quadratic program.

A robot is a disc of radius r swept along the segment from its tail to its head. Its head z moves as a single
integrator, z⁺ = z + dt u, and its tail stays within the hull of its old segment and the new head (`dynamics` shows
that for each robot). Let the segments of robots i and j have nearest points c_i and c_j, let n be the unit vector from
c_j to c_i, and g = |c_i − c_j| − r_i − r_j the gap. Robot i obeys, and j its mirror image,

    −n·u_i ≤ r_ij a_ij g + n·(z_i − c_i) / dt,        a_ij ∈ [0, 1/dt],  r_ij ∈ [0, 1],  r_ij + r_ji = 1.

Theorem. If g ≥ 0 holds for all pairs at one sample, it holds at every later instant, for gains and shares that each
robot chooses anew in every period, and u = 0 is feasible for every robot in every period.

Proof. All points x of i's segment have n·(x − c_i) ≥ 0, so both terms on the right are at least zero and u = 0 is
feasible. During the period everything of robot i stays within the hull of its segment and z_i + dt u_i. The row keeps
the latter, hence the hull, at n·(x − c_i) ≥ −dt r_ij a_ij g; the same holds for j. So the distance along n, and with it
the distance, is never less than |c_i − c_j| − dt (r_ij a_ij + r_ji a_ji) g, where the weighted mean of the gains is at
most 1/dt: the gap never falls below (1 − dt ā) g ≥ 0, between samples too. □

The nearest point of a convex obstacle gives the same row with r = 1: the obstacle lies on the other side of its
supporting line. A mover that does not cooperate but is no faster than s uses up the gap by s at most,

    −n·u_i ≤ a g − s + n·(z_i − c_i) / dt,

which keeps g ≥ 0 while it can be obeyed; u = 0 may violate it, several movers may squeeze a robot. These rows are soft:
where they cannot all hold, the least relaxation that lets all hold is used, and robots and obstacles are never traded
against them.

Assumptions: robots know one another's relative position, velocity, radius and speed limit exactly (inflate radii by
the error otherwise), whoever is within reach of one period is sensed by both (`SensingConfig`; a robot that cannot list
all stands still), periods are aligned, obstacles are convex or split into convex parts. A robot that starts in overlap
(g < 0) may not come closer. Arithmetic: `MARGIN` is taken off every gap, so that rounding cannot add up to contact.

After Wang, Ames and Egerstedt, "Safety Barrier Certificates for Collisions-Free Multirobot Systems" (T-RO 2017), and
Gao, Yang and Prorok, "Online Control Barrier Functions for Decentralized Multi-Agent Navigation" (MRS 2023), whose
gains are chosen online; the sampled-data proof for momentum by swept segments is derived here.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.safety.gains import Gains
from controllers.safety.graph import Neighbourhood

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

# A gap below this counts as none [m]: rounding moves a robot by 1e-14 m per period at most.
MARGIN = 1e-9


@dataclass(frozen=True)
class VelocityBounds:
    """The velocities that heads may take: the intersection of two discs and a box. It must contain zero.

    Attributes:
        centre: Centres of the discs, shape (N, 2, 2) [m/s].
        radius: Radii of the discs (inf: none), shape (N, 2) [m/s].
        lower: Lower corner of the box (−inf: none), shape (N, 2) [m/s].
        upper: Upper corner of the box (inf: none), shape (N, 2) [m/s].
    """

    centre: Array
    radius: Array
    lower: Array
    upper: Array

    @classmethod
    def disc(cls, speed: Array) -> "VelocityBounds":
        """Bound the speed only.

        Args:
            speed: Speed limits, shape (N,) [m/s].

        Returns:
            One disc about zero for each robot.
        """
        n = speed.shape[0]
        radius = np.full((n, 2), np.inf)
        radius[:, 0] = speed
        return cls(np.zeros((n, 2, 2)), radius, np.full((n, 2), -np.inf), np.full((n, 2), np.inf))


@dataclass(frozen=True)
class PlanarProgram:
    """N programs in two variables: minimise |u − target|² subject to rows·u ≤ bound and |u − centre| ≤ radius.

    Attributes:
        target: Shape (N, 2) [m/s].
        rows: Left-hand sides, shape (N, R, 2).
        bound: Right-hand sides, shape (N, R) [m/s].
        soft: Rows that may be relaxed where no solution exists, shape (N, R).
        count: How many rows count, shape (N,).
        centre: Centres of two discs, shape (N, 2, 2) [m/s].
        radius: Radii of the discs (inf: none), shape (N, 2) [m/s].
    """

    target: Array
    rows: Array
    bound: Array
    soft: BoolArray
    count: IntArray
    centre: Array
    radius: Array


@njit(cache=True)
def _write_rows(
    dt: float,
    margin: float,
    near: tuple[BoolArray, BoolArray, Array, Array, Array, Array],
    still: tuple[BoolArray, Array, Array, Array],
    gains: tuple[Array, Array, Array],
    box: tuple[Array, Array],
    blocked: BoolArray,
    rows: Array,
    bound: Array,
    soft: BoolArray,
    count: IntArray,
) -> None:
    """Write the rows of every robot: neighbours that cooperate, obstacles and box first, others last."""
    valid, uncooperative, gap, normal, slack, speed = near
    obstacle_valid, obstacle_gap, obstacle_normal, obstacle_slack = still
    gain, share, obstacle_gain = gains
    lower, upper = box
    n, k = valid.shape
    for i in range(n):
        if blocked[i]:
            continue
        c = 0
        for j in range(k):
            if valid[i, j] and not uncooperative[i, j]:
                rows[i, c, 0], rows[i, c, 1] = -normal[i, j, 0], -normal[i, j, 1]
                bound[i, c] = share[i, j] * gain[i, j] * max(gap[i, j] - margin, 0.0) + slack[i, j] / dt
                c += 1
        for j in range(obstacle_valid.shape[1]):
            if obstacle_valid[i, j]:
                rows[i, c, 0], rows[i, c, 1] = -obstacle_normal[i, j, 0], -obstacle_normal[i, j, 1]
                bound[i, c] = obstacle_gain[i, j] * max(obstacle_gap[i, j] - margin, 0.0) + obstacle_slack[i, j] / dt
                c += 1
        for axis in range(2):
            if upper[i, axis] < np.inf:
                rows[i, c, axis], bound[i, c] = 1.0, upper[i, axis]
                c += 1
            if lower[i, axis] > -np.inf:
                rows[i, c, axis], bound[i, c] = -1.0, -lower[i, axis]
                c += 1
        for j in range(k):
            if valid[i, j] and uncooperative[i, j]:
                rows[i, c, 0], rows[i, c, 1] = -normal[i, j, 0], -normal[i, j, 1]
                bound[i, c] = gain[i, j] * (gap[i, j] - margin) - speed[i, j] + slack[i, j] / dt
                soft[i, c] = True
                c += 1
        count[i] = c


def steer(preferred: Array, gains: Gains) -> Array:
    """Turn and slow the preferred velocities as a schedule asks; safety does not depend on it.

    Args:
        preferred: Preferred velocities, shape (N, 2) [m/s].
        gains: What the schedule chose.

    Returns:
        Target velocities, shape (N, 2) [m/s].
    """
    c, s = gains.pace * np.cos(gains.turn), gains.pace * np.sin(gains.turn)
    x, y = preferred[:, 0], preferred[:, 1]
    return np.stack((c * x - s * y, s * x + c * y), axis=1)


def build_qp(
    neighbourhood: Neighbourhood,
    gains: Gains,
    preferred: Array,
    dt: float,
    bounds: VelocityBounds | None = None,
    margin: float = MARGIN,
) -> PlanarProgram:
    """Write one program for every robot of a batch.

    Args:
        neighbourhood: What N robots perceive.
        gains: Gains in range (see `gains.bounded`).
        preferred: Velocities that the robots would take alone, shape (N, 2) [m/s].
        dt: Control period [s].
        bounds: Velocities that the heads may take; None bounds the speed by `neighbourhood.speed`.
        margin: Taken off every gap [m].

    Returns:
        The programs. A crowded robot, or one whose preferred velocity is not finite, is told to stand still.

    Raises:
        InvalidValue: `preferred` has the wrong shape.
    """
    n, k = neighbourhood.valid.shape
    m = neighbourhood.obstacle_valid.shape[1]
    if preferred.shape != (n, 2):
        raise InvalidValue(f"preferred must have shape ({n}, 2), got {preferred.shape}")
    limits = VelocityBounds.disc(neighbourhood.speed) if bounds is None else bounds
    target = steer(preferred, gains)
    lost = ~np.isfinite(target).all(axis=1)
    blocked = neighbourhood.crowded | lost | ~neighbourhood.present
    width = k + m + 4
    rows, bound = np.zeros((n, width, 2)), np.zeros((n, width))
    soft, count = np.zeros((n, width), dtype=np.bool_), np.zeros(n, dtype=np.int64)
    _write_rows(
        dt,
        margin,
        (
            neighbourhood.valid,
            neighbourhood.uncooperative,
            neighbourhood.gap,
            neighbourhood.normal,
            neighbourhood.slack,
            neighbourhood.neighbour_speed,
        ),
        (
            neighbourhood.obstacle_valid,
            neighbourhood.obstacle_gap,
            neighbourhood.obstacle_normal,
            neighbourhood.obstacle_slack,
        ),
        (gains.gain, gains.responsibility, gains.obstacle_gain),
        (limits.lower, limits.upper),
        blocked,
        rows,
        bound,
        soft,
        count,
    )
    centre, radius = limits.centre, limits.radius
    if blocked.any():
        target[blocked] = 0.0
        centre, radius = np.where(blocked[:, None, None], 0.0, centre), np.where(blocked[:, None], 0.0, radius)
    return PlanarProgram(target, rows, bound, soft, count, centre, radius)
