"""Runs a scenario with estimator, controller and gatekeeper in one process, without ROS."""

import time as clock
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from controllers.errors import UnknownName
from controllers.gatekeeper import Gatekeeper, GatekeeperConfig, GatekeeperState
from controllers.quadruped.controller import WALKING, LocomotionConfig, LocomotionController, LocomotionInfo
from controllers.residual.learner import ResidualLearner
from controllers.robot.catalog import load_robot
from controllers.robot.estimator import BaseEstimator
from controllers.robot.interface import BaseEstimate, JointCommand, RobotState
from controllers.rotations import rpy_from_quaternion
from sim.ground_truth import GroundTruth, has_fallen
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]

ESTIMATORS: tuple[str, ...] = ("kalman", "ground_truth")
LOADED_FOOT_N = 5.0


@dataclass(frozen=True)
class RolloutConfig:
    """How a scenario is run.

    Attributes:
        locomotion: Tuning of the controller, with the learner's name.
        estimator: "kalman" (IMU and joints) or "ground_truth" (straight from the simulator).
        foot_sensors: Let the estimator see the foot sensors; it infers contacts from joint torques otherwise.
        stop_on_fall: End the run at the first fall; otherwise the joints are only damped from then on, so that a robot
            that fell stays down.
    """

    locomotion: LocomotionConfig = field(default_factory=LocomotionConfig)
    estimator: str = "kalman"
    foot_sensors: bool = False
    stop_on_fall: bool = True

    def __post_init__(self) -> None:
        """Refuse an estimator that does not exist.

        Raises:
            UnknownName: Lists those that exist.
        """
        if self.estimator not in ESTIMATORS:
            raise UnknownName("estimator", self.estimator, ESTIMATORS)


@runtime_checkable
class TruthReader(Protocol):
    """A learner that is told what only the simulator knows, for comparison only."""

    def set_truth(self, truth: GroundTruth) -> None:
        """Take the true state of the moment, before the controller steps."""
        ...


@dataclass
class Tick:
    """One control period of a run.

    Attributes:
        state: Sensor reading.
        estimate: What the estimator made of it.
        truth: What the simulator knows.
        info: What the controller thought.
        wanted: What the controller commanded.
        command: What the motors were told.
        residual_std: Standard deviation of the learned wrench at the newest plan, heading frame; NaN where the
            learner has none, shape (6,) [N, N·m].
        controller_time: Processor time of estimator, controller and gatekeeper [s].
        physics_time: Processor time of the simulator [s].
    """

    state: RobotState
    estimate: BaseEstimate
    truth: GroundTruth
    info: LocomotionInfo
    wanted: JointCommand
    command: JointCommand
    residual_std: Array
    controller_time: float
    physics_time: float


@dataclass
class RunLog:
    """A run as arrays, time first.

    Attributes:
        scenario: What was run.
        fell: Whether the robot fell.
        end_time: Time of the fall, or length of the run [s].
        values: Arrays by name, each of length T: "time", "height", "roll", "pitch", "yaw", "velocity_body" (T, 3),
            "angular_velocity_body" (T, 3), "position_world" (T, 3), "orientation" (T, 4), "joint_position" (T, 12),
            "estimated_velocity_body" (T, 3), "height_reference", "velocity_reference" (T, 2), "residual" (T, 6),
            "true_wrench" (T, 6) (both heading frame), "walking" (0/1), "solve_time" (NaN without a plan),
            "solver_found", "controller_time", "physics_time", "torque_saturation", "payload_mass"; and, where a
            controller ran in this process, "load" (T, 6), what is told to pull at the robot, and "residual_std" (T, 6),
            NaN where its learner has none.
    """

    scenario: Scenario
    fell: bool
    end_time: float
    values: dict[str, Array]

    def window(self, start: float, end: float) -> npt.NDArray[np.bool_]:
        """Select the samples of a time window.

        Args:
            start: Beginning [s].
            end: End [s], exclusive.

        Returns:
            Mask, shape (T,).
        """
        time = self.values["time"]
        return (time >= start) & (time < end)


class Rollout:
    """One scenario, advanced tick by tick."""

    def __init__(
        self, scenario: Scenario, config: RolloutConfig | None = None, learner: ResidualLearner | None = None
    ) -> None:
        """Build world, estimator, controller and gatekeeper.

        Args:
            scenario: What to run.
            config: How.
            learner: A learner in place of the one that `config` names, told the truth where it is a `TruthReader`.
        """
        self.scenario = scenario
        self.config = config or RolloutConfig()
        description = load_robot(scenario.robot)
        self.backend = scenario.backend()
        self.estimator = BaseEstimator(description)
        self.controller = LocomotionController(description, self.config.locomotion, learner)
        self._truth_reader = learner if isinstance(learner, TruthReader) else None
        self.gatekeeper = Gatekeeper(GatekeeperConfig.for_robot(description))
        self._newest = -np.inf
        self._limp_damping: float | None = None
        self._residual_std = np.full(6, np.nan)
        self._torque_limit = np.array(description.torque_limit)

    @property
    def done(self) -> bool:
        """Whether the scenario is over."""
        return self.backend.elapsed >= self.scenario.duration_s - 1e-9

    def let_lie(self) -> None:
        """Only damp the joints from now on, whatever the controller says."""
        self._limp_damping = self.config.locomotion.rest_damping * self.controller.robot.mass

    def tick(self) -> Tick:
        """Run one control period.

        Returns:
            What happened in it; the truth is that before the period.
        """
        state = self.backend.read()
        while state.time <= self._newest:
            # A delayed sensor repeats its first reading until the second one arrives.
            self.backend.advance()
            state = self.backend.read()
        self._newest = state.time
        if not self.config.foot_sensors and state.foot_force is not None:
            state = replace(state, foot_force=None)
        truth = self.backend.ground_truth()
        if self._truth_reader is not None:
            self._truth_reader.set_truth(truth)
        command = self.scenario.command(state.time)
        begin = clock.process_time()
        estimate = self.estimator.step(state)
        if self.config.estimator == "ground_truth":
            estimate = from_truth(truth, state)
        wanted, info = self.controller.step(state, estimate, command, state.time)
        if self._limp_damping is not None:
            wanted = JointCommand.damped(state.time, state.joint_position, self._limp_damping)
        motors = pass_gate(self.gatekeeper, state, wanted, state.time)
        middle = clock.process_time()
        self.backend.write(motors)
        self.backend.advance()
        end = clock.process_time()
        if info.plan is not None:
            self._residual_std = self.controller.walking.adaptation.standard_deviation()
        elif info.mode != WALKING:
            self._residual_std = np.full(6, np.nan)
        return Tick(state, estimate, truth, info, wanted, motors, self._residual_std, middle - begin, end - middle)


def pass_gate(gatekeeper: Gatekeeper, state: RobotState, command: JointCommand, time: float) -> JointCommand:
    """Send a command through the gatekeeper, arming it on the first good reading.

    Args:
        gatekeeper: The gatekeeper.
        state: Reading of this tick.
        command: Command of this tick.
        time: Time now [s].

    Returns:
        What the motors may do.
    """
    if gatekeeper.state is GatekeeperState.DISARMED:
        gatekeeper.step(state, None, time)
        gatekeeper.arm(time)
        return gatekeeper.step(None, command, time)[0]
    return gatekeeper.step(state, command, time)[0]


def from_truth(truth: GroundTruth, state: RobotState) -> BaseEstimate:
    """Make an estimate of what only the simulator knows (an option for studies, never the default).

    Args:
        truth: True state.
        state: Reading of the same moment, for its stamp.

    Returns:
        The true pose, twist and contacts.
    """
    force = truth.foot_force_world[:, 2]
    return BaseEstimate(
        state.time,
        truth.position_world,
        truth.orientation,
        truth.velocity_body,
        truth.angular_velocity_body,
        force,
        (force > LOADED_FOOT_N).astype(np.float64),
    )


def run(scenario: Scenario, config: RolloutConfig | None = None, learner: ResidualLearner | None = None) -> RunLog:
    """Run a scenario to its end, or to the first fall where the configuration says so.

    Args:
        scenario: What to run.
        config: How.
        learner: As in `Rollout`.

    Returns:
        The log of the run.
    """
    rollout = Rollout(scenario, config, learner)
    columns: dict[str, list[object]] = {}
    fell, fall_time = False, scenario.duration_s
    while not rollout.done:
        tick = rollout.tick()
        for name, value in _row(tick, rollout._torque_limit).items():
            columns.setdefault(name, []).append(value)
        if not fell and has_fallen(tick.truth, scenario.upright(tick.truth.time)):
            fell, fall_time = True, tick.truth.time
            if rollout.config.stop_on_fall:
                break
            rollout.let_lie()
    values = {name: np.array(column, dtype=np.float64) for name, column in columns.items()}
    return RunLog(scenario, fell, fall_time, values)


def _row(tick: Tick, torque_limit: Array) -> dict[str, object]:
    truth, info, plan = tick.truth, tick.info, tick.info.plan
    yaw = float(rpy_from_quaternion(truth.orientation)[2])
    return {
        "time": truth.time,
        "height": truth.height,
        "roll": truth.roll,
        "pitch": truth.pitch,
        "yaw": yaw,
        "velocity_body": truth.velocity_body,
        "angular_velocity_body": truth.angular_velocity_body,
        "position_world": truth.position_world,
        "orientation": truth.orientation,
        "joint_position": truth.joint_position,
        "estimated_velocity_body": tick.estimate.velocity_body,
        "height_reference": info.height_reference,
        "velocity_reference": info.velocity_reference,
        "residual": info.residual,
        "load": info.load,
        "residual_std": tick.residual_std,
        "true_wrench": to_heading(truth.external_wrench_world, yaw),
        "walking": float(info.mode == "walking"),
        "solve_time": np.nan if plan is None else plan.solve_time,
        "solver_found": 1.0 if plan is None or plan.found else 0.0,
        "controller_time": tick.controller_time,
        "physics_time": tick.physics_time,
        "torque_saturation": float((np.abs(truth.joint_effort) > 0.99 * torque_limit).any()),
        "payload_mass": truth.payload_mass,
    }


def to_heading(wrench: Array, yaw: float) -> Array:
    """Turn a wrench from world axes into the heading frame.

    Args:
        wrench: Force and moment, world axes, shape (6,) [N, N·m].
        yaw: Yaw of the base [rad].

    Returns:
        The same in the heading frame, shape (6,).
    """
    c, s = np.cos(yaw), np.sin(yaw)
    f, m = wrench[:3], wrench[3:]
    return np.array([c * f[0] + s * f[1], c * f[1] - s * f[0], f[2], c * m[0] + s * m[1], c * m[1] - s * m[0], m[2]])
