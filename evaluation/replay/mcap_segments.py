"""MCAP files read from their records, so that nothing depends on the index that a killed recorder never wrote.

The format is that of https://mcap.dev/spec. The first pass looks at the heads of records only; chunks are opened when
their time comes.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import lz4.frame
import zstandard

from evaluation.replay.segments import Channel, Complain, RawMessage, Segment, Wanted

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, CHUNK_INDEX, METADATA, DATA_END = 1, 2, 3, 4, 5, 6, 8, 12, 15
FOOTER_LENGTH = 9 + 20 + len(MAGIC)
# A chunk that says that it holds more is damaged; recorders write a few megabytes.
LARGEST_CHUNK = 1 << 30
LARGEST_DEFINITION = 1 << 24
# Messages that stand outside chunks are handled in runs of this size.
RUN_BYTES = 1 << 20

_HEAD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_CHUNK = struct.Struct("<QQQI")


class BrokenRecord(Exception):
    """A record does not hold what its kind says."""


class _Fields:
    """Reads the fields of a record one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, size: int) -> bytes:
        end = self._place + size
        if end > len(self._data):
            raise BrokenRecord("a field reaches beyond its record")
        piece = self._data[self._place : end]
        self._place = end
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def text(self) -> str:
        return self.take(self.number(4)).decode("utf-8", errors="replace")

    def block(self) -> "_Fields":
        return _Fields(self.take(self.number(4)))

    @property
    def done(self) -> bool:
        return self._place >= len(self._data)


@dataclass
class Topics:
    """What the records say about topics.

    Attributes:
        channels: By id.
    """

    channels: dict[int, Channel] = field(default_factory=dict)
    _schemas: dict[int, tuple[str, str, str]] = field(default_factory=dict)

    def learn(self, opcode: int, content: bytes) -> None:
        """Take in a schema or a channel.

        Args:
            opcode: Kind of the record.
            content: Its content.

        Raises:
            BrokenRecord: The content is damaged.
        """
        fields = _Fields(content)
        number = fields.number(2)
        if opcode == SCHEMA:
            name, encoding = fields.text(), fields.text()
            self._schemas[number] = (name, encoding, fields.text())
        else:
            name, encoding, text = self._schemas.get(fields.number(2), ("", "", ""))
            self.channels.setdefault(number, Channel(fields.text(), name, text, encoding))


@dataclass
class _Source:
    path: Path
    topics: Topics
    complain: Complain

    def read(self, offset: int, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


@dataclass
class ChunkSegment:
    """One chunk, perhaps cut short.

    Attributes:
        start: Time of its first message, as its head says [ns].
        end: Time of its last message [ns].
    """

    start: int
    end: int
    _source: _Source
    _offset: int
    _stored: int
    _size: int
    _crc: int
    _compression: str
    _cut: bool

    def content(self) -> bytes:
        """Unpack the chunk; what cannot be unpacked is left away and complained about."""
        data = self._source.read(self._offset, self._stored)
        whole, problem = True, ""
        try:
            data, whole = _unpack(data, self._compression, self._size)
        except (zstandard.ZstdError, RuntimeError, MemoryError) as error:
            data, problem = b"", f"cannot be unpacked ({error})"
        if not problem and not self._cut:
            if not whole or len(data) != self._size:
                problem = f"holds {len(data)} bytes instead of {self._size}"
            elif self._crc and zlib.crc32(data) != self._crc:
                data, problem = b"", "has a wrong checksum and is left out"
        if problem:
            self._source.complain(f"the chunk at byte {self._offset} {problem}")
        return data

    def messages(self, wanted: Wanted) -> Iterator[RawMessage]:
        """Yield its messages in order of time.

        Args:
            wanted: Which topics.

        Yields:
            Messages.
        """
        yield from _parse(self.content(), self._source, wanted, self._cut)


@dataclass
class RunSegment:
    """A run of messages that stand outside chunks.

    Attributes:
        start: Time of its first message [ns].
        end: Time of its last message [ns].
    """

    start: int
    end: int
    _source: _Source
    _offset: int
    _stored: int

    def messages(self, wanted: Wanted) -> Iterator[RawMessage]:
        """Yield its messages in order of time.

        Args:
            wanted: Which topics.

        Yields:
            Messages.
        """
        yield from _parse(self._source.read(self._offset, self._stored), self._source, wanted, False)


def _unpack(data: bytes, compression: str, size: int) -> tuple[bytes, bool]:
    """Decompress what is there; also tell whether the compressed data came to their end."""
    if size > LARGEST_CHUNK:
        raise MemoryError(f"it claims to hold {size} bytes")
    if not compression:
        return data, True
    if compression == "zstd":
        stream = zstandard.ZstdDecompressor().decompressobj()
        pieces = []
        # In steps, so that what precedes damage is kept.
        for begin in range(0, len(data), 1 << 16):
            pieces.append(stream.decompress(data[begin : begin + (1 << 16)]))
            if stream.eof:
                break
        return b"".join(pieces), stream.eof
    if compression == "lz4":
        unpacker = lz4.frame.LZ4FrameDecompressor()
        out = unpacker.decompress(data, max_length=LARGEST_CHUNK)
        return out, bool(unpacker.eof)
    raise RuntimeError(f"compression '{compression}' is not known; known: zstd, lz4")


def _parse(data: bytes, source: _Source, wanted: Wanted, cut: bool) -> list[RawMessage]:
    channels = source.topics.channels
    choice: dict[int, Channel | None] = {}
    found: list[RawMessage] = []
    place, size, unknown, ordered, last = 0, len(data), 0, True, -1
    unpack, message_head = _HEAD.unpack_from, _MESSAGE.unpack_from
    take, raw = found.append, partial(tuple.__new__, RawMessage)
    while place + 9 <= size:
        opcode, length = unpack(data, place)
        begin, place = place + 9, place + 9 + length
        if place > size:
            break
        if opcode == MESSAGE and length >= 22:
            number, _, log_time, _ = message_head(data, begin)
            if number not in choice:
                channel = channels.get(number)
                unknown += channel is None
                choice[number] = channel if channel is not None and wanted(channel) else None
            chosen = choice[number]
            if chosen is not None:
                take(raw((log_time, chosen, data[begin + 22 : place])))
                if log_time < last:
                    ordered = False
                last = log_time
        elif opcode in (SCHEMA, CHANNEL):
            try:
                source.topics.learn(opcode, data[begin:place])
            except BrokenRecord as error:
                source.complain(f"a description of a topic is damaged: {error}")
        elif opcode == 0:
            break
    if place != size and not cut:
        source.complain(f"{abs(size - place)} bytes of a chunk are no records")
    if unknown:
        source.complain(f"messages of {unknown} topics that are described nowhere were left out")
    if not ordered:
        found.sort(key=lambda message: message.log_time)
    return found


@dataclass
class McapFile:
    """What the first pass over a file finds.

    Attributes:
        segments: Its pieces in order of the file.
        topics: Its topics.
        notes: Named values about the recording.
    """

    segments: list[Segment] = field(default_factory=list)
    topics: Topics = field(default_factory=Topics)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)


def scan_mcap(path: Path, complain: Complain) -> McapFile:
    """Look through a file without unpacking its chunks, unless topics are described inside them only.

    Args:
        path: The file; begins with the magic bytes of MCAP.
        complain: Told what is damaged or missing.

    Returns:
        What is in it.
    """
    found = McapFile()
    source = _Source(path, found.topics, complain)
    size = path.stat().st_size
    with path.open("rb") as file:
        index = _chunk_places(file, size)
        scanner = _Scanner(file, size, source, found, complain, max(index, default=0))
        place: int | None = len(MAGIC)
        while place is not None:
            stopped = scanner.run(place)
            place = None if stopped is None else next((start for start in index if start > stopped), None)
            if stopped is not None:
                if place is None:
                    complain(f"from byte {stopped} on ({size - stopped} bytes) nothing can be read")
                else:
                    complain(f"bytes {stopped} to {place} cannot be read")
    if not scanner.closed:
        complain("the recorder did not close it: there is no footer, and the last messages may be missing")
    if not (scanner.closed and found.topics.channels):
        _open_all(found)
    return found


def _open_all(found: McapFile) -> None:
    """Unpack every chunk for the descriptions of topics in it."""
    for segment in found.segments:
        if isinstance(segment, ChunkSegment):
            # Damage is complained about when the messages are read.
            quiet = replace(segment, _source=replace(segment._source, complain=lambda text: None))
            _parse(quiet.content(), quiet._source, lambda channel: False, quiet._cut)


def _chunk_places(file: BinaryIO, size: int) -> list[int]:
    """Read from the index, where there is one, where chunks begin; a way around damage."""
    if size < FOOTER_LENGTH:
        return []
    file.seek(size - FOOTER_LENGTH)
    footer = file.read(FOOTER_LENGTH)
    if footer[-len(MAGIC) :] != MAGIC or footer[0] != FOOTER:
        return []
    place = int.from_bytes(footer[9:17], "little")
    places = []
    while 0 < place <= size - 9:
        file.seek(place)
        opcode, length = _HEAD.unpack(file.read(9))
        if opcode == CHUNK_INDEX and length >= 24:
            places.append(int.from_bytes(file.read(24)[16:24], "little"))
        elif opcode in (0, FOOTER):
            break
        place += 9 + length
    return sorted(start for start in places if start < size)


class _Scanner:
    """Walks over the records of one file."""

    def __init__(
        self, file: BinaryIO, size: int, source: _Source, found: McapFile, complain: Complain, indexed: int
    ) -> None:
        self._file = file
        self._size = size
        self._source = source
        self._found = found
        self._complain = complain
        self._indexed = indexed
        self._run: RunSegment | None = None
        self.closed = False

    def run(self, place: int) -> int | None:
        """Walk on from a record.

        Args:
            place: Where it begins.

        Returns:
            Where records that make sense end; None at the end of the file.
        """
        while not self.closed and place < self._size:
            self._file.seek(place)
            head = self._file.read(9)
            if len(head) < 9:
                break
            opcode, length = _HEAD.unpack(head)
            end = place + 9 + length
            if opcode == 0:
                return place
            try:
                if end > self._size:
                    return self._cut_record(place, opcode, length)
                self._take(opcode, place, length)
            except BrokenRecord as error:
                self._complain(f"the record at byte {place} is damaged: {error}")
            place = end
        return None

    def _cut_record(self, place: int, opcode: int, length: int) -> int | None:
        """Take what there is of a record that reaches beyond the end of the file, unless more is known to follow."""
        if opcode != CHUNK or place < self._indexed:
            return place
        self._add_chunk(place, self._size - place - 9, cut=True)
        self._complain(
            f"the chunk at byte {place} was not finished: {self._size - place - 9} of {length} bytes are there"
        )
        return None

    def _take(self, opcode: int, place: int, length: int) -> None:
        if opcode != MESSAGE:
            self._run = None
        if opcode == CHUNK:
            self._add_chunk(place, length, cut=False)
        elif opcode == MESSAGE:
            self._add_message(place, length)
        elif opcode in (SCHEMA, CHANNEL, METADATA):
            if length > LARGEST_DEFINITION:
                raise BrokenRecord(f"{length} bytes are too many for a description")
            content = self._file.read(length)
            if opcode == METADATA:
                fields = _Fields(content)
                name, values = fields.text(), fields.block()
                notes = self._found.notes.setdefault(name, {})
                while not values.done:
                    key = values.text()
                    notes[key] = values.text()
            else:
                self._found.topics.learn(opcode, content)
        elif opcode == FOOTER:
            self._file.seek(place + 9 + length)
            self.closed = self._file.read(len(MAGIC)) == MAGIC

    def _add_chunk(self, place: int, length: int, cut: bool) -> None:
        self._file.seek(place + 9)
        head = self._file.read(min(length, _CHUNK.size + 4 + 64 + 8))
        fields = _Fields(head)
        start, end, size, crc = _CHUNK.unpack(fields.take(_CHUNK.size))
        compression = fields.text()
        stored = fields.number(8)
        before = _CHUNK.size + 4 + len(compression.encode()) + 8
        if before + stored > length and not cut:
            raise BrokenRecord("its content reaches beyond it")
        stored = min(stored, length - before)
        if stored:
            offset = place + 9 + before
            self._found.segments.append(
                ChunkSegment(start, end, self._source, offset, stored, size, crc, compression, cut)
            )

    def _add_message(self, place: int, length: int) -> None:
        if length < 22:
            raise BrokenRecord("a message is shorter than its head")
        log_time = _MESSAGE.unpack(self._file.read(22))[2]
        run = self._run
        if run is None or run._stored > RUN_BYTES:
            run = self._run = RunSegment(log_time, log_time, self._source, place, 0)
            self._found.segments.append(run)
        run.start, run.end = min(run.start, log_time), max(run.end, log_time)
        run._stored = place + 9 + length - run._offset
