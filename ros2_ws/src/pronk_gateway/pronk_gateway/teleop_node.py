"""Drives the robot by gamepad: velocities and gaits while the dead-man button is held, and the stop button always."""

import math
import sys
import time as clock
from dataclasses import dataclass

from geometry_msgs.msg import TwistStamped
from pronk_msgs.msg import BodyCommand
from rclpy.clock import Clock, ClockType
from rclpy.task import Future
from sensor_msgs.msg import Joy
from std_srvs.srv import Trigger

from controllers.errors import InvalidValue
from controllers.quadruped.gait import GAITS
from controllers.teleop import ARM, STOP, Teleop, TeleopConfig, TeleopOutput
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import BODY_COMMAND, CMD_VEL, JOY, create_publisher, create_subscription


@dataclass(frozen=True)
class TeleopParameters:
    """Parameters of the gamepad; the default assignment is that of an Xbox pad under joy_node."""

    max_forward_mps: float = param(0.8, "Forward velocity at full stick [m/s].", ge=0.01, le=3.0)
    max_sideways_mps: float = param(0.4, "Sideways velocity at full stick [m/s].", ge=0.01, le=2.0)
    max_yaw_rate_radps: float = param(1.0, "Turning rate at full stick [rad/s].", ge=0.01, le=4.0)
    acceleration_mps2: float = param(1.0, "Greatest forward and sideways acceleration [m/s^2].", ge=0.05, le=20.0)
    deceleration_mps2: float = param(2.0, "Greatest forward and sideways deceleration [m/s^2].", ge=0.05, le=20.0)
    yaw_acceleration_radps2: float = param(2.0, "Greatest acceleration of turning [rad/s^2].", ge=0.05, le=40.0)
    yaw_deceleration_radps2: float = param(4.0, "Greatest deceleration of turning [rad/s^2].", ge=0.05, le=40.0)
    dead_zone: float = param(0.1, "Deflection below which a stick counts as centred.", ge=0.0, le=0.9)
    joy_timeout_s: float = param(0.3, "Silence of joy that ends driving [s].", ge=0.02, le=2.0)
    publish_period_s: float = param(0.02, "Time between velocities [s].", ge=0.005, le=0.1)
    farewell_s: float = param(0.5, "How long zeros are sent after driving [s].", ge=0.05, le=5.0)
    gait: str = param("trot", "Gait for moving.", choices=tuple(sorted(set(GAITS) - {"stand"})))
    axis_forward: int = param(1, "Number of the stick for forward.", ge=0, le=31)
    axis_left: int = param(0, "Number of the stick for left.", ge=0, le=31)
    axis_turn: int = param(3, "Number of the stick for turning left.", ge=0, le=31)
    button_dead_man: int = param(5, "Number of the button that must be held to drive.", ge=0, le=63)
    button_stand: int = param(0, "Number of the button that makes the robot stand.", ge=0, le=63)
    button_sit: int = param(1, "Number of the button that makes the robot sit.", ge=0, le=63)
    button_arm: int = param(7, "Number of the button that arms the gatekeeper.", ge=0, le=63)
    button_stop: int = param(2, "Number of the button that stops the robot; needs no other one.", ge=0, le=63)

    def __post_init__(self) -> None:
        """Check what concerns several parameters, such as a button with two meanings."""
        self.config()

    def config(self) -> TeleopConfig:
        """Translate to the core's configuration."""
        return TeleopConfig(
            top_velocity=(self.max_forward_mps, self.max_sideways_mps, self.max_yaw_rate_radps),
            acceleration=(self.acceleration_mps2, self.acceleration_mps2, self.yaw_acceleration_radps2),
            deceleration=(self.deceleration_mps2, self.deceleration_mps2, self.yaw_deceleration_radps2),
            dead_zone=self.dead_zone,
            timeout_s=self.joy_timeout_s,
            farewell_s=self.farewell_s,
            gait=self.gait,
            axes=(self.axis_forward, self.axis_left, self.axis_turn),
            dead_man=self.button_dead_man,
            stand=self.button_stand,
            sit=self.button_sit,
            arm=self.button_arm,
            stop=self.button_stop,
        )


class TeleopNode(KitNode):
    """Wraps `Teleop`."""

    Parameters = TeleopParameters

    def __init__(self) -> None:
        """Join gamepad, commands and services."""
        super().__init__("teleop_node")
        p: TeleopParameters = self.parameters
        self._teleop = Teleop(p.config())
        self._velocity = create_publisher(self, CMD_VEL)
        self._body = create_publisher(self, BODY_COMMAND)
        self._services_asked = {name: self.create_client(Trigger, name) for name in (ARM, STOP)}
        self._twist = TwistStamped()
        self._twist.header.frame_id = "base_link"
        self._posture = BodyCommand(body_height=math.nan)
        self._input = self.diagnostics.input("joy", p.joy_timeout_s)
        self._refused = self.diagnostics.counter("refused_readings")
        self.diagnostics.value("gait", lambda: self._posture.gait or "none")
        # Drivers of gamepads publish as they like; the newest reading is what counts.
        self._pad = create_subscription(self, JOY, self._on_joy, best_effort=True)
        self._timer = self.create_timer(p.publish_period_s, self._drive, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info("ready")

    def _on_joy(self, message: Joy) -> None:
        try:
            self._teleop.read(message.axes, message.buttons, clock.monotonic())
        except InvalidValue as error:
            self._refused.add()
            self.get_logger().warning(f"reading refused: {error}", throttle_duration_sec=1.0)
            return
        self._input.mark()
        self._ask(self._teleop.step(clock.monotonic()))

    def _drive(self) -> None:
        self._ask(self._teleop.step(clock.monotonic()))

    def _ask(self, wanted: TeleopOutput) -> None:
        for name in wanted.requests:
            self._request(name)
        if not wanted.active:
            return
        stamp = self.get_clock().now().to_msg()
        twist = self._twist.twist
        self._twist.header.stamp = stamp
        twist.linear.x, twist.linear.y, twist.angular.z = wanted.velocity
        self._velocity.publish(self._twist)
        if wanted.gait:
            self._posture.header.stamp, self._posture.gait = stamp, wanted.gait
            self._body.publish(self._posture)

    def _request(self, name: str) -> None:
        client = self._services_asked[name]
        if not client.service_is_ready():
            self.get_logger().error(f"'{name}' was asked for, but nobody serves it (is gatekeeper_node running?)")
            return

        def report(future: Future) -> None:
            answer = future.result()
            log = self.get_logger().info if answer.success else self.get_logger().error
            log(f"{name}: {answer.message}")

        client.call_async(Trigger.Request()).add_done_callback(report)

    def on_stop(self) -> None:
        """Leave the robot standing still."""
        self._ask(TeleopOutput((0.0, 0.0, 0.0), "", True, ()))


def main() -> int:
    """Run the node."""
    return run_node(TeleopNode)


if __name__ == "__main__":
    sys.exit(main())
