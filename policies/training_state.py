"""The state of a training on disk: networks and optimiser, so that one that was stopped goes on as if it was not."""

from collections.abc import Mapping
from pathlib import Path

import torch

from controllers.errors import InvalidValue
from policies.checkpoints import load_arrays, save_arrays

STATE = "state.safetensors"
TRAINING, STEP = "training", "step"
# Moments of the two averages of AdamW, kept so that a training that goes on is the same training.
MOMENTS = ("exp_avg", "exp_avg_sq")

Weights = Mapping[str, torch.Tensor]


def save_training(
    folder: Path,
    training: str,
    step: int,
    networks: Mapping[str, Weights],
    optimiser: torch.optim.Optimizer,
    texts: Mapping[str, str] | None = None,
    kind: str = "F32",
) -> None:
    """Write the state; a reader never sees half of it.

    Args:
        folder: Of the training.
        training: What tells it from others: settings and data.
        step: Batches so far.
        networks: Weights by name of the network, which holds no dot.
        optimiser: AdamW.
        texts: What else is to be known.
        kind: Precision, as for `policies.checkpoints.save_arrays`.
    """
    arrays = {f"{part}.{name}": tensor.numpy() for part, own in networks.items() for name, tensor in own.items()}
    for i, state in optimiser.state_dict()["state"].items():
        arrays |= {f"{moment}.{i}": state[moment].numpy() for moment in MOMENTS}
    save_arrays(folder / STATE, arrays, {**(texts or {}), TRAINING: training, STEP: str(step)}, kind)


def load_training(
    folder: Path, training: str, optimiser: torch.optim.Optimizer
) -> tuple[int, dict[str, dict[str, torch.Tensor]], dict[str, str]] | None:
    """Read the state, and put the optimiser where it was.

    Args:
        folder: Of the training.
        training: What tells it from others.
        optimiser: AdamW of the same network, fresh.

    Returns:
        Batches so far, weights by name of the network, and texts; None where nothing was saved.

    Raises:
        InvalidValue: The folder holds another training, or its state is damaged.
    """
    if not (folder / STATE).exists():
        return None
    arrays, texts = load_arrays(folder / STATE)
    if texts.get(TRAINING) != training:
        raise InvalidValue(f"'{folder}' holds another training ({texts.get(TRAINING)}); choose another folder")
    networks: dict[str, dict[str, torch.Tensor]] = {}
    for full, array in arrays.items():
        part, _, name = full.partition(".")
        networks.setdefault(part, {})[name] = torch.from_numpy(array).float()
    step, saved = int(texts[STEP]), optimiser.state_dict()
    moments = [networks.pop(moment) for moment in MOMENTS]
    for i in range(sum(len(group["params"]) for group in optimiser.param_groups)):
        saved["state"][i] = {"step": torch.tensor(float(step))} | {
            moment: own[str(i)] for moment, own in zip(MOMENTS, moments, strict=True)
        }
    optimiser.load_state_dict(saved)
    return step, networks, texts
