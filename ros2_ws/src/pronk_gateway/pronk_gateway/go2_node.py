"""A real Go2, or a fake that speaks like one: its readings in, motor commands out, and the last layer of safety."""

import sys
import time as clock
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus
from pronk_msgs.msg import JointCommand as JointCommandMessage
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from std_srvs.srv import Trigger
from unitree_api.msg import Request, Response

from controllers.errors import ControlError
from controllers.robot.catalog import load_robot
from controllers.robot.unitree.cdr import CdrCodec
from controllers.robot.unitree.commands import LowCommandEncoder
from controllers.robot.unitree.driver import DriverConfig, Go2Driver, Phase
from controllers.robot.unitree.health import Health, HealthLimits
from controllers.robot.unitree.layout import LOW_COMMAND, LOW_STATE
from controllers.robot.unitree.motion_mode import Call, ModePhase, ModeSwitch, lies
from controllers.robot.unitree.readings import LowStateReader
from pronk_gateway.vendor_topics import (
    DRY_RUN_TOPIC,
    LOW_COMMAND_TOPIC,
    LOW_STATE_TOPIC,
    REQUEST_TOPICS,
    RESPONSE_TOPICS,
)
from pronk_node_kit.conversions import JointCommandDecoder, RobotStateEncoder
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import (
    FOOT_SENSORS,
    IMU,
    JOINT_STATES,
    MOTOR_COMMANDS,
    create_publisher,
    create_subscription,
)

# Longest wait for the last message to arrive; much less than the time between SIGINT and SIGTERM of a launch.
FAREWELL_S = 0.3
HANDED_OVER = (ModePhase.FREE, ModePhase.RETURNED)


@dataclass(frozen=True)
class Go2Parameters:
    """Parameters of the driver."""

    dry_run: bool = param(
        True,
        "Send nothing to the robot; what would be sent goes to lowcmd_dry_run, and its own controller stays active.",
    )
    take_at_start: bool = param(
        True, "Have the robot lie down and its own controller let go at the start, without the service ~/take."
    )
    give_back_at_end: bool = param(
        False, "Activate the robot's own controller again when the node ends and the robot lies; it may then stand up."
    )
    check_crc: bool = param(True, "Refuse readings with a wrong checksum.")
    command_timeout_s: float = param(
        0.06, "Age of the newest motor command that stops the active robot [s].", ge=0.004, le=1.0
    )
    reading_timeout_s: float = param(0.06, "Age of the newest reading that stops the robot [s].", ge=0.004, le=1.0)
    watchdog_period_s: float = param(0.01, "Time between checks while nothing comes in [s].", ge=0.002, le=0.1)
    damping: float = param(3.0, "Joint damping while stopped [N m s/rad].", ge=0.1, le=20.0)
    largest_start_rad: float = param(
        0.3, "How far the first targets may lie from the measured angles [rad].", ge=0.02, le=1.0
    )
    sit_rate: float = param(1.5, "Largest joint speed while sitting down [rad/s].", ge=0.1, le=5.0)
    motor_warn_degc: float = param(70.0, "Temperature of a motor that warns [degC].", ge=0.0, le=127.0)
    motor_sit_degc: float = param(85.0, "Temperature of a motor that sits the robot down [degC].", ge=0.0, le=127.0)
    battery_warn_percent: float = param(25.0, "State of charge that warns [%].", ge=0.0, le=100.0)
    battery_sit_percent: float = param(15.0, "State of charge that sits the robot down [%].", ge=0.0, le=100.0)
    missed_warn: float = param(0.05, "Share of readings missing in a second that warns.", ge=0.0, le=1.0)
    missed_sit: float = param(0.5, "Share of readings missing in a second that sits the robot down.", ge=0.0, le=1.0)
    motor_lost_sit: float = param(
        100.0, "Packets that one motor loses in a second that sit the robot down.", ge=1.0, le=1e6
    )
    foot_newton_per_count: float = param(
        1.0, "Scale of the raw foot sensors [N]; those of a real robot are not calibrated.", ge=1e-4, le=1e4
    )

    def driver(self) -> DriverConfig:
        """Translate to the core's configuration."""
        return DriverConfig(
            command_timeout=self.command_timeout_s,
            reading_timeout=self.reading_timeout_s,
            damping=self.damping,
            largest_start=self.largest_start_rad,
            sit_rate=self.sit_rate,
            health=HealthLimits(
                self.motor_warn_degc,
                self.motor_sit_degc,
                self.battery_warn_percent,
                self.battery_sit_percent,
                self.missed_warn,
                self.missed_sit,
                self.motor_lost_sit,
            ),
        )


class Go2Node(KitNode):
    """Wraps `Go2Driver`.

    Its clock starts at the time of day and is carried on by a steady one, so no jump of the former reaches the robot.
    A motor command is passed on when it comes; a reading that finds none since the last reading has the one in force
    sent again, so the robot gets as many commands as it sends readings.
    """

    Parameters = Go2Parameters

    def __init__(self) -> None:
        """Build the driver and join robot and gatekeeper."""
        super().__init__("go2_node")
        p: Go2Parameters = self.parameters
        self._driver = Go2Driver(load_robot("go2"), p.driver())
        self._reader = LowStateReader(p.check_crc, p.foot_newton_per_count)
        self._encoder = LowCommandEncoder()
        self._states = CdrCodec("lowstate", LOW_STATE)
        self._commands = CdrCodec("lowcmd", LOW_COMMAND)
        self._decoder = JointCommandDecoder("motor_commands")
        self._messages = RobotStateEncoder()
        begin = clock.time_ns()
        self._offset = begin - clock.monotonic_ns()
        self._switch = ModeSwitch(begin)
        self._last_bytes = b""
        self._sent_since_reading = False
        self._feet_wanted = True
        self._announced: tuple[object, ...] = ()
        self._crowded = ""
        self._out = {row.name: create_publisher(self, row) for row in (JOINT_STATES, IMU, FOOT_SENSORS)}
        self._motors = create_publisher(self, DRY_RUN_TOPIC if p.dry_run else LOW_COMMAND_TOPIC)
        self._calls = {} if p.dry_run else {s: create_publisher(self, row) for s, row in REQUEST_TOPICS.items()}
        d = self.diagnostics
        self._input = d.input("robot", 0.1)
        self._refused = d.counter("refused_readings")
        self._repeated = d.counter("repeated_readings")
        self._bad_commands = d.counter("refused_commands")
        self._reading_rate = d.rate("readings")
        self._command_rate = d.rate("commands")
        d.value("dry_run", lambda: p.dry_run)
        d.value("phase", lambda: self._driver.phase.value)
        d.value("reason", lambda: self._driver.reason)
        d.value("hand_over", lambda: f"{self._switch.phase.value}: {self._switch.reason}")
        d.value("missed_readings", lambda: self._driver.monitor.missed)
        d.value("refused_starts", lambda: self._driver.refused_starts)
        d.value("battery [%]", lambda: self._driver.reading.battery if self._driver.reading else "unknown")
        d.value("hottest motor [degC]", self._hottest)
        self._inputs = [
            create_subscription(self, LOW_STATE_TOPIC, self._on_low_state, raw=True, best_effort=True),
            create_subscription(self, MOTOR_COMMANDS, self._on_command),
            *(create_subscription(self, row, self._on_answer) for row in RESPONSE_TOPICS.values()),
        ]
        self._services_offered = [
            self.create_service(Trigger, f"~/{name}", answer)
            for name, answer in (
                ("take", self._on_take),
                ("give_back", self._on_give_back),
                ("stop", self._on_stop_request),
                ("sit", self._on_sit),
                ("release", self._on_release),
            )
        ]
        self._gate = self.create_client(Trigger, "stop")
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._watchdog = self.create_timer(p.watchdog_period_s, self._watch, clock=steady)
        self._lookout = self.create_timer(1.0, self._look_around, clock=steady)
        if p.dry_run:
            self._driver.permit()
        elif p.take_at_start:
            self._switch.take()
        self._announce()
        self.get_logger().info("ready: dry run, nothing is sent to the robot" if p.dry_run else "ready")

    def _now(self) -> float:
        return (clock.monotonic_ns() + self._offset) * 1e-9

    def _hottest(self) -> object:
        reading = self._driver.reading
        return "unknown" if reading is None else int(reading.motor_temperature.max())

    # Robot

    def _on_low_state(self, data: bytes) -> None:
        now = self._now()
        if data == self._last_bytes:
            self._repeated.add()
            return
        try:
            reading = self._reader.read(self._states.decode(data), now)
        except ControlError as error:
            self._refused.add()
            self.get_logger().warning(f"reading refused: {error}", throttle_duration_sec=1.0)
            return
        self._last_bytes = data
        self._input.mark()
        self._reading_rate.tick()
        self._driver.on_reading(reading, now)
        joints, imu, feet = self._messages.encode(reading.state)
        if feet is not None and self._feet_wanted:
            self._out[FOOT_SENSORS.name].publish(feet)
        self._out[IMU.name].publish(imu)
        self._out[JOINT_STATES.name].publish(joints)
        if not self._sent_since_reading:
            self._send(now)
        self._sent_since_reading = False
        self._hand_over(now)
        self._announce()

    def _on_command(self, message: JointCommandMessage) -> None:
        now = self._now()
        try:
            self._driver.on_command(self._decoder.decode(message), now)
        except ControlError as error:
            self._bad_commands.add()
            self.get_logger().warning(f"motor command refused: {error}", throttle_duration_sec=1.0)
            return
        self._send(now)
        self._sent_since_reading = True

    def _send(self, now: float) -> None:
        output = self._driver.output(now)
        if output is None:
            return
        self._motors.publish(self._commands.encode(self._encoder.encode(output)))
        self._command_rate.tick()

    def _watch(self) -> None:
        """Act while the robot is silent; otherwise every reading does."""
        if self._input.age() < self.parameters.watchdog_period_s:
            return
        now = self._now()
        self._send(now)
        self._hand_over(now)
        self._announce()

    def _look_around(self) -> None:
        self._feet_wanted = self._out[FOOT_SENSORS.name].get_subscription_count() > 0
        count = self.count_publishers(LOW_STATE_TOPIC.name)
        self._crowded = f"{count} robots publish on {LOW_STATE_TOPIC.name}" if count > 1 else ""
        if self._crowded:
            self._driver.stop(self._crowded)
            self._announce()

    # Hand-over of the motors

    def _hand_over(self, now: float) -> None:
        if self._crowded or self._switch.phase in (ModePhase.IDLE, *HANDED_OVER, ModePhase.FAILED):
            return
        reading = self._driver.reading
        call = self._switch.step(None if reading is None else reading.state, now)
        if call is not None:
            self._call(call)

    def _call(self, call: Call) -> None:
        request = Request(parameter=call.parameter)
        request.header.identity.id = call.number
        request.header.identity.api_id = int(call.function)
        self._calls[call.service].publish(request)

    def _on_answer(self, message: Response) -> None:
        header = message.header
        self._switch.on_answer(header.identity.id, header.status.code, message.data, self._now())
        if self._switch.phase is ModePhase.FREE:
            self._driver.permit()
        self._announce()

    def _announce(self) -> None:
        driver, switch = self._driver, self._switch
        news = (driver.phase, driver.reason, switch.phase, switch.reason, driver.health, self._crowded)
        if news == self._announced:
            return
        before, self._announced = self._announced, news
        stopped = driver.phase in (Phase.STOPPED, Phase.SITTING)
        failed = switch.phase is ModePhase.FAILED
        text = f"{driver.phase.value}: {driver.reason}"
        if switch.phase not in (ModePhase.IDLE, *HANDED_OVER):
            text = f"{text}; hand-over {switch.phase.value}: {switch.reason}"
        if stopped or failed or self._crowded:
            level = DiagnosticStatus.ERROR
            self.get_logger().error(text)
        elif driver.health is not Health.GOOD:
            level = DiagnosticStatus.WARN
            text = f"{text}; {driver.health_reason}"
            self.get_logger().warning(text)
        else:
            level = DiagnosticStatus.OK
            self.get_logger().info(text)
        self.diagnostics.set_level(level, text)
        if stopped and before and before[0] not in (Phase.STOPPED, Phase.SITTING) and self._gate.service_is_ready():
            # The controller upstream must not go on as if it were heard.
            self._gate.call_async(Trigger.Request())

    # Services

    def _on_take(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self.parameters.dry_run:
            response.success, response.message = False, "this is a dry run: nothing is sent to the robot"
        elif self._driver.phase is not Phase.WAITING:
            response.success, response.message = False, f"the motors are here already: {self._driver.phase.value}"
        else:
            self._switch.take()
            response.success, response.message = True, "the robot is asked to hand over its motors"
        return response

    def _on_give_back(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        reading = self._driver.reading
        if self.parameters.dry_run:
            response.success, response.message = False, "this is a dry run: the robot has its motors"
        elif reading is None or not lies(reading.state):
            response.success, response.message = False, "the robot does not lie still: have it sit first"
        elif not self._switch.mode:
            response.success, response.message = False, "no mode was active when the motors were taken over"
        else:
            response.success, response.message = self._driver.revoke()
            if response.success:
                self._switch.give_back()
        self._announce()
        return response

    def _on_stop_request(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._driver.stop("stop service called")
        self._send(self._now())
        self._announce()
        response.success, response.message = True, f"{self._driver.phase.value}: {self._driver.reason}"
        return response

    def _on_sit(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._driver.sit("sit service called", self._now())
        self._announce()
        response.success = self._driver.phase is Phase.SITTING
        response.message = f"{self._driver.phase.value}: {self._driver.reason}"
        return response

    def _on_release(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._driver.release()
        self._announce()
        return response

    def on_stop(self) -> None:
        """Leave the motors damped, and give them back where that was asked for."""
        self._driver.stop("go2_node ends")
        self._send(self._now())
        self._motors.wait_for_all_acked(Duration(seconds=FAREWELL_S))
        reading = self._driver.reading
        if not self.parameters.give_back_at_end or not self._calls or reading is None or not lies(reading.state):
            return
        if self._driver.revoke()[0] and self._switch.give_back():
            call = self._switch.step(reading.state, self._now())
            if call is not None:
                self._call(call)
                self._calls[call.service].wait_for_all_acked(Duration(seconds=FAREWELL_S))


def main() -> int:
    """Run the node."""
    return run_node(Go2Node, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
