"""Walks the robot: estimate and command in, joint impedances out, at the rate of the robot's readings."""

import sys
import time as clock
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from pronk_msgs.msg import BodyCommand
from sensor_msgs.msg import Imu, JointState
from std_srvs.srv import Trigger

from controllers.errors import ControlError, InvalidValue
from controllers.quadruped.command_inbox import GAIT_CHOICES, LONGEST_LEAD_S, CommandInbox, effective_time
from controllers.quadruped.controller import LocomotionConfig, LocomotionController, LocomotionInfo
from controllers.quadruped.mpc import MPC_SOLVERS, MpcConfig
from controllers.quadruped.walking import WalkingConfig
from controllers.quadruped.warmup import warm_up_controller, warm_up_estimator
from controllers.residual.catalog import LEARNERS
from controllers.robot.catalog import ROBOTS, load_robot
from controllers.robot.estimator import BaseEstimator
from controllers.robot.interface import BaseEstimate, RobotState
from controllers.robot.joints import JOINT_NAMES
from pronk_node_kit.conversions import (
    BaseEstimateDecoder,
    JointCommandEncoder,
    RobotStateDecoder,
    telemetry_message,
    time_from_stamp,
    wrench_message,
)
from pronk_node_kit.name_map import NameMap
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.synchroniser import Synchroniser
from pronk_node_kit.topics import (
    BODY_COMMAND,
    CMD_VEL,
    CONTROLLER_STATE,
    FOOT_CONTACTS,
    FOOT_SENSORS,
    IMU,
    JOINT_COMMANDS,
    JOINT_STATES,
    LOAD_WRENCH,
    ODOM,
    RESIDUAL_WRENCH,
    create_publisher,
    create_subscription,
)

ESTIMATES = ("internal", "odom")
MODES = ("resting", "rising", "walking", "lowering", "fallen")


@dataclass(frozen=True)
class MpcParameters:
    """Parameters of the locomotion controller."""

    robot: str = param("go2", "Name of the robot.", choices=tuple(sorted(ROBOTS)))
    learner: str = param("pronk", "Residual learner.", choices=tuple(sorted(LEARNERS)))
    learner_seed: int = param(0, "Seed of the learner's random features.", ge=0)
    horizon: int = param(10, "Number of intervals of the force MPC.", ge=1, le=60)
    interval_s: float = param(0.04, "Nominal length of an interval [s].", ge=0.005, le=0.2)
    mpc_period_s: float = param(0.01, "Time between force plans [s].", ge=0.002, le=0.1)
    friction: float = param(0.5, "Friction coefficient that the plans rely on.", ge=0.05, le=2.0)
    solver: str = param("active_set", "QP solver.", choices=MPC_SOLVERS)
    estimator: str = param(
        "internal",
        "Where the base estimate comes from: internal (from the sensors, without a hop over the network) or odom.",
        choices=ESTIMATES,
    )
    foot_sensors: bool = param(False, "Internal estimator: whether the robot publishes foot_sensors.")
    default_gait: str = param("rest", "Gait while no body_command has come.", choices=GAIT_CHOICES)
    command_timeout_s: float = param(
        0.5, "Age of cmd_vel beyond which the commanded velocity is zero [s].", ge=0.05, le=10.0
    )
    telemetry_period_s: float = param(0.02, "Time between messages on controller_state [s].", ge=0.002, le=10.0)

    def locomotion(self) -> LocomotionConfig:
        """Translate to the core's configuration."""
        mpc = MpcConfig(horizon=self.horizon, interval=self.interval_s, friction=self.friction, solver=self.solver)
        walking = WalkingConfig(mpc_period=self.mpc_period_s, mpc=mpc)
        return LocomotionConfig(learner=self.learner, learner_seed=self.learner_seed, walking=walking)


class MpcNode(KitNode):
    """Wraps `LocomotionController`."""

    Parameters = MpcParameters

    def __init__(self) -> None:
        """Build the controller and join its inputs."""
        super().__init__("mpc_node")
        parameters: MpcParameters = self.parameters
        description = load_robot(parameters.robot)
        config = parameters.locomotion()
        warm_up_controller(description, config)
        self._controller = LocomotionController(description, config)
        warm_up_estimator(description)
        self._estimator = BaseEstimator(description)
        self._states = RobotStateDecoder()
        self._joints = NameMap("joint_states", JOINT_NAMES)
        self._estimates = BaseEstimateDecoder()
        self._encoder = JointCommandEncoder()
        self._inbox = CommandInbox(parameters.default_gait, parameters.command_timeout_s)
        self._commands = create_publisher(self, JOINT_COMMANDS)
        self._residual = create_publisher(self, RESIDUAL_WRENCH)
        self._load = create_publisher(self, LOAD_WRENCH)
        self._telemetry = create_publisher(self, CONTROLLER_STATE)
        self._next_telemetry = 0.0
        self._last_time = self._last_plan = -np.inf
        self._solve_times: list[float] = []
        self._misses = self._plans = 0
        self._tick_time = 0.0
        d = self.diagnostics
        self._input = d.input("robot", 0.1)
        self._refused = d.counter("refused_inputs")
        self._deadline = d.deadline("tick", parameters.mpc_period_s)
        self._rate = d.rate("ticks")
        d.value("mode", lambda: self._controller.mode)
        d.value("solver_failures", lambda: self._controller.walking.mpc.failures)
        d.value("plans", lambda: self._plans)
        d.value("deadline_misses", lambda: self._misses)
        if parameters.estimator == "odom":
            rows, receive = [JOINT_STATES, ODOM, FOOT_CONTACTS], self._on_estimate
        else:
            rows, receive = [JOINT_STATES, IMU] + [FOOT_SENSORS] * parameters.foot_sensors, self._on_reading
        inputs = Synchroniser([row.name for row in rows], receive)
        self._inputs = [create_subscription(self, row, inputs.receiver(row.name)) for row in rows]
        self._inputs.append(create_subscription(self, CMD_VEL, self._on_velocity))
        self._inputs.append(create_subscription(self, BODY_COMMAND, self._on_body))
        self._reset_service = self.create_service(Trigger, "~/reset", self._on_reset)
        self.get_logger().info("ready")

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._controller.reset()
        self._estimator.reset()
        self._last_plan = -np.inf
        response.success, response.message = True, "at rest; what was learned is forgotten"
        return response

    def _effective(self, topic: str, stamp: float) -> float:
        """Tell from when on a command holds: its stamp, or now where that is left out or from another clock.

        Args:
            topic: Where it came from.
            stamp: Its stamp [s].

        Returns:
            Time [s].
        """
        now = max(self._last_time, 0.0)
        if stamp > now + LONGEST_LEAD_S:
            self.get_logger().warning(
                f"{topic} is stamped {stamp:.3f} s but the robot's time is {now:.3f} s (is use_sim_time set where it "
                "is published?); it is taken as given now",
                throttle_duration_sec=5.0,
            )
        return effective_time(stamp, now)

    def _on_velocity(self, message: TwistStamped) -> None:
        twist, stamp = message.twist, time_from_stamp(message.header.stamp)
        try:
            time = self._effective("cmd_vel", stamp)
            self._inbox.take_velocity(time, twist.linear.x, twist.linear.y, twist.angular.z)
        except InvalidValue as error:
            self._refused.add()
            self.get_logger().warning(f"cmd_vel refused: {error}", throttle_duration_sec=1.0)

    def _on_body(self, message: BodyCommand) -> None:
        try:
            time = self._effective("body_command", time_from_stamp(message.header.stamp))
            self._inbox.take_posture(time, message.gait, message.body_height, message.roll, message.pitch)
        except InvalidValue as error:
            self._refused.add()
            self.get_logger().warning(f"body_command refused: {error}", throttle_duration_sec=1.0)

    def _on_reading(self, joints: JointState, imu: Imu, feet: JointState | None = None) -> None:
        start = clock.perf_counter()
        try:
            state = self._states.decode(joints, imu, feet)
            self._tick(state, self._estimator.step(state), start)
        except ControlError as error:
            self._refuse(error)

    def _on_estimate(self, joints: JointState, odom: Odometry, contacts: JointState) -> None:
        start = clock.perf_counter()
        try:
            estimate = self._estimates.decode(odom, contacts)
            self._joints.learn(joints.name)
            # Attitude and rates come with the estimate; the accelerometer is not needed beside it.
            state = RobotState(
                time=time_from_stamp(joints.header.stamp),
                joint_position=self._joints.pick("position", joints.position),
                joint_velocity=self._joints.pick("velocity", joints.velocity),
                joint_effort=self._joints.pick("effort", joints.effort),
                orientation=estimate.orientation,
                angular_velocity_body=estimate.angular_velocity_body,
                linear_acceleration_body=np.zeros(3),
            )
            state.validate()
            self._tick(state, estimate, start)
        except ControlError as error:
            self._refuse(error)

    def _refuse(self, error: ControlError) -> None:
        self._refused.add()
        self.get_logger().warning(f"input refused: {error}", throttle_duration_sec=1.0)

    def _tick(self, state: RobotState, estimate: BaseEstimate, start: float) -> None:
        if state.time <= self._last_time:
            raise InvalidValue(f"time must increase, got {state.time} after {self._last_time}")
        command, info = self._controller.step(state, estimate, self._inbox.asked(state.time), state.time)
        self._commands.publish(self._encoder.encode(command))
        self._tick_time = clock.perf_counter() - start
        self._count(state.time, info)
        self._report(state.time, info, estimate)
        self._last_time = state.time

    def _count(self, time: float, info: LocomotionInfo) -> None:
        self._input.mark()
        self._rate.tick()
        self._deadline.observe(self._tick_time)
        if info.plan is None:
            return
        self._plans += 1
        self._solve_times.append(info.plan.solve_time)
        # A plan is late when it took its whole period, or when the one before is older than a period and a half.
        period = self.parameters.mpc_period_s
        if self._tick_time > period or (np.isfinite(self._last_plan) and time - self._last_plan > 1.5 * period):
            self._misses += 1
        self._last_plan = time

    def _report(self, time: float, info: LocomotionInfo, estimate: BaseEstimate) -> None:
        if info.plan is not None:
            self._residual.publish(wrench_message(info.residual, time, "base_link_heading"))
            self._load.publish(wrench_message(info.load, time, "base_link_heading"))
        if time < self._next_telemetry:
            return
        self._next_telemetry = time + self.parameters.telemetry_period_s
        solved = self._solve_times
        values = {
            "mode": float(MODES.index(info.mode)),
            "tick_time_s": self._tick_time,
            "solve_time_s": solved[-1] if solved else 0.0,
            "solve_time_max_s": max(solved, default=0.0),
            "solver_iterations": float(info.plan.iterations) if info.plan is not None else 0.0,
            "solver_failures": float(info.solver_failures),
            "plans": float(self._plans),
            "deadline_misses": float(self._misses),
            "height_m": info.height if np.isfinite(info.height) else 0.0,
            "height_reference_m": info.height_reference,
            "velocity_x_mps": float(estimate.velocity_body[0]),
            "velocity_y_mps": float(estimate.velocity_body[1]),
            "velocity_x_reference_mps": float(info.velocity_reference[0]),
            "velocity_y_reference_mps": float(info.velocity_reference[1]),
            **{f"contact_{leg}": c for leg, c in zip(("FL", "FR", "RL", "RR"), info.contact.tolist(), strict=True)},
        }
        self._solve_times = []
        self._telemetry.publish(telemetry_message(values, time))


def main() -> int:
    """Run the node."""
    return run_node(MpcNode, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
