import itertools

import numpy as np
import pytest
from std_srvs.srv import Trigger
from unitree_go.msg import LowCmd
from vendor_side import GO2, MOTOR, STOP_KEYS, VendorSide, damps, is_signed

from controllers.robot.interface import JointCommand
from controllers.robot.joints import JOINT_NAMES
from pronk_node_kit.conversions import JointCommandEncoder
from pronk_node_kit.stamps import time_from_stamp

pytestmark = pytest.mark.timeout(90, func_only=True)


class Driver:
    """A go2_node between a robot and a gatekeeper that are both played here."""

    def __init__(self, start, peer, *settings, mode="mcf"):
        self.peer = peer
        self.robot = VendorSide(peer, mode)
        self._encoder = JointCommandEncoder()
        peer.hear("joint_states", "imu/data", "foot_sensors", "/diagnostics")
        words = [word for setting in settings for word in ("-p", setting)]
        self.program = start("-m", "pronk_gateway.go2_node", "--ros-args", *words)

    def command(self, offset=0.0, stiffness=30.0):
        zero = np.zeros(12)
        pose = self.robot.pose + offset
        command = JointCommand(1.0, pose, zero, zero, np.full(12, stiffness), np.full(12, 1.5))
        self.peer.say("motor_commands", self._encoder.encode(command))

    def drive(self, condition, timeout=20.0, **command):
        """Command at every turn until something has happened."""

        def turn():
            self.command(**command)
            return condition()

        self.robot.until(turn, timeout)

    def damped(self):
        return bool(self.robot.commands) and damps(self.robot.newest)

    def active(self):
        self.robot.until(self.damped, 30.0, "damping")
        self.drive(lambda: self.robot.newest.motor_cmd[0].kp == 30.0)
        return self

    def call(self, name):
        return self.peer.call_trigger(f"go2_node/{name}", self.robot.feed)

    def reported(self, key):
        report = self.peer.diagnostics("/go2_node")
        return None if report is None else report[2][key]


@pytest.fixture
def peer_with_triggers(peer):
    def call_trigger(name, meanwhile):
        client = peer.client(name, Trigger)
        peer.until(client.service_is_ready, 10.0, f"service '{name}'")
        future = client.call_async(Trigger.Request())
        for _ in range(2000):
            if future.done():
                return future.result()
            meanwhile()
            peer.spin(0.005)
        raise AssertionError(f"no answer from '{name}'")

    peer.call_trigger = call_trigger
    return peer


@pytest.fixture
def driver(compiled_kernels, start, peer_with_triggers):
    return lambda *settings, **more: Driver(start, peer_with_triggers, *settings, **more)


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(driver):
    d = driver()
    shown = []
    d.peer.node.create_subscription(LowCmd, "lowcmd_dry_run", shown.append, 10)
    d.robot.until(lambda: shown and damps(shown[-1]), 30.0, "a command that would be sent")
    d.drive(lambda: shown[-1].motor_cmd[3].kp == 30.0)
    assert is_signed(shown[-1])
    assert d.robot.commands == [] and d.robot.called == [] and d.robot.mode == "mcf"
    assert d.peer.node.count_publishers("/lowcmd") == 0
    answer = d.call("take")
    assert (answer.success, answer.message) == (False, "this is a dry run: nothing is sent to the robot")


def test_the_motors_are_handed_over_before_anything_is_sent(driver):
    d = driver("dry_run:=false")
    sent_before = []
    d.robot.until(lambda: sent_before.append(bool(d.robot.mode and d.robot.commands)) or d.damped(), 30.0, "damping")
    assert not any(sent_before)
    # It lies already, so it is not asked to lie down.
    assert d.robot.called == [("motion_switcher", 1001), ("motion_switcher", 1003), ("motion_switcher", 1001)]
    assert d.robot.mode == ""
    assert is_signed(d.robot.newest)


def test_readings_come_out_by_name_in_pronks_order(driver):
    d = driver("foot_newton_per_count:=0.5")
    d.robot.until(lambda: d.peer.heard["joint_states"] and d.peer.heard["foot_sensors"], 30.0, "readings")
    joints, imu, feet = (d.peer.newest(name) for name in ("joint_states", "imu/data", "foot_sensors"))
    assert list(joints.name) == list(JOINT_NAMES)
    np.testing.assert_array_equal(joints.position, GO2.lying_position.astype(np.float32))
    np.testing.assert_allclose(joints.velocity, 0.01 * np.arange(12), rtol=1e-6)
    q = imu.orientation
    assert (q.w, q.x, q.y, q.z) == tuple(np.float32([0.8, 0.0, 0.0, 0.6]))
    assert list(feet.name) == ["FL_foot", "FR_foot", "RL_foot", "RR_foot"] and list(feet.effort) == [5, 10, 15, 20]
    stamps = [time_from_stamp(m.header.stamp) for _, m in d.peer.heard["joint_states"]]
    assert all(a < b for a, b in itertools.pairwise(stamps))


def test_a_joint_command_reaches_the_motor_of_its_name(driver):
    d = driver("dry_run:=false", mode="").active()
    offset = np.linspace(-0.1, 0.1, 12)
    wanted = (d.robot.pose + offset).astype(np.float32)
    d.drive(lambda: d.robot.newest.motor_cmd[0].q == wanted[MOTOR.index(0)], offset=offset)
    got = [d.robot.newest.motor_cmd[MOTOR[joint]].q for joint in range(12)]
    np.testing.assert_array_equal(got, wanted)
    assert is_signed(d.robot.newest)


def test_the_stop_of_the_remote_control_is_latched_and_told_to_the_gatekeeper(driver):
    d = driver("dry_run:=false", mode="").active()
    d.robot.keys = STOP_KEYS
    d.drive(d.damped)
    d.robot.until(lambda: d.robot.gate_stops == 1, 5.0, "a stop of the gatekeeper")
    assert d.call("release").message == "still stopped: stop is pressed on the remote control of the robot"
    d.robot.keys = (0, 0)
    for _ in range(20):
        d.command()
        d.robot.run(0.01)
    assert d.damped()
    assert d.call("release").success
    d.drive(lambda: d.robot.newest.motor_cmd[0].kp == 30.0)


def test_a_first_target_far_away_is_not_followed(driver):
    d = driver("dry_run:=false", mode="")
    d.robot.until(d.damped, 30.0, "damping")
    for _ in range(30):
        d.command(offset=0.5)
        d.robot.run(0.01)
    assert all(damps(message) for message in d.robot.commands)
    d.robot.until(lambda: int(d.reported("refused_starts") or 0) > 0, 5.0, "a report")


def test_a_silent_gatekeeper_leaves_a_damped_robot(driver):
    d = driver("dry_run:=false", mode="").active()
    d.robot.until(d.damped, 2.0, "damping")
    d.robot.until(lambda: (d.reported("phase") or "") == "stopped", 3.0, "a report")
    assert "no command for" in d.reported("reason")


def test_a_silent_robot_is_damped_blindly(driver):
    d = driver("dry_run:=false", mode="").active()
    d.robot.run(0.3, feed=False)
    sent = len(d.robot.commands)
    d.robot.run(0.3, feed=False)
    assert len(d.robot.commands) > sent + 5 and d.damped()


def test_spoilt_readings_are_refused_and_counted(driver):
    d = driver()
    d.robot.until(lambda: d.peer.heard["joint_states"], 30.0, "a reading")
    d.robot.spoilt = True
    d.robot.run(0.3)
    heard = len(d.peer.heard["joint_states"])
    d.robot.run(1.5)
    assert len(d.peer.heard["joint_states"]) == heard
    assert int(d.reported("refused_readings")) > 10
    assert "lowstate must carry its checksum" in d.program.text


def test_the_motors_are_given_back_on_request(driver):
    d = driver("dry_run:=false", mode="ai")
    d.robot.until(d.damped, 30.0, "damping")
    answer = d.call("give_back")
    assert answer.success, answer.message
    d.robot.until(lambda: d.robot.mode == "ai", 5.0, "the mode")
    d.robot.run(0.1)
    sent = len(d.robot.commands)
    d.robot.run(0.3)
    assert len(d.robot.commands) == sent


def test_bad_limits_end_the_node_with_what_is_allowed(start, compiled_kernels):
    program = start("-m", "pronk_gateway.go2_node", "--ros-args", "-p", "motor_warn_degc:=90.0")
    assert program.wait(30.0) == 2
    assert "motor_warn must be <= motor_sit = 85.0, got 90.0" in program.text
