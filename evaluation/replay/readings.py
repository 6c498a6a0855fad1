"""Joins recorded joint states, IMU readings and foot sensors into the readings that the robot's nodes had."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from controllers.errors import InvalidValue
from controllers.robot.interface import RobotState
from controllers.robot.joints import index_of
from evaluation.replay.decoding import Array, Names, seconds, stamp_of
from evaluation.replay.message_layout import Values
from evaluation.replay.remapping import AUTO, EXACT, FOOT_SENSORS, IMU, JOINT_STATES, LATEST

# Joint states without a partner of the same stamp after which topics are taken for not sharing stamps.
UNPAIRED = 50
# Incomplete readings that are held, as in the nodes.
DEPTH = 20
# Oldest reading of another topic that still describes the same moment [ns].
LATEST_AGE = 50_000_000


class ReadingJoiner:
    """Turns messages of the sensors into readings in rising order of time.

    Attributes:
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
        self._joints = Names(joints, ("position", "velocity", "effort"))
        self._feet = None if feet is None else tuple(feet)
        self._parts = (JOINT_STATES, IMU) if feet is None else (JOINT_STATES, IMU, FOOT_SENSORS)
        self._pending: dict[int, dict[str, Values]] = {}
        self._newest: dict[str, tuple[int, Values]] = {}
        self._last = -1
        self._paired = 0

    def add(self, role: str, fields: Values) -> Iterator[RobotState]:
        """Take a message in.

        Args:
            role: "joint_states", "imu/data" or "foot_sensors".
            fields: Its fields.

        Yields:
            The reading that it completes, if it does.

        Raises:
            InvalidValue: Something in the reading makes no sense, or it is not later than the one before.
        """
        stamp = stamp_of(fields.plain[0], fields.plain[1])
        if self.pairing == LATEST:
            yield from self._add_latest(role, stamp, fields)
            return
        parts = self._pending.setdefault(stamp, {})
        parts[role] = fields
        if len(parts) == len(self._parts):
            self._paired += 1
            del self._pending[stamp]
            for old in [time for time in self._pending if time < stamp]:
                self.incomplete += JOINT_STATES in self._pending.pop(old)
            yield self._state(stamp, *(parts[name] for name in self._parts))
        elif len(self._pending) > DEPTH:
            self.incomplete += JOINT_STATES in self._pending.pop(min(self._pending))
            if self.pairing == AUTO and self._paired == 0 and self.incomplete >= UNPAIRED:
                self.pairing = LATEST
                self._pending.clear()
        if self.pairing == AUTO and self._paired >= UNPAIRED:
            self.pairing = EXACT

    def _add_latest(self, role: str, stamp: int, fields: Values) -> Iterator[RobotState]:
        self._newest[role] = (stamp, fields)
        if role != JOINT_STATES:
            return
        others = [self._newest.get(name) for name in self._parts[1:]]
        if any(other is None or abs(stamp - other[0]) > LATEST_AGE for other in others):
            self.incomplete += 1
            return
        yield self._state(stamp, fields, *(other[1] for other in others if other is not None))

    def _state(self, stamp: int, joints: Values, imu: Values, feet: Values | None = None) -> RobotState:
        if stamp <= self._last:
            raise InvalidValue(
                f"stamps of readings must increase, got {seconds(stamp):.6f} s after {seconds(self._last):.6f} s"
            )
        force: Array | None = None
        if feet is not None and self._feet is not None:
            force = feet.numbers[-len(feet.plain[2]) :][index_of(feet.plain[2], self._feet)]
        v, i = self._joints.pick(joints.plain[2], joints), imu.numbers
        state = RobotState(
            time=seconds(stamp),
            joint_position=v[0:12],
            joint_velocity=v[12:24],
            joint_effort=v[24:36],
            orientation=i[0:4],
            angular_velocity_body=i[4:7],
            linear_acceleration_body=i[7:10],
            foot_force=force,
        )
        if not math.isfinite(np.add.reduce(i)) or abs(float(i[0:4] @ i[0:4]) - 1.0) > 1.9e-2 or force is not None:
            state.validate()
        self._last = stamp
        return state
