"""Reads chosen fields of serialised messages at the places where the last message of the topic had them.

Building a whole message object costs more than all that is computed from it. Where the fields stand depends only on the
lengths of texts and lists before them, which hardly ever change within a topic: the places are found once, and each
further message only has to agree in those lengths. Messages of one layout are rows of one table of bytes, from which
their numbers are taken column by column. The format is CDR (OMG, formal/02-06-51, chapter 15) in either byte order,
with the type's own definition as the bag carries it.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rosbags.interfaces import Nodetype

from controllers.errors import InvalidValue

# Fields of a type: name and description, as `rosbags` gives them.
Fields = Sequence[tuple[str, Any]]
SIZES = {
    **{"bool": ("?", 1), "byte": ("B", 1), "char": ("B", 1), "int8": ("b", 1), "uint8": ("B", 1)},
    **{"int16": ("h", 2), "uint16": ("H", 2), "int32": ("i", 4), "uint32": ("I", 4)},
    **{"int64": ("q", 8), "uint64": ("Q", 8), "float32": ("f", 4), "float64": ("d", 8)},
}
HEADER = 4
# More layouts than this in one topic are no layouts but noise.
REMEMBERED = 4
LARGEST_DEPTH = 30


@dataclass
class Layout:
    """Where the wanted fields of one message stand.

    Attributes:
        lengths: Number of elements of each wanted field of type float64, in the order in which they were asked for.
    """

    big: bool
    lengths: tuple[int, ...] = ()
    spans: list[tuple[int, int]] = field(default_factory=list)
    plain: list[tuple[int, int, str, int]] = field(default_factory=list)
    floats: list[tuple[int, int, int]] = field(default_factory=list)
    texts: list[tuple[int, Any]] = field(default_factory=list)
    _size: int = HEADER
    _fixed: struct.Struct = field(default_factory=lambda: struct.Struct("<"))
    _expected: tuple[bytes, ...] = ()
    _scalars: struct.Struct = field(default_factory=lambda: struct.Struct("<"))
    _pieces: list[tuple[int, int]] = field(default_factory=list)
    _order: tuple[int, ...] = ()
    _template: tuple[Any, ...] = ()
    _gather: npt.NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp))

    def note_span(self, begin: int, end: int) -> None:
        """Remember bytes that a message of this layout has as well."""
        if self.spans and self.spans[-1][1] >= begin:
            self.spans[-1] = (self.spans[-1][0], end)
        else:
            self.spans.append((begin, end))

    def finish(self, data: bytes, size: int) -> None:
        """Prepare reading, once all fields are noted.

        Args:
            data: The message in which they were found.
            size: Its length without stray bytes behind it.
        """
        self._size = size
        sign = ">" if self.big else "<"
        form, place = [sign], 0
        for begin, end in [(0, 2), *self.spans]:
            form.append(f"{begin - place}x{end - begin}s")
            place = end
        self._fixed = struct.Struct("".join(form))
        self._expected = self._fixed.unpack_from(data)
        form, place = [sign], 0
        for begin, length, code, _ in sorted(self.plain):
            form.append(f"{begin - place}x{code}")
            place = begin + length
        self._scalars = struct.Struct("".join(form))
        # Places among the values that are not float64: scalars as they stand in the message, then texts.
        asked = sorted([row[3] for row in self.plain] + [index for index, _ in self.texts])
        met = [row[3] for row in sorted(self.plain)] + [index for index, _ in self.texts]
        self._order = tuple(met.index(index) for index in asked)
        self._template = tuple(value for _, value in self.texts)
        self.lengths = tuple(length for _, length, _ in sorted(self.floats))
        places = [(begin - HEADER) // 8 + np.arange(length) for _, length, begin in sorted(self.floats)]
        self._gather = np.concatenate(places).astype(np.intp) if places else np.empty(0, dtype=np.intp)
        # The same in bytes; what stands side by side is taken in one piece.
        for _, length, begin in sorted(self.floats):
            if self._pieces and self._pieces[-1][1] == begin:
                self._pieces[-1] = (self._pieces[-1][0], begin + 8 * length)
            elif length:
                self._pieces.append((begin, begin + 8 * length))

    def fits(self, data: bytes) -> bool:
        """Tell whether a message has this layout."""
        return len(data) >= self._size and self._fixed.unpack_from(data) == self._expected

    def read(self, data: bytes) -> "Values":
        """Read a message of this layout."""
        found = self._scalars.unpack_from(data) + self._template
        numbers = np.frombuffer(data, ">f8" if self.big else "<f8", (len(data) - HEADER) // 8, HEADER)
        # In a machine's own byte order, and free to be changed.
        gathered = numbers[self._gather]
        if self.big:
            gathered = gathered.astype(np.float64)
        return Values(tuple([found[place] for place in self._order]), gathered, self)

    def read_block(self, messages: Sequence[bytes]) -> "Block | None":
        """Read messages of one length, the first of which has this layout.

        Args:
            messages: One or more.

        Returns:
            Their fields; None where one of them has another layout.
        """
        size, joined = len(messages[0]), b"".join(messages)
        table = np.frombuffer(joined, np.uint8).reshape(-1, size)
        for begin, end in [(0, 2), *self.spans]:
            if (table[:, begin:end] != table[0, begin:end]).any():
                return None
        numbers = np.empty((len(messages), len(self._gather)))
        columns, place = numbers.view(np.uint8), 0
        for begin, end in self._pieces:
            columns[:, place : place + end - begin] = table[:, begin:end]
            place += end - begin
        if self.big:
            numbers.byteswap(inplace=True)
        rows = struct.Struct(f"{self._scalars.format}{size - self._scalars.size}x").iter_unpack(joined)
        plain = [row + self._template for row in rows]
        if self._order != tuple(range(len(self._order))):
            plain = [tuple([found[place] for place in self._order]) for found in plain]
        return Block(plain, numbers, self)


class Values(NamedTuple):
    """The wanted fields of one message.

    Attributes:
        plain: Fields that are not float64, in the order in which they were asked for.
        numbers: All fields of type float64, scalars and lists, one behind the other in that order.
        layout: Where they stood; the same object for messages of one layout.
    """

    plain: tuple[Any, ...]
    numbers: npt.NDArray[np.float64]
    layout: Layout


@dataclass
class Block:
    """The wanted fields of several messages of one layout.

    Attributes:
        plain: Of each message, as in `Values`.
        numbers: The same, one row for each message.
        layout: Where they stood.
    """

    plain: list[tuple[Any, ...]]
    numbers: npt.NDArray[np.float64]
    layout: Layout

    def __iter__(self) -> Iterator[Values]:
        """Yield the messages; their numbers are views."""
        # `Values(…)` itself would be a call of a Python function for each.
        return map(partial(tuple.__new__, Values), zip(self.plain, self.numbers, repeat(self.layout)))


class MessageReader:
    """Reads the wanted fields of the messages of one type."""

    def __init__(self, types: Mapping[str, Fields], name: str, wanted: Sequence[str]) -> None:
        """Take the definition.

        Args:
            types: Fields by type, that of the message and those that it uses.
            name: Type of the messages.
            wanted: Fields, such as "header.stamp.sec": numbers, texts, lists of texts, lists of float64.
        """
        self._types = types
        self._name = name
        self._wanted = {path: index for index, path in enumerate(wanted)}
        self._layouts: list[Layout] = []

    def read(self, data: bytes) -> Values:
        """Read one message.

        Args:
            data: Its bytes.

        Returns:
            The wanted fields.

        Raises:
            InvalidValue: The bytes are no message of this type, or the type lacks a field.
        """
        for layout in self._layouts:
            if layout.fits(data):
                return layout.read(data)
        layout = self._find(data)
        self._layouts = [layout, *self._layouts[: REMEMBERED - 1]]
        return layout.read(data)

    def read_block(self, messages: Sequence[bytes]) -> Block | None:
        """Read several messages at once, if they have one layout, which has been met before.

        Args:
            messages: Their bytes.

        Returns:
            What `read` makes of each; None where they must be read one by one.
        """
        if not messages or len(set(map(len, messages))) > 1:
            return None
        layout = next((known for known in self._layouts if known.fits(messages[0])), None)
        return None if layout is None else layout.read_block(messages)

    def _find(self, data: bytes) -> Layout:
        if len(data) < HEADER or data[0] != 0 or data[1] not in (0, 1):
            raise InvalidValue(f"{self._name}: {len(data)} bytes that do not begin as plain CDR does")
        layout = Layout(big=data[1] == 0)
        walk = _Walk(data, layout, self._types, self._wanted)
        walk.message(self._name, "", 0)
        missing = sorted(self._wanted.keys() - walk.met)
        if missing:
            raise InvalidValue(f"{self._name} has no field '{missing[0]}'")
        layout.finish(data, walk.place)
        return layout


class _Walk:
    """One pass over a message that notes where things stand."""

    def __init__(self, data: bytes, layout: Layout, types: Mapping[str, Fields], wanted: Mapping[str, int]) -> None:
        self._data = data
        self._layout = layout
        self._types = types
        self._wanted = wanted
        self._sign = ">" if layout.big else "<"
        self.place = HEADER
        self.met: set[str] = set()

    def message(self, name: str, path: str, depth: int) -> None:
        fields = self._types.get(name)
        if fields is None:
            raise InvalidValue(f"the bag does not define the type {name}")
        if depth > LARGEST_DEPTH:
            raise InvalidValue(f"{name} is nested too deeply")
        if not fields:
            # A message without fields has one byte.
            self._skip(1, 1)
        for field_name, description in fields:
            self._field(description, f"{path}.{field_name}" if path else field_name, depth)

    def _field(self, description: Any, path: str, depth: int) -> None:
        kind, detail = description
        if kind == Nodetype.NAME:
            self.message(detail, path, depth + 1)
        elif kind == Nodetype.BASE:
            if detail[0] in ("string", "wstring"):
                self._note_text(path, self._text(detail[0]))
            else:
                self._scalar(detail[0], path)
        else:
            inner, length = detail
            if kind == Nodetype.SEQUENCE:
                length = self._length()
            self._list(inner, length, path, depth)

    def _list(self, inner: Any, length: int, path: str, depth: int) -> None:
        kind, detail = inner
        if kind == Nodetype.BASE and detail[0] in ("string", "wstring"):
            if length > len(self._data):
                raise InvalidValue(f"{path}: a list of {length} texts in {len(self._data)} bytes")
            self._note_text(path, [self._text(detail[0]) for _ in range(length)])
        elif kind == Nodetype.BASE:
            code, size = _size(detail[0])
            # An empty list is not followed by the gap that would align its elements.
            begin = self._skip(length * size, size) if length else self.place
            if path in self._wanted:
                if code != "d":
                    raise InvalidValue(f"{path}: lists of {detail[0]} cannot be read")
                self.met.add(path)
                self._layout.floats.append((self._wanted[path], length, begin))
        else:
            if length > len(self._data):
                raise InvalidValue(f"{path}: a list of {length} messages in {len(self._data)} bytes")
            for _ in range(length):
                self._field(inner, f"{path}[]", depth + 1)

    def _scalar(self, kind: str, path: str) -> None:
        code, size = _size(kind)
        begin = self._skip(size, size)
        if path in self._wanted:
            self.met.add(path)
            if code == "d":
                self._layout.floats.append((self._wanted[path], 1, begin))
            else:
                self._layout.plain.append((begin, size, code, self._wanted[path]))

    def _note_text(self, path: str, value: Any) -> None:
        if path in self._wanted:
            self.met.add(path)
            self._layout.texts.append((self._wanted[path], value))

    def _length(self) -> int:
        begin = self._skip(4, 4)
        self._layout.note_span(begin, begin + 4)
        return int(struct.unpack_from(f"{self._sign}I", self._data, begin)[0])

    def _text(self, kind: str) -> str:
        length = self._length()
        begin = self._skip(length * (1 if kind == "string" else 2), 1)
        self._layout.note_span(begin, self.place)
        if kind == "wstring":
            return self._data[begin : self.place].decode("utf-16", errors="replace")
        return self._data[begin : max(self.place - 1, begin)].decode("utf-8", errors="replace")

    def _skip(self, size: int, alignment: int) -> int:
        begin = self.place + (HEADER - self.place) % alignment
        if begin + size > len(self._data):
            raise InvalidValue(f"the message ends after {len(self._data)} bytes, in the middle of a field")
        self.place = begin + size
        return begin


def _size(kind: str) -> tuple[str, int]:
    if kind not in SIZES:
        raise InvalidValue(f"fields of type {kind} cannot be read")
    return SIZES[kind]
