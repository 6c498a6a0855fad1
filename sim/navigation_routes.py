"""Ways around obstacles that stand still: where each robot would head if it were alone.

A robot that heads straight for its goal gets stuck behind the first wall, whatever filter it has. The map of what
stands still is known, so each robot follows the shortest way on its visibility graph: nodes around the corners of all
obstacles, grown by its radius, and edges where the straight way between two nodes is free. Every method is given the
same ways; other robots are left to the method.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.safety.obstacles import Obstacles
from controllers.safety.segments import to_polygon
from sim.navigation_scene import Scene

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# Nodes around a corner are at most this far apart, seen from it.
STEP = 0.25 * np.pi
# Room between a robot at a node and the corner, in radii of the robot.
ROOM = 0.05
# A way may cut this share off the radius: the filter slides along.
CUT = 0.02


def _corner_nodes(scene: Scene, radius: float) -> Array:
    """Points around the corners of all obstacles where a robot fits, shape (V, 2) [m]."""
    points = []
    for item in scene.obstacles:
        corners, n = item.corners, len(item.corners)
        distance = (item.radius + radius * (1.0 + ROOM)) / np.cos(0.5 * STEP)
        for i, corner in enumerate(corners):
            first, last = 0.0, 2.0 * np.pi
            if n > 1:
                before, after = corner - corners[i - 1], corners[(i + 1) % n] - corner
                # Corners go round counter-clockwise: outward normals are edges turned to the right.
                first = float(np.arctan2(-before[0], before[1]))
                last = float(np.arctan2(-after[0], after[1]))
                last += 2.0 * np.pi * (last < first)
            count = int(np.ceil((last - first) / STEP - 1e-9))
            angle = np.linspace(first, last, count + 1)[: None if n > 1 else -1]
            points.append(corner + distance * np.stack((np.cos(angle), np.sin(angle)), axis=1))
    return np.concatenate(points) if points else np.zeros((0, 2))


@njit(cache=True)
def _free(ax: float, ay: float, bx: float, by: float, room: float, corners: Array, count: IntArray, r: Array) -> bool:
    """Tell whether a disc of radius `room` can go straight from a to b."""
    for o in range(count.shape[0]):
        if count[o] > 0:
            _, _, distance, _, _, _ = to_polygon(bx - ax, by - ay, ax, ay, corners[o], count[o])
            if distance < r[o] + room:
                return False
    return True


@njit(cache=True)
def _lengths(nodes: Array, goal: Array, room: float, corners: Array, count: IntArray, r: Array) -> Array:
    """Length of the shortest way from every node to the goal (Dijkstra 1959); inf where there is none."""
    n = nodes.shape[0]
    length = np.full(n, np.inf)
    for v in range(n):
        if _free(nodes[v, 0], nodes[v, 1], goal[0], goal[1], room, corners, count, r):
            length[v] = np.sqrt((nodes[v, 0] - goal[0]) ** 2 + (nodes[v, 1] - goal[1]) ** 2)
    done = np.zeros(n, dtype=np.bool_)
    for _ in range(n):
        best = -1
        for v in range(n):
            if not done[v] and (best < 0 or length[v] < length[best]):
                best = v
        if best < 0 or length[best] == np.inf:
            break
        done[best] = True
        bx, by = nodes[best, 0], nodes[best, 1]
        for v in range(n):
            if done[v]:
                continue
            through = length[best] + np.sqrt((nodes[v, 0] - bx) ** 2 + (nodes[v, 1] - by) ** 2)
            if through < length[v] and _free(nodes[v, 0], nodes[v, 1], bx, by, room, corners, count, r):
                length[v] = through
    return length


@njit(cache=True)
def _choose(
    position: Array,
    goal: Array,
    room: Array,
    present: BoolArray,
    nodes: Array,
    length: Array,
    corners: Array,
    count: IntArray,
    r: Array,
    target: Array,
    rest: Array,
) -> None:
    """Find the next node of every robot, and the length of the way from there."""
    for s in range(position.shape[0]):
        for a in range(position.shape[1]):
            if not present[s, a]:
                continue
            px, py = position[s, a, 0], position[s, a, 1]
            gx, gy = goal[s, a, 0], goal[s, a, 1]
            target[s, a, 0], target[s, a, 1], rest[s, a] = gx, gy, 0.0
            if _free(px, py, gx, gy, room[s, a], corners[s], count[s], r[s]):
                continue
            shut = np.zeros(nodes.shape[2], dtype=np.bool_)
            for _ in range(nodes.shape[2]):
                best, least = -1, np.inf
                for v in range(nodes.shape[2]):
                    if not shut[v]:
                        x, y = nodes[s, a, v, 0] - px, nodes[s, a, v, 1] - py
                        way = np.sqrt(x * x + y * y) + length[s, a, v]
                        if way < least:
                            best, least = v, way
                if best < 0:
                    break
                shut[best] = True
                x, y = nodes[s, a, best, 0], nodes[s, a, best, 1]
                if _free(px, py, x, y, room[s, a], corners[s], count[s], r[s]):
                    target[s, a, 0], target[s, a, 1], rest[s, a] = x, y, length[s, a, best]
                    break


class Routes:
    """The ways of the robots of S scenes with A places."""

    def __init__(self, scenes: Sequence[Scene], places: int, obstacles: Obstacles) -> None:
        """Make the graphs.

        Args:
            scenes: The scenes.
            places: A.
            obstacles: Obstacles of all scenes.
        """
        graphs = [[_corner_nodes(scene, float(radius)) for radius in scene.radius] for scene in scenes]
        most = max((len(nodes) for row in graphs for nodes in row), default=0)
        self.nodes = np.zeros((len(scenes), places, most, 2))
        self.length = np.full((len(scenes), places, most), np.inf)
        self.room = np.zeros((len(scenes), places))
        for s, row in enumerate(graphs):
            for a, nodes in enumerate(row):
                self.room[s, a] = scenes[s].radius[a] * (1.0 - CUT)
                self.nodes[s, a, : len(nodes)] = nodes
                around = (obstacles.corners[s], obstacles.count[s], obstacles.radius[s])
                self.length[s, a, : len(nodes)] = _lengths(nodes, scenes[s].goal[a], self.room[s, a], *around)

    @property
    def needed(self) -> bool:
        """Whether there is anything to go around."""
        return self.nodes.shape[2] > 0

    def choose(self, position: Array, goal: Array, present: BoolArray, obstacles: Obstacles) -> tuple[Array, Array]:
        """Find where robots should head.

        Args:
            position: Where they are, shape (S, A, 2) [m].
            goal: Where they want to go, shape (S, A, 2) [m].
            present: Which places are taken, shape (S, A).
            obstacles: Obstacles of all scenes.

        Returns:
            The next point of each way, the goal itself where nothing is between or no way is known, shape (S, A, 2)
            [m], and the length of the way from there to the goal, shape (S, A) [m].
        """
        target, rest = goal.copy(), np.zeros(present.shape)
        around = (obstacles.corners, obstacles.count, obstacles.radius)
        _choose(position, goal, self.room, present, self.nodes, self.length, *around, target, rest)
        return target, rest

    def keep(self, chosen: BoolArray) -> None:
        """Drop scenes that need not go on.

        Args:
            chosen: Which scenes stay, shape (S,).
        """
        self.nodes, self.length, self.room = self.nodes[chosen], self.length[chosen], self.room[chosen]
