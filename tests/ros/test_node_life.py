import itertools
import re
import signal
import textwrap
import time

import pytest

pytestmark = pytest.mark.timeout(60)

NODE = """
import sys
from dataclasses import dataclass

from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import JOINT_STATES, create_publisher, create_subscription
from sensor_msgs.msg import JointState


@dataclass(frozen=True)
class Parameters:
    rate: float = param(50.0, "Rate [Hz].", ge=1.0, le=1000.0)
    behaviour: str = param("run", "What to do.", choices=("run", "finish", "crash", "refuse"))


class Example(KitNode):
    Parameters = Parameters

    def __init__(self):
        super().__init__("example")
        if self.parameters.behaviour == "refuse":
            from controllers.errors import UnknownName
            raise UnknownName("gait", "gallop", ("pace", "trot"))
        self.ticks = 0
        self.publisher = create_publisher(self, JOINT_STATES)
        create_subscription(self, JOINT_STATES, self.hear)
        self.create_timer(1.0 / self.parameters.rate, self.tick)
        print(self.get_fully_qualified_name(), self.publisher.topic_name, self.parameters.rate, flush=True)

    def hear(self, message):
        print("heard", message.name, flush=True)

    def tick(self):
        self.ticks += 1
        print("tick", self.ticks, self.get_clock().now().nanoseconds, flush=True)
        self.publisher.publish(JointState(name=["a"]))
        if self.ticks == 3 and self.parameters.behaviour == "finish":
            self.finish(5)
        if self.ticks == 3 and self.parameters.behaviour == "crash":
            raise RuntimeError("a defect")

    def on_stop(self):
        self.publisher.publish(JointState(name=["last"]))
        print("stopped", flush=True)


sys.exit(run_node(Example))
"""

CLOCK = """
import sys

from pronk_node_kit.node import KitNode
from pronk_node_kit.spin import run_node
from pronk_node_kit.stamps import stamp_from_time
from pronk_node_kit.topics import CLOCK_TOPIC, create_publisher
from rosgraph_msgs.msg import Clock


class World(KitNode):
    def __init__(self):
        super().__init__("world")
        self.publisher, self.step = create_publisher(self, CLOCK_TOPIC), 0
        self.create_timer(0.002, self.tick)

    def tick(self):
        if self.publisher.get_subscription_count():
            self.step += 1
            self.publisher.publish(Clock(clock=stamp_from_time(self.step * 0.01)))


sys.exit(run_node(World))
"""

LISTENER = """
import sys

from pronk_node_kit.node import KitNode
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import DIAGNOSTICS, create_subscription


class Listener(KitNode):
    def __init__(self):
        super().__init__("listener")
        create_subscription(self, DIAGNOSTICS, self.hear)

    def hear(self, message):
        for status in message.status:
            print(message.header.stamp.sec, status.name, status.message, flush=True)


sys.exit(run_node(Listener))
"""


@pytest.fixture
def node(start, tmp_path):
    """Start the example node with ROS arguments."""
    (tmp_path / "example.py").write_text(textwrap.dedent(NODE))

    def run(*ros_arguments):
        return start(str(tmp_path / "example.py"), "--ros-args", *ros_arguments)

    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_node_with_success_after_its_last_message(node, number):
    program = node()
    program.wait_for("heard ['a']")
    program.send(number)
    assert program.wait() == 0, program.text
    assert program.text.rstrip().endswith("stopped")


def test_a_node_ends_itself_with_the_code_of_its_choice(node):
    program = node("-p", "behaviour:=finish")
    assert program.wait() == 5
    assert "tick 3" in program.text and "tick 4" not in program.text and "stopped" in program.text


def test_an_exception_in_a_callback_ends_the_process(node):
    program = node("-p", "behaviour:=crash")
    assert program.wait() == 1
    assert "RuntimeError: a defect" in program.text


def test_a_node_takes_the_arguments_that_ros2_launch_passes(node, tmp_path):
    (tmp_path / "p.yaml").write_text("/robot/walker:\n  ros__parameters:\n    rate: 200.0\n")
    program = node(
        *("-r", "__node:=walker", "-r", "__ns:=/robot", "--params-file", str(tmp_path / "p.yaml")),
        *("-r", "joint_states:=measured"),
    )
    program.wait_for("/robot/walker /robot/measured 200.0")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("-p", "rate:=20"), "error: parameter 'rate' must be a float: write 20.0, got 20"),
        (("-p", "rat:=20.0"), "error: node 'example' has no parameter 'rat'; known: behaviour, rate"),
        (("-p", "rate:=.nan"), "error: parameter 'rate' must be finite, got nan"),
        (
            ("-p", "behaviour:=fly"),
            "parameter 'behaviour' must be one of: run, finish, crash, refuse; got 'fly'",
        ),
        (("-p", "behaviour:=refuse"), "error: unknown gait 'gallop'; available: pace, trot"),
        (("-p", "rate:=["), "error: failed to initialize rcl: Couldn't parse parameter override rule"),
    ],
)
def test_settings_that_are_not_allowed_end_the_process_with_one_clear_line(node, arguments, text):
    program = node(*arguments)
    assert program.wait() == 2
    assert text in program.text
    assert "Traceback" not in program.text


def test_misspelt_names_in_a_parameter_file_are_errors(node, tmp_path):
    (tmp_path / "p.yaml").write_text("example:\n  ros__parameters:\n    n_fails: 3\n")
    program = node("--params-file", str(tmp_path / "p.yaml"))
    assert program.wait() == 2
    assert "node 'example' has no parameter 'n_fails'; known: behaviour, rate" in program.text


def test_timers_follow_simulated_time(node, start, tmp_path):
    (tmp_path / "world.py").write_text(textwrap.dedent(CLOCK))
    world = start(str(tmp_path / "world.py"))
    program = node("-p", "use_sim_time:=true", "-p", "rate:=10.0")
    program.wait_for("tick 6 ")
    times = [int(t) for t in re.findall(r"tick \d+ (\d+)", program.text)]
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(step % 10_000_000 == 0 for step in steps)
    assert sorted(steps)[len(steps) // 2] == 100_000_000
    world.send(signal.SIGTERM)
    assert world.wait() == 0


def test_every_node_reports_its_health_once_per_second(node, start, tmp_path):
    (tmp_path / "listener.py").write_text(LISTENER)
    listener = start(str(tmp_path / "listener.py"))
    node("-r", "__ns:=/robot")
    listener.wait_for("/robot/example running")
    begin = time.monotonic()
    while listener.text.count("/robot/example running") < 4:
        assert time.monotonic() < begin + 10.0, listener.text
        time.sleep(0.02)
    assert 2.0 < time.monotonic() - begin < 4.5
