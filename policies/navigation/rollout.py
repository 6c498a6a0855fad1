"""What a method costs on scenes: the number that training lowers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.safety.metrics import extra_time_s, spl
from sim.navigation import NavigationWorld
from sim.navigation_scene import Scene
from sim.navigator import Navigator

Array = npt.NDArray[np.float64]

# Price of a scene in which not all arrive, of a robot that does not, and of a detour as long as the way [s].
FAILED, LOST, DETOUR = 30.0, 5.0, 60.0
# More extra time than this is as bad as this [s].
LATE = 20.0
# Robots that overlap by less have not touched; that is rounding [m].
CONTACT = 1e-6


@dataclass(frozen=True)
class Costs:
    """What became of S scenes.

    Attributes:
        cost: Weighted sum of what follows, shape (S,) [s].
        success: Whether all arrived and none touched anything, shape (S,).
        extra_time: Mean extra time of the robots that arrived, NaN where none did, shape (S,) [s].
        spl: Success weighted by path length, mean over robots, shape (S,).
        robots: Costs of the A robots of each scene, shape (A,) [s]; that of the scene is their mean.
        agent_steps: How many robots moved for how many periods, all in all.
    """

    cost: Array
    success: npt.NDArray[np.bool_]
    extra_time: Array
    spl: Array
    robots: tuple[Array, ...]
    agent_steps: int


def measure(scenes: Sequence[Scene], navigator: Navigator, sensing_range: float = 10.0) -> Costs:
    """Run a method on scenes of the same dynamics and control period until all are over.

    Args:
        scenes: The scenes.
        navigator: The method.
        sensing_range: Distance within which others are seen [m].

    Returns:
        Costs in the order of the scenes.
    """
    world = NavigationWorld(scenes, sensing_range)
    navigator.start(world)
    found: dict[int, tuple[Array, bool, float, float]] = {}
    agent_steps = 0
    while True:
        over = world.over
        for row in np.flatnonzero(over):
            number = int(world.number[row])
            found[number] = _judge(world, row, scenes[number])
        if over.all():
            break
        if over.any():
            world.keep(~over)
        world.step(navigator.decide(world).velocity)
        agent_steps += int(world.present.sum())
    robots = tuple(found[number][0] for number in range(len(scenes)))
    table = np.array([found[number][1:] for number in range(len(scenes))])
    cost = np.array([item.mean() for item in robots])
    return Costs(cost, table[:, 0] > 0.0, table[:, 1], table[:, 2], robots, agent_steps)


def _judge(world: NavigationWorld, row: int, scene: Scene) -> tuple[Array, bool, float, float]:
    """Costs of the robots of one scene, and its success, extra time and SPL."""
    count, tally = scene.agents, world.tally
    arrival, path = tally.arrival[row, :count], tally.path[row, :count]
    good = ~np.isnan(arrival) & (tally.clearance[row, :count] >= -CONTACT)
    success = bool(good.all())
    late = np.full(count, LATE)
    late[good] = np.minimum(extra_time_s(arrival[good], scene.shortest[good], scene.speed[good]), LATE)
    efficiency = spl(good, scene.shortest, path)
    cost = late + LOST * ~good + FAILED * (not success) + DETOUR * (1.0 - efficiency)
    return cost, success, float(late[good].mean()) if good.any() else np.nan, float(efficiency.mean())
