"""Records topics into a bag, byte for byte as they came over the wire."""

import importlib
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from controllers.errors import UnknownName
from pronk_bringup.bag_writer import BagWriter
from pronk_bringup.errors import BagError, LaunchError
from pronk_bringup.message_schemas import MessageSchemas
from pronk_bringup.parameter_snapshot import ParameterSnapshot
from pronk_bringup.yaml_text import load_yaml
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import ParameterError, param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import TOPICS

# Deep enough to bridge the time in which a chunk is compressed.
DEPTH = 1000
DISCOVERY_PERIOD = 0.1
# When recording ends: how often and how long to look for messages that have arrived and are not written yet [s], and
# how many looks in a row must find none.
DRAIN_PERIOD, DRAIN_TIME, DRAIN_QUIET = 0.02, 0.5, 3


@dataclass(frozen=True)
class RecorderParameters:
    """Parameters of the recorder."""

    output: str = param("", "Folder of the bag, which must not exist; empty makes one from the time of day.")
    topics: tuple[str, ...] = param((), "Topics to record; relative names lie in the node's namespace.")
    profile: str = param("", "YAML file with a list 'topics' to record in addition; empty for none.")
    all: bool = param(False, "Record every topic that appears, hidden ones excepted.")
    flush_period: float = param(0.5, "Longest time [s] of messages that a killed recorder loses.", ge=0.05, le=10.0)


def read_profile(path: Path) -> list[str]:
    """Read a list of topics.

    Args:
        path: YAML file.

    Returns:
        Topic names.

    Raises:
        ParameterError: It does not exist or is not such a list.
    """
    if not path.is_file():
        raise ParameterError(f"parameter 'profile': file '{path}' does not exist")
    try:
        tree = load_yaml(path.read_bytes(), str(path))
    except LaunchError as error:
        raise ParameterError(f"parameter 'profile': {error}") from None
    if not isinstance(tree, dict) or set(tree) != {"topics"} or not isinstance(tree["topics"], list):
        raise ParameterError(f"{path}: must hold one key 'topics' with a list of names, got {tree!r}")
    return [str(name) for name in tree["topics"]]


def message_class(name: str) -> type:
    """Import a message type.

    Args:
        name: Such as "sensor_msgs/msg/JointState".

    Returns:
        Its class.

    Raises:
        UnknownName: It is not installed.
    """
    package, _, kind = name.partition("/")
    folder, _, message = kind.rpartition("/")
    try:
        return getattr(importlib.import_module(f"{package}.{folder.replace('/', '.')}"), message)
    except (ImportError, AttributeError, ValueError):
        raise UnknownName("message type", name, ()) from None


def message_name(cls: Any) -> str:
    """Name a message class.

    Args:
        cls: Message class.

    Returns:
        Such as "sensor_msgs/msg/JointState".
    """
    package, folder, _ = cls.__module__.split(".", 2)
    return f"{package}/{folder}/{cls.__name__}"


def describe_quality(profile: QoSProfile) -> dict[str, Any]:
    """Write a quality of service in rosbag2's terms.

    Args:
        profile: Profile that a publisher offers, without deadline, lifespan or lease.

    Returns:
        Values by rosbag2's keys.
    """

    def forever() -> dict[str, int]:
        return {"sec": 9223372036, "nsec": 854775807}

    return {
        "history": "keep_last",
        "depth": profile.depth,
        "reliability": profile.reliability.name.lower(),
        "durability": profile.durability.name.lower(),
        "deadline": forever(),
        "lifespan": forever(),
        "liveliness": "automatic",
        "liveliness_lease_duration": forever(),
        "avoid_ros_namespace_conventions": False,
    }


def source_revision() -> str:
    """Return the git revision of this source, "+changes" appended when files were changed; "unknown" without git."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).resolve().parent), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5.0).stdout.strip()

    try:
        revision = git("rev-parse", "HEAD")
        return revision + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


class RecorderNode(KitNode):
    """Subscribes without decoding, and writes what it gets."""

    Parameters = RecorderParameters

    def __init__(self) -> None:
        """Create the bag and subscribe.

        Raises:
            ParameterError: Nothing to record, or the bag exists.
        """
        super().__init__("recorder")
        p: RecorderParameters = self.parameters
        names = [*p.topics, *(read_profile(Path(p.profile)) if p.profile else ())]
        if not names and not p.all:
            raise ParameterError("nothing to record: set 'topics', 'profile' or 'all'")
        # What follows ROS's rules of names and remappings is asked from ROS.
        self._wanted = {self.resolve_topic_name(name) for name in names}
        self._schemas = MessageSchemas()
        self._channels: dict[str, int] = {}
        self._listening: list[tuple[Subscription, Callable[[bytes], None]]] = []
        self._refused: set[str] = set()
        folder = Path(p.output) if p.output else Path(f"bag_{datetime.now():%Y-%m-%d_%H-%M-%S}")
        try:
            self._bag = BagWriter(folder)
        except BagError as error:
            raise ParameterError(f"parameter 'output': {error}") from None
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._bag.note("pronk", {"revision": source_revision(), "created": created})
        self._snapshot = ParameterSnapshot(self, lambda node, values: self._bag.note(f"parameters {node}", values))
        self.diagnostics.value("messages", lambda: self._bag.message_count)
        self.diagnostics.value("topics", lambda: len(self._channels))
        self._subscribe_known()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(p.flush_period, self._bag.flush, clock=steady)
        self.create_timer(DISCOVERY_PERIOD, self._discover, clock=steady)
        self.get_logger().info(f"recording to {folder}")

    def _subscribe_known(self) -> None:
        """Subscribe to topics of the table at once, so that their first messages are not missed."""
        for row in TOPICS.values():
            name = self.resolve_topic_name(row.name)
            if name in self._wanted:
                self._subscribe(name, message_name(row.type), row.quality.profile())

    def _discover(self) -> None:
        self._snapshot.look()
        missing = self._wanted - self._channels.keys() - self._refused
        if not missing and not self.parameters.all:
            return
        for name, types in self.get_topic_names_and_types():
            if name in self._channels or name in self._refused:
                continue
            if name in missing or self.parameters.all:
                publishers = self.get_publishers_info_by_topic(name)
                if publishers:
                    self._subscribe(name, types[0], _common_quality(publishers))

    def _subscribe(self, name: str, kind: str, quality: QoSProfile) -> None:
        try:
            cls = message_class(kind)
            definition, type_hash = self._schemas.definition(kind)
        except UnknownName as error:
            self._refused.add(name)
            self.get_logger().warning(f"'{name}' is not recorded: {error}")
            return
        channel = self._bag.add_topic(name, kind, definition, type_hash, [describe_quality(quality)])
        self._channels[name] = channel
        listening = QoSProfile(depth=DEPTH, reliability=quality.reliability, durability=quality.durability)
        receive = self._receiver(channel)
        self._listening.append((self.create_subscription(cls, name, receive, listening, raw=True), receive))

    def _receiver(self, channel: int) -> Callable[[bytes], None]:
        clock, write = self.get_clock(), self._bag.write

        def receive(data: bytes) -> None:
            # The events executor cannot tell when a message was published (asking for it ends the process).
            now = clock.now().nanoseconds
            write(channel, now, now, data)

        return receive

    def on_stop(self) -> None:
        """Write what has arrived by now, and complete the bag."""
        # A process that was held up has messages waiting, those of the very moment for which people open a bag.
        end, quiet = time.monotonic() + DRAIN_TIME, 0
        while quiet < DRAIN_QUIET and time.monotonic() < end:
            quiet = 0 if self._take_waiting() else quiet + 1
            time.sleep(DRAIN_PERIOD)
        self._bag.close()
        self.get_logger().info(f"recorded {self._bag.message_count} messages of {len(self._channels)} topics")

    def _take_waiting(self) -> int:
        taken = 0
        for subscription, receive in self._listening:
            for _ in range(DEPTH):
                with subscription.handle:
                    message = subscription.handle.take_message(subscription.msg_type, True)
                if message is None:
                    break
                receive(message[0])
                taken += 1
        return taken


def _common_quality(publishers: list[TopicEndpointInfo]) -> QoSProfile:
    """Choose what all publishers can satisfy."""
    profiles = [publisher.qos_profile for publisher in publishers]
    reliable = all(profile.reliability == QoSReliabilityPolicy.RELIABLE for profile in profiles)
    latched = all(profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL for profile in profiles)
    return QoSProfile(
        depth=max(1, *(profile.depth for profile in profiles), 1),
        reliability=QoSReliabilityPolicy.RELIABLE if reliable else QoSReliabilityPolicy.BEST_EFFORT,
        durability=QoSDurabilityPolicy.TRANSIENT_LOCAL if latched else QoSDurabilityPolicy.VOLATILE,
    )


def main() -> int:
    """Run the node.

    Returns:
        Exit code.
    """
    return run_node(RecorderNode, realtime=True)


if __name__ == "__main__":
    sys.exit(main())
