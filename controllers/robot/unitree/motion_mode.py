"""Has the vendor's own controller let go of the motors, and take them back.

While one of its motion modes is active the vendor's controller sends motor commands of its own; low-level commands
beside it are a fight for the motors. The order is the vendor's: lie down, release, check until no mode is active
(unitree_sdk2_python, go2_stand_example.py and motion_switcher_client.py).
"""

import json
import math
from dataclasses import dataclass
from enum import Enum, IntEnum

from controllers.robot.interface import RobotState

SWITCHER = "motion_switcher"
SPORT = "sport"
# Angle below which every calf is folded, as it is in the vendor's lying pose (-2.65 rad) [rad].
FOLDED = -2.2
STILL = 0.5


class Function(IntEnum):
    """Numbers of the functions that are called."""

    CHECK_MODE = 1001
    SELECT_MODE = 1002
    RELEASE_MODE = 1003
    STAND_DOWN = 1005


class ModePhase(str, Enum):
    """How far the hand-over is."""

    IDLE = "idle"
    CHECKING = "checking"
    LOWERING = "lowering"
    RELEASING = "releasing"
    FREE = "free"
    RETURNING = "returning"
    RETURNED = "returned"
    FAILED = "failed"


@dataclass(frozen=True)
class Call:
    """A call of one of the robot's services.

    Attributes:
        service: `SWITCHER` or `SPORT`.
        function: Which function.
        number: Identifies the answer.
        parameter: Arguments as JSON.
    """

    service: str
    function: Function
    number: int
    parameter: str


@dataclass(frozen=True)
class Patience:
    """How long the hand-over waits.

    Attributes:
        answer: For an answer before the call is repeated [s].
        calls: Calls without an answer before it gives up.
        lying: For the robot to lie down [s].
        releases: Releases after which a mode may still be active before it gives up.
        pause: Between a release and the next check [s].
    """

    answer: float = 2.0
    calls: int = 5
    lying: float = 10.0
    releases: int = 5
    pause: float = 0.5


def lies(state: RobotState) -> bool:
    """Tell whether the legs are folded and still.

    Args:
        state: A valid reading.

    Returns:
        True when the vendor's controller may let go without the robot falling.
    """
    calves = state.joint_position[2::3]
    return bool((calves < FOLDED).all() and (abs(state.joint_velocity) < STILL).all())


class ModeSwitch:
    """The hand-over as a state machine; it sends nothing itself.

    Attributes:
        phase: How far it is.
        reason: Why it failed, or what it waits for.
        mode: The vendor's mode that was active, to be given back; empty when there was none.
    """

    def __init__(self, first_number: int = 1, patience: Patience | None = None) -> None:
        """Begin idle.

        Args:
            first_number: Number of the first call; one that no earlier run has used.
            patience: How long it waits; None for the defaults.
        """
        self.phase, self.reason, self.mode = ModePhase.IDLE, "not asked for", ""
        self._patience = patience or Patience()
        self._number = first_number
        self._open: Call | None = None
        self._sent_at = self._since = -math.inf
        self._calls = self._releases = 0
        self._not_before = -math.inf

    def take(self) -> None:
        """Begin to have the motors handed over."""
        self._releases = 0
        self._enter(ModePhase.CHECKING, "asks which mode is active")

    def give_back(self, mode: str = "") -> bool:
        """Begin to give the motors back.

        Args:
            mode: Mode to activate; empty for the one that was active before.

        Returns:
            Whether there is one to activate.
        """
        self.mode = mode or self.mode
        if not self.mode:
            return False
        self._enter(ModePhase.RETURNING, f"asks for mode '{self.mode}'")
        return True

    def step(self, state: RobotState | None, time: float) -> Call | None:
        """Say what is to be called now.

        Args:
            state: The newest reading, or None.
            time: Now [s].

        Returns:
            A call, or None.
        """
        if self._since == -math.inf:
            self._since = time
        p = self._patience
        if self.phase is ModePhase.LOWERING and self._open is None:
            if state is not None and lies(state):
                self._enter(ModePhase.RELEASING, f"releases mode '{self.mode}'")
            elif time - self._since > p.lying:
                self._fail(f"the robot did not lie down within {p.lying:g} s; its mode '{self.mode}' stays active")
        if time < self._not_before:
            return None
        if self._open is not None:
            if time - self._sent_at <= p.answer:
                return None
            if self._calls >= p.calls:
                self._fail(f"'{self._open.service}' of the robot gave no answer to {self._calls} calls")
                return None
            return self._send(self._open.service, self._open.function, self._open.parameter, time)
        if self.phase is ModePhase.CHECKING:
            return self._send(SWITCHER, Function.CHECK_MODE, "{}", time)
        if self.phase is ModePhase.RELEASING:
            return self._send(SWITCHER, Function.RELEASE_MODE, "{}", time)
        if self.phase is ModePhase.RETURNING:
            return self._send(SWITCHER, Function.SELECT_MODE, json.dumps({"name": self.mode}), time)
        if self.phase is ModePhase.LOWERING and self._calls == 0:
            return self._send(SPORT, Function.STAND_DOWN, "{}", time)
        return None

    def on_answer(self, number: int, code: int, data: str, time: float) -> None:
        """Take in an answer; those to other calls are not looked at.

        Args:
            number: Of the call.
            code: 0 when it went well.
            data: Result as JSON.
            time: Now [s].
        """
        call = self._open
        if call is None or number != call.number:
            return
        self._open = None
        if code != 0:
            self._fail(f"'{call.service}' of the robot answered {call.function.name} with error {code}")
        elif call.function is Function.CHECK_MODE:
            self._checked(data)
        elif call.function is Function.RELEASE_MODE:
            self._releases += 1
            self._not_before = time + self._patience.pause
            self._enter(ModePhase.CHECKING, "checks that no mode is active")
        elif call.function is Function.SELECT_MODE:
            self._enter(ModePhase.RETURNED, f"mode '{self.mode}' is active again")

    def _checked(self, data: str) -> None:
        try:
            answer = json.loads(data)
            name = answer["name"]
        except (ValueError, KeyError, TypeError):
            name = None
        if not isinstance(name, str):
            self._fail(f"the robot answered CHECK_MODE with '{data[:80]}', expected JSON with a name")
        elif not name:
            self._enter(ModePhase.FREE, "no mode of the robot is active")
        elif self._releases >= self._patience.releases:
            self._fail(f"mode '{name}' is still active after {self._releases} releases")
        else:
            self.mode = name
            self._enter(ModePhase.LOWERING, f"lies down before mode '{name}' is released")

    def _send(self, service: str, function: Function, parameter: str, time: float) -> Call:
        self._calls += 1
        self._sent_at = time
        self._open = Call(service, function, self._number, parameter)
        self._number += 1
        return self._open

    def _enter(self, phase: ModePhase, reason: str) -> None:
        self.phase, self.reason = phase, reason
        self._open, self._calls, self._since = None, 0, -math.inf

    def _fail(self, reason: str) -> None:
        self._enter(ModePhase.FAILED, reason)
