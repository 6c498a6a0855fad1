import time

import pytest

pytest.importorskip("rclpy")

from pronk_node_kit.diagnostics import ERROR, OK, WARN, Diagnostics


@pytest.fixture
def diagnostics(make_node):
    return Diagnostics(make_node())


def values(status):
    return {item.key: item.value for item in status.values}


def test_a_quiet_node_is_well(diagnostics):
    status = diagnostics.status()
    assert (status.level, status.message) == (OK, "running")


def test_counters_and_values_are_shown(diagnostics):
    counter = diagnostics.counter("refused")
    counter.add()
    counter.add(2)
    diagnostics.value("solver", lambda: "daqp")
    assert values(diagnostics.status()) == {"refused": "3", "solver": "daqp"}


def test_deadline_misses_are_counted_and_warned_of(diagnostics):
    deadline = diagnostics.deadline("solve", limit=0.010)
    for milliseconds in (2, 2, 2, 15):
        deadline.observe(milliseconds * 1e-3)
    status = diagnostics.status()
    assert status.level == WARN
    assert "solve beyond 10 ms in 25.0 % of cycles" in status.message
    shown = values(status)
    assert (shown["solve missed"], shown["solve total"], shown["solve p50 [ms]"]) == ("1", "4", "2.000")
    assert shown["solve p99 [ms]"] == "15.000"


def test_percentiles_cover_the_last_report_only(diagnostics):
    deadline = diagnostics.deadline("solve", limit=0.010)
    deadline.observe(0.015)
    diagnostics.status()
    deadline.observe(0.001)
    status = diagnostics.status()
    assert (status.level, values(status)["solve p99 [ms]"]) == (OK, "1.000")


def test_an_input_that_never_came_is_stale_at_its_level(diagnostics):
    diagnostics.input("joint_states", timeout=0.05, level=ERROR)
    status = diagnostics.status()
    assert (status.level, status.message) == (ERROR, "running; joint_states is stale")


def test_a_fresh_input_is_not_stale(diagnostics):
    watched = diagnostics.input("joint_states", timeout=10.0)
    watched.mark()
    assert diagnostics.status().level == OK
    assert 0.0 <= watched.age() < 10.0


def test_a_slow_rate_is_warned_of(diagnostics):
    rate = diagnostics.rate("loop", least=1e6)
    rate.tick()
    time.sleep(0.01)
    status = diagnostics.status()
    assert status.level == WARN
    assert "expected 1e+06" in status.message


def test_what_the_node_says_of_itself_is_not_lowered(diagnostics):
    diagnostics.input("joint_states", timeout=0.05, level=WARN)
    diagnostics.set_level(ERROR, "damping")
    status = diagnostics.status()
    assert (status.level, status.message) == (ERROR, "damping; joint_states is stale")
