"""A Go2 behind the `RobotBackend` protocol, whatever carries its messages."""

from typing import Protocol

import numpy as np

from controllers.errors import InvalidValue
from controllers.robot.catalog import load_robot
from controllers.robot.interface import JointCommand, RobotState
from controllers.robot.unitree.commands import LowCommandEncoder
from controllers.robot.unitree.driver import DriverConfig, Go2Driver
from controllers.robot.unitree.layout import Record
from controllers.robot.unitree.pose_move import PoseMove, why_implausible
from controllers.robot.unitree.readings import Go2Reading, LowStateReader

# How near the lying pose a robot needs no motion on a reset [rad].
NEAR = 0.2


class Go2Link(Protocol):
    """Carries messages to and from a robot.

    Attributes:
        period: Time between two readings [s].
    """

    period: float

    def exchange(self, command: Record | None) -> tuple[Record, float]:
        """Send a LowCmd, unless it is None, and wait for the next LowState; return it and the time of its receipt."""
        ...

    def close(self) -> None:
        """Let go of the robot; calling it twice is harmless."""
        ...


class Go2Backend:
    """Moves a Go2 whose own controller has been switched off.

    Args:
        link: Carries the messages.
        config: Time-outs and limits; None for the defaults.
        check_crc: Refuse readings with a wrong checksum.
    """

    def __init__(self, link: Go2Link, config: DriverConfig | None = None, check_crc: bool = True) -> None:
        self.control_period = link.period
        self.description = load_robot("go2")
        self.driver = Go2Driver(self.description, config)
        self._link = link
        self._reader = LowStateReader(check_crc)
        self._encoder = LowCommandEncoder()
        self._held: JointCommand | None = None
        self._reading = self._listen(None)

    def reset(self, rng: np.random.Generator) -> RobotState:
        """Lower the robot from its measured pose until it lies, motors damped then.

        Args:
            rng: Not used: the robot brings its own noise.

        Returns:
            The first reading.

        Raises:
            InvalidValue: The pose that the robot reports cannot be, or the driver has stopped; nothing was moved.
        """
        state = self._listen(None).state
        obstacle = why_implausible(state, self.description)
        if obstacle:
            raise InvalidValue(f"the robot cannot be moved: {obstacle}")
        self.driver.permit()
        self._held = None
        target = self.description.lying_position
        if float(np.abs(state.joint_position - target).max()) > NEAR:
            move = PoseMove(state.joint_position, target, state.time)
            while not move.done(self._reading.state.time):
                self.write(move.command(self._reading.state.time))
                self.advance()
            self._held = None
        self.advance()
        if self.driver.phase.value == "stopped":
            raise InvalidValue(f"the robot cannot be moved: {self.driver.reason}")
        return self.read()

    def read(self) -> RobotState:
        """Return the newest reading."""
        return self._reading.state

    def write(self, command: JointCommand) -> None:
        """Hand the motors a command; it holds until the next one.

        Args:
            command: Impedance command.

        Raises:
            InvalidValue: A field has the wrong shape or is not finite.
        """
        command.validate()
        self._held = command

    def advance(self) -> None:
        """Send what is to be sent and wait for the next reading."""
        now = self._reading.state.time
        if self._held is not None:
            # The caller's loop is the only source of commands: one that holds is as good as a new one.
            self.driver.on_command(self._held, now)
        output = self.driver.output(now)
        self._reading = self._listen(None if output is None else self._encoder.encode(output))

    def close(self) -> None:
        """Damp the robot and let go of it; calling it twice is harmless."""
        self.driver.stop("closed")
        output = self.driver.output(self._reading.state.time)
        if output is not None and self._held is not None:
            self._held = None
            self._link.exchange(self._encoder.encode(output))
        self._link.close()

    def _listen(self, command: Record | None) -> Go2Reading:
        record, time = self._link.exchange(command)
        self._reading = self._reader.read(record, time)
        self.driver.on_reading(self._reading, time)
        return self._reading
