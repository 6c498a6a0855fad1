import math
import time

import pytest
from sensor_msgs.msg import Joy
from std_srvs.srv import Trigger

pytestmark = pytest.mark.timeout(60, func_only=True)

DEAD_MAN, STAND, STOP = 5, 0, 2


class Hand:
    """Holds a gamepad whose readings reach a teleop node."""

    def __init__(self, peer):
        self.peer, self.called = peer, []
        peer.hear("cmd_vel", "body_command", "/diagnostics")
        peer.node.create_service(Trigger, "stop", self._on_stop)

    def _on_stop(self, request, response):
        self.called.append("stop")
        response.success, response.message = True, "stopped: stop service called"
        return response

    def hold(self, duration, *down, forward=0.0):
        end = time.monotonic() + duration
        while time.monotonic() < end:
            buttons = [int(number in down) for number in range(8)]
            self.peer.say("joy", Joy(axes=[0.0, forward, 0.0, 0.0], buttons=buttons))
            self.peer.spin(0.02)

    @property
    def speeds(self):
        return [message.twist.linear.x for _, message in self.peer.heard["cmd_vel"]]


def heard(peer):
    """Tell in a word whether the node's diagnostics know of a reading."""
    report = peer.diagnostics("/teleop_node")
    return "hears" if report and report[2]["joy age [s]"] != "inf" else "nothing yet"


@pytest.fixture
def hand(start, peer):
    program = start("-m", "pronk_gateway.teleop_node", "--ros-args", "-p", "acceleration_mps2:=4.0")
    program.wait_for("ready", 30.0)
    person = Hand(peer)
    end = time.monotonic() + 20.0
    # Buttons that are down in the first reading count as not pressed, so the node must have had one.
    while "hears" not in heard(peer):
        assert time.monotonic() < end, program.text
        person.hold(0.1)
    return person, program


def test_a_gamepad_drives_only_while_its_dead_man_button_is_held(hand):
    person, program = hand
    person.hold(0.3, forward=1.0)
    assert person.speeds == []
    person.hold(0.2, DEAD_MAN)
    person.hold(0.2, DEAD_MAN, STAND)
    person.peer.until(lambda: person.peer.heard["body_command"], what="a gait")
    assert person.peer.newest("body_command").gait == "stand"
    person.hold(1.5, DEAD_MAN, forward=1.0)
    assert max(person.speeds) == pytest.approx(0.8) and person.peer.newest("body_command").gait == "trot"
    # NaN ends driving as letting go does: down to zero, then nothing.
    person.hold(0.3, DEAD_MAN, forward=math.nan)
    person.peer.until(lambda: person.speeds[-1] == 0.0, what="standing still")
    person.peer.spin(1.5)
    count = len(person.speeds)
    person.peer.spin(0.5)
    assert len(person.speeds) == count
    assert "reading refused: joy.axes[1] must lie in -1 .. 1, got nan" in program.text


def test_the_stop_button_calls_the_service_and_a_missing_server_is_told(hand):
    person, program = hand
    person.hold(0.3, STOP)
    person.peer.until(lambda: person.called, what="the stop")
    person.hold(0.1)
    program.wait_for("stop: stopped: stop service called")
    person.hold(0.2, DEAD_MAN)
    person.hold(0.2, DEAD_MAN, 7)
    program.wait_for("'arm' was asked for, but nobody serves it")


def test_a_button_with_two_meanings_is_an_error(start):
    program = start("-m", "pronk_gateway.teleop_node", "--ros-args", "-p", "button_stop:=0")
    assert program.wait() == 2
    assert "TeleopConfig: buttons must be different numbers" in program.text
