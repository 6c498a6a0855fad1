"""Scenes of multi-robot navigation by name and seed."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from controllers.safety.obstacles import Obstacle, disc, polygon, segment
from sim.navigation_scene import Motion, Scene

Array = npt.NDArray[np.float64]

# Room between the discs of two starts or two goals [m]; suites of others ask for the same.
SPACING = 0.1
ATTEMPTS = 2000
RADII = (0.2, 0.8)
SPEEDS = (0.5, 1.5)


def _placed(
    rng: np.random.Generator,
    radius: Array,
    low: Array,
    high: Array,
    obstacles: Sequence[Obstacle] = (),
    away: tuple[Array, float] | None = None,
) -> Array | None:
    """Place discs at random, clear of one another and of obstacles; None where they did not fit.

    Each keeps a distance from its own point of `away`, where that is given.
    """
    points = np.zeros((len(radius), 2))
    for i, r in enumerate(radius):
        for _ in range(ATTEMPTS):
            point = rng.uniform(low, high)
            gaps = np.linalg.norm(points[:i] - point, axis=1) - radius[:i] - r
            near = away is not None and np.linalg.norm(point - away[0][i]) <= away[1]
            if not near and (gaps > SPACING).all() and all(_clearance(point, item) > r + SPACING for item in obstacles):
                points[i] = point
                break
        else:
            return None
    return points


def _clearance(point: Array, item: Obstacle) -> float:
    """Distance from a point to an obstacle, at most zero inside."""
    corners = item.corners
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.maximum((edges**2).sum(axis=1), 1e-300)
    share = np.clip(((point - corners) * edges).sum(axis=1) / lengths, 0.0, 1.0)
    distance = float(np.linalg.norm(point - corners - share[:, None] * edges, axis=1).min())
    if len(corners) > 2:
        beside = edges[:, 0] * (point - corners)[:, 1] - edges[:, 1] * (point - corners)[:, 0]
        distance = -distance if (beside >= 0.0).all() else distance
    return distance - item.radius


def random(seed: int, agents: int = 10) -> Scene:
    """Draw robots of mixed sizes and speeds on a square.

    As the test cases that came with CADRL (Chen et al., "Decentralized Non-communicating Multiagent Collision Avoidance
    with Deep Reinforcement Learning", ICRA 2017): radii 0.2–0.8 m, speeds 0.5–1.5 m/s; 15 % of the scenes let pairs
    exchange places, 15 % lead all across a circle, the others scatter starts and goals that are more than half a side
    apart. Half a side is 4 m for fewer than five robots and 5–6 m for ten; more get the same area each.

    Args:
        seed: Seed.
        agents: Number of robots.

    Returns:
        The scene.
    """
    rng = np.random.default_rng([seed, agents])
    kind = rng.random()
    half = 4.0 if agents < 5 else rng.uniform(5.0, 6.0) * np.sqrt(max(agents, 10) / 10.0)
    draw = _exchanging if kind < 0.15 else _across if kind < 0.3 else _scattered
    while True:
        radius, speed = rng.uniform(*RADII, agents), rng.uniform(*SPEEDS, agents)
        drawn = draw(rng, radius, half)
        if drawn is not None:
            return Scene(f"random_{agents}", *drawn, speed, radius)


def _scattered(rng: np.random.Generator, radius: Array, half: float) -> tuple[Array, Array] | None:
    low, high = np.full(2, -half), np.full(2, half)
    start = _placed(rng, radius, low, high)
    goal = None if start is None else _placed(rng, radius, low, high, away=(start, half))
    return None if start is None or goal is None else (start, goal)


def _exchanging(rng: np.random.Generator, radius: Array, half: float) -> tuple[Array, Array] | None:
    """Pairs exchange places, so that each meets its partner head on; one robot may be left over."""
    low, high = np.full(2, -half), np.full(2, half)
    pairs = len(radius) // 2 * 2
    # Partners take one another's place: both must fit.
    size = radius.copy()
    size[:pairs] = np.repeat(radius[:pairs].reshape(-1, 2).max(axis=1), 2)
    start = _placed(rng, size, low, high)
    if start is None:
        return None
    goal = start.copy()
    goal[:pairs] = start[:pairs].reshape(-1, 2, 2)[:, ::-1].reshape(-1, 2)
    if pairs < len(radius):
        goal[-1] = -start[-1]
        gaps = np.linalg.norm(goal[:-1] - goal[-1], axis=1) - size[:-1] - size[-1]
        if not (gaps > SPACING).all():
            return None
    return start, goal


def _across(rng: np.random.Generator, radius: Array, half: float) -> tuple[Array, Array] | None:
    """Robots at random angles of a circle go to the other side."""
    gap = 2.0 * radius.max() + SPACING
    size = max(half, 1.2 * len(radius) * gap / (2.0 * np.pi))
    least = 2.0 * np.arcsin(0.5 * gap / size)
    room = 2.0 * np.pi - len(radius) * least
    share = rng.dirichlet(np.ones(len(radius)))
    angle = rng.uniform(0.0, 2.0 * np.pi) + np.cumsum(least + room * share)
    start = size * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    return start, -start


def circle(seed: int, agents: int = 8) -> Scene:
    """Put robots on a circle, each with its goal on the other side.

    With 250 robots it is the example `Circle` that comes with RVO2 (radius 200 m, robots of 1.5 m, 2 m/s); fewer keep
    the distance between neighbours that small robots of 0.5 m would have on a circle of at least 4 m.

    Args:
        seed: 0 gives the perfect circle, others shift the robots along it by up to a tenth of their distance.
        agents: Number of robots.

    Returns:
        The scene.
    """
    rng = np.random.default_rng([seed, agents])
    angle = np.arange(agents) * (2.0 * np.pi / agents)
    if seed:
        angle += rng.uniform(-0.1, 0.1, agents) * (2.0 * np.pi / agents)
    large = agents >= 200
    size = 200.0 * agents / 250.0 if large else max(4.0, agents * 1.5 / (2.0 * np.pi))
    radius, speed = (1.5, 2.0) if large else (0.5, 1.0)
    start = size * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    return Scene(
        f"circle_{agents}",
        start,
        -start,
        np.full(agents, speed),
        np.full(agents, radius),
        time_limit_s=max(60.0, 12.0 * size / speed),
        dt=0.25 if large else 0.1,
    )


def streams(seed: int, agents: int = 20) -> Scene:
    """Let two groups of equal size meet head on.

    Args:
        seed: Seed.
        agents: Number of robots, half of them on either side.

    Returns:
        The scene.
    """
    rng = np.random.default_rng([seed, agents])
    side = agents // 2
    radius, speed = np.full(2 * side, 0.3), rng.uniform(0.8, 1.2, 2 * side)
    depth = side * 0.8
    left = _placed(rng, radius[:side], np.array([-4.0 - depth, -2.0]), np.array([-4.0, 2.0]))
    right = _placed(rng, radius[side:], np.array([4.0, -2.0]), np.array([4.0 + depth, 2.0]))
    assert left is not None and right is not None
    start = np.concatenate((left, right))
    # Everyone keeps its lane and crosses by as much as the other group's place is away.
    goal = start + np.concatenate((np.tile([8.0 + depth, 0.0], (side, 1)), np.tile([-8.0 - depth, 0.0], (side, 1))))
    return Scene("streams", start, goal, speed, radius, time_limit_s=120.0)


def blocks(seed: int, rows: int = 5) -> Scene:
    """Let four square blocks of robots cross in the middle, as in the example `Blocks` that comes with RVO2.

    Args:
        seed: 0 gives the perfect grid, others shift every robot by up to 1 m.
        rows: Robots along a side of a block.

    Returns:
        The scene of four blocks with obstacles between them.
    """
    rng = np.random.default_rng([seed, rows])
    grid = np.array([[55.0 + 10.0 * i, 55.0 + 10.0 * j] for i in range(rows) for j in range(rows)])
    corners = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    start = np.concatenate([grid * corner for corner in corners])
    # A block of more rows grows outwards; its goals are where the block on the other side started.
    goal = np.concatenate([-75.0 * corner - (grid - 75.0) * corner for corner in corners])
    if seed:
        start = start + rng.uniform(-1.0, 1.0, start.shape)
    n = len(start)
    walls = tuple(
        polygon([[x * 10.0, y * 10.0], [x * 40.0, y * 10.0], [x * 40.0, y * 40.0], [x * 10.0, y * 40.0]])
        for x in (-1.0, 1.0)
        for y in (-1.0, 1.0)
    )
    return Scene(
        "blocks",
        start,
        goal,
        np.full(n, 2.0),
        np.full(n, 2.0),
        walls,
        time_limit_s=600.0,
        dt=0.25,
        goal_tolerance=1.0,
    )


def doorway(seed: int, agents: int = 4) -> Scene:
    """Let robots from both sides of a wall pass one door that is wide enough for one of them.

    Args:
        seed: Seed.
        agents: Number of robots, half of them on either side.

    Returns:
        The scene.
    """
    rng = np.random.default_rng([seed, agents])
    side = agents // 2
    radius, speed = rng.uniform(0.25, 0.3, 2 * side), rng.uniform(0.8, 1.2, 2 * side)
    near, far = np.array([1.0, -1.5]), np.array([2.0 + 0.8 * side, 1.5])
    start, goal = _two_sides(rng, radius, side, near, far)
    walls = (segment((0.0, 0.45), (0.0, 4.0), 0.05), segment((0.0, -0.45), (0.0, -4.0), 0.05))
    return Scene("doorway", start, goal, speed, radius, walls, time_limit_s=120.0)


def _two_sides(rng: np.random.Generator, radius: Array, side: int, near: Array, far: Array) -> tuple[Array, Array]:
    """Starts of half of the robots right of x = 0 and goals left of it; the other way round for the others."""
    mirror = np.array([-1.0, 1.0])
    places = [_placed(rng, radius[part], near, far) for part in (slice(side), slice(side, None), slice(None))]
    right, left, _ = places
    goal_left, goal_right = (_placed(rng, radius[part], near, far) for part in (slice(side), slice(side, None)))
    assert right is not None and left is not None and goal_left is not None and goal_right is not None
    goal_left, goal_right = _front_goes_far(right, goal_left), _front_goes_far(left, goal_right)
    return np.concatenate((right, left * mirror)), np.concatenate((goal_left * mirror, goal_right))


def _front_goes_far(start: Array, goal: Array) -> Array:
    """Exchange goals so that who starts nearest to x = 0 goes farthest beyond it and is in nobody's way there.

    Radii of a group differ by less than the room between two goals, so that these still fit.
    """
    sorted_goal = np.zeros_like(goal)
    sorted_goal[np.argsort(np.abs(start[:, 0]))] = goal[np.argsort(-np.abs(goal[:, 0]))]
    return sorted_goal


def corridor(seed: int, agents: int = 4) -> Scene:
    """Let robots change sides in a corridor in which two of them can just pass.

    Args:
        seed: Seed.
        agents: Number of robots, half of them on either side.

    Returns:
        The scene.
    """
    rng = np.random.default_rng([seed, agents])
    side = agents // 2
    radius, speed = rng.uniform(0.25, 0.3, 2 * side), rng.uniform(0.8, 1.2, 2 * side)
    reach = 2.0 + 0.8 * side
    start, goal = _two_sides(rng, radius, side, np.array([1.0, -0.35]), np.array([1.0 + reach, 0.35]))
    length = reach + 3.0
    walls = (
        segment((-length, 0.75), (length, 0.75), 0.05),
        segment((-length, -0.75), (length, -0.75), 0.05),
    )
    return Scene("corridor", start, goal, speed, radius, walls, time_limit_s=120.0)


def intersection(seed: int, agents: int = 8) -> Scene:
    """Let robots come from all four arms of a crossing and go straight over it.

    Args:
        seed: Seed.
        agents: Number of robots, spread evenly over the arms.

    Returns:
        The scene.
    """
    rng = np.random.default_rng([seed, agents])
    radius, speed = rng.uniform(0.25, 0.3, agents), rng.uniform(0.8, 1.2, agents)
    start = np.zeros((agents, 2))
    goal = np.zeros((agents, 2))
    for arm in range(4):
        members = np.arange(arm, agents, 4)
        angle = 0.5 * np.pi * arm
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        span = 2.0 + 1.0 * len(members)
        here = _placed(rng, radius[members], np.array([-2.0 - span, -0.6]), np.array([-2.0, 0.6]))
        there = _placed(rng, radius[members], np.array([2.0, -0.6]), np.array([2.0 + span, 0.6]))
        assert here is not None and there is not None
        start[members], goal[members] = here @ turn.T, _front_goes_far(here, there) @ turn.T
    reach = 5.0 + agents / 4.0
    walls = tuple(
        polygon([[x * 1.0, y * 1.0], [x * reach, y * 1.0], [x * reach, y * reach], [x * 1.0, y * reach]])
        for x in (-1.0, 1.0)
        for y in (-1.0, 1.0)
    )
    return Scene("intersection", start, goal, speed, radius, walls, time_limit_s=120.0)


def clutter(seed: int, agents: int = 8) -> Scene:
    """Scatter robots among discs and boxes.

    Args:
        seed: Seed.
        agents: Number of robots.

    Returns:
        The scene.
    """
    rng = np.random.default_rng([seed, agents])
    half = 6.0 * np.sqrt(max(agents, 8) / 8.0)
    low, high = np.full(2, -half), np.full(2, half)
    while True:
        radius, speed = rng.uniform(0.2, 0.4, agents), rng.uniform(*SPEEDS, agents)
        obstacles: list[Obstacle] = []
        for number in range(agents):
            centre = rng.uniform(0.8 * low, 0.8 * high)
            if number % 2:
                obstacles.append(disc(tuple(centre), rng.uniform(0.3, 0.8)))
            else:
                obstacles.append(_box(centre, rng.uniform(0.3, 1.0, 2), rng.uniform(0.0, np.pi)))
        start = _placed(rng, radius, low, high, obstacles)
        goal = _placed(rng, radius, low, high, obstacles)
        if start is not None and goal is not None:
            return Scene("clutter", start, goal, speed, radius, tuple(obstacles), time_limit_s=90.0)


def _box(centre: Array, half: Array, angle: float) -> Obstacle:
    c, s = np.cos(angle), np.sin(angle)
    corners = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]) * half
    return polygon((corners @ np.array([[c, s], [-s, c]]) + centre).tolist())


def arena(seed: int, agents: int = 32, obstacles: int = 8) -> Scene:
    """Scatter double integrators and boxes over a square of 4 m, as GCBF+ does for its experiments.

    Zhang, So, Garg and Fan, "GCBF+: A Neural Graph Control Barrier Function Framework for Distributed Safe Multi-Agent
    Control" (T-RO 2025): radius 0.05 m, speed 0.5 m/s and acceleration 10 m/s² per axis, 256 steps of 0.03 s, boxes
    with sides of 0.1–0.5 m, starts and goals at least four radii apart; a goal is reached within two radii.

    Args:
        seed: Seed.
        agents: Number of robots.
        obstacles: Number of boxes.

    Returns:
        The scene; its numbers are drawn here, they are not those of the publication.
    """
    rng = np.random.default_rng([seed, agents, obstacles])
    half = 2.0
    boxes = tuple(
        _box(rng.uniform(-half, half, 2), rng.uniform(0.05, 0.25, 2), rng.uniform(0.0, 2.0 * np.pi))
        for _ in range(obstacles)
    )
    radius = np.full(agents, 0.05)
    start = _placed(rng, radius, np.full(2, -half), np.full(2, half), boxes)
    goal = _placed(rng, radius, np.full(2, -half), np.full(2, half), boxes)
    assert start is not None and goal is not None
    motion = Motion("double_integrator", acceleration=10.0, per_axis=True, euler=True)
    return Scene(
        "arena",
        start,
        goal,
        np.full(agents, 0.5),
        radius,
        boxes,
        motion=motion,
        time_limit_s=256 * 0.03,
        dt=0.03,
        goal_tolerance=0.1,
    )


FAMILIES: dict[str, Callable[..., Scene]] = {
    "random": random,
    "circle": circle,
    "streams": streams,
    "blocks": blocks,
    "doorway": doorway,
    "corridor": corridor,
    "intersection": intersection,
    "clutter": clutter,
    "arena": arena,
}


def scene_maker(name: str) -> Callable[[int], Scene]:
    """Find the maker of scenes by name.

    Args:
        name: A name of `FAMILIES`, with a number of robots after an underscore where the usual one is not wanted, as
            in "circle_50".

    Returns:
        Makes the scene of a seed; may be sent to another process.

    Raises:
        UnknownName: There is no such family; lists those that exist.
        InvalidValue: The number of robots is not positive, or the family takes none.
    """
    family, _, number = name.rpartition("_")
    if not number.isdigit():
        family, number = name, ""
    if family not in FAMILIES:
        raise UnknownName("scene", name, FAMILIES)
    if not number:
        return FAMILIES[family]
    if int(number) < 1 or family == "blocks":
        raise InvalidValue(f"scene '{name}' must have a positive number of robots, and blocks take none")
    return partial(FAMILIES[family], agents=int(number))
