"""A file that says by which names a bag calls what Pronk knows: topics, joints, feet, and robots to keep clear of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from controllers.errors import InvalidValue, UnknownName
from controllers.quadruped.command_inbox import GAIT_CHOICES
from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES
from evaluation.replay.navigation_settings import NavigationSettings, parse_navigation
from evaluation.replay.segments import Channel
from sim.case_files import YAML_FAILURES

JOINT_STATES = "joint_states"
IMU = "imu/data"
FOOT_SENSORS = "foot_sensors"
ODOM = "odom"
CMD_VEL = "cmd_vel"
CMD_VEL_NOMINAL = "cmd_vel_nominal"
BODY_COMMAND = "body_command"
JOINT_COMMANDS = "joint_commands"
MOTOR_COMMANDS = "motor_commands"
RESIDUAL_WRENCH = "residual_wrench"
TRUE_ODOM = "ground_truth/odom"
TRUE_WRENCH = "ground_truth/wrench"
GOAL_POSE = "goal_pose"

# What replay reads, and the types in which it may come.
ROLES: dict[str, tuple[str, ...]] = {
    JOINT_STATES: ("sensor_msgs/msg/JointState",),
    IMU: ("sensor_msgs/msg/Imu",),
    FOOT_SENSORS: ("sensor_msgs/msg/JointState",),
    ODOM: ("nav_msgs/msg/Odometry",),
    CMD_VEL: ("geometry_msgs/msg/TwistStamped", "geometry_msgs/msg/Twist"),
    CMD_VEL_NOMINAL: ("geometry_msgs/msg/TwistStamped", "geometry_msgs/msg/Twist"),
    BODY_COMMAND: ("pronk_msgs/msg/BodyCommand",),
    JOINT_COMMANDS: ("pronk_msgs/msg/JointCommand",),
    MOTOR_COMMANDS: ("pronk_msgs/msg/JointCommand",),
    RESIDUAL_WRENCH: ("geometry_msgs/msg/WrenchStamped",),
    TRUE_ODOM: ("nav_msgs/msg/Odometry",),
    TRUE_WRENCH: ("geometry_msgs/msg/WrenchStamped",),
    GOAL_POSE: ("geometry_msgs/msg/PoseStamped",),
}
AUTO, EXACT, LATEST = "auto", "exact", "latest"
PAIRINGS = (AUTO, EXACT, LATEST)
KEYS = ("topics", "joints", "feet", "pairing", "gait", "navigation")


@dataclass(frozen=True)
class Remapping:
    """How the names of a bag differ from Pronk's.

    Attributes:
        topics: Name in the bag, by the name that Pronk gives the topic.
        joints: Name in the bag, by joint.
        feet: Name in the bag, by foot.
        pairing: Which readings belong together: "exact" (of the same stamp), "latest" (the newest of each topic), or
            "auto" (exact, unless the bag's topics never share a stamp).
        gait: Gait while the bag says nothing about it (no `body_command`); empty for the default of the controller.
        navigation: What the safety filter is told.
    """

    topics: Mapping[str, str] = field(default_factory=dict)
    joints: Mapping[str, str] = field(default_factory=dict)
    feet: Mapping[str, str] = field(default_factory=dict)
    pairing: str = AUTO
    gait: str = ""
    navigation: NavigationSettings = field(default_factory=NavigationSettings)

    def joint_names(self) -> tuple[str, ...]:
        """Return the bag's names of the joints, in canonical order."""
        return tuple(self.joints.get(name, name) for name in JOINT_NAMES)

    def foot_names(self) -> tuple[str, ...]:
        """Return the bag's names of the feet, in canonical order."""
        return tuple(self.feet.get(name, name) for name in FOOT_NAMES)


def read_remapping(path: Path) -> Remapping:
    """Read such a file.

    Args:
        path: YAML file.

    Returns:
        What it says.

    Raises:
        InvalidValue: It does not exist, is no YAML, or has a value that makes no sense.
        UnknownName: It has a key that means nothing.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"'{path}' cannot be read: {error}") from None
    try:
        tree = yaml.safe_load(text)
    except YAML_FAILURES as error:
        raise InvalidValue(f"'{path}' is no YAML: {' '.join(str(error).split())}") from None
    try:
        return parse_remapping(tree)
    except (InvalidValue, UnknownName) as error:
        raise InvalidValue(f"{path}: {error}") from None


def parse_remapping(tree: Any) -> Remapping:
    """Check what such a file says.

    Args:
        tree: Its content; None for an empty file.

    Returns:
        The same, checked.

    Raises:
        InvalidValue: A value makes no sense.
        UnknownName: A key means nothing.
    """
    if tree is None:
        return Remapping()
    if not isinstance(tree, dict):
        raise InvalidValue(f"must hold keys and values, got {tree!r}")
    for key in tree:
        if key not in KEYS:
            raise UnknownName("key", str(key), KEYS)
    pairing = tree.get("pairing", AUTO)
    if pairing not in PAIRINGS:
        raise UnknownName("pairing", str(pairing), PAIRINGS)
    gait = tree.get("gait", "")
    if gait and gait not in GAIT_CHOICES:
        raise UnknownName("gait", str(gait), GAIT_CHOICES)
    return Remapping(
        _names(tree, "topics", ROLES),
        _names(tree, "joints", JOINT_NAMES),
        _names(tree, "feet", FOOT_NAMES),
        pairing,
        gait,
        parse_navigation(tree.get("navigation")),
    )


def _names(tree: dict[Any, Any], key: str, known: Iterable[str]) -> dict[str, str]:
    table = tree.get(key)
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise InvalidValue(f"{key} must map names of Pronk to names in the bag, got {table!r}")
    for name, there in table.items():
        if name not in known:
            raise UnknownName(f"name in {key}", str(name), known)
        if not isinstance(there, str) or not there:
            raise InvalidValue(f"{key}.{name} must be a name in the bag, got {there!r}")
    names = list(table.values())
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidValue(f"{key}: '{twice}' is given twice")
    return dict(table)


def by_namespace(channels: Iterable[Channel], topic: str, types: Sequence[str]) -> dict[str, Channel]:
    """Find a topic in all namespaces in which it was recorded.

    Args:
        channels: Topics of a bag.
        topic: Its name below the namespace.
        types: Types that it may have.

    Returns:
        Topic by namespace, without a slash at the end and "" for none, sorted.
    """
    tail, found = f"/{topic}", {}
    for channel in channels:
        name = f"/{channel.topic.lstrip('/')}"
        space = name.removesuffix(tail)
        # What a simulator knows lies in a namespace of its own, and is no robot.
        if space != name and channel.type in types and not space.endswith("/ground_truth"):
            found[space] = channel
    return dict(sorted(found.items()))


def assign(channels: Sequence[Channel], remapping: Remapping, namespace: str | None = None) -> dict[str, Channel]:
    """Find the topics that replay reads.

    Args:
        channels: Topics of a bag.
        remapping: By which names.
        namespace: Namespace of the robot; None for the only one in which there are joint states.

    Returns:
        Topic by Pronk's name of it; those that the bag lacks are missing.

    Raises:
        InvalidValue: A topic of the remapping is not in the bag or has another type, or several robots were recorded
            and none was chosen.
    """
    if namespace is None:
        spaces = (
            () if JOINT_STATES in remapping.topics else tuple(by_namespace(channels, JOINT_STATES, ROLES[JOINT_STATES]))
        )
        if len(spaces) > 1:
            raise InvalidValue(f"several robots were recorded, choose one by its namespace: {', '.join(spaces)}")
        namespace = spaces[0] if spaces else ""
    space = "/" + namespace.strip("/") if namespace.strip("/") else ""
    found: dict[str, Channel] = {}
    for role, types in ROLES.items():
        name = remapping.topics.get(role, f"{space}/{role}")
        there = [channel for channel in channels if channel.topic.lstrip("/") == name.lstrip("/")]
        fitting = [channel for channel in there if channel.type in types]
        if fitting:
            found[role] = fitting[0]
        elif role in remapping.topics:
            if there:
                raise InvalidValue(f"'{name}' has the type {there[0].type}; {role} must be {' or '.join(types)}")
            topics = sorted({channel.topic for channel in channels})
            raise InvalidValue(f"'{name}', remapped from {role}, is not in the bag; it has: {', '.join(topics)}")
    return found
