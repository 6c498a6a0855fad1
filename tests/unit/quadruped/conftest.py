"""What the tests of the locomotion core share: random force programs and short closed-loop runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from controllers.quadruped.controller import LocomotionConfig, LocomotionController, LocomotionInfo
from controllers.robot.catalog import load_robot
from controllers.robot.estimator import BaseEstimator
from controllers.robot.interface import BaseEstimate, JointCommand, LocomotionCommand, RobotState
from sim.ground_truth import GroundTruth
from sim.quadruped_backend import MujocoQuadruped, SimConfig
from sim.sensors import SensorConfig

LOADED_FOOT_N = 5.0


def true_estimate(truth: GroundTruth, state: RobotState) -> BaseEstimate:
    force = truth.foot_force_world[:, 2]
    return BaseEstimate(
        state.time,
        truth.position_world,
        truth.orientation,
        truth.velocity_body,
        truth.angular_velocity_body,
        force,
        (force > LOADED_FOOT_N).astype(float),
    )


@dataclass
class Drive:
    """A closed loop of simulator, estimate and controller, and what it went through."""

    controller: LocomotionController
    backend: MujocoQuadruped
    estimator: BaseEstimator | None = None
    truths: list[GroundTruth] = field(default_factory=list)
    states: list[RobotState] = field(default_factory=list)
    estimates: list[BaseEstimate] = field(default_factory=list)
    infos: list[LocomotionInfo] = field(default_factory=list)
    commands: list[JointCommand] = field(default_factory=list)

    def run(self, command: LocomotionCommand, duration: float) -> "Drive":
        for _ in range(round(duration / self.backend.control_period)):
            state, truth = self.backend.read(), self.backend.ground_truth()
            estimate = true_estimate(truth, state) if self.estimator is None else self.estimator.step(state)
            joint, info = self.controller.step(state, estimate, command, state.time)
            self.backend.write(joint)
            self.backend.advance()
            self.truths.append(truth)
            self.states.append(state)
            self.estimates.append(estimate)
            self.infos.append(info)
            self.commands.append(joint)
        return self

    def run_until(self, mode: str, command: LocomotionCommand, limit: float) -> "Drive":
        for _ in range(round(limit / self.backend.control_period)):
            if self.controller.mode == mode:
                return self
            self.run(command, self.backend.control_period)
        raise AssertionError(f"still {self.controller.mode} after {limit} s, wanted {mode}")

    def height(self, last: float) -> np.ndarray:
        return np.array([t.height for t in self.truths[-self._ticks(last) :]])

    def velocity(self, last: float) -> np.ndarray:
        return np.array([t.velocity_body for t in self.truths[-self._ticks(last) :]])

    def tilt(self, last: float) -> float:
        return max(max(abs(t.roll), abs(t.pitch)) for t in self.truths[-self._ticks(last) :])

    def _ticks(self, duration: float) -> int:
        return round(duration / self.backend.control_period)


@pytest.fixture(scope="session")
def drive() -> Callable[..., Drive]:
    """Make a closed loop; the estimate is the truth unless `own_estimator` is set."""

    def make(
        robot="go2", config: LocomotionConfig | None = None, own_estimator=False, sensors=None, pose="lie", **world
    ) -> Drive:
        sim = SimConfig(sensors=sensors or SensorConfig.ideal(), initial_pose=pose)
        backend = MujocoQuadruped(robot, sim, **world)
        description = load_robot(robot)
        estimator = BaseEstimator(description) if own_estimator else None
        return Drive(LocomotionController(description, config), backend, estimator)

    return make
