"""What is asked of the legs, from commands of velocity and of posture that come apart and may be announced ahead."""

import math

from controllers.errors import InvalidValue
from controllers.quadruped.gait import GAITS
from controllers.quadruped.timed_commands import TimedCommands
from controllers.robot.interface import LocomotionCommand

GAIT_CHOICES = ("rest", "sit", *sorted(GAITS))
# How far ahead a command may be announced [s]; a stamp beyond that is from another clock.
LONGEST_LEAD_S = 2.0

Velocity = tuple[float, float, float]
Posture = tuple[str, float | None, float, float]
_STILL: Velocity = (0.0, 0.0, 0.0)


def effective_time(stamp: float, now: float) -> float:
    """Tell from when on a command holds.

    Args:
        stamp: Its stamp, 0 where it has none [s].
        now: Time of the newest reading [s].

    Returns:
        Its stamp, or now where that is left out or from another clock [s].
    """
    return now if stamp == 0.0 or stamp > now + LONGEST_LEAD_S else stamp


class CommandInbox:
    """Joins the velocity and the posture that hold at a time."""

    def __init__(self, default_gait: str = "rest", velocity_timeout: float = 0.5) -> None:
        """Begin without commands.

        Args:
            default_gait: Gait while no posture has come.
            velocity_timeout: Age beyond which a velocity is no longer followed [s].
        """
        self._default: Posture = (default_gait, None, 0.0, 0.0)
        self._timeout = velocity_timeout
        self._velocities: TimedCommands[Velocity] = TimedCommands()
        self._postures: TimedCommands[Posture] = TimedCommands()
        self._velocity: Velocity = _STILL
        self._posture: Posture = self._default
        self._command = LocomotionCommand(gait=default_gait)

    def take_velocity(self, time: float, velocity_x: float, velocity_y: float, yaw_rate: float) -> None:
        """Take in a velocity.

        Args:
            time: From when on it holds [s].
            velocity_x: Forward, heading frame [m/s].
            velocity_y: To the left, heading frame [m/s].
            yaw_rate: About the vertical [rad/s].

        Raises:
            InvalidValue: A value is NaN or Inf.
        """
        values = (velocity_x, velocity_y, yaw_rate)
        if not all(map(math.isfinite, values)):
            raise InvalidValue(f"must be finite, got {values}")
        self._velocities.add(time, values)

    def take_posture(self, time: float, gait: str, body_height: float, roll: float, pitch: float) -> None:
        """Take in a posture.

        Args:
            time: From when on it holds [s].
            gait: Name of a gait, or "rest" or "sit".
            body_height: Height of the base [m]; NaN for the nominal height.
            roll: Roll [rad].
            pitch: Pitch [rad].

        Raises:
            InvalidValue: The gait does not exist, or a value is not finite.
        """
        finite = math.isfinite(roll) and math.isfinite(pitch)
        if gait not in GAIT_CHOICES or not finite or math.isinf(body_height):
            raise InvalidValue(
                f"gait must be one of {', '.join(GAIT_CHOICES)}, got '{gait}'; roll, pitch and height must not be "
                f"infinite or NaN, got {roll}, {pitch}, {body_height} (NaN height: nominal)"
            )
        self._postures.add(time, (gait, None if math.isnan(body_height) else body_height, roll, pitch))

    def asked(self, time: float) -> LocomotionCommand:
        """Find what is asked.

        Args:
            time: Time now [s].

        Returns:
            The command; the same object as long as nothing changes.
        """
        timed = self._velocities.at(time)
        fresh = timed is not None and time - timed[0] <= self._timeout
        velocity = timed[1] if timed is not None and fresh else _STILL
        held = self._postures.at(time)
        posture = self._default if held is None else held[1]
        if velocity != self._velocity or posture != self._posture:
            self._velocity, self._posture = velocity, posture
            gait, height, roll, pitch = posture
            self._command = LocomotionCommand(*velocity, gait, height, roll, pitch)
        return self._command
