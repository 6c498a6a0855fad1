"""Pieces of a bag that are in order by themselves, and their merging into one stream in the order of recording."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Channel:
    """A topic of a bag.

    Attributes:
        topic: Full name.
        type: Message type, such as "sensor_msgs/msg/JointState".
        definition: Text that defines the type; empty where the bag has none.
        encoding: Language of the definition: "ros2msg" or "ros2idl".
    """

    topic: str
    type: str
    definition: str = ""
    encoding: str = ""


class RawMessage(NamedTuple):
    """One recorded message.

    Attributes:
        log_time: Time of recording [ns].
        channel: Its topic.
        data: Its serialised bytes.
    """

    log_time: int
    channel: Channel
    data: bytes


Wanted = Callable[[Channel], bool]
# Takes one sentence about what is damaged or missing.
Complain = Callable[[str], None]


class Segment(Protocol):
    """A piece of a bag.

    Attributes:
        start: Time of its first message [ns].
    """

    start: int

    def messages(self, wanted: Wanted) -> Iterator[RawMessage]:
        """Yield messages in order of time, and of place in the file where times are equal."""
        ...


def merge(segments: Sequence[Segment], wanted: Wanted) -> Iterator[RawMessage]:
    """Read segments in order of time; each is opened when its time comes, so that memory stays small.

    Args:
        segments: The pieces, in order of the file.
        wanted: Which topics to read.

    Yields:
        Messages in order of time; those of equal time in order of the segments.
    """
    waiting = sorted(range(len(segments)), key=lambda i: (segments[i].start, i), reverse=True)
    open_ones: list[tuple[int, int, RawMessage, Iterator[RawMessage]]] = []
    while waiting or open_ones:
        while waiting and (not open_ones or segments[waiting[-1]].start <= open_ones[0][0]):
            index = waiting.pop()
            iterator = segments[index].messages(wanted)
            first = next(iterator, None)
            if first is not None:
                heapq.heappush(open_ones, (first.log_time, index, first, iterator))
        if not open_ones:
            continue
        _, index, message, iterator = open_ones[0]
        limit = segments[waiting[-1]].start if waiting else None
        alone = len(open_ones) == 1
        yield message
        for message in iterator:
            if not alone or (limit is not None and message.log_time >= limit):
                heapq.heapreplace(open_ones, (message.log_time, index, message, iterator))
                break
            yield message
        else:
            heapq.heappop(open_ones)
