"""What every robot perceives of its surroundings: the neighbourhoods of a batch of scenes.

A robot is a disc of radius r swept along a segment. The segment's head is the point that the filter drives (it moves
as a single integrator, see `dynamics`), its tail is where the robot is now. For robots without momentum the two
coincide. Gaps are distances between swept discs.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.obstacles import Obstacles
from controllers.safety.segments import between_segments, separation, to_polygon

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Neighbourhood:
    """What N robots perceive, each in its own row, with K neighbour and M obstacle slots.

    Row n = s·A + a belongs to agent a of scene s. Vectors are in the world frame and relative to the robot's head.

    Attributes:
        position: Own head, shape (N, 2) [m].
        velocity: Own velocity, shape (N, 2) [m/s].
        goal: From head to goal, shape (N, 2) [m].
        radius: Own radius, shape (N,) [m].
        speed: Own speed limit, shape (N,) [m/s].
        tail: From own head to own tail, shape (N, 2) [m].
        stall: Time without progress to the goal; the loop that owns the robots keeps it, shape (N,) [s].
        present: Whether the row belongs to a robot, shape (N,).
        crowded: Whether something within reach found no slot (or lies beyond sensing range): the robot then stands
            still, which is always safe. Shape (N,).
        valid: Whether the slot holds a neighbour, shape (N, K).
        index: Row of the neighbour, −1 where unknown, shape (N, K).
        relative_position: From own head to the neighbour's, shape (N, K, 2) [m].
        relative_velocity: Neighbour's velocity minus own, shape (N, K, 2) [m/s].
        neighbour_radius: Shape (N, K) [m].
        neighbour_speed: Speed limit of the neighbour, shape (N, K) [m/s].
        neighbour_tail: From its head to its tail, shape (N, K, 2) [m].
        uncooperative: Neighbours that do not give way, shape (N, K).
        gap: Distance between the swept discs, negative where they overlap, shape (N, K) [m].
        normal: Unit vector from the neighbour to the robot at their nearest points, shape (N, K, 2).
        slack: How much farther than its nearest point the own head lies along the normal, shape (N, K) [m].
        obstacle_valid: Whether the slot holds an obstacle, shape (N, M).
        obstacle_point: Obstacle's nearest point, relative to the own head, shape (N, M, 2) [m].
        obstacle_gap: Distance to the obstacle, shape (N, M) [m].
        obstacle_normal: Unit vector from the obstacle to the robot, shape (N, M, 2).
        obstacle_slack: As `slack`, shape (N, M) [m].
    """

    position: Array
    velocity: Array
    goal: Array
    radius: Array
    speed: Array
    tail: Array
    stall: Array
    present: BoolArray
    crowded: BoolArray
    valid: BoolArray
    index: IntArray
    relative_position: Array
    relative_velocity: Array
    neighbour_radius: Array
    neighbour_speed: Array
    neighbour_tail: Array
    uncooperative: BoolArray
    gap: Array
    normal: Array
    slack: Array
    obstacle_valid: BoolArray
    obstacle_point: Array
    obstacle_gap: Array
    obstacle_normal: Array
    obstacle_slack: Array

    def rows(self, selection: npt.ArrayLike) -> "Neighbourhood":
        """Take some robots' rows; `index` still names rows of the whole batch.

        Args:
            selection: Row numbers or a mask over N.

        Returns:
            The selected rows.
        """
        chosen = np.asarray(selection)
        return Neighbourhood(*(getattr(self, field.name)[chosen] for field in fields(self)))


@njit(cache=True)
def _apart(
    rx: float, ry: float, tx: float, ty: float, sx: float, sy: float, first: bool
) -> tuple[float, float, float, float]:
    """Normal, distance and slack of two robots: heads at 0 and r, tails at t and r + s."""
    if tx == 0.0 and ty == 0.0 and sx == 0.0 and sy == 0.0:
        distance = np.sqrt(rx * rx + ry * ry)
        if distance > 0.0:
            return -rx / distance, -ry / distance, distance, 0.0
    else:
        cx, cy, ox, oy = between_segments(tx, ty, rx, ry, rx + sx, ry + sy)
        nx, ny, distance, slack = separation(cx, cy, ox, oy)
        if distance > 0.0:
            return nx, ny, distance, slack
        length = np.sqrt(rx * rx + ry * ry)
        if length > 0.0:
            return -rx / length, -ry / length, 0.0, 0.0
    # Coincident robots have no direction between them: the lower number goes one way, the other the other.
    return (1.0 if first else -1.0), 0.0, 0.0, 0.0


@njit(cache=True)
def _perceive_agents(
    egos: int,
    sensing_range: float,
    dt: float,
    agents: tuple[Array, Array, Array, Array, Array, BoolArray, BoolArray],
    crowded: BoolArray,
    valid: BoolArray,
    index: IntArray,
    vectors: tuple[Array, Array, Array, Array],
    scalars: tuple[Array, Array, Array, Array],
    uncooperative: BoolArray,
) -> None:
    """Fill the neighbour slots of every robot with the nearest others in range."""
    position, velocity, radius, speed, tail, present, cooperative = agents
    relative_position, relative_velocity, neighbour_tail, normal = vectors
    neighbour_radius, neighbour_speed, gap, slack = scalars
    scenes, places = radius.shape
    k = valid.shape[1]
    near = np.empty(k)
    who = np.empty(k, dtype=np.int64)
    farthest = sensing_range * sensing_range
    for s in range(scenes):
        for i in range(egos):
            if not present[s, i]:
                continue
            n = s * egos + i
            px, py = position[s, i, 0], position[s, i, 1]
            tx, ty = tail[s, i, 0], tail[s, i, 1]
            count = 0
            for j in range(places):
                if j == i or not present[s, j]:
                    continue
                rx, ry = position[s, j, 0] - px, position[s, j, 1] - py
                squared = rx * rx + ry * ry
                sx, sy = tail[s, j, 0], tail[s, j, 1]
                reach = (speed[s, i] + speed[s, j]) * dt
                if squared > farthest:
                    body = radius[s, i] + radius[s, j] + reach
                    if tx == 0.0 and ty == 0.0 and sx == 0.0 and sy == 0.0:
                        if squared <= body * body:
                            crowded[n] = True
                    else:
                        body += np.sqrt(tx * tx + ty * ty) + np.sqrt(sx * sx + sy * sy)
                        if squared <= body * body:
                            _, _, d, _ = _apart(rx, ry, tx, ty, sx, sy, i < j)
                            if d <= radius[s, i] + radius[s, j] + reach:
                                crowded[n] = True
                    continue
                if tx == 0.0 and ty == 0.0 and sx == 0.0 and sy == 0.0:
                    g = np.sqrt(squared) - radius[s, i] - radius[s, j]
                else:
                    _, _, d, _ = _apart(rx, ry, tx, ty, sx, sy, i < j)
                    g = d - radius[s, i] - radius[s, j]
                if count == k:
                    if k == 0 or g >= near[k - 1]:
                        if g <= reach:
                            crowded[n] = True
                        continue
                    lost = who[k - 1]
                    if near[k - 1] <= (speed[s, i] + speed[s, lost]) * dt:
                        crowded[n] = True
                    count -= 1
                slot = count
                while slot > 0 and near[slot - 1] > g:
                    near[slot], who[slot] = near[slot - 1], who[slot - 1]
                    slot -= 1
                near[slot], who[slot] = g, j
                count += 1
            for slot in range(count):
                j = who[slot]
                rx, ry = position[s, j, 0] - px, position[s, j, 1] - py
                sx, sy = tail[s, j, 0], tail[s, j, 1]
                nx, ny, _, far = _apart(rx, ry, tx, ty, sx, sy, i < j)
                valid[n, slot] = True
                index[n, slot] = s * egos + j if j < egos else -1
                relative_position[n, slot, 0], relative_position[n, slot, 1] = rx, ry
                relative_velocity[n, slot, 0] = velocity[s, j, 0] - velocity[s, i, 0]
                relative_velocity[n, slot, 1] = velocity[s, j, 1] - velocity[s, i, 1]
                neighbour_tail[n, slot, 0], neighbour_tail[n, slot, 1] = sx, sy
                normal[n, slot, 0], normal[n, slot, 1] = nx, ny
                neighbour_radius[n, slot], neighbour_speed[n, slot] = radius[s, j], speed[s, j]
                gap[n, slot], slack[n, slot] = near[slot], far
                uncooperative[n, slot] = not cooperative[s, j]


@njit(cache=True)
def _keep_obstacle(
    seen: tuple[float, float, float, float, float, float],
    n: int,
    count: int,
    reach: float,
    out: tuple[Array, Array, Array, Array],
    crowded: BoolArray,
) -> int:
    """Sort an obstacle into the slots of a robot; seen = normal, gap, slack, point. Returns the new count."""
    point, gap, normal, slack = out
    m = gap.shape[1]
    if count == m:
        if m == 0 or seen[2] >= gap[n, m - 1]:
            if seen[2] <= reach:
                crowded[n] = True
            return count
        if gap[n, m - 1] <= reach:
            crowded[n] = True
        count -= 1
    slot = count
    while slot > 0 and gap[n, slot - 1] > seen[2]:
        gap[n, slot], slack[n, slot] = gap[n, slot - 1], slack[n, slot - 1]
        normal[n, slot, 0], normal[n, slot, 1] = normal[n, slot - 1, 0], normal[n, slot - 1, 1]
        point[n, slot, 0], point[n, slot, 1] = point[n, slot - 1, 0], point[n, slot - 1, 1]
        slot -= 1
    normal[n, slot, 0], normal[n, slot, 1] = seen[0], seen[1]
    gap[n, slot], slack[n, slot] = seen[2], seen[3]
    point[n, slot, 0], point[n, slot, 1] = seen[4], seen[5]
    return count + 1


@njit(cache=True)
def _perceive_obstacles(
    egos: int,
    sensing_range: float,
    dt: float,
    agents: tuple[Array, Array, Array, Array, BoolArray],
    obstacles: tuple[Array, IntArray, Array, Array, Array],
    crowded: BoolArray,
    valid: BoolArray,
    out: tuple[Array, Array, Array, Array],
) -> None:
    """Fill the obstacle slots of every robot with the nearest in range."""
    position, radius, speed, tail, present = agents
    corners, corner_count, rounding, lower, upper = obstacles
    for s in range(radius.shape[0]):
        for i in range(egos):
            if not present[s, i]:
                continue
            n = s * egos + i
            px, py = position[s, i, 0], position[s, i, 1]
            tx, ty = tail[s, i, 0], tail[s, i, 1]
            reach = speed[s, i] * dt
            # What is in reach must be seen even by a short-sighted robot: it senses at least its own next step.
            limit = max(sensing_range - radius[s, i], reach)
            count = 0
            for o in range(corner_count.shape[1]):
                if corner_count[s, o] == 0:
                    continue
                nx, ny, d, far, qx, qy = to_polygon(tx, ty, px, py, corners[s, o], corner_count[s, o])
                g = d - rounding[s, o] - radius[s, i]
                if g <= limit:
                    seen = (nx, ny, g, far, qx + nx * rounding[s, o], qy + ny * rounding[s, o])
                    count = _keep_obstacle(seen, n, count, reach, out, crowded)
            for axis in range(2):
                for side in range(2):
                    bound = lower[s, axis] if side == 0 else upper[s, axis]
                    if not np.isfinite(bound):
                        continue
                    sign = 1.0 if side == 0 else -1.0
                    head = sign * (position[s, i, axis] - bound)
                    trail = sign * tail[s, i, axis]
                    g = head + min(trail, 0.0) - radius[s, i]
                    if g <= limit:
                        nx, ny = (sign, 0.0) if axis == 0 else (0.0, sign)
                        seen = (nx, ny, g, max(-trail, 0.0), -nx * head, -ny * head)
                        count = _keep_obstacle(seen, n, count, reach, out, crowded)
            for slot in range(count):
                valid[n, slot] = True


def perceive(
    config: SensingConfig,
    agents: Agents,
    obstacles: Obstacles | None = None,
    stall: Array | None = None,
    egos: int | None = None,
) -> Neighbourhood:
    """Build the neighbourhoods of all robots of a batch.

    Args:
        config: Range and slots.
        agents: The robots of S scenes.
        obstacles: What does not move, for S scenes.
        stall: Time without progress, shape (S, A) or (S, egos) [s]; None is zero.
        egos: Rows are built for this many leading agents of each scene; None builds all. Robots that run apart build
            their own row only.

    Returns:
        Neighbourhoods, N = S·egos rows.

    Raises:
        InvalidValue: Numbers of scenes or agents do not fit.
    """
    s, a = agents.radius.shape
    own = a if egos is None else egos
    if not 0 <= own <= a:
        raise InvalidValue(f"egos must lie in 0..{a}, got {egos}")
    if obstacles is not None and obstacles.count.shape[0] != s:
        raise InvalidValue(f"obstacles must be given for {s} scenes, got {obstacles.count.shape[0]}")
    n, k, m = s * own, config.neighbours, config.obstacles
    waited = np.zeros(n)
    if stall is not None:
        if stall.shape not in ((s, a), (s, own)):
            raise InvalidValue(f"stall must have shape ({s}, {a}), got {stall.shape}")
        waited = np.ascontiguousarray(stall[:, :own], dtype=np.float64).reshape(n)
    crowded, valid = np.zeros(n, dtype=np.bool_), np.zeros((n, k), dtype=np.bool_)
    index, uncooperative = np.full((n, k), -1, dtype=np.int64), np.zeros((n, k), dtype=np.bool_)
    vectors = (np.zeros((n, k, 2)), np.zeros((n, k, 2)), np.zeros((n, k, 2)), np.zeros((n, k, 2)))
    scalars = (np.zeros((n, k)), np.zeros((n, k)), np.zeros((n, k)), np.zeros((n, k)))
    moving = (agents.position, agents.velocity, agents.radius, agents.speed, agents.tail)
    _perceive_agents(
        own,
        config.sensing_range,
        config.dt,
        (*moving, agents.present, agents.cooperative),
        crowded,
        valid,
        index,
        vectors,
        scalars,
        uncooperative,
    )
    obstacle_valid = np.zeros((n, m), dtype=np.bool_)
    near = (np.zeros((n, m, 2)), np.zeros((n, m)), np.zeros((n, m, 2)), np.zeros((n, m)))
    if obstacles is not None:
        still = (obstacles.corners, obstacles.count, obstacles.radius, obstacles.lower, obstacles.upper)
        bodies = (agents.position, agents.radius, agents.speed, agents.tail, agents.present)
        _perceive_obstacles(own, config.sensing_range, config.dt, bodies, still, crowded, obstacle_valid, near)
    flat = [array[:, :own].reshape((n, *array.shape[2:])) for array in (*moving, agents.goal, agents.present)]
    position, velocity, radius, speed, tail, goal, present = flat
    return Neighbourhood(
        position=position,
        velocity=velocity,
        goal=goal - position,
        radius=radius,
        speed=speed,
        tail=tail,
        stall=waited,
        present=present,
        crowded=crowded,
        valid=valid,
        index=index,
        relative_position=vectors[0],
        relative_velocity=vectors[1],
        neighbour_radius=scalars[0],
        neighbour_speed=scalars[1],
        neighbour_tail=vectors[2],
        uncooperative=uncooperative,
        gap=scalars[2],
        normal=vectors[3],
        slack=scalars[3],
        obstacle_valid=obstacle_valid,
        obstacle_point=near[0],
        obstacle_gap=near[1],
        obstacle_normal=near[2],
        obstacle_slack=near[3],
    )
