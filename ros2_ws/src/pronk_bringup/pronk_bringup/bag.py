"""Reading of bags, also of those whose recorder was killed."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Message, Metadata, Schema

from pronk_bringup.errors import BagError
from pronk_bringup.mcap_file import MAGIC


@dataclass(frozen=True)
class BagMessage:
    """One message of a bag.

    Attributes:
        topic: Topic name.
        type: Message type, such as "sensor_msgs/msg/JointState".
        log_time: Time of receipt [ns].
        publish_time: Time of publishing [ns].
        data: Serialised bytes.
    """

    topic: str
    type: str
    log_time: int
    publish_time: int
    data: bytes


@dataclass
class BagReader:
    """Reads an MCAP file from its beginning, and stops without complaint where a killed recorder left off.

    Attributes:
        path: MCAP file.
        schemas: Types met so far by id.
        channels: Topics met so far by id.
        notes: Named values met so far.
        complete: Whether the file was closed by its recorder; known after the last message.
    """

    path: Path
    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    complete: bool = False

    def messages(self) -> Iterator[BagMessage]:
        """Yield the messages in the order in which they were recorded.

        Yields:
            One message after the other.

        Raises:
            BagError: The file is not MCAP.
        """
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise BagError(f"'{self.path}' is not an MCAP file")
            for opcode, content in _records(file):
                if opcode == Opcode.CHUNK:
                    chunk = Chunk.read(ReadDataStream(BytesIO(content)))
                    try:
                        data = _decompress(chunk)
                    except zstandard.ZstdError:
                        return
                    for inner, payload in _records(BytesIO(data)):
                        yield from self._take(inner, payload)
                elif opcode == Opcode.FOOTER:
                    self.complete = file.read(len(MAGIC)) == MAGIC
                    return
                else:
                    yield from self._take(opcode, content)

    def _take(self, opcode: int, content: bytes) -> Iterator[BagMessage]:
        stream = ReadDataStream(BytesIO(content))
        if opcode == Opcode.MESSAGE:
            message = Message.read(stream, len(content))
            channel = self.channels[message.channel_id]
            kind = self.schemas[channel.schema_id].name
            yield BagMessage(channel.topic, kind, message.log_time, message.publish_time, message.data)
        elif opcode == Opcode.SCHEMA:
            schema = Schema.read(stream)
            self.schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            channel = Channel.read(stream)
            self.channels[channel.id] = channel
        elif opcode == Opcode.METADATA:
            metadata = Metadata.read(stream)
            self.notes[metadata.name] = metadata.metadata


def _records(file: Any) -> Iterator[tuple[int, bytes]]:
    while True:
        head = file.read(9)
        if len(head) < 9:
            return
        length = int.from_bytes(head[1:], "little")
        content = file.read(length)
        if len(content) < length:
            return
        yield head[0], content


def _decompress(chunk: Chunk) -> bytes:
    if chunk.compression == "zstd":
        return zstandard.decompress(chunk.data, chunk.uncompressed_size)
    if chunk.compression == "":
        return chunk.data
    raise BagError(f"chunk compression '{chunk.compression}' is not supported; supported: zstd, none")


def bag_files(bag: Path) -> list[Path]:
    """Find the MCAP files of a bag.

    Args:
        bag: Folder of a bag, or an MCAP file.

    Returns:
        Its files in order of recording.

    Raises:
        BagError: There is none.
    """
    if bag.is_file():
        return [bag]
    # rosbag2 numbers the files of a bag without leading zeros.
    files = sorted(bag.glob("*.mcap"), key=lambda path: (len(path.name), path.name))
    if not files:
        raise BagError(f"'{bag}' holds no MCAP file")
    return files


def read_messages(bag: Path, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
    """Read a bag, also one whose recorder was killed.

    Args:
        bag: Folder of a bag, or an MCAP file.
        topics: Topics to yield; None for all.

    Yields:
        Messages in the order in which they were recorded.

    Raises:
        BagError: It is not a bag.
    """
    for path in bag_files(bag):
        for message in BagReader(path).messages():
            if topics is None or message.topic in topics:
                yield message
