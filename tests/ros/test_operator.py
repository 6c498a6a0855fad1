"""An operator drives the robot by cmd_vel and body_command, pauses it and resets it."""

import itertools
import math

import pytest
from geometry_msgs.msg import TwistStamped
from pronk_msgs.msg import BodyCommand
from std_srvs.srv import SetBool

from pronk_node_kit.stamps import time_from_stamp

pytestmark = pytest.mark.timeout(60, func_only=True)

HEARD = ("ground_truth/odom", "odom", "controller_state", "gatekeeper_state", "/clock", "/diagnostics")


class Operator:
    """Commands a simulated robot and sees what it does."""

    def __init__(self, peer):
        self.peer = peer
        peer.hear(*HEARD)

    @property
    def time(self):
        return time_from_stamp(self.peer.newest("/clock").clock)

    @property
    def height(self):
        return self.peer.newest("ground_truth/odom").pose.pose.position.z

    @property
    def speed(self):
        return self.peer.newest("ground_truth/odom").twist.twist.linear.x

    def state(self, name):
        message = self.peer.newest("controller_state")
        return message.position[list(message.name).index(name)]

    def ask(self, gait, velocity=None, height=math.nan):
        self.peer.say("body_command", self.peer.stamped(BodyCommand(gait=gait, body_height=height), self.time))
        if velocity is not None:
            self.drive(velocity)

    def drive(self, velocity):
        message = self.peer.stamped(TwistStamped(), self.time)
        message.twist.linear.x = velocity
        self.peer.say("cmd_vel", message)

    def drive_for(self, velocity, duration):
        """Keep asking for a velocity, as a joystick does; return the mean velocity of the second half."""
        begin, track = self.time, []
        while self.time < begin + duration:
            self.drive(velocity)
            self.peer.spin(0.05)
            if self.time > begin + duration / 2:
                track.append((self.time, self.peer.newest("ground_truth/odom").pose.pose.position.x))
        return (track[-1][1] - track[0][1]) / (track[-1][0] - track[0][0])

    def until(self, condition, timeout=20.0, what="the condition"):
        self.peer.until(condition, timeout, what)

    def stand_up(self):
        self.ask("stand")
        self.until(lambda: self.height > 0.25 and self.state("mode") == WALKING, what="standing up")

    def pause(self, paused):
        return self.peer.call("set_paused", SetBool.Request(data=paused))


RESTING, WALKING = 0.0, 2.0


@pytest.fixture
def operator(launch_go2, peer):
    """An operator of a robot that lies on the ground; the scenario neither commands nor ends anything."""
    person = Operator(peer)

    def begin(**arguments):
        program = launch_go2(publish_commands="false", exit_at_end="false", **arguments)
        person.until(lambda: all(peer.heard[name] for name in HEARD), 40.0, "the start of the world")
        for topic in ("cmd_vel", "body_command"):
            peer.say(topic, TwistStamped() if topic == "cmd_vel" else BodyCommand(gait="rest"))
            person.until(lambda topic=topic: peer.node.count_subscribers(topic) > 0, what=f"a subscriber of {topic}")
        peer.spin(0.3)
        return person, program

    return begin


def test_an_unknown_gait_is_refused_and_counted_while_the_robot_walks_on(operator, peer):
    # At half speed the commands of an operator without real-time priority are fresh also on a busy computer.
    person, program = operator(record="false", real_time_factor="0.5")
    person.stand_up()
    person.ask("trot")
    assert person.drive_for(0.3, 1.5) > 0.15, program.text
    person.ask("gallop")
    peer.spin(0.1)  # A controller that is behind takes the newest wish and never sees the one before.
    person.ask("trot", height=math.inf)
    assert person.drive_for(0.3, 1.0) > 0.15, program.text
    assert person.height > 0.25 and person.state("mode") == WALKING
    assert "body_command refused: gait must be one of rest, sit, " in program.text and "got 'gallop'" in program.text
    person.until(lambda: peer.diagnostics("/mpc_node")[2]["refused_inputs"] == "2", what="counting")
    # Nobody drives any more: half a second later the robot has to stop of its own accord.
    silent = person.time
    person.until(lambda: person.state("velocity_x_reference_mps") == 0.0, what="the time-out")
    assert 0.4 < person.time - silent < 1.5
    person.until(lambda: abs(person.speed) < 0.1, what="standing still")
    assert person.height > 0.25 and person.state("mode") == WALKING


def test_a_paused_world_stands_still_and_goes_on_step_by_step(operator, peer):
    person, _ = operator(record="false", lockstep="true")
    assert not peer.call("step").success
    peer.hear("joint_states")
    person.until(lambda: peer.heard["joint_states"], what="a reading")
    answer = person.pause(True)
    assert answer.success and answer.message.startswith("paused at ")
    peer.spin(0.3)
    last, count = time_from_stamp(peer.newest("joint_states").header.stamp), len(peer.heard["joint_states"])
    peer.spin(0.3)
    assert len(peer.heard["joint_states"]) == count
    for step in range(1, 4):
        assert peer.call("step").success
        person.until(lambda step=step: len(peer.heard["joint_states"]) == count + step, what="the step")
        assert math.isclose(time_from_stamp(peer.newest("joint_states").header.stamp), last + 0.002 * step)
        # The controller answers each reading also while the world is paused.
        peer.spin(0.05)
    assert person.pause(False).success
    person.until(lambda: person.time > last + 0.5, what="going on")
    person.stand_up()


def test_a_reset_lays_the_robot_down_and_starts_controller_and_estimator_anew(operator, peer):
    person, program = operator(record="false", lockstep="true")
    person.stand_up()
    person.ask("trot")
    person.drive_for(0.3, 1.0)
    travelled = peer.newest("odom").pose.pose.position.x
    assert travelled > 0.1
    person.ask("rest")
    assert person.pause(True).success
    assert peer.call("reset").success
    peer.spin(0.2)
    assert person.height < 0.15
    before = time_from_stamp(peer.newest("ground_truth/odom").header.stamp)
    assert person.pause(False).success
    # The gatekeeper sees a robot that jumped; where it objects, an operator has to release it.
    person.until(lambda: person.time > before + 0.3, what="going on")
    if peer.newest("gatekeeper_state").data.startswith("stopped"):
        assert peer.call("release").success
    person.until(lambda: person.time > before + 0.6, what="going on")
    assert person.state("mode") == RESTING
    assert abs(peer.newest("odom").pose.pose.position.x) < 0.05
    person.stand_up()
    times = [time_from_stamp(message.clock) for _, message in peer.heard["/clock"]]
    assert all(a <= b for a, b in itertools.pairwise(times))
    assert program.process.poll() is None
