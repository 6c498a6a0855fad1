import json

import numpy as np
import pytest

from controllers.quadruped.controller import LocomotionConfig, LocomotionController
from controllers.robot.catalog import load_robot
from controllers.robot.estimator import BaseEstimator
from controllers.robot.interface import JointCommand, LocomotionCommand
from controllers.robot.unitree.backend import Go2Backend
from controllers.robot.unitree.checksum import checksum, sign
from controllers.robot.unitree.commands import LowCommandEncoder
from controllers.robot.unitree.driver import Phase
from controllers.robot.unitree.layout import stop_command
from controllers.robot.unitree.readings import LowStateReader
from sim.fake_go2 import DirectLink, FakeGo2
from sim.quadruped_backend import MujocoQuadruped, SimConfig
from sim.sensors import SensorConfig

GO2 = load_robot("go2")


def fake(pose="lie", mode=""):
    config = SimConfig(sensors=SensorConfig.ideal(), initial_pose=pose)
    return FakeGo2(MujocoQuadruped("go2", config), mode=mode)


def run(robot, seconds):
    for _ in range(round(seconds / robot.backend.control_period)):
        robot.advance()


def hold(pose, stiffness=60.0):
    zero = np.zeros(12)
    return LowCommandEncoder().encode(
        JointCommand(0.0, np.asarray(pose, dtype=float), zero, zero, np.full(12, stiffness), np.full(12, 3.0))
    )


def test_what_it_publishes_is_what_its_body_measures():
    robot = fake("stand")
    run(robot, 0.1)
    truth = robot.backend.read()
    record = robot.low_state()
    assert int(record["crc"][0]) == checksum(record)
    reading = LowStateReader().read(record, truth.time)
    for name in ("joint_position", "joint_velocity", "joint_effort", "orientation", "linear_acceleration_body"):
        np.testing.assert_allclose(getattr(reading.state, name), getattr(truth, name), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(reading.state.foot_force, truth.foot_force, atol=0.51)
    assert reading.tick == 100


def test_a_command_moves_the_joint_of_its_name():
    robot = fake()
    pose = robot.backend.read().joint_position.copy()
    pose[0] += 0.15
    before = robot.backend.read().joint_position.copy()
    for _ in range(100):
        assert robot.receive(hold(pose))
        robot.advance()
    moved = robot.backend.read().joint_position - before
    assert moved[0] > 0.1 and np.abs(moved[[3, 6, 9]]).max() < 0.05


def test_a_command_with_a_wrong_checksum_moves_nothing():
    robot = fake()
    record = hold(np.ones(12))
    record["crc"] ^= 1
    assert not robot.receive(record)
    run(robot, 0.2)
    assert robot.counts == {"wrong_checksum": 1}
    assert np.abs(robot.backend.read().joint_velocity).max() < 0.1


@pytest.mark.parametrize(
    ("spoil", "verdict"),
    [
        (lambda r: r["head"].__setitem__((0, 0), 0), "not_low_level"),
        (lambda r: r["level_flag"].__setitem__(0, 0xEE), "not_low_level"),
        (lambda r: r["motor_cmd"]["kp"].__setitem__((0, 3), np.nan), "wrong_values"),
        (lambda r: r["motor_cmd"]["kd"].__setitem__((0, 3), -1.0), "wrong_values"),
    ],
)
def test_a_command_that_is_none_moves_nothing(spoil, verdict):
    robot = fake()
    record = hold(GO2.lying_position)
    spoil(record)
    sign(record)
    assert not robot.receive(record) and robot.counts == {verdict: 1}


def test_commands_beside_an_active_mode_are_a_contention():
    robot = fake(mode="mcf")
    assert not robot.receive(stop_command()) and robot.counts["wrong_checksum"] == 1
    assert not robot.receive(hold(GO2.lying_position)) and robot.counts["contended"] == 1


def test_silence_lets_the_motors_damp():
    robot = fake("stand")
    for _ in range(50):
        robot.receive(hold(GO2.standing_position))
        robot.advance()
    height = robot.backend.ground_truth().height
    run(robot, 0.1)
    assert robot.backend.ground_truth().height > 0.9 * height
    run(robot, 1.5)
    assert robot.backend.ground_truth().height < 0.6 * height


def test_a_standing_robot_lies_down_before_its_mode_is_released():
    robot = fake("stand", mode="ai")
    run(robot, 0.5)
    assert robot.backend.ground_truth().height > 0.25
    assert json.loads(robot.call("motion_switcher", 1001, "{}")[1]) == {"form": "0", "name": "ai"}
    assert robot.call("sport", 1005, "{}")[0] == 0
    run(robot, 3.0)
    assert robot.backend.ground_truth().height < 0.15
    assert robot.call("motion_switcher", 1003, "{}")[0] == 0 and robot.mode == ""
    assert robot.call("motion_switcher", 1002, '{"name": "ai"}')[0] == 0 and robot.mode == "ai"
    assert robot.call("motion_switcher", 9, "{}")[0] != 0


def test_lost_and_spoilt_readings_are_as_many_as_asked_for():
    robot = fake()
    robot.faults.lost_readings = robot.faults.spoilt_readings = 0.5
    records = [record.copy() for _ in range(1000) if (record := robot.low_state()) is not None]
    assert 400 < len(records) < 600
    assert 0.35 < np.mean([int(record["crc"][0]) != checksum(record) for record in records]) < 0.65


class Walk:
    """A controller on the fake, joined by the vendor's messages, without any network."""

    def __init__(self):
        self.robot = fake()
        self.backend = Go2Backend(DirectLink(self.robot))
        self._controller = LocomotionController(GO2, LocomotionConfig(learner="none"))
        self._estimator = BaseEstimator(GO2)
        self.backend.reset(np.random.default_rng(0))

    def run(self, seconds, command):
        for _ in range(round(seconds / self.backend.control_period)):
            state = self.backend.read()
            estimate = self._estimator.step(state)
            self.backend.write(self._controller.step(state, estimate, command, state.time)[0])
            self.backend.advance()


@pytest.mark.compiled
def test_a_robot_walks_through_the_vendors_messages_and_sits_when_a_motor_is_hot():
    walk = Walk()
    walk.run(0.3, LocomotionCommand(gait="rest"))
    walk.run(2.2, LocomotionCommand(gait="stand"))
    assert walk.robot.backend.ground_truth().height == pytest.approx(0.3, abs=0.03)
    walk.run(2.0, LocomotionCommand(0.4, gait="trot"))
    truth = walk.robot.backend.ground_truth()
    assert truth.position_world[0] > 0.4 and truth.height > 0.25
    walk.robot.faults.motor_temperature = 95
    walk.run(4.0, LocomotionCommand(0.4, gait="trot"))
    assert walk.backend.driver.phase is Phase.STOPPED
    assert walk.backend.driver.reason == "motor of RL_calf_joint has 95 °C, allowed 85 °C; sat down"
    truth = walk.robot.backend.ground_truth()
    assert truth.height < 0.2 and abs(truth.roll) < 0.4 and abs(truth.pitch) < 0.4
    assert set(walk.robot.counts) == {"accepted"}
