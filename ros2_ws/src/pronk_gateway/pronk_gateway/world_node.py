"""The planner's simulated world: shows pictures, tells where hand or body is, takes displacements, tells how it went.

It owns the clock and runs in lockstep: time stands still until the step comes that answers the newest pose, so that a
planner that thinks for long makes the run slower and not worse. It speaks as the operator, too: what is to be done goes
out on `instruction`, and what that looks like, shown by the world's expert in another episode, on `goal/image`.
"""

import sys
import time as clock
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import Image as ImageMessage
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from controllers.errors import InvalidValue
from pronk_gateway.roll_call import RollCall
from pronk_gateway.task_log import PlanNote, TaskLog
from pronk_node_kit.command_conversions import telemetry_values
from pronk_node_kit.conversions import set_stamp, telemetry_message, time_from_stamp
from pronk_node_kit.image_conversions import image_message, picture_of, tile, untile
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import (
    CAMERA_IMAGE,
    CLOCK_TOPIC,
    EFFECTOR_POSE,
    EFFECTOR_STEP,
    GOAL_IMAGE,
    INSTRUCTION,
    PLAN_IMAGE,
    PLAN_STATE,
    PLANNER_STATE,
    SIM_STATE,
    TASK_JUDGEMENT,
    Topic,
    create_publisher,
    create_service,
    create_subscription,
)
from sim.image_world import POSE, Observation, World, WorldConfig
from sim.worlds import WORLDS, make_world

AXES = ("x", "y", "z")
# The expert shows the task in an episode of its own.
SHOWN_SEED = 1_000_003
FRAME = "map"


@dataclass(frozen=True)
class WorldParameters:
    """Parameters of the planner's simulated world."""

    world: str = param("manipulation", "Which world.", choices=tuple(sorted(WORLDS)))
    task: str = param("drawer-open", "Task that the world knows; sim/world_tasks.py lists them.")
    instruction: str = param("", "What is to be done, in words; empty for the task's own.")
    seed: int = param(0, "Seed of the episode.", ge=0)
    size: int = param(64, "Width and height of the pictures [pixel].", ge=8, le=512)
    views: tuple[str, ...] = param((), "Cameras, the planner's first; empty for the world's usual one.")
    horizon: int = param(200, "Steps after which the run ends.", ge=1, le=500)
    image_every: int = param(1, "Steps between pictures.", ge=1, le=100)
    show_goal: bool = param(True, "Show once on goal/image what the task looks like when it begins and is done.")
    judged: bool = param(True, "Wait for a judge before the start, and for its last word at the end.")
    output: str = param("", "Folder for the table, the results and the video; empty writes nothing.")
    video: bool = param(True, "Make the video at the end, where there is a folder.")
    video_fps: int = param(20, "Pictures per second of the video; each step is one.", ge=1, le=60)
    wait_for_nodes_s: float = param(
        300.0, "Longest wait for planner and judge before the start [s].", ge=0.0, le=3600.0
    )
    settle_s: float = param(1.0, "Time between seeing all nodes and the start [s].", ge=0.0, le=10.0)
    farewell_s: float = param(1.0, "Time for last judgements and for the recorder at the end [s].", ge=0.0, le=30.0)
    step_timeout_s: float = param(120.0, "Longest wait for a step before the run is given up [s].", ge=0.1, le=3600.0)


class WorldNode(KitNode):
    """Wraps a `sim.image_world.World`."""

    Parameters = WorldParameters

    def __init__(self) -> None:
        """Build the world and begin its episode."""
        super().__init__("world_node")
        p: WorldParameters = self.parameters
        config = WorldConfig(size=p.size, cameras=p.views or None, horizon=p.horizon)
        self._world: World = make_world(p.world, p.task, config)
        self._instruction = p.instruction.strip() or self._world.instruction
        self._width = self._world.workspace.shape[1]
        goals = show_goal(self._world, p.seed + SHOWN_SEED) if p.show_goal else {}
        self._observation, _ = self._world.reset(seed=p.seed)
        # Stamps of zero mean that there is none.
        self._time = self._begin = self._world.period
        self._log = TaskLog(p.task, self._instruction, p.seed, self._world.period)
        self._log.see(self._time, self._observation[self._world.cameras[0]], False)
        rows = (CLOCK_TOPIC, EFFECTOR_POSE, SIM_STATE, INSTRUCTION)
        self._out = {row.name: create_publisher(self, row) for row in rows}
        self._views = self._publishers_of(CAMERA_IMAGE)
        self._goals = self._publishers_of(GOAL_IMAGE)
        self._gripper = -1.0
        self._started = self._over = False
        self._failure = ""
        self._inputs = [
            create_subscription(self, EFFECTOR_STEP, self._on_step),
            create_subscription(self, PLAN_STATE, self._on_plan_state),
            create_subscription(self, PLAN_IMAGE, self._on_plan_image),
            create_subscription(self, TASK_JUDGEMENT, self._on_judgement),
            create_subscription(self, PLANNER_STATE, self._on_planner_state),
        ]
        self._reset = create_service(self, "reset", self._on_reset)
        self._refused = self.diagnostics.counter("refused_steps")
        self.diagnostics.value("time_s", lambda: f"{self._time:.4f}")
        self.diagnostics.value("steps", lambda: self._log.steps)
        self.diagnostics.value("success", lambda: self._log.success_at is not None)
        if p.show_goal and not goals:
            self.get_logger().warning(f"the expert does not get it done in {p.horizon} steps: no picture of the goal")
        for view, (start, goal) in goals.items():
            self._goals[view].publish(image_message(tile(np.stack([start, goal])), self._time, view))
        self._last_step = clock.monotonic()
        self._roll_call = self._make_roll_call()
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(0.05, self._tick, clock=self._steady)
        self.get_logger().info(f"ready: '{self._instruction}' in '{p.world}', task '{p.task}'; waiting")

    def _publishers_of(self, row: Topic) -> dict[str, Publisher]:
        """Publish a topic for each camera: the plain name for the first, one below the camera's for the others."""
        folder, _, name = row.name.partition("/")
        return {
            view: create_publisher(self, row if place == 0 else replace(row, name=f"{folder}/{view}/{name}"))
            for place, view in enumerate(self._world.cameras)
        }

    # Start

    def _make_roll_call(self) -> RollCall:
        p: WorldParameters = self.parameters
        roll = RollCall(self, p.settle_s, p.wait_for_nodes_s, clock.monotonic())
        heard = {subscription.topic_name: subscription for subscription in self._inputs}
        for row in (PLAN_STATE, EFFECTOR_STEP, *(TASK_JUDGEMENT,) * p.judged):
            roll.writer(heard[self.resolve_topic_name(row.name)])
        roll.readers(self._views[self._world.cameras[0]], 1 + int(p.judged))
        roll.readers(self._out[EFFECTOR_POSE.name], 1)
        return roll

    def _tick(self) -> None:
        if self._over:
            return
        now = clock.monotonic()
        if self._started:
            if now - self._last_step > self.parameters.step_timeout_s:
                self._end(f"no step for {now - self._last_step:.0f} s answers the pose at {self._time:.4f} s")
            return
        found = self._roll_call.call(now)
        if found.complaint:
            self._end(found.complaint)
        if found.complete:
            self._started, self._last_step = True, now
            self.get_logger().info("all nodes are there: the world starts, in lockstep")
            self._out[INSTRUCTION.name].publish(String(data=self._instruction))
            self._publish()

    # Time

    def _on_step(self, message: JointState) -> None:
        if not self._started or self._over:
            return
        if abs(time_from_stamp(message.header.stamp) - self._time) > 1e-6:
            # The answer to a pose that is no more, such as one before a reset.
            return
        try:
            action = self._action(message)
        except InvalidValue as error:
            self._refused.add()
            self.get_logger().warning(f"step refused: {error}", throttle_duration_sec=1.0)
            return
        self._last_step = clock.monotonic()
        self._observation, _, terminated, truncated, info = self._world.step(action)
        self._time += self._world.period
        self._log.see(self._time, self._observation[self._world.cameras[0]], bool(info["success"]))
        self._log.steps += 1
        self._publish()
        if terminated or truncated:
            self._end("" if self._log.success_at is not None else f"not done after {self._log.steps} steps")

    def _action(self, message: JointState) -> np.ndarray:
        told = telemetry_values(message)
        wanted = AXES[: self._width]
        missing = [name for name in wanted if name not in told]
        if missing:
            raise InvalidValue(f"a step in this world needs {', '.join(wanted)}, got {', '.join(told) or 'nothing'}")
        self._gripper = told.get("gripper", self._gripper)
        action = np.array([told[name] for name in wanted] + [self._gripper] * self._world.has_gripper)
        if not np.isfinite(action).all():
            raise InvalidValue(f"a step must be finite, got {action.tolist()}")
        return action

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._over:
            response.success, response.message = False, "the run is over"
            return response
        # Time goes on: it never goes back in ROS.
        self._observation, _ = self._world.reset(seed=self.parameters.seed)
        self._time += self._world.period
        self._log.begin(self._time, self._observation[self._world.cameras[0]])
        response.success, response.message = True, "at the first moment of the episode"
        if self._started:
            self._publish()
        return response

    # Messages

    def _publish(self) -> None:
        message = ClockMessage()
        set_stamp(self._time, message.clock)
        self._out[CLOCK_TOPIC.name].publish(message)
        if self._log.steps % self.parameters.image_every == 0:
            for view, publisher in self._views.items():
                publisher.publish(image_message(self._observation[view], self._time, view))
        values = {"steps": float(self._log.steps), "success": float(self._log.success_at is not None)}
        self._out[SIM_STATE.name].publish(telemetry_message(values, self._time))
        # The pose is what is answered, so it comes last.
        self._out[EFFECTOR_POSE.name].publish(pose_message(self._observation, self._width, self._time))

    def _on_plan_state(self, message: JointState) -> None:
        values = telemetry_values(message)
        self._log.plan_states[time_from_stamp(message.header.stamp)] = values
        self._pair()

    def _on_plan_image(self, message: ImageMessage) -> None:
        self._log.plan_rows[time_from_stamp(message.header.stamp)] = picture_of(message)
        self._pair()

    def _pair(self) -> None:
        """Join what came over two topics."""
        for time in sorted(set(self._log.plan_states) & set(self._log.plan_rows)):
            values, row = self._log.plan_states.pop(time), self._log.plan_rows.pop(time)
            frames = untile(row, int(values["frames"]))
            self._log.plans.append(
                PlanNote(time, frames, values["steps_per_frame"], values["confidence"], values["plan_time_s"])
            )

    def _on_judgement(self, message: JointState) -> None:
        self._log.judge(time_from_stamp(message.header.stamp), telemetry_values(message))

    def _on_planner_state(self, message: String) -> None:
        # Superseded by another instruction is no end.
        if self._started and not self._over and message.data.startswith("ended: ") and "superseded" not in message.data:
            self._end(f"the planner: {message.data}")

    # End

    def _end(self, failure: str) -> None:
        self._over, self._failure = True, failure
        self._farewell = self.create_timer(self.parameters.farewell_s, self._leave, clock=self._steady)

    def _leave(self) -> None:
        self.destroy_timer(self._farewell)
        p: WorldParameters = self.parameters
        for line in self._log.table(self._failure).splitlines():
            self.get_logger().info(line)
        if p.output:
            folder = Path(p.output)
            self._log.write(folder, self._failure)
            self.get_logger().info(f"results are in {folder}")
            if p.video:
                path = folder / f"{p.task}.mp4"
                count = self._log.write_video(path, p.video_fps)
                self.get_logger().info(f"video: {path} ({count} pictures)")
        self.finish(0 if self._log.success_at is not None else 1)

    def on_stop(self) -> None:
        """Free what draws."""
        self._world.close()


def pose_message(observation: Observation, width: int, time: float) -> PoseStamped:
    """Tell where hand or body is.

    Args:
        observation: Of the world.
        width: Coordinates that are displaced; where there are two, the third number of a pose is the heading [rad].
        time: Now [s].

    Returns:
        A new message.
    """
    message = PoseStamped()
    message.header.frame_id = FRAME
    set_stamp(time, message.header.stamp)
    numbers, place, turn = observation[POSE].astype(np.float64).tolist(), message.pose.position, 0.0
    place.x, place.y = numbers[:2]
    if width == 3:
        place.z = numbers[2]
    else:
        turn = numbers[2]
    message.pose.orientation.z, message.pose.orientation.w = float(np.sin(turn / 2.0)), float(np.cos(turn / 2.0))
    return message


def show_goal(world: World, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Have the expert do the task once, in another episode.

    Args:
        world: Where; it must be reset afterwards.
        seed: Of that episode.

    Returns:
        First and last picture of each camera; none where the expert fails.
    """
    first, _ = world.reset(seed=seed)
    last, over, success = first, False, False
    while not over:
        last, _, success, cut, _ = world.step(world.expert())
        over = success or cut
    return {view: (first[view], last[view]) for view in world.cameras} if success else {}


def main() -> int:
    """Run the node."""
    return run_node(WorldNode)


if __name__ == "__main__":
    sys.exit(main())
