"""Decides what the motors of a Go2 get: the last layer before the robot, a pure state machine.

    WAITING --permit--> DAMPING --first stiff command--> ACTIVE
    ACTIVE --health--> SITTING --down--> STOPPED;  anything --stop--> STOPPED --release--> DAMPING
    ACTIVE, SITTING --silence--> STOPPED

In WAITING nothing is sent at all: the vendor's own controller may have the motors. It reads no clock.
"""

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from controllers.errors import InvalidValue
from controllers.robot.description import RobotDescription
from controllers.robot.interface import N_JOINTS, JointCommand
from controllers.robot.unitree.health import Health, HealthLimits, HealthMonitor
from controllers.robot.unitree.pose_move import PoseMove, tilt, why_implausible
from controllers.robot.unitree.readings import Go2Reading

_JOINTS = (N_JOINTS,)


class Phase(str, Enum):
    """Who moves the motors."""

    WAITING = "waiting"
    DAMPING = "damping"
    ACTIVE = "active"
    SITTING = "sitting"
    STOPPED = "stopped"


@dataclass(frozen=True)
class DriverConfig:
    """Time-outs and limits.

    Attributes:
        command_timeout: Age of the newest command that stops the robot while it is active [s].
        reading_timeout: Age of the newest reading that stops the robot [s].
        damping: Velocity gain while damping [N·m·s/rad].
        largest_start: How far the first targets may lie from the measured angles [rad].
        sit_rate: Largest joint speed on the way down [rad/s].
        largest_lean: Tilt beyond which sitting down is given up for damping [rad].
        health: Limits of temperature, battery and lost packets.
    """

    command_timeout: float = 0.06
    reading_timeout: float = 0.06
    damping: float = 3.0
    largest_start: float = 0.3
    sit_rate: float = 1.5
    largest_lean: float = 0.8
    health: HealthLimits = field(default_factory=HealthLimits)

    def __post_init__(self) -> None:
        """Refuse what is not positive.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for name in ("command_timeout", "reading_timeout", "damping", "largest_start", "sit_rate", "largest_lean"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise InvalidValue(f"DriverConfig.{name} must be > 0, got {getattr(self, name)}")


class Go2Driver:
    """The state machine.

    Attributes:
        phase: Who moves the motors.
        reason: Why.
        health: What the last reading asked for.
        health_reason: Why.
        monitor: Counts readings.
        refused_starts: Commands with which the robot would have jumped or started from an impossible pose.
    """

    def __init__(self, robot: RobotDescription, config: DriverConfig | None = None) -> None:
        """Begin waiting.

        Args:
            robot: Limits and lying pose.
            config: Time-outs and limits; None for the defaults.
        """
        self._robot = robot
        self._config = config or DriverConfig()
        self.monitor = HealthMonitor(self._config.health)
        self.phase, self.reason = Phase.WAITING, "the motors have not been taken over yet"
        self.health, self.health_reason = Health.GOOD, "no reading yet"
        self.refused_starts = 0
        self._reading: Go2Reading | None = None
        self._reading_at = self._command_at = -math.inf
        self._command: JointCommand | None = None
        self._move: PoseMove | None = None

    @property
    def reading(self) -> Go2Reading | None:
        """The newest reading."""
        return self._reading

    def on_reading(self, reading: Go2Reading, time: float) -> None:
        """Take in a reading.

        Args:
            reading: A valid reading.
            time: Now [s].
        """
        self._reading, self._reading_at = reading, time
        self.health, self.health_reason = self.monitor.judge(reading)
        if self.phase is Phase.WAITING:
            return
        if reading.remote.stop:
            self.stop("stop was pressed on the remote control of the robot")
        elif self.health is Health.SIT and self.phase is Phase.ACTIVE:
            self.sit(self.health_reason, time)
        elif self.health is Health.SIT and self.phase is Phase.DAMPING:
            self.stop(self.health_reason)
        elif self.phase is Phase.SITTING and tilt(reading.state) > self._config.largest_lean:
            self.stop(f"{self.reason}; leaned by {tilt(reading.state):.2f} rad while sitting down")

    def on_command(self, command: JointCommand, time: float) -> None:
        """Take in a command.

        Args:
            command: What the gatekeeper lets through.
            time: Now [s].

        Raises:
            InvalidValue: Wrong shape, NaN, Inf or a negative gain; the command before stays in force until it is old.
        """
        rows = (command.position, command.velocity, command.effort, command.stiffness, command.damping)
        # A sum is finite only if every part of it is; which is wrong, the full check tells.
        if any(row.shape != _JOINTS for row in rows) or not math.isfinite(sum(map(np.add.reduce, rows))):
            command.validate()
        if command.stiffness.min() < 0.0 or command.damping.min() < 0.0:
            command.validate()
        self._command, self._command_at = command, time
        stiff = bool(command.stiffness.any() or command.effort.any())
        if self.phase is Phase.DAMPING and stiff:
            self._start(command, time)
        elif self.phase is Phase.ACTIVE and not stiff:
            self.phase, self.reason = Phase.DAMPING, "the command is to damp"

    def _start(self, command: JointCommand, time: float) -> None:
        silence = time - self._reading_at
        obstacle = f"no reading for {silence:.3f} s" if silence > self._config.reading_timeout else self._obstacle()
        if not obstacle and self._reading is not None:
            way = np.abs(command.position - self._reading.state.joint_position) * (command.stiffness > 0.0)
            if float(way.max()) > self._config.largest_start:
                obstacle = f"the first target lies {way.max():.2f} rad away, allowed {self._config.largest_start:g} rad"
        if obstacle:
            self.refused_starts += 1
            self.reason = f"not started: {obstacle}"
            return
        self.phase, self.reason = Phase.ACTIVE, "follows commands"

    def _obstacle(self) -> str:
        """Tell what stands against moving at all; empty when nothing does."""
        if self._reading is None:
            return "no reading has come yet"
        if self._reading.remote.stop:
            return "stop is pressed on the remote control of the robot"
        if self.health is Health.SIT:
            return self.health_reason
        return why_implausible(self._reading.state, self._robot)

    def permit(self) -> None:
        """Take over the motors: the vendor's controller has let go of them."""
        if self.phase is Phase.WAITING:
            self.phase, self.reason = Phase.DAMPING, "waits for a command"

    def revoke(self) -> tuple[bool, str]:
        """Send nothing any more, so that the vendor's controller can have the motors; only while they are damped.

        Returns:
            Whether the motors were let go of, and why or why not.
        """
        if self.phase in (Phase.ACTIVE, Phase.SITTING):
            return False, f"the robot is {self.phase.value}: have it sit and damp first"
        self.phase, self.reason = Phase.WAITING, "the motors were given back"
        return True, self.reason

    def stop(self, reason: str) -> None:
        """Damp, latched until `release`; the first reason stands.

        Args:
            reason: Why.
        """
        if self.phase not in (Phase.STOPPED, Phase.WAITING):
            self.phase, self.reason = Phase.STOPPED, reason

    def sit(self, reason: str, time: float) -> None:
        """Lower the robot from where it is, then damp it, latched; without a good reading it is damped at once.

        Args:
            reason: Why.
            time: Now [s].
        """
        if self.phase not in (Phase.ACTIVE, Phase.DAMPING):
            return
        if self._reading is None or time - self._reading_at > self._config.reading_timeout:
            self.stop(reason)
            return
        pose = np.clip(self._reading.state.joint_position, self._robot.joint_lower, self._robot.joint_upper)
        self._move = PoseMove(pose, self._robot.lying_position, time, self._config.sit_rate)
        self.phase, self.reason = Phase.SITTING, reason

    def release(self) -> tuple[bool, str]:
        """Leave a stop, if nothing stands against it.

        Returns:
            Whether it was left, and why or why not.
        """
        if self.phase is not Phase.STOPPED:
            return False, f"not stopped but {self.phase.value}"
        obstacle = self._obstacle()
        if obstacle:
            return False, f"still stopped: {obstacle}"
        self.phase, self.reason = Phase.DAMPING, f"released from: {self.reason}"
        return True, "damping"

    def output(self, time: float) -> JointCommand | None:
        """Say what the motors are to get now.

        Args:
            time: Now [s].

        Returns:
            The command, or None when nothing may be sent.
        """
        if self.phase is Phase.WAITING:
            return None
        c = self._config
        silence = time - self._reading_at
        if silence > c.reading_timeout and self.phase in (Phase.ACTIVE, Phase.SITTING):
            self.stop(f"no reading of the robot for {silence:.3f} s, allowed {c.reading_timeout} s")
        if self.phase is Phase.ACTIVE and time - self._command_at > c.command_timeout:
            self.stop(f"no command for {time - self._command_at:.3f} s, allowed {c.command_timeout} s")
        if self.phase is Phase.ACTIVE and self._command is not None:
            return self._command
        if self.phase is Phase.SITTING and self._move is not None:
            if not self._move.done(time):
                return self._move.command(time)
            self.stop(f"{self.reason}; sat down")
        pose = self._robot.lying_position if self._reading is None else self._reading.state.joint_position
        return JointCommand.damped(time, pose, c.damping)
