"""The errands of a simulated team, on topics: what planners see and are told, and what they and judges answer."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image as ImageMessage
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from controllers.errors import InvalidValue
from controllers.rotations import rpy_from_quaternion
from pronk_gateway.roll_call import RollCall
from pronk_node_kit.command_conversions import telemetry_values
from pronk_node_kit.conversions import set_stamp
from pronk_node_kit.image_conversions import image_message, picture_of, tile
from pronk_node_kit.topics import (
    CAMERA_IMAGE,
    EFFECTOR_POSE,
    GOAL_IMAGE,
    INSTRUCTION,
    PLAN_IMAGE,
    PLANNER_STATE,
    TASK_JUDGEMENT,
    Topic,
    create_publisher,
    create_subscription,
)
from sim.errands import ErrandMap, Errands
from sim.ground_truth import GroundTruth

CAMERA = "top"
# What a planner that takes no task yet says of itself.
NOT_READY = ("", "loading", "inactive")


@dataclass
class Desk:
    """What one robot's planner and judge have told.

    Attributes:
        robot: Name of the robot.
        plan: Present and imagined frames of the newest plan in a row, shape (S, (K + 1) S, 3); None before the first.
        plans: Plans so far.
        progress: Judged last, NaN without a judge.
        state: Of the planner.
        out: Publishers by topic.
    """

    robot: str
    plan: np.ndarray | None = None
    plans: int = 0
    progress: float = math.nan
    state: str = ""
    out: dict[str, Publisher] = field(default_factory=dict)


class ErrandDesk:
    """Carries errands between a simulated world and the robots' planners."""

    def __init__(self, node: Node, errands: Errands, robots: Sequence[str], posts: np.ndarray, frame: str) -> None:
        """Join the topics of every robot, in its namespace.

        Args:
            node: Whose topics they are.
            errands: Who is sent where.
            robots: Names of the robots.
            posts: Centre and radius of each post, shape (O, 3) [m].
            frame: Frame of poses.
        """
        self._errands, self._frame, self._told = errands, frame, False
        self._map = ErrandMap(errands, posts)
        rows = (CAMERA_IMAGE, EFFECTOR_POSE, INSTRUCTION, GOAL_IMAGE)
        self.desks = [
            Desk(name, out={row.name: create_publisher(node, _row(row, name)) for row in rows}) for name in robots
        ]
        self._warn: Callable[[str], None] = lambda text: node.get_logger().warning(text, throttle_duration_sec=1.0)
        self._inputs = [
            create_subscription(node, _row(row, desk.robot), lambda message, d=desk, hear=hear: hear(d, message))
            for desk in self.desks
            for row, hear in (
                (PLAN_IMAGE, self._on_plan),
                (TASK_JUDGEMENT, self._on_judgement),
                (PLANNER_STATE, self._on_state),
            )
        ]

    def attend(self, roll: RollCall) -> None:
        """Have the world wait for every robot's planner: until it sees and feels, and takes a task.

        Args:
            roll: Roll call of the world.
        """
        for desk in self.desks:
            for row in (CAMERA_IMAGE, EFFECTOR_POSE):
                roll.readers(desk.out[row.name], 1)
        roll.also(lambda: [_row(PLANNER_STATE, desk.robot).name for desk in self.desks if desk.state in NOT_READY])

    def publish(self, truths: Sequence[GroundTruth], time: float) -> None:
        """Show every planner its picture, and tell it where its robot is; at first, also what is to be done.

        Args:
            truths: True state of every robot.
            time: Now [s].
        """
        poses = np.array([[*truth.position_world[:2], rpy_from_quaternion(truth.orientation)[2]] for truth in truths])
        for i, desk in enumerate(self.desks):
            now = self._map.draw(poses, i)
            if not self._told:
                done = tile(np.stack([now, self._map.draw_done(poses, i)]))
                desk.out[GOAL_IMAGE.name].publish(image_message(done, time, CAMERA))
                desk.out[INSTRUCTION.name].publish(String(data=self._errands.instructions[i]))
            desk.out[CAMERA_IMAGE.name].publish(image_message(now, time, CAMERA))
            # The pose is what is answered, so it comes last.
            desk.out[EFFECTOR_POSE.name].publish(_pose(poses[i], self._frame, time))
        self._told = True

    def _on_plan(self, desk: Desk, message: ImageMessage) -> None:
        try:
            desk.plan = picture_of(message)
        except InvalidValue as error:
            self._warn(f"plan of {desk.robot} refused: {error}")
            return
        desk.plans += 1

    def _on_judgement(self, desk: Desk, message: JointState) -> None:
        try:
            desk.progress = telemetry_values(message).get("progress", math.nan)
        except InvalidValue as error:
            self._warn(f"judgement of {desk.robot} refused: {error}")

    def _on_state(self, desk: Desk, message: String) -> None:
        desk.state = message.data


def _pose(pose: np.ndarray, frame: str, time: float) -> PoseStamped:
    message = PoseStamped()
    message.header.frame_id = frame
    set_stamp(time, message.header.stamp)
    x, y, yaw = pose.tolist()
    message.pose.position.x, message.pose.position.y = x, y
    message.pose.orientation.z, message.pose.orientation.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
    return message


def _row(row: Topic, robot: str) -> Topic:
    return replace(row, name=f"{robot}/{row.name}")
