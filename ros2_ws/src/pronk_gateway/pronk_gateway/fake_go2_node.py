"""A fake Go2 on the vendor's topics, and the operator who drives it through a scenario."""

import os
import sys
import time as clock
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from nav_msgs.msg import Odometry
from rclpy.clock import Clock, ClockType
from std_srvs.srv import Trigger
from unitree_api.msg import Request, Response

from controllers.errors import ControlError
from controllers.robot.unitree.cdr import CdrCodec
from controllers.robot.unitree.layout import LOW_COMMAND, LOW_STATE
from controllers.robot.unitree.motion_mode import SPORT, SWITCHER
from controllers.robot.unitree.remote import BUTTONS
from pronk_gateway.command_times import LATE_PERIODS, CommandTimes
from pronk_gateway.ground_truth_messages import odometry_message
from pronk_gateway.pace import Pace
from pronk_gateway.vendor_topics import LOW_COMMAND_TOPIC, LOW_STATE_TOPIC, REQUEST_TOPICS, RESPONSE_TOPICS
from pronk_node_kit.conversions import LocomotionCommandEncoder, telemetry_message
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import ParameterError, param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import (
    BODY_COMMAND,
    CMD_VEL,
    JOINT_COMMANDS,
    SIM_STATE,
    TRUE_ODOM,
    create_publisher,
    create_subscription,
)
from sim.fake_go2 import VENDOR_MODE, FakeGo2, Faults
from sim.first_steps import first_steps
from sim.ground_truth import has_fallen
from sim.scenarios import SCENARIOS, get_scenario

FIRST_STEPS = "first_steps"
SCRIPTS = (FIRST_STEPS, *sorted(SCENARIOS))
PERIOD_S = 0.002
# Accepted commands after which the chain of nodes counts as complete.
SETTLED_COMMANDS = 100
# Longest standstill for a late command; less than any watchdog that goes with it allows.
PATIENCE_S = 0.3


@dataclass(frozen=True)
class FakeGo2Parameters:
    """Parameters of the fake robot; what can be wrong with it may be changed while it runs."""

    scenario: str = param(FIRST_STEPS, "What its operator asks for.", choices=SCRIPTS)
    seed: int = param(0, "Seed of the sensor noise.", ge=0)
    motion_mode: str = param(VENDOR_MODE, "Motion mode of the vendor that is active at first; empty for none.")
    publish_commands: bool = param(
        True, "Be the operator as well: arm the gatekeeper and publish the scenario's commands."
    )
    exit_at_end: bool = param(True, "End the process when the scenario is over; else go on with its last command.")
    wait_for_nodes_s: float = param(
        120.0, "Longest wait for the other nodes before the scenario begins [s].", ge=1.0, le=600.0
    )
    max_command_age_s: float = param(
        0.0,
        "Age of the newest command from which the world stands still for up to 0.3 s, so that a busy machine makes it "
        "slower and not worse [s]; 0 never waits, as no robot does.",
        ge=0.0,
        le=1.0,
    )
    silent: bool = param(False, "Send no readings at all.", read_only=False)
    motor_temperature: int = param(35, "Of the hottest motor [degC].", ge=0, le=127, read_only=False)
    battery: int = param(80, "State of charge [%].", ge=0, le=100, read_only=False)
    lost_readings: float = param(0.0, "Share of readings that are never sent.", ge=0.0, le=1.0, read_only=False)
    spoilt_readings: float = param(0.0, "Share of readings with a wrong bit.", ge=0.0, le=1.0, read_only=False)
    motor_lost_per_second: float = param(0.0, "Packets that the motors lose [1/s].", ge=0.0, le=1e5, read_only=False)
    pressed: str = param("", "Buttons of the remote control, such as L2+B.", read_only=False)

    def __post_init__(self) -> None:
        """Refuse buttons that the remote control does not have.

        Raises:
            ParameterError: Names the button and those that exist.
        """
        for name in self.buttons:
            if name not in BUTTONS:
                raise ParameterError(f"parameter 'pressed' must name buttons of: {', '.join(BUTTONS)}; got '{name}'")

    @property
    def buttons(self) -> tuple[str, ...]:
        """Names of the buttons that are pressed."""
        return tuple(self.pressed.split("+")) if self.pressed else ()

    def faults(self) -> Faults:
        """Translate to the core's form."""
        return Faults(
            self.motor_temperature,
            self.battery,
            self.lost_readings,
            self.spoilt_readings,
            self.motor_lost_per_second,
            self.buttons,
        )


class FakeGo2Node(KitNode):
    """Wraps `FakeGo2`; its world runs in real time from the start, as a robot does."""

    Parameters = FakeGo2Parameters

    def __init__(self) -> None:
        """Build the robot."""
        super().__init__("fake_go2_node")
        p: FakeGo2Parameters = self.parameters
        make = first_steps if p.scenario == FIRST_STEPS else partial(get_scenario, p.scenario)
        self._scenario = make("go2", p.seed)
        quiet = replace(self._scenario, disturbances=())
        self._backend = quiet.backend(quiet.sim_config(control_dt=PERIOD_S))
        self._robot = FakeGo2(self._backend, p.motion_mode, p.seed)
        self._robot.faults = p.faults()
        self._states = CdrCodec("lowstate", LOW_STATE)
        self._commands = CdrCodec("lowcmd", LOW_COMMAND)
        self._times = CommandTimes(PERIOD_S)
        self._asker = LocomotionCommandEncoder()
        self._low_state = create_publisher(self, LOW_STATE_TOPIC)
        self._out = {row.name: create_publisher(self, row) for row in (SIM_STATE, TRUE_ODOM, CMD_VEL, BODY_COMMAND)}
        self._truth_message = Odometry()
        self._answers = {s: create_publisher(self, row) for s, row in RESPONSE_TOPICS.items()}
        self._fell = self._over = False
        self._newest = -1.0
        self._starting = clock.monotonic()
        self._waited = 0.0
        self._pace = Pace(PERIOD_S, limit=p.max_command_age_s, patience=PATIENCE_S)
        self._pace.begin(clock.monotonic())
        self._begin: float | None = None
        self._next_try = 0.0
        self._next_command = self._next_truth = self._next_state = -np.inf
        d = self.diagnostics
        d.value("motion_mode", lambda: self._robot.mode or "none")
        d.value("commands", lambda: dict(self._robot.counts))
        d.value("late_commands [%]", lambda: f"{100 * self._times.summary()['lowcmd_late_fraction']:.2f}")
        d.value("fell", lambda: self._fell)
        self._garbled = d.counter("garbled_commands")
        self._inputs = [
            create_subscription(self, LOW_COMMAND_TOPIC, self._on_command, raw=True),
            *(
                create_subscription(self, REQUEST_TOPICS[service], lambda m, s=service: self._on_request(s, m))
                for service in (SWITCHER, SPORT)
            ),
        ]
        self._arm = self.create_client(Trigger, "arm")
        self._disarm = self.create_client(Trigger, "disarm")
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._stepper = self.create_timer(PERIOD_S, self._catch_up, clock=self._steady)
        self.get_logger().info(f"ready: a fake Go2 lies here; mode '{p.motion_mode}', scenario '{p.scenario}'")

    def on_parameters(self, parameters: FakeGo2Parameters) -> None:
        """Make the robot worse or better.

        Args:
            parameters: The new values.
        """
        super().on_parameters(parameters)
        self._robot.faults = parameters.faults()

    # Robot

    def _on_command(self, data: bytes) -> None:
        now = clock.monotonic()
        try:
            record = self._commands.decode(data)
        except ControlError as error:
            self._garbled.add()
            self.get_logger().warning(f"command refused: {error}", throttle_duration_sec=1.0)
            return
        if self._robot.receive(record):
            self._newest = self._backend.time
            self._pace.hear()
            if self._begin is not None:
                self._times.observe(now)

    def _on_request(self, service: str, message: Request) -> None:
        identity = message.header.identity
        code, data = self._robot.call(service, identity.api_id, message.parameter)
        self.get_logger().info(f"{service} {identity.api_id} {message.parameter} -> {code} {data}")
        response = Response(data=data)
        response.header.identity = identity
        response.header.status.code = code
        self._answers[service].publish(response)

    def _catch_up(self) -> None:
        for _ in range(self._pace.due(clock.monotonic())):
            if self._waits():
                return
            self._step()

    def _waits(self) -> bool:
        """Tell whether the world stands still for a late command; before the scenario it waits for nobody."""
        return self._begin is not None and self._pace.waits(clock.monotonic(), self._backend.time - self._newest)

    def _step(self) -> None:
        self._robot.advance()
        now = clock.monotonic()
        late = now - self._pace.last_step
        if late > LATE_PERIODS * PERIOD_S:
            self._waited += late - PERIOD_S
        self._pace.step(now)
        record = self._robot.low_state()
        if record is not None and not self.parameters.silent:
            self._low_state.publish(self._states.encode(record))
        time = self._backend.time
        if time >= self._next_truth - 1e-9:
            self._next_truth = time + 0.01
            truth = self._backend.ground_truth()
            if self._begin is not None:
                self._fell = self._fell or has_fallen(truth, self._scenario.upright(time - self._begin))
            self._out[TRUE_ODOM.name].publish(odometry_message(truth, self._truth_message))
        if time >= self._next_state - 1e-9:
            self._next_state = time + 0.5
            self._out[SIM_STATE.name].publish(telemetry_message(self._telemetry(), time))
        if self.parameters.publish_commands:
            self._operate(time)

    def _telemetry(self) -> dict[str, float]:
        counts = self._robot.counts
        refused = sum(counts.values()) - counts["accepted"]
        return {
            **self._times.summary(),
            "lowcmd_accepted": float(counts["accepted"]),
            "lowcmd_refused": float(refused),
            "fell": float(self._fell),
        }

    # Operator

    def _operate(self, time: float) -> None:
        if self._begin is None:
            self._try_start(time)
            return
        elapsed = time - self._begin
        if time >= self._next_command - 1e-9:
            self._next_command = time + 0.05
            # Stamp 0: meant for now, whatever the clock of the robot's readings.
            twist, body = self._asker.encode(self._scenario.command(elapsed), 0.0)
            self._out[CMD_VEL.name].publish(twist)
            self._out[BODY_COMMAND.name].publish(body)
        if elapsed >= self._scenario.duration_s and self.parameters.exit_at_end and not self._over:
            self._leave()

    def _try_start(self, time: float) -> None:
        now = clock.monotonic()
        if now - self._starting > self.parameters.wait_for_nodes_s:
            self.get_logger().error(f"no start after {self.parameters.wait_for_nodes_s} s: {self._missing()}")
            self.finish(1)
            return
        if now < self._next_try:
            return
        self._next_try = now + 0.5
        missing = self._missing()
        if missing:
            self.get_logger().info(f"the operator waits: {missing}", throttle_duration_sec=5.0)
            return
        self._arm.call_async(Trigger.Request()).add_done_callback(lambda future: self._on_armed(future.result()))

    def _missing(self) -> str:
        if self._robot.counts["accepted"] < SETTLED_COMMANDS:
            return f"no commands are accepted yet, got {dict(self._robot.counts)}"
        if self.count_publishers(JOINT_COMMANDS.name) < 1:
            return f"nobody publishes {JOINT_COMMANDS.name}"
        return "" if self._arm.service_is_ready() else "nobody offers the service arm"

    def _on_armed(self, answer: Trigger.Response) -> None:
        if self._begin is not None:
            return
        if not answer.success:
            self.get_logger().warning(f"not armed: {answer.message}", throttle_duration_sec=2.0)
            if answer.message.startswith("stopped"):
                # An operator would look what is wrong; this one gives up.
                self.finish(1)
            return
        self._begin = self._newest = self._backend.time
        self._times = CommandTimes(PERIOD_S)
        self._waited = 0.0
        self._backend.set_disturbances([self._shifted(d) for d in self._scenario.disturbances])
        self.get_logger().info(f"{answer.message}: the scenario begins")

    def _shifted(self, disturbance: object) -> object:
        begin, until = self._backend.elapsed, disturbance.until_s
        return replace(disturbance, at_s=disturbance.at_s + begin, until_s=None if until is None else until + begin)

    def _leave(self) -> None:
        self._over = True
        t, counts = self._times.summary(), dict(self._robot.counts)
        load = os.getloadavg()[0]
        outcome = "the robot fell" if self._fell else "the robot did not fall"
        self.get_logger().info(
            f"scenario '{self._scenario.name}' is over: {outcome}; commands {counts}; {t['lowcmd_rate_hz']:.0f} Hz, "
            f"{100 * t['lowcmd_late_fraction']:.2f} % later than {1e3 * LATE_PERIODS * PERIOD_S:.0f} ms, interval p50 "
            f"{1e3 * t['lowcmd_interval_p50_s']:.2f}, p99 {1e3 * t['lowcmd_interval_p99_s']:.2f}, max "
            f"{1e3 * t['lowcmd_interval_max_s']:.1f} ms; the fake itself was behind for {self._waited:.2f} s; load "
            f"average {load:.1f} on {os.cpu_count()} cores"
        )
        if self._disarm.service_is_ready():
            self._disarm.call_async(Trigger.Request()).add_done_callback(lambda _: self.finish(0))
        # Whether or not the gatekeeper answers.
        self._farewell = self.create_timer(0.3, lambda: self.finish(0), clock=self._steady)


def main() -> int:
    """Run the node."""
    return run_node(FakeGo2Node, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
