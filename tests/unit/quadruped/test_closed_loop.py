"""The whole controller on simulated robots, in runs of a few seconds."""

from dataclasses import replace

import numpy as np
import pytest

from controllers.quadruped.controller import LocomotionConfig, LocomotionController
from controllers.quadruped.posture import PostureConfig
from controllers.residual.learner import LearnerInputs
from controllers.robot.catalog import ROBOTS
from controllers.robot.description import describe
from controllers.robot.interface import LocomotionCommand
from sim.disturbances import Payload, Wrench
from sim.sensors import SensorConfig

pytestmark = pytest.mark.compiled

# Rising quickly leaves more of a short run for walking.
QUICK = LocomotionConfig(posture=PostureConfig(rise_time=0.7, lower_time=0.7))
RISE = 0.8
PAYLOAD = Payload(8.0, (-0.08, 0.04, 0.13), at_s=1.0)


def trot(vx=0.5, vy=0.0, yaw_rate=0.0, gait="trot"):
    return LocomotionCommand(vx, vy, yaw_rate, gait)


@pytest.mark.parametrize("robot", ["go2", "go1", "aliengo"])
def test_every_robot_rises_and_trots_with_the_same_gains_and_its_own_estimator(drive, robot):
    run = drive(robot, own_estimator=True, sensors=SensorConfig()).run(trot(), 3.8)
    assert run.controller.mode == "walking" and run.controller.walking.mpc.failures == 0
    standing = run.controller.robot.standing_height
    assert np.sqrt(np.mean((run.height(1.0) - standing) ** 2)) < 0.008
    assert abs(run.velocity(1.0)[:, 0].mean() - 0.5) < 0.03
    assert np.abs(run.velocity(1.0)[:, 1].mean()) < 0.03
    assert run.tilt(1.0) < np.radians(3.0)


def test_a_robot_rises_stands_and_lies_down_again(drive):
    run = drive()
    lying = run.backend.ground_truth().height
    run.run_until("walking", LocomotionCommand(gait="stand"), 1.5)
    run.run(LocomotionCommand(gait="stand"), 0.5)
    standing = run.controller.robot.standing_height
    assert run.height(0.1).mean() == pytest.approx(standing, abs=0.005)
    run.run_until("resting", LocomotionCommand(gait="sit"), 2.0).run(LocomotionCommand(gait="rest"), 0.3)
    assert run.height(0.1).mean() == pytest.approx(lying, abs=0.03)
    assert np.abs([t.joint_velocity for t in run.truths[-20:]]).max() < 0.5
    heights = run.height(len(run.truths) * run.backend.control_period)
    assert heights.max() < standing + 0.02, "it must not jump"


def test_a_standing_robot_takes_the_commanded_posture(drive):
    run = drive(config=QUICK).run(LocomotionCommand(gait="stand"), RISE)
    run.run(LocomotionCommand(gait="stand", body_height=0.26, roll=0.1, pitch=-0.12), 1.6)
    truth = run.truths[-1]
    assert truth.height == pytest.approx(0.26, abs=0.006)
    assert (truth.roll, truth.pitch) == pytest.approx((0.1, -0.12), abs=0.015)


@pytest.mark.parametrize(
    ("command", "rates"),
    [
        (trot(1.0), (1.0, 0.0, 0.0)),
        (trot(0.0, 0.3), (0.0, 0.3, 0.0)),
        (trot(0.3, 0.0, 0.8), (0.3, 0.0, 0.8)),
    ],
)
def test_a_trotting_robot_goes_where_it_is_told(drive, command, rates):
    run = drive(config=QUICK).run(command, RISE + 2.2)
    mean = run.velocity(0.88).mean(axis=0)
    turning = np.mean([t.angular_velocity_body[2] for t in run.truths[-440:]])
    assert mean[:2] == pytest.approx(rates[:2], abs=0.06)
    assert turning == pytest.approx(rates[2], abs=0.06)
    assert run.tilt(0.88) < np.radians(5.0)


@pytest.mark.parametrize("gait", ["walking_trot", "pace", "crawl"])
def test_every_gait_walks(drive, gait):
    run = drive(config=QUICK).run(trot(0.2, gait=gait), RISE + 2.2)
    assert run.infos[-1].gait == gait and run.controller.mode == "walking"
    assert run.velocity(1.0)[:, 0].mean() == pytest.approx(0.2, abs=0.06)
    assert run.height(1.0).mean() == pytest.approx(run.controller.robot.standing_height, abs=0.015)
    assert run.tilt(1.0) < np.radians(8.0)


def test_a_robot_changes_its_gait_while_it_walks(drive):
    run = drive(config=QUICK).run(trot(0.3), RISE + 0.55)
    for gait in ("crawl", "walking_trot", "stand"):
        run.run(trot(0.2, gait=gait), 0.77)
        assert run.infos[-1].gait == gait
        assert run.tilt(0.5) < np.radians(6.0)
    assert run.height(0.1).mean() == pytest.approx(run.controller.robot.standing_height, abs=0.01)


def test_a_payload_is_learned_while_trotting(drive):
    learned = drive(config=QUICK, disturbances=[PAYLOAD]).run(trot(0.3), 3.4)
    residual = np.mean([i.residual for i in learned.infos[-220:]], axis=0)
    assert residual[2] == pytest.approx(-8.0 * 9.81, rel=0.15)
    # The lever from the nominal centre of mass to the load turns the body back and to the left.
    lever = np.array(PAYLOAD.offset_m) - learned.controller.robot.com
    assert residual[3] == pytest.approx(-lever[1] * 78.5, abs=1.0)
    assert residual[4] == pytest.approx(lever[0] * 78.5, abs=1.5)
    standing = learned.controller.robot.standing_height
    assert np.sqrt(np.mean((learned.height(0.88) - standing) ** 2)) < 0.004
    config = replace(QUICK, learner="none")
    nominal = drive(config=config, disturbances=[PAYLOAD]).run(trot(0.3), 3.4)
    assert nominal.height(0.88).mean() < standing - 0.008, "without learning the load must be felt"


def test_without_a_payload_the_learner_does_no_harm(drive):
    errors = []
    for learner in ("none", "pronk"):
        run = drive(config=replace(QUICK, learner=learner)).run(trot(), 3.2)
        errors.append(np.sqrt(np.mean((run.height(1.0) - run.controller.robot.standing_height) ** 2)))
    assert errors[1] < errors[0] + 0.001


def test_a_payload_in_the_simulator_reaches_the_controller_through_its_sensors_only(drive):
    """The nominal model is frozen: readings alone, replayed, give the same commands bit for bit."""
    loaded = drive(config=QUICK, own_estimator=True, sensors=SensorConfig(), disturbances=[PAYLOAD]).run(trot(), 1.6)
    assert loaded.backend.payloads, "the load must be on the robot"
    # A description read afresh, while no simulator has anything to do with it.
    robot = loaded.controller.robot
    fresh = describe(ROBOTS["go2"], robot.model_path)
    assert (fresh.mass, fresh.com.tolist(), fresh.inertia.tolist()) == (
        robot.mass,
        robot.com.tolist(),
        robot.inertia.tolist(),
    )
    replayed = LocomotionController(fresh, QUICK)
    for state, estimate, command in zip(loaded.states, loaded.estimates, loaded.commands, strict=True):
        again, _ = replayed.step(state, estimate, trot(), state.time)
        for name in ("position", "velocity", "effort", "stiffness", "damping"):
            assert (getattr(again, name) == getattr(command, name)).all(), name
    free = drive(config=QUICK, own_estimator=True, sensors=SensorConfig()).run(trot(), 1.6)
    assert (free.commands[-1].effort != loaded.commands[-1].effort).any(), "the load must be felt"
    assert (free.commands[400].effort == loaded.commands[400].effort).all(), "before it lands, nothing differs"


def test_two_runs_are_the_same_bit_for_bit(drive):
    runs = [drive(config=QUICK, own_estimator=True, sensors=SensorConfig()).run(trot(), 1.6) for _ in range(2)]
    for one, other in zip(runs[0].commands, runs[1].commands, strict=True):
        assert (one.effort == other.effort).all() and (one.position == other.position).all()
    assert (runs[0].truths[-1].position_world == runs[1].truths[-1].position_world).all()


def test_a_robot_that_is_thrown_over_is_damped_and_forgets_its_load(drive):
    push = Wrench(force_n=(0.0, 900.0, 0.0), at_s=1.6, until_s=1.9, frame="world")
    run = drive(config=QUICK, disturbances=[PAYLOAD, push]).run(trot(0.2), 1.55)
    assert run.infos[-1].residual[2] < -40.0
    run.run_until("fallen", trot(0.2), 1.0).run(trot(0.2), 0.3)
    assert run.controller.mode == "fallen"
    standing = LearnerInputs(np.zeros((1, 9)), np.array([[0, 0, 150.0, 0, 0, 0]]), np.ones((1, 4)), np.zeros(1))
    assert not run.controller.walking.adaptation.learner.predict(standing).any()
    assert not run.commands[-1].stiffness.any() and not run.commands[-1].effort.any()


def test_a_push_from_the_side_is_survived(drive):
    push = Wrench(force_n=(0.0, 120.0, 0.0), at_s=1.5, until_s=1.6, frame="world")
    run = drive(config=QUICK, disturbances=[push]).run(trot(0.3), 2.8)
    assert run.controller.mode == "walking"
    assert np.abs(run.velocity(2.0)[:, 1]).max() > 0.3, "the push must be felt"
    assert run.tilt(0.4) < np.radians(4.0)
