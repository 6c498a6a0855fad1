"""What became of the robots of a team: who arrived when, how near they came to anything, who touched whom."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.safety.segments import to_polygon
from sim.ground_truth import GroundTruth, has_fallen
from sim.team_backend import TeamBackend
from sim.team_scenarios import TROT_AT_S, TeamScenario

Array = npt.NDArray[np.float64]

# A robot has arrived when it has been there for this time [s].
STAY_S = 1.0
COLUMNS = (
    ("name", "robot"),
    ("payload_kg", "load [kg]"),
    ("arrival_s", "there after [s]"),
    ("path_m", "path [m]"),
    ("straight_m", "straight [m]"),
    ("nearest_robot_m", "nearest robot, centres [m]"),
    ("nearest_obstacle_m", "nearest post, centre to surface [m]"),
    ("least_barrier_m", "least barrier [m]"),
    ("mean_correction_mps", "mean correction [m/s]"),
    ("touched", "touched"),
    ("fell", "fell"),
)
# Where robots are told in words.
ERRAND_COLUMNS = (("instruction", "instruction"), ("plans", "plans"), ("progress", "judged progress"))


@dataclass
class RobotRecord:
    """What became of one robot.

    Attributes:
        name: Its name.
        payload_kg: What it carries [kg].
        straight_m: From start to goal [m].
        path_m: Length of its way to where it is [m].
        arrival_s: When it came to its goal to stay, NaN before [s].
        nearest_robot_m: Least distance between its centre and another's [m].
        nearest_obstacle_m: Least distance between its centre and an obstacle's surface, inf without any [m].
        least_barrier_m: Least gap that its filter saw, NaN without a filter [m].
        mean_correction_mps: Mean distance between wanted and commanded velocity on the way, NaN without a filter [m/s].
        touched: Whom or what it touched.
        fell: Whether it fell.
        instruction: What it was told; empty where its goal did not come in words.
        plans: How often its planner has imagined the future.
        progress: What its judge said last, from 0 to 1, NaN without a judge.
    """

    name: str
    payload_kg: float
    straight_m: float
    path_m: float = 0.0
    arrival_s: float = math.nan
    nearest_robot_m: float = math.inf
    nearest_obstacle_m: float = math.inf
    least_barrier_m: float = math.nan
    mean_correction_mps: float = math.nan
    touched: tuple[str, ...] = ()
    fell: bool = False
    instruction: str = ""
    plans: int = 0
    progress: float = math.nan


class TeamLog:
    """Follows a team through a scenario."""

    def __init__(self, scenario: TeamScenario) -> None:
        """Begin.

        Args:
            scenario: What is run.
        """
        self.scenario = scenario
        goals = np.array(scenario.goals)
        starts = np.array([(place.x, place.y) for place in scenario.places])
        straight = np.linalg.norm(goals - starts, axis=1)
        self.robots = [
            RobotRecord(place.name, sum(load.mass_kg for load in place.payloads), float(length))
            for place, length in zip(scenario.places, straight, strict=True)
        ]
        if scenario.errands is not None:
            for robot, instruction in zip(self.robots, scenario.errands.instructions, strict=True):
                robot.instruction = instruction
        self._columns = COLUMNS + (ERRAND_COLUMNS if scenario.errands is not None else ())
        self._goals, self._last = goals, starts
        self._there_since = [math.nan] * len(self.robots)
        self._corrections: list[list[float]] = [[] for _ in self.robots]
        self.elapsed = 0.0

    def observe(self, team: TeamBackend, truths: list[GroundTruth]) -> None:
        """Take one sample of the world; ten or more a second tell enough.

        Args:
            team: The world.
            truths: True state of every robot.
        """
        self.elapsed = team.elapsed
        position = np.array([truth.position_world[:2] for truth in truths])
        moved = np.linalg.norm(position - self._last, axis=1)
        self._last = position
        distance = np.linalg.norm(position[:, None] - position[None], axis=2)
        np.fill_diagonal(distance, np.inf)
        away = np.linalg.norm(position - self._goals, axis=1)
        for i, robot in enumerate(self.robots):
            robot.fell = robot.fell or has_fallen(truths[i], self.elapsed >= TROT_AT_S)
            robot.touched = tuple(
                sorted({a if b == robot.name else b for a, b in team.touches if robot.name in (a, b)})
            )
            robot.nearest_robot_m = min(robot.nearest_robot_m, float(distance[i].min()))
            robot.nearest_obstacle_m = min(robot.nearest_obstacle_m, self._obstacle_distance(position[i]))
            if away[i] > self.scenario.goal_tolerance_m:
                self._there_since[i] = robot.arrival_s = math.nan
            elif math.isnan(self._there_since[i]):
                self._there_since[i] = self.elapsed
            elif self.elapsed - self._there_since[i] >= STAY_S - 1e-9:
                robot.arrival_s = self._there_since[i]
            if math.isnan(self._there_since[i]):
                robot.path_m += float(moved[i])

    def note_filter(self, robot: str, values: Mapping[str, float]) -> None:
        """Take in what the filter of a robot reports.

        Args:
            robot: Its name.
            values: `least_gap_m` and `correction_mps`.
        """
        i = [record.name for record in self.robots].index(robot)
        record = self.robots[i]
        record.least_barrier_m = float(np.fmin(record.least_barrier_m, values.get("least_gap_m", math.nan)))
        if math.isnan(self._there_since[i]) and math.isfinite(values.get("correction_mps", math.nan)):
            self._corrections[i].append(values["correction_mps"])
            record.mean_correction_mps = float(np.mean(self._corrections[i]))

    def note_errand(self, robot: str, plans: int, progress: float) -> None:
        """Take in what planner and judge of a robot report.

        Args:
            robot: Its name.
            plans: How many it has made.
            progress: What its judge said last, NaN without one.
        """
        record = self.robots[[record.name for record in self.robots].index(robot)]
        record.plans, record.progress = plans, progress

    def _obstacle_distance(self, position: Array) -> float:
        least = math.inf
        x, y = position.tolist()
        for obstacle in self.scenario.obstacles:
            _, _, distance, *_ = to_polygon(0.0, 0.0, x, y, obstacle.corners, len(obstacle.corners))
            least = min(least, distance - obstacle.radius)
        return least

    @property
    def over(self) -> bool:
        """Whether all have arrived, one has fallen, or the time is up."""
        done = all(not math.isnan(robot.arrival_s) for robot in self.robots)
        return done or any(robot.fell for robot in self.robots) or self.elapsed >= self.scenario.time_limit_s - 1e-9

    @property
    def success(self) -> bool:
        """Whether all arrived, none fell and none touched anything but the floor."""
        return all(not math.isnan(r.arrival_s) and not r.fell and not r.touched for r in self.robots)

    def table(self) -> str:
        """Make a table of all robots, in Markdown."""
        columns = self._columns
        rows = [[title for _, title in columns], ["---"] * len(columns)]
        rows += [[_shown(getattr(robot, field)) for field, _ in columns] for robot in self.robots]
        widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
        return "\n".join(
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
        )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}" if math.isfinite(value) else "-"
    if isinstance(value, tuple):
        return ", ".join(value) or "nothing"
    return str(value)
