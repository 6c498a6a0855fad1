import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.robot.unitree.cdr import CdrCodec
from controllers.robot.unitree.checksum import checksum, sign
from controllers.robot.unitree.layout import LOW_COMMAND, LOW_STATE, stop_command


def bit_by_bit(data):
    """The vendor's published loop: one bit of each little-endian word at a time, highest first."""
    crc = 0xFFFFFFFF
    for (word,) in struct.iter_unpack("<I", data):
        for bit in range(31, -1, -1):
            top, crc = crc >> 31, (crc << 1) & 0xFFFFFFFF
            if top:
                crc ^= 0x04C11DB7
            if word >> bit & 1:
                crc ^= 0x04C11DB7
    return crc


def random_record(layout, seed):
    """Any numbers, with padding of zero."""
    codec = CdrCodec("message", layout)
    return codec.decode(b"\x00\x01\x00\x00" + np.random.default_rng(seed).bytes(codec.size - 4))


def test_the_reference_is_itself_the_published_checksum():
    # CRC-32/MPEG-2 of "123456789" is 0x0376E6E7 in every catalogue; words of four bytes need a text of eight or twelve,
    # and for one byte after two words the loop is continued by hand.
    crc = bit_by_bit(b"43218765")
    for bit in range(7, -1, -1):
        top, crc = crc >> 31, (crc << 1) & 0xFFFFFFFF
        crc ^= (0x04C11DB7 if top else 0) ^ (0x04C11DB7 if ord("9") >> bit & 1 else 0)
    assert crc == 0x0376E6E7


def test_the_checksum_of_the_stop_command_is_the_golden_one():
    # From the vendor's loop over its structure: mode 1, PosStopF, VelStopF and gains of zero for all twenty motors.
    assert checksum(stop_command()) == 0x06E577CD


@pytest.mark.parametrize("layout", [LOW_COMMAND, LOW_STATE])
@pytest.mark.parametrize("seed", range(3))
def test_the_table_agrees_with_the_bits(layout, seed):
    record = random_record(layout, seed)
    assert checksum(record) == bit_by_bit(record.tobytes()[:-4])


def test_the_checksum_does_not_cover_itself():
    record = random_record(LOW_COMMAND, 4)
    before = checksum(record)
    sign(record)
    assert int(record["crc"][0]) == before == checksum(record)


@given(place=st.integers(4, 4 + 806), bit=st.integers(0, 7))
def test_every_bit_that_is_flipped_on_the_way_is_noticed(place, bit):
    codec = CdrCodec("message", LOW_COMMAND)
    record = random_record(LOW_COMMAND, 5)
    sign(record)
    data = bytearray(codec.encode(record))
    data[place] ^= 1 << bit
    changed = codec.decode(bytes(data))
    dropped = changed.tobytes() == record.tobytes()
    assert dropped or checksum(changed) != int(changed["crc"][0])


def test_what_lies_between_the_fields_does_not_count():
    record = stop_command()
    record.view(np.uint8)[[22, 23, 25, 26, 27]] = 0xAA
    assert checksum(record) == 0x06E577CD
