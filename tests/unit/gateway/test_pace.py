"""The pace of a simulated world, on a clock that the test moves."""

import pytest

from pronk_gateway.pace import LONGEST_STALL, Pace

PERIOD = 0.002


def started(factor=1.0, limit=0.02, patience=0.1):
    pace = Pace(PERIOD, factor, limit, patience)
    pace.begin(100.0)
    return pace


def run_until(pace, now):
    for _ in range(pace.due(now)):
        pace.step(now)
    return pace.ticks


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_world_passes_as_many_periods_as_its_speed_asks_for(factor):
    assert run_until(started(factor), 100.0 + 10.5 * PERIOD / factor) == 10


def test_a_short_delay_is_made_up_for_and_a_long_one_is_not():
    pace = started()
    assert pace.due(100.0 + (LONGEST_STALL + 0.5) * PERIOD) == LONGEST_STALL
    assert pace.due(101.0) == 1


def test_a_world_without_a_limit_never_waits():
    assert not started(limit=0.0).waits(100.05, 1000.0)


def test_it_waits_for_a_late_command_until_its_patience_ends():
    pace = started()
    pace.step(100.0)
    assert not pace.waits(100.0, 0.02)
    assert pace.waits(100.05, 0.021) and pace.waits(100.099, 0.021)
    assert not pace.waits(100.101, 0.021)
    # Nobody has spoken since: it does not begin to wait again.
    pace.step(100.102)
    assert not pace.waits(100.103, 0.021)
    pace.hear()
    assert pace.waits(100.104, 0.021)


def test_what_passed_while_it_waited_is_not_made_up_for():
    pace = started(factor=0.5)
    pace.step(100.0)
    assert pace.waits(100.08, 0.5)
    assert pace.due(100.08 + 3.5 * PERIOD / 0.5) == 3


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_pause_is_neither_made_up_for_nor_counted_as_slowness(factor):
    pace = started(factor)
    run_until(pace, 100.0 + 20.5 * PERIOD / factor)
    before = pace.real_time_factor(100.0 + 20.0 * PERIOD / factor)
    pace.pause(107.0)
    assert pace.due(107.0 + 4.5 * PERIOD / factor) == 4
    assert pace.real_time_factor(107.0) == pytest.approx(before) == pytest.approx(factor)


def test_the_real_time_factor_tells_of_waiting():
    pace = started()
    assert pace.real_time_factor(100.0) == 0.0
    run_until(pace, 100.0 + 10.5 * PERIOD)
    pace.waits(100.04, 1.0)
    assert pace.real_time_factor(100.04) == pytest.approx(0.5)
