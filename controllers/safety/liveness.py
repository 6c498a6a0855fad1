"""A hand-made schedule that keeps robots going: look ahead, keep right, give way.

The filter keeps robots apart, but robots that all press straight for their goals come to a stop where pushes balance
(Grover, Liu and Sycara, "Deadlock Analysis and Resolution for Multi-Robot Systems", WAFR 2020). This schedule picks,
for every robot from its own row alone, the turn and the pace of its preferred velocity; safety does not depend on it.

Among velocities v on a grid of turns and paces it takes the least

    |v − v_pref| / s + danger · max_j max(0, 1/t_j(v) − 1/horizon) + left · [turn to the left]
        + winding · (|v| − v · v_pref / |v_pref|) / s,

where t_j is the time to contact with neighbour j if both do their share of the change, that is with relative velocity
v/α − (1/α − 1) v_i − v_j (α = ½, or 1 for those that do not cooperate): the penalty form of reciprocal velocity
obstacles (van den Berg, Lin and Manocha, "Reciprocal Velocity Obstacles for Real-Time Multi-Agent Navigation", ICRA
2008), here in front of a filter that needs no collision avoidance of it. Turning right is cheaper than turning left,
for all robots alike, so that those that meet head on pass each other on the same side.

The last term prefers to slow down for a moment over a longer way. Alone that saves path at little cost in time; in a
crowd, or without progress, everybody would wait for everybody, so there it fades.

What stands still is taken to stay, and contacts later than the arrival at the own goal do not matter. A robot that
has made no progress for a while sets out on the shortest way around all that stands (`way_around`). The longer a
robot makes no progress (it has not been nearer to its goal than ever before), the dearer is waiting, and the dearer
is the other side, so that it sets out around what blocks it and stays on one side. Every other `patience` without
progress it swings: the goal is taken to lie to the right, and a crowd that is stuck in one spot begins to turn about
it. In a crowd gains fall, for room that is used up at once is missing when the crowd must turn.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.safety.gains import Gains
from controllers.safety.graph import Neighbourhood
from controllers.safety.settings import refuse_negative
from controllers.safety.way_around import way_around

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# Paces that are tried, from full to standing.
PACES = 5
# What moves at less than this share of one's own speed stands.
STANDING = 0.05
# So many times its patience later a robot has tried all: straight and aside, on the right and on the left.
CYCLE = 4


@dataclass(frozen=True)
class LivenessConfig:
    """Settings of the schedule.

    Attributes:
        gain: How fast gaps to neighbours may be used up [1/s].
        crowd_gain: The same in a crowd [1/s].
        obstacle_gain: The same for obstacles [1/s].
        horizon: Contacts later than this do not matter [s].
        danger: Weight of an early contact [s].
        obstacle_danger: The same for obstacles [s].
        left: Price of turning to the left.
        padding: Share of the sum of two radii by which robots are taken to be larger.
        waiting: Price of going slowly, for every second without progress [1/s].
        patience: Time without progress after which a robot gives way [s].
        detour: How much the price of the other side grows, for every second without progress [1/s].
        swing: Angle to the right by which a robot that lost patience turns its goal [rad].
        crowd: Number of near neighbours at which the gain is half way between the two.
        company: Number of near neighbours at which a longer way costs half of its price.
        winding: Price of a longer way, for every metre that a metre of path does not come nearer.
        astray: Time without progress after which a robot looks for a way around all that stands [s].
        turns: Number of turns to either side that are tried.
    """

    gain: float = 8.0
    crowd_gain: float = 0.7
    obstacle_gain: float = 6.0
    horizon: float = 5.0
    danger: float = 1.0
    obstacle_danger: float = 0.08
    left: float = 0.12
    padding: float = 0.0
    waiting: float = 0.5
    patience: float = 5.0
    detour: float = 0.5
    swing: float = 1.15
    crowd: float = 5.0
    company: float = 2.0
    winding: float = 0.35
    astray: float = 1.0
    turns: int = 24

    def __post_init__(self) -> None:
        """Refuse values that make no sense.

        Raises:
            InvalidValue: Names the field.
        """
        refuse_negative(self)
        for name in ("horizon", "patience", "crowd", "turns"):
            if getattr(self, name) == 0.0:
                raise InvalidValue(f"LivenessConfig.{name} must be positive, got 0")


@njit(cache=True, inline="always")
def _contact(px: float, py: float, body: float, wx: float, wy: float) -> float:
    """Inverse of the time until a point that moves at w comes within `body` of p; 0 where it never does."""
    toward = px * wx + py * wy
    if toward <= 0.0:
        return 0.0
    squared = wx * wx + wy * wy
    c = px * px + py * py - body * body
    if c <= 0.0:
        # In touch already: the harder they press the worse.
        return float(10.0 * toward / np.sqrt(squared * (px * px + py * py) + 1e-300))
    under = toward * toward - squared * c
    if under <= 0.0:
        return 0.0
    return float((toward + np.sqrt(under)) / c)


@njit(cache=True)
def _set_out(
    i: int,
    goal: Array,
    near: tuple[BoolArray, Array, Array, Array, BoolArray],
    still: tuple[BoolArray, Array, Array],
    radius: float,
    speed: float,
    velocity: Array,
    parked: Array,
    fronts: Array,
) -> tuple[float, float, bool]:
    """Find the way around all that stands."""
    valid, position, relative_velocity, body, _ = near
    wall, point, normal = still
    count = 0
    for j in range(valid.shape[1]):
        ux, uy = relative_velocity[i, j, 0] + velocity[i, 0], relative_velocity[i, j, 1] + velocity[i, 1]
        if valid[i, j] and ux * ux + uy * uy <= STANDING * STANDING * speed * speed:
            parked[count, 0], parked[count, 1], parked[count, 2] = position[i, j, 0], position[i, j, 1], body[i, j]
            count += 1
    if count == 0:
        return 1.0, 0.0, False
    walls = 0
    for j in range(wall.shape[1]):
        if wall[i, j]:
            nx, ny = normal[i, j, 0], normal[i, j, 1]
            fronts[walls, 0], fronts[walls, 1] = nx, ny
            fronts[walls, 2] = nx * point[i, j, 0] + ny * point[i, j, 1] + radius
            walls += 1
    return way_around(goal[i, 0], goal[i, 1], parked[:count], fronts[:walls])


@njit(cache=True)
def _choose(
    settings: tuple[float, float, float, float, float, float, float, float, float, float, float, float, float, int],
    dt: float,
    own: tuple[Array, Array, Array, Array, Array, BoolArray],
    near: tuple[BoolArray, Array, Array, Array, BoolArray],
    still: tuple[BoolArray, Array, Array],
    crowd: Array,
    turn: Array,
    pace: Array,
) -> None:
    """Pick turn and pace of every robot."""
    horizon, danger, wall_danger, left, padding, waiting, patience, detour, swing, dense = settings[:10]
    company, length_price, astray, turns = settings[10:]
    goal, velocity, radius, speed, stall, present = own
    valid, position, relative_velocity, body, uncooperative = near
    wall, point = still[0], still[1]
    seen = np.empty((valid.shape[1] + wall.shape[1], 7))
    parked, fronts = np.empty((valid.shape[1], 3)), np.empty((wall.shape[1], 3))
    for i in range(radius.shape[0]):
        if not present[i]:
            continue
        s = speed[i]
        distance = np.sqrt(goal[i, 0] ** 2 + goal[i, 1] ** 2)
        if distance <= 0.0 or s <= 0.0:
            continue
        ex, ey = goal[i, 0] / distance, goal[i, 1] / distance
        full = min(s, distance / dt)
        # Patience ends, swing aside; patience with that ends, try straight again, and so on.
        phase = int(stall[i] / patience)
        swings = phase % 2 == 1
        # What was in vain on the right is tried on the left, but a crowd that turns must turn one way.
        side = 1.0 if phase % CYCLE < 2 or crowd[i] > dense else -1.0
        aside = left + detour * min(stall[i], patience)
        hx, hy = ex, ey
        if swings:
            hx, hy = np.cos(swing) * ex + side * np.sin(swing) * ey, np.cos(swing) * ey - side * np.sin(swing) * ex
        # Turns are tried about the way that the robot sets out on, and told about the direction of the goal.
        offset = 0.0
        winding = length_price / ((1.0 + (crowd[i] / company) ** 4) * (1.0 + stall[i]))
        if astray <= stall[i] < CYCLE * patience:
            wx, wy, around = _set_out(i, goal, near, still, radius[i], s, velocity, parked, fronts)
            if around:
                offset = np.arctan2(ex * wy - ey * wx, ex * wx + ey * wy)
                ex, ey, hx, hy = wx, wy, wx, wy
                side, aside = 1.0, left
        count = 0
        for j in range(valid.shape[1]):
            if not valid[i, j]:
                continue
            ux = relative_velocity[i, j, 0] + velocity[i, 0]
            uy = relative_velocity[i, j, 1] + velocity[i, 1]
            moving = ux * ux + uy * uy > STANDING * STANDING * s * s
            # What cooperates and moves does its share; what stands is taken to stay.
            share = 2.0 if moving and not uncooperative[i, j] else 1.0
            reach = (share * s + s + np.sqrt(ux * ux + uy * uy)) * horizon
            px, py, r = position[i, j, 0], position[i, j, 1], body[i, j] * (1.0 + padding)
            if px * px + py * py > (reach + r) ** 2:
                continue
            shift_x, shift_y = (share - 1.0) * velocity[i, 0] + ux, (share - 1.0) * velocity[i, 1] + uy
            seen[count, 0], seen[count, 1], seen[count, 2] = px, py, r
            seen[count, 3], seen[count, 4], seen[count, 5], seen[count, 6] = share, shift_x, shift_y, danger
            count += 1
        for j in range(wall.shape[1]):
            if wall[i, j]:
                seen[count, 0], seen[count, 1], seen[count, 2] = point[i, j, 0], point[i, j, 1], radius[i]
                seen[count, 3], seen[count, 4], seen[count, 5], seen[count, 6] = 1.0, 0.0, 0.0, wall_danger
                count += 1
        best = np.inf
        # Small turns come first, to the right before the left: what is good early saves looking at the rest.
        for n in range(2 * turns + 1):
            k = -(n + 1) // 2 if n % 2 == 1 else n // 2
            angle = np.pi * k / turns
            c, sn = np.cos(angle), np.sin(angle)
            dx, dy = c * ex - sn * ey, sn * ex + c * ey
            for level in range(PACES):
                share = 1.0 - level / (PACES - 1.0)
                if share == 0.0 and k != 0:
                    continue
                length = (s if k != 0 else full) * share
                vx, vy = length * dx, length * dy
                cost = np.sqrt((vx - full * hx) ** 2 + (vy - full * hy) ** 2) / s + (1.0 - share) * waiting * stall[i]
                cost += winding * share * (1.0 - (dx * hx + dy * hy))
                if k * side > 0.0:
                    cost += aside
                if cost >= best:
                    continue
                # Whoever comes to its goal first need not care for what lies behind it.
                latest = max(1.0 / horizon, length / distance) if k == 0 and offset == 0.0 else 1.0 / horizon
                worst = 0.0
                for j in range(count):
                    factor = seen[j, 3]
                    soon = _contact(
                        seen[j, 0], seen[j, 1], seen[j, 2], factor * vx - seen[j, 4], factor * vy - seen[j, 5]
                    )
                    worst = max(worst, seen[j, 6] * (soon - latest))
                    if cost + worst >= best:
                        break
                cost += worst
                if cost < best:
                    best, turn[i], pace[i] = cost, angle + offset, min(length / full, 1.0)
        if abs(turn[i]) > np.pi:
            turn[i] -= 2.0 * np.pi * np.sign(turn[i])


class Liveness:
    """Chooses turn and pace so that robots keep going; fixed gains."""

    def __init__(self, dt: float, config: LivenessConfig | None = None) -> None:
        """Keep the settings.

        Args:
            dt: Control period [s].
            config: Settings.

        Raises:
            InvalidValue: The period is not positive.
        """
        if not (np.isfinite(dt) and dt > 0.0):
            raise InvalidValue(f"Liveness.dt must be positive and finite, got {dt}")
        self.dt = dt
        self.config = LivenessConfig() if config is None else config

    def gains(self, neighbourhood: Neighbourhood) -> Gains:
        """Choose for every robot of a batch.

        Args:
            neighbourhood: What N robots perceive.

        Returns:
            Fixed gains, equal shares, and the turn and pace of a robot that prefers to go straight for its goal.
        """
        view, config = neighbourhood, self.config
        n, k = view.valid.shape
        turn, pace = np.zeros(n), np.ones(n)
        # Neighbours in touch count full, those as far away as both are wide not at all.
        body = np.maximum(view.radius[:, None] + view.neighbour_radius, 1e-9)
        nearness = np.clip(1.0 - view.gap / (2.0 * body), 0.0, 1.0)
        crowd = np.where(view.valid, nearness, 0.0).sum(axis=1)
        _choose(
            (
                config.horizon,
                config.danger,
                config.obstacle_danger,
                config.left,
                config.padding,
                config.waiting,
                config.patience,
                config.detour,
                config.swing,
                config.crowd,
                config.company,
                config.winding,
                config.astray,
                config.turns,
            ),
            self.dt,
            (view.goal, view.velocity, view.radius, view.speed, view.stall, view.present),
            (
                view.valid,
                view.relative_position,
                view.relative_velocity,
                body,
                view.uncooperative,
            ),
            (view.obstacle_valid, view.obstacle_point, view.obstacle_normal),
            crowd,
            turn,
            pace,
        )
        m = view.obstacle_valid.shape[1]
        alone = 1.0 / (1.0 + (crowd / config.crowd) ** 4)
        gain = config.crowd_gain + (config.gain - config.crowd_gain) * alone
        return Gains(
            np.ascontiguousarray(np.broadcast_to(gain[:, None], (n, k))),
            np.full((n, k), 0.5),
            np.full((n, m), config.obstacle_gain),
            turn,
            pace,
        )
