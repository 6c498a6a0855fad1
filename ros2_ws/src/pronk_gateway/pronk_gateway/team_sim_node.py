"""Several simulated robots in one world: runs a team scenario in lockstep, owns the clock, and tells how it went.

Every robot has its topics in a namespace of its own, below that of this node. The world waits for every robot's answer
to each reading, so that a computer that cannot think for all of them in real time makes the run slower, not worse.
"""

import dataclasses
import json
import math
import sys
import time as clock
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from pronk_msgs.msg import JointCommand as JointCommandMessage
from rclpy.clock import Clock, ClockType
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from controllers.errors import ControlError
from controllers.robot.catalog import ROBOTS
from controllers.robot.interface import JointCommand
from pronk_gateway.errand_desk import ErrandDesk
from pronk_gateway.ground_truth_messages import odometry_message
from pronk_gateway.pace import Pace
from pronk_gateway.roll_call import FIRST_ANSWER_S, FIRST_MISSED, RollCall
from pronk_node_kit.command_conversions import telemetry_values
from pronk_node_kit.conversions import (
    JointCommandDecoder,
    LocomotionCommandEncoder,
    RobotStateEncoder,
    set_stamp,
    telemetry_message,
)
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import (
    BODY_COMMAND,
    CLOCK_TOPIC,
    CMD_VEL,
    FOOT_SENSORS,
    GOAL_POSE,
    IMU,
    JOINT_COMMANDS,
    JOINT_STATES,
    MOTOR_COMMANDS,
    SAFETY_STATE,
    SIM_STATE,
    TRUE_ODOM,
    Topic,
    create_publisher,
    create_subscription,
)
from sim.offscreen import NoRenderer
from sim.team_backend import TeamMember
from sim.team_log import TeamLog
from sim.team_render import TeamFrame, render_team_video
from sim.team_scenarios import GO_AT_S, TEAM_SCENARIOS, get_team_scenario

# Readers that every robot's control loop and filter must have before the world starts.
READERS = ((JOINT_STATES, 2), (IMU, 2), (BODY_COMMAND, 1), (TRUE_ODOM, 1))
ODOM_FRAME = "odom"
MODES = ("filtered", "relaxed", "stopped")


@dataclass(frozen=True)
class TeamSimParameters:
    """Parameters of the simulated team."""

    scenario: str = param("crossing", "What happens.", choices=tuple(sorted(TEAM_SCENARIOS)))
    robot: str = param("go2", "Kind of all robots.", choices=tuple(sorted(ROBOTS)))
    seed: int = param(0, "Seed of places, loads and sensor noise.", ge=0)
    time_limit_s: float = param(
        0.0, "End, whether all are there or not; 0 for the scenario's own [s].", ge=0.0, le=600.0
    )
    control_period_s: float = param(0.002, "Time between readings [s].", ge=0.001, le=0.02)
    clock_period_s: float = param(0.01, "Time between messages on /clock [s].", ge=0.001, le=1.0)
    truth_period_s: float = param(0.01, "Time between messages on ground_truth/odom [s].", ge=0.001, le=1.0)
    goal_period_s: float = param(0.5, "Time between messages on goal_pose [s].", ge=0.01, le=10.0)
    instructions: tuple[str, ...] = param(
        (), "Scenario errands: what each robot is told; empty ones leave what the seed has drawn."
    )
    picture_period_s: float = param(
        0.2, "Scenario errands: time between pictures for the planners [s].", ge=0.05, le=10.0
    )
    output: str = param("", "Folder for the table, the results and the video; empty writes nothing.")
    video: bool = param(True, "Make a video from above at the end, where there is a folder.")
    video_fps: int = param(12, "Pictures per second of simulated time.", ge=1, le=60)
    radius_m: float = param(0.45, "Radius of the discs in the video [m].", ge=0.01, le=10.0)
    wait_for_nodes_s: float = param(300.0, "Longest wait for all other nodes before the start [s].", ge=0.0, le=3600.0)
    settle_s: float = param(1.0, "Time between seeing all nodes and the start [s].", ge=0.0, le=10.0)
    command_timeout_s: float = param(
        30.0, "Longest wait for the robots' commands before the node gives up [s].", ge=0.1, le=600.0
    )


@dataclass
class _Robot:
    """One robot and its topics."""

    member: TeamMember
    goal: tuple[float, float]
    out: dict[str, Publisher]
    encoder: RobotStateEncoder = field(default_factory=RobotStateEncoder)
    decoder: JointCommandDecoder = field(default_factory=lambda: JointCommandDecoder("motor_commands"))
    truth: Odometry = field(default_factory=Odometry)
    command: JointCommand | None = None
    safety: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.member.name


class TeamSimNode(KitNode):
    """Wraps `TeamBackend`."""

    Parameters = TeamSimParameters

    def __init__(self) -> None:
        """Build the world."""
        super().__init__("team_sim_node")
        p: TeamSimParameters = self.parameters
        scenario = get_team_scenario(p.scenario, p.robot, p.seed).told(p.instructions)
        self._scenario = scenario if p.time_limit_s == 0.0 else replace(scenario, time_limit_s=p.time_limit_s)
        self._team = self._scenario.backend(p.control_period_s)
        self._log = TeamLog(self._scenario)
        self._asker = LocomotionCommandEncoder()
        self._clock_out = create_publisher(self, CLOCK_TOPIC)
        self._state_out = create_publisher(self, SIM_STATE)
        # Where robots are told in words, goals come from their planners.
        rows = [JOINT_STATES, IMU, FOOT_SENSORS, BODY_COMMAND, TRUE_ODOM]
        rows += [GOAL_POSE] if scenario.errands is None else []
        self._robots = [
            _Robot(member, goal, {row.name: create_publisher(self, _row(row, member.name)) for row in rows})
            for member, goal in zip(self._team.members, self._scenario.goals, strict=True)
        ]
        self._desk = self._make_desk()
        self._clock_message = ClockMessage()
        self._frames: list[TeamFrame] = []
        self._started = self._over = False
        self._next_clock = self._next_truth = self._next_goal = self._next_state = self._next_frame = -np.inf
        self._next_picture = -np.inf
        self._pace = Pace(p.control_period_s)
        self._refused = self.diagnostics.counter("refused_commands")
        self.diagnostics.value("time_s", lambda: self._team.time)
        self.diagnostics.value("real_time_factor", self._real_time_factor)
        self._inputs = [self._listen(robot) for robot in self._robots]
        self._gates = [self.create_client(Trigger, f"{robot.name}/disarm") for robot in self._robots]
        self._roll_call = self._make_roll_call()
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._starter = self.create_timer(0.05, self._try_start, clock=self._steady)
        self.get_logger().info(f"ready: scenario '{self._scenario.name}' with {len(self._robots)} {p.robot}; waiting")

    def _listen(self, robot: _Robot) -> tuple[Subscription, Subscription]:
        return (
            create_subscription(self, _row(MOTOR_COMMANDS, robot.name), lambda m: self._on_command(robot, m)),
            create_subscription(self, _row(SAFETY_STATE, robot.name), lambda m: self._on_safety(robot, m)),
        )

    def _make_desk(self) -> ErrandDesk | None:
        errands = self._scenario.errands
        if errands is None:
            return None
        posts = np.array([[*post.corners[0], post.radius] for post in self._scenario.obstacles])
        return ErrandDesk(self, errands, [robot.name for robot in self._robots], posts, ODOM_FRAME)

    # Start

    def _make_roll_call(self) -> RollCall:
        p: TeamSimParameters = self.parameters
        roll = RollCall(self, p.settle_s, p.wait_for_nodes_s, clock.monotonic())
        for robot, (commands, _) in zip(self._robots, self._inputs, strict=True):
            for row, count in READERS:
                roll.readers(robot.out[row.name], count)
            if GOAL_POSE.name in robot.out:
                roll.readers(robot.out[GOAL_POSE.name], 1)
            else:
                # Where robots are told in words, their planners lead.
                roll.between_others(_row(GOAL_POSE, robot.name).name, readers=1)
            roll.writer(commands)
            for row in (JOINT_COMMANDS, CMD_VEL):
                roll.between_others(_row(row, robot.name).name, readers=1)
        if self._desk is not None:
            self._desk.attend(roll)
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
        self.get_logger().info("all nodes are there: the world starts, in lockstep")
        self._watchdog = self.create_timer(0.5, self._watch, clock=self._steady)
        self._publish()

    def _watch(self) -> None:
        silent = clock.monotonic() - self._pace.last_step
        if not self._over and silent > self.parameters.command_timeout_s:
            late = [r.name for r in self._robots if r.command is None or r.command.time != self._team.time]
            self.get_logger().error(
                f"no command for {silent:.1f} s answers the reading at {self._team.time} s of {', '.join(late)}"
            )
            self._over = True
            self.finish(1)
        elif not self._over and silent > FIRST_ANSWER_S and any(r.command is None for r in self._robots):
            self.get_logger().warning(FIRST_MISSED)
            self._advance()

    # Time

    def _on_safety(self, robot: _Robot, message: JointState) -> None:
        robot.safety = telemetry_values(message)
        # Before all have risen there is nothing to be told of.
        if self._team.elapsed >= GO_AT_S:
            self._log.note_filter(robot.name, robot.safety)

    def _on_command(self, robot: _Robot, message: JointCommandMessage) -> None:
        try:
            robot.command = robot.decoder.decode(message)
        except ControlError as error:
            self._refused.add()
            self.get_logger().warning(f"command of {robot.name} refused: {error}", throttle_duration_sec=1.0)
            return
        now = self._team.time
        if self._started and not self._over and all(r.command and r.command.time == now for r in self._robots):
            self._advance()

    def _advance(self) -> None:
        for robot in self._robots:
            # None only where the first reading was missed: limp, as at the start.
            if robot.command is not None:
                robot.member.write(robot.command)
        self._team.advance()
        self._pace.step(clock.monotonic())
        self._publish()
        if self._log.over:
            self._end()

    def _real_time_factor(self) -> float:
        return self._pace.real_time_factor(clock.monotonic())

    # Messages

    def _publish(self) -> None:
        now, p = self._team.time, self.parameters
        if now >= self._next_clock - 1e-9:
            self._next_clock = now + p.clock_period_s
            set_stamp(now, self._clock_message.clock)
            self._clock_out.publish(self._clock_message)
        if now >= self._next_truth - 1e-9:
            self._next_truth = now + p.truth_period_s
            self._publish_truths()
        if self._desk is None and now >= self._next_goal - 1e-9:
            self._next_goal = now + p.goal_period_s
            self._publish_goals()
        if self._desk is not None and now >= self._next_picture - 1e-9 and self._team.elapsed >= GO_AT_S - 1e-9:
            self._next_picture = now + p.picture_period_s
            self._desk.publish([robot.member.ground_truth() for robot in self._robots], now)
        if now >= self._next_state - 1e-9:
            self._next_state = now + 0.1
            self._state_out.publish(telemetry_message({"real_time_factor": self._real_time_factor()}, now))
            twist_and_body = self._asker.encode(self._scenario.command(self._team.elapsed), now)
            for robot in self._robots:
                robot.out[BODY_COMMAND.name].publish(twist_and_body[1])
        if now >= self._next_frame - 1e-9:
            self._next_frame = now + 1.0 / p.video_fps
            self._keep_frame()
        for robot in self._robots:
            joints, imu, feet = robot.encoder.encode(robot.member.read())
            if feet is not None:
                robot.out[FOOT_SENSORS.name].publish(feet)
            robot.out[IMU.name].publish(imu)
            robot.out[JOINT_STATES.name].publish(joints)

    def _publish_truths(self) -> None:
        truths = [robot.member.ground_truth() for robot in self._robots]
        self._log.observe(self._team, truths)
        for robot, truth in zip(self._robots, truths, strict=True):
            message = odometry_message(truth, robot.truth)
            message.header.frame_id, message.child_frame_id = ODOM_FRAME, f"{robot.name}/base_link"
            robot.out[TRUE_ODOM.name].publish(message)

    def _publish_goals(self) -> None:
        if self._team.elapsed < GO_AT_S - 1e-9:
            return
        for robot in self._robots:
            message = PoseStamped()
            message.header.frame_id = ODOM_FRAME
            set_stamp(self._team.time, message.header.stamp)
            message.pose.position.x, message.pose.position.y = robot.goal
            message.pose.orientation.w = 1.0
            robot.out[GOAL_POSE.name].publish(message)

    def _keep_frame(self) -> None:
        states = [robot.safety for robot in self._robots]
        moving = self._team.elapsed >= GO_AT_S
        self._frames.append(
            TeamFrame(
                self._team.elapsed,
                self._team.data.qpos.copy(),
                [s.get("least_gap_m", math.nan) for s in states],
                [s.get("correction_mps", 0.0) for s in states],
                [MODES[int(s["mode"])] if moving and "mode" in s else "" for s in states],
                [desk.plan for desk in self._desk.desks] if self._desk is not None else (),
                [desk.progress for desk in self._desk.desks] if self._desk is not None else (),
            )
        )

    # End

    def _end(self) -> None:
        """Tell how it went, and end the process: 0 if all arrived and nobody touched anything or fell, else 1."""
        self._over = True
        log, factor = self._log, self._real_time_factor()
        if self._desk is not None:
            for desk in self._desk.desks:
                log.note_errand(desk.robot, desk.plans, desk.progress)
        for line in log.table().splitlines():
            self.get_logger().info(line)
        outcome = "all are there, nobody touched anything or fell" if log.success else "not as it should be"
        self.get_logger().info(
            f"scenario '{self._scenario.name}', seed {self.parameters.seed}, is over after {log.elapsed:.2f} s: "
            f"{outcome}; real-time factor {factor:.2f} (1 is real time; in lockstep the world waits for its robots)"
        )
        for gate in self._gates:
            # The silence that follows is no fault to the gatekeepers.
            if gate.service_is_ready():
                gate.call_async(Trigger.Request())
        self._farewell = self.create_timer(0.3, lambda: self._write_and_leave(factor), clock=self._steady)

    def _write_and_leave(self, factor: float) -> None:
        self.destroy_timer(self._farewell)
        if self.parameters.output:
            self._write(Path(self.parameters.output), factor)
        self.finish(0 if self._log.success else 1)

    def _write(self, folder: Path, factor: float) -> None:
        p = self.parameters
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.md").write_text(self._log.table() + "\n", encoding="utf-8")
        results = {
            "scenario": self._scenario.name,
            "robot": p.robot,
            "seed": p.seed,
            "success": self._log.success,
            "elapsed_s": self._log.elapsed,
            "real_time_factor": factor,
            "robots": [_plain(dataclasses.asdict(robot)) for robot in self._log.robots],
        }
        (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        self.get_logger().info(f"results are in {folder}")
        if not p.video:
            return
        path = folder / f"{self._scenario.name}.mp4"
        self.get_logger().info(f"drawing {len(self._frames)} pictures")
        try:
            render_team_video(path, self._scenario, self._frames, p.radius_m, p.video_fps)
        except NoRenderer as error:
            self.get_logger().warning(f"no video: {error}")
        else:
            self.get_logger().info(f"video: {path}")


def _row(row: Topic, robot: str) -> Topic:
    return replace(row, name=f"{robot}/{row.name}")


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Make numbers that JSON does not know None."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def main() -> int:
    """Run the node."""
    return run_node(TeamSimNode, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
