"""Reads and writes arrays as safetensors files, without torch.

The format is that of https://github.com/huggingface/safetensors: eight bytes with the length of a JSON header, the
header, and the numbers. Nothing in such a file is ever executed.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]

KINDS: dict[str, str] = {"F64": "<f8", "F32": "<f4"}
METADATA = "__metadata__"
# Headers are small; a larger number is no header.
LONGEST_HEADER = 1 << 20


def save_arrays(path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays; a reader never sees half a file.

    Args:
        path: File; its folder is made.
        arrays: Arrays by name, of any shape.
        metadata: Texts that go with them, such as the command that made them.
    """
    header: dict[str, Any] = {METADATA: dict(metadata or {})}
    blocks, offset = [], 0
    for name, array in arrays.items():
        block = np.ascontiguousarray(array, dtype="<f8").tobytes()
        shape = list(np.shape(array))
        header[name] = {"dtype": "F64", "shape": shape, "data_offsets": [offset, offset + len(block)]}
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(blocks))
    os.replace(draft, path)


def load_arrays(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Read arrays.

    Args:
        path: A safetensors file with numbers of single or double precision.

    Returns:
        Arrays by name, in double precision, and the texts that go with them.

    Raises:
        InvalidValue: The file is missing, cut off or of another kind.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidValue(f"weights '{path}' cannot be read: {error.strerror}") from error
    try:
        length = int.from_bytes(data[:8], "little")
        if len(data) < 8 or length > min(LONGEST_HEADER, len(data) - 8):
            raise ValueError("no header")
        header = json.loads(data[8 : 8 + length])
        metadata = {str(key): str(value) for key, value in header.pop(METADATA, {}).items()}
        body, arrays = data[8 + length :], {}
        for name, item in header.items():
            begin, end = item["data_offsets"]
            if item["dtype"] not in KINDS:
                raise ValueError(f"type {item['dtype']} of '{name}' is none of {', '.join(KINDS)}")
            if not 0 <= begin <= end <= len(body):
                raise ValueError(f"'{name}' is cut off")
            numbers = np.frombuffer(body[begin:end], dtype=KINDS[item["dtype"]])
            arrays[name] = numbers.reshape(item["shape"]).astype(np.float64)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidValue(f"'{path}' is no safetensors file that can be read: {error}") from error
    return arrays, metadata


def fingerprint(arrays: Mapping[str, Array]) -> str:
    """Name a set of arrays by its contents.

    Args:
        arrays: Arrays by name.

    Returns:
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name], dtype="<f8").tobytes())
    return digest.hexdigest()[:16]
