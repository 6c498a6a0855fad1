"""The one table of topics and services: name, type, quality of service and the reason for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import InertiaStamped, PoseStamped, TwistStamped, WrenchStamped
from nav_msgs.msg import Odometry
from pronk_msgs.action import ExecuteTask
from pronk_msgs.msg import BodyCommand, JointCommand
from rclpy.event_handler import (
    PublisherEventCallbacks,
    QoSOfferedIncompatibleQoSInfo,
    QoSRequestedIncompatibleQoSInfo,
    SubscriptionEventCallbacks,
)
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy, qos_policy_name_from_kind
from rclpy.service import Service as RclpyService
from rclpy.subscription import Subscription
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, Imu, JointState, Joy
from std_msgs.msg import Float64, String
from std_srvs.srv import SetBool, Trigger
from visualization_msgs.msg import MarkerArray

from controllers.errors import UnknownName


@dataclass(frozen=True)
class Quality:
    """A quality of service with the reason for it.

    Attributes:
        depth: Messages kept.
        reliable: Whether lost messages are sent again.
        latched: Whether late subscribers get the last message.
        reason: Why so.
    """

    depth: int
    reliable: bool
    latched: bool
    reason: str

    def profile(self, best_effort: bool = False) -> QoSProfile:
        """Return it in the form that rclpy takes.

        Args:
            best_effort: Do without resending, to hear publishers that do not offer it.

        Returns:
            The profile.
        """
        reliable = self.reliable and not best_effort
        return QoSProfile(
            depth=self.depth,
            reliability=QoSReliabilityPolicy.RELIABLE if reliable else QoSReliabilityPolicy.BEST_EFFORT,
            durability=QoSDurabilityPolicy.TRANSIENT_LOCAL if self.latched else QoSDurabilityPolicy.VOLATILE,
        )


STATE = Quality(10, True, False, "readings are joined by stamp, so none may be lost; any subscriber can match it")
COMMAND = Quality(1, True, False, "only the newest command counts: a backlog of commands is a hazard")
LATCHED = Quality(1, True, True, "changes rarely; who comes late must know it")
REPORT = Quality(10, True, False, "for people and logs; the default of ROS tools")
PICTURE = Quality(
    2, True, False, "only the newest picture is worth a thought, but a world may wait for the answer to it"
)
CLOCK = Quality(1, False, False, "only the newest time counts; what every ROS node subscribes with")


@dataclass(frozen=True)
class Topic:
    """One row of the table.

    Attributes:
        name: Name, relative unless ROS itself fixes it.
        type: Message class.
        quality: Quality of service.
        publisher: Node that publishes it.
        meaning: What it carries.
    """

    name: str
    type: type
    quality: Quality
    publisher: str
    meaning: str


@dataclass(frozen=True)
class Action:
    """One action.

    Attributes:
        name: Relative name.
        type: Action class.
        server: Node that serves it.
        meaning: What a goal does.
    """

    name: str
    type: type
    server: str
    meaning: str


@dataclass(frozen=True)
class Service:
    """One service.

    Attributes:
        name: Relative name.
        type: Service class.
        server: Node that serves it.
        meaning: What a call does.
    """

    name: str
    type: type
    server: str
    meaning: str


JOINT_STATES = Topic("joint_states", JointState, STATE, "robot", "measured joint angles, rates and torques")
IMU = Topic("imu/data", Imu, STATE, "robot", "attitude, angular velocity and specific force in base_link")
FOOT_SENSORS = Topic("foot_sensors", JointState, STATE, "robot", "effort = measured normal force of each foot [N]")
ODOM = Topic("odom", Odometry, STATE, "estimator_node", "estimated pose (odom) and twist (base_link) of the base")
FOOT_CONTACTS = Topic(
    "foot_contacts", JointState, STATE, "estimator_node", "per foot: position = contact 0/1, effort = normal force [N]"
)
CMD_VEL = Topic(
    "cmd_vel", TwistStamped, COMMAND, "operator, planner or cbf_filter_node", "velocity asked for, heading frame"
)
CMD_VEL_NOMINAL = Topic(
    "cmd_vel_nominal", TwistStamped, COMMAND, "operator or planner", "velocity before the safety filter, heading frame"
)
GOAL_POSE = Topic("goal_pose", PoseStamped, COMMAND, "operator or planner", "where the robot is to go")
JOY = Topic("joy", Joy, STATE, "driver of the gamepad", "deflections of sticks and buttons that are down")
BODY_COMMAND = Topic("body_command", BodyCommand, COMMAND, "operator or planner", "gait, body height, roll and pitch")
JOINT_COMMANDS = Topic("joint_commands", JointCommand, COMMAND, "mpc_node", "impedance command before the gatekeeper")
MOTOR_COMMANDS = Topic(
    "motor_commands", JointCommand, COMMAND, "gatekeeper_node", "what the motors get; the gatekeeper alone publishes it"
)
GATEKEEPER_STATE = Topic("gatekeeper_state", String, LATCHED, "gatekeeper_node", "state of the gatekeeper and why")
RESIDUAL_WRENCH = Topic(
    "residual_wrench", WrenchStamped, STATE, "mpc_node", "learned disturbance at the centre of mass [N, N m]"
)
LOAD_WRENCH = Topic(
    "load_wrench", WrenchStamped, STATE, "mpc_node", "what of it pulls at the robot, without the swing of the gait"
)
CONTROLLER_STATE = Topic(
    "controller_state", JointState, REPORT, "mpc_node", "named numbers in position: solver time, misses, reference"
)
SIM_STATE = Topic(
    "sim_state", JointState, REPORT, "sim_node", "named numbers in position: age of commands, real-time factor, fall"
)
TRUE_ODOM = Topic("ground_truth/odom", Odometry, STATE, "sim_node", "true pose and twist of the base")
TRUE_WRENCH = Topic("ground_truth/wrench", WrenchStamped, STATE, "sim_node", "true disturbance on the base")
TRUE_PAYLOAD = Topic(
    "ground_truth/payload", InertiaStamped, STATE, "sim_node", "mass, position and inertia of the load"
)
MARKERS = Topic("markers", MarkerArray, REPORT, "mpc_node", "footholds, forces and wrench for RViz and Foxglove")
SAFETY_MARKERS = Topic(
    "safety_markers", MarkerArray, REPORT, "cbf_filter_node", "disc, velocities and barriers for RViz and Foxglove"
)
SAFETY_STATE = Topic(
    "safety_state", JointState, REPORT, "cbf_filter_node", "named numbers in position: least gap, correction, mode"
)
ROBOT_DESCRIPTION = Topic("robot_description", String, LATCHED, "sim_node", "model of the robot")
FAULT_STATE = Topic(
    "fault_state", String, LATCHED, "fault_node", "fault on a topic under test and stamp of the last message before it"
)
CAMERA_IMAGE = Topic("camera/image", Image, PICTURE, "camera or world_node", "what the planner's camera sees")
GOAL_IMAGE = Topic(
    "goal/image", Image, LATCHED, "world_node or operator", "start and end of the task done once before, side by side"
)
EFFECTOR_POSE = Topic(
    "effector_pose", PoseStamped, STATE, "robot or world_node", "place of the hand or body that the planner moves"
)
EFFECTOR_STEP = Topic(
    "effector_step",
    JointState,
    COMMAND,
    "planner_node",
    "position by name: displacement x, y, z in one step [m] and gripper from -1 (open) to 1",
)
INSTRUCTION = Topic("instruction", String, LATCHED, "operator or world_node", "what is to be done, in words")
PLAN_IMAGE = Topic("plan/image", Image, REPORT, "planner_node", "the present picture and the imagined ones, in a row")
PLAN_STATE = Topic(
    "plan/state", JointState, REPORT, "planner_node", "named numbers in position: confidence, frames, time of planning"
)
PLANNER_STATE = Topic("planner_state", String, LATCHED, "planner_node", "what the planner does and why")
TASK_PROGRESS = Topic("task_progress", Float64, REPORT, "reward_node", "progress of the task, 0 to 1")
TASK_JUDGEMENT = Topic(
    "task_judgement",
    JointState,
    STATE,
    "reward_node",
    "named numbers in position: progress and its deviation, chance of success, confidence; stamp of the pictures",
)
DIAGNOSTICS = Topic("/diagnostics", DiagnosticArray, REPORT, "every node", "health at 1 Hz")
CLOCK_TOPIC = Topic("/clock", Clock, CLOCK, "sim_node", "simulated time")

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        JOINT_STATES,
        IMU,
        FOOT_SENSORS,
        ODOM,
        FOOT_CONTACTS,
        CMD_VEL,
        CMD_VEL_NOMINAL,
        GOAL_POSE,
        JOY,
        BODY_COMMAND,
        JOINT_COMMANDS,
        MOTOR_COMMANDS,
        GATEKEEPER_STATE,
        RESIDUAL_WRENCH,
        LOAD_WRENCH,
        CONTROLLER_STATE,
        SIM_STATE,
        TRUE_ODOM,
        TRUE_WRENCH,
        TRUE_PAYLOAD,
        MARKERS,
        SAFETY_MARKERS,
        SAFETY_STATE,
        ROBOT_DESCRIPTION,
        FAULT_STATE,
        CAMERA_IMAGE,
        GOAL_IMAGE,
        EFFECTOR_POSE,
        EFFECTOR_STEP,
        INSTRUCTION,
        PLAN_IMAGE,
        PLAN_STATE,
        PLANNER_STATE,
        TASK_PROGRESS,
        TASK_JUDGEMENT,
        DIAGNOSTICS,
        CLOCK_TOPIC,
    )
}

SERVICES: dict[str, Service] = {
    service.name: service
    for service in (
        Service("reset", Trigger, "sim_node", "put the robot back to its first pose; time goes on"),
        Service("set_paused", SetBool, "sim_node", "stop or resume the simulated world"),
        Service("step", Trigger, "sim_node", "advance a paused world by one control period"),
        Service("arm", Trigger, "gatekeeper_node", "let commands reach the motors"),
        Service("disarm", Trigger, "gatekeeper_node", "damp the robot until it is armed again; no fault"),
        Service("stop", Trigger, "gatekeeper_node", "damp the robot until released"),
        Service("release", Trigger, "gatekeeper_node", "leave the stop; the robot must then be armed again"),
    )
}

EXECUTE_TASK = Action("execute_task", ExecuteTask, "planner_node", "carry out a task; the one before is given up")
ACTIONS: dict[str, Action] = {EXECUTE_TASK.name: EXECUTE_TASK}


def topic(name: str) -> Topic:
    """Look up a row.

    Args:
        name: Name as in the table.

    Returns:
        The row.

    Raises:
        UnknownName: There is no such topic.
    """
    if name not in TOPICS:
        raise UnknownName("topic", name, TOPICS)
    return TOPICS[name]


def create_publisher(node: Node, row: Topic) -> Publisher:
    """Publish a topic of the table.

    Args:
        node: Publishing node.
        row: Row of the table.

    Returns:
        The publisher; a subscriber that cannot match is reported in the log.
    """

    def report(event: QoSOfferedIncompatibleQoSInfo) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        node.get_logger().error(f"a subscriber of '{row.name}' asks for another {policy}; it gets no messages")

    events = PublisherEventCallbacks(incompatible_qos=report)
    return node.create_publisher(row.type, row.name, row.quality.profile(), event_callbacks=events)


def create_subscription(
    node: Node, row: Topic, callback: Callable[[Any], None], *, raw: bool = False, best_effort: bool = False
) -> Subscription:
    """Subscribe to a topic of the table.

    Args:
        node: Subscribing node.
        row: Row of the table.
        callback: Called with each message.
        raw: Hand over the serialised bytes.
        best_effort: Also hear publishers that do not resend, such as drivers of others; messages may then be lost.

    Returns:
        The subscription; a publisher that cannot match is reported in the log.
    """

    def report(event: QoSRequestedIncompatibleQoSInfo) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        node.get_logger().error(f"a publisher of '{row.name}' offers another {policy}; its messages are not heard")

    events = SubscriptionEventCallbacks(incompatible_qos=report)
    profile = row.quality.profile(best_effort)
    return node.create_subscription(row.type, row.name, callback, profile, raw=raw, event_callbacks=events)


def create_service(node: Node, name: str, callback: Callable[[Any, Any], Any]) -> RclpyService:
    """Serve a service of the table.

    Args:
        node: Serving node.
        name: Name as in the table.
        callback: Called with request and response, returns the response.

    Returns:
        The service.

    Raises:
        UnknownName: There is no such service.
    """
    if name not in SERVICES:
        raise UnknownName("service", name, SERVICES)
    return node.create_service(SERVICES[name].type, name, callback)
