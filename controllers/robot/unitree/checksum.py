"""The checksum of LowCmd and LowState.

The vendor's `crc32_core` feeds each 32-bit word, as the little-endian machine reads it, with its highest bit first
into the polynomial 0x04C11DB7, start value 0xFFFFFFFF, nothing reflected, no final inversion: CRC-32/MPEG-2 over the
words in big-endian order. A table takes eight bits at a time. Padding, which numpy does not keep when it copies a
record and which does not travel, counts as zero, as in the vendor's structure.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.unitree.layout import LOW_COMMAND, LOW_STATE, Bytes, Record, numbers

POLYNOMIAL = 0x04C11DB7
START = 0xFFFFFFFF
CRC_SIZE = 4


def _table() -> npt.NDArray[np.uint32]:
    table = np.empty(256, dtype=np.uint32)
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (POLYNOMIAL if value & 0x80000000 else 0)
        table[byte] = value & 0xFFFFFFFF
    return table


def _mask(layout: np.dtype[np.void]) -> Bytes:
    mask = np.zeros(layout.itemsize - CRC_SIZE, dtype=np.uint8)
    for offset, size in numbers(layout):
        mask[offset : offset + size] = 0xFF
    return mask


_TABLE = _table()
# By the size of the message, which tells the two apart.
_MASKS = {layout.itemsize: _mask(layout) for layout in (LOW_COMMAND, LOW_STATE)}


@njit(cache=True)
def _checksum(data: Bytes, mask: Bytes, table: npt.NDArray[np.uint32]) -> int:
    crc = np.uint32(START)
    for word in range(0, mask.shape[0] - 3, 4):
        for byte in (3, 2, 1, 0):
            index = (crc >> np.uint32(24)) ^ np.uint32(data[word + byte] & mask[word + byte])
            crc = np.uint32(crc << np.uint32(8)) ^ table[index & np.uint32(0xFF)]
    return int(crc)


def checksum(record: Record) -> int:
    """Compute the checksum of a message over all but its last word.

    Args:
        record: LowCmd or LowState, shape (1,).

    Returns:
        What its `crc` must hold.
    """
    return int(_checksum(record.view(np.uint8), _MASKS[record.itemsize], _TABLE))


def sign(record: Record) -> None:
    """Write the checksum into a message.

    Args:
        record: LowCmd or LowState, shape (1,).
    """
    record["crc"] = checksum(record)
