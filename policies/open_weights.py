"""Where open models of others lie and run: always a local folder, never the network, never code from beside weights."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controllers.errors import InvalidValue, MissingModel, UnknownName

AUTO = "auto"
DEVICES = (AUTO, "cpu", "cuda")
KINDS = (AUTO, "float32", "float16", "bfloat16")


def check_place(device: str, kind: str) -> None:
    """Refuse places where no model runs.

    Args:
        device: "cpu", "cuda", or "auto" for a graphics card where there is one.
        kind: Precision: "float32", "float16", "bfloat16", or "auto" for bfloat16 on a graphics card, else float32.

    Raises:
        UnknownName: There is no such device or precision.
    """
    if device not in DEVICES:
        raise UnknownName("device", device, DEVICES)
    if kind not in KINDS:
        raise UnknownName("precision of weights", kind, KINDS)


def choose_place(device: str, kind: str) -> tuple[str, Any]:
    """Choose where a model runs on this computer.

    Args:
        device: As for `check_place`.
        kind: As for `check_place`.

    Returns:
        Device and type of numbers as torch names them.

    Raises:
        InvalidValue: A graphics card is asked for that torch cannot use.
    """
    import torch

    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise InvalidValue("the device 'cuda' is asked for, but torch finds no graphics card that it can use")
    device = device if device != AUTO else "cuda" if there else "cpu"
    kind = kind if kind != AUTO else "float32" if device == "cpu" else "bfloat16"
    return device, getattr(torch, kind)


def check_folder(folder: Path, file: str, what: str) -> None:
    """Refuse a folder without a model, and keep the libraries that read it off the network from here on.

    Args:
        folder: Where it should be.
        file: Name of the file that every such folder has.
        what: What is looked for, such as "model".

    Raises:
        MissingModel: The file is not there.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if not (folder / file).is_file():
        raise MissingModel(
            f"there is no {what} in '{folder}' (no {file}); nothing is downloaded here: fetch it where there is a "
            "network, with 'hf download NAME --local-dir DIR'"
        )


def check_whole(folder: Path, found: Mapping[str, Any]) -> None:
    """Refuse a model of `transformers` that lacks weights: the library goes on with random numbers in their place.

    Args:
        folder: Where it lies.
        found: What the library told with `output_loading_info`.

    Raises:
        InvalidValue: A weight is missing, or of another shape.
    """
    lost = sorted(map(str, found["missing_keys"])) + sorted(map(str, found["mismatched_keys"]))
    if lost:
        raise InvalidValue(f"'{folder}' lacks {len(lost)} of the weights of the model, such as {lost[0]}")


def first_line(error: Exception) -> str:
    """Shorten what a library says.

    Args:
        error: What it raised.

    Returns:
        Its first line, or its name where it says nothing.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
