"""Who may do what on a secured network: the one table of rights from which the policies of SROS2 are written.

A right is granted here by hand. What a node in fact does is not asked, so that a topic that is new in a node stays
denied until somebody grants it here and looks at who else could then move the motors.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pronk_gateway.vendor_topics import (
    DRY_RUN_TOPIC,
    LOW_COMMAND_TOPIC,
    LOW_STATE_TOPIC,
    REQUEST_TOPICS,
    RESPONSE_TOPICS,
)
from pronk_node_kit.topics import (
    BODY_COMMAND,
    CAMERA_IMAGE,
    CLOCK_TOPIC,
    CMD_VEL,
    CONTROLLER_STATE,
    DIAGNOSTICS,
    EFFECTOR_POSE,
    EFFECTOR_STEP,
    EXECUTE_TASK,
    FOOT_CONTACTS,
    FOOT_SENSORS,
    GATEKEEPER_STATE,
    GOAL_IMAGE,
    GOAL_POSE,
    IMU,
    INSTRUCTION,
    JOINT_COMMANDS,
    JOINT_STATES,
    JOY,
    LOAD_WRENCH,
    MOTOR_COMMANDS,
    ODOM,
    PLAN_IMAGE,
    PLAN_STATE,
    PLANNER_STATE,
    RESIDUAL_WRENCH,
    SAFETY_MARKERS,
    SAFETY_STATE,
    SIM_STATE,
    TASK_JUDGEMENT,
    TASK_PROGRESS,
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
# What ROS does for nodes with a lifecycle; a person who manages one uses the first three.
TRANSITIONS, MANAGED = "~/transition_event", ("change_state", "get_state", "get_available_transitions")
LIFECYCLE_SERVICES = tuple(f"~/{name}" for name in (*MANAGED, "get_available_states", "get_transition_graph"))
# Names that ROS's own tools give their nodes; they are no names of Pronk's.
TOOLS = ("_ros2cli_*", "rviz*", "foxglove_bridge*", "rqt_*")


@dataclass(frozen=True)
class Grant:
    """The rights of one process.

    Attributes:
        node: Name of its node, and of its enclave.
        publish: Names of topics, relative unless fixed; a leading "~/" stands for the node.
        subscribe: Names of topics.
        reply: Services that it serves.
        request: Services that it calls.
        execute: Actions that it serves.
        call: Actions that it has carried out.
        place: Namespace of the node below that of its stack, such as "robot_1"; its names are relative to it.
    """

    node: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    reply: tuple[str, ...] = ()
    request: tuple[str, ...] = ()
    execute: tuple[str, ...] = ()
    call: tuple[str, ...] = ()
    place: str = ""

    @property
    def path(self) -> str:
        """Name within the stack, which no other process has: "mpc_node" or "robot_1/mpc_node"."""
        return f"{self.place}/{self.node}" if self.place else self.node


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
    publish=names(JOINT_COMMANDS, RESIDUAL_WRENCH, LOAD_WRENCH, CONTROLLER_STATE),
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
    *(GATEKEEPER_STATE, RESIDUAL_WRENCH, LOAD_WRENCH, CONTROLLER_STATE, SIM_STATE),
    *(TRUE_ODOM, TRUE_WRENCH, TRUE_PAYLOAD),
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


# Several robots in one world, and the planner's world. Each process has just what its launch file, with the parameter
# file that belongs to it, makes it do.


def _below(places: Iterable[str], rows: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{place}/{name}" for place in places for name in rows)


def _world_of(robots: tuple[str, ...], told: tuple[str, ...], heard: tuple[str, ...] = ()) -> Grant:
    """The simulator of a team; what robots are told beyond their readings, and what it hears of their planners."""
    rows = (*names(JOINT_STATES, IMU, FOOT_SENSORS, BODY_COMMAND, TRUE_ODOM), *told)
    return Grant(
        "team_sim_node",
        publish=(*names(CLOCK_TOPIC, SIM_STATE), *_below(robots, rows)),
        subscribe=_below(robots, (*names(MOTOR_COMMANDS, SAFETY_STATE), *heard)),
        request=_below(robots, ("disarm",)),
    )


def _filter_of(robots: tuple[str, ...]) -> Grant:
    """The safety filter. No other process has a team's velocities, so that nobody can lead a robot past it."""
    return Grant(
        "cbf_filter_node",
        publish=_below(robots, names(CMD_VEL, SAFETY_STATE, SAFETY_MARKERS)),
        subscribe=_below(robots, names(TRUE_ODOM, GOAL_POSE)),
    )


PLANNER = Grant(
    "planner_node",
    publish=(*names(EFFECTOR_STEP, PLAN_IMAGE, PLAN_STATE, PLANNER_STATE, INSTRUCTION), TRANSITIONS),
    subscribe=names(CAMERA_IMAGE, EFFECTOR_POSE, INSTRUCTION, TASK_JUDGEMENT),
    reply=LIFECYCLE_SERVICES,
    execute=(EXECUTE_TASK.name,),
)
JUDGE = Grant(
    "reward_node",
    publish=(*names(TASK_PROGRESS, TASK_JUDGEMENT), TRANSITIONS),
    subscribe=names(CAMERA_IMAGE, GOAL_IMAGE, INSTRUCTION),
    reply=LIFECYCLE_SERVICES,
)
WALKER = (replace(CONTROLLER, subscribe=names(JOINT_STATES, IMU, CMD_VEL, BODY_COMMAND)), GATEKEEPER)
# Legs are led by a goal ahead on the planned way.
THINKER = (replace(PLANNER, publish=(*PLANNER.publish, GOAL_POSE.name)), JUDGE)

_TEAM_RECORDED = names(
    *(CMD_VEL, GOAL_POSE, SAFETY_STATE, SAFETY_MARKERS, TRUE_ODOM),
    *(RESIDUAL_WRENCH, LOAD_WRENCH, CONTROLLER_STATE, GATEKEEPER_STATE),
)
_PLANNED = names(
    *(INSTRUCTION, GOAL_IMAGE, CAMERA_IMAGE, EFFECTOR_POSE),
    *(PLAN_IMAGE, PLAN_STATE, PLANNER_STATE, TASK_PROGRESS, TASK_JUDGEMENT),
)
_CALLS_OF_A_ROBOT = (*GATE_SERVICES, "mpc_node/reset")
_CALLS_OF_A_THINKER = _below(("planner_node", "reward_node"), MANAGED)
CROSSING, ERRANDS = tuple(f"robot_{i}" for i in (1, 2, 3, 4)), ("robot_1", "robot_2")


def _observed(grants: tuple[Grant, ...], recorded: tuple[str, ...], operator: Grant) -> tuple[Grant, ...]:
    """Add the recorder and the people, who hear whatever the processes of a stack say."""
    said = {f"{g.place}/{name}".lstrip("/") for g in grants for name in g.publish if name[0] not in "/~"}
    seen = (*said, *names(CLOCK_TOPIC, DIAGNOSTICS), LOGS, EVENTS)
    return (
        *grants,
        Grant(
            "recorder_node",
            subscribe=(*names(CLOCK_TOPIC, DIAGNOSTICS, SIM_STATE), *recorded),
            request=_parameters_of(*(grant.path for grant in grants)),
        ),
        Grant("pronk_watch", subscribe=seen, reply=_tools()),
        replace(operator, subscribe=seen, reply=_tools()),
    )


def _team(
    robots: tuple[str, ...], world: Grant, loop: tuple[Grant, ...], recorded: tuple[str, ...], operator: Grant
) -> tuple[Grant, ...]:
    each = tuple(replace(grant, place=robot) for robot in robots for grant in loop)
    return _observed((world, _filter_of(robots), *each), _below(robots, recorded), operator)


# The planner's own world: the arm's cameras, the first one with the plain name.
_MORE_VIEWS = ("camera/topview/image", "camera/gripperPOV/image", "goal/topview/image", "goal/gripperPOV/image")
WORLD = Grant(
    "world_node",
    publish=(*names(CLOCK_TOPIC, EFFECTOR_POSE, SIM_STATE, INSTRUCTION, CAMERA_IMAGE, GOAL_IMAGE), *_MORE_VIEWS),
    subscribe=names(EFFECTOR_STEP, PLAN_STATE, PLAN_IMAGE, TASK_JUDGEMENT, PLANNER_STATE),
    reply=("reset",),
)

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
    # A person arms and stops; where to go is the scenario's, and how is the filter's.
    "multi_agent_sim": _team(
        CROSSING,
        _world_of(CROSSING, names(GOAL_POSE)),
        WALKER,
        _TEAM_RECORDED,
        Grant("operator", request=_below(CROSSING, _CALLS_OF_A_ROBOT)),
    ),
    # A person also tells robots in words where to go.
    "full_stack_sim": _team(
        ERRANDS,
        _world_of(
            ERRANDS,
            names(CAMERA_IMAGE, EFFECTOR_POSE, INSTRUCTION, GOAL_IMAGE),
            names(PLAN_IMAGE, TASK_JUDGEMENT, PLANNER_STATE),
        ),
        (*WALKER, *THINKER),
        (*_TEAM_RECORDED, *_PLANNED),
        Grant(
            "operator",
            publish=_below(ERRANDS, names(INSTRUCTION)),
            request=_below(ERRANDS, (*_CALLS_OF_A_ROBOT, *_CALLS_OF_A_THINKER)),
            call=_below(ERRANDS, (EXECUTE_TASK.name,)),
        ),
    ),
    "video_planner_sim": _observed(
        (WORLD, PLANNER, replace(JUDGE, subscribe=(*JUDGE.subscribe, *_MORE_VIEWS))),
        (EFFECTOR_STEP.name, *_PLANNED),
        Grant(
            "operator",
            publish=names(INSTRUCTION),
            request=("reset", *_CALLS_OF_A_THINKER),
            call=(EXECUTE_TASK.name,),
        ),
    ),
}
# Where time is simulated, nodes hear the clock of the simulator.
_WALKERS = ("mpc_node", "gatekeeper_node")
_THINKERS = ("planner_node", "reward_node")
ON_SIMULATED_TIME = {
    "go2_hardware": (),
    "go2_sim": ("estimator_node", *_WALKERS, "teleop_node"),
    "multi_agent_sim": ("cbf_filter_node", *_WALKERS),
    "full_stack_sim": ("cbf_filter_node", *_WALKERS, *_THINKERS),
    "video_planner_sim": _THINKERS,
}
