"""Runs a team scenario in one process, without ROS: every robot with estimator, controller, gatekeeper and filter.

As `launch/multi_agent_sim.launch.yaml` runs it, but for the delays of a network, so that many seeds take minutes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from controllers.errors import UnknownName
from controllers.gatekeeper import Gatekeeper, GatekeeperConfig
from controllers.quadruped.controller import LocomotionConfig, LocomotionController
from controllers.robot.estimator import BaseEstimator
from controllers.robot.interface import BaseEstimate
from controllers.rotations import matrix_from_quaternion
from controllers.safety.gains import FixedGains, GainSchedule
from controllers.safety.goal_seeking import GoalSeekingConfig, seek
from controllers.safety.liveness import Liveness
from controllers.safety.obstacles import Obstacles
from controllers.safety.reading import Observation, Reading
from controllers.safety.run_time_filter import RunTimeConfig, RunTimeFilter
from evaluation.rollout import from_truth, pass_gate
from policies.navigation.navigator import make_schedule
from sim.team_backend import TeamMember
from sim.team_log import TeamLog
from sim.team_scenarios import GO_AT_S, TeamScenario
from sim.team_world import Place

Array = npt.NDArray[np.float64]

SCHEDULES: dict[str, Callable[[float], GainSchedule]] = {
    "fixed": lambda period: FixedGains(1.0),
    "liveness": Liveness,
    "network": make_schedule,
}
ODOMETRY = ("estimator", "ground_truth")
# Time between looks at the world for the log [s].
LOOK_S = 0.01


@dataclass(frozen=True)
class TeamRolloutConfig:
    """How a team is run.

    Attributes:
        learner: Residual learner of every robot.
        learner_seed: Its seed.
        schedule: What tunes the barriers: a name of `SCHEDULES`.
        odometry: Where robots know their places from: "estimator" (each from its own start on, by its own sensors) or
            "ground_truth" (all in one frame, as a motion capture system gives it).
        filter: Settings of the safety filter.
        goals: Settings of the way to a goal.
    """

    learner: str = "pronk"
    learner_seed: int = 0
    schedule: str = "liveness"
    odometry: str = "ground_truth"
    filter: RunTimeConfig = field(default_factory=RunTimeConfig)
    goals: GoalSeekingConfig = field(default_factory=lambda: GoalSeekingConfig(yaw_rate=1.0))

    def __post_init__(self) -> None:
        """Refuse names that nothing has.

        Raises:
            UnknownName: Lists those that exist.
        """
        if self.schedule not in SCHEDULES:
            raise UnknownName("schedule", self.schedule, SCHEDULES)
        if self.odometry not in ODOMETRY:
            raise UnknownName("odometry", self.odometry, ODOMETRY)


def planar(estimate: BaseEstimate, time: float, place: Place | None) -> Reading:
    """Read the motion in the plane.

    Args:
        estimate: Pose and twist.
        time: When it was received [s].
        place: Where the estimate's frame lies in the shared one; None where it is the shared one.

    Returns:
        The reading in the shared frame.
    """
    rotation = matrix_from_quaternion(estimate.orientation)
    position, velocity = estimate.position_world[:2], (rotation @ estimate.velocity_body)[:2]
    heading = math.atan2(rotation[1, 0], rotation[0, 0])
    if place is None:
        return Reading(time, position.copy(), heading, velocity)
    c, s = math.cos(place.yaw), math.sin(place.yaw)
    turn = np.array(((c, -s), (s, c)))
    return Reading(time, turn @ position + (place.x, place.y), heading + place.yaw, turn @ velocity)


class _Robot:
    """One robot with all that thinks for it."""

    def __init__(self, member: TeamMember, goal: Array, config: TeamRolloutConfig, obstacles: Obstacles) -> None:
        self.member, self.goal, self.config = member, goal, config
        description = member.description
        locomotion = LocomotionConfig(learner=config.learner, learner_seed=config.learner_seed)
        self.estimator = BaseEstimator(description)
        self.controller = LocomotionController(description, locomotion)
        self.gatekeeper = Gatekeeper(GatekeeperConfig.for_robot(description))
        schedule = SCHEDULES[config.schedule](config.filter.period)
        self.filter = RunTimeFilter(member.name, schedule, config.filter, obstacles)
        self.velocity = (0.0, 0.0, 0.0)
        self.reading: Reading | None = None
        self._newest = -math.inf

    def tick(self, scenario: TeamScenario) -> None:
        """Answer the newest reading."""
        state = replace(self.member.read(), foot_force=None)
        if state.time <= self._newest:
            return
        self._newest = state.time
        estimate = self.estimator.step(state)
        if self.config.odometry == "estimator":
            self.reading = planar(estimate, state.time, self.member.place)
        else:
            self.reading = planar(from_truth(self.member.ground_truth(), state), state.time, None)
        x, y, yaw = self.velocity
        command = replace(scenario.command(self.member.elapsed), velocity_x=x, velocity_y=y, yaw_rate=yaw)
        wanted, _ = self.controller.step(state, estimate, command, state.time)
        self.member.write(pass_gate(self.gatekeeper, state, wanted, state.time))

    def decide(self, time: float, others: dict[str, Reading | None]) -> dict[str, float]:
        """Choose the velocity of the next period, and tell what the filter did."""
        wish = None if self.reading is None else seek(self.config.goals, self.reading, self.goal, time)
        safe, info = self.filter.step(Observation(time, self.reading, others, wish, self.goal))
        self.velocity = (float(safe.velocity[0]), float(safe.velocity[1]), safe.yaw_rate)
        return {"least_gap_m": info.least_gap, "correction_mps": info.correction}


def run_team(scenario: TeamScenario, config: TeamRolloutConfig | None = None) -> TeamLog:
    """Run a team scenario until all are there, one has fallen, or the time is up.

    Args:
        scenario: What to run.
        config: How.

    Returns:
        What became of the robots.
    """
    config = TeamRolloutConfig() if config is None else config
    team, log = scenario.backend(), TeamLog(scenario)
    obstacles = Obstacles.of([scenario.obstacles])
    robots = [
        _Robot(member, np.array(goal), config, obstacles)
        for member, goal in zip(team.members, scenario.goals, strict=True)
    ]
    next_step = next_look = 0.0
    while not log.over:
        now = team.elapsed
        for robot in robots:
            robot.tick(scenario)
        if now >= GO_AT_S - 1e-9 and now >= next_step - 1e-9:
            next_step = now + config.filter.period
            readings = {robot.member.name: robot.reading for robot in robots}
            for robot in robots:
                others = {name: reading for name, reading in readings.items() if name != robot.member.name}
                log.note_filter(robot.member.name, robot.decide(team.time, others))
        if now >= next_look - 1e-9:
            next_look = now + LOOK_S
            log.observe(team, [robot.member.ground_truth() for robot in robots])
        team.advance()
    return log
