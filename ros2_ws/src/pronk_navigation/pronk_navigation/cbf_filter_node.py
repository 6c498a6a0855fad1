"""Keeps robots apart: wanted velocities and odometry in, safe velocities out.

One node per robot in the robot's namespace, or one for several robots by the parameter `robots`; each robot decides by
itself either way, from its own odometry and that of its neighbours.
"""

import sys
import time as clock
from dataclasses import dataclass, field, replace

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.clock import Clock, ClockType
from rclpy.publisher import Publisher

from controllers.errors import InvalidValue
from controllers.safety.goal_seeking import seek
from controllers.safety.reading import Array, Observation, Wish
from controllers.safety.run_time_filter import RELAXATION, STOPPED, RunTimeFilter, RunTimeInfo
from controllers.safety.warmup import warm_up_filter
from pronk_navigation.filter_parameters import FilterParameters
from pronk_navigation.markers import FilterMarkers
from pronk_navigation.planar_odometry import OdometryInbox
from pronk_node_kit.conversions import telemetry_message, time_from_stamp
from pronk_node_kit.diagnostics import ERROR, OK, WARN
from pronk_node_kit.node import KitNode
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import (
    CMD_VEL,
    CMD_VEL_NOMINAL,
    GOAL_POSE,
    ODOM,
    SAFETY_MARKERS,
    SAFETY_STATE,
    Topic,
    create_publisher,
    create_subscription,
)

MODES = ("filtered", RELAXATION, STOPPED)


@dataclass
class _Robot:
    """One robot that this node filters."""

    name: str
    filter: RunTimeFilter
    inbox: OdometryInbox
    markers: FilterMarkers
    out: dict[str, Publisher]
    wish: Wish | None = None
    goal: Array | None = None
    info: RunTimeInfo | None = None
    next_marker: float = -np.inf
    least_gap: float = np.inf
    greatest_correction: float = 0.0
    interventions: int = 0
    stops: int = 0
    relaxations: int = 0
    subscriptions: list[object] = field(default_factory=list)


class CbfFilterNode(KitNode):
    """Wraps one `RunTimeFilter` for each robot."""

    Parameters = FilterParameters

    def __init__(self) -> None:
        """Build the filters and join their inputs."""
        super().__init__("cbf_filter_node")
        p: FilterParameters = self.parameters
        self._simulated = bool(self.get_parameter("use_sim_time").value)
        # Ages of inputs must not depend on somebody setting the computer's clock.
        self._steady = self.get_clock() if self._simulated else Clock(clock_type=ClockType.STEADY_TIME)
        # Before anything is published: a world that waits for this node must not take it for ready.
        warm_up_filter(p.gain_schedule(), p.filter(), p.obstacles())
        self._goals = p.goal_seeking()
        self._inboxes: dict[str, OdometryInbox] = {}
        self._odometry = [
            self._listen(prefix, place) for place, prefix in enumerate([*(p.robots or ("",)), *p.neighbours])
        ]
        self._refused = self.diagnostics.counter("refused_messages")
        self._deadline = self.diagnostics.deadline("step", 0.5 * p.period_s)
        self._rate = self.diagnostics.rate("steps")
        self._robots = [self._make(prefix) for prefix in p.robots or ("",)]
        self._describe()
        self._timer = self.create_timer(p.period_s, self._step, clock=self._steady)
        names = ", ".join(robot.name for robot in self._robots)
        others = ", ".join(sorted(set(self._inboxes) - {robot.name for robot in self._robots})) or "nobody"
        self.get_logger().info(f"ready: filters {names} beside {others}, schedule {p.schedule}")

    # Start

    def _resolved(self, prefix: str) -> str:
        """Return the full namespace of a robot, which is its name for all that filter it or keep clear of it."""
        return self.resolve_topic_name(_below(prefix, "x"))[:-2] or "/"

    def _listen(self, prefix: str, place: int) -> object | None:
        name = self._resolved(prefix)
        if name in self._inboxes:
            return None
        inbox = OdometryInbox(name, self.parameters.frame, self.parameters.origin(place))
        self._inboxes[name] = inbox
        row = replace(ODOM, name=_below(prefix, self.parameters.odom_topic))
        # Only the newest counts here, and drivers of others may not resend.
        return create_subscription(self, row, lambda message: self._on_odometry(inbox, message), best_effort=True)

    def _make(self, prefix: str) -> _Robot:
        p: FilterParameters = self.parameters
        name = self._resolved(prefix)
        rows = (CMD_VEL, SAFETY_MARKERS, SAFETY_STATE)
        robot = _Robot(
            name=name,
            filter=RunTimeFilter(name, p.gain_schedule(), p.filter(), p.obstacles()),
            inbox=self._inboxes[name],
            markers=FilterMarkers(name, p.frame, p.radius_m),
            out={row.name: create_publisher(self, _row(row, prefix)) for row in rows},
        )
        robot.subscriptions.append(
            create_subscription(self, _row(GOAL_POSE, prefix), lambda message: self._on_goal(robot, message))
        )
        if not p.drive_to_goal:
            robot.subscriptions.append(
                create_subscription(self, _row(CMD_VEL_NOMINAL, prefix), lambda message: self._on_wish(robot, message))
            )
        return robot

    def _describe(self) -> None:
        p, value = self.parameters, self.diagnostics.value
        value("schedule", lambda: p.schedule)
        value("radius [m]", lambda: p.radius_m)
        value("speed [m/s]", lambda: p.speed_mps)
        for robot in self._robots:
            # A node with one robot needs no names.
            label = f"{robot.name} " if len(self._robots) > 1 else ""
            value(f"{label}mode", lambda r=robot: "starting" if r.info is None else r.info.mode)
            value(f"{label}least_gap [m]", lambda r=robot: _taken(r, "least_gap", np.inf))
            value(f"{label}greatest_correction [m/s]", lambda r=robot: _taken(r, "greatest_correction", 0.0))
            value(f"{label}interventions", lambda r=robot: r.interventions)
            value(f"{label}relaxations", lambda r=robot: r.relaxations)
            value(f"{label}stops", lambda r=robot: r.stops)
            value(f"{label}clamped", lambda r=robot: r.filter.clamped)
            value(f"{label}schedule_failures", lambda r=robot: r.filter.schedule_failures)
            value(f"{label}gain [1/s]", lambda r=robot: "-" if r.info is None else f"{r.info.gain:.3f}")
            value(f"{label}turn [rad]", lambda r=robot: "-" if r.info is None else f"{r.info.turn:.3f}")
            value(f"{label}pace", lambda r=robot: "-" if r.info is None else f"{r.info.pace:.3f}")
            value(f"{label}stale", lambda r=robot: "-" if r.info is None else ", ".join(r.info.stale) or "none")
            value(f"{label}lost", lambda r=robot: "-" if r.info is None else ", ".join(r.info.lost) or "none")

    # Inputs

    def _now(self) -> float:
        return self._steady.now().nanoseconds * 1e-9

    def _refuse(self, reason: object) -> None:
        self._refused.add()
        self.get_logger().warning(f"refused: {reason}", throttle_duration_sec=1.0)

    def _on_odometry(self, inbox: OdometryInbox, message: Odometry) -> None:
        try:
            inbox.take(message, self._now())
        except InvalidValue as error:
            self._refuse(error)

    def _on_wish(self, robot: _Robot, message: TwistStamped) -> None:
        twist = message.twist
        velocity = np.array((twist.linear.x, twist.linear.y))
        if not (np.isfinite(velocity).all() and np.isfinite(twist.angular.z)):
            self._refuse(f"cmd_vel_nominal of {robot.name} must be finite, got {[*velocity.tolist(), twist.angular.z]}")
        # The filter refuses it too, and so stops at once.
        robot.wish = Wish(self._now(), velocity, twist.angular.z)

    def _on_goal(self, robot: _Robot, message: PoseStamped) -> None:
        goal = np.array((message.pose.position.x, message.pose.position.y))
        frame = message.header.frame_id
        if not np.isfinite(goal).all():
            self._refuse(f"goal_pose of {robot.name} must be finite, got {goal.tolist()}")
        elif frame not in ("", self.parameters.frame):
            self._refuse(f"goal_pose of {robot.name} must be in frame '{self.parameters.frame}', got '{frame}'")
        else:
            robot.goal = goal

    # Periods

    def _step(self) -> None:
        start = clock.perf_counter()
        for robot in self._robots:
            self._filter(robot)
        self._rate.tick()
        self._deadline.observe(clock.perf_counter() - start)
        self._judge()

    def _filter(self, robot: _Robot) -> None:
        now, own = self._now(), robot.inbox.reading
        wish = robot.wish
        if self.parameters.drive_to_goal:
            wish = None
            if robot.goal is not None and own is not None and np.isfinite(own.position).all():
                wish = seek(self._goals, own, robot.goal, now)
        others = {name: inbox.reading for name, inbox in self._inboxes.items() if name != robot.name}
        command, info = robot.filter.step(Observation(now, own, others, wish, robot.goal))
        stamp = self.get_clock().now().to_msg()
        message = TwistStamped()
        message.header.stamp, message.header.frame_id = stamp, "base_link"
        message.twist.linear.x, message.twist.linear.y = command.velocity.tolist()
        message.twist.angular.z = command.yaw_rate
        robot.out[CMD_VEL.name].publish(message)
        self._count(robot, info)
        robot.out[SAFETY_STATE.name].publish(telemetry_message(_numbers(info), time_from_stamp(stamp)))
        if now >= robot.next_marker - 1e-9:
            robot.next_marker = now + self.parameters.marker_period_s
            robot.out[SAFETY_MARKERS.name].publish(robot.markers.draw(own, info, stamp))

    def _count(self, robot: _Robot, info: RunTimeInfo) -> None:
        was = None if robot.info is None else robot.info.mode
        robot.info = info
        robot.least_gap = float(np.fmin(robot.least_gap, info.least_gap))
        robot.greatest_correction = max(robot.greatest_correction, info.correction)
        robot.interventions += info.correction > 0.01
        robot.relaxations += info.mode == RELAXATION
        robot.stops += info.mode == STOPPED and was != STOPPED
        if info.reasons:
            self.get_logger().warning(f"{robot.name} {info.mode}: {'; '.join(info.reasons)}", throttle_duration_sec=1.0)

    def _judge(self) -> None:
        """Set the level of the diagnostics from the worst robot."""
        level, message = OK, "running"
        for robot in self._robots:
            info = robot.info
            if info is None:
                continue
            complaints = [*info.reasons]
            if info.stale:
                complaints.append(f"no news of {', '.join(info.stale)}")
            if info.least_gap < 0.0:
                complaints.append(f"overlap of {-info.least_gap:.2f} m")
            if robot.filter.clamped or robot.filter.schedule_failures:
                complaints.append("the schedule returned values out of range")
            if not complaints:
                continue
            worst = ERROR if info.mode == STOPPED else WARN
            if worst > level:
                level = worst
            text = f"{robot.name} {info.mode}: {'; '.join(complaints)}"
            message = text if message == "running" else f"{message}; {text}"
        self.diagnostics.set_level(level, message)

    def on_stop(self) -> None:
        """Leave the robots standing, not walking on by the last command."""
        for robot in self._robots:
            message = TwistStamped()
            message.header.stamp = self.get_clock().now().to_msg()
            robot.out[CMD_VEL.name].publish(message)


def _below(prefix: str, name: str) -> str:
    return f"{prefix.rstrip('/')}/{name}" if prefix else name


def _row(row: Topic, prefix: str) -> Topic:
    return replace(row, name=_below(prefix, row.name))


def _taken(robot: _Robot, name: str, fresh: float) -> str:
    """Return an extreme value since the last report, and begin anew."""
    value = getattr(robot, name)
    setattr(robot, name, fresh)
    return f"{value:.3f}"


def _numbers(info: RunTimeInfo) -> dict[str, float]:
    (wx, wy), (vx, vy) = info.wanted.tolist(), info.velocity.tolist()
    return {
        "mode": float(MODES.index(info.mode)),
        "least_gap_m": info.least_gap,
        "obstacle_gap_m": info.obstacle_gap,
        "correction_mps": info.correction,
        "wanted_x_mps": wx,
        "wanted_y_mps": wy,
        "velocity_x_mps": vx,
        "velocity_y_mps": vy,
        "gain_hz": info.gain,
        "turn_rad": info.turn,
        "pace": info.pace,
        "stall_s": info.stall,
        "stale": float(len(info.stale)),
        "lost": float(len(info.lost)),
        "clamped": float(info.clamped),
    }


def main() -> int:
    """Run the node."""
    return run_node(CbfFilterNode, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
