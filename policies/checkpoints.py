"""Weights as safetensors files, in double precision, without torch."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sim.tensor_file import read_tensors, write_tensors

Array = npt.NDArray[np.float64]

KINDS = ("F64", "F32")


def save_arrays(path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays; a reader never sees half a file.

    Args:
        path: File; its folder is made.
        arrays: Arrays by name, of any shape.
        metadata: Texts that go with them, such as the command that made them.
    """
    write_tensors(path, {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}, metadata)


def load_arrays(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Read arrays.

    Args:
        path: A safetensors file with numbers of single or double precision.

    Returns:
        Arrays by name, in double precision, and the texts that go with them.

    Raises:
        InvalidValue: The file is missing, cut off or of another kind.
    """
    tensors, metadata = read_tensors(path, KINDS)
    return {name: tensor.astype(np.float64) for name, tensor in tensors.items()}, metadata


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
