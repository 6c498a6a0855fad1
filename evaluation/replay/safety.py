"""Shows recorded odometry and wishes to the safety filter of each robot, on the clock of the odometry's stamps."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from controllers.errors import InvalidValue
from controllers.rotations import matrix_from_quaternion
from controllers.safety.goal_seeking import seek
from controllers.safety.reading import Observation, Reading, Wish
from controllers.safety.run_time_filter import RELAXATION, STOPPED, RunTimeFilter, RunTimeInfo
from evaluation.replay.decoding import Array, Motion, reader_of, time_of
from evaluation.replay.differences import Differences
from evaluation.replay.message_layout import Values
from evaluation.replay.navigation_settings import NavigationSettings
from evaluation.replay.recording import Recording
from evaluation.replay.remapping import CMD_VEL, CMD_VEL_NOMINAL, GOAL_POSE, ODOM, ROLES, TRUE_ODOM, by_namespace
from evaluation.replay.segments import Channel

# A correction by more than this is an intervention, as the filter's node counts it [m/s].
INTERVENTION = 0.01
# Oldest recorded command that is compared with [s].
LATEST_COMMAND_S = 0.2
# Times that differ by less are the same [s].
SAME = 1e-7
# A jump of the clock that is no loss of messages but another clock [s].
LONGEST_JUMP_S = 60.0

Watcher = Callable[[str, float, Wish, RunTimeInfo], None]


@dataclass
class FilteredRobot:
    """One robot that the filter was run for.

    Attributes:
        name: Its namespace.
        least_gap: Least value of all its barriers; infinite without any near [m].
        periods: Number of control periods.
        interventions: Periods in which the wish was changed.
        relaxations: Periods in which barriers had to be relaxed.
        stopped: Periods in which it was stopped.
        greatest_correction: Greatest change of a wish [m/s].
        difference: Recorded less would-be velocity command [m/s].
    """

    name: str
    filter: RunTimeFilter
    wish: Wish | None = None
    goal: Array | None = None
    recorded: Wish | None = None
    least_gap: float = math.inf
    periods: int = 0
    interventions: int = 0
    relaxations: int = 0
    stopped: int = 0
    greatest_correction: float = 0.0
    difference: Differences = field(default_factory=Differences)

    def metrics(self) -> dict[str, float]:
        """Return the metrics by name; NaN for what is not known."""
        n = max(self.periods, 1)
        return {
            "least_gap_m": self.least_gap,
            "intervention_fraction": self.interventions / n,
            "relaxed_fraction": self.relaxations / n,
            "stopped_fraction": self.stopped / n,
            "greatest_correction_mps": self.greatest_correction,
            "velocity_difference_rms_mps": self.difference.norm_rms,
            "velocity_difference_max_mps": self.difference.worst,
        }


def reading_of(motion: Motion) -> Reading:
    """Take the motion in the plane.

    Args:
        motion: Pose in the shared frame, twist in the base frame.

    Returns:
        The reading.
    """
    rotation = matrix_from_quaternion(motion.orientation)
    velocity = (rotation @ motion.velocity_body)[:2]
    return Reading(motion.time, motion.position[:2], math.atan2(rotation[1, 0], rotation[0, 0]), velocity)


class SafetyReplay:
    """Filters for all robots of a bag that have a wish or a goal; the others are neighbours.

    Attributes:
        robots: Those that are filtered.
        neighbours: Names of all that have odometry.
        refused: Messages that were refused.
    """

    def __init__(self, channels: Sequence[Channel], settings: NavigationSettings) -> None:
        """Look for robots.

        Args:
            channels: Topics of a bag.
            settings: What the filter is told.
        """
        self._settings = settings
        self._topics: dict[Channel, tuple[str, str]] = {}
        wanted = (settings.odom,) if settings.odom else (ODOM, TRUE_ODOM)
        odometry: dict[str, Channel] = {}
        for topic in wanted:
            odometry = odometry or _robots_with(channels, topic, ROLES[ODOM])
        wishes = _robots_with(channels, CMD_VEL_NOMINAL, ROLES[CMD_VEL_NOMINAL])
        goals = _robots_with(channels, GOAL_POSE, ROLES[GOAL_POSE])
        self._take(odometry, ODOM)
        self._take(wishes, CMD_VEL_NOMINAL)
        self._take({name: goals[name] for name in goals if name in odometry}, GOAL_POSE)
        self._take(_robots_with(channels, CMD_VEL, ROLES[CMD_VEL]), CMD_VEL)
        filtered = sorted(name for name in odometry if name in wishes or name in goals)
        self._driven = {name for name in filtered if name not in wishes}
        self.neighbours = tuple(sorted(odometry))
        self.robots = {
            name: FilteredRobot(
                name, RunTimeFilter(name, settings.gain_schedule(), settings.limits, settings.obstacles())
            )
            for name in filtered
        }
        self.refused = 0
        self._readings: dict[str, Reading | None] = dict.fromkeys(self.neighbours)
        self._now: float | None = None
        self._next = math.inf

    def _take(self, channels: dict[str, Channel], role: str) -> None:
        for name, channel in channels.items():
            self._topics[channel] = name, role

    def run(self, recording: Recording, watch: Watcher | None = None) -> None:
        """Go through a bag.

        Args:
            recording: The bag.
            watch: Told of each control period of each robot: its name, the time, the command, what the filter did.
        """
        readers = {channel: reader_of(channel) for channel in self._topics}
        for message in recording.messages(self._topics.__contains__):
            name, role = self._topics[message.channel]
            try:
                values = readers[message.channel].read(message.data)
                if role == ODOM:
                    self._on_odometry(name, Motion.of(values), watch)
                elif name in self.robots:
                    self._on_command(self.robots[name], role, values)
            except InvalidValue:
                self.refused += 1

    def _on_odometry(self, name: str, motion: Motion, watch: Watcher | None) -> None:
        last = self._readings[name]
        if last is not None and motion.time <= last.time:
            raise InvalidValue(f"stamps of {name} must increase")
        if self._now is None:
            self._next = motion.time + self._settings.limits.period
        elif motion.time - self._now > LONGEST_JUMP_S:
            raise InvalidValue(f"the clock of {name} jumps")
        # What was due before is decided without this message, whose stamp is the time of its arrival.
        while self._now is not None and self._next < motion.time - SAME:
            for robot in self.robots.values():
                self._step(robot, self._next, watch)
            self._next += self._settings.limits.period
        self._now = motion.time if self._now is None else max(self._now, motion.time)
        self._readings[name] = reading_of(motion)

    def _on_command(self, robot: FilteredRobot, role: str, values: Values) -> None:
        now = 0.0 if self._now is None else self._now
        if role == GOAL_POSE:
            if not np.isfinite(values.numbers).all():
                raise InvalidValue("a goal must be finite")
            robot.goal = values.numbers.copy()
            return
        vx, vy, yaw_rate = values.numbers.tolist()
        stamp = time_of(values) if values.plain else 0.0
        # A wish holds from when it came; a recorded command is compared at its own time.
        if role == CMD_VEL_NOMINAL:
            robot.wish = Wish(now, np.array((vx, vy)), yaw_rate)
        else:
            robot.recorded = Wish(stamp or now, np.array((vx, vy)), yaw_rate)

    def _step(self, robot: FilteredRobot, now: float, watch: Watcher | None) -> None:
        own, wish = self._readings[robot.name], robot.wish
        if robot.name in self._driven:
            wish = None
            if robot.goal is not None and own is not None:
                wish = seek(self._settings.seeking, own, robot.goal, now)
        others = {name: reading for name, reading in self._readings.items() if name != robot.name}
        command, info = robot.filter.step(Observation(now, own, others, wish, robot.goal))
        robot.periods += 1
        robot.least_gap = float(np.fmin(robot.least_gap, info.least_gap))
        robot.greatest_correction = max(robot.greatest_correction, info.correction)
        robot.interventions += info.correction > INTERVENTION
        robot.relaxations += info.mode == RELAXATION
        robot.stopped += info.mode == STOPPED
        if robot.recorded is not None and abs(now - robot.recorded.time) <= LATEST_COMMAND_S:
            robot.difference.add(np.asarray(robot.recorded.velocity - command.velocity))
        if watch is not None:
            watch(robot.name, now, command, info)


def _robots_with(channels: Sequence[Channel], topic: str, types: Sequence[str]) -> dict[str, Channel]:
    """Find a topic by name of the robot, which is that of its namespace."""
    return {space or "/": channel for space, channel in by_namespace(channels, topic, types).items()}
