"""Plays a bag's readings and commands to running nodes, which then do what they would do on the robot."""

import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builtin_interfaces.msg import Time
from rclpy.clock import Clock, ClockType
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock as ClockMessage

from pronk_bringup.bag import BagMessage, BagReader, bag_files
from pronk_bringup.errors import BagError
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import ParameterError, param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import CLOCK_TOPIC, JOINT_STATES, TOPICS, create_publisher

TICK = 0.002
# Recorded time [s] that may be played at once; after a longer stall the rest is played later, not faster.
LONGEST_BURST = 0.02
# How often to look who is there [s].
ASK_PERIOD = 0.1
# For nodes to take in the last messages [s].
LINGER = 0.5
# A little-endian CDR body behind four bytes of encapsulation begins with the stamp of its header.
STAMP = struct.Struct("<iI")
ENCAPSULATION = 4


@dataclass(frozen=True)
class PlayerParameters:
    """Parameters of the player."""

    bag: str = param("", "Bag to play: folder, or an MCAP file; also one whose recorder was killed.")
    recorded_namespace: str = param("", "Namespace in which the topics were recorded.")
    topics: tuple[str, ...] = param(
        (
            *("joint_states", "imu/data", "foot_sensors", "cmd_vel", "body_command"),
            *("ground_truth/odom", "ground_truth/wrench", "ground_truth/payload"),
        ),
        "Topics to play, relative to the namespace; what nodes are to compute anew must not be among them.",
    )
    rate: float = param(1.0, "Speed, as a multiple of that of the recording.", ge=0.01, le=100.0)
    wait_for: tuple[str, ...] = param((), "Play when nodes of these names hear a played topic.")
    patience_s: float = param(60.0, "Play without them after this time [s].", ge=0.0, le=600.0)


def read_wanted(bag: Path, topics: dict[str, str]) -> Iterator[BagMessage]:
    """Read the messages of some topics, one file of the bag after the other.

    Args:
        bag: Folder of a bag, or an MCAP file.
        topics: Those to read, full names.

    Yields:
        Messages in the order in which they were recorded.

    Raises:
        BagError: It is no bag, or holds none of the topics.
    """
    found, others = False, set()
    for path in bag_files(bag):
        reader = BagReader(path)
        for message in reader.messages():
            if message.topic in topics:
                found = True
                yield message
        others |= {channel.topic for channel in reader.channels.values()}
    if not found:
        raise BagError(
            f"'{bag}' holds none of {', '.join(topics)}; it holds {', '.join(sorted(others)) or 'no topic'} "
            "(see recorded_namespace)"
        )


def stamp_of(data: bytes) -> Time:
    """Read the stamp of a message that begins with a header.

    Args:
        data: Its bytes as recorded.

    Returns:
        The stamp.

    Raises:
        BagError: They are too few.
    """
    if len(data) < ENCAPSULATION + STAMP.size:
        raise BagError(f"a message with a header has at least {ENCAPSULATION + STAMP.size} bytes, got {len(data)}")
    seconds, nanoseconds = STAMP.unpack_from(data, ENCAPSULATION)
    return Time(sec=seconds, nanosec=nanoseconds)


class PlayerNode(KitNode):
    """Publishes recorded bytes as they are, and the time of the joint states as the clock."""

    Parameters = PlayerParameters

    def __init__(self) -> None:
        """Open the bag.

        Raises:
            ParameterError: It is no bag, or holds nothing to play.
        """
        super().__init__("player")
        p: PlayerParameters = self.parameters
        if not p.bag:
            raise ParameterError("parameter 'bag': must name the bag to play, got none")
        unknown = [name for name in p.topics if name not in TOPICS]
        if unknown:
            raise ParameterError(f"parameter 'topics': unknown topic '{unknown[0]}'; known: {', '.join(TOPICS)}")
        space = f"/{p.recorded_namespace.strip('/')}/".replace("//", "/")
        self._names = {space + name: name for name in p.topics}
        self._messages = read_wanted(Path(p.bag), self._names)
        try:
            self._next: BagMessage | None = next(self._messages)
        except (BagError, OSError) as error:
            raise ParameterError(f"parameter 'bag': {error}") from None
        self._outputs: dict[str, Publisher] = {}
        for name in p.topics:
            self._outputs[name] = create_publisher(self, TOPICS[name])
        self._time = create_publisher(self, CLOCK_TOPIC)
        self._first = self._next.log_time
        self._created, self._asked, self._start = time.monotonic(), 0.0, -1.0
        self._played, self._last, self._ended = 0, self._first, -1.0
        self.diagnostics.value("messages played", lambda: self._played)
        self.create_timer(TICK, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _tick(self) -> None:
        now = time.monotonic()
        if self._start < 0.0:
            # The graph is costly to ask.
            if now - self._asked > ASK_PERIOD:
                self._asked = now
                self._begin(now)
        elif self._next is not None:
            self._play(now)
        elif now - self._ended > LINGER:
            self._end()

    def _begin(self, now: float) -> None:
        p: PlayerParameters = self.parameters
        outputs = self._outputs.values()
        there = {info.node_name for o in outputs for info in self.get_subscriptions_info_by_topic(o.topic_name)}
        missing = sorted(set(p.wait_for) - there)
        if missing and now - self._created < p.patience_s:
            return
        if missing:
            self.get_logger().warning(f"not here after {p.patience_s:g} s: {', '.join(missing)}")
        self._start = now
        self.get_logger().info(f"playing {p.bag} at {p.rate:g} times its speed")

    def _play(self, now: float) -> None:
        rate = self.parameters.rate
        due = self._first + int((now - self._start) * rate * 1e9)
        limit = self._last + int(LONGEST_BURST * max(rate, 1.0) * 1e9)
        if due > limit and self._next is not None and self._next.log_time <= limit:
            self._start += (due - limit) / rate * 1e-9
            due = limit
        while self._next is not None and self._next.log_time <= due:
            self._publish(self._next)
            self._next = next(self._messages, None)
        self._last = due
        if self._next is None:
            self._ended = now

    def _publish(self, message: BagMessage) -> None:
        name = self._names[message.topic]
        if name == JOINT_STATES.name:
            # The time of what the robot measured; that of the recording may be another clock's.
            self._time.publish(ClockMessage(clock=stamp_of(message.data)))
        self._outputs[name].publish(message.data)
        self._played += 1

    def _end(self) -> None:
        recorded, real = (self._last - self._first) * 1e-9, self._ended - self._start
        self.get_logger().info(f"played {self._played} messages, {recorded:.1f} s of recording in {real:.1f} s")
        self.finish(0)


def main() -> int:
    """Run the node.

    Returns:
        Exit code.
    """
    return run_node(PlayerNode)


if __name__ == "__main__":
    sys.exit(main())
