"""Bags in the layout of rosbag2: a folder with an MCAP file and `metadata.yaml`.

Stock tools (`ros2 bag`, rosbags, Foxglove) open a bag that was closed. A bag whose recorder was killed is read by
`read_messages` as it is, and made whole by `recover`.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Message, Metadata, Schema

from pronk_bringup.mcap_file import MAGIC, McapFile

VERSION = 9


class BagError(Exception):
    """A bag cannot be written where asked, or is not a bag."""


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


@dataclass(frozen=True)
class _Topic:
    name: str
    type: str
    type_hash: str
    qos: tuple[Mapping[str, Any], ...]


class BagWriter:
    """A bag being recorded."""

    def __init__(self, folder: Path) -> None:
        """Create the bag.

        Args:
            folder: Folder to make; it must not exist.

        Raises:
            BagError: The folder exists.
        """
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise BagError(f"'{folder}' exists already; a recording never overwrites, so choose another name") from None
        self._folder = folder
        self._path = folder / f"{folder.name}_0.mcap"
        self._file = McapFile(self._path)
        self._schemas: dict[str, int] = {}
        self._topics: dict[int, _Topic] = {}
        self._notes: dict[str, str] = {}

    def add_topic(
        self, topic: str, kind: str, definition: str, type_hash: str, qos: Collection[Mapping[str, Any]] = ()
    ) -> int:
        """Announce a topic.

        Args:
            topic: Full name.
            kind: Message type.
            definition: Its definition in the `ros2msg` format.
            type_hash: Its RIHS01 hash.
            qos: Quality of service that its publishers offer, in rosbag2's terms.

        Returns:
            Number to write its messages with.
        """
        if kind not in self._schemas:
            self._schemas[kind] = self._file.add_schema(kind, "ros2msg", definition.encode())
        row = _Topic(topic, kind, type_hash, tuple(qos))
        metadata = {
            "offered_qos_profiles": yaml.safe_dump([dict(q) for q in row.qos]) if row.qos else "",
            "topic_type_hash": type_hash,
        }
        channel = self._file.add_channel(topic, self._schemas[kind], metadata)
        self._topics[channel] = row
        return channel

    def write(self, channel: int, log_time: int, publish_time: int, data: bytes) -> None:
        """Add a message.

        Args:
            channel: Number of its topic.
            log_time: Time of receipt [ns].
            publish_time: Time of publishing [ns].
            data: Its bytes, kept as they are.
        """
        self._file.write(channel, log_time, publish_time, data)

    def note(self, name: str, values: Mapping[str, str]) -> None:
        """Add named values about the recording; they also go into `metadata.yaml` as "name.key".

        Args:
            name: What they describe.
            values: Text by key.
        """
        self._file.add_metadata(name, dict(values))
        self._notes.update({f"{name}.{key}": value for key, value in values.items()})

    def flush(self) -> None:
        """Make everything written so far safe from the end of this process."""
        self._file.end_chunk()

    @property
    def message_count(self) -> int:
        """Messages written so far."""
        return sum(self._file.message_counts.values())

    def close(self) -> None:
        """Complete the file and write `metadata.yaml`."""
        self._file.end_chunk()
        counts = self._file.message_counts

        def times() -> dict[str, Any]:
            start, duration = self._file.start_time, self._file.end_time - self._file.start_time
            return {
                "starting_time": {"nanoseconds_since_epoch": start},
                "duration": {"nanoseconds": duration},
                "message_count": self.message_count,
            }

        information = {
            "version": VERSION,
            "storage_identifier": "mcap",
            "relative_file_paths": [self._path.name],
            **times(),
            "topics_with_message_count": [
                {
                    "topic_metadata": {
                        "name": topic.name,
                        "type": topic.type,
                        "serialization_format": "cdr",
                        "offered_qos_profiles": [dict(q) for q in topic.qos],
                        "type_description_hash": topic.type_hash,
                    },
                    "message_count": counts[channel],
                }
                for channel, topic in self._topics.items()
            ],
            "compression_format": "",
            "compression_mode": "",
            "files": [{"path": self._path.name, **times()}],
            "custom_data": self._notes or None,
            "ros_distro": "kilted",
        }
        self._file.add_metadata("rosbag2", {"serialized_metadata": yaml.safe_dump(information, sort_keys=False)})
        self._file.close()
        text = yaml.safe_dump({"rosbag2_bagfile_information": information}, sort_keys=False)
        partial = self._folder / "metadata.yaml.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self._folder / "metadata.yaml")


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


def is_complete(bag: Path) -> bool:
    """Tell whether a bag was closed by its recorder.

    Args:
        bag: Folder of a bag.

    Returns:
        False when `recover` has something to do.

    Raises:
        BagError: It is not a bag.
    """
    if not (bag / "metadata.yaml").is_file():
        return False
    for path in bag_files(bag):
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - len(MAGIC)))
            if file.read() != MAGIC:
                return False
    return True


def recover(bag: Path) -> int:
    """Make a bag whole whose recorder was killed; one that is complete is left alone.

    Args:
        bag: Folder of the bag.

    Returns:
        Messages in the bag.

    Raises:
        BagError: It is not a bag, or consists of several files.
    """
    files = bag_files(bag)
    if is_complete(bag):
        return sum(1 for _ in read_messages(bag))
    if len(files) != 1:
        raise BagError(f"'{bag}' consists of {len(files)} files; only bags of one file can be recovered")
    rescue = bag.with_name(f"{bag.name}.recovering")
    writer = BagWriter(rescue)
    reader = BagReader(files[0])
    channels: dict[str, int] = {}
    for message in reader.messages():
        if message.topic not in channels:
            source = next(c for c in reader.channels.values() if c.topic == message.topic)
            definition = reader.schemas[source.schema_id].data.decode()
            qos = yaml.safe_load(source.metadata.get("offered_qos_profiles") or "[]")
            type_hash = source.metadata.get("topic_type_hash", "")
            channels[message.topic] = writer.add_topic(message.topic, message.type, definition, type_hash, qos)
        writer.write(channels[message.topic], message.log_time, message.publish_time, message.data)
    for name, values in reader.notes.items():
        if name != "rosbag2":
            writer.note(name, values)
    writer.note("recovery", {"recovered": "true"})
    writer.close()
    (rescue / f"{rescue.name}_0.mcap").replace(files[0])
    text = (rescue / "metadata.yaml").read_text(encoding="utf-8").replace(f"{rescue.name}_0.mcap", files[0].name)
    (bag / "metadata.yaml").write_text(text, encoding="utf-8")
    (rescue / "metadata.yaml").unlink()
    rescue.rmdir()
    return writer.message_count
