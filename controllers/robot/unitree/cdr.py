"""LowCmd and LowState as they travel over DDS.

The serialised form (OMG CDR, little-endian) aligns each number to its own size but, unlike a C compiler, neither
pads structures nor aligns their beginning. Both forms hold the same bytes at other places, so a table of places turns
one into the other at once. No number is longer than four bytes, for which the encodings of version 1 and 2 agree.
"""

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.unitree.layout import Bytes, Record, numbers

HEADER_SIZE = 4
# CDR and PLAIN_CDR2, both little-endian.
ENCODINGS = (b"\x00\x01", b"\x00\x07")


class CdrCodec:
    """Turns messages of one layout into serialised bytes and back."""

    def __init__(self, name: str, layout: np.dtype[np.void]) -> None:
        """Find out where every byte goes.

        Args:
            name: What the message is called in errors.
            layout: `LOW_COMMAND` or `LOW_STATE`.
        """
        self._name = name
        self._layout = layout
        here: list[int] = []
        there: list[int] = []
        end = 0
        for offset, size in numbers(layout):
            end += -end % size
            here += range(offset, offset + size)
            there += range(HEADER_SIZE + end, HEADER_SIZE + end + size)
            end += size
        self.size = HEADER_SIZE + end
        self._here: npt.NDArray[np.intp] = np.array(here, dtype=np.intp)
        self._there: npt.NDArray[np.intp] = np.array(there, dtype=np.intp)
        self._out = np.zeros(self.size, dtype=np.uint8)
        self._out[:2] = np.frombuffer(ENCODINGS[0], dtype=np.uint8)

    def encode(self, record: Record) -> bytes:
        """Serialise a message.

        Args:
            record: Message, shape (1,).

        Returns:
            Its bytes with the header of the encoding.
        """
        self._out[self._there] = record.view(np.uint8)[self._here]
        return self._out.tobytes()

    def decode(self, data: bytes) -> Record:
        """Read serialised bytes.

        Args:
            data: What came over DDS, with the header of the encoding.

        Returns:
            A new message, shape (1,); padding is zero.

        Raises:
            InvalidValue: Another encoding or another length.
        """
        if len(data) != self.size:
            raise InvalidValue(f"{self._name} must be {self.size} bytes long, got {len(data)}")
        if data[:2] not in ENCODINGS:
            known = ", ".join(encoding.hex() for encoding in ENCODINGS)
            raise InvalidValue(f"{self._name} must be little-endian CDR ({known}), got header {data[:2].hex()}")
        record = np.zeros(1, dtype=self._layout)
        target: Bytes = record.view(np.uint8)
        target[self._here] = np.frombuffer(data, dtype=np.uint8)[self._there]
        return record
