"""Reads chosen fields of serialised messages at the places where the last message of the topic had them.

Building a whole message object costs more than all that is computed from it. Where the fields stand depends only on the
lengths of texts and lists before them, which hardly ever change within a topic: the places are found once, and each
further message only has to agree in those lengths. The format is CDR (OMG, formal/02-06-51, chapter 15) in either byte
order, with the type's own definition as the bag carries it.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
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
class _Layout:
    """Where the wanted fields of one message stand."""

    big: bool
    size: int = HEADER
    spans: list[tuple[int, int]] = field(default_factory=list)
    scalars: list[tuple[int, int, str, int]] = field(default_factory=list)
    arrays: list[tuple[int, np.dtype[Any], int, int]] = field(default_factory=list)
    texts: list[tuple[int, Any]] = field(default_factory=list)
    fixed: tuple[tuple[int, int, bytes], ...] = ()
    packed: struct.Struct = field(default_factory=lambda: struct.Struct("<"))
    order: tuple[int, ...] = ()

    def note_span(self, begin: int, end: int) -> None:
        if self.spans and self.spans[-1][1] >= begin:
            self.spans[-1] = (self.spans[-1][0], end)
        else:
            self.spans.append((begin, end))

    def finish(self, data: bytes) -> None:
        self.fixed = tuple((begin, end, data[begin:end]) for begin, end in self.spans)
        self.scalars.sort()
        form, place = [">" if self.big else "<"], 0
        for offset, size, code, _ in self.scalars:
            form.append(f"{offset - place}x{code}")
            place = offset + size
        self.packed = struct.Struct("".join(form))
        self.order = tuple(index for _, _, _, index in self.scalars)

    def fits(self, data: bytes) -> bool:
        if len(data) < self.size or data[1] != (0 if self.big else 1):
            return False
        return all(data[begin:end] == text for begin, end, text in self.fixed)

    def read(self, data: bytes, count: int) -> list[Any]:
        values: list[Any] = [None] * count
        for index, value in zip(self.order, self.packed.unpack_from(data), strict=True):
            values[index] = value
        for index, kind, length, offset in self.arrays:
            values[index] = np.frombuffer(data, kind, length, offset)
        for index, text in self.texts:
            values[index] = text
        return values


class MessageReader:
    """Reads the wanted fields of the messages of one type."""

    def __init__(self, types: Mapping[str, Fields], name: str, wanted: Sequence[str]) -> None:
        """Take the definition.

        Args:
            types: Fields by type, that of the message and those that it uses.
            name: Type of the messages.
            wanted: Fields, such as "header.stamp.sec"; numbers, texts, and lists of either.
        """
        self._types = types
        self._name = name
        self._wanted = {path: index for index, path in enumerate(wanted)}
        self._layouts: list[_Layout] = []

    def read(self, data: bytes) -> list[Any]:
        """Read one message.

        Args:
            data: Its bytes.

        Returns:
            The wanted fields in the order in which they were asked for; lists of numbers as arrays that must not be
            changed.

        Raises:
            InvalidValue: The bytes are no message of this type, or the type lacks a field.
        """
        for layout in self._layouts:
            if layout.fits(data):
                return layout.read(data, len(self._wanted))
        layout = self._find(data)
        self._layouts = [layout, *self._layouts[: REMEMBERED - 1]]
        return layout.read(data, len(self._wanted))

    def _find(self, data: bytes) -> _Layout:
        if len(data) < HEADER or data[0] != 0 or data[1] not in (0, 1):
            raise InvalidValue(f"{self._name}: {len(data)} bytes that do not begin as plain CDR does")
        layout = _Layout(big=data[1] == 0)
        walk = _Walk(data, layout, self._types, self._wanted)
        walk.message(self._name, "", 0)
        missing = sorted(self._wanted.keys() - walk.met)
        if missing:
            raise InvalidValue(f"{self._name} has no field '{missing[0]}'")
        layout.size = walk.place
        layout.finish(data)
        return layout


class _Walk:
    """One pass over a message that notes where things stand."""

    def __init__(self, data: bytes, layout: _Layout, types: Mapping[str, Fields], wanted: Mapping[str, int]) -> None:
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
                self.met.add(path)
                self._layout.arrays.append((self._wanted[path], np.dtype(self._sign + code), length, begin))
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
            self._layout.scalars.append((begin, size, code, self._wanted[path]))

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
