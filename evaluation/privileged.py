"""Learners that are told the truth: bounds on what learning can reach, never methods that a robot could run."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from controllers.residual.added_body import body_parameters, preview_added_body, tilt
from controllers.residual.bounds import WrenchBounds
from controllers.residual.learner import LearnerInputs, ResidualLearner, ResidualMeasurement
from controllers.robot.body import LeggedBody
from controllers.robot.catalog import load_robot
from controllers.robot.composite import CompositeBody
from controllers.robot.description import RobotDescription
from controllers.rotations import rpy_from_quaternion
from evaluation.calibration import GaitAverage, calibrate, middle_phases, node_times
from evaluation.rollout import RolloutConfig, to_heading
from sim.disturbances import Drag, Payload, PeriodicWrench, Wrench
from sim.ground_truth import GroundTruth
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]


def plant_mismatch(robot: RobotDescription, mass_scale: float, inertia_scale: float) -> Array:
    """Describe how a scaled robot differs from its nominal model, as a body added to it.

    Args:
        robot: The nominal robot.
        mass_scale: Factor on the masses of all links.
        inertia_scale: Factor on their inertias about their own centres of mass.

    Returns:
        The ten numbers of `added_body`, for the standing robot, shape (10,).
    """
    parts = {name: getattr(robot, name) for name in LeggedBody.__dataclass_fields__}
    for name in ("base_mass", "link_mass"):
        parts[name] = parts[name] * mass_scale
    for name in ("base_inertia", "link_inertia"):
        parts[name] = parts[name] * inertia_scale
    mass, com, inertia = CompositeBody(LeggedBody(**parts)).at(robot.standing_position)
    nominal = body_parameters(robot.mass, np.zeros(3), robot.inertia)
    return body_parameters(mass, com - robot.com, inertia) - nominal


class World:
    """What a scenario does to its robot, as a function of time and motion.

    Args:
        scenario: The scenario.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.robot = load_robot(scenario.robot)
        self._payloads = [d for d in scenario.disturbances if isinstance(d, Payload)]
        self._forces = [d for d in scenario.disturbances if isinstance(d, Wrench | PeriodicWrench | Drag)]

    def load(self, time: float) -> Array:
        """Describe the payloads that are on the robot.

        Args:
            time: Time since the start [s].

        Returns:
            The ten numbers of `added_body`, shape (10,).
        """
        total = np.zeros(10)
        for payload in self._payloads:
            body = payload.body(payload.mass(time))
            total += body_parameters(body.mass, body.com - self.robot.com, body.inertia)
        return total

    def wrench(self, time: float, yaw: float, state: Array) -> Array:
        """Sum the forces that act on the robot other than payloads.

        Args:
            time: Time since the start [s].
            yaw: True yaw of the base [rad].
            state: Roll, pitch, height error, velocity and angular velocity in the heading frame, shape (9,).

        Returns:
            Wrench about the nominal centre of mass, heading frame, shape (6,) [N, N·m].
        """
        out = np.zeros(6)
        active = [d for d in self._forces if d.active(time)]
        if not active:
            return out
        c, s = np.cos(yaw), np.sin(yaw)
        heading = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        tilted = np.empty((3, 3))
        tilt(float(state[0]), float(state[1]), tilted)
        rotation = heading @ tilted
        com = rotation @ self.robot.com
        velocity = heading @ state[3:6] - np.cross(heading @ state[6:9], com)
        for d in active:
            if isinstance(d, Drag):
                out[:3] += d.force(rotation, velocity)
            else:
                out += (d if isinstance(d, Wrench) else d.at(time)).about_origin(rotation)
        out[3:] -= np.cross(com, out[:3])
        return to_heading(out, yaw)


class Oracle:
    """The nominal controller given the true model of the present.

    It knows masses, centres and inertias of robot and payloads, the forces that act now, and the law of drag. It
    predicts by setting up the true rigid body under the planned foot forces. It knows neither what will happen
    next nor what the rigid-body model misses of the legs.

    Args:
        scenario: What is run.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._world = World(scenario)
        robot = self._world.robot
        self._robot = robot
        self._inertia = np.array(robot.inertia)
        self._bounds = WrenchBounds.for_mass(robot.mass)
        self._plant = plant_mismatch(robot, scenario.mass_scale, scenario.inertia_scale)
        self._now = 0.0
        self._yaw = 0.0

    def set_truth(self, truth: GroundTruth) -> None:
        """Take time and heading of the moment.

        Args:
            truth: True state, before the controller steps.
        """
        self._now = truth.time
        self._yaw = float(rpy_from_quaternion(truth.orientation)[2])

    def predict(self, inputs: LearnerInputs) -> Array:
        """Compute what the nominal model will miss.

        Args:
            inputs: States and planned contact wrenches along the horizon, N nodes.

        Returns:
            Bounded wrench, shape (N, 6) [N, N·m], heading frame.
        """
        times = np.full(len(inputs.state), self._now)
        applied = np.array([self._world.wrench(self._now, self._yaw, state) for state in inputs.state])
        return self._missing(inputs, self._plant[None] + self._world.load(times[0]), applied)

    def update(self, measurement: ResidualMeasurement) -> None:
        """Learn nothing: the truth needs no measurement.

        Args:
            measurement: One control interval.
        """

    def reset(self) -> None:
        """Forget nothing, for nothing was learned."""

    def _missing(self, inputs: LearnerInputs, bodies: Array, applied: Array) -> Array:
        """Put added bodies and forces on the nominal body; bodies of shape (1 or N, 10), forces (N, 6)."""
        out = np.empty((len(inputs.state), 6))
        contact = inputs.contact_wrench + applied
        preview_added_body(bodies, inputs.state, contact, float(self._robot.mass), self._inertia, 1.0, out)
        return self._bounds.apply(out + applied)


class Clairvoyant(Oracle):
    """The total residual, known over the whole horizon: the comparator of empirical dynamic regret.

    To the true wrench of what happens to the robot, at the time of each node and with the inertial reaction of the
    payloads, it adds the residual that the nominal model leaves at that phase of the gait when nothing happens,
    measured in calibration runs of the same scenario. Without that part even the exact external wrench is a poor
    comparator, since a good share of what a learner corrects is the model's own error (swinging legs, impacts,
    compliance of the ground). The calibration also contains what is wrong with masses and inertias of the robot
    itself, which is hence not added again.

    Args:
        scenario: What is run.
        average: What `calibrate` measured of it.
    """

    def __init__(self, scenario: Scenario, average: GaitAverage) -> None:
        super().__init__(scenario)
        self._average = average

    def predict(self, inputs: LearnerInputs) -> Array:
        """Look the total residual up.

        Args:
            inputs: States and planned contact wrenches along the horizon, N nodes.

        Returns:
            Bounded wrench, shape (N, 6) [N, N·m], heading frame.
        """
        times = node_times(self.scenario, self._now, inputs.gait_phase)
        known = self._average.wrench(times, middle_phases(inputs.gait_phase))
        for time, state, wrench in zip(times, inputs.state, known, strict=True):
            wrench += self._world.wrench(float(time), self._yaw, state)
        return self._missing(inputs, np.array([self._world.load(float(time)) for time in times]), known)


def make_clairvoyant(scenario: Scenario, config: RolloutConfig | None = None) -> Clairvoyant:
    """Calibrate on a scenario and know it.

    Args:
        scenario: What will be run.
        config: How, estimator included.

    Returns:
        The learner.
    """
    return Clairvoyant(scenario, calibrate(scenario, config))


# Makes the learner for one trial.
PRIVILEGED: dict[str, Callable[[Scenario, RolloutConfig | None], ResidualLearner]] = {
    "oracle": lambda scenario, config: Oracle(scenario),
    "clairvoyant": make_clairvoyant,
}
