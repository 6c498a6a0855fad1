import math

import pytest

from pronk_bringup.watch_board import Board, Meter


def test_a_rate_is_the_number_of_messages_in_the_window_by_its_length():
    meter = Meter()
    rates = []
    for i in range(1, 401):
        meter.take(0.02 * i)
        if i % 25 == 0:
            rates.append(meter.rate(0.02 * i))
    # 50 Hz throughout; the first question has nothing to compare with.
    assert rates[0] == 0.0
    assert rates[1:] == pytest.approx([50.0] * 15)


def test_a_rate_forgets_what_lies_before_the_window():
    meter = Meter()
    for i in range(100):
        meter.take(0.01 * i)
    for tenth in range(10, 60):
        rate = meter.rate(0.1 * tenth)
    assert rate == 0.0


def test_an_age_is_infinite_before_the_first_message_and_then_grows():
    meter = Meter()
    assert math.isinf(meter.age(5.0))
    meter.take(5.0)
    assert meter.age(5.25) == 0.25


def test_a_topic_is_late_by_its_own_rhythm():
    fast, slow = Meter(), Meter()
    for tenth in range(41):
        now = 0.1 * tenth
        fast.take(now)
        if tenth % 20 == 0:
            slow.take(now)
        fast.rate(now)
        slow.rate(now)
    assert not fast.late(4.4) and fast.late(4.6)
    # One message in two seconds may keep one waiting for ten.
    assert not slow.late(8.0)


def test_a_topic_that_never_came_is_not_late():
    assert not Meter().late(100.0)


def test_a_node_that_stops_reporting_is_silent():
    board = Board()
    board.report("/mpc_node", 0, "running", 1.0)
    board.report("/gatekeeper_node", 2, "stopped", 3.0)
    assert board.health(3.5) == [("/gatekeeper_node", "error", "stopped"), ("/mpc_node", "ok", "running")]
    assert board.health(5.0)[1] == ("/mpc_node", "silent", "no report for 4 s; the last was ok")


def test_levels_that_do_not_exist_are_shown_as_they_are():
    board = Board()
    board.report("/x", 9, "?", 0.0)
    assert board.health(0.0) == [("/x", "level 9", "?")]


def test_topics_come_by_name_and_the_same_name_has_one_meter():
    board = Board()
    assert board.add("/b") is board.add("/b")
    board.add("/a")
    assert [row[0] for row in board.traffic(0.0)] == ["/a", "/b"]
