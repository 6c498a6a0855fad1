"""What the network is told: numbers in the robot's own frame, so that place and heading of the map do not matter.

The own frame has its first axis towards the goal. Close to the goal its axes shrink to nothing, for the direction to a
goal that is reached means nothing. All numbers are without units: lengths are divided by the sum of two radii, speeds
by speed limits. Edges are listed robot by robot without gaps: one for
each neighbour and one for each obstacle that is perceived.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.safety.graph import Neighbourhood

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

# Robots nearer to the goal than this share of their radius have (almost) no frame.
FADE = 0.2
# Neighbours whose gap is larger than this, in sums of two radii, are not near.
NEAR = 2.0
# Times in which waiting and ways are measured [s].
PATIENCE_S, WAY_S = 5.0, 5.0
# Speeds at which a robot stands half [share of its limit].
STANDING = 0.1
NODE_WIDTH, EDGE_WIDTH, PAIR_WIDTH = 11, 15, 9
# Lengths and speeds below this are no divisors.
TINY = 1e-6


@dataclass(frozen=True)
class Features:
    """The graph of N robots with E edges, all towards the robot that decides.

    Attributes:
        node: Features of the robots, shape (N, `NODE_WIDTH`).
        first: Edges of robot n are those from first[n] up to first[n + 1], shape (N + 1,).
        edge: Features of the edges, shape (E, `EDGE_WIDTH`).
        receiver: Row of the robot that perceives, shape (E,).
        slot: Its slot of the neighbour, or K + slot of the obstacle, shape (E,).
        sender: Row of the neighbour, −1 for obstacles and where it is unknown, shape (E,).
        near: Nearness of the edge, from 0 (far) to 1 (in touch), shape (E,).
        away: Unit vector from what is perceived to the robot, world frame, shape (E, 2).
        pair: What robot and neighbour both know of their encounter, seen by the robot; zero for obstacles, shape
            (E, `PAIR_WIDTH`).
        reverse: The same seen by the neighbour, shape (E, `PAIR_WIDTH`).
    """

    node: Array
    first: IntArray
    edge: Array
    receiver: IntArray
    slot: IntArray
    sender: IntArray
    near: Array
    away: Array
    pair: Array
    reverse: Array


@njit(cache=True, inline="always")
def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@njit(cache=True, inline="always")
def _still(speed: float) -> float:
    return 1.0 / (1.0 + (speed / STANDING) ** 2)


@njit(cache=True, inline="always")
def _beyond(gx: float, gy: float, px: float, py: float, body: float) -> float:
    """How far the goal lies from a disc, in its radii, from −1 (covered) to 1."""
    return _clip((np.sqrt((gx - px) ** 2 + (gy - py) ** 2) - body) / body, -1.0, 1.0)


@njit(cache=True)
def _describe(
    own: tuple[Array, Array, Array, Array, Array, BoolArray],
    near: tuple[BoolArray, IntArray, Array, Array, Array, Array, BoolArray, Array, Array],
    still: tuple[BoolArray, Array, Array, Array],
    first: IntArray,
    node: Array,
    out: tuple[Array, IntArray, IntArray, IntArray, Array, Array, Array, Array],
) -> None:
    """Fill in the features of every robot and its edges."""
    goal, velocity, radius, speed, stall, present = own
    valid, index, position, relative_velocity, other_radius, other_speed, stubborn, gap, normal = near
    wall, point, wall_gap, wall_normal = still
    edge, receiver, slot, sender, nearness, away, pair, reverse = out
    k = valid.shape[1]
    e = 0
    for i in range(radius.shape[0]):
        first[i] = e
        r, s = max(radius[i], TINY), max(speed[i], TINY)
        gx, gy = goal[i, 0], goal[i, 1]
        distance = np.sqrt(gx * gx + gy * gy)
        scale = 1.0 / max(distance, FADE * r)
        ax, ay = gx * scale, gy * scale
        vx, vy = velocity[i, 0], velocity[i, 1]
        pace = np.sqrt(vx * vx + vy * vy) / s
        crowd, walls = 0.0, 0.0
        if present[i]:
            for j in range(k):
                if not valid[i, j]:
                    continue
                other, top = max(other_radius[i, j], 0.0), max(other_speed[i, j], TINY)
                body = r + other
                nx, ny = normal[i, j, 0], normal[i, j, 1]
                ux, uy = relative_velocity[i, j, 0] + vx, relative_velocity[i, j, 1] + vy
                close = _clip(1.0 - gap[i, j] / (NEAR * body), 0.0, 1.0)
                closer = 1.0 / (1.0 + max(gap[i, j], 0.0) / body)
                standing = _still(np.sqrt(ux * ux + uy * uy) / top)
                toward, passing = (ux * nx + uy * ny) / top, (nx * uy - ny * ux) / top
                approach, drift = -(vx * nx + vy * ny) / s, -(nx * vy - ny * vx) / s
                size, faster = other / body - 0.5, top / (top + s) - 0.5
                edge[e, 0], edge[e, 1] = -(nx * ax + ny * ay), -(ax * ny - ay * nx)
                edge[e, 2], edge[e, 3] = close, closer
                edge[e, 4] = _clip((ux * ax + uy * ay) / s, -2.0, 2.0)
                edge[e, 5] = _clip((ax * uy - ay * ux) / s, -2.0, 2.0)
                edge[e, 6], edge[e, 7], edge[e, 8], edge[e, 9] = toward, passing, approach, drift
                edge[e, 10], edge[e, 11] = size, standing
                edge[e, 12], edge[e, 13] = (1.0 if stubborn[i, j] else 0.0), 0.0
                edge[e, 14] = _beyond(gx, gy, position[i, j, 0], position[i, j, 1], body)
                pair[e, 0], pair[e, 1], reverse[e, 0], reverse[e, 1] = close, closer, close, closer
                pair[e, 2], pair[e, 3], pair[e, 4] = approach, drift, _still(pace)
                pair[e, 5], pair[e, 6], pair[e, 7], pair[e, 8] = toward, passing, standing, size + faster
                reverse[e, 2], reverse[e, 3], reverse[e, 4] = toward, passing, standing
                reverse[e, 5], reverse[e, 6], reverse[e, 7] = approach, drift, _still(pace)
                reverse[e, 8] = -size - faster
                receiver[e], slot[e], nearness[e], away[e, 0], away[e, 1] = i, j, close, nx, ny
                sender[e] = index[i, j]
                crowd += close
                e += 1
            for j in range(wall.shape[1]):
                if not wall[i, j]:
                    continue
                nx, ny = wall_normal[i, j, 0], wall_normal[i, j, 1]
                close = _clip(1.0 - wall_gap[i, j] / (NEAR * r), 0.0, 1.0)
                edge[e, 0], edge[e, 1] = -(nx * ax + ny * ay), -(ax * ny - ay * nx)
                edge[e, 2], edge[e, 3] = close, 1.0 / (1.0 + max(wall_gap[i, j], 0.0) / r)
                edge[e, 8], edge[e, 9] = -(vx * nx + vy * ny) / s, -(nx * vy - ny * vx) / s
                edge[e, 10], edge[e, 11], edge[e, 13] = 0.5, 1.0, 1.0
                edge[e, 14] = _beyond(gx, gy, point[i, j, 0], point[i, j, 1], r)
                receiver[e], slot[e], nearness[e], away[e, 0], away[e, 1] = i, k + j, close, nx, ny
                walls += close
                e += 1
        node[i, 0], node[i, 1] = 1.0 / (1.0 + distance / r), distance / (distance + WAY_S * s)
        node[i, 2], node[i, 3] = stall[i] / (stall[i] + PATIENCE_S), np.tanh(stall[i])
        node[i, 4] = _clip((vx * ax + vy * ay) / s, -2.0, 2.0)
        node[i, 5] = _clip((ax * vy - ay * vx) / s, -2.0, 2.0)
        node[i, 6], node[i, 7], node[i, 8] = _still(pace), crowd / 4.0, walls / 4.0
        node[i, 9], node[i, 10] = r / (r + 0.5) - 0.5, s / (s + 1.0) - 0.5
    first[radius.shape[0]] = e


def extract(neighbourhood: Neighbourhood) -> Features:
    """Describe what robots perceive.

    Args:
        neighbourhood: What N robots perceive; each row is described by itself.

    Returns:
        The features.
    """
    view = neighbourhood
    n = view.radius.shape[0]
    present = view.present[:, None]
    e = int((view.valid & present).sum() + (view.obstacle_valid & present).sum())
    first, node = np.zeros(n + 1, dtype=np.int64), np.zeros((n, NODE_WIDTH))
    receiver, slot = np.zeros(e, dtype=np.int64), np.zeros(e, dtype=np.int64)
    sender = np.full(e, -1, dtype=np.int64)
    edge, near, away = np.zeros((e, EDGE_WIDTH)), np.zeros(e), np.zeros((e, 2))
    pair, reverse = np.zeros((e, PAIR_WIDTH)), np.zeros((e, PAIR_WIDTH))
    _describe(
        (view.goal, view.velocity, view.radius, view.speed, view.stall, view.present),
        (
            view.valid,
            view.index,
            view.relative_position,
            view.relative_velocity,
            view.neighbour_radius,
            view.neighbour_speed,
            view.uncooperative,
            view.gap,
            view.normal,
        ),
        (view.obstacle_valid, view.obstacle_point, view.obstacle_gap, view.obstacle_normal),
        first,
        node,
        (edge, receiver, slot, sender, near, away, pair, reverse),
    )
    return Features(node, first, edge, receiver, slot, sender, near, away, pair, reverse)
