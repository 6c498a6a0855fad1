"""Whether the robot itself is well: motors, battery, lost packets."""

import math
from collections import deque
from dataclasses import dataclass, fields
from enum import IntEnum

from controllers.errors import InvalidValue
from controllers.robot.joints import JOINT_NAMES
from controllers.robot.unitree.readings import Go2Reading

# Readings that must agree before the robot sits down because of a number in them: one may be a glitch.
PERSISTENCE = 25
WINDOW_S = 1.0
# Readings from which the step of the vendor's counter is learned.
LEARNED_FROM = 20
_TICKS = 2**32


class Health(IntEnum):
    """What the robot's state asks for."""

    GOOD = 0
    WARN = 1
    SIT = 2


@dataclass(frozen=True)
class HealthLimits:
    """Limits beyond which the robot warns or sits down. The defaults are cautious guesses, not the vendor's.

    Attributes:
        motor_warn: Temperature of a motor [°C].
        motor_sit: Temperature of a motor [°C].
        battery_warn: State of charge [%].
        battery_sit: State of charge [%].
        missed_warn: Share of readings that did not arrive, over a second.
        missed_sit: Share of readings that did not arrive, over a second.
        motor_lost_sit: Packets that one motor lost within a second.
    """

    motor_warn: float = 70.0
    motor_sit: float = 85.0
    battery_warn: float = 25.0
    battery_sit: float = 15.0
    missed_warn: float = 0.05
    missed_sit: float = 0.5
    motor_lost_sit: float = 100.0

    def __post_init__(self) -> None:
        """Refuse limits that are not finite or stand in the wrong order.

        Raises:
            InvalidValue: Names the limit, what was got and what is allowed.
        """
        for f in fields(self):
            value = getattr(self, f.name)
            if not (math.isfinite(value) and value >= 0.0):
                raise InvalidValue(f"HealthLimits.{f.name} must be finite and >= 0, got {value}")
        if self.motor_warn > self.motor_sit:
            raise InvalidValue(
                f"HealthLimits.motor_warn must be <= motor_sit = {self.motor_sit}, got {self.motor_warn}"
            )
        if self.battery_warn < self.battery_sit:
            raise InvalidValue(
                f"HealthLimits.battery_warn must be >= battery_sit = {self.battery_sit}, got {self.battery_warn}"
            )
        if self.missed_warn > self.missed_sit:
            raise InvalidValue(
                f"HealthLimits.missed_warn must be <= missed_sit = {self.missed_sit}, got {self.missed_warn}"
            )


class HealthMonitor:
    """Judges a stream of readings.

    Attributes:
        missed: Readings that did not arrive since the start.
        received: Readings that did.
    """

    def __init__(self, limits: HealthLimits | None = None) -> None:
        """Start without knowledge.

        Args:
            limits: Limits; None for the defaults.
        """
        self.limits = limits or HealthLimits()
        self.missed = 0
        self.received = 0
        self._tick: int | None = None
        self._steps: list[int] = []
        self._step = 0
        self._window: deque[tuple[float, int, int]] = deque()
        self._beyond = 0
        self._missed = 0

    @property
    def missed_share(self) -> float:
        """Share of readings of the last second that did not arrive."""
        return self._missed / (self._missed + len(self._window)) if self._window else 0.0

    def judge(self, reading: Go2Reading) -> tuple[Health, str]:
        """Take in a reading.

        Args:
            reading: The newest reading.

        Returns:
            What it asks for, and why; a warning comes at once, sitting down when it has lasted some readings.
        """
        time = reading.state.time
        missed = self._missed_before(reading.tick)
        self.missed += missed
        self.received += 1
        self._window.append((time, missed, int(reading.motor_lost.max())))
        self._missed += missed
        while self._window[0][0] < time - WINDOW_S:
            self._missed -= self._window.popleft()[1]
        found, why = self._verdict(reading)
        self._beyond = self._beyond + 1 if found is Health.SIT else 0
        if found is Health.SIT and self._beyond < PERSISTENCE:
            found = Health.WARN
        return found, why

    def _missed_before(self, tick: int) -> int:
        before, self._tick = self._tick, tick
        if before is None:
            return 0
        step = (tick - before) % _TICKS
        if self._step == 0:
            self._steps.append(step)
            if len(self._steps) < LEARNED_FROM:
                return 0
            self._step = min((s for s in self._steps if s > 0), default=1)
            return 0
        # A counter that starts anew says nothing about what was missed.
        return max(step // self._step - 1, 0) if step < 1000 * self._step else 0

    def _verdict(self, reading: Go2Reading) -> tuple[Health, str]:
        limits = self.limits
        hottest = int(reading.motor_temperature.argmax())
        heat = int(reading.motor_temperature[hottest])
        lost = self._window[-1][2] - self._window[0][2]
        share = self.missed_share
        full = self._window[-1][0] - self._window[0][0] > 0.5 * WINDOW_S
        heated = f"motor of {JOINT_NAMES[hottest]} has {heat} °C"
        charge = f"battery is at {reading.battery} %"
        if heat >= limits.motor_sit:
            return Health.SIT, f"{heated}, allowed {limits.motor_sit:g} °C"
        if reading.battery is not None and reading.battery <= limits.battery_sit:
            return Health.SIT, f"{charge}, allowed {limits.battery_sit:g} %"
        if lost > limits.motor_lost_sit:
            return Health.SIT, f"a motor lost {lost} packets in a second, allowed {limits.motor_lost_sit:g}"
        if full and share > limits.missed_sit:
            return Health.SIT, f"{100 * share:.0f} % of the readings are missing, allowed {100 * limits.missed_sit:g} %"
        if heat >= limits.motor_warn:
            return Health.WARN, heated
        if reading.battery is None:
            return Health.WARN, "battery reports nothing"
        if reading.battery <= limits.battery_warn:
            return Health.WARN, charge
        if full and share > limits.missed_warn:
            return Health.WARN, f"{100 * share:.0f} % of the readings are missing"
        return Health.GOOD, "well"
