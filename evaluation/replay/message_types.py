"""Definitions of message types: those that the bag carries, or else those that ROS 2 and Pronk have."""

from functools import cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

from controllers.errors import InvalidValue
from evaluation.replay.message_layout import Fields
from evaluation.replay.segments import Channel

# Bags from before ROS 2 Iron do not carry definitions; a test holds these equal to the files of `pronk_msgs`.
PRONK_MESSAGES = {
    "pronk_msgs/msg/BodyCommand": """
std_msgs/Header header
string gait
float64 body_height
float64 roll
float64 pitch
""",
    "pronk_msgs/msg/JointCommand": """
std_msgs/Header header
string[] name
float64[] position
float64[] velocity
float64[] effort
float64[] stiffness
float64[] damping
""",
}


@cache
def standard_types() -> dict[str, Fields]:
    """Return the types of ROS 2 and Pronk.

    Returns:
        Fields by type.
    """
    types: dict[str, Fields] = {name: entry[1] for name, entry in get_typestore(Stores.ROS2_KILTED).fielddefs.items()}
    for name, text in PRONK_MESSAGES.items():
        types |= {key: entry[1] for key, entry in get_types_from_msg(text, name).items()}
    return types


def types_of(channel: Channel) -> dict[str, Fields]:
    """Find the definition of a topic's messages.

    Args:
        channel: The topic.

    Returns:
        Fields by type, for the type itself and those that it uses.

    Raises:
        InvalidValue: The bag's definition cannot be read, or it has none and the type is not known.
    """
    if not channel.definition:
        types = standard_types()
        if channel.type not in types:
            raise InvalidValue(f"{channel.topic}: the bag does not define {channel.type}, and it is no standard type")
        return types
    parse: Any = get_types_from_idl if channel.encoding == "ros2idl" else get_types_from_msg
    try:
        parsed = parse(channel.definition) if channel.encoding == "ros2idl" else parse(channel.definition, channel.type)
    except Exception as error:  # The parsers raise whatever a damaged text leads them to.
        if channel.type in standard_types():
            return standard_types()
        raise InvalidValue(f"{channel.topic}: the definition of {channel.type} cannot be read") from error
    types = {name: entry[1] for name, entry in parsed.items()}
    return {**standard_types(), **types}
