import numpy as np
import pytest
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState

from controllers.robot.catalog import load_robot
from controllers.robot.interface import JointCommand
from pronk_node_kit.conversions import JointCommandEncoder
from pronk_node_kit.stamps import time_from_stamp

pytestmark = pytest.mark.timeout(90, func_only=True)

LIMIT = 0.06


@pytest.fixture
def world(compiled_kernels, start, peer):
    """Start a world whose other nodes are all played by the peer."""

    def begin(*settings):
        for _ in range(3):
            peer.hear("joint_states", "imu/data")
        for name, message in (("odom", Odometry()), ("foot_contacts", JointState()), ("joint_commands", command(0.0))):
            peer.say(name, message)
        peer.say("motor_commands", command(0.0))
        parameters = [word for setting in ("publish_commands:=false", *settings) for word in ("-p", setting)]
        return start("-m", "pronk_gateway.sim_node", "--ros-args", *parameters)

    return begin


def command(at):
    pose = np.array(load_robot("go2").standing_position)
    return JointCommandEncoder().encode(JointCommand.damped(at, pose, 3.0))


def readings(peer):
    """Stamp and time of receipt of each reading, shape (N, 2) [s]."""
    seen = {}
    for received, message in peer.heard["joint_states"]:
        seen.setdefault(time_from_stamp(message.header.stamp), received)
    return np.array(sorted(seen.items()))


def newest(peer):
    """Stamp of the newest reading [s]."""
    return time_from_stamp(peer.newest("joint_states").header.stamp)


def test_a_world_that_may_wait_stands_still_for_a_late_command_but_not_for_a_dead_controller(world, peer):
    world(f"max_command_age_s:={LIMIT}")
    peer.until(lambda: peer.heard["joint_states"], 60.0, "a reading")
    first = readings(peer)[0, 0]
    peer.say("motor_commands", command(first))
    peer.until(lambda: newest(peer) > first + 0.4, 30.0, "a world that goes on")
    stamps, received = readings(peer).T
    # A busy computer may hold the test itself up at any other time.
    (late,) = np.flatnonzero((np.abs(stamps[:-1] - first - LIMIT) < 0.0041) & (np.diff(received) > 0.08))
    assert np.diff(received)[late] < 0.5
    afterwards = received[late + 1 :]
    assert afterwards[-1] - afterwards[0] < 0.3 + (stamps[-1] - stamps[late + 1])


def test_a_fresh_command_ends_the_wait(world, peer):
    world(f"max_command_age_s:={LIMIT}")
    peer.until(lambda: peer.heard["joint_states"], 60.0, "a reading")
    first = readings(peer)[0, 0]
    answered = first
    while answered < first + 0.6:
        peer.say("motor_commands", command(answered))
        before = answered
        peer.until(lambda before=before: newest(peer) >= before + LIMIT, 5.0, "readings")
        peer.spin(0.03)
        answered = newest(peer)
        assert answered <= before + LIMIT + 0.0041


def test_a_first_reading_that_somebody_missed_is_followed_by_another(world, peer):
    world("lockstep:=true")
    peer.until(lambda: peer.heard["joint_states"], 60.0, "a reading")
    first = newest(peer)
    peer.until(lambda: newest(peer) > first, 20.0, "a reading that nobody asked for")
    second = newest(peer)
    assert second == pytest.approx(first + 0.002)
    for _ in range(5):
        at = newest(peer)
        peer.say("motor_commands", command(at))
        peer.until(lambda at=at: newest(peer) > at, 3.0, "the answer's reading")
    assert newest(peer) == pytest.approx(second + 0.01)


def test_a_world_that_nobody_serves_ends_and_names_the_topics(compiled_kernels, start, peer):
    # The peer reads what a robot tells, but plays neither estimator nor controller nor gatekeeper.
    for _ in range(3):
        peer.hear("joint_states", "imu/data")
    program = start("-m", "pronk_gateway.sim_node", "--ros-args", "-p", "wait_for_nodes_s:=3.0")
    assert program.wait(60.0) == 1
    assert "nobody serves /odom, /foot_contacts, /joint_commands, /motor_commands" in program.text
