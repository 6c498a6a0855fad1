"""Weights of a network and the vectors of sentences that it knows, as the arrays of one file."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

NETWORK, WORDS = "network.", "words."


def to_arrays(network: torch.nn.Module, trained: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Put both into one table.

    Args:
        network: The network.
        trained: Vectors of the sentences that it was trained on.

    Returns:
        Arrays by name.
    """
    weights = {NETWORK + name: tensor.numpy() for name, tensor in network.state_dict().items()}
    return weights | {WORDS + text: vector for text, vector in trained.items()}


def from_arrays(network: torch.nn.Module, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.float32]]:
    """Take both out again.

    Args:
        network: Gets the weights.
        arrays: What `to_arrays` returned, and perhaps more.

    Returns:
        Vectors of the sentences that it was trained on.

    Raises:
        RuntimeError: The weights are those of another network.
    """
    weights = {name.removeprefix(NETWORK): array for name, array in arrays.items() if name.startswith(NETWORK)}
    network.load_state_dict({name: torch.from_numpy(array).float() for name, array in weights.items()})
    return {name.removeprefix(WORDS): a.astype(np.float32) for name, a in arrays.items() if name.startswith(WORDS)}
