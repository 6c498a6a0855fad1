"""The safety filter's node, with two robots that are a few lines of Python."""

import time

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TwistStamped
from nav_msgs.msg import Odometry

from pronk_node_kit.topics import topic

pytestmark = pytest.mark.timeout(120, func_only=True)

NODE = ("-m", "pronk_navigation.cbf_filter_node", "--ros-args")
LAG = 0.25
# Four times as fast as a Go2, so that a test takes seconds.
SPEED = 1.2


class FakeRobots:
    """Robots that follow cmd_vel with a lag, publish odometry and ask for a velocity towards their goals."""

    def __init__(self, peer, starts, goals):
        self._peer = peer
        self.names = [f"robot_{i + 1}" for i in range(len(starts))]
        self.position, self.goal = np.array(starts, dtype=float), np.array(goals, dtype=float)
        self.velocity = np.zeros_like(self.position)
        self.command = np.zeros_like(self.position)
        self.heard = [0] * len(starts)
        self.silent, self.spoilt, self.least = set(), set(), np.inf
        self._begin = self._last = time.monotonic()
        self._out = {}
        for i, name in enumerate(self.names):
            for row in ("odom", "cmd_vel_nominal"):
                self._out[name, row] = peer.node.create_publisher(
                    topic(row).type, f"{name}/{row}", topic(row).quality.profile()
                )
            peer.node.create_subscription(
                TwistStamped, f"{name}/cmd_vel", lambda message, i=i: self._on_command(i, message), 10
            )

    def _on_command(self, i, message):
        twist = message.twist
        self.command[i] = twist.linear.x, twist.linear.y
        self.heard[i] += 1

    def step(self):
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        left = np.exp(-elapsed / LAG)
        lag = self.velocity - self.command
        self.position = self.position + elapsed * self.command + LAG * (1.0 - left) * lag
        self.velocity = self.command + left * lag
        gap = np.linalg.norm(self.position[0] - self.position[1]) - 0.8
        self.least = min(self.least, gap)
        for i, name in enumerate(self.names):
            if name not in self.silent:
                self._out[name, "odom"].publish(self._odometry(i, now - self._begin))
            way = self.goal[i] - self.position[i]
            wish = TwistStamped()
            wish.twist.linear.x, wish.twist.linear.y = (way * min(1.0, SPEED / np.linalg.norm(way))).tolist()
            self._out[name, "cmd_vel_nominal"].publish(wish)

    def _odometry(self, i, at):
        message = Odometry()
        message.header.frame_id = "odom"
        self._peer.stamped(message, at)
        pose, twist = message.pose.pose, message.twist.twist
        pose.orientation.w = 1.0
        pose.position.x, pose.position.y = self.position[i].tolist()
        twist.linear.x, twist.linear.y = self.velocity[i].tolist()
        if self.names[i] in self.spoilt:
            pose.position.y = float("nan")
        return message

    def run_until(self, condition, timeout=15.0, what="the condition"):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true within {timeout} s"
            self.step()
            self._peer.spin(0.01)

    def stands(self, i):
        return self.heard[i] > 0 and not self.command[i].any()


SETTINGS = f"""
/**/cbf_filter_node:
  ros__parameters:
    radius_m: 0.4
    neighbour_radius_m: 0.4
    tracking_error_m: 0.0
    speed_mps: {SPEED}
    neighbour_speed_mps: {SPEED}
    # The computer that runs the test may be busy.
    own_timeout_s: 0.5
    stale_s: 0.5
"""


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "filter.yaml"
    path.write_text(SETTINGS)
    return ("--params-file", str(path))


def crossing(peer):
    return FakeRobots(peer, [(-1.5, 0.0), (0.0, -1.5)], [(1.5, 0.0), (0.0, 1.5)])


def test_one_node_leads_two_robots_through_each_other_and_says_what_it_did(start, peer, settings):
    node = start(*NODE, *settings, "-p", "robots:=[robot_1, robot_2]")
    peer.hear("/diagnostics")
    markers, states = [], []
    for name, inbox in (("safety_markers", markers), ("safety_state", states)):
        peer.node.create_subscription(topic(name).type, f"robot_1/{name}", inbox.append, 50)
    node.wait_for("ready: filters /robot_1, /robot_2 beside nobody, schedule liveness", timeout=90.0)
    robots = crossing(peer)
    robots.run_until(lambda: np.linalg.norm(robots.position - robots.goal, axis=1).max() < 0.2, what="the crossing")
    # Straight on they would have met in the middle.
    assert 0.0 <= robots.least < 0.6
    status = peer.diagnostics("/cbf_filter_node")
    assert status is not None
    values = status[2]
    assert int(values["/robot_1 interventions"]) + int(values["/robot_2 interventions"]) > 0
    assert values["/robot_1 clamped"] == values["/robot_2 schedule_failures"] == "0"
    assert float(values["/robot_1 least_gap [m]"]) > 0.0 and values["schedule"] == "liveness"
    assert {marker.ns for marker in markers[-1].markers} == {
        f"/robot_1/{part}" for part in ("disc", "wanted", "commanded", "barriers", "text")
    }
    gaps = [dict(zip(state.name, state.position, strict=True))["least_gap_m"] for state in states]
    assert np.nanmin(gaps) >= -1e-6 and len(gaps) > 20


def test_a_node_of_one_robot_stops_it_when_odometry_is_wrong_or_missing(start, peer, settings):
    one = start(*NODE, *settings, "-r", "__ns:=/robot_1", "-p", "neighbours:=[/robot_1, /robot_2]")
    peer.hear("/diagnostics")
    one.wait_for("ready: filters /robot_1 beside /robot_2", timeout=90.0)
    robots = FakeRobots(peer, [(0.0, 0.0), (5.0, 0.0)], [(60.0, 30.0), (5.0, 0.0001)])
    robots.silent.add("robot_2")
    robots.run_until(lambda: robots.stands(0), what="standing before the neighbour was heard")
    one.wait_for("no odometry of /robot_2 yet")
    robots.silent.clear()
    robots.run_until(lambda: robots.command[0].any(), what="moving")
    robots.spoilt.add("robot_1")
    robots.run_until(lambda: robots.stands(0), what="standing without odometry of its own")
    one.wait_for("odometry of /robot_1: position must be finite, got [")
    robots.spoilt.clear()
    robots.run_until(lambda: robots.command[0].any(), what="moving again")
    robots.silent.add("robot_2")
    robots.run_until(lambda: robots.stands(0), what="standing without the neighbour's odometry")
    one.wait_for("odometry of /robot_2 is 1.0")
    robots.run_until(
        lambda: (peer.diagnostics("/robot_1/cbf_filter_node") or (b"",))[0] == b"\x02", what="an error in diagnostics"
    )
    assert "stopped" in peer.diagnostics("/robot_1/cbf_filter_node")[1]


def test_a_goal_is_enough_where_the_node_drives(start, peer, settings):
    node = start(*NODE, *settings, "-p", "robots:=[robot_1]", "-p", "drive_to_goal:=true", "-p", "cruise_mps:=1.0")
    node.wait_for("ready: filters /robot_1 beside nobody", timeout=90.0)
    robots = FakeRobots(peer, [(0.0, 0.0), (9.0, 9.0)], [(-5.0, 0.0), (9.0, 9.1)])
    goals = peer.node.create_publisher(PoseStamped, "robot_1/goal_pose", topic("goal_pose").quality.profile())
    goal = PoseStamped()
    goal.header.frame_id, goal.pose.position.y = "odom", 1.0

    def there():
        goals.publish(goal)
        return np.linalg.norm(robots.position[0] - (0.0, 1.0)) < 0.15 and robots.stands(0)

    # cmd_vel_nominal, which asks for the opposite, is not heard.
    robots.run_until(there, what="arriving at the goal")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("raduis_m: 0.4", "error: node 'cbf_filter_node' has no parameter 'raduis_m'; known: command_timeout_s, "),
        ("radius_m: 99.0", "error: parameter 'radius_m' must be <= 10.0, got 99.0"),
        ("schedule: clever", "error: parameter 'schedule' must be one of: fixed, liveness, network; got 'clever'"),
        ("discs: [1.0, 2.0]", "error: parameter 'discs' must hold 3 numbers for each obstacle, got 2"),
    ],
)
def test_bad_parameters_end_the_node_with_one_clear_line(start, tmp_path, setting, message):
    path = tmp_path / "bad.yaml"
    path.write_text(f"/**/cbf_filter_node:\n  ros__parameters:\n    {setting}\n")
    program = start(*NODE, "--params-file", str(path))
    assert program.wait(30.0) == 2
    lines = [line for line in program.text.splitlines() if "error: " in line]
    assert len(lines) == 1 and lines[0].startswith(message), program.text
