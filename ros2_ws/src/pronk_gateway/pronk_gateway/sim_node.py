"""The simulated robot: runs a scenario, publishes its sensors and the truth, and owns the clock."""

import sys
import time as clock
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import InertiaStamped
from nav_msgs.msg import Odometry
from pronk_msgs.msg import JointCommand as JointCommandMessage
from rclpy.clock import Clock, ClockType
from rosgraph_msgs.msg import Clock as ClockMessage
from std_srvs.srv import SetBool, Trigger

from controllers.errors import ControlError
from controllers.robot.catalog import ROBOTS
from controllers.robot.interface import N_JOINTS, JointCommand
from pronk_gateway.ground_truth_messages import odometry_message, payload_message
from pronk_gateway.pace import Pace
from pronk_gateway.roll_call import FIRST_ANSWER_S, FIRST_MISSED, RollCall
from pronk_node_kit.conversions import (
    JointCommandDecoder,
    LocomotionCommandEncoder,
    RobotStateEncoder,
    set_stamp,
    telemetry_message,
    wrench_message,
)
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import (
    BODY_COMMAND,
    CLOCK_TOPIC,
    CMD_VEL,
    FOOT_CONTACTS,
    FOOT_SENSORS,
    IMU,
    JOINT_COMMANDS,
    JOINT_STATES,
    MOTOR_COMMANDS,
    ODOM,
    SIM_STATE,
    TRUE_ODOM,
    TRUE_PAYLOAD,
    TRUE_WRENCH,
    create_publisher,
    create_service,
    create_subscription,
)
from sim.ground_truth import has_fallen
from sim.scenarios import SCENARIOS, get_scenario, randomised

# Readers that estimator, controller and gatekeeper make, and topics that they publish for others.
READERS = ((JOINT_STATES.name, 3), (IMU.name, 2))
BETWEEN_OTHERS = (ODOM.name, FOOT_CONTACTS.name, JOINT_COMMANDS.name)

# Longest standstill for a late command. Less than any watchdog allows: a dead controller must look dead.
PATIENCE_S = 0.1
# What the motors do on their own when nobody commands them.
LONE_DAMPING = 3.0


@dataclass(frozen=True)
class SimParameters:
    """Parameters of the simulated robot."""

    scenario: str = param("flat_walk", "What happens.", choices=tuple(sorted(SCENARIOS)))
    robot: str = param("go2", "Name of the robot.", choices=tuple(sorted(ROBOTS)))
    seed: int = param(0, "Seed of the sensor noise.", ge=0)
    randomise: bool = param(False, "Vary onset, mass and inertia of the scenario with the seed.")
    lockstep: bool = param(False, "Wait for the command that answers each reading: exactly repeatable, any speed.")
    real_time_factor: float = param(1.0, "Speed of the simulated world without lockstep.", ge=0.01, le=100.0)
    max_command_age_s: float = param(
        0.0,
        "Without lockstep: age of the newest command from which the world stands still for up to 0.1 s, so that a "
        "busy machine makes it slower and not worse [s]; 0 never waits.",
        ge=0.0,
        le=1.0,
    )
    motor_timeout_s: float = param(
        0.5,
        "Without lockstep: silence of motor_commands, by a steady clock, after which the motors damp on their own, as "
        "the boards of real ones do [s]; 0 never.",
        ge=0.0,
        le=10.0,
    )
    control_period_s: float = param(0.002, "Time between readings [s].", ge=0.001, le=0.02)
    clock_period_s: float = param(0.01, "Time between messages on /clock [s].", ge=0.001, le=1.0)
    truth_period_s: float = param(0.01, "Time between messages on ground_truth/ [s].", ge=0.001, le=1.0)
    publish_commands: bool = param(True, "Publish the scenario's commands; off when somebody else commands.")
    command_lead_s: float = param(0.1, "How long ahead the scenario's commands are announced [s].", ge=0.0, le=1.0)
    exit_at_end: bool = param(True, "End the process when the scenario is over; else go on with its last command.")
    wait_for_nodes_s: float = param(
        60.0, "Longest wait for estimator, controller and gatekeeper before the start [s].", ge=0.0, le=600.0
    )
    settle_s: float = param(0.5, "Time between seeing all nodes and the start [s].", ge=0.0, le=10.0)
    command_timeout_s: float = param(
        10.0, "Lockstep: longest wait for a command before the node gives up [s].", ge=0.1, le=600.0
    )


class SimNode(KitNode):
    """Wraps `MujocoQuadruped`.

    The world stands still until estimator, controller and gatekeeper are there. Then it either runs in
    real time (commands act when they come) or in lockstep (each reading is answered before time goes on).
    """

    Parameters = SimParameters

    def __init__(self) -> None:
        """Build the world."""
        super().__init__("sim_node")
        p: SimParameters = self.parameters
        scenario = get_scenario(p.scenario, p.robot, p.seed)
        self._scenario = randomised(scenario, p.seed) if p.randomise else scenario
        self._backend = self._scenario.backend(self._scenario.sim_config(control_dt=p.control_period_s))
        self._begin = self._backend.time
        self._encoder = RobotStateEncoder()
        self._decoder = JointCommandDecoder("motor_commands")
        self._asker = LocomotionCommandEncoder()
        rows = (JOINT_STATES, IMU, FOOT_SENSORS, CMD_VEL, BODY_COMMAND, CLOCK_TOPIC, SIM_STATE)
        self._out = {row.name: create_publisher(self, row) for row in (*rows, TRUE_ODOM, TRUE_WRENCH, TRUE_PAYLOAD)}
        self._clock_message = ClockMessage()
        self._truth_message = Odometry()
        self._payload_message = InertiaStamped()
        self._command: JointCommand | None = None
        self._commanded = clock.monotonic()
        self._motors_alone = False
        self._started = False
        self._fell = False
        self._pace = Pace(p.control_period_s, p.real_time_factor, p.max_command_age_s, PATIENCE_S)
        self._announced: object = None
        self._next_announcement = self._next_clock = self._next_truth = self._next_state = -np.inf
        self._ages: list[float] = []
        self._refused = self.diagnostics.counter("refused_commands")
        self.diagnostics.value("time_s", lambda: self._backend.time)
        self.diagnostics.value("real_time_factor", self._real_time_factor)
        self.diagnostics.value("fell", lambda: self._fell)
        self._commands = create_subscription(self, MOTOR_COMMANDS, self._on_command)
        self._services_offered = [
            create_service(self, "reset", self._on_reset),
            create_service(self, "set_paused", self._on_pause),
            create_service(self, "step", self._on_step),
        ]
        self._gate = self.create_client(Trigger, "disarm")
        self._followers = [self.create_client(Trigger, f"{name}/reset") for name in ("estimator_node", "mpc_node")]
        self._roll_call = self._make_roll_call()
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._starter = self.create_timer(0.05, self._try_start, clock=self._steady)
        self.get_logger().info(f"ready: scenario '{self._scenario.name}' with {p.robot}; waiting for the other nodes")

    # Start

    def _make_roll_call(self) -> RollCall:
        p: SimParameters = self.parameters
        roll = RollCall(self, p.settle_s, p.wait_for_nodes_s, clock.monotonic())
        for name, count in READERS:
            roll.readers(self._out[name], count, name)
        for name in BETWEEN_OTHERS:
            roll.between_others(name)
        roll.writer(self._commands)
        return roll

    def _try_start(self) -> None:
        found = self._roll_call.call(clock.monotonic())
        if found.complaint:
            self.get_logger().error(found.complaint)
            self.finish(1)
        if not found.complete:
            return
        self.destroy_timer(self._starter)
        self._started = True
        self._pace.begin(clock.monotonic())
        self.get_logger().info("all nodes are there: the world starts")
        self._announce_commands(first=True)
        self._publish()
        p = self.parameters
        if p.lockstep:
            self._guard = self.create_timer(0.5, self._watch, clock=self._steady)
        else:
            self._stepper = self.create_timer(
                p.control_period_s / p.real_time_factor, self._catch_up, clock=self._steady
            )

    def _watch(self) -> None:
        silent = clock.monotonic() - self._pace.last_step
        if not self._backend.paused and silent > self.parameters.command_timeout_s:
            self.get_logger().error(f"no command for {silent:.1f} s answers the reading at {self._backend.time} s")
            self.finish(1)
        elif not self._backend.paused and self._command is None and silent > FIRST_ANSWER_S:
            self.get_logger().warning(FIRST_MISSED)
            self._advance()

    # Time

    def _on_command(self, message: JointCommandMessage) -> None:
        try:
            command = self._decoder.decode(message)
        except ControlError as error:
            self._refused.add()
            self.get_logger().warning(f"command refused: {error}", throttle_duration_sec=1.0)
            return
        # What is only said again is no sign of life of the controller, and must not buy it more time.
        if self._command is None or command.time > self._command.time:
            self._pace.hear()
        self._command = command
        self._commanded = clock.monotonic()
        if self.parameters.lockstep and self._started and not self._backend.paused:
            if command.time == self._backend.time:
                self._advance()

    def _catch_up(self) -> None:
        if self._backend.paused:
            self._pace.pause(clock.monotonic())
            return
        for _ in range(self._pace.due(clock.monotonic())):
            if self._backend.paused or self._waits():
                return
            self._advance()

    def _waits(self) -> bool:
        """Tell whether the world stands still for a late command."""
        command = self._command
        return command is not None and self._pace.waits(clock.monotonic(), self._backend.time - command.time)

    def _advance(self) -> None:
        if self._command is not None:
            self._ages.append(self._backend.time - self._command.time)
            self._backend.write(self._lone_command() or self._command)
        self._backend.advance()
        self._pace.step(clock.monotonic())
        elapsed = self._backend.elapsed
        if elapsed >= self._scenario.duration_s - 1e-9 and self.parameters.exit_at_end:
            self._publish_truth()
            self._publish_state()
            outcome = "the robot fell" if self._fell else "the robot did not fall"
            self.get_logger().info(
                f"scenario '{self._scenario.name}' is over after {elapsed:.2f} s, real-time factor "
                f"{self._real_time_factor():.2f}: {outcome}"
            )
            self._leave()
            return
        self._announce_commands()
        self._publish()

    def _lone_command(self) -> JointCommand | None:
        """Return damping when nobody has commanded the motors for too long, and None otherwise."""
        p, silent = self.parameters, clock.monotonic() - self._commanded
        alone = not p.lockstep and 0.0 < p.motor_timeout_s < silent
        if alone and not self._motors_alone:
            self.get_logger().error(f"no motor command for {silent:.3f} s: the motors damp on their own")
        self._motors_alone = alone
        return JointCommand.damped(self._backend.time, np.zeros(N_JOINTS), LONE_DAMPING) if alone else None

    def _leave(self) -> None:
        """Have the gatekeeper disarmed, so that the silence that follows is no fault to it; then end."""
        self._backend.paused = True
        if self._gate.service_is_ready():
            self._gate.call_async(Trigger.Request()).add_done_callback(lambda _: self.finish(0))
        # Whether or not the gatekeeper answers.
        self._farewell = self.create_timer(0.3, lambda: self.finish(0), clock=self._steady)

    def _real_time_factor(self) -> float:
        return self._pace.real_time_factor(clock.monotonic())

    # Messages

    def _announce_commands(self, first: bool = False) -> None:
        """Publish what the scenario will ask for a little ahead of time, on change and ten times a second."""
        if not self.parameters.publish_commands:
            return
        now = self._backend.time
        ahead = 0.0 if first else self.parameters.command_lead_s
        at = round((now + ahead) * 1e9) * 1e-9
        command = self._scenario.command(at - self._begin)
        if command is self._announced and now < self._next_announcement:
            return
        self._announced = command
        self._next_announcement = now + 0.1
        twist, body = self._asker.encode(command, at)
        self._out[CMD_VEL.name].publish(twist)
        self._out[BODY_COMMAND.name].publish(body)

    def _publish(self) -> None:
        state = self._backend.read()
        joints, imu, feet = self._encoder.encode(state)
        now = self._backend.time
        if now >= self._next_clock - 1e-9:
            self._next_clock = now + self.parameters.clock_period_s
            set_stamp(now, self._clock_message.clock)
            self._out[CLOCK_TOPIC.name].publish(self._clock_message)
        if now >= self._next_truth - 1e-9:
            self._next_truth = now + self.parameters.truth_period_s
            self._publish_truth()
        if now >= self._next_state - 1e-9:
            self._next_state = now + 0.1
            self._publish_state()
        if feet is not None:
            self._out[FOOT_SENSORS.name].publish(feet)
        self._out[IMU.name].publish(imu)
        self._out[JOINT_STATES.name].publish(joints)

    def _publish_truth(self) -> None:
        truth = self._backend.ground_truth()
        self._fell = self._fell or has_fallen(truth, self._scenario.upright(self._backend.elapsed))
        self._out[TRUE_ODOM.name].publish(odometry_message(truth, self._truth_message))
        self._out[TRUE_WRENCH.name].publish(wrench_message(truth.external_wrench_world, truth.time, "odom"))
        loads = self._backend.payloads
        self._out[TRUE_PAYLOAD.name].publish(
            payload_message(loads, self._backend.elapsed, truth.time, self._payload_message)
        )

    def _publish_state(self) -> None:
        ages = np.array(self._ages) if self._ages else np.zeros(1)
        values = {
            "real_time_factor": self._real_time_factor(),
            "command_age_s": float(ages[-1]),
            "command_age_p50_s": float(np.percentile(ages, 50)),
            "command_age_p99_s": float(np.percentile(ages, 99)),
            "command_age_max_s": float(ages.max()),
            "fell": float(self._fell),
            "motors_alone": float(self._motors_alone),
        }
        self._out[SIM_STATE.name].publish(telemetry_message(values, self._backend.time))

    # Services

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._backend.reset(np.random.default_rng(self._scenario.seed))
        self._begin = self._backend.time
        self._command = None
        self._fell = False
        self._announced = None
        # What the world looks like now is told at once, also while it is paused.
        self._next_announcement = self._next_truth = self._next_state = -np.inf
        # Estimator and controller cannot know by themselves that the robot was moved by hand.
        for follower in self._followers:
            if follower.service_is_ready():
                follower.call_async(Trigger.Request())
        response.success, response.message = True, f"reset; the clock goes on from {self._begin:.3f} s"
        if self._started:
            self._announce_commands(first=True)
            self._publish()
        return response

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        was, self._backend.paused = self._backend.paused, bool(request.data)
        response.success = True
        response.message = f"{'paused' if request.data else 'running'} at {self._backend.time:.3f} s"
        self._pace.last_step = clock.monotonic()
        if self._started and was and not request.data:
            # In lockstep the command that answers this reading came during the pause, or, after a reset, never comes.
            if self.parameters.lockstep and (self._command is None or self._command.time == self._backend.time):
                self._advance()
        return response

    def _on_step(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self._backend.paused:
            response.success, response.message = False, "pause first (set_paused), then step"
            return response
        self._backend.paused = False
        self._advance()
        self._backend.paused = True
        response.success, response.message = True, f"stepped to {self._backend.time:.3f} s"
        return response


def main() -> int:
    """Run the node."""
    return run_node(SimNode, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
