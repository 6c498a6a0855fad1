"""Every conversion between the cores' types and messages, in one place to import from."""

from pronk_node_kit.command_conversions import (
    JointCommandDecoder,
    JointCommandEncoder,
    LocomotionCommandEncoder,
    locomotion_command,
    telemetry_message,
    telemetry_values,
    wrench_array,
    wrench_message,
)
from pronk_node_kit.stamps import nanoseconds_from_time, set_stamp, stamp_from_time, time_from_stamp
from pronk_node_kit.state_conversions import (
    BaseEstimateDecoder,
    BaseEstimateEncoder,
    RobotStateDecoder,
    RobotStateEncoder,
)

__all__ = [
    "BaseEstimateDecoder",
    "BaseEstimateEncoder",
    "JointCommandDecoder",
    "JointCommandEncoder",
    "LocomotionCommandEncoder",
    "RobotStateDecoder",
    "RobotStateEncoder",
    "locomotion_command",
    "nanoseconds_from_time",
    "set_stamp",
    "stamp_from_time",
    "telemetry_message",
    "telemetry_values",
    "time_from_stamp",
    "wrench_array",
    "wrench_message",
]
