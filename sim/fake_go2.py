"""A Go2 that is not there: speaks the vendor's low-level interface from MuJoCo.

It stands for what the vendor publishes of the robot, and for nothing else: how the real one treats a wrong checksum,
two sources of commands or silence is assumed here to be as safe as can be, and was not tried.
"""

import json
from collections import Counter
from dataclasses import dataclass

import numpy as np

from controllers.errors import InvalidValue
from controllers.robot.interface import N_JOINTS, JointCommand
from controllers.robot.unitree.checksum import checksum, sign
from controllers.robot.unitree.commands import read_command
from controllers.robot.unitree.layout import (
    HEAD,
    LOW_LEVEL,
    LOW_STATE,
    MOTOR_ON,
    MOTOR_STATE,
    Record,
    new_record,
    word_of,
    words,
)
from controllers.robot.unitree.motion_mode import SPORT, SWITCHER, Function
from controllers.robot.unitree.motors import MOTORS_FROM_JOINTS, VENDOR_FROM_FEET
from controllers.robot.unitree.pose_move import PoseMove
from controllers.robot.unitree.remote import BUTTONS
from sim.quadruped_backend import MujocoQuadruped

# Silence after which the motors damp by themselves [s], and how strongly [N·m·s/rad].
MOTOR_TIMEOUT_S = 0.1
MOTOR_DAMPING = 2.0
VENDOR_MODE = "mcf"
TICKS_PER_SECOND = 1000
UNKNOWN_FUNCTION = 3203
_MEASURED = [word_of(MOTOR_STATE, name) for name in ("q", "dq", "tau_est")]


@dataclass
class Faults:
    """What is wrong with the robot.

    Attributes:
        motor_temperature: Of the hottest motor, the calf of RL [°C].
        battery: State of charge [%].
        lost_readings: Share of LowStates that are never sent.
        spoilt_readings: Share of LowStates that are sent with a wrong bit.
        motor_lost_per_second: Packets that the motors lose.
        pressed: Buttons of the remote control.
    """

    motor_temperature: int = 35
    battery: int = 80
    lost_readings: float = 0.0
    spoilt_readings: float = 0.0
    motor_lost_per_second: float = 0.0
    pressed: tuple[str, ...] = ()


class FakeGo2:
    """The robot's side of the interface.

    Args:
        backend: The robot's body; its control period is that of LowState.
        mode: The vendor's motion mode that is active at first; empty for none.
        seed: Seeds which readings are lost or spoilt.

    Attributes:
        faults: What is wrong with the robot; may be changed at any time.
        counts: Commands by what became of them: accepted, wrong_checksum, not_low_level, wrong_values, contended.
    """

    def __init__(self, backend: MujocoQuadruped, mode: str = VENDOR_MODE, seed: int = 0) -> None:
        self.backend = backend
        self.mode = mode
        self.faults = Faults()
        self.counts: Counter[str] = Counter()
        self._rng = np.random.default_rng(seed)
        self._state = new_record(LOW_STATE)
        self._state["head"], self._state["level_flag"] = HEAD, LOW_LEVEL
        self._motors = self._state["motor_state"][0]
        self._motors["mode"] = MOTOR_ON
        self._numbers = words(self._state, "motor_state")[:N_JOINTS]
        self._imu = words(self._state, "imu_state")[0]
        self._lost = 0.0
        self._command_at = -np.inf
        self._command: JointCommand | None = None
        self._move: PoseMove | None = None
        if mode and backend.config.initial_pose == "stand":
            pose = backend.read().joint_position
            self._move = PoseMove(pose, backend.description.standing_position, backend.time)

    def receive(self, record: Record) -> bool:
        """Take in a LowCmd.

        Args:
            record: What came, shape (1,).

        Returns:
            Whether the motors follow it.
        """
        verdict = self._verdict(record)
        self.counts[verdict] += 1
        return verdict == "accepted"

    def _verdict(self, record: Record) -> str:
        if int(record["crc"][0]) != checksum(record):
            return "wrong_checksum"
        if tuple(record["head"][0]) != HEAD or int(record["level_flag"][0]) != LOW_LEVEL:
            return "not_low_level"
        try:
            command = read_command(record, self.backend.time)
        except InvalidValue:
            return "wrong_values"
        if self.mode:
            return "contended"
        self._command, self._command_at = command, self.backend.time
        return "accepted"

    def call(self, service: str, function: int, parameter: str) -> tuple[int, str]:
        """Answer a call of one of the vendor's services.

        Args:
            service: Name of the service.
            function: Number of the function.
            parameter: Arguments as JSON.

        Returns:
            Code, 0 when it went well, and result as JSON.
        """
        if service == SWITCHER and function == Function.CHECK_MODE:
            return 0, json.dumps({"form": "0", "name": self.mode})
        if service == SWITCHER and function == Function.RELEASE_MODE:
            self.mode, self._move = "", None
            return 0, ""
        if service == SWITCHER and function == Function.SELECT_MODE:
            self.mode = str(json.loads(parameter)["name"])
            self._command = self._move = None
            return 0, ""
        if service == SPORT and function == Function.STAND_DOWN and self.mode:
            pose = self.backend.read().joint_position
            self._move = PoseMove(pose, self.backend.description.lying_position, self.backend.time)
            return 0, ""
        return UNKNOWN_FUNCTION, ""

    def advance(self) -> None:
        """Let one control period pass."""
        self.backend.write(self._drive())
        self.backend.advance()
        self._lost += self.faults.motor_lost_per_second * self.backend.control_period

    def _drive(self) -> JointCommand:
        now = self.backend.time
        if self.mode and self._move is not None:
            return self._move.command(now)
        if not self.mode and self._command is not None and now - self._command_at <= MOTOR_TIMEOUT_S:
            return self._command
        return JointCommand.damped(now, np.zeros(N_JOINTS), MOTOR_DAMPING)

    def low_state(self) -> Record | None:
        """Say what the sensors measure.

        Returns:
            LowState with checksum, shape (1,), filled anew by the next call; None for one that is lost.
        """
        if self.faults.lost_readings and self._rng.random() < self.faults.lost_readings:
            return None
        reading, faults = self.backend.read(), self.faults
        legs = self._motors[:N_JOINTS]
        measured = np.array((reading.joint_position, reading.joint_velocity, reading.joint_effort))
        self._numbers[:, _MEASURED] = measured.T[MOTORS_FROM_JOINTS]
        legs["temperature"] = 35
        legs["temperature"][N_JOINTS - 1] = faults.motor_temperature
        legs["lost"] = int(self._lost)
        state = self._state
        self._imu[:4] = reading.orientation
        self._imu[4:7] = reading.angular_velocity_body
        self._imu[7:10] = reading.linear_acceleration_body
        if reading.foot_force is not None:
            state["foot_force"] = np.rint(np.clip(reading.foot_force, 0.0, 32767.0))[VENDOR_FROM_FEET]
        state["bms_state"]["soc"] = faults.battery
        state["power_v"] = 28.0
        state["tick"] = round(reading.time * TICKS_PER_SECOND) % 2**32
        keys = sum(1 << BUTTONS.index(name) for name in faults.pressed)
        state["wireless_remote"][0, 2:4] = keys & 0xFF, keys >> 8
        sign(state)
        if faults.spoilt_readings and self._rng.random() < faults.spoilt_readings:
            spoilt = state.copy()
            spoilt.view(np.uint8)[int(self._rng.integers(24, 1100))] ^= 1
            return spoilt
        return state


class DirectLink:
    """Joins a fake Go2 to `Go2Backend` without a network: one exchange is one control period.

    Args:
        robot: The fake; its readings must not be lost, since nobody else lets time pass.
    """

    def __init__(self, robot: FakeGo2) -> None:
        self.period = robot.backend.control_period
        self._robot = robot
        self._begun = False

    def exchange(self, command: Record | None) -> tuple[Record, float]:
        """Send a LowCmd, unless it is None, and return the next LowState and its time.

        Args:
            command: LowCmd, shape (1,), or None.

        Returns:
            LowState, shape (1,), and the time on the robot's clock [s].

        Raises:
            InvalidValue: The fake is set to lose its readings.
        """
        if command is not None:
            self._robot.receive(command)
        if self._begun:
            self._robot.advance()
        self._begun = True
        state = self._robot.low_state()
        if state is None:
            raise InvalidValue("a fake Go2 on a DirectLink must not lose readings")
        return state.copy(), self._robot.backend.time

    def close(self) -> None:
        """Let go of the robot; there is nothing to let go of."""
