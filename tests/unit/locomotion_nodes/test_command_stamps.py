from types import SimpleNamespace

import numpy as np

from controllers.quadruped.command_inbox import LONGEST_LEAD_S
from pronk_locomotion.mpc_node import MpcNode


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
