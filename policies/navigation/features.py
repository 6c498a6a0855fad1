"""What the network is told: numbers in the robot's own frame, so that place and heading of the map do not matter.

The own frame has its first axis towards the goal. Close to the goal its axes shrink to nothing, for the direction to a
goal that is reached means nothing. All numbers are without units: lengths are divided by the sum of two radii, speeds
by speed limits. Edges are listed without gaps: one for each neighbour and one for each obstacle that is perceived.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.safety.graph import Neighbourhood

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Robots nearer to the goal than this share of their radius have (almost) no frame.
FADE = 0.2
# Neighbours whose gap is larger than this, in sums of two radii, are not near.
NEAR = 2.0
# Times in which waiting and ways are measured [s].
PATIENCE_S, WAY_S = 5.0, 5.0
# Relative speeds at which a robot stands half [share of its limit].
STANDING = 0.1
NODE_WIDTH, EDGE_WIDTH, PAIR_WIDTH = 11, 15, 9


@dataclass(frozen=True)
class Features:
    """The graph of N robots with E edges, all towards the robot that decides.

    Attributes:
        node: Features of the robots, shape (N, `NODE_WIDTH`).
        edge: Features of the edges, shape (E, `EDGE_WIDTH`).
        receiver: Row of the robot that perceives, shape (E,).
        slot: Its slot of the neighbour, or K + slot of the obstacle, shape (E,).
        near: Nearness of the edge, from 0 (far) to 1 (in touch), shape (E,).
        away: Unit vector from what is perceived to the robot, world frame, shape (E, 2).
        between: Numbers of the edges that are neighbours, shape (P,).
        pair: What robot and neighbour both know of their encounter, seen by the robot, shape (P, `PAIR_WIDTH`).
        reverse: The same seen by the neighbour, shape (P, `PAIR_WIDTH`).
    """

    node: Array
    edge: Array
    receiver: IntArray
    slot: IntArray
    near: Array
    away: Array
    between: IntArray
    pair: Array
    reverse: Array


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1])


def _cross(a: Array, b: Array) -> Array:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _columns(rows: int, values: list[Array | float]) -> Array:
    out = np.empty((rows, len(values)))
    for column, value in enumerate(values):
        out[:, column] = value
    return out


def _still(speed: Array) -> Array:
    return np.asarray(1.0 / (1.0 + (speed / STANDING) ** 2))


def extract(neighbourhood: Neighbourhood) -> Features:
    """Describe what robots perceive.

    Args:
        neighbourhood: What N robots perceive; each row is described by itself.

    Returns:
        The features.
    """
    view = neighbourhood
    n, k = view.valid.shape
    distance = np.linalg.norm(view.goal, axis=1)
    radius, top = np.maximum(view.radius, 1e-6), np.maximum(view.speed, 1e-6)
    axis = view.goal / np.maximum(distance, FADE * radius)[:, None]
    i, j = np.nonzero(view.valid & view.present[:, None])
    o, w = np.nonzero(view.obstacle_valid & view.present[:, None])

    # Neighbours.
    other, other_top = np.maximum(view.neighbour_radius[i, j], 0.0), np.maximum(view.neighbour_speed[i, j], 1e-6)
    body, away, gap = radius[i] + other, view.normal[i, j], view.gap[i, j]
    own = view.velocity[i]
    moves = view.relative_velocity[i, j] + own
    near = np.clip(1.0 - gap / (NEAR * body), 0.0, 1.0)
    still = _still(np.linalg.norm(moves, axis=1) / other_top)
    beyond = np.clip((np.linalg.norm(view.goal[i] - view.relative_position[i, j], axis=1) - body) / body, -1.0, 1.0)
    toward, passing = _dot(moves, away) / other_top, _cross(away, moves) / other_top
    approach, drift = -_dot(own, away) / top[i], -_cross(away, own) / top[i]
    neighbours = _columns(
        i.size,
        [
            -_dot(away, axis[i]),
            -_cross(axis[i], away),
            near,
            1.0 / (1.0 + np.maximum(gap, 0.0) / body),
            np.clip(_dot(moves, axis[i]) / top[i], -2.0, 2.0),
            np.clip(_cross(axis[i], moves) / top[i], -2.0, 2.0),
            toward,
            passing,
            approach,
            drift,
            other / body - 0.5,
            still,
            view.uncooperative[i, j].astype(np.float64),
            0.0,
            beyond,
        ],
    )
    common: list[Array | float] = [near, 1.0 / (1.0 + np.maximum(gap, 0.0) / body)]
    mine: list[Array | float] = [approach, drift, _still(np.linalg.norm(own, axis=1) / top[i])]
    theirs: list[Array | float] = [toward, passing, still]
    size, speed = other / body - 0.5, other_top / (other_top + top[i]) - 0.5
    pair = _columns(i.size, [*common, *mine, *theirs, size + speed])
    reverse = _columns(i.size, [*common, *theirs, *mine, -size - speed])

    # Obstacles.
    wall, wall_gap = view.obstacle_normal[o, w], view.obstacle_gap[o, w]
    room = radius[o]
    wall_near = np.clip(1.0 - wall_gap / (NEAR * room), 0.0, 1.0)
    past = np.clip((np.linalg.norm(view.goal[o] - view.obstacle_point[o, w], axis=1) - room) / room, -1.0, 1.0)
    obstacles = _columns(
        o.size,
        [
            -_dot(wall, axis[o]),
            -_cross(axis[o], wall),
            wall_near,
            1.0 / (1.0 + np.maximum(wall_gap, 0.0) / room),
            *(0.0, 0.0, 0.0, 0.0),
            -_dot(view.velocity[o], wall) / top[o],
            -_cross(wall, view.velocity[o]) / top[o],
            *(0.5, 1.0, 0.0, 1.0),
            past,
        ],
    )
    node = _columns(
        n,
        [
            1.0 / (1.0 + distance / radius),
            distance / (distance + WAY_S * top),
            view.stall / (view.stall + PATIENCE_S),
            np.tanh(view.stall),
            np.clip(_dot(view.velocity, axis) / top, -2.0, 2.0),
            np.clip(_cross(axis, view.velocity) / top, -2.0, 2.0),
            _still(np.linalg.norm(view.velocity, axis=1) / top),
            np.bincount(i, near, n) / 4.0,
            np.bincount(o, wall_near, n) / 4.0,
            radius / (radius + 0.5) - 0.5,
            top / (top + 1.0) - 0.5,
        ],
    )
    return Features(
        node,
        np.concatenate((neighbours, obstacles)),
        np.concatenate((i, o)),
        np.concatenate((j, k + w)),
        np.concatenate((near, wall_near)),
        np.concatenate((away, wall)),
        np.arange(i.size),
        pair,
        reverse,
    )
