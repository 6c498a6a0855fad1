"""Driving by gamepad: dead-man button, smooth velocities, and what the buttons ask for.

A pure state machine; it never reads a clock. Velocities follow the sticks only while the dead-man button is held and
good readings keep coming. Letting go, silence and readings that are no numbers all end alike: the velocities go to zero
at their greatest deceleration, zeros are sent a little longer, and then nothing, so that somebody else may drive.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from controllers.errors import InvalidValue

Velocity = tuple[float, float, float]

REST, STAND, SIT, ARM, STOP = "rest", "stand", "sit", "arm", "stop"
_ZERO: Velocity = (0.0, 0.0, 0.0)
# Drivers may give a little more than 1 at the end of a stick's way.
_FULL = 1.0 + 1e-3


@dataclass(frozen=True)
class TeleopConfig:
    """Limits, times, and which stick and button means what.

    Attributes:
        top_velocity: Velocity at full stick: forward [m/s], left [m/s], turning [rad/s].
        acceleration: Greatest rate of the velocities while driving [m/s², m/s², rad/s²].
        deceleration: Greatest rate of the velocities towards zero [m/s², m/s², rad/s²].
        dead_zone: Deflection of a stick below which it counts as centred.
        timeout_s: Age of the newest good reading that ends driving [s].
        halt_s: Time at rest after which the gait goes back to standing [s].
        farewell_s: Time for which zeros are sent after the end of driving [s].
        gait: Gait for moving.
        axes: Numbers of the sticks for forward, left and turning.
        dead_man: Number of the dead-man button.
        stand: Number of the button that makes the robot stand.
        sit: Number of the button that makes it sit.
        arm: Number of the button that arms the gatekeeper.
        stop: Number of the button that stops it; works without the dead-man button.
    """

    top_velocity: Velocity = (0.8, 0.4, 1.0)
    acceleration: Velocity = (1.0, 0.8, 2.0)
    deceleration: Velocity = (2.0, 1.6, 4.0)
    dead_zone: float = 0.1
    timeout_s: float = 0.3
    halt_s: float = 0.5
    farewell_s: float = 0.5
    gait: str = "trot"
    axes: tuple[int, int, int] = (1, 0, 3)
    dead_man: int = 5
    stand: int = 0
    sit: int = 1
    arm: int = 7
    stop: int = 2

    def __post_init__(self) -> None:
        """Check ranges, and that nothing is assigned twice.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for name in ("top_velocity", "acceleration", "deceleration"):
            values = getattr(self, name)
            if len(values) != 3 or not all(math.isfinite(v) and v > 0.0 for v in values):
                raise InvalidValue(f"TeleopConfig.{name} must be 3 numbers > 0, got {values}")
        for name in ("timeout_s", "halt_s", "farewell_s"):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0.0:
                raise InvalidValue(f"TeleopConfig.{name} must be finite and > 0, got {value}")
        if not 0.0 <= self.dead_zone < 1.0:
            raise InvalidValue(f"TeleopConfig.dead_zone must lie in [0, 1), got {self.dead_zone}")
        for name, numbers in (("axes", self.axes), ("buttons", self.buttons)):
            if len(set(numbers)) != len(numbers) or min(numbers) < 0:
                raise InvalidValue(f"TeleopConfig: {name} must be different numbers >= 0, got {numbers}")

    @property
    def buttons(self) -> tuple[int, int, int, int, int]:
        """Numbers of dead-man, stand, sit, arm and stop."""
        return self.dead_man, self.stand, self.sit, self.arm, self.stop


class TeleopOutput(NamedTuple):
    """What is asked for now.

    Attributes:
        velocity: Forward [m/s], left [m/s], turning [rad/s].
        gait: Gait to ask for; empty before anybody asked for one.
        active: Whether the above is to be sent at all.
        requests: Services to call: "arm", "stop".
    """

    velocity: Velocity
    gait: str
    active: bool
    requests: tuple[str, ...]


class Teleop:
    """Turns readings of a gamepad into velocities, gaits and requests."""

    def __init__(self, config: TeleopConfig) -> None:
        """Start at rest.

        Args:
            config: Limits, times and assignments.
        """
        self._config = config
        self._time = -math.inf
        self._received = -math.inf
        self._sticks: Velocity = _ZERO
        # Buttons that are down in the first reading were not pressed for us.
        self._down: tuple[bool, ...] = (True,) * 5
        self._held = False
        self._velocity: Velocity = _ZERO
        self._posture = ""
        self._moved = -math.inf
        self._driven = -math.inf
        self._requests: list[str] = []

    def read(self, axes: Sequence[float], buttons: Sequence[int], time: float) -> None:
        """Take in a reading of the gamepad.

        Args:
            axes: Deflections of the sticks, each from -1 to 1.
            buttons: 1 for each button that is down, else 0.
            time: Time of receipt on a steady clock [s].

        Raises:
            InvalidValue: Too few sticks or buttons, or a stick that is not a number from -1 to 1. Driving ends.
        """
        c = self._config
        try:
            self._check(axes, buttons)
        except InvalidValue:
            self._held, self._received = False, -math.inf
            self._down = (True,) * 5
            raise
        if time - self._received > c.timeout_s:
            # After silence nobody knows when a button went down.
            self._down = (True,) * 5
        self._received = time
        down = tuple(bool(buttons[number]) for number in c.buttons)
        pressed = [now and not before for now, before in zip(down, self._down, strict=True)]
        self._down, self._held = down, down[0]
        forward, left, turn = (self._stick(float(axes[number])) for number in c.axes)
        self._sticks = forward, left, turn
        if pressed[4]:
            self._requests.append(STOP)
            # After a stop the robot lies; it must not rise of itself when somebody releases and arms it.
            self._posture, self._driven = REST, time
        if not self._held or down[4]:
            return
        if pressed[3]:
            self._requests.append(ARM)
        if pressed[2]:
            self._posture = SIT
        elif pressed[1]:
            self._posture = STAND

    def _check(self, axes: Sequence[float], buttons: Sequence[int]) -> None:
        c = self._config
        if len(axes) <= max(c.axes) or len(buttons) <= max(c.buttons):
            raise InvalidValue(
                f"joy must have at least {max(c.axes) + 1} axes and {max(c.buttons) + 1} buttons as assigned, "
                f"got {len(axes)} and {len(buttons)}"
            )
        for number in c.axes:
            if not abs(axes[number]) <= _FULL:
                raise InvalidValue(f"joy.axes[{number}] must lie in -1 .. 1, got {axes[number]}")

    def _stick(self, value: float) -> float:
        """Cut the dead zone out, so that the way from it to the end still covers all from 0 to 1."""
        zone = self._config.dead_zone
        size = max(0.0, min(abs(value), 1.0) - zone) / (1.0 - zone)
        return math.copysign(size, value)

    def step(self, time: float) -> TeleopOutput:
        """Advance to a time.

        Args:
            time: Now, on the clock of the readings [s].

        Returns:
            What is asked for now.
        """
        c = self._config
        if not math.isfinite(time) or time < self._time:
            # A clock that jumps back gives no time to accelerate in.
            time = self._time if math.isfinite(self._time) else 0.0
        # A process that slept does not make up for it by one great leap.
        period = min(time - self._time, 0.1) if math.isfinite(self._time) else 0.0
        self._time = time
        driving = self._held and -1e-9 <= time - self._received <= c.timeout_s
        wanted = self._sticks if driving and self._posture == STAND else _ZERO
        self._velocity = self._approach(wanted, period)
        moving = self._velocity != _ZERO or wanted != _ZERO
        if moving:
            self._moved = time
        if driving or moving:
            self._driven = time
        requests, self._requests = tuple(self._requests), []
        return TeleopOutput(self._velocity, self._gait(time), time - self._driven <= c.farewell_s, requests)

    def _approach(self, wanted: Velocity, period: float) -> Velocity:
        c, result = self._config, []
        for now, stick, top, up, down in zip(
            self._velocity, wanted, c.top_velocity, c.acceleration, c.deceleration, strict=True
        ):
            goal = stick * top
            # On the way to zero, or through it to the other side, brake first.
            slower = abs(goal) < abs(now) or goal * now < 0.0
            if slower:
                target = goal if goal * now > 0.0 else 0.0
                step = min(abs(target - now), down * period)
            else:
                target = goal
                step = min(abs(target - now), up * period)
            result.append(target if step == abs(target - now) else now + math.copysign(step, target - now))
        return result[0], result[1], result[2]

    def _gait(self, time: float) -> str:
        if self._posture == SIT:
            # The legs fold only once the robot stands still.
            return SIT if self._velocity == _ZERO and time - self._moved > self._config.halt_s else self._config.gait
        if self._posture == STAND and time - self._moved <= self._config.halt_s:
            return self._config.gait
        return self._posture
