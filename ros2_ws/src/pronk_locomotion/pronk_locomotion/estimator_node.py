"""Estimates pose, twist and contacts of the base from IMU, joints and, where there are, foot sensors."""

import sys
from dataclasses import dataclass

from sensor_msgs.msg import Imu, JointState
from std_srvs.srv import Trigger

from controllers.errors import ControlError
from controllers.quadruped.warmup import warm_up_estimator
from controllers.robot.catalog import ROBOTS, load_robot
from controllers.robot.estimator import BaseEstimator
from pronk_node_kit.conversions import BaseEstimateEncoder, RobotStateDecoder
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.synchroniser import Synchroniser
from pronk_node_kit.topics import (
    FOOT_CONTACTS,
    FOOT_SENSORS,
    IMU,
    JOINT_STATES,
    ODOM,
    create_publisher,
    create_subscription,
)


@dataclass(frozen=True)
class EstimatorParameters:
    """Parameters of the estimator."""

    robot: str = param("go2", "Name of the robot.", choices=tuple(sorted(ROBOTS)))
    foot_sensors: bool = param(False, "Whether the robot publishes foot_sensors; joint torques serve otherwise.")
    publish_period_s: float = param(0.0, "Least time between messages on odom and foot_contacts [s].", ge=0.0, le=1.0)
    input_timeout_s: float = param(0.1, "Age of the newest reading that is reported as stale [s].", ge=0.005, le=10.0)


class EstimatorNode(KitNode):
    """Wraps `BaseEstimator`."""

    Parameters = EstimatorParameters

    def __init__(self) -> None:
        """Build the estimator and join its inputs."""
        super().__init__("estimator_node")
        parameters: EstimatorParameters = self.parameters
        description = load_robot(parameters.robot)
        warm_up_estimator(description)
        self._estimator = BaseEstimator(description)
        self._decoder = RobotStateDecoder()
        self._encoder = BaseEstimateEncoder()
        self._odom = create_publisher(self, ODOM)
        self._contacts = create_publisher(self, FOOT_CONTACTS)
        self._next = 0.0
        self._input = self.diagnostics.input("robot", parameters.input_timeout_s)
        self._refused = self.diagnostics.counter("refused_readings")
        self._rate = self.diagnostics.rate("estimates")
        rows = [JOINT_STATES, IMU] + ([FOOT_SENSORS] if parameters.foot_sensors else [])
        inputs = Synchroniser([row.name for row in rows], self._estimate)
        self._inputs = [create_subscription(self, row, inputs.receiver(row.name)) for row in rows]
        self.diagnostics.value("incomplete_readings", lambda: inputs.dropped)
        self._reset_service = self.create_service(Trigger, "~/reset", self._on_reset)
        self.get_logger().info("ready")

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._estimator.reset()
        response.success, response.message = True, "the next reading is the origin of odom"
        return response

    def _estimate(self, joints: JointState, imu: Imu, feet: JointState | None = None) -> None:
        try:
            estimate = self._estimator.step(self._decoder.decode(joints, imu, feet))
        except ControlError as error:
            self._refused.add()
            self.get_logger().warning(f"reading refused: {error}", throttle_duration_sec=1.0)
            return
        self._input.mark()
        self._rate.tick()
        if estimate.time < self._next - 1e-9:
            return
        self._next = estimate.time + self.parameters.publish_period_s
        odom, contacts = self._encoder.encode(estimate)
        self._contacts.publish(contacts)
        self._odom.publish(odom)


def main() -> int:
    """Run the node."""
    return run_node(EstimatorNode, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
