"""Who may do what on a secured network: the one table of rights from which the policies of SROS2 are written.

A right is granted here by hand. What a node in fact does is not asked, so that a topic that is new in a node stays
denied until somebody grants it here and looks at who else could then move the motors.
"""

from dataclasses import dataclass

from pronk_gateway.vendor_topics import (
    DRY_RUN_TOPIC,
    LOW_COMMAND_TOPIC,
    LOW_STATE_TOPIC,
    REQUEST_TOPICS,
    RESPONSE_TOPICS,
)
from pronk_node_kit.topics import (
    BODY_COMMAND,
    CLOCK_TOPIC,
    CMD_VEL,
    CONTROLLER_STATE,
    DIAGNOSTICS,
    FOOT_CONTACTS,
    FOOT_SENSORS,
    GATEKEEPER_STATE,
    GOAL_POSE,
    IMU,
    JOINT_COMMANDS,
    JOINT_STATES,
    JOY,
    MOTOR_COMMANDS,
    ODOM,
    RESIDUAL_WRENCH,
    SIM_STATE,
    TRUE_ODOM,
    TRUE_PAYLOAD,
    TRUE_WRENCH,
    Topic,
)

# What ROS itself does for every node.
LOGS, EVENTS = "/rosout", "/parameter_events"
PARAMETER_SERVICES = (
    *("describe_parameters", "get_parameter_types", "get_parameters", "list_parameters"),
    *("set_parameters", "set_parameters_atomically"),
)
EVERY_NODES_SERVICES = (*PARAMETER_SERVICES, "get_type_description")
# Names that ROS's own tools give their nodes; they are no names of Pronk's.
TOOLS = ("_ros2cli_*", "rviz*", "foxglove_bridge*", "rqt_*")


@dataclass(frozen=True)
class Grant:
    """The rights of one process.

    Attributes:
        node: Name of its node, and of its enclave.
        publish: Names of topics, relative unless fixed.
        subscribe: Names of topics.
        reply: Services that it serves; a leading "~/" stands for the node.
        request: Services that it calls.
    """

    node: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    reply: tuple[str, ...] = ()
    request: tuple[str, ...] = ()


def names(*rows: Topic) -> tuple[str, ...]:
    """Take the names out of rows of the table.

    Args:
        rows: Topics.

    Returns:
        Their names.
    """
    return tuple(row.name for row in rows)


def _parameters_of(*nodes: str) -> tuple[str, ...]:
    return tuple(f"{node}/{verb}_parameters" for node in nodes for verb in ("get", "list"))


REQUESTS, RESPONSES = names(*REQUEST_TOPICS.values()), names(*RESPONSE_TOPICS.values())
# What passes between driver and robot. It is in the open: the vendor's computer has no keys.
VENDOR_TOPICS = (*names(LOW_STATE_TOPIC, LOW_COMMAND_TOPIC), *REQUESTS, *RESPONSES)
DRIVER_SERVICES = ("take", "give_back", "stop", "sit", "release")
GATE_SERVICES = ("arm", "disarm", "stop", "release")

# Estimator and controller: for any value of their parameters `foot_sensors` and `estimator`.
ESTIMATOR = Grant(
    "estimator_node",
    publish=names(ODOM, FOOT_CONTACTS),
    subscribe=names(JOINT_STATES, IMU, FOOT_SENSORS),
    reply=("~/reset",),
)
CONTROLLER = Grant(
    "mpc_node",
    publish=names(JOINT_COMMANDS, RESIDUAL_WRENCH, CONTROLLER_STATE),
    subscribe=names(JOINT_STATES, IMU, FOOT_SENSORS, ODOM, FOOT_CONTACTS, CMD_VEL, BODY_COMMAND),
    reply=("~/reset",),
)
# The only one whose commands reach the driver of the motors.
GATEKEEPER = Grant(
    "gatekeeper_node",
    publish=names(MOTOR_COMMANDS, GATEKEEPER_STATE),
    subscribe=names(JOINT_STATES, IMU, JOINT_COMMANDS),
    reply=GATE_SERVICES,
)
# The only one that the motors themselves listen to, as far as the robot's own network can be secured: see the docs.
DRIVER = Grant(
    "go2_node",
    publish=(*names(JOINT_STATES, IMU, FOOT_SENSORS, LOW_COMMAND_TOPIC, DRY_RUN_TOPIC), *REQUESTS),
    subscribe=(*names(MOTOR_COMMANDS, LOW_STATE_TOPIC), *RESPONSES),
    reply=tuple(f"~/{name}" for name in DRIVER_SERVICES),
    request=("stop",),
)
FAKE_ROBOT = Grant(
    "fake_go2_node",
    publish=(*names(LOW_STATE_TOPIC, SIM_STATE, TRUE_ODOM, CMD_VEL, BODY_COMMAND), *RESPONSES),
    subscribe=(*names(LOW_COMMAND_TOPIC), *REQUESTS),
    request=("arm", "disarm"),
)
SIMULATOR = Grant(
    "sim_node",
    publish=names(
        *(JOINT_STATES, IMU, FOOT_SENSORS, CMD_VEL, BODY_COMMAND, CLOCK_TOPIC, SIM_STATE),
        *(TRUE_ODOM, TRUE_WRENCH, TRUE_PAYLOAD),
    ),
    subscribe=names(MOTOR_COMMANDS),
    reply=("reset", "set_paused", "step"),
    request=("disarm", "estimator_node/reset", "mpc_node/reset"),
)
TELEOP = Grant("teleop_node", publish=names(CMD_VEL, BODY_COMMAND), subscribe=names(JOY), request=("arm", "stop"))
GAMEPAD = Grant("joy_node", publish=names(JOY), subscribe=("joy/set_feedback", EVENTS))

RECORDED = names(
    *(JOINT_STATES, IMU, ODOM, FOOT_CONTACTS, CMD_VEL, BODY_COMMAND, JOINT_COMMANDS, MOTOR_COMMANDS),
    *(GATEKEEPER_STATE, RESIDUAL_WRENCH, CONTROLLER_STATE, SIM_STATE, TRUE_ODOM, TRUE_WRENCH, TRUE_PAYLOAD),
    *(DIAGNOSTICS, CLOCK_TOPIC),
)
SEEN = (*RECORDED, *names(FOOT_SENSORS, JOY, GOAL_POSE, DRY_RUN_TOPIC), "markers", "robot_description", LOGS, EVENTS)


def _recorder(*nodes: str) -> Grant:
    return Grant("recorder_node", subscribe=RECORDED, request=_parameters_of(*nodes))


def _watch() -> Grant:
    """Dashboards and viewers, which hear everything and say nothing."""
    return Grant("pronk_watch", subscribe=SEEN, reply=_tools())


def _operator(*services: str) -> Grant:
    """A person at a terminal: asks for velocities, arms and stops, but never commands a joint."""
    return Grant(
        "operator",
        publish=names(CMD_VEL, BODY_COMMAND, GOAL_POSE),
        subscribe=SEEN,
        reply=_tools(),
        request=(*GATE_SERVICES, *services),
    )


def _tools() -> tuple[str, ...]:
    return tuple(f"/{tool}/{service}" for tool in TOOLS for service in EVERY_NODES_SERVICES)


_LOOP = (ESTIMATOR, CONTROLLER, GATEKEEPER)
_AT_A_ROBOT = tuple(grant.node for grant in (DRIVER, *_LOOP, TELEOP))
_SIMULATED = tuple(grant.node for grant in (SIMULATOR, FAKE_ROBOT, DRIVER, *_LOOP, TELEOP))
_DRIVER_CALLS = tuple(f"go2_node/{name}" for name in DRIVER_SERVICES)

# A robot's keystore holds no simulator, whose key could move the clock or pretend to be the robot.
GRANTS: dict[str, tuple[Grant, ...]] = {
    "go2_hardware": (
        *(DRIVER, *_LOOP, _recorder(*_AT_A_ROBOT), TELEOP, GAMEPAD, _watch()),
        _operator(*_DRIVER_CALLS, "estimator_node/reset", "mpc_node/reset"),
    ),
    "go2_sim": (
        *(SIMULATOR, FAKE_ROBOT, DRIVER, *_LOOP, _recorder(*_SIMULATED), TELEOP, GAMEPAD, _watch()),
        _operator(*_DRIVER_CALLS, "estimator_node/reset", "mpc_node/reset", "reset", "set_paused", "step"),
    ),
}
# Where time is simulated, nodes hear the clock of the simulator.
ON_SIMULATED_TIME = {"go2_hardware": (), "go2_sim": ("estimator_node", "mpc_node", "gatekeeper_node", "teleop_node")}
