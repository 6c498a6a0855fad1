"""The shortest way around robots that stand: which way to set out when the straight one is blocked.

Each robot that stands is a disc into which the own centre must not come. The way runs along a visibility graph whose
nodes lie on a polygon around each disc (Dijkstra 1959). What is built is known by its nearest point only, so each such
obstacle is taken to fill the half-plane behind that point; one behind whose front the goal lies is left out, for the
goal itself leads around that.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]

# Nodes around a disc.
SIDES = 8
# Room between nodes and discs, in radii of the disc.
ROOM = 0.02
# A way may cut this share off a radius: the filter slides along.
CUT = 0.02


@njit(cache=True, inline="always")
def _passes(ax: float, ay: float, bx: float, by: float, cx: float, cy: float, r: float) -> bool:
    """Tell whether the straight way from a to b stays out of a disc."""
    ux, uy = bx - ax, by - ay
    squared = ux * ux + uy * uy
    share = 0.0
    if squared > 0.0:
        share = min(max(((cx - ax) * ux + (cy - ay) * uy) / squared, 0.0), 1.0)
    dx, dy = ax + share * ux - cx, ay + share * uy - cy
    return bool(dx * dx + dy * dy >= r * r)


@njit(cache=True)
def _free(ax: float, ay: float, bx: float, by: float, discs: Array, walls: Array) -> bool:
    """Tell whether the straight way from a to b, in front of all walls at a, is free."""
    for k in range(discs.shape[0]):
        if not _passes(ax, ay, bx, by, discs[k, 0], discs[k, 1], discs[k, 2]):
            return False
    for k in range(walls.shape[0]):
        if walls[k, 0] * bx + walls[k, 1] * by < walls[k, 2]:
            return False
    return True


@njit(cache=True)
def way_around(goal_x: float, goal_y: float, discs: Array, walls: Array) -> tuple[float, float, bool]:
    """Find the first stretch of the shortest way to the goal, from the origin.

    Args:
        goal_x: Goal, seen from the robot [m].
        goal_y: The same, second coordinate [m].
        discs: Centre, seen from the robot, and radius of each disc, shape (D, 3) [m].
        walls: Rows (n, b) of half-planes n·x ≥ b that are free, n of length one, shape (W, 3).

    Returns:
        Unit vector along the first stretch, and whether it leads around something; the straight direction and False
        where nothing stands in the way, or where there is no way.
    """
    distance = np.sqrt(goal_x * goal_x + goal_y * goal_y)
    ex, ey = goal_x / distance, goal_y / distance
    shrunk = discs.copy()
    for k in range(discs.shape[0]):
        x, y = discs[k, 0], discs[k, 1]
        # Neither the start nor the goal lies in a disc: who touches, or whose goal is covered, gets as near as it can.
        least = min(np.sqrt(x * x + y * y), np.sqrt((x - goal_x) ** 2 + (y - goal_y) ** 2))
        shrunk[k, 2] = min(discs[k, 2], least) * (1.0 - CUT)
    kept = 0
    fronts = walls.copy()
    for k in range(walls.shape[0]):
        if walls[k, 0] * goal_x + walls[k, 1] * goal_y >= walls[k, 2] and walls[k, 2] <= 0.0:
            fronts[kept] = walls[k]
            kept += 1
    fronts = fronts[:kept]
    if _free(0.0, 0.0, goal_x, goal_y, shrunk, fronts):
        return ex, ey, False
    nodes = np.empty((discs.shape[0] * SIDES + 1, 2))
    nodes[0, 0], nodes[0, 1] = goal_x, goal_y
    count = 1
    for k in range(discs.shape[0]):
        reach = discs[k, 2] * (1.0 + ROOM) / np.cos(np.pi / SIDES)
        for side in range(SIDES):
            angle = 2.0 * np.pi * side / SIDES
            x, y = discs[k, 0] + reach * np.cos(angle), discs[k, 1] + reach * np.sin(angle)
            if _free(x, y, x, y, shrunk, fronts):
                nodes[count, 0], nodes[count, 1] = x, y
                count += 1
    length, first, done = np.full(count, np.inf), np.full(count, -1), np.zeros(count, dtype=np.bool_)
    for v in range(count):
        if _free(0.0, 0.0, nodes[v, 0], nodes[v, 1], shrunk, fronts):
            length[v], first[v] = np.sqrt(nodes[v, 0] ** 2 + nodes[v, 1] ** 2), v
    for _ in range(count):
        best = -1
        for v in range(count):
            if not done[v] and (best < 0 or length[v] < length[best]):
                best = v
        if length[best] == np.inf:
            break
        if best == 0:
            x, y = nodes[first[0], 0], nodes[first[0], 1]
            size = np.sqrt(x * x + y * y)
            return x / size, y / size, size > 0.0
        done[best] = True
        bx, by = nodes[best, 0], nodes[best, 1]
        for v in range(count):
            if done[v]:
                continue
            through = length[best] + np.sqrt((nodes[v, 0] - bx) ** 2 + (nodes[v, 1] - by) ** 2)
            if through < length[v] and _free(bx, by, nodes[v, 0], nodes[v, 1], shrunk, fronts):
                length[v], first[v] = through, first[best]
    return ex, ey, False
