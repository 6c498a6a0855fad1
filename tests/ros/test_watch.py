import os
import time

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rich.console import Console
from std_msgs.msg import String

from pronk_bringup.watch import Watcher, draw, row_of
from pronk_node_kit.topics import DIAGNOSTICS, GATEKEEPER_STATE, ODOM


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("/odom", "odom"),
        ("/robot_1/ground_truth/odom", "ground_truth/odom"),
        ("/diagnostics", "/diagnostics"),
        ("/robot_1/motor", None),
        ("/my_odom", None),
    ],
)
def test_full_names_are_found_in_the_table(name, row):
    found = row_of(name)
    assert (found and found.name) == row


@pytest.fixture
def context(ros_environment, monkeypatch):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    context = Context()
    rclpy.init(context=context, domain_id=int(ros_environment["ROS_DOMAIN_ID"]))
    yield context
    rclpy.try_shutdown(context=context)


def test_the_dashboard_hears_traffic_states_and_health_of_one_robot(context):
    source = rclpy.create_node("source", context=context)
    watcher = Watcher("robot_1", context=context)
    executor = SingleThreadedExecutor(context=context)
    for node in (source, watcher):
        executor.add_node(node)
    state = source.create_publisher(String, "/robot_1/gatekeeper_state", GATEKEEPER_STATE.quality.profile())
    health = source.create_publisher(DiagnosticArray, "/diagnostics", DIAGNOSTICS.quality.profile())
    odometry = [source.create_publisher(ODOM.type, f"/robot_{i}/odom", ODOM.quality.profile()) for i in (1, 2)]
    state.publish(String(data="stopped: tilt"))
    end = time.monotonic() + 30.0
    board = watcher.board
    while time.monotonic() < end:
        watcher.look(time.monotonic())
        for publisher in odometry:
            publisher.publish(ODOM.type())
        names = ("/robot_1/mpc_node", "/robot_2/mpc_node")
        health.publish(
            DiagnosticArray(
                status=[DiagnosticStatus(name=n, level=DiagnosticStatus.WARN, message="late") for n in names]
            )
        )
        executor.spin_once(timeout_sec=0.02)
        board.traffic(time.monotonic())
        if (
            board.states
            and board.reports
            and board.meters.get("/robot_1/odom", None)
            and board.meters["/robot_1/odom"].count > 3
        ):
            break
    assert board.states == {"/robot_1/gatekeeper_state": "stopped: tilt"}
    assert set(board.reports) == {"/robot_1/mpc_node"}
    assert set(board.meters) == {"/diagnostics", "/robot_1/gatekeeper_state", "/robot_1/odom"}
    console = Console(width=100, record=True, file=open(os.devnull, "w"))
    console.print(draw(board, time.monotonic()))
    text = console.export_text()
    assert all(part in text for part in ("/robot_1/odom", "warn", "late", "stopped: tilt"))
    executor.shutdown()
    for node in (source, watcher):
        node.destroy_node()
