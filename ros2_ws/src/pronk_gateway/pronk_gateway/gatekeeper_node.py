"""The only publisher of motor commands: checks, limits, watches and stops."""

import sys
import time as clock
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus
from pronk_msgs.msg import JointCommand as JointCommandMessage
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from controllers.errors import ControlError
from controllers.gatekeeper import Gatekeeper, GatekeeperConfig, GatekeeperInfo, GatekeeperState
from controllers.robot.catalog import ROBOTS, load_robot
from controllers.robot.interface import JointCommand, RobotState
from pronk_node_kit.conversions import JointCommandDecoder, JointCommandEncoder, RobotStateDecoder
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.synchroniser import Synchroniser
from pronk_node_kit.topics import (
    GATEKEEPER_STATE,
    IMU,
    JOINT_COMMANDS,
    JOINT_STATES,
    MOTOR_COMMANDS,
    create_publisher,
    create_service,
    create_subscription,
)

# Longest wait for the last command to arrive; much less than the time between SIGINT and SIGTERM of a launch.
FAREWELL_S = 0.5


@dataclass(frozen=True)
class GatekeeperParameters:
    """Parameters of the gatekeeper."""

    robot: str = param("go2", "Name of the robot.", choices=tuple(sorted(ROBOTS)))
    auto_arm: bool = param(
        False, "Arm on the first good reading, and after a release, without the service; for simulation only."
    )
    lockstep: bool = param(False, "Time is that of the messages alone; the simulator waits for every command.")
    command_timeout_s: float = param(0.05, "Age of the newest command that stops the robot [s].", ge=0.004, le=1.0)
    state_timeout_s: float = param(0.05, "Age of the newest reading that stops the robot [s].", ge=0.004, le=1.0)
    watchdog_period_s: float = param(0.01, "Time between checks while nothing comes in [s].", ge=0.002, le=0.1)
    max_roll_rad: float = param(1.0, "Roll that stops the robot [rad].", ge=0.1, le=3.1)
    max_pitch_rad: float = param(1.0, "Pitch that stops the robot [rad].", ge=0.1, le=1.5)
    damping: float = param(3.0, "Joint damping while stopped [N m s/rad].", ge=0.1, le=20.0)


class GatekeeperNode(KitNode):
    """Wraps `Gatekeeper`.

    Its clock is that of the readings, carried on by a steady clock between them, so that silence of the
    robot counts as well as silence of the controller, and a jump of the wall clock does not.
    """

    Parameters = GatekeeperParameters

    def __init__(self) -> None:
        """Build the gatekeeper, its topics, services and watchdog."""
        super().__init__("gatekeeper_node")
        p: GatekeeperParameters = self.parameters
        self._gatekeeper = Gatekeeper(
            GatekeeperConfig.for_robot(
                load_robot(p.robot),
                command_timeout_s=p.command_timeout_s,
                state_timeout_s=p.state_timeout_s,
                max_roll=p.max_roll_rad,
                max_pitch=p.max_pitch_rad,
                damping=p.damping,
            )
        )
        self._states = RobotStateDecoder()
        self._commands = JointCommandDecoder()
        self._encoder = JointCommandEncoder()
        self._motors = create_publisher(self, MOTOR_COMMANDS)
        self._announcement = create_publisher(self, GATEKEEPER_STATE)
        self._announced = ""
        self._time = 0.0
        self._received = clock.monotonic()
        self._fresh: RobotState | None = None
        self._state_time = -1.0
        self._waiting: JointCommand | None = None
        self._published = clock.monotonic()
        self._info: GatekeeperInfo | None = None
        self._arms_itself = p.auto_arm
        d = self.diagnostics
        self._input = d.input("robot", 0.1)
        self._refused = d.counter("refused_messages")
        d.value("state", lambda: self._gatekeeper.state.value)
        d.value("reason", lambda: self._gatekeeper.reason)
        for kind in Gatekeeper.COUNTERS:
            d.value(kind, lambda kind=kind: self._info.counters[kind] if self._info else 0)
        inputs = Synchroniser([JOINT_STATES.name, IMU.name], self._on_state)
        self._inputs = [create_subscription(self, row, inputs.receiver(row.name)) for row in (JOINT_STATES, IMU)] + [
            create_subscription(self, JOINT_COMMANDS, self._on_command)
        ]
        self._services_offered = [
            create_service(self, "arm", self._on_arm),
            create_service(self, "disarm", self._on_disarm),
            create_service(self, "stop", self._on_stop_request),
            create_service(self, "release", self._on_release),
        ]
        if not p.lockstep:
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self._watchdog = self.create_timer(p.watchdog_period_s, self._watch, clock=steady)
        self._announce()
        self.get_logger().info("ready")

    def _on_state(self, joints: JointState, imu: Imu) -> None:
        try:
            state = self._states.decode(joints, imu)
        except ControlError as error:
            self._refuse(f"reading refused: {error}")
            return
        self._look_for_stall(state.time)
        self._fresh = state
        self._state_time = state.time
        self._time = max(self._time, state.time)
        self._received = clock.monotonic()
        self._input.mark()
        if self._arms_itself and self._gatekeeper.state is GatekeeperState.DISARMED:
            self._gatekeeper.step(state, None, self._time)
            outcome = self._gatekeeper.arm(self._time)
            self._fresh = None
            self.get_logger().info(outcome.message, throttle_duration_sec=1.0)
            self._announce()
        if self._waiting is not None and self._waiting.time <= state.time:
            command, self._waiting = self._waiting, None
            self._pass(command)

    def _look_for_stall(self, time: float) -> None:
        """Stop when this process itself slept past a time-out: fresh messages alone would hide that."""
        p, gap = self.parameters, time - self._time
        if self._state_time < 0.0 or p.lockstep or gap <= p.state_timeout_s:
            return
        if self._gatekeeper.state is GatekeeperState.ARMED:
            self._gatekeeper.stop(f"no check of the robot for {gap:.3f} s, allowed {p.state_timeout_s} s")

    def _on_command(self, message: JointCommandMessage) -> None:
        try:
            command = self._commands.decode(message)
        except ControlError as error:
            self._refuse(f"command refused: {error}")
            return
        lead, allowed = command.time - self._state_time, self.parameters.command_timeout_s
        if self._state_time >= 0.0 and lead > allowed:
            # Held until its time, it would pass for a fresh one then.
            self._refuse(f"command refused: its stamp lies {lead:.3f} s ahead of the robot's, allowed {allowed} s")
        elif lead > 0.0:
            # The reading that it answers is still on its way here.
            self._waiting = command
        else:
            self._waiting = None
            self._pass(command)

    def _pass(self, command: JointCommand | None) -> None:
        state, self._fresh = self._fresh, None
        output, self._info = self._gatekeeper.step(state, command, self._time)
        if self._info.refusal:
            self.get_logger().warning(self._info.refusal, throttle_duration_sec=1.0)
        self._motors.publish(self._encoder.encode(output))
        self._published = clock.monotonic()
        self._announce()

    def _watch(self) -> None:
        """Step without a command when none has come for a while, so that time-outs act."""
        now = clock.monotonic()
        # The timer's own jitter must not make the watchdog skip every second turn.
        if now - self._published < 0.5 * self.parameters.watchdog_period_s:
            return
        if self._state_time >= 0.0:
            self._time = max(self._time, self._state_time + (now - self._received))
        self._pass(None)

    def _refuse(self, why: str) -> None:
        self._refused.add()
        self.get_logger().warning(why, throttle_duration_sec=1.0)

    def _announce(self) -> None:
        text = f"{self._gatekeeper.state.value}: {self._gatekeeper.reason}"
        if text == self._announced:
            return
        self._announced = text
        self._announcement.publish(String(data=text))
        stopped = self._gatekeeper.state is GatekeeperState.STOPPED
        if stopped:
            self.get_logger().error(text)
        else:
            self.get_logger().info(text)
        self.diagnostics.set_level(DiagnosticStatus.ERROR if stopped else DiagnosticStatus.OK, text)

    def _on_arm(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._fresh is not None:
            self._gatekeeper.step(self._fresh, None, self._time)
            self._fresh = None
        response.success, response.message = self._gatekeeper.arm(self._time)
        self._announce()
        return response

    def _on_disarm(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._arms_itself = False
        response.success, response.message = self._gatekeeper.disarm()
        self._pass(None)
        return response

    def _on_stop_request(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._gatekeeper.stop("stop service called")
        self._pass(None)
        return response

    def _on_release(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._gatekeeper.release()
        self._arms_itself = self.parameters.auto_arm
        self._announce()
        return response

    def on_stop(self) -> None:
        """Leave the motors damped."""
        self._gatekeeper.stop("gatekeeper ends")
        output, self._info = self._gatekeeper.step(None, None, self._time)
        self._motors.publish(self._encoder.encode(output))
        # A message that is still on its way when its publisher goes away may be lost.
        self._motors.wait_for_all_acked(Duration(seconds=FAREWELL_S))


def main() -> int:
    """Run the node."""
    return run_node(GatekeeperNode, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
