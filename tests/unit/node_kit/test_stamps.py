import math

import pytest

pytest.importorskip("rclpy")

from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from pronk_node_kit.stamps import nanoseconds_from_time, stamp_from_time, time_from_stamp


@given(st.integers(0, 10**15))
def test_simulated_time_is_exact_to_the_nanosecond(nanoseconds):
    time = nanoseconds * 1e-9
    assert nanoseconds_from_time(time) == nanoseconds
    assert time_from_stamp(stamp_from_time(time)) == time


@given(st.integers(10**15, (2**31 - 2) * 10**9))
def test_times_of_the_wall_clock_come_back_to_the_bit(nanoseconds):
    time = nanoseconds * 1e-9
    assert time_from_stamp(stamp_from_time(time)) == time


def test_stamps_are_split_into_seconds_and_nanoseconds():
    stamp = stamp_from_time(12.000000007)
    assert (stamp.sec, stamp.nanosec) == (12, 7)


@pytest.mark.parametrize("time", [math.nan, math.inf, -1.0, 2.0**31])
def test_a_time_that_no_stamp_can_carry_is_refused(time):
    with pytest.raises(InvalidValue, match=r"a time must lie in 0 .. 2147483647 s"):
        stamp_from_time(time)
