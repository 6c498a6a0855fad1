"""Shows a recorded run to estimator, controllers and learners, on the clock of its stamps."""

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from controllers.quadruped.body import BodyState
from controllers.quadruped.controller import LocomotionInfo
from controllers.residual.catalog import LEARNERS
from controllers.robot.catalog import load_robot
from controllers.robot.estimator import BaseEstimator
from controllers.robot.interface import BaseEstimate
from controllers.robot.kinematics import LegKinematics
from controllers.rotations import rpy_from_quaternion
from evaluation.replay.candidate import Candidate, Onset
from evaluation.replay.decoding import Motion
from evaluation.replay.differences import Differences
from evaluation.replay.momentum import Foresight
from evaluation.replay.ticks import Tick, TickFeed
from evaluation.rollout import to_heading

Array = npt.NDArray[np.float64]

BODY_FRAME, HEADING_FRAME = "base_link", "base_link_heading"
DEFAULT_LEARNERS = ("none", "pronk")


@dataclass(frozen=True)
class ReplayConfig:
    """What is evaluated on a bag.

    Attributes:
        robot: Name of the robot.
        learners: Residual learners, each with a controller of its own.
        seed: Seed of their random features.
        control: Whether to run controllers and learners; the estimator alone is much faster.
    """

    robot: str = "go2"
    learners: tuple[str, ...] = DEFAULT_LEARNERS
    seed: int = 0
    control: bool = True

    def __post_init__(self) -> None:
        """Refuse learners that do not exist.

        Raises:
            UnknownName: A learner does not exist.
            InvalidValue: There is none, one is given twice, or the seed is negative.
        """
        for name in self.learners:
            if name not in LEARNERS:
                raise UnknownName("residual learner", name, LEARNERS)
        if not self.learners or len(set(self.learners)) < len(self.learners):
            raise InvalidValue(
                f"learners must be one or more different names, got {', '.join(self.learners) or 'none'}"
            )
        if self.seed < 0:
            raise InvalidValue(f"seed must be >= 0, got {self.seed}")


@dataclass
class EstimateErrors:
    """How far estimates are from what they are compared with.

    Attributes:
        velocity: Velocity, base frame [m/s].
        spin: Angular velocity, base frame [rad/s].
        tilt: Roll and pitch [rad].
        height: Height, less the first difference [m].
    """

    velocity: Differences = field(default_factory=Differences)
    spin: Differences = field(default_factory=Differences)
    tilt: Differences = field(default_factory=Differences)
    height: Differences = field(default_factory=Differences)
    _offset: float | None = None

    def add(self, estimate: BaseEstimate, other: Motion) -> None:
        """Take in a pair.

        Args:
            estimate: The estimate.
            other: Motion at the same time.
        """
        self.velocity.add(estimate.velocity_body - other.velocity_body)
        self.spin.add(estimate.angular_velocity_body - other.angular_velocity_body)
        tilt = rpy_from_quaternion(estimate.orientation)[:2] - rpy_from_quaternion(other.orientation)[:2]
        self.tilt.add((tilt + np.pi) % (2.0 * np.pi) - np.pi)
        height = float(estimate.position_world[2] - other.position[2])
        if self._offset is None:
            self._offset = height
        self.height.add(np.array([height - self._offset]))


@dataclass
class WrenchErrors:
    """How far a learned wrench is from what it is compared with.

    Attributes:
        force: [N].
        moment: [N·m].
    """

    force: Differences = field(default_factory=Differences)
    moment: Differences = field(default_factory=Differences)

    def add(self, difference: Array) -> None:
        """Take in a difference, shape (6,) [N, N·m]."""
        self.force.add(difference[:3])
        self.moment.add(difference[3:])


@dataclass
class Moment:
    """What one tick led to, for those who watch.

    Attributes:
        tick: What was recorded.
        estimate: What the estimator made of it.
        candidates: The controllers; without control, or before they begin, none.
    """

    tick: Tick
    estimate: BaseEstimate
    candidates: Sequence[Candidate]


Watcher = Callable[[Moment], None]


class Replay:
    """Estimator and candidates on one bag; `run` fills the attributes.

    Attributes:
        config: What is evaluated.
        candidates: Controllers in the order of the learners.
        foresight: Errors of the learners' predictions.
        truth: Errors of the estimate, where the truth was recorded.
        recorded: Differences from the recorded estimate.
        wrench: Errors of each learner's wrench, where the truth was recorded.
        residual: Differences of each learner's wrench from the recorded one.
        onset: When the controllers began.
        by_torque: Whether measured torques told the forces of the feet.
        readings: Number of readings.
        refused: Readings that the estimator refused, and the first reason.
        start: Time of the first reading [s].
        end: Time of the last one [s].
        processor_time: That reading, decoding and computing took [s].
    """

    def __init__(self, config: ReplayConfig, by_torque: bool) -> None:
        """Build the parts.

        Args:
            config: What is evaluated.
            by_torque: Whether measured torques tell the forces of the feet, for want of recorded commands.

        Raises:
            UnknownName: There is no such robot.
        """
        self.config = config
        description = load_robot(config.robot)
        self.estimator = BaseEstimator(description)
        names = config.learners if config.control else ()
        self.candidates = [Candidate(name, description, config.seed) for name in names]
        self.by_torque = by_torque
        self._body = BodyState()
        self._geometry = LegKinematics(description).packed
        self._com = np.array(description.com)
        ahead = np.zeros(1)
        if self.candidates:
            walking = self.candidates[0].controller.config.walking
            steps = np.arange(1, walking.mpc.horizon) * walking.mpc.interval
            ahead = np.concatenate(([walking.mpc_period], steps))
        self.foresight = Foresight(description.mass, np.array(description.inertia), ahead, names)
        self.onset = Onset(description)
        self.truth, self.recorded = EstimateErrors(), EstimateErrors()
        self.wrench = {name: WrenchErrors() for name in names}
        self.residual = {name: WrenchErrors() for name in names}
        self.readings = 0
        self.refused: tuple[int, str] = (0, "")
        self.start = self.end = float("nan")
        self.processor_time = 0.0

    def run(self, feed: TickFeed, watch: Watcher | None = None) -> None:
        """Go through a bag.

        Args:
            feed: Its control periods.
            watch: Told of each.
        """
        begin = clock.process_time()
        for tick in feed:
            try:
                estimate = self.estimator.step(tick.state)
            except InvalidValue as error:
                self.refused = self.refused[0] + 1, self.refused[1] or str(error)
                continue
            if not self.readings:
                self.start = tick.state.time
            self.end = tick.state.time
            self.readings += 1
            self._judge_estimate(tick, estimate)
            if self.candidates:
                self._control(tick, estimate)
            if watch is not None:
                watch(Moment(tick, estimate, self.candidates if self.onset.begun else ()))
        self.foresight.settle()
        self.processor_time = clock.process_time() - begin

    def _judge_estimate(self, tick: Tick, estimate: BaseEstimate) -> None:
        if tick.truth is not None:
            self.truth.add(estimate, tick.truth)
        if tick.odometry is not None:
            self.recorded.add(estimate, tick.odometry)

    def _control(self, tick: Tick, estimate: BaseEstimate) -> None:
        if self.onset.look(tick, estimate):
            for candidate in self.candidates:
                candidate.controller.take_over()
        if not self.onset.begun:
            return
        time, body = tick.state.time, self._body
        underfoot = self.candidates[0].controller.walking.underfoot
        body.update(self._geometry, self._com, tick.state.joint_position, estimate, underfoot)
        self._follow_momentum(time, body)
        for candidate in self.candidates:
            candidate.step(tick, estimate)
            candidate.take_forces(tick, estimate, body.rotation, self.by_torque)
            info = candidate.info
            if info is not None and candidate.walking:
                self._judge_learner(candidate, tick, info, body)

    def _follow_momentum(self, time: float, body: BodyState) -> None:
        """Account for what the feet did since the last tick, as the first candidate found it."""
        first, surplus = self.candidates[0], self.foresight.surplus
        if first.forces is None or not first.walking:
            surplus.interrupt()
        forces = np.zeros((4, 3)) if first.forces is None else first.forces
        surplus.advance(time, body.rotation, body.velocity, body.spin, body.levers, forces, first.carrying)
        self.foresight.observe(time)

    def _judge_learner(self, candidate: Candidate, tick: Tick, info: LocomotionInfo, body: BodyState) -> None:
        if info.plan is not None:
            wrench = candidate.controller.walking.residual_plan
            errors = self.foresight.errors[candidate.name]
            errors.predict(tick.state.time, body.yaw, self.foresight.surplus, info.plan.intervals, wrench)
        if tick.residual is not None:
            self.residual[candidate.name].add(info.residual - _in_heading(*tick.residual, body))
        if tick.true_wrench is not None:
            self.wrench[candidate.name].add(info.residual - _in_heading(*tick.true_wrench, body))


def _in_heading(frame: str, wrench: Array, body: BodyState) -> Array:
    """Bring a recorded wrench into the heading frame; what is not in a frame of the robot is in a fixed one."""
    if frame == HEADING_FRAME:
        return wrench
    if frame == BODY_FRAME:
        wrench = np.concatenate((body.rotation @ wrench[:3], body.rotation @ wrench[3:]))
    return to_heading(wrench, body.yaw)
