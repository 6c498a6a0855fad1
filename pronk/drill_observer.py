"""The drill's operator: drives the robot, sees what it does, and judges every motor command."""

import math
import os
import time as clock
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from geometry_msgs.msg import TwistStamped
from pronk_msgs.msg import BodyCommand
from pronk_msgs.msg import JointCommand as JointCommandMessage
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.experimental.events_executor import EventsExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from controllers.errors import ControlError
from controllers.gatekeeper import GatekeeperConfig
from controllers.robot.catalog import load_robot
from pronk_bringup.message_faults import INTACT
from pronk_node_kit.conversions import JointCommandDecoder, stamp_from_time, time_from_stamp
from pronk_node_kit.spin import ask_for_realtime
from pronk_node_kit.topics import (
    BODY_COMMAND,
    CMD_VEL,
    CONTROLLER_STATE,
    DIAGNOSTICS,
    FAULT_STATE,
    GATEKEEPER_STATE,
    MOTOR_COMMANDS,
    SERVICES,
    SIM_STATE,
    TRUE_ODOM,
    create_publisher,
    create_subscription,
)

WALKING = 2.0
SPEED = 0.3
DRIVE_PERIOD_S, GAIT_PERIOD_S = 0.05, 0.25
# Longest wait for anything that a busy machine may delay [s].
LONGEST_S = 30.0
# What arithmetic may add to a limit.
TOLERANCE = 1e-9


class DrillFailed(ControlError, RuntimeError):
    """The stack under the drill did not do what every case begins with."""


@dataclass(frozen=True)
class Sent:
    """One motor command.

    Attributes:
        stamp: Its stamp [s].
        damps: Whether it only damps.
        safe: Whether it is within all limits.
    """

    stamp: float
    damps: bool
    safe: bool


class Observer:
    """A node in the drill's own process."""

    def __init__(self, domain: int, topic: str, robot: str = "go2") -> None:
        """Join the domain of a launch.

        Args:
            domain: ROS domain.
            topic: Topic that is led through the fault node; empty for none.
            robot: Name of the robot, for its limits.
        """
        # Whoever judges a control loop must not be later than its nodes. Threads of the middleware inherit it.
        ask_for_realtime()
        self._context = Context()
        self._context.init(domain_id=domain)
        self._node = Node("drill", context=self._context)
        self._executor = EventsExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._limits = GatekeeperConfig.for_robot(load_robot(robot))
        self._decoder = JointCommandDecoder(MOTOR_COMMANDS.name)
        self._clients: dict[str, Any] = {}
        self._diagnostics: dict[str, dict[str, str]] = {}
        self._telemetry: dict[str, dict[str, float]] = {CONTROLLER_STATE.name: {}, SIM_STATE.name: {}}
        self._gait, self._velocity = "rest", 0.0
        self._next_drive = self._next_gait = 0.0
        self.sent: list[Sent] = []
        self.gate = self.fault = ""
        self.gates: list[str] = []
        self.track: list[tuple[float, float, float]] = []
        self._asked = {row.name: create_publisher(self._node, self._led(row, topic)) for row in (CMD_VEL, BODY_COMMAND)}
        motors = self._led(MOTOR_COMMANDS, topic)
        listeners: tuple[tuple[Any, Callable[[Any], None]], ...] = (
            (motors, self._on_motors),
            (GATEKEEPER_STATE, self._on_gate),
            (FAULT_STATE, self._on_fault),
            (TRUE_ODOM, self._on_truth),
            (DIAGNOSTICS, self._on_diagnostics),
            (CONTROLLER_STATE, lambda message: self._on_telemetry(CONTROLLER_STATE.name, message)),
            (SIM_STATE, lambda message: self._on_telemetry(SIM_STATE.name, message)),
        )
        deep = {row.name: replace(row, quality=replace(row.quality, depth=500)) for row, _ in listeners}
        self._heard = [create_subscription(self._node, deep[row.name], callback) for row, callback in listeners]

    @staticmethod
    def _led(row: Any, topic: str) -> Any:
        # Before the fault: what the publisher itself says and what the drill asks for.
        return replace(row, name=f"{row.name}/{INTACT}") if row.name == topic else row

    # What is heard

    def _on_motors(self, message: JointCommandMessage) -> None:
        stamp = time_from_stamp(message.header.stamp)
        damps = not any(message.stiffness) and not any(message.effort)
        self.sent.append(Sent(stamp, damps, self._is_safe(message)))

    def _is_safe(self, message: JointCommandMessage) -> bool:
        c = self._limits
        try:
            command = self._decoder.decode(message)
        except ControlError:
            return False
        held = command.stiffness > 0.0
        return bool(
            (~held | (command.position >= c.joint_lower - TOLERANCE)).all()
            and (~held | (command.position <= c.joint_upper + TOLERANCE)).all()
            and (np.abs(command.velocity) <= c.velocity_limit + TOLERANCE).all()
            and (np.abs(command.effort) <= c.torque_limit + TOLERANCE).all()
            and (command.stiffness <= c.max_stiffness).all()
            and (command.damping <= c.max_damping).all()
        )

    def _on_gate(self, message: Any) -> None:
        self.gate = message.data
        self.gates.append(message.data)

    def _on_fault(self, message: Any) -> None:
        self.fault = message.data

    def _on_truth(self, message: Any) -> None:
        stamp = time_from_stamp(message.header.stamp)
        self.track.append((stamp, message.pose.pose.position.z, message.twist.twist.linear.x))

    def _on_telemetry(self, name: str, message: Any) -> None:
        self._telemetry[name] = dict(zip(message.name, message.position, strict=True))

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            self._diagnostics[status.name] = {pair.key: pair.value for pair in status.values}

    @property
    def time(self) -> float:
        """Newest time of the simulated world [s]."""
        return self.track[-1][0] if self.track else 0.0

    @property
    def height(self) -> float:
        """Newest true height of the base [m]."""
        return self.track[-1][1] if self.track else 0.0

    def speed(self, duration: float) -> float:
        """Average the true forward speed.

        Args:
            duration: Over the newest so many seconds.

        Returns:
            Mean speed [m/s].
        """
        recent = [speed for stamp, _, speed in self.track[-500:] if stamp >= self.time - duration]
        return sum(recent) / len(recent) if recent else 0.0

    def telemetry(self, topic: str, name: str) -> float:
        """Return a named number of a telemetry topic; NaN before the first message.

        Args:
            topic: `controller_state` or `sim_state`.
            name: Name of the number.
        """
        return self._telemetry[topic].get(name, math.nan)

    def counter(self, name: str) -> int:
        """Return a counter of a node's diagnostics; -1 before its first report.

        Args:
            name: Full name of the node and name of the counter, such as "/mpc_node refused_inputs".
        """
        node, _, counter = name.partition(" ")
        return int(self._diagnostics.get(node, {}).get(counter, -1))

    def forget(self) -> None:
        """Begin to collect anew."""
        self.sent, self.gates, self.track = self.sent[-1:], [self.gate], self.track[-100:]
        # What was told before the fault says nothing of it.
        self._telemetry = {name: {} for name in self._telemetry}

    # What is done

    def ask(self, gait: str, velocity: float = 0.0) -> None:
        """Ask for a gait and a forward velocity from now on.

        Args:
            gait: Name of the gait.
            velocity: Velocity [m/s].
        """
        self._gait, self._velocity = gait, velocity
        self._next_drive = self._next_gait = 0.0

    def _drive(self) -> None:
        now = clock.monotonic()
        stamp = stamp_from_time(self.time)
        if now >= self._next_drive:
            self._next_drive = now + DRIVE_PERIOD_S
            twist = TwistStamped()
            twist.header.stamp, twist.twist.linear.x = stamp, self._velocity
            self._asked[CMD_VEL.name].publish(twist)
        if now >= self._next_gait:
            self._next_gait = now + GAIT_PERIOD_S
            body = BodyCommand(gait=self._gait, body_height=math.nan)
            body.header.stamp = stamp
            self._asked[BODY_COMMAND.name].publish(body)

    def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Drive on until something is true.

        Args:
            condition: What is waited for.
            timeout: Longest wait [s].

        Returns:
            Whether it came true.
        """
        end = clock.monotonic() + timeout
        while not condition():
            if clock.monotonic() > end:
                return False
            self._drive()
            self._executor.spin_once(timeout_sec=0.01)
        return True

    def spin(self, duration: float) -> None:
        """Drive on for a while.

        Args:
            duration: How long [s].
        """
        self.until(lambda: False, duration)

    def call(self, name: str) -> bool:
        """Call a service of the topic table that takes no argument.

        Args:
            name: Its name.

        Returns:
            Whether it granted the request.
        """
        client = self._clients.setdefault(name, self._node.create_client(SERVICES[name].type, name))
        return bool(self._answer(client, SERVICES[name].type.Request(), name).success)

    def _answer(self, client: Any, request: Any, name: str) -> Any:
        if not self.until(client.service_is_ready, LONGEST_S):
            raise DrillFailed(f"service '{name}' is not there")
        future = client.call_async(request)
        if not self.until(future.done, LONGEST_S):
            raise DrillFailed(f"service '{name}' does not answer")
        return future.result()

    def set_fault(self, fault: str) -> float:
        """Put a fault on the topic under test.

        Args:
            fault: Name of the fault.

        Returns:
            Stamp of the last message that passed as it came [s].

        Raises:
            DrillFailed: The fault node refuses or does not answer.
        """
        name = "fault_node/set_parameters"
        client = self._clients.setdefault(name, self._node.create_client(SetParameters, name))
        request = SetParameters.Request(parameters=[Parameter("fault", value=fault).to_parameter_msg()])
        result = self._answer(client, request, name).results[0]
        if not result.successful:
            raise DrillFailed(f"fault '{fault}' refused: {result.reason}")
        if not self.until(lambda: self.fault.startswith(f"{fault} after "), LONGEST_S):
            raise DrillFailed(f"the fault node does not announce '{fault}'")
        return float(self.fault.rpartition(" ")[2])

    # What every case begins with

    @property
    def walks(self) -> bool:
        """Whether the robot is armed, up and moving as asked."""
        return bool(
            self.gate.startswith("armed")
            and self.telemetry(CONTROLLER_STATE.name, "mode") == WALKING
            and self.height > 0.22
            and self.speed(0.4) > 0.5 * SPEED
            and self.sent
            and not self.sent[-1].damps
        )

    def make_walk(self, first: bool) -> None:
        """Bring the robot to a walk, from wherever it is.

        Args:
            first: Whether the launch has only begun.

        Raises:
            DrillFailed: It does not get there.
        """
        if first and not self.until(lambda: bool(self.track and self.gate and self.sent), 90.0):
            raise DrillFailed("the world does not start")
        self.ask("trot", SPEED)
        if not first and self.until(lambda: self.walks, 2.0):
            return
        for _ in range(3):
            self.ask("rest")
            self.spin(0.2)
            if not first:
                self.call("reset")
            first = False
            if self._stand_up():
                self.ask("trot", SPEED)
                if self.until(lambda: self.walks, LONGEST_S):
                    return
        mode = self.telemetry(CONTROLLER_STATE.name, "mode")
        raise DrillFailed(f"the robot does not walk: gatekeeper '{self.gate}', mode {mode}, height {self.height:.2f} m")

    def _stand_up(self) -> bool:
        def ready() -> bool:
            if self.gate.startswith("stopped"):
                self.call("release")
                self.spin(0.1)
            return self.gate.startswith("armed")

        if not self.until(ready, LONGEST_S):
            return False
        self.spin(0.3)
        self.ask("stand")

        def up() -> bool:
            return ready() and self.height > 0.25 and self.telemetry(CONTROLLER_STATE.name, "mode") == WALKING

        return self.until(up, LONGEST_S)

    def close(self) -> None:
        """Leave the domain."""
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()
        if hasattr(os, "sched_setscheduler"):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
