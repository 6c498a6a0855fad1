import re

import numpy as np
import pytest
from go2_messages import LYING, low_state

from controllers.errors import InvalidValue
from controllers.robot.catalog import load_robot
from controllers.robot.interface import JointCommand
from controllers.robot.unitree.driver import DriverConfig, Go2Driver, Phase
from controllers.robot.unitree.health import PERSISTENCE
from controllers.robot.unitree.pose_move import PoseMove, why_implausible
from controllers.robot.unitree.readings import LowStateReader

GO2 = load_robot("go2")
PERIOD = 0.002
STOP_KEYS = 1 << 5 | 1 << 9


class Robot:
    """A driver, its readings and its clock."""

    def __init__(self, **config):
        self.driver = Go2Driver(GO2, DriverConfig(**config))
        self.time = 10.0
        self._tick = 0
        self._reader = LowStateReader(check_crc=False)

    def reads(self, n=1, **what):
        for _ in range(n):
            self.time += PERIOD
            self._tick += 2
            record = low_state(tick=self._tick, seal=False, **what)
            self.driver.on_reading(self._reader.read(record, self.time), self.time)
            self.out = self.driver.output(self.time)
        return self

    def commanded(self, pose=LYING, stiffness=30.0):
        zero = np.zeros(12)
        command = JointCommand(self.time, pose.copy(), zero, zero, np.full(12, stiffness), np.full(12, 1.0))
        self.driver.on_command(command, self.time)
        self.out = self.driver.output(self.time)
        return self

    def active(self, n=5):
        self.reads(3)
        self.driver.permit()
        for _ in range(n):
            self.reads().commanded()
        assert self.driver.phase is Phase.ACTIVE
        return self

    @property
    def state(self):
        return self.driver.phase, self.driver.reason


@pytest.fixture
def robot():
    return Robot()


def damps(command):
    return not command.stiffness.any() and not command.effort.any() and (command.damping == 3.0).all()


def test_nothing_is_sent_before_the_motors_are_taken_over(robot):
    assert robot.reads(10).out is None
    assert robot.commanded().out is None and robot.driver.phase is Phase.WAITING


def test_a_robot_that_was_taken_over_is_damped(robot):
    robot.reads()
    robot.driver.permit()
    assert damps(robot.reads().out) and robot.driver.phase is Phase.DAMPING


def test_commands_pass_unchanged(robot):
    robot.active()
    assert (robot.out.stiffness == 30.0).all()
    np.testing.assert_array_equal(robot.out.position, LYING)


def test_a_command_to_damp_leads_back_and_can_be_followed_by_a_start(robot):
    robot.active().commanded(stiffness=0.0)
    assert robot.driver.phase is Phase.DAMPING and robot.out.damping[0] == 3.0
    assert robot.reads().commanded().driver.phase is Phase.ACTIVE


def test_the_robot_never_jumps_to_its_first_target(robot):
    robot.reads(3)
    robot.driver.permit()
    robot.reads().commanded(LYING + 0.31 * np.eye(12)[4])
    assert robot.state == (Phase.DAMPING, "not started: the first target lies 0.31 rad away, allowed 0.3 rad")
    assert damps(robot.out) and robot.driver.refused_starts == 1
    assert robot.commanded(LYING + 0.29 * np.eye(12)[4]).driver.phase is Phase.ACTIVE


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"pose": np.zeros(12)}, "all joint angles are exactly zero: the motors do not report"),
        ({"pose": LYING + 2.0 * np.eye(12)[0]}, "FL_hip_joint is at 2.000 rad, its range is -1.047 to 1.047 rad"),
        ({"keys": STOP_KEYS}, "stop is pressed on the remote control of the robot"),
    ],
)
def test_a_start_from_an_impossible_pose_is_refused(robot, what, why):
    robot.reads(3, **what)
    robot.driver.permit()
    robot.commanded(what.get("pose", LYING))
    assert robot.state == (Phase.DAMPING, f"not started: {why}")


def test_the_stop_of_the_remote_control_damps_and_stays(robot):
    robot.active().reads(keys=STOP_KEYS)
    assert robot.state == (Phase.STOPPED, "stop was pressed on the remote control of the robot")
    assert damps(robot.out)
    assert damps(robot.reads().commanded().out) and robot.driver.phase is Phase.STOPPED


def test_a_stop_is_left_only_by_a_release_and_only_without_its_cause(robot):
    robot.active().reads(keys=STOP_KEYS)
    assert robot.driver.release() == (False, "still stopped: stop is pressed on the remote control of the robot")
    robot.reads()
    assert robot.driver.release() == (True, "damping")
    assert robot.driver.phase is Phase.DAMPING
    assert robot.driver.release() == (False, "not stopped but damping")


def test_silence_of_the_controller_stops(robot):
    robot.active().reads(29)
    assert robot.driver.phase is Phase.ACTIVE
    robot.reads(2)
    assert robot.driver.phase is Phase.STOPPED
    assert re.fullmatch(r"no command for 0\.06\d s, allowed 0\.06 s", robot.driver.reason)
    assert damps(robot.out)


def test_silence_of_the_robot_stops(robot):
    robot.active()
    robot.time += 0.061
    robot.driver.on_command(robot.out, robot.time)
    assert damps(robot.driver.output(robot.time))
    assert robot.state == (Phase.STOPPED, "no reading of the robot for 0.061 s, allowed 0.06 s")


def test_silence_before_the_start_is_no_fault_but_no_start_either(robot):
    robot.reads(3)
    robot.driver.permit()
    robot.time += 0.1
    assert damps(robot.driver.output(robot.time)) and robot.driver.phase is Phase.DAMPING
    robot.commanded()
    assert robot.state == (Phase.DAMPING, "not started: no reading for 0.100 s") and damps(robot.out)
    assert robot.reads().commanded().driver.phase is Phase.ACTIVE


def test_a_hot_motor_sits_the_robot_down_before_it_is_damped(robot):
    standing = GO2.standing_position
    robot.reads(3, pose=standing)
    robot.driver.permit()
    robot.reads(pose=standing).commanded(standing)
    robot.reads(PERSISTENCE - 1, pose=standing, temperature=90)
    assert robot.driver.phase is Phase.ACTIVE
    robot.reads(pose=standing, temperature=90)
    assert robot.state == (Phase.SITTING, "motor of FL_hip_joint has 90 °C, allowed 85 °C")
    positions = [robot.out.position]
    # The commands of the controller are not heard any more.
    while robot.driver.phase is Phase.SITTING:
        robot.reads(pose=standing, temperature=90).commanded(standing)
        if robot.driver.phase is Phase.SITTING:
            positions.append(robot.out.position)
    np.testing.assert_allclose(positions[0], standing, atol=1e-5)
    np.testing.assert_allclose(positions[-1], GO2.lying_position, atol=1e-3)
    speeds = np.abs(np.diff(positions, axis=0)).max() / PERIOD
    assert speeds <= 1.5 * 1.001
    assert robot.state == (Phase.STOPPED, "motor of FL_hip_joint has 90 °C, allowed 85 °C; sat down")
    assert damps(robot.out)


def test_a_robot_that_leans_while_sitting_down_is_damped(robot):
    robot.active().driver.sit("a test", robot.time)
    record = low_state(seal=False)
    record["imu_state"]["quaternion"] = (np.cos(0.45), np.sin(0.45), 0.0, 0.0)
    robot.time += PERIOD
    robot.driver.on_reading(LowStateReader(check_crc=False).read(record, robot.time), robot.time)
    assert robot.state == (Phase.STOPPED, "a test; leaned by 0.90 rad while sitting down")


def test_motors_are_given_back_only_while_they_are_damped(robot):
    robot.active()
    assert robot.driver.revoke() == (False, "the robot is active: have it sit and damp first")
    robot.commanded(stiffness=0.0)
    assert robot.driver.revoke() == (True, "the motors were given back")
    assert robot.reads().commanded().out is None


def test_a_broken_command_is_refused_and_the_one_before_holds(robot):
    robot.active()
    command = JointCommand.damped(robot.time, LYING, 3.0)
    command.damping[3] = np.nan
    with pytest.raises(InvalidValue, match="damping must be finite"):
        robot.driver.on_command(command, robot.time)
    assert (robot.reads().out.stiffness == 30.0).all()


@pytest.mark.parametrize("name", ["command_timeout", "reading_timeout", "damping", "largest_start", "sit_rate"])
def test_settings_without_sense_are_refused(name):
    with pytest.raises(InvalidValue, match=f"DriverConfig.{name} must be > 0, got 0.0"):
        DriverConfig(**{name: 0.0})


def test_a_move_starts_where_the_robot_is_and_keeps_its_rate():
    target = LYING + np.linspace(-1.0, 1.0, 12)
    move = PoseMove(LYING, target, 5.0, rate=0.5)
    times = np.arange(5.0, 5.0 + move.duration + 0.05, 0.01)
    positions = np.array([move.command(t).position for t in times])
    velocities = np.array([move.command(t).velocity for t in times])
    np.testing.assert_allclose(positions[0], LYING, atol=1e-12)
    np.testing.assert_allclose(positions[-1], target, atol=1e-12)
    assert not velocities[0].any() and not velocities[-1].any()
    assert np.abs(velocities).max() == pytest.approx(0.5, rel=1e-3)
    # The velocity is the derivative of the position.
    np.testing.assert_allclose((positions[2:] - positions[:-2]) / 0.02, velocities[1:-1], atol=2e-3)
    assert not move.done(times[0]) and move.done(times[-1])


@pytest.mark.parametrize("pose", [np.zeros(11), np.full(12, np.nan)])
def test_a_move_to_no_pose_is_refused(pose):
    with pytest.raises(InvalidValue, match=r"PoseMove\.target must be 12 finite numbers"):
        PoseMove(LYING, pose, 0.0)


def test_a_robot_in_motion_is_not_taken_over():
    state = LowStateReader(check_crc=False).read(low_state(seal=False), 0.0).state
    assert why_implausible(state, GO2) == ""
    state.joint_velocity[7] = -2.5
    assert why_implausible(state, GO2) == "RL_thigh_joint moves at -2.50 rad/s, at rest are up to 2 rad/s"
