import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from pronk_msgs.msg import BodyCommand, JointCommand
from sensor_msgs.msg import Imu, JointState

from controllers.errors import ControlError, UnknownName
from controllers.robot.joints import JOINT_NAMES
from pronk_bringup.message_faults import CONTENTS, FAULTS, FUTURE_S, LONG_DELAY_S, PAST_S, FaultyLine
from pronk_node_kit.conversions import JointCommandDecoder, RobotStateDecoder, set_stamp, time_from_stamp


def numbered(count):
    messages = [SimpleNamespace(number=i, header=Odometry().header) for i in range(count)]
    for message in messages:
        set_stamp(0.002 * message.number, message.header.stamp)
    return messages


def passed(fault, count=6):
    line = FaultyLine(fault)
    return [[m.number for m in line.pass_on(message)] for message in numbered(count)]


def joints():
    message = JointState(name=list(JOINT_NAMES), position=[0.1 * i for i in range(12)])
    message.velocity, message.effort = [0.0] * 12, [1.0] * 12
    set_stamp(5.0, message.header.stamp)
    return message


def upright():
    message = Imu()
    message.orientation.w = 1.0
    set_stamp(5.0, message.header.stamp)
    return message


def spoil(message, fault):
    (result,) = FaultyLine(fault).pass_on(message)
    return result


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("none", [[0], [1], [2], [3], [4], [5]]),
        ("drop", [[], [], [], [], [], []]),
        ("drop_half", [[0], [], [2], [], [4], []]),
        ("duplicate", [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4], [5, 5]]),
        ("permute", [[], [1, 0], [], [3, 2], [], [5, 4]]),
        # 5 ms late at 2 ms each: the first leaves with the fourth.
        ("delay_short", [[], [], [], [0], [1], [2]]),
    ],
)
def test_a_fault_of_time_changes_which_messages_leave_when(fault, expected):
    assert passed(fault) == expected


def test_a_long_delay_holds_messages_back_and_keeps_their_order():
    sent = passed("delay", 400)
    assert all(not s for s in sent[: round(LONG_DELAY_S / 0.002)])
    assert [n for s in sent for n in s] == list(range(400 - round(LONG_DELAY_S / 0.002)))


def test_what_is_held_back_is_lost_when_the_fault_changes():
    line = FaultyLine("permute")
    first, second = numbered(2)
    assert line.pass_on(first) == []
    line.set_fault("none")
    assert line.pass_on(second) == [second]


def test_the_stamp_of_the_last_intact_message_is_kept_while_a_fault_acts():
    line = FaultyLine()
    for message in numbered(4):
        line.pass_on(message)
    line.set_fault("nan")
    line.pass_on(joints())
    assert line.last_intact == pytest.approx(0.006)


@pytest.mark.parametrize("fault", ["nan", "inf", "wrong_length", "wrong_name"])
def test_spoilt_readings_and_commands_are_refused_by_those_who_read_them(fault):
    with pytest.raises(ControlError):
        RobotStateDecoder().decode(spoil(joints(), fault), upright())
    command = JointCommand(name=list(JOINT_NAMES))
    for name in ("position", "velocity", "effort", "stiffness", "damping"):
        setattr(command, name, [1.0] * 12)
    with pytest.raises(ControlError):
        JointCommandDecoder().decode(spoil(command, fault))


def test_names_and_values_in_another_order_mean_the_same():
    state = RobotStateDecoder().decode(spoil(joints(), "reordered"), upright())
    assert np.allclose(state.joint_position, [0.1 * i for i in range(12)])


def test_values_in_another_order_under_the_same_names_do_not():
    message = spoil(joints(), "wrong_order")
    assert list(message.name) == list(JOINT_NAMES) and message.position[0] == pytest.approx(1.1)


def test_a_tilted_reading_is_a_valid_one_of_a_robot_on_its_side():
    state = RobotStateDecoder().decode(joints(), spoil(upright(), "tilted"))
    w, x, y, z = state.orientation
    assert math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)) == pytest.approx(1.5)


def test_a_stretched_quaternion_is_refused():
    with pytest.raises(ControlError, match="norm 1"):
        RobotStateDecoder().decode(joints(), spoil(upright(), "not_unit"))


@pytest.mark.parametrize(("fault", "shift"), [("old_stamp", -PAST_S), ("future_stamp", FUTURE_S)])
def test_stamps_are_shifted(fault, shift):
    assert time_from_stamp(spoil(joints(), fault).header.stamp) == pytest.approx(5.0 + shift)


@pytest.mark.parametrize("make", [TwistStamped, Odometry, Imu, BodyCommand, joints])
def test_every_kind_of_message_can_carry_a_number_that_is_none(make):
    assert "nan" in repr(spoil(make(), "nan"))


@given(st.lists(st.sampled_from([*FAULTS][: len(FAULTS) - len(CONTENTS)]), max_size=5), st.integers(0, 40))
def test_no_fault_of_time_invents_messages(faults, count):
    line, sent = FaultyLine(), []
    for i, message in enumerate(numbered(count)):
        if i < len(faults):
            line.set_fault(faults[i])
        sent += [m.number for m in line.pass_on(message)]
    assert all(sent.count(n) <= 2 and n < count for n in sent)


def test_an_unknown_fault_is_refused():
    with pytest.raises(UnknownName, match="unknown fault 'smoke'; available: delay, "):
        FaultyLine("smoke")
