import math

import pytest

from controllers.errors import InvalidValue
from controllers.quadruped.command_inbox import LONGEST_LEAD_S, CommandInbox, effective_time
from controllers.quadruped.timed_commands import TimedCommands
from controllers.robot.interface import LocomotionCommand


def test_a_command_holds_from_its_time_until_the_next_one():
    commands = TimedCommands()
    commands.add(1.0, "walk")
    commands.add(2.0, "stop")
    assert commands.at(0.5) is None
    assert commands.at(1.5) == (1.0, "walk")
    assert commands.at(2.0) == (2.0, "stop")


def test_a_command_replaces_those_announced_for_later():
    commands = TimedCommands()
    commands.add(5.0, "run")
    commands.add(2.0, "stop")
    assert commands.at(6.0) == (2.0, "stop")


@pytest.mark.parametrize("depth", [1, 3])
def test_more_commands_than_fit_push_the_oldest_out(depth):
    commands = TimedCommands(depth)
    for time in range(10):
        commands.add(float(time), time)
    assert commands.at(9.0 - depth) is None
    assert commands.at(10.0) == (9.0, 9)


def test_velocity_and_posture_are_joined_whatever_their_stamps():
    inbox = CommandInbox()
    inbox.take_velocity(1.0, 0.3, 0.1, -0.2)
    inbox.take_posture(1.2, "trot", math.nan, 0.05, -0.04)
    assert inbox.asked(1.1) == LocomotionCommand(0.3, 0.1, -0.2, "rest")
    assert inbox.asked(1.2) == LocomotionCommand(0.3, 0.1, -0.2, "trot", None, 0.05, -0.04)
    assert inbox.asked(1.3) is inbox.asked(1.4)


def test_an_old_velocity_is_no_longer_followed():
    inbox = CommandInbox("stand", velocity_timeout=0.5)
    inbox.take_velocity(1.0, 0.3, 0.0, 0.0)
    assert inbox.asked(1.5).velocity_x == 0.3
    assert inbox.asked(1.51) == LocomotionCommand(gait="stand")


def test_a_height_is_handed_on():
    inbox = CommandInbox()
    inbox.take_posture(0.0, "stand", 0.25, 0.0, 0.0)
    assert inbox.asked(0.0).body_height == 0.25


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_velocities_that_are_not_finite_are_refused(value):
    with pytest.raises(InvalidValue, match="must be finite, got"):
        CommandInbox().take_velocity(0.0, 0.0, value, 0.0)


@pytest.mark.parametrize(
    "posture", [("gallop", 0.3, 0.0, 0.0), ("trot", math.inf, 0.0, 0.0), ("trot", 0.3, math.nan, 0.0)]
)
def test_postures_that_cannot_be_taken_are_refused(posture):
    inbox = CommandInbox()
    with pytest.raises(InvalidValue, match=r"gait must be one of rest, sit, crawl, .*got"):
        inbox.take_posture(0.0, *posture)
    assert inbox.asked(1.0) == LocomotionCommand(gait="rest")


def test_a_stamp_counts_unless_it_is_left_out_or_from_another_clock():
    assert effective_time(3.1, 3.0) == 3.1
    assert effective_time(2.0, 3.0) == 2.0
    assert effective_time(0.0, 3.0) == 3.0
    assert effective_time(3.0 + 2.0 * LONGEST_LEAD_S, 3.0) == 3.0
