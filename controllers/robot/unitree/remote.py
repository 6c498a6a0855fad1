"""The vendor's remote control, as it stands in LowState."""

from dataclasses import dataclass

import numpy as np

from controllers.errors import InvalidValue
from controllers.robot.unitree.layout import Bytes

SIZE = 40
# Bits of the two bytes behind the head, lowest first (unitree_sdk2_python, wireless_controller.py).
BUTTONS: tuple[str, ...] = (
    *("R1", "L1", "start", "select", "R2", "L2", "F1", "F3"),
    *("A", "B", "X", "Y", "up", "right", "down", "left"),
)
# The vendor's own combination for its damping mode.
STOP_COMBINATION = frozenset(("L2", "B"))
# Where each stick stands, in floats from the fourth byte; the third float is not used.
_STICKS = {"left_x": 0, "right_x": 1, "right_y": 2, "left_y": 4}


@dataclass(frozen=True)
class Remote:
    """State of the remote control.

    Attributes:
        pressed: Names of the buttons that are pressed.
        left_x: Left stick, right is positive, -1 .. 1.
        left_y: Left stick, forward is positive.
        right_x: Right stick, right is positive.
        right_y: Right stick, forward is positive.
    """

    pressed: frozenset[str] = frozenset()
    left_x: float = 0.0
    left_y: float = 0.0
    right_x: float = 0.0
    right_y: float = 0.0

    @property
    def stop(self) -> bool:
        """Whether the buttons of the stop are pressed, whatever else is."""
        return self.pressed >= STOP_COMBINATION


def read_remote(data: Bytes) -> Remote:
    """Decode the remote control's bytes.

    Sticks are no reason to miss a stop: what is not finite reads as a stick at rest.

    Args:
        data: `wireless_remote` of LowState, shape (40,).

    Returns:
        Buttons and sticks; without a remote control all zero.

    Raises:
        InvalidValue: Another length.
    """
    if data.shape != (SIZE,):
        raise InvalidValue(f"wireless_remote must be {SIZE} bytes, got shape {data.shape}")
    if not data.any():
        return _NOTHING
    keys = int(data[2]) | int(data[3]) << 8
    pressed = frozenset(name for bit, name in enumerate(BUTTONS) if keys >> bit & 1)
    floats = np.frombuffer(data.tobytes(), dtype="<f4", count=5, offset=4)
    sticks = {name: _within(float(floats[place])) for name, place in _STICKS.items()}
    return Remote(pressed, **sticks)


def _within(value: float) -> float:
    return value if -1.0 <= value <= 1.0 else 0.0


_NOTHING = Remote()
