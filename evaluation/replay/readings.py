"""Joins recorded joint states, IMU readings and foot sensors into the readings that the robot's nodes had."""

import math
from collections.abc import Sequence

import numpy as np

from controllers.errors import InvalidValue
from controllers.robot.interface import RobotState
from controllers.robot.joints import index_of
from evaluation.replay.decoding import NAMES, Array, Names, seconds, stamp_of
from evaluation.replay.message_layout import Block, Layout, Values
from evaluation.replay.remapping import AUTO, EXACT, FOOT_SENSORS, IMU, JOINT_STATES, LATEST

# Joint states without a partner of the same stamp after which topics are taken for not sharing stamps.
UNPAIRED = 50
# Incomplete readings that are held, as in the nodes.
DEPTH = 20
# Oldest reading of another topic that still describes the same moment [ns].
LATEST_AGE = 50_000_000


# Stands for the layouts of blocks of the IMU's readings that are finite and whose quaternions have length 1.
_SOUND = Layout(big=False)


def examined(block: Block) -> list[Values]:
    """Look for what makes no sense in readings of the IMU, so that it need not be looked for in each.

    Args:
        block: Several readings.

    Returns:
        The same, with a mark that `ReadingJoiner` knows if all of them are sound.
    """
    numbers = block.numbers
    if numbers.shape[1] == 10 and np.isfinite(numbers).all():
        # Within bounds that are narrower than those of a single reading, so that rounding decides nothing.
        errors = np.abs(np.square(numbers[:, :4]).sum(axis=1) - 1.0)
        if errors.max() < 1.8e-2:
            block = Block(block.plain, numbers, _SOUND)
    return list(block)


class ReadingJoiner:
    """Turns messages of the sensors into readings in rising order of time.

    Attributes:
        joints: Order of the joints.
        pairing: "exact", "latest", or "auto" while that is open.
        incomplete: Joint states that found no partner.
    """

    def __init__(self, joints: Sequence[str], feet: Sequence[str] | None, pairing: str = AUTO) -> None:
        """Set names and rule.

        Args:
            joints: The bag's names of the joints in canonical order.
            feet: Those of the feet; None for a bag without foot sensors.
            pairing: Which messages belong together, see `remapping.Remapping`.
        """
        self.pairing = pairing
        self.incomplete = 0
        self.joints = Names(joints, ("position", "velocity", "effort"))
        self._feet = None if feet is None else tuple(feet)
        self._feet_layout: Layout | None = None
        self._feet_index = np.empty(0, dtype=np.intp)
        self._parts = (JOINT_STATES, IMU) if feet is None else (JOINT_STATES, IMU, FOOT_SENSORS)
        self._pending: dict[int, dict[str, Values]] = {}
        self._newest: dict[str, tuple[int, Values]] = {}
        self._last = -1
        self._paired = 0

    def add(self, role: str, fields: Values) -> RobotState | None:
        """Take a message in.

        Args:
            role: "joint_states", "imu/data" or "foot_sensors".
            fields: Its fields.

        Returns:
            The reading that it completes; None where it completes none.

        Raises:
            InvalidValue: Something in the reading makes no sense, or it is not later than the one before.
        """
        stamp = stamp_of(fields.plain[0], fields.plain[1])
        if self.pairing == LATEST:
            return self._add_latest(role, stamp, fields)
        state: RobotState | None = None
        pending = self._pending
        parts = pending.setdefault(stamp, {})
        parts[role] = fields
        if len(parts) == len(self._parts):
            self._paired += 1
            del pending[stamp]
            for old in [time for time in pending if time < stamp] if pending else ():
                self.incomplete += JOINT_STATES in pending.pop(old)
            state = self._state(stamp, *[parts[name] for name in self._parts])
        elif len(pending) > DEPTH:
            self.incomplete += JOINT_STATES in pending.pop(min(pending))
            if self.pairing == AUTO and self._paired == 0 and self.incomplete >= UNPAIRED:
                self.pairing = LATEST
                pending.clear()
        if self.pairing == AUTO and self._paired >= UNPAIRED:
            self.pairing = EXACT
        return state

    def _add_latest(self, role: str, stamp: int, fields: Values) -> RobotState | None:
        self._newest[role] = (stamp, fields)
        if role != JOINT_STATES:
            return None
        others = [self._newest.get(name) for name in self._parts[1:]]
        if any(other is None or abs(stamp - other[0]) > LATEST_AGE for other in others):
            self.incomplete += 1
            return None
        return self._state(stamp, fields, *(other[1] for other in others if other is not None))

    def _state(self, stamp: int, joints: Values, imu: Values, feet: Values | None = None) -> RobotState:
        if stamp <= self._last:
            raise InvalidValue(
                f"stamps of readings must increase, got {seconds(stamp):.6f} s after {seconds(self._last):.6f} s"
            )
        force = None if feet is None else self._force(feet)
        v, i = self.joints.pick(joints.plain[NAMES], joints), imu.numbers
        state = RobotState(seconds(stamp), v[0:12], v[12:24], v[24:36], i[0:4], i[4:7], i[7:10], foot_force=force)
        sound = imu.layout is _SOUND or _is_sound(i)
        if not (sound and (force is None or math.isfinite(np.add.reduce(force)))):
            state.validate()
        self._last = stamp
        return state

    def _force(self, feet: Values) -> Array | None:
        if self._feet is None:
            return None
        names = feet.plain[NAMES]
        if feet.layout is not self._feet_layout:
            self._feet_index = index_of(names, self._feet)
            self._feet_layout = feet.layout
        return np.asarray(feet.numbers[-len(names) :][self._feet_index])


def _is_sound(imu: Array) -> bool:
    """Tell whether a reading of the IMU is finite and its quaternion's length near 1, in little time."""
    return math.isfinite(np.add.reduce(imu)) and abs(float(imu[0:4] @ imu[0:4]) - 1.0) <= 1.9e-2
