"""Stands between the publisher of a topic and its subscribers, and spoils what passes: for fault drills only.

The publisher is remapped to `TOPIC/intact`; this node publishes `TOPIC`. The fault is a parameter that may change while
the node runs: `ros2 param set /fault_node fault drop`.
"""

import sys
from dataclasses import dataclass, replace
from typing import Any

from std_msgs.msg import String

from pronk_bringup.message_faults import FAULTS, INTACT, NONE, FaultyLine
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import (
    BODY_COMMAND,
    CMD_VEL,
    FAULT_STATE,
    FOOT_CONTACTS,
    FOOT_SENSORS,
    IMU,
    JOINT_COMMANDS,
    JOINT_STATES,
    MOTOR_COMMANDS,
    ODOM,
    create_publisher,
    create_subscription,
    topic,
)

CHAIN = (
    *(JOINT_STATES, IMU, FOOT_SENSORS, ODOM, FOOT_CONTACTS),
    *(CMD_VEL, BODY_COMMAND, JOINT_COMMANDS, MOTOR_COMMANDS),
)


@dataclass(frozen=True)
class FaultParameters:
    """Parameters of the fault node."""

    topic: str = param(JOINT_STATES.name, "Topic to spoil.", choices=tuple(row.name for row in CHAIN))
    fault: str = param(NONE, "What happens to its messages.", choices=FAULTS, read_only=False)


class FaultNode(KitNode):
    """Wraps `FaultyLine`."""

    Parameters = FaultParameters

    def __init__(self) -> None:
        """Join the two ends of the topic."""
        super().__init__("fault_node")
        p: FaultParameters = self.parameters
        self._line = FaultyLine(p.fault)
        row = topic(p.topic)
        self._out = create_publisher(self, row)
        self._state = create_publisher(self, FAULT_STATE)
        self._passed = self.diagnostics.counter("messages")
        self._in = create_subscription(self, replace(row, name=f"{row.name}/{INTACT}"), self._pass_on)
        self._announce()
        self.get_logger().info("ready")

    def on_parameters(self, parameters: FaultParameters) -> None:
        """Change the fault.

        Args:
            parameters: The new values.
        """
        super().on_parameters(parameters)
        self._line.set_fault(parameters.fault)
        self._announce()

    def _announce(self) -> None:
        text = f"{self._line.fault} after {self._line.last_intact:.9f}"
        self._state.publish(String(data=text))
        self.get_logger().info(f"{self.parameters.topic}: {text}")

    def _pass_on(self, message: Any) -> None:
        for each in self._line.pass_on(message):
            self._out.publish(each)
            self._passed.add()


def main() -> int:
    """Run the node."""
    return run_node(FaultNode, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
