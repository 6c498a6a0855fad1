"""Several quadrupeds that cross one another's way, as data with a seed."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from controllers.errors import InvalidValue, UnknownName
from controllers.robot.interface import LocomotionCommand
from controllers.safety.obstacles import Obstacle, disc
from sim.coloured_arena import ARRIVED_M
from sim.disturbances import Payload
from sim.errands import Errands, draw_errands
from sim.quadruped_backend import SimConfig
from sim.team_backend import TeamBackend
from sim.team_world import Place

Point = tuple[float, float]

STAND_AT_S, TROT_AT_S, GO_AT_S = 0.3, 2.5, 3.0
ROBOTS = 4
# Robots start on a circle of this radius [m], within this distance of evenly spread places [m].
CIRCLE_M, JITTER_M = 2.2, 0.15
HEAVIEST_KG = 4.0
# Between the ways of the robots, opposite each other, so that all have to share what is left of the middle. They are
# the same for every seed, because the filter's parameters must tell of them.
POSTS = (disc((0.0, 1.0), 0.2), disc((0.0, -1.0), 0.2))
ERRAND_ROBOTS = 2
# Two robots and four things need room; the gap between the posts takes a robot with its disc of 0.45 m.
ERRAND_POSTS = (disc((0.0, 0.9), 0.2), disc((0.0, -0.9), 0.2))


@dataclass(frozen=True)
class TeamScenario:
    """Robots, where they go, and what stands in their way.

    Attributes:
        name: Name of the scenario.
        robot: Kind of all robots.
        places: The robots and where they start.
        goals: Where each goes [m].
        obstacles: Discs and walls.
        time_limit_s: End, whether they are there or not [s].
        goal_tolerance_m: Distance at which a robot is there [m].
        seed: Seeds sensor noise.
        errands: Things on the floor and what each robot is told, where goals come in words; None where not.
    """

    name: str
    robot: str
    places: tuple[Place, ...]
    goals: tuple[Point, ...]
    obstacles: tuple[Obstacle, ...] = ()
    time_limit_s: float = 60.0
    goal_tolerance_m: float = 0.25
    seed: int = 0
    errands: Errands | None = None

    def __post_init__(self) -> None:
        """Refuse scenarios without a goal for every robot.

        Raises:
            InvalidValue: Says how many of each were given.
        """
        if len(self.goals) != len(self.places):
            raise InvalidValue(f"every robot needs a goal, got {len(self.places)} robots and {len(self.goals)} goals")

    def backend(self, control_dt: float = 0.002) -> TeamBackend:
        """Build the world.

        Args:
            control_dt: Control period [s].

        Returns:
            The world, with its noise seeded.
        """
        team = TeamBackend(self.places, self.robot, SimConfig(control_dt=control_dt), self.obstacles)
        team.reset(np.random.default_rng(self.seed))
        return team

    def told(self, instructions: Sequence[str]) -> "TeamScenario":
        """Send robots elsewhere, in words.

        Args:
            instructions: For each robot; an empty one leaves it as it is.

        Returns:
            The scenario with other goals.

        Raises:
            InvalidValue: Nobody is told anything in this scenario, or an instruction names no thing of its floor.
        """
        if not any(text.strip() for text in instructions):
            return self
        if self.errands is None:
            raise InvalidValue(f"in the scenario '{self.name}' robots are not told where to go, got {instructions}")
        errands = self.errands.told(instructions)
        return replace(self, errands=errands, goals=errands.goals())

    def command(self, time: float) -> LocomotionCommand:
        """Tell what gait is asked of every robot: to rise, then to trot on the spot until told where to.

        Args:
            time: Since the start [s].

        Returns:
            The command; velocities come from elsewhere.
        """
        return LocomotionCommand(gait="rest" if time < STAND_AT_S else "stand" if time < TROT_AT_S else "trot")


def crossing(robot: str = "go2", seed: int = 0) -> TeamScenario:
    """Let four robots swap places across a circle with two posts in it; each carries a load of its own.

    Args:
        robot: Kind of all robots.
        seed: Seeds places, loads and sensor noise.

    Returns:
        The scenario.
    """
    rng = np.random.default_rng([seed, 4])
    places, goals = [], []
    for i in range(ROBOTS):
        angle = 2.0 * math.pi * (i + 0.5) / ROBOTS
        (x, y), (gx, gy) = (
            CIRCLE_M * np.array((math.cos(at), math.sin(at))) + rng.uniform(-JITTER_M, JITTER_M, 2)
            for at in (angle, angle + math.pi)
        )
        load = Payload(mass_kg=round(float(rng.uniform(0.0, HEAVIEST_KG)), 2))
        places.append(Place(f"robot_{i + 1}", float(x), float(y), math.atan2(gy - y, gx - x), (load,)))
        goals.append((float(gx), float(gy)))
    return TeamScenario("crossing", robot, tuple(places), tuple(goals), POSTS, seed=seed)


def errands(robot: str = "go2", seed: int = 0) -> TeamScenario:
    """Send two robots among posts to coloured things, in words; each carries a load of its own.

    Args:
        robot: Kind of both robots.
        seed: Seeds things, places, loads and sensor noise.

    Returns:
        The scenario.
    """
    rng = np.random.default_rng([seed, 5])
    posts = np.array([[*post.corners[0], post.radius] for post in ERRAND_POSTS])
    task, starts = draw_errands(ERRAND_ROBOTS, posts, rng)
    places = []
    for i, (x, y) in enumerate(starts.tolist()):
        load = Payload(mass_kg=round(float(rng.uniform(0.0, HEAVIEST_KG)), 2))
        places.append(Place(f"robot_{i + 1}", x, y, float(rng.uniform(-math.pi, math.pi)), (load,)))
    return TeamScenario(
        *("errands", robot, tuple(places), task.goals(), ERRAND_POSTS),
        goal_tolerance_m=ARRIVED_M,
        seed=seed,
        errands=task,
    )


TEAM_SCENARIOS: dict[str, Callable[[str, int], TeamScenario]] = {"crossing": crossing, "errands": errands}


def get_team_scenario(name: str, robot: str = "go2", seed: int = 0) -> TeamScenario:
    """Make a scenario by its name.

    Args:
        name: Name of the scenario.
        robot: Kind of all robots.
        seed: Seed.

    Returns:
        The scenario.

    Raises:
        UnknownName: There is no such scenario.
    """
    if name not in TEAM_SCENARIOS:
        raise UnknownName("team scenario", name, TEAM_SCENARIOS)
    return TEAM_SCENARIOS[name](robot, seed)
