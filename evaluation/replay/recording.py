"""A bag of any kind that rosbag2 writes, whole or damaged, as one stream of messages in order of recording."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import yaml
import zstandard

from controllers.errors import InvalidValue
from evaluation.replay import mcap_segments, sqlite_segments
from evaluation.replay.mcap_segments import scan_mcap
from evaluation.replay.segments import Channel, Complain, RawMessage, Segment, Wanted, merge
from evaluation.replay.sqlite_segments import SqliteFile, leave_broken_page
from sim.case_files import YAML_FAILURES

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
METADATA = "metadata.yaml"
SUFFIXES = (".mcap", ".db3", ".mcap.zstd", ".db3.zstd")
# A message that says that it unpacks to more is damaged.
LARGEST_MESSAGE = 1 << 28
STEP = 1 << 20


@dataclass(frozen=True)
class _Promise:
    """What `metadata.yaml` says."""

    files: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)


class Recording(AbstractContextManager["Recording"]):
    """A bag that is open for reading; nothing is written to it.

    Attributes:
        path: Folder or file.
        damages: What is damaged or missing, as far as it has been noticed; complete after the last message.
        notes: Named values about the recording.
        counts: Messages read so far, by topic.
        late: Messages read so far that were recorded before one that had been read already.
    """

    def __init__(self, path: Path) -> None:
        """Look through a bag.

        Args:
            path: Folder of a bag, or one of its files.

        Raises:
            InvalidValue: There is nothing that can be read.
        """
        self.path = path
        self.damages: list[str] = []
        self.notes: dict[str, dict[str, str]] = {}
        self.counts: dict[str, int] = {}
        self.late = 0
        self._segments: list[Segment] = []
        self._channels: dict[Channel, None] = {}
        self._lost_messages = 0
        self._folder: TemporaryDirectory[str] | None = None
        self._promise = _Promise()
        try:
            for file in self._files():
                self._scan(file)
        except BaseException:
            self.close()
            raise
        if not self._channels:
            self.close()
            raise InvalidValue(f"'{path}' is no bag that can be read: {'; '.join(self.damages) or 'it is empty'}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Remove what was unpacked; calling it twice is harmless."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The topics, each once for each type that it has."""
        return tuple(self._channels)

    def messages(self, wanted: Wanted = lambda channel: True) -> Iterator[RawMessage]:
        """Read the messages.

        Args:
            wanted: Which topics; all others are not even unpacked.

        Yields:
            Messages in order of recording.
        """
        self.counts, self.late = {}, 0
        chosen = {channel.topic for channel in self._channels if wanted(channel)}
        last, counts = 0, self.counts
        for message in merge(self._segments, wanted):
            log_time, channel, data = message
            if data.startswith(ZSTD_MAGIC):
                unpacked = _unpack_message(data)
                if unpacked is None:
                    self._lost_messages += 1
                    continue
                message = RawMessage(log_time, channel, unpacked)
            if log_time < last:
                self.late += 1
            else:
                last = log_time
            topic = channel.topic
            counts[topic] = counts.get(topic, 0) + 1
            yield message
        self._settle(chosen)

    def _settle(self, chosen: set[str]) -> None:
        """Compare what was read with what was promised."""
        if self._lost_messages:
            self._complain("", f"{self._lost_messages} messages cannot be unpacked")
        if self.late:
            self._complain("", f"{self.late} messages are not in order of recording")
        for topic, promised in self._promise.counts.items():
            read = self.counts.get(topic, 0)
            if topic in chosen and read < promised:
                self._complain("", f"{topic}: {METADATA} promises {promised} messages, {read} were read")

    def _complain(self, name: str, text: str) -> None:
        line = f"{name}: {text}" if name else text
        if line not in self.damages:
            self.damages.append(line)

    def _files(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        if not self.path.is_dir():
            raise InvalidValue(f"'{self.path}' does not exist")
        there = {file.name: file for file in self.path.iterdir() if file.name.endswith(SUFFIXES) and file.is_file()}
        self._promise = self._read_promise()
        files = []
        for name in self._promise.files:
            if name in there:
                files.append(there.pop(name))
            else:
                self._complain("", f"{name}, which {METADATA} lists, is missing")
        # rosbag2 numbers the files of a bag without leading zeros.
        rest = sorted(there.values(), key=lambda file: (len(file.name), file.name))
        if self._promise.files:
            for file in rest:
                self._complain("", f"{file.name} is not listed in {METADATA}; it is read all the same")
        if not files and not rest:
            raise InvalidValue(
                f"'{self.path}' is no bag: there is no file named {' or '.join(f'*{s}' for s in SUFFIXES)}"
            )
        return files + rest

    def _read_promise(self) -> _Promise:
        path = self.path / METADATA
        if not path.is_file():
            self._complain("", f"{METADATA} is missing: the recorder was killed, or the file was lost")
            return _Promise()
        try:
            tree: Any = yaml.safe_load(path.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
            files = tuple(Path(str(name)).name for name in tree["relative_file_paths"])
            counts: dict[str, int] = {}
            for row in tree["topics_with_message_count"]:
                counts[str(row["topic_metadata"]["name"])] = int(row["message_count"])
            return _Promise(files, counts)
        except YAML_FAILURES as error:
            self._complain("", f"{METADATA} is damaged and not used: {_first_line(error)}")
            return _Promise()

    def _scan(self, path: Path) -> None:
        name = path.name

        def complain(text: str) -> None:
            self._complain(name, text)

        with path.open("rb") as file:
            head = file.read(16)
        if head[:4] == ZSTD_MAGIC:
            path = self._unpack(path, complain)
            with path.open("rb") as file:
                head = file.read(16)
        if head[:8] == mcap_segments.MAGIC:
            found = scan_mcap(path, complain)
            self._segments += found.segments
            self._channels |= dict.fromkeys(found.topics.channels.values())
            for key, values in found.notes.items():
                self.notes.setdefault(key, {}).update(values)
        elif head == sqlite_segments.MAGIC:
            database = SqliteFile.scan(leave_broken_page(path, self._scratch()), complain)
            if database is not None:
                self._segments.append(database)
                self._channels |= dict.fromkeys(database.channels.values())
        else:
            complain("it is empty" if not head else "it is neither MCAP nor SQLite")

    def _scratch(self) -> Path:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="pronk-replay-")
        return Path(self._folder.name)

    def _unpack(self, path: Path, complain: Complain) -> Path:
        """Unpack a file that was compressed as a whole, as far as it goes."""
        target = self._scratch() / f"{len(self._segments)}-{path.stem}"
        stream = zstandard.ZstdDecompressor().decompressobj()
        with path.open("rb") as packed, target.open("wb") as plain:
            try:
                while piece := packed.read(STEP):
                    plain.write(stream.decompress(piece))
                    if stream.eof:
                        break
            except zstandard.ZstdError as error:
                complain(f"it can be unpacked only in part ({error})")
            else:
                if not stream.eof:
                    complain("its compressed content was cut; what comes before the cut is read")
        return target


def _unpack_message(data: bytes) -> bytes | None:
    try:
        stream = zstandard.ZstdDecompressor().decompressobj()
        out = stream.decompress(data)
    except (zstandard.ZstdError, MemoryError):
        return None
    return out if stream.eof and len(out) <= LARGEST_MESSAGE else None


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
