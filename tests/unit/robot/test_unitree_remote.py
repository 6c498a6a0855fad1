import struct

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.robot.unitree.remote import Remote, read_remote

# Bits of data1 (first byte) and data2 as in the vendor's example.
BITS = {
    **{"R1": (0, 0), "L1": (0, 1), "start": (0, 2), "select": (0, 3), "R2": (0, 4), "L2": (0, 5), "F1": (0, 6)},
    **{"F3": (0, 7), "A": (1, 0), "B": (1, 1), "X": (1, 2), "Y": (1, 3), "up": (1, 4), "right": (1, 5)},
    **{"down": (1, 6), "left": (1, 7)},
}


def remote_bytes(*pressed, sticks=(0.0, 0.0, 0.0, 0.0, 0.0)):
    keys = [0, 0]
    for name in pressed:
        byte, bit = BITS[name]
        keys[byte] |= 1 << bit
    data = bytes([0x55, 0x51, *keys]) + struct.pack("<5f", *sticks) + bytes(16)
    return np.frombuffer(data, dtype=np.uint8)


@pytest.mark.parametrize("name", sorted(BITS))
def test_each_button_is_found(name):
    assert read_remote(remote_bytes(name)).pressed == {name}


def test_sticks_are_found():
    remote = read_remote(remote_bytes(sticks=(0.1, -0.2, 0.3, 9.0, -0.4)))
    got = (remote.left_x, remote.right_x, remote.right_y, remote.left_y)
    assert got == pytest.approx((0.1, -0.2, 0.3, -0.4))


@pytest.mark.parametrize(
    ("pressed", "stop"),
    [((), False), (("L2",), False), (("B",), False), (("L2", "B"), True), (("L2", "B", "R1", "up"), True)],
)
def test_stop_is_both_buttons_whatever_else_is_pressed(pressed, stop):
    assert read_remote(remote_bytes(*pressed)).stop is stop


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_broken_stick_neither_hides_a_stop_nor_moves_anything(value):
    remote = read_remote(remote_bytes("L2", "B", sticks=(value,) * 5))
    assert remote.stop
    assert (remote.left_x, remote.left_y, remote.right_x, remote.right_y) == (0.0, 0.0, 0.0, 0.0)


def test_no_remote_control_is_one_at_rest():
    assert read_remote(np.zeros(40, dtype=np.uint8)) == Remote()


def test_another_length_is_refused():
    with pytest.raises(InvalidValue, match=r"wireless_remote must be 40 bytes, got shape \(39,\)"):
        read_remote(np.zeros(39, dtype=np.uint8))
