"""The gatekeeper: the only source of motor commands.

A pure state machine. It never reads a clock, raises on no content of a message, and in every state
returns a command that is finite and within the limits of its configuration:

    DISARMED --arm--> ARMED --any trip, stop--> STOPPED --release--> DISARMED

Only ARMED passes commands on; the other two brake the joints. Bad messages (NaN, Inf, wrong shape,
wrong stamp) are refused and counted, and the last good one holds until its watchdog runs out. What
can be cut (target, target rate, speed, effort, gains, torque) is cut and counted. What says that the
robot itself is out of hand (stale data, tilt, joint out of range, overspeed) stops it, latched.
"""

import math
from enum import Enum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from controllers.gatekeeper.checks import (
    READING_SIZE,
    Clamp,
    Trip,
    brake,
    find_trip,
    is_usable_command,
    is_usable_reading,
    limit_command,
)
from controllers.gatekeeper.config import GatekeeperConfig
from controllers.gatekeeper.inbox import TIME_RESOLUTION_S, Inbox, Refusal
from controllers.robot.interface import N_JOINTS, JointCommand, RobotState
from controllers.robot.joints import JOINT_NAMES

Array = npt.NDArray[np.float64]


class GatekeeperState(str, Enum):
    """What the gatekeeper lets through."""

    DISARMED = "disarmed"
    ARMED = "armed"
    STOPPED = "stopped"


class Outcome(NamedTuple):
    """Answer to an operator's request: whether it was granted, and why or why not."""

    accepted: bool
    message: str


class GatekeeperInfo(NamedTuple):
    """What happened in a step, for diagnostics.

    Attributes:
        state: State after the step.
        reason: Why the gatekeeper is in this state.
        passed: Whether the output is a controller's command (cut or not) and not braking.
        clamped: What was cut in this step.
        refusal: Why a message of this step was refused; empty when none was.
        counters: Number of occurrences per kind since the start.
        command_age_s: Time since the last good command came in [s]; infinite before the first.
        state_age_s: Time since the last good reading came in [s]; infinite before the first.
    """

    state: GatekeeperState
    reason: str
    passed: bool
    clamped: Clamp
    refusal: str
    counters: dict[str, int]
    command_age_s: float
    state_age_s: float


_COMMAND_SLOTS = (0, 1, 2, 3, 4)
_READING_SLOTS = (
    *(slice(0, 12), slice(12, 24), slice(24, 36)),
    *(slice(36, 40), slice(40, 43), slice(43, 46), slice(46, 50)),
)
_CLAMP_KINDS = tuple((flag, f"clamp_{(flag.name or '').lower()}") for flag in Clamp)
_NOTHING_CLAMPED = Clamp(0)
_COUNTERS: tuple[str, ...] = (
    *("refused_command_values", "refused_command_stamp", "refused_state_values", "refused_state_stamp"),
    *(kind for _, kind in _CLAMP_KINDS),
    *("trip_clock", "trip_state_stale", "trip_tilt", "trip_joint_position", "trip_overspeed"),
    *("trip_command_stale", "trip_request"),
)


class Gatekeeper:
    """Decides, once per control period, what the motors are told.

    Attributes:
        COUNTERS: Kinds of events that are counted.
    """

    COUNTERS = _COUNTERS

    def __init__(self, config: GatekeeperConfig) -> None:
        """Start disarmed, knowing nothing.

        Args:
            config: Limits and time-outs.
        """
        self._config = config
        c = config
        self._limits = np.stack(
            (
                c.joint_lower + c.target_margin,
                c.joint_upper - c.target_margin,
                c.velocity_limit,
                c.torque_limit,
                c.target_rate,
            )
        )
        self._trip_limits = (
            c.joint_lower - c.position_tolerance,
            c.joint_upper + c.position_tolerance,
            c.overspeed_factor * c.velocity_limit,
        )
        self._counters = dict.fromkeys(_COUNTERS, 0)
        self._state = GatekeeperState.DISARMED
        self._reason = "not armed yet"
        self._refusal = ""
        self._time = -math.inf
        self._armed_at = -math.inf
        self._sent_at = -math.inf
        self._sent = np.zeros((5, N_JOINTS))
        self._readings = Inbox("state", (READING_SIZE,), _READING_SLOTS, is_usable_reading, c.state_timeout_s)
        self._commands = Inbox("command", (5, N_JOINTS), _COMMAND_SLOTS, is_usable_command, c.command_timeout_s)
        # Compile (or load) the kernels now: the first real step must not wait for them.
        is_usable_reading(self._readings.values)
        is_usable_command(self._commands.values)
        self._find_trip()
        self._limit(0.0, np.empty_like(self._sent))
        self._braking(0.0)

    @property
    def state(self) -> GatekeeperState:
        """State of the machine."""
        return self._state

    @property
    def reason(self) -> str:
        """Why it is in this state."""
        return self._reason

    def arm(self, time: float) -> Outcome:
        """Let commands through from now on, if the last reading is fresh and finds the robot well.

        Args:
            time: Now [s].

        Returns:
            Whether it is armed; the message says what stands in the way.
        """
        if self._state is GatekeeperState.STOPPED:
            return Outcome(False, f"stopped: {self._reason}; release first")
        if self._state is GatekeeperState.ARMED:
            return Outcome(True, "armed already")
        if not math.isfinite(time) or time < self._time - TIME_RESOLUTION_S:
            return Outcome(False, f"cannot arm: time {time} lies before the last step at {self._time}")
        obstacle = self._state_obstacle(time)
        if obstacle is not None:
            return Outcome(False, f"cannot arm: {obstacle[1]}")
        if self._commands.expired(time):
            self._commands.clear()
        self._state = GatekeeperState.ARMED
        self._reason = "armed"
        self._armed_at = self._sent_at = time
        self._sent[:] = 0.0
        return Outcome(True, "armed")

    def disarm(self) -> Outcome:
        """Brake until armed again; does not lead out of a stop.

        Returns:
            Whether it is disarmed.
        """
        if self._state is GatekeeperState.STOPPED:
            return Outcome(False, f"stopped: {self._reason}; release first")
        self._state = GatekeeperState.DISARMED
        self._reason = "disarmed on request"
        return Outcome(True, "disarmed")

    def stop(self, reason: str = "stop requested") -> Outcome:
        """Brake, latched until `release`.

        Args:
            reason: Why, for diagnostics.

        Returns:
            Always granted; the message holds the reason that stands (the first one).
        """
        self._counters["trip_request"] += 1
        self._enter_stop(reason)
        return Outcome(True, f"stopped: {self._reason}")

    def release(self) -> Outcome:
        """Leave a stop for DISARMED.

        Returns:
            Whether there was a stop to leave.
        """
        if self._state is not GatekeeperState.STOPPED:
            return Outcome(False, f"not stopped but {self._state.value}")
        self._state = GatekeeperState.DISARMED
        self._reason = f"released from: {self._reason}"
        return Outcome(True, "disarmed")

    def step(
        self, state: RobotState | None, command: JointCommand | None, time: float
    ) -> tuple[JointCommand, GatekeeperInfo]:
        """Take in what is new and return what the motors should do.

        Args:
            state: Reading that came in since the last step, or None.
            command: Command that came in since the last step, or None.
            time: Now [s], on the clock that stamps both.

        Returns:
            The command to send, finite and within the limits at the last good reading, and what happened.
        """
        self._refusal = ""
        if self._accept_time(time):
            if state is not None:
                self._receive_state(state, time)
            if command is not None:
                self._receive_command(command, time)
        else:
            time = self._time if math.isfinite(self._time) else 0.0
        if self._state is GatekeeperState.ARMED:
            obstacle = self._state_obstacle(time) or self._command_obstacle(time)
            if obstacle is not None:
                self._counters[obstacle[0]] += 1
                self._enter_stop(obstacle[1])
        passed = self._state is GatekeeperState.ARMED and not self._commands.empty
        clamped = _NOTHING_CLAMPED
        if passed:
            output, clamped = self._limited(time)
        else:
            output = self._braking(time)
            self._sent_at = time
        info = GatekeeperInfo(
            self._state,
            self._reason,
            passed,
            clamped,
            self._refusal,
            self._counters.copy(),
            self._commands.age(time),
            self._readings.age(time),
        )
        return output, info

    def _enter_stop(self, reason: str) -> None:
        if self._state is not GatekeeperState.STOPPED:
            self._state = GatekeeperState.STOPPED
            self._reason = reason

    def _refuse(self, source: str, refusal: Refusal | None) -> None:
        if refusal is not None:
            self._counters[f"refused_{source}_{refusal.aspect}"] += 1
            self._refusal = refusal.why

    def _accept_time(self, time: float) -> bool:
        if math.isfinite(time) and time >= self._time - TIME_RESOLUTION_S:
            self._time = max(time, self._time)
            return True
        self._refusal = f"clock went from {self._time} s to {time} s"
        self._counters["trip_clock"] += 1
        if self._state is GatekeeperState.ARMED:
            self._enter_stop(self._refusal)
        if math.isfinite(time):
            # Everything that is known carries stamps of the clock that was left.
            self._readings.clear()
            self._commands.clear()
            self._time = time
        return False

    def _receive_state(self, state: RobotState, time: float) -> None:
        parts = (
            state.joint_position,
            state.joint_velocity,
            state.joint_effort,
            state.orientation,
            state.angular_velocity_body,
            state.linear_acceleration_body,
            state.foot_force,
        )
        self._refuse("state", self._readings.receive(parts, state.time, time, state.validate))

    def _receive_command(self, command: JointCommand, time: float) -> None:
        parts = (command.position, command.velocity, command.effort, command.stiffness, command.damping)
        self._refuse("command", self._commands.receive(parts, command.time, time, command.validate))

    def _find_trip(self) -> tuple[Trip, int, float]:
        c = self._config
        code, joint, value = find_trip(
            self._readings.values, *self._trip_limits, c.position_lookahead_s, c.max_roll, c.max_pitch
        )
        return Trip(code), joint, value

    def _state_obstacle(self, time: float) -> tuple[str, str] | None:
        c = self._config
        if self._readings.empty:
            return "trip_state_stale", "no good robot state has come in"
        if self._readings.expired(time):
            age = self._readings.age(time)
            return "trip_state_stale", f"robot state is {age:.4f} s old, allowed {c.state_timeout_s} s"
        trip, joint, value = self._find_trip()
        if trip is Trip.NONE:
            return None
        if trip is Trip.ROLL:
            return "trip_tilt", f"roll is {value:.3f} rad, allowed {c.max_roll} rad"
        if trip is Trip.PITCH:
            return "trip_tilt", f"pitch is {value:.3f} rad, allowed {c.max_pitch} rad"
        name = JOINT_NAMES[joint]
        if trip is Trip.POSITION:
            low, high = c.joint_lower[joint], c.joint_upper[joint]
            return "trip_joint_position", f"{name} heads for {value:.3f} rad, range {low:.3f} to {high:.3f} rad"
        top = self._trip_limits[2][joint]
        return "trip_overspeed", f"{name} moves at {value:.2f} rad/s, allowed {top:.2f} rad/s"

    def _command_obstacle(self, time: float) -> tuple[str, str] | None:
        c = self._config
        if self._commands.empty:
            if time - self._armed_at > c.first_command_timeout_s + TIME_RESOLUTION_S:
                return "trip_command_stale", f"no command within {c.first_command_timeout_s} s of arming"
            return None
        if self._commands.expired(time):
            age = self._commands.age(time)
            return "trip_command_stale", f"command is {age:.4f} s old, allowed {c.command_timeout_s} s"
        return None

    def _limit(self, period: float, out: Array) -> int:
        c = self._config
        return int(
            limit_command(
                self._commands.values,
                self._readings.values,
                self._sent,
                self._limits,
                c.max_stiffness,
                c.max_damping,
                period,
                out,
            )
        )

    def _limited(self, time: float) -> tuple[JointCommand, Clamp]:
        period = min(max(time - self._sent_at, self._config.minimum_period_s), self._config.command_timeout_s)
        out = np.empty((5, N_JOINTS))
        code = self._limit(period, out)
        clamped = _NOTHING_CLAMPED
        if code:
            clamped = Clamp(code)
            for flag, kind in _CLAMP_KINDS:
                if code & flag:
                    self._counters[kind] += 1
        self._sent[:] = out
        self._sent_at = time
        return JointCommand(self._commands.stamp, out[0], out[1], out[2], out[3], out[4]), clamped

    def _braking(self, time: float) -> JointCommand:
        fresh = not self._readings.empty and not self._readings.expired(time)
        out = np.empty((5, N_JOINTS))
        brake(self._readings.values, self._limits, self._config.damping, fresh, out)
        return JointCommand(time, out[0], out[1], out[2], out[3], out[4])
