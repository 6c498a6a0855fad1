"""Reads and writes arrays of any kind as safetensors files, without a library and without executing anything.

The format is that of https://github.com/huggingface/safetensors: eight bytes with the length of a JSON header, the
header, and the numbers.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Tensor = npt.NDArray[Any]

KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}
METADATA = "__metadata__"
PART = ".part"
# Headers are small; a larger number is no header.
LONGEST_HEADER = 1 << 20


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays; a reader never sees half a file, even if this process or the machine dies.

    Args:
        path: File; its folder is made.
        tensors: Arrays by name, of any shape.
        metadata: Texts that go with them.

    Raises:
        InvalidValue: An array is of a kind that the format does not know.
        OSError: It cannot be written; what was there before stays.
    """
    header: dict[str, Any] = {METADATA: dict(metadata or {})}
    names = {np.dtype(kind): name for name, kind in KINDS.items()}
    blocks, offset = [], 0
    for name, tensor in tensors.items():
        array = np.asarray(tensor)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype not in names:
            raise InvalidValue(f"array '{name}' of type {array.dtype} is none of {', '.join(KINDS)}")
        block = array.tobytes()
        end = offset + len(block)
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [offset, end]}
        blocks.append(block)
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + PART)
    try:
        with draft.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.writelines(blocks)
            file.flush()
            # The name must not reach the disk before the contents do.
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def read_tensors(path: Path, kinds: Iterable[str] = tuple(KINDS)) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read arrays.

    Args:
        path: A safetensors file.
        kinds: Names of the types that are wanted.

    Returns:
        Arrays by name, of their own type, and the texts that go with them.

    Raises:
        InvalidValue: The file is missing, cut off or of another kind.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidValue(f"'{path}' cannot be read: {error.strerror}") from error
    wanted = tuple(kinds)
    try:
        header, metadata, begin = _header(data[: LONGEST_HEADER + 8], len(data))
        tensors = {}
        for name, item in header.items():
            first, last = (begin + offset for offset in item["data_offsets"])
            if item["dtype"] not in wanted:
                raise ValueError(f"type {item['dtype']} of '{name}' is none of {', '.join(wanted)}")
            if not begin <= first <= last <= len(data):
                raise ValueError(f"'{name}' is cut off")
            tensors[name] = np.frombuffer(data[first:last], dtype=KINDS[item["dtype"]]).reshape(item["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidValue(f"'{path}' is no safetensors file that can be read: {error}") from error
    return tensors, metadata


def read_metadata(path: Path) -> dict[str, str]:
    """Read the texts of a file alone, whatever its size, and check that it is whole.

    Args:
        path: A safetensors file.

    Returns:
        The texts.

    Raises:
        InvalidValue: The file is missing, cut off or of another kind.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST_HEADER + 8)
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise InvalidValue(f"'{path}' cannot be read: {error.strerror}") from error
    try:
        header, metadata, begin = _header(data, size)
        end = max((int(item["data_offsets"][1]) for item in header.values()), default=0)
        if begin + end > size:
            raise ValueError("the last array is cut off")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidValue(f"'{path}' is no safetensors file that can be read: {error}") from error
    return metadata


def _header(data: bytes, size: int) -> tuple[dict[str, Any], dict[str, str], int]:
    """Header without the texts, the texts, and where the numbers begin."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(LONGEST_HEADER, size - 8):
        raise ValueError("no header")
    header = json.loads(data[8 : 8 + length])
    metadata = {str(key): str(value) for key, value in header.pop(METADATA, {}).items()}
    return header, metadata, 8 + length
