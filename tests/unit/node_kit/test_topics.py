import re
import time

import pytest

pytest.importorskip("rclpy")

from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy, qos_profile_sensor_data

from controllers.errors import UnknownName
from pronk_node_kit.topics import (
    COMMAND,
    SERVICES,
    STATE,
    TOPICS,
    create_publisher,
    create_service,
    create_subscription,
    topic,
)


def test_names_are_relative_except_those_that_ros_fixes():
    absolute = {name for name in (*TOPICS, *SERVICES) if name.startswith("/")}
    assert absolute == {"/clock", "/diagnostics"}
    assert all(re.fullmatch(r"/?[a-z][a-z_/]*", name) for name in (*TOPICS, *SERVICES))


def test_the_gatekeeper_alone_publishes_motor_commands():
    assert topic("motor_commands").publisher == "gatekeeper_node"


def test_commands_keep_no_backlog_and_no_reading_is_lost():
    assert (COMMAND.profile().depth, STATE.profile().reliability) == (1, QoSReliabilityPolicy.RELIABLE)


def test_every_choice_of_quality_has_a_reason():
    assert all(row.quality.reason and row.meaning for row in TOPICS.values())


def test_a_subscriber_can_do_without_resending(make_node):
    subscription = create_subscription(make_node(), topic("joint_states"), print, best_effort=True)
    assert subscription.qos_profile.reliability == QoSReliabilityPolicy.BEST_EFFORT


def test_an_unknown_topic_or_service_lists_the_known_ones(make_node):
    with pytest.raises(UnknownName, match=r"unknown topic 'joints'; available: .*joint_states"):
        topic("joints")
    with pytest.raises(UnknownName, match=r"unknown service 'pause'; available: arm, .*set_paused"):
        create_service(make_node(), "pause", print)


def test_topics_that_cannot_connect_are_reported(make_node, ros_context, capfd):
    node, other = make_node(), make_node()
    create_subscription(node, topic("joint_states"), print)
    other.create_publisher(topic("joint_states").type, "joint_states", qos_profile_sensor_data)
    create_publisher(node, topic("cmd_vel"))
    latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    other.create_subscription(topic("cmd_vel").type, "cmd_vel", print, latched)
    executor = SingleThreadedExecutor(context=ros_context)
    executor.add_node(node)
    logged, end = "", time.monotonic() + 10.0
    while logged.count("[ERROR]") < 2 and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
        logged += capfd.readouterr().err
    executor.shutdown()
    assert "a publisher of 'joint_states' offers another RELIABILITY; its messages are not heard" in logged
    assert "a subscriber of 'cmd_vel' asks for another DURABILITY; it gets no messages" in logged
