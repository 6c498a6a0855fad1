"""Weights as safetensors files, without torch; what is loaded is what was saved, or nothing."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, MissingModel, UnknownName
from sim.tensor_file import read_tensors, write_tensors

Array = npt.NDArray[np.float64]

KINDS = {"F64": np.float64, "F32": np.float32, "F16": np.float16}
HASH = "hash"


def save_arrays(
    path: Path, arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str] | None = None, kind: str = "F64"
) -> None:
    """Write arrays and their hash; a reader never sees half a file.

    Args:
        path: File; its folder is made.
        arrays: Arrays by name, of any shape.
        metadata: Texts that go with them, such as the command that made them.
        kind: Precision: "F64", "F32" or "F16".

    Raises:
        UnknownName: There is no such precision.
        InvalidValue: A number is too large for the precision.
    """
    if kind not in KINDS:
        raise UnknownName("precision of weights", kind, KINDS)
    with np.errstate(over="ignore"):
        kept = {name: np.asarray(array).astype(KINDS[kind]) for name, array in arrays.items()}
    for name, array in kept.items():
        if kind != "F64" and not np.isfinite(array).all() and np.isfinite(arrays[name]).all():
            raise InvalidValue(f"'{name}' holds a number that is too large for {kind}")
    write_tensors(path, kept, {**(metadata or {}), HASH: fingerprint(kept)})


def load_arrays(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Read arrays.

    Args:
        path: A safetensors file with numbers of half, single or double precision.

    Returns:
        Arrays by name, in double precision, and the texts that go with them.

    Raises:
        InvalidValue: The file is missing, cut off, of another kind, or its contents are not those of its hash.
    """
    tensors, metadata = read_tensors(path, KINDS)
    arrays = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    wanted = metadata.pop(HASH, None)
    if wanted is not None and wanted != (found := fingerprint(arrays)):
        raise InvalidValue(f"'{path}' is damaged: its hash is {found}, it should be {wanted}")
    return arrays, metadata


def load_weights(path: Path, command: str) -> tuple[dict[str, Array], dict[str, str]]:
    """Read arrays that a command makes.

    Args:
        path: A safetensors file.
        command: What makes it.

    Returns:
        Arrays by name, in double precision, and the texts that go with them.

    Raises:
        MissingModel: The file is not there; the message names the command.
        InvalidValue: It is damaged.
    """
    if not path.is_file():
        raise MissingModel(f"the weights '{path}' are missing; this makes them: {command}")
    return load_arrays(path)


def fingerprint(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
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
