"""Distances between segments, and between a segment and a convex polygon, in the plane.

A robot that needs room to stop covers the segment from where it is (tail) to where it would stop (head). Every
function takes coordinates relative to the robot's head, so its own segment runs from the origin to `tail`. Results
are (cx, cy, ox, oy): the nearest point of the robot's segment and that of the other body.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
Pair = tuple[float, float, float, float]


@njit(cache=True, inline="always")
def foot(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> tuple[float, float]:
    """Find the point of segment ab that is nearest to p.

    Args:
        px: Point, x.
        py: Point, y.
        ax: One end, x.
        ay: One end, y.
        bx: Other end, x.
        by: Other end, y.

    Returns:
        The nearest point.
    """
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    if length == 0.0:
        return ax, ay
    s = ((px - ax) * dx + (py - ay) * dy) / length
    if s <= 0.0:
        return ax, ay
    if s >= 1.0:
        return bx, by
    return ax + s * dx, ay + s * dy


@njit(cache=True)
def _crossing(tx: float, ty: float, ax: float, ay: float, bx: float, by: float) -> tuple[bool, float]:
    """Tell whether the segment from the origin to t meets segment ab, and at which share of t."""
    dx, dy = bx - ax, by - ay
    cross = tx * dy - ty * dx
    if cross == 0.0:
        return False, 0.0
    s = (ax * dy - ay * dx) / cross
    u = (ax * ty - ay * tx) / cross
    return 0.0 <= s <= 1.0 and 0.0 <= u <= 1.0, s


@njit(cache=True)
def between_segments(tx: float, ty: float, ax: float, ay: float, bx: float, by: float) -> Pair:
    """Find the nearest points of the robot's segment and of segment ab.

    Args:
        tx: The robot's tail, x.
        ty: The robot's tail, y.
        ax: One end of the other, x.
        ay: One end of the other, y.
        bx: Other end, x.
        by: Other end, y.

    Returns:
        Nearest point of the robot's segment, nearest point of ab; the same point twice where they cross.
    """
    meets, s = _crossing(tx, ty, ax, ay, bx, by)
    if meets:
        return s * tx, s * ty, s * tx, s * ty
    # Two segments that do not cross are nearest at an end of one of them.
    ox, oy = foot(0.0, 0.0, ax, ay, bx, by)
    cx, cy = 0.0, 0.0
    best = ox * ox + oy * oy
    qx, qy = foot(tx, ty, ax, ay, bx, by)
    d = (tx - qx) ** 2 + (ty - qy) ** 2
    if d < best:
        best, cx, cy, ox, oy = d, tx, ty, qx, qy
    qx, qy = foot(ax, ay, 0.0, 0.0, tx, ty)
    d = (ax - qx) ** 2 + (ay - qy) ** 2
    if d < best:
        best, cx, cy, ox, oy = d, qx, qy, ax, ay
    qx, qy = foot(bx, by, 0.0, 0.0, tx, ty)
    d = (bx - qx) ** 2 + (by - qy) ** 2
    if d < best:
        cx, cy, ox, oy = qx, qy, bx, by
    return cx, cy, ox, oy


@njit(cache=True)
def separation(cx: float, cy: float, ox: float, oy: float) -> tuple[float, float, float, float]:
    """Turn nearest points into what a barrier needs.

    Args:
        cx: Nearest point of the robot's segment, x.
        cy: Nearest point of the robot's segment, y.
        ox: Nearest point of the other body, x.
        oy: Nearest point of the other body, y.

    Returns:
        Unit normal from the other to the robot (zero where they touch), distance, and how much farther than the
        nearest point the robot's head lies along the normal.
    """
    dx, dy = cx - ox, cy - oy
    distance = np.sqrt(dx * dx + dy * dy)
    if distance == 0.0:
        return 0.0, 0.0, 0.0, 0.0
    nx, ny = dx / distance, dy / distance
    return nx, ny, distance, max(-(nx * cx + ny * cy), 0.0)


@njit(cache=True)
def to_polygon(
    tx: float, ty: float, px: float, py: float, vertices: Array, count: int
) -> tuple[float, float, float, float, float, float]:
    """Measure from the robot's segment to a convex polygon (a point and a segment are polygons too).

    Args:
        tx: The robot's tail, relative to its head, x.
        ty: The robot's tail, y.
        px: The robot's head in the frame of the vertices, x.
        py: The robot's head, y.
        vertices: Corners, counter-clockwise, shape (V, 2).
        count: How many of them count.

    Returns:
        Unit normal from the polygon to the robot, signed distance (negative inside), head's excess along the normal,
        and the polygon's nearest point relative to the head.
    """
    if count == 1:
        ax, ay = vertices[0, 0] - px, vertices[0, 1] - py
        cx, cy = foot(ax, ay, 0.0, 0.0, tx, ty)
        nx, ny, d, slack = separation(cx, cy, ax, ay)
        return nx, ny, d, slack, ax, ay
    best = np.inf
    bx, by, qx, qy = 0.0, 0.0, 0.0, 0.0
    depth = -np.inf
    mx, my = 0.0, 0.0
    edges = count if count > 2 else 1
    for e in range(edges):
        f = e + 1 if e + 1 < count else 0
        ax, ay = vertices[e, 0] - px, vertices[e, 1] - py
        ex, ey = vertices[f, 0] - px, vertices[f, 1] - py
        cx, cy, ox, oy = between_segments(tx, ty, ax, ay, ex, ey)
        d = (cx - ox) ** 2 + (cy - oy) ** 2
        if d < best:
            best, bx, by, qx, qy = d, cx, cy, ox, oy
        if count > 2:
            # Outward normal of a counter-clockwise edge; the segment's nearest end decides.
            ux, uy = ey - ay, -(ex - ax)
            length = np.sqrt(ux * ux + uy * uy)
            ux, uy = ux / length, uy / length
            outside = min(-(ux * ax + uy * ay), ux * (tx - ax) + uy * (ty - ay))
            if outside > depth:
                depth, mx, my = outside, ux, uy
    if count > 2 and (best == 0.0 or depth < 0.0):
        # Near the boundary from outside the nearest corner counts; a segment that reaches in is pushed out by the
        # edge that it has crossed least.
        head_inside = True
        tail_inside = True
        for e in range(count):
            f = e + 1 if e + 1 < count else 0
            ax, ay = vertices[e, 0] - px, vertices[e, 1] - py
            ux, uy = vertices[f, 1] - vertices[e, 1], -(vertices[f, 0] - vertices[e, 0])
            head_inside = head_inside and -(ux * ax + uy * ay) <= 0.0
            tail_inside = tail_inside and ux * (tx - ax) + uy * (ty - ay) <= 0.0
        if best == 0.0 or head_inside or tail_inside:
            return mx, my, min(depth, 0.0), 0.0, -mx * depth, -my * depth
    nx, ny, d, slack = separation(bx, by, qx, qy)
    return nx, ny, d, slack, qx, qy
