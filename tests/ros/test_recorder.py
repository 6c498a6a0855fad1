import signal
import time

import pytest
import yaml
from rosbags.highlevel import AnyReader

from pronk_bringup.bag import read_messages
from pronk_bringup.bag_recovery import is_complete, recover

pytestmark = pytest.mark.timeout(60)

PUBLISHER = """
import sys, time
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import JOINT_COMMANDS, JOINT_STATES, create_publisher, create_subscription
from dataclasses import dataclass
from pronk_msgs.msg import JointCommand
from sensor_msgs.msg import JointState
from std_msgs.msg import String

@dataclass(frozen=True)
class Parameters:
    count: int = param(100, "Messages to send.")
    # A list without a value is not set in ROS; asked for with others, rclpy then answers nothing about any.
    names: tuple[str, ...] = param((), "Nothing.")

class Source(KitNode):
    Parameters = Parameters
    def __init__(self):
        super().__init__("source")
        self.states = create_publisher(self, JOINT_STATES)
        self.commands = create_publisher(self, JOINT_COMMANDS)
        self.text = self.create_publisher(String, "text", 10)
        self.sent = 0
        create_subscription(self, JOINT_STATES, self.own, raw=True)
        self.log = open(sys.argv[1], "w")
        self.create_timer(0.01, self.tick)
    def own(self, data):
        self.log.write(data.hex() + "\\n")
        self.log.flush()
    def tick(self):
        others = (self.commands.get_subscription_count(), self.text.get_subscription_count())
        if min(others) < 1 or self.states.get_subscription_count() < 2:
            return
        if self.sent == self.parameters.count:
            print("done", flush=True)
        if self.sent >= self.parameters.count:
            self.sent += 1
            return
        self.sent += 1
        self.states.publish(JointState(name=["a", "b"], position=[float(self.sent), 0.5]))
        self.commands.publish(JointCommand(name=["a"], stiffness=[float(self.sent)]))
        self.text.publish(String(data=str(self.sent)))
sys.exit(run_node(Source))
"""


@pytest.fixture
def record(start, tmp_path):
    """Record a short session of three topics."""

    def run(*parameters, count=100, namespace="/"):
        source = tmp_path / "source.py"
        source.write_text(PUBLISHER)
        words = [word for parameter in parameters for word in ("-p", parameter)]
        common = ("--ros-args", "-r", f"__ns:={namespace}")
        recorder = start("-m", "pronk_bringup.recorder_node", *common, "-p", f"output:={tmp_path / 'bag'}", *words)
        publisher = start(str(source), str(tmp_path / "sent.txt"), *common, "-p", f"count:={count}")
        return recorder, publisher

    return run


TOPICS = "topics:=[joint_states, joint_commands, text]"


def test_a_recording_holds_the_exact_bytes_and_opens_in_other_readers(record, tmp_path):
    recorder, publisher = record(TOPICS)
    publisher.wait_for("done")
    time.sleep(0.3)
    recorder.send(signal.SIGINT)
    assert recorder.wait() == 0, recorder.text
    sent = [bytes.fromhex(line) for line in (tmp_path / "sent.txt").read_text().split()]
    assert len(sent) == 100
    assert [m.data for m in read_messages(tmp_path / "bag", {"/joint_states"})] == sent
    with AnyReader([tmp_path / "bag"]) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
        commands = [reader.deserialize(raw, c.msgtype) for c, _, raw in reader.messages() if "commands" in c.topic]
    assert counts == {"/joint_states": 100, "/joint_commands": 100, "/text": 100}
    assert [c.stiffness.tolist() for c in commands] == [[float(i)] for i in range(1, 101)]


def test_a_recording_tells_where_it_comes_from(record, tmp_path):
    recorder, publisher = record(TOPICS)
    publisher.wait_for("done")
    time.sleep(0.5)
    recorder.send(signal.SIGTERM)
    assert recorder.wait() == 0, recorder.text
    data = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert data["custom_data"]["parameters /source.count"] == "100"
    assert data["custom_data"]["parameters /source.names"] == "not set"
    assert data["custom_data"]["pronk.revision"]
    qos = {
        t["topic_metadata"]["name"]: t["topic_metadata"]["offered_qos_profiles"][0]
        for t in data["topics_with_message_count"]
    }
    assert (qos["/joint_commands"]["depth"], qos["/joint_commands"]["reliability"]) == (1, "reliable")


def test_a_killed_recorder_loses_at_most_a_second(record, tmp_path):
    recorder, publisher = record(TOPICS, count=300)
    publisher.wait_for("done")
    time.sleep(1.0)
    recorder.send(signal.SIGKILL)
    recorder.wait()
    bag = tmp_path / "bag"
    assert not is_complete(bag)
    sent = [bytes.fromhex(line) for line in (tmp_path / "sent.txt").read_text().split()]
    assert [m.data for m in read_messages(bag, {"/joint_states"})] == sent
    assert recover(bag) == 900
    with AnyReader([bag]) as reader:
        assert reader.message_count == 900


def test_a_recorder_killed_in_mid_stream_keeps_all_but_the_last_moment(record, tmp_path):
    recorder, _ = record(TOPICS, count=100_000)
    sent = tmp_path / "sent.txt"
    end = time.monotonic() + 20.0
    while not sent.is_file() or sent.read_text().count("\n") < 250:
        assert time.monotonic() < end, recorder.text
        time.sleep(0.02)
    recorder.send(signal.SIGKILL)
    recorder.wait()
    total = sent.read_text().count("\n")
    kept = sum(1 for _ in read_messages(tmp_path / "bag", {"/joint_states"}))
    assert total - 110 <= kept <= total + 10


def test_a_recorder_that_was_held_up_writes_what_waits_for_it_before_it_ends(record, tmp_path):
    recorder, publisher = record(TOPICS)
    sent = tmp_path / "sent.txt"
    end = time.monotonic() + 20.0
    while not sent.is_file() or sent.read_text().count("\n") < 30:
        assert time.monotonic() < end, recorder.text
        time.sleep(0.01)
    recorder.send(signal.SIGSTOP)
    publisher.wait_for("done")
    recorder.send(signal.SIGINT)
    recorder.send(signal.SIGCONT)
    assert recorder.wait() == 0, recorder.text
    assert len(list(read_messages(tmp_path / "bag", {"/joint_commands"}))) == 100
    assert len(list(read_messages(tmp_path / "bag", {"/joint_states"}))) == 100


def test_all_topics_are_found_on_request(record, tmp_path):
    recorder, publisher = record("all:=true", count=30, namespace="/robot")
    publisher.wait_for("done")
    time.sleep(0.3)
    recorder.send(signal.SIGINT)
    assert recorder.wait() == 0, recorder.text
    topics = {m.topic for m in read_messages(tmp_path / "bag")}
    assert {"/robot/joint_states", "/robot/joint_commands", "/robot/text"} <= topics


def test_a_profile_lists_topics(record, tmp_path):
    (tmp_path / "profile.yaml").write_text("topics: [joint_states, joint_commands, text]")
    recorder, publisher = record(f"profile:={tmp_path / 'profile.yaml'}", count=30)
    publisher.wait_for("done")
    time.sleep(0.3)
    recorder.send(signal.SIGINT)
    assert recorder.wait() == 0, recorder.text
    assert {m.topic for m in read_messages(tmp_path / "bag")} == {"/joint_states", "/joint_commands", "/text"}


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ((), "error: nothing to record: set 'topics', 'profile' or 'all'"),
        (("topics:=[a]", "output:=EXISTS"), "exists already; a recording never overwrites"),
        (("profile:=/no/such.yaml",), "error: parameter 'profile': file '/no/such.yaml' does not exist"),
        (
            ("topic:=[a]",),
            "has no parameter 'topic'; known: all, flush_period, output, profile, topics",
        ),
        (("topics:=[a]", "flush_period:=60.0"), "parameter 'flush_period' must be <= 10.0, got 60.0"),
    ],
)
def test_misuse_is_explained_and_leaves_nothing_behind(start, tmp_path, parameters, text):
    exists = tmp_path / "exists"
    exists.mkdir()
    words = [word for p in parameters for word in ("-p", p.replace("EXISTS", str(exists)))]
    recorder = start("-m", "pronk_bringup.recorder_node", "--ros-args", *words, cwd=exists)
    assert recorder.wait() == 2
    assert text in recorder.text
    assert list(exists.iterdir()) == []
