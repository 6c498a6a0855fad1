from types import SimpleNamespace

import numpy as np
import pytest

from pronk_locomotion.mpc_node import LONGEST_LEAD_S, MpcNode
from pronk_locomotion.timed_commands import TimedCommands


class Log:
    def __init__(self):
        self.lines = []

    def warning(self, text, **options):
        self.lines.append(text)


def node(time):
    log = Log()
    return SimpleNamespace(_last_time=time, get_logger=lambda: log), log


def test_a_command_without_a_stamp_holds_from_now():
    fake, log = node(12.5)
    assert MpcNode._effective(fake, "cmd_vel", 0.0) == 12.5
    assert log.lines == []


def test_before_the_first_reading_now_is_zero():
    fake, _ = node(-np.inf)
    assert MpcNode._effective(fake, "cmd_vel", 0.0) == 0.0


def test_a_command_announced_a_little_ahead_keeps_its_stamp():
    fake, log = node(3.0)
    assert MpcNode._effective(fake, "cmd_vel", 3.0 + 0.5 * LONGEST_LEAD_S) == 3.0 + 0.5 * LONGEST_LEAD_S
    assert log.lines == []


def test_a_stamp_of_the_wall_clock_is_taken_as_now_and_explained():
    fake, log = node(3.0)
    assert MpcNode._effective(fake, "body_command", 1.7e9) == 3.0
    assert "body_command" in log.lines[0] and "use_sim_time" in log.lines[0]


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
