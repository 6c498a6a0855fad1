"""SQLite files of rosbag2, read without writing to them, and row by row where they are damaged."""

import heapq
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.replay.segments import Channel, Complain, RawMessage, Wanted

MAGIC = b"SQLite format 3\x00"
# Rows of a damaged file come in the order of writing; this many are held back to put them in order of time.
REORDERED_ROWS = 2000
LARGEST_ID = 1 << 40


def open_database(path: Path) -> sqlite3.Connection:
    """Open a file for reading only.

    Args:
        path: The file.

    Returns:
        The connection. What a killed recorder left in the write-ahead log beside the file is read as well.
    """
    # Without a log nothing is to be written beside the file, which may lie in a folder that is read-only.
    logged = path.with_name(path.name + "-wal").exists()
    database = sqlite3.connect(f"{path.absolute().as_uri()}?{'mode=ro' if logged else 'immutable=1'}", uri=True)
    # Otherwise SQLite refuses a file that was cut as a whole; nothing can be written all the same.
    database.execute("PRAGMA writable_schema=ON")
    return database


def page_sizes(path: Path) -> tuple[int, int]:
    """Read how large a file's pages and the whole file should be.

    Args:
        path: The file.

    Returns:
        Both sizes [bytes].
    """
    with path.open("rb") as file:
        head = file.read(100).ljust(100, b"\0")
    page = int.from_bytes(head[16:18], "big")
    page = 65536 if page == 1 else max(page, 512)
    return page, page * int.from_bytes(head[28:32], "big")


def leave_broken_page(path: Path, folder: Path) -> Path:
    """Copy a file that was cut within a page up to that page, which SQLite would fill with zeros and believe.

    Args:
        path: The file.
        folder: Where the copy goes.

    Returns:
        The copy, or the file itself where it ends with a page.
    """
    page, expected = page_sizes(path)
    size = path.stat().st_size
    left = size - size % page
    if size >= expected or left == size:
        return path
    target = folder / f"whole-pages-{path.name}"
    with path.open("rb") as source, target.open("wb") as copy:
        while left and (piece := source.read(min(left, 1 << 20))):
            copy.write(piece)
            left -= len(piece)
    return target


@dataclass
class SqliteFile:
    """One file as a segment of its bag.

    Attributes:
        start: Time of its first message [ns].
        channels: Topics by id.
    """

    path: Path
    complain: Complain
    start: int = 0
    channels: dict[int, Channel] = field(default_factory=dict)
    _damaged: bool = False

    @classmethod
    def scan(cls, path: Path, complain: Complain) -> "SqliteFile | None":
        """Look at the topics of a file.

        Args:
            path: The file; begins with the magic bytes of SQLite.
            complain: Told what is damaged or missing.

        Returns:
            The file; None where not even its topics can be read.
        """
        found = cls(path, complain)
        found._damaged = found._is_cut()
        try:
            with closing(open_database(path)) as database:
                found._learn(database)
                found.start = found._first(database)
        except (sqlite3.Error, ValueError) as error:
            complain(f"its topics cannot be read: {error}")
            return None
        return found

    def _is_cut(self) -> bool:
        _, expected = page_sizes(self.path)
        size = self.path.stat().st_size
        if size < expected:
            self.complain(f"the file was cut: {size} of {expected} bytes are there")
        return size < expected

    def _learn(self, database: sqlite3.Connection) -> None:
        definitions: dict[str, tuple[str, str]] = {}
        try:
            rows = database.execute("SELECT topic_type, encoding, encoded_message_definition FROM message_definitions")
            definitions = {str(kind): (str(text), str(encoding)) for kind, encoding, text in rows}
        except sqlite3.Error:
            # Before ROS 2 Iron bags did not carry definitions.
            pass
        for number, name, kind in database.execute("SELECT id, name, type FROM topics ORDER BY id"):
            text, encoding = definitions.get(str(kind), ("", ""))
            self.channels[int(number)] = Channel(str(name), str(kind), text, encoding)

    def _first(self, database: sqlite3.Connection) -> int:
        try:
            row = database.execute("SELECT min(timestamp) FROM messages").fetchone()
            return int(row[0]) if row and isinstance(row[0], int) else 0
        except sqlite3.Error:
            self._damaged = True
            return 0

    def messages(self, wanted: Wanted) -> Iterator[RawMessage]:
        """Yield messages in order of time.

        Args:
            wanted: Which topics.

        Yields:
            Messages; those of a damaged file as far as its rows can be read.
        """
        chosen = {number: channel for number, channel in self.channels.items() if wanted(channel)}
        if not chosen:
            return
        with closing(open_database(self.path)) as database:
            last: int | None = None
            if not self._damaged:
                try:
                    for row in _rows(database, chosen):
                        message = _message(row[1:], chosen)
                        if message is not None:
                            last = message.log_time
                            yield message
                    return
                except sqlite3.Error as error:
                    self.complain(f"rows are damaged: {error}")
            for message in _in_order(self._salvage(database, chosen)):
                if last is None or message.log_time > last:
                    yield message

    def _salvage(self, database: sqlite3.Connection, chosen: dict[int, Channel]) -> Iterator[RawMessage]:
        """Read row after row, and jump over those that cannot be read."""
        last, previous, step, lost = 0, 0, 1, 0
        while last < LARGEST_ID:
            try:
                query = "SELECT id, timestamp, topic_id, data FROM messages WHERE id > ? ORDER BY id"
                for row in database.execute(query, (last,)):
                    if not isinstance(row[0], int):
                        continue
                    lost += max(row[0] - previous - 1, 0)
                    last, previous, step = row[0], row[0], 1
                    message = _message(row[1:], chosen)
                    if message is not None:
                        yield message
                break
            except sqlite3.Error:
                # Steps that double find the next page that is whole without asking for every row in between.
                last, step = last + step, 2 * step
        if lost:
            self.complain(f"{lost} rows are lost")
        if last >= LARGEST_ID:
            self.complain(f"the rows behind number {previous} are lost")


def _rows(database: sqlite3.Connection, chosen: dict[int, Channel]) -> Iterator[tuple[Any, ...]]:
    marks = ",".join("?" * len(chosen))
    query = f"SELECT id, timestamp, topic_id, data FROM messages WHERE topic_id IN ({marks}) ORDER BY timestamp, id"
    yield from database.execute(query, tuple(chosen))


def _message(row: tuple[Any, ...], chosen: dict[int, Channel]) -> RawMessage | None:
    time, topic, data = row
    channel = chosen.get(topic) if isinstance(topic, int) else None
    if channel is None or not isinstance(time, int) or not isinstance(data, bytes):
        return None
    return RawMessage(time, channel, data)


def _in_order(messages: Iterator[RawMessage]) -> Iterator[RawMessage]:
    held: list[tuple[int, int, RawMessage]] = []
    for place, message in enumerate(messages):
        heapq.heappush(held, (message.log_time, place, message))
        if len(held) > REORDERED_ROWS:
            yield heapq.heappop(held)[2]
    while held:
        yield heapq.heappop(held)[2]
