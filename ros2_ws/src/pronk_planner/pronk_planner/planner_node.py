"""Does what it is told in words: pictures and instruction in; imagined frames, displacements and their state out.

A lifecycle node: to configure it loads the planner, and only while it is active it moves anything. Plans are made in a
thread of their own, so that the node hears, reports and stops while it thinks. A new instruction or picture supersedes
the one before; an answer to what is no longer asked is thrown away.
"""

import sys
import time as clock
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from geometry_msgs.msg import PoseStamped
from pronk_msgs.action import ExecuteTask
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import Image as ImageMessage
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from controllers.errors import InvalidValue
from policies.video.planner import Image, Plan, Planner
from policies.video.task_run import Step, TaskRun
from pronk_node_kit.command_conversions import telemetry_values
from pronk_node_kit.conversions import set_stamp, telemetry_message, time_from_stamp
from pronk_node_kit.diagnostics import ERROR, OK, WARN
from pronk_node_kit.image_conversions import image_message, picture_of, tile
from pronk_node_kit.lifecycle import LifecycleKitNode
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import (
    CAMERA_IMAGE,
    EFFECTOR_POSE,
    EFFECTOR_STEP,
    EXECUTE_TASK,
    GOAL_POSE,
    INSTRUCTION,
    PLAN_IMAGE,
    PLAN_STATE,
    PLANNER_STATE,
    TASK_JUDGEMENT,
    create_publisher,
    create_subscription,
)
from pronk_planner.execution_goal import ExecutionGoal
from pronk_planner.planner_backends import make_planner
from pronk_planner.planner_parameters import PlannerParameters
from pronk_planner.worker import Answer, Worker

AXES = ("x", "y", "z")
TICK_S = 0.1


@dataclass(frozen=True)
class _Request:
    """What the worker plans for."""

    run: TaskRun
    image: Image
    time: float


@dataclass
class _Task:
    """A task that is being done."""

    run: TaskRun
    goal: ExecutionGoal | None
    since: float
    progress: float = 0.0
    trust: float = 1.0
    trouble: str = ""
    troubled_since: float = 0.0


class PlannerNode(LifecycleKitNode):
    """Wraps a `policies.video.planner.Planner` and `TaskRun`."""

    Parameters = PlannerParameters

    def __init__(self) -> None:
        """Join the topics; the planner itself comes when the node is configured."""
        super().__init__("planner_node")
        p: PlannerParameters = self.parameters
        self._planner: Planner | None = None
        self._worker: Worker[_Request, Plan] | None = None
        self._task: _Task | None = None
        self._heard = self._state = ""
        # A world or robot that stands still tells only once what it sees and where it is.
        self._seen: ImageMessage | None = None
        self._felt: PoseStamped | None = None
        self._position, self._stamp = np.zeros(3), -np.inf
        rows = [EFFECTOR_STEP, PLAN_IMAGE, PLAN_STATE, PLANNER_STATE, INSTRUCTION]
        rows += [GOAL_POSE] if p.goal_ahead_steps else []
        self._out = {row.name: create_publisher(self, row) for row in rows}
        d = self.diagnostics
        self._camera, self._pose = d.input("camera", 2.0), d.input("pose", 2.0)
        self._refused = d.counter("refused_inputs")
        self._plans, self._thrown = d.counter("plans"), d.counter("superseded_plans")
        self._duration = d.deadline("plan", p.plan_time_s, tolerated=0.1)
        d.value("planner", lambda: p.planner)
        d.value("state", lambda: self._state)
        d.value("instruction", lambda: "" if self._task is None else self._task.run.instruction)
        d.value("confidence", lambda: "-" if self._task is None else f"{self._task.run.confidence:.3f}")
        d.value("progress", lambda: "-" if self._task is None else f"{self._task.progress:.3f}")
        # Only the newest picture counts, and drivers of cameras may not resend.
        self._inputs = [
            create_subscription(self, replace(CAMERA_IMAGE, name=p.image_topic), self._on_image),
            create_subscription(self, EFFECTOR_POSE, self._on_pose),
            create_subscription(self, INSTRUCTION, self._on_instruction),
            create_subscription(self, TASK_JUDGEMENT, self._on_judgement),
        ]
        self._server = ActionServer(
            *(self, EXECUTE_TASK.type, EXECUTE_TASK.name, self._execute),
            goal_callback=self._on_goal,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
        )
        self._timer = self.create_timer(TICK_S, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.start()

    # Lifecycle

    def configure(self) -> None:
        """Load the planner."""
        self._say("loading")
        # The worker's thread does not touch the node.
        self._worker = Worker(self._load, lambda: self.call_soon(self._on_answer), name="planner")
        self._say("inactive")

    def _load(self) -> Callable[[_Request], Plan]:
        self._planner = planner = make_planner(self.parameters.choice())
        return lambda request: planner.plan(request.image, request.run.instruction, request.run.rng)

    def activate(self) -> None:
        """Take tasks."""
        self._say("idle")
        self.get_logger().info(f"ready: planner '{self.parameters.planner}', pictures of {self._size()} pixels")
        instruction = self.parameters.instruction or self._heard
        if instruction:
            self._begin(instruction, None)

    def deactivate(self) -> None:
        """Give up the task; nothing moves from here on."""
        self._end(False, "the planner was deactivated")
        self._say("inactive")

    def clean_up(self) -> None:
        """Let go of the planner."""
        if self._worker is not None:
            self._worker.close()
        self._planner = self._worker = None

    def _size(self) -> int:
        return 0 if self._planner is None else self._planner.size

    # Tasks

    def _on_instruction(self, message: String) -> None:
        self._heard = message.data.strip()
        if self.active and not (self._task is not None and self._task.run.instruction == self._heard):
            self._begin(message.data, None)

    def _on_goal(self, request: ExecuteTask.Goal) -> GoalResponse:
        if self.active:
            return GoalResponse.ACCEPT
        self.get_logger().warning(f"'{request.instruction}' is not begun: the planner is not active")
        return GoalResponse.REJECT

    async def _execute(self, handle: ServerGoalHandle) -> ExecuteTask.Result:
        goal = ExecutionGoal(handle)
        self._begin(handle.request.instruction, goal)
        return await goal.result()

    def _begin(self, instruction: str, goal: ExecutionGoal | None) -> None:
        p: PlannerParameters = self.parameters
        try:
            if not self.active:
                raise InvalidValue(f"'{instruction}' cannot be begun: the planner is not active")
            run = TaskRun(instruction, self._size(), p.seed, p.config())
        except InvalidValue as error:
            self._refuse(error)
            if goal is not None:
                goal.end(False, 0.0, 0, str(error))
            return
        self._end(False, f"superseded by '{run.instruction}'")
        self._task = _Task(run, goal, self._stamp)
        if goal is not None:
            # So that who judges knows it too.
            self._heard = run.instruction
            self._out[INSTRUCTION.name].publish(String(data=run.instruction))
        self.get_logger().info(f"begins: {run.instruction}")
        self._say(f"waiting: {run.instruction}")
        if self._seen is not None:
            self._on_image(self._seen)
        if self._felt is not None:
            self._on_pose(self._felt)

    def _end(self, success: bool, why: str) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        outcome = "done" if success else "ended"
        self.get_logger().info(f"{outcome} '{task.run.instruction}' after {task.run.steps} steps: {why}")
        self._say(f"{outcome}: {task.run.instruction}: {why}")
        if task.goal is not None:
            task.goal.end(success, task.progress, task.run.steps, why)

    # Inputs

    def _refuse(self, reason: object) -> None:
        self._refused.add()
        self.get_logger().warning(f"refused: {reason}", throttle_duration_sec=1.0)
        if self._task is not None:
            if not self._task.trouble:
                self._task.troubled_since = clock.monotonic()
            self._task.trouble = str(reason)

    def _on_image(self, message: ImageMessage) -> None:
        self._camera.mark()
        self._seen = message
        if self._task is None:
            return
        try:
            self._task.run.see(picture_of(message), time_from_stamp(message.header.stamp))
        except InvalidValue as error:
            self._refuse(error)
            return
        self._ask()

    def _on_pose(self, message: PoseStamped) -> None:
        self._pose.mark()
        self._felt = message
        if self._task is None:
            return
        place = message.pose.position
        try:
            self._stamp = time_from_stamp(message.header.stamp)
            self._act(self._task.run.move(np.array((place.x, place.y, place.z)), self._stamp))
        except InvalidValue as error:
            self._refuse(error)
            return
        self._ask()

    def _on_judgement(self, message: JointState) -> None:
        task, threshold = self._task, self.parameters.success_threshold
        if task is None:
            return
        try:
            told = telemetry_values(message)
            numbers = [told[name] for name in ("progress", "confidence", "success")]
        except (InvalidValue, KeyError) as error:
            self._refuse(f"task_judgement: {error}")
            return
        if not np.isfinite(numbers).all():
            self._refuse(f"task_judgement must be finite, got {numbers}")
            return
        # A judge that has not heard of this task yet tells of the one before.
        if time_from_stamp(message.header.stamp) <= task.since or task.run.plans == 0:
            return
        task.progress, task.trust, success = numbers
        if threshold > 0.0 and success >= threshold:
            self._end(True, f"judged complete, chance of success {success:.2f}")

    # Plans

    def _ask(self) -> None:
        if self._task is None or self._worker is None:
            return
        run = self._task.run
        try:
            image = run.request(clock.monotonic())
        except InvalidValue as error:
            self._refuse(error)
            return
        if image is not None:
            self._say(f"planning: {run.instruction}")
            self._worker.ask(_Request(run, image, self._stamp))

    def _on_answer(self) -> None:
        if self._worker is not None:
            for answer in self._worker.answers():
                self._take(answer)

    def _take(self, answer: Answer[_Request, Plan]) -> None:
        refusal, run = answer.refusal(), answer.request.run
        if self._task is None or self._task.run is not run:
            self._thrown.add()
            return
        self._duration.observe(answer.duration)
        if refusal is not None or answer.value is None:
            run.drop()
            self._refuse(refusal)
            return
        plan = answer.value
        try:
            step = run.take(plan)
        except InvalidValue as error:
            run.drop()
            self._refuse(error)
            return
        self._plans.add()
        self._task.trouble = ""
        self._say(f"acting: {run.instruction}")
        self._tell(plan, answer.request.time, answer.duration)
        self._act(step)

    def _tell(self, plan: Plan, time: float, duration: float) -> None:
        self._out[PLAN_IMAGE.name].publish(image_message(tile(plan.frames), time, "plan"))
        moves = dict(zip(AXES, plan.displacement.sum(axis=0).tolist(), strict=False))
        values = {
            "confidence": plan.confidence,
            "frames": float(len(plan.frames)),
            "steps_per_frame": float(plan.steps_per_frame),
            "plan_time_s": duration,
            **{f"displacement_{axis}_m": move for axis, move in moves.items()},
            "deviation_m": float(np.sqrt(np.mean(np.square(plan.deviation)))),
        }
        self._out[PLAN_STATE.name].publish(telemetry_message(values, time))

    def _act(self, step: Step | None) -> None:
        if step is None or not self.active:
            return
        self._lead()
        names = [*AXES[: len(step.displacement)], "gripper"]
        message = JointState(name=names, position=[*step.displacement.tolist(), step.gripper])
        # The stamp is that of the pose that it answers.
        set_stamp(self._stamp, message.header.stamp)
        self._out[EFFECTOR_STEP.name].publish(message)

    def _lead(self) -> None:
        """Tell legs, which find their own way and pace, where the plan leads."""
        steps = self.parameters.goal_ahead_steps
        place = self._task.run.ahead(steps) if self._task is not None else None
        if not steps or place is None or self._felt is None:
            return
        message = PoseStamped()
        message.header.frame_id = self._felt.header.frame_id
        set_stamp(self._stamp, message.header.stamp)
        message.pose.position.x, message.pose.position.y = float(place[0]), float(place[1])
        message.pose.orientation.w = 1.0
        self._out[GOAL_POSE.name].publish(message)

    # Periods

    def _tick(self) -> None:
        task = self._task
        if task is not None:
            if task.goal is not None and task.goal.canceled:
                self._end(False, "canceled")
            elif task.run.over:
                self._end(False, f"not done after {task.run.steps} steps")
            elif task.trouble and clock.monotonic() - task.troubled_since > self.parameters.give_up_s:
                self._end(False, f"given up: {task.trouble}")
            else:
                self._ask()
        if self._task is not None and self._task.goal is not None:
            run = self._task.run
            confidence = min(run.confidence, self._task.trust)
            self._task.goal.tell(self._task.progress, confidence, run.frames, self._state)
        self._judge()

    def _judge(self) -> None:
        task = self._task
        if task is not None and task.trouble:
            self.diagnostics.set_level(ERROR, task.trouble)
        elif task is not None and task.run.plans and task.run.confidence < self.parameters.least_confidence:
            self.diagnostics.set_level(WARN, f"low confidence {task.run.confidence:.2f} in '{task.run.instruction}'")
        else:
            self.diagnostics.set_level(OK, self._state or "unconfigured")

    def _say(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self._out[PLANNER_STATE.name].publish(String(data=state))


def main() -> int:
    """Run the node."""
    return run_node(PlannerNode)


if __name__ == "__main__":
    sys.exit(main())
