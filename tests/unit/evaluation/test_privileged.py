from dataclasses import replace

import mujoco
import numpy as np
import pytest

from controllers.quadruped.controller import LocomotionConfig, LocomotionController
from controllers.residual.added_body import body_parameters
from controllers.residual.bias import BiasConfig, BiasObserver
from controllers.residual.learner import LearnerInputs
from controllers.robot.catalog import load_robot
from controllers.rotations import matrix_from_quaternion, quaternion_from_rpy
from evaluation.calibration import GaitAverage
from evaluation.privileged import PRIVILEGED, Clairvoyant, Oracle, World, plant_mismatch
from evaluation.rollout import Rollout, RolloutConfig, TruthReader, to_heading
from evaluation.runner import perform
from evaluation.suite import Case, Suite, plan_trials
from sim.disturbances import Drag, Payload, PeriodicWrench, Wrench
from sim.quadruped_backend import MujocoQuadruped, SimConfig
from sim.scenarios import get_scenario
from sim.sensors import SensorConfig

BOX = Payload(8.0, (-0.08, 0.04, 0.13), at_s=4.0)
PERIOD = 0.44
ROBOT = load_robot("go2")


def walk(*disturbances, **changes):
    return replace(get_scenario("flat_walk"), disturbances=disturbances, **changes)


class Moment:
    """The part of the truth that privileged learners read."""

    def __init__(self, time, yaw=0.0):
        self.time = time
        self.orientation = quaternion_from_rpy(0.0, 0.0, yaw)


def supported(count=1, load=None):
    """A robot at rest whose feet carry it and, if told, a load; nodes 40 ms apart."""
    phase = (0.1 + 0.04 / PERIOD * np.arange(count)) % 1.0
    wrench = np.tile([0.0, 0.0, 9.81 * ROBOT.mass, 0.0, 0.0, 0.0], (count, 1))
    if load is not None:
        wrench -= load
    return LearnerInputs(np.zeros((count, 9)), wrench, np.ones((count, 4)), phase)


def weight_of(payload):
    force = np.array([0.0, 0.0, -9.81 * payload.mass_kg])
    return np.concatenate((force, np.cross(np.array(payload.offset_m) - ROBOT.com, force)))


@pytest.mark.parametrize(
    "disturbance",
    [
        Wrench((30.0, -20.0, 10.0), (1.0, 2.0, 3.0), point_m=(0.2, 0.0, 0.1)),
        Wrench((30.0, -20.0, 10.0), (1.0, 2.0, 3.0), frame="body", point_m=(0.2, 0.0, 0.1)),
        PeriodicWrench((30.0, -20.0, 10.0), (1.0, 2.0, 3.0), period_s=1.0, phase_rad=1.4, point_m=(0.2, 0.0, 0.1)),
        Drag((0.0, 60.0, 0.0), (120.0, 10.0, 0.0)),
        Drag((20.0, 60.0, 5.0), (120.0, 10.0, 0.0), frame="world"),
    ],
)
def test_the_world_of_a_scenario_exerts_what_the_simulator_says(disturbance):
    config = SimConfig(sensors=SensorConfig.ideal(), initial_pose="stand")
    backend = MujocoQuadruped("go2", config, disturbances=(disturbance,))
    backend.advance()
    rpy = np.array([0.15, -0.2, 0.9])
    quaternion = quaternion_from_rpy(*rpy)
    spin = np.array([0.3, -0.5, 0.7])
    velocity = np.array([0.6, -0.4, 0.1])
    backend.set_state(np.array([0, 0, 0.4]), quaternion, ROBOT.standing_position, velocity, spin)
    rotation = matrix_from_quaternion(quaternion)
    of_com = velocity + np.cross(rotation @ spin, rotation @ ROBOT.com)
    c, s = np.cos(0.9), np.sin(0.9)
    to_local = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    state = np.array([*rpy[:2], 0.0, *(to_local @ of_com), *(to_local @ rotation @ spin)])
    truth = to_heading(backend.ground_truth().external_wrench_world, 0.9)
    assert np.abs(truth).max() > 5.0
    assert World(walk(disturbance)).wrench(backend.elapsed, 0.9, state) == pytest.approx(truth, abs=1e-9)


def test_the_oracle_knows_the_weight_of_a_load_and_where_it_sits():
    oracle = Oracle(walk(BOX))
    for time, expected in ((3.9, np.zeros(6)), (4.1, weight_of(BOX))):
        oracle.set_truth(Moment(time))
        assert oracle.predict(supported(3, expected)) == pytest.approx(np.tile(expected, (3, 1)), abs=1e-9)


def test_the_oracle_does_not_see_a_load_coming_but_the_clairvoyant_does():
    scenario = walk(BOX)
    oracle, clairvoyant = Oracle(scenario), Clairvoyant(scenario, GaitAverage.zero(scenario))
    for learner in (oracle, clairvoyant):
        learner.set_truth(Moment(3.9))
    nodes = supported(6)
    # The middles of the intervals are 20, 60, 100 ms ... ahead; the load lands in 100 ms.
    nodes.contact_wrench[3:] -= weight_of(BOX)
    assert not oracle.predict(nodes)[:2].any() and abs(oracle.predict(nodes)[5]).max() < 1e-9
    wrench = clairvoyant.predict(nodes)
    assert not wrench[:2].any()
    assert wrench[3:] == pytest.approx(np.tile(weight_of(BOX), (3, 1)), abs=1e-9)


def test_a_load_weighs_less_on_a_robot_that_the_feet_let_fall():
    oracle = Oracle(walk(BOX))
    oracle.set_truth(Moment(5.0))
    nodes = supported(1, weight_of(BOX))
    nodes.contact_wrench *= 0.5
    assert oracle.predict(nodes)[0] == pytest.approx(0.5 * weight_of(BOX), abs=1e-6)


def test_the_clairvoyant_adds_what_an_undisturbed_walk_lacks_at_that_phase():
    scenario = walk(Wrench((0.0, 0.0, -20.0), at_s=0.0))
    average = GaitAverage.zero(scenario, harmonics=1)
    average.coefficients[:, 0, 0], average.coefficients[:, 1, 2] = 3.0, 7.0
    clairvoyant = Clairvoyant(scenario, average)
    clairvoyant.set_truth(Moment(6.0))
    nodes = supported(5)
    phase = nodes.gait_phase + 0.02 / PERIOD
    wrench = clairvoyant.predict(nodes)
    assert wrench[:, 0] == pytest.approx(np.full(5, 3.0))
    assert wrench[:, 2] == pytest.approx(-20.0 + 7.0 * np.cos(2.0 * np.pi * phase))


def test_a_force_in_world_axes_turns_against_the_robot():
    oracle = Oracle(walk(Wrench((10.0, 0.0, 0.0), at_s=0.0)))
    oracle.set_truth(Moment(1.0, yaw=0.5 * np.pi))
    assert oracle.predict(supported())[0, :2] == pytest.approx([0.0, -10.0], abs=1e-9)


def test_a_heavier_plant_is_a_body_added_to_the_nominal_one():
    config = SimConfig(sensors=SensorConfig.ideal(), initial_pose="stand", mass_scale=1.05, inertia_scale=0.96)
    backend = MujocoQuadruped("go2", config)
    backend.set_state(np.zeros(3) + 1.0, np.array([1.0, 0, 0, 0]), ROBOT.standing_position)
    full = np.zeros((6, backend.model.nv))
    for i in range(6):
        mujoco.mj_mulM(backend.model, backend.data, full[i], np.eye(backend.model.nv)[i])
    added = plant_mismatch(ROBOT, 1.05, 0.96)
    nominal = body_parameters(ROBOT.mass, np.array(ROBOT.com), np.array(ROBOT.inertia))
    # Both about the base origin: the added body is given about the nominal centre of mass.
    com = np.array(ROBOT.com)
    about_origin = np.diag(added[4:7]) + 0.0
    about_origin[[0, 0, 1], [1, 2, 2]] = about_origin[[1, 2, 2], [0, 0, 1]] = added[7:]
    about_origin += added[0] * (com @ com * np.eye(3) - np.outer(com, com))
    inertia = np.diag(nominal[4:7])
    inertia[[0, 0, 1], [1, 2, 2]] = inertia[[1, 2, 2], [0, 0, 1]] = nominal[7:]
    assert added[0] == pytest.approx(full[0, 0] - ROBOT.mass, abs=1e-6)
    assert added[1:4] == pytest.approx(np.zeros(3), abs=1e-9)
    assert inertia + about_origin == pytest.approx(full[3:6, 3:6], abs=1e-4)


def test_a_rollout_tells_the_truth_to_those_who_ask_for_it():
    scenario = walk(Wrench((0.0, 0.0, -20.0), at_s=0.0), duration_s=1.0, initial_pose="stand")
    oracle = Oracle(scenario)
    rollout = Rollout(scenario, learner=oracle)
    for _ in range(5):
        rollout.tick()
    assert isinstance(oracle, TruthReader)
    # The truth is that of the beginning of the last tick, 2 ms each.
    assert oracle._now == pytest.approx(0.008)
    assert rollout.controller.walking.adaptation.learner is oracle


def test_a_learner_of_ones_own_replaces_the_named_one():
    learner = BiasObserver(BiasConfig.for_robot(ROBOT.mass))
    controller = LocomotionController(ROBOT, LocomotionConfig(learner="no such"), learner)
    assert controller.walking.adaptation.learner is learner
    assert not isinstance(learner, TruthReader)


def test_the_privileged_methods_are_made_by_name():
    assert sorted(PRIVILEGED) == ["clairvoyant", "oracle"]
    scenario = walk(duration_s=3.0)
    assert isinstance(PRIVILEGED["oracle"](scenario, None), Oracle)
    made = PRIVILEGED["clairvoyant"](scenario, RolloutConfig(estimator="ground_truth"))
    assert isinstance(made, Clairvoyant)


def test_a_suite_runs_them_by_name():
    scenario = walk(Wrench((0.0, 12.0, -20.0), frame="body"), duration_s=3.4)
    suite = Suite("told", (Case("pulled", lambda seed: scenario, lambda _: (3.0, 3.4)),), ("none", "oracle"), (0,))
    rows = [perform(trial) for trial in plan_trials(suite, None, None)]
    assert [row.method for row in rows] == ["none", "oracle"]
    # What the learner predicts, against the truth of the simulator; the first lacks all of the 23 N.
    assert rows[0].metrics["wrench_rmse_n"] == pytest.approx(np.hypot(12.0, 20.0), rel=0.02)
    assert rows[1].metrics["wrench_rmse_n"] < 0.5
