import math
import signal
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from fake_robot import FakeRobot

pytestmark = pytest.mark.timeout(60, func_only=True)

TIMEOUT = 0.2
WATCHDOG = 0.01
# What a loaded computer may add to a time-out before the test calls it late.
SLACK = 0.25
GATEKEEPER = (
    *("-m", "pronk_gateway.gatekeeper_node", "--ros-args"),
    *("-p", f"command_timeout_s:={TIMEOUT}", "-p", f"state_timeout_s:={TIMEOUT}"),
)


@pytest.fixture(scope="module")
def world(compiled_kernels, shared_processes):
    """The gatekeeper as a process, and a robot with a controller that talk to it."""
    start, peer = shared_processes
    program, robot = start(*GATEKEEPER), FakeRobot(peer)
    program.wait_for("ready", 30.0)
    return program, peer, robot


@pytest.fixture
def robot(world):
    """A flawless robot with a disarmed gatekeeper that hears it."""
    _, peer, fake = world
    fake.behave()
    fake.run(0.05)
    fake.call("release")
    fake.arm()
    assert fake.call("disarm").success
    fake.run_until(lambda: fake.motors_damp, what="damping")
    peer.heard["motor_commands"].clear()
    return fake


@pytest.fixture
def armed(robot):
    """The same, with commands passing."""
    robot.arm()
    robot.run_until(lambda: robot.motors_follow, what="passing commands on")
    return robot


@pytest.fixture
def log(world):
    """Text that the gatekeeper logs from now on."""
    program = world[0]
    begin = len(program.text)
    return lambda: program.text[begin:]


@pytest.fixture
def refusals(world):
    """Number of messages that the gatekeeper's diagnostics say were refused.

    Asked for before `armed`: while the first report is waited for, nobody sends commands.
    """
    peer = world[1]
    peer.until(lambda: peer.diagnostics("/gatekeeper_node") is not None, what="a report")
    return lambda: int(peer.diagnostics("/gatekeeper_node")[2]["refused_messages"])


def test_motors_are_damped_while_the_gatekeeper_is_disarmed(robot):
    robot.run(0.2)
    assert robot.state == "disarmed: disarmed on request" and robot.motors_damp


def test_nan_commands_are_refused_counted_and_end_in_damping(refusals, armed, log, world):
    def spoil(command):
        command.position[4] = math.nan
        return command

    before = refusals()
    armed.spoil = spoil
    begin = time.monotonic()
    armed.run_until(lambda: armed.motors_damp, what="damping")
    # The last good command was sent a little before; refusing alone must not damp at once.
    assert time.monotonic() - begin > 0.5 * TIMEOUT
    armed.run_until(lambda: armed.state.startswith("stopped: command is"), what="the stop")
    armed.run_until(lambda: "command refused: JointCommand.position must be finite" in log(), what="the warning")
    armed.run_until(lambda: refusals() > before + 10, what="counting")
    level, message, _ = world[1].diagnostics("/gatekeeper_node")
    assert level == DiagnosticStatus.ERROR and "stopped: command is" in message
    for _, sent in world[1].heard["motor_commands"]:
        assert np.isfinite([*sent.position, *sent.stiffness, *sent.effort]).all()


def test_nan_readings_are_refused_counted_and_end_in_damping(refusals, armed, log):
    before = refusals()
    armed.pose = armed.pose * math.nan
    armed.feeds_commands = False
    armed.run_until(lambda: armed.motors_damp and armed.state.startswith("stopped"), what="damping")
    text = "reading refused: RobotState.joint_position must be finite"
    armed.run_until(lambda: text in log(), what="the warning")
    armed.run_until(lambda: refusals() > before + 10, what="counting")


def test_joints_are_taken_by_name_from_readings_and_commands(robot):
    # Taken by place, the angle of a calf would lie beyond the range of a thigh, and arming would be refused.
    order = np.random.default_rng(3).permutation(12)
    robot.reading_names = [robot.reading_names[i] for i in order]
    robot.command_names = robot.command_names[::-1]
    robot.run(0.1)
    answer = robot.call("arm")
    assert answer.success, answer.message
    robot.run_until(lambda: robot.motors_follow, what="passing commands on")


def test_readings_out_of_range_do_not_arm(robot):
    robot.pose = robot.pose[::-1]
    robot.run(0.1)
    answer = robot.call("arm")
    assert not answer.success and "cannot arm: " in answer.message and "_joint" in answer.message


def test_a_reading_without_a_joint_is_refused_with_its_name(robot, log):
    robot.reading_names.remove("RL_calf_joint")
    robot.run_until(lambda: "reading refused: joint_states: " in log(), what="the warning")
    assert "RL_calf_joint" in log()
    robot.run(TIMEOUT + SLACK)
    answer = robot.call("arm")
    assert not answer.success and "robot state is" in answer.message


def test_a_command_without_a_joint_is_refused_with_its_name(armed, log):
    armed.command_names.remove("FR_hip_joint")
    armed.run_until(lambda: armed.motors_damp, what="damping")
    armed.run_until(lambda: "command refused: joint_commands: " in log(), what="the warning")
    assert "FR_hip_joint" in log()


@pytest.mark.parametrize(("silent", "reason"), [("commands", "command is"), ("readings", "robot state is")])
def test_silence_damps_the_motors_within_its_timeout(armed, world, silent, reason):
    setattr(armed, f"feeds_{silent}", False)
    last = armed.last_command if silent == "commands" else armed.last_reading
    armed.run_until(lambda: armed.motors_damp and armed.state.startswith("stopped"), what="damping")
    delay = next(t for t, m in world[1].heard["motor_commands"] if t > last and not any(m.stiffness)) - last
    assert 0.8 * TIMEOUT < delay < TIMEOUT + WATCHDOG + SLACK
    assert reason in armed.state


def test_a_stop_is_latched_until_released_and_armed_again(armed):
    answer = armed.call("stop")
    assert answer.success
    armed.run_until(lambda: armed.motors_damp, timeout=1.0, what="damping")
    armed.run(0.3)
    assert armed.motors_damp and armed.state == "stopped: stop service called"
    answer = armed.call("arm")
    assert not answer.success and "release first" in answer.message
    assert armed.call("release").success
    armed.run(0.2)
    assert armed.motors_damp and armed.state.startswith("disarmed: released from: stop service called")
    assert armed.call("arm").success
    armed.run_until(lambda: armed.motors_follow, what="passing commands on")


def test_disarming_damps_without_a_fault(armed):
    assert armed.call("disarm").success
    armed.run_until(lambda: armed.motors_damp, timeout=1.0, what="damping")
    armed.run(0.2)
    assert armed.motors_damp and armed.state == "disarmed: disarmed on request"
    assert armed.call("arm").success
    armed.run_until(lambda: armed.motors_follow, what="passing commands on")


def test_a_robot_that_tips_over_is_stopped(armed):
    armed.orientation = (math.cos(0.6), math.sin(0.6), 0.0, 0.0)
    armed.run_until(lambda: armed.motors_damp, timeout=1.0, what="damping")
    armed.run_until(lambda: armed.state == "stopped: roll is 1.200 rad, allowed 1.0 rad", what="the reason")


def test_the_last_command_of_a_gatekeeper_that_is_ended_damps(compiled_kernels, start, peer):
    program, robot = start(*GATEKEEPER), FakeRobot(peer)
    program.wait_for("ready", 30.0)
    robot.arm()
    robot.run_until(lambda: robot.motors_follow, what="passing commands on")
    program.send(signal.SIGINT)
    robot.run_until(lambda: program.process.poll() is not None, what="the end")
    assert program.wait() == 0
    peer.spin(0.2)
    assert robot.motors_damp


def test_a_misspelt_parameter_of_the_gatekeeper_is_an_error(start):
    program = start("-m", "pronk_gateway.gatekeeper_node", "--ros-args", "-p", "max_roll:=0.5")
    assert program.wait() == 2
    assert "has no parameter 'max_roll'; known: " in program.text and "max_roll_rad" in program.text
