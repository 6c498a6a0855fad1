"""Writing of MCAP files that stay readable when the writer dies.

Every chunk that was ended is complete on its own: a file that was never closed loses only what came after its last
chunk. The format is that of https://mcap.dev/spec; records are laid out by the `mcap` library.
"""

import struct
import zlib
from collections import defaultdict
from io import BufferedWriter
from pathlib import Path

import zstandard
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

MAGIC = b"\x89MCAP0\r\n"
LARGEST_CHUNK = 1024 * 1024
_MESSAGE = struct.Struct("<BQHIQQ")


class McapFile:
    """An MCAP file being written.

    Attributes:
        message_counts: Messages written by channel id.
        start_time: Earliest log time [ns]; 0 without messages.
        end_time: Latest log time [ns]; 0 without messages.
    """

    def __init__(self, path: Path, library: str = "pronk") -> None:
        """Create the file.

        Args:
            path: File to create; it must not exist.
            library: Who writes it.

        Raises:
            FileExistsError: The file exists.
        """
        self._file: BufferedWriter = path.open("xb")
        self._position = 0
        self._records = RecordBuilder()
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._schemas: list[Schema] = []
        self._channels: list[Channel] = []
        self._sequences: dict[int, int] = defaultdict(int)
        self._chunk = bytearray()
        self._chunk_entries: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._chunk_times: list[int] = []
        self._chunk_indices: list[ChunkIndex] = []
        self._metadata_indices: list[MetadataIndex] = []
        self.message_counts: dict[int, int] = {}
        self.start_time = 0
        self.end_time = 0
        self._put(MAGIC)
        Header("ros2", library).write(self._records)
        self._put_records()
        self._file.flush()

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._position += len(data)

    def _put_records(self) -> int:
        data = self._records.end()
        self._put(data)
        return len(data)

    def add_schema(self, name: str, encoding: str, data: bytes) -> int:
        """Describe a message type.

        Args:
            name: Its name, such as "sensor_msgs/msg/JointState".
            encoding: "ros2msg" or "ros2idl".
            data: Its definition with those of the types that it uses.

        Returns:
            Id of the schema.
        """
        schema = Schema(id=len(self._schemas) + 1, name=name, encoding=encoding, data=data)
        self._schemas.append(schema)
        schema.write(self._records)
        self._put_records()
        return schema.id

    def add_channel(self, topic: str, schema_id: int, metadata: dict[str, str]) -> int:
        """Announce a topic.

        Args:
            topic: Its name.
            schema_id: Id of its type's schema.
            metadata: Such as the quality of service offered.

        Returns:
            Id of the channel.
        """
        channel = Channel(
            id=len(self._channels) + 1, topic=topic, message_encoding="cdr", metadata=metadata, schema_id=schema_id
        )
        self._channels.append(channel)
        self.message_counts[channel.id] = 0
        channel.write(self._records)
        self._put_records()
        return channel.id

    def write(self, channel_id: int, log_time: int, publish_time: int, data: bytes) -> None:
        """Add a message.

        Args:
            channel_id: Channel that it belongs to.
            log_time: Time of receipt [ns].
            publish_time: Time of publishing [ns].
            data: Its bytes, kept as they are.
        """
        self._chunk_entries[channel_id].append((log_time, len(self._chunk)))
        self._chunk_times.append(log_time)
        sequence = self._sequences[channel_id]
        self._sequences[channel_id] = sequence + 1
        head = _MESSAGE.pack(Opcode.MESSAGE, 22 + len(data), channel_id, sequence, log_time, publish_time)
        self._chunk += head
        self._chunk += data
        self.message_counts[channel_id] += 1
        if len(self._chunk) >= LARGEST_CHUNK:
            self.end_chunk()

    def add_metadata(self, name: str, values: dict[str, str]) -> None:
        """Add named values about the recording.

        Args:
            name: What they describe.
            values: Text by key.
        """
        self.end_chunk()
        offset = self._position
        Metadata(name=name, metadata=values).write(self._records)
        self._metadata_indices.append(MetadataIndex(offset=offset, length=self._put_records(), name=name))
        self._file.flush()

    def end_chunk(self) -> None:
        """Hand everything written so far to the operating system, so that the end of this process cannot lose it."""
        if not self._chunk_times:
            self._file.flush()
            return
        first, last = min(self._chunk_times), max(self._chunk_times)
        self.start_time = first if not self._chunk_indices else min(first, self.start_time)
        self.end_time = max(last, self.end_time)
        raw = bytes(self._chunk)
        data = self._compressor.compress(raw)
        begin = self._position
        Chunk(
            compression="zstd",
            data=data,
            message_start_time=first,
            message_end_time=last,
            uncompressed_crc=zlib.crc32(raw),
            uncompressed_size=len(raw),
        ).write(self._records)
        length = self._put_records()
        offsets: dict[int, int] = {}
        for channel_id, entries in self._chunk_entries.items():
            offsets[channel_id] = self._position
            MessageIndex(channel_id=channel_id, records=entries).write(self._records)
            self._put_records()
        self._chunk_indices.append(
            ChunkIndex(
                chunk_length=length,
                chunk_start_offset=begin,
                compression="zstd",
                compressed_size=len(data),
                message_end_time=last,
                message_index_length=self._position - begin - length,
                message_index_offsets=offsets,
                message_start_time=first,
                uncompressed_size=len(raw),
            )
        )
        self._chunk = bytearray()
        self._chunk_entries = defaultdict(list)
        self._chunk_times = []
        self._file.flush()

    def close(self) -> None:
        """Write the summary, which makes the file quick to open, and close it."""
        self.end_chunk()
        DataEnd(data_section_crc=0).write(self._records)
        self._put_records()
        summary_start = self._position
        summary, groups = RecordBuilder(), []
        statistics = Statistics(
            attachment_count=0,
            channel_count=len(self._channels),
            channel_message_counts=self.message_counts,
            chunk_count=len(self._chunk_indices),
            message_count=sum(self.message_counts.values()),
            message_end_time=self.end_time,
            message_start_time=self.start_time,
            metadata_count=len(self._metadata_indices),
            schema_count=len(self._schemas),
        )
        for opcode, records in (
            (Opcode.SCHEMA, self._schemas),
            (Opcode.CHANNEL, self._channels),
            (Opcode.STATISTICS, [statistics]),
            (Opcode.CHUNK_INDEX, self._chunk_indices),
            (Opcode.METADATA_INDEX, self._metadata_indices),
        ):
            begin = summary.count
            for record in records:
                record.write(summary)
            if summary.count > begin:
                groups.append(SummaryOffset(opcode, summary_start + begin, summary.count - begin))
        offsets_start = summary_start + summary.count
        for group in groups:
            group.write(summary)
        data = summary.end()
        footer = struct.pack("<BQQQ", Opcode.FOOTER, 20, summary_start, offsets_start)
        checksum = zlib.crc32(footer, zlib.crc32(data))
        self._put(data)
        Footer(summary_crc=checksum, summary_offset_start=offsets_start, summary_start=summary_start).write(
            self._records
        )
        self._put_records()
        self._put(MAGIC)
        self._file.close()
