"""Time stamps of messages and times of the cores.

A time of the cores is a float: an integer number of nanoseconds times 1e-9. Both directions keep it to the bit.
"""

import math

from builtin_interfaces.msg import Time

from controllers.errors import InvalidValue

NANOSECONDS_PER_SECOND = 1_000_000_000


def nanoseconds_from_time(time: float) -> int:
    """Find the integer number of nanoseconds that a time stands for.

    Args:
        time: Time [s].

    Returns:
        Nanoseconds n with `n * 1e-9 == time` where such an n exists, else the nearest.

    Raises:
        InvalidValue: The time is negative, NaN or Inf.
    """
    if not 0.0 <= time < 2.0**31:
        raise InvalidValue(f"a time must lie in 0 .. {2**31 - 1} s to be stamped, got {time}")
    scaled = time * 1e9
    nearest = round(scaled)
    if nearest * 1e-9 == time:
        return nearest
    # Times of the wall clock exceed 2**53 ns; the product may then land on a neighbour of the number sought.
    for direction in (math.inf, -math.inf):
        neighbour = round(math.nextafter(scaled, direction))
        if neighbour * 1e-9 == time:
            return neighbour
    return nearest


def stamp_from_time(time: float) -> Time:
    """Make the stamp of a time.

    Args:
        time: Time [s], not negative.

    Returns:
        The stamp.
    """
    seconds, nanoseconds = divmod(nanoseconds_from_time(time), NANOSECONDS_PER_SECOND)
    return Time(sec=seconds, nanosec=nanoseconds)


def time_from_stamp(stamp: Time) -> float:
    """Read a stamp as a time of the cores.

    Args:
        stamp: Stamp of a message.

    Returns:
        Time [s].
    """
    return (stamp.sec * NANOSECONDS_PER_SECOND + stamp.nanosec) * 1e-9


def set_stamp(time: float, *stamps: Time) -> None:
    """Write a time into existing stamps, which is cheaper than to make new ones.

    Args:
        time: Time [s], not negative.
        stamps: Stamps to change.

    Raises:
        InvalidValue: The time is negative, NaN or Inf.
    """
    seconds, nanoseconds = divmod(nanoseconds_from_time(time), NANOSECONDS_PER_SECOND)
    for stamp in stamps:
        stamp.sec = seconds
        stamp.nanosec = nanoseconds
