"""A trained video model: network, latent space and the sentences that it was trained on, in one file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from controllers.errors import InvalidValue
from policies.checkpoints import load_weights, save_arrays
from policies.text import SentenceEncoder, nearness
from policies.video.flow_network import PATCH, FlowNetwork, FlowNetworkConfig
from policies.video.latent_space import LatentSpace
from policies.video.worded_weights import from_arrays, to_arrays

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

SIZES = ("size", "frames", "rank", "width", "depth")
COMMAND = "pronk train video --variant in_domain|prior|union --data DIR,… --out DIR"


class FlowModel:
    """One member of an adapted video model.

    Attributes:
        network: The network.
        space: Where it imagines.
        steps_per_frame: Number of actions between two frames.
        trained: Vectors of the instructions that it was trained on.
    """

    def __init__(
        self, network: FlowNetwork, space: LatentSpace, steps_per_frame: int, trained: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        """Join the parts.

        Args:
            network: The network.
            space: Where it imagines.
            steps_per_frame: Number of actions between two frames.
            trained: Vectors of the instructions that it was trained on.

        Raises:
            InvalidValue: Network and space do not go together, or no frame takes a step.
        """
        if (network.config.rank, PATCH) != (space.codec.rank, space.codec.patch):
            raise InvalidValue(
                f"the network is made for {network.config.rank} numbers per patch of {PATCH} pixels, its latent space "
                f"has {space.codec.rank} per patch of {space.codec.patch}"
            )
        if steps_per_frame < 1:
            raise InvalidValue(f"steps_per_frame must be at least 1, got {steps_per_frame}")
        self.network, self.space, self.steps_per_frame = network, space, steps_per_frame
        self.trained = {text: np.asarray(vector, dtype=np.float32) for text, vector in trained.items()}

    def save(self, path: Path, texts: Mapping[str, str] | None = None) -> None:
        """Write it in half precision.

        Args:
            path: A safetensors file.
            texts: What goes with it, such as the command that made it.
        """
        arrays = to_arrays(self.network, self.trained)
        sizes = {name: str(getattr(self.network.config, name)) for name in SIZES}
        about = {**sizes, "steps_per_frame": str(self.steps_per_frame), **(texts or {})}
        save_arrays(path, {**arrays, **self.space.arrays()}, about, kind="F16")

    @classmethod
    def load(cls, path: Path, command: str = COMMAND) -> "FlowModel":
        """Read it.

        Args:
            path: A file that `save` wrote.
            command: What makes it where it is missing.

        Returns:
            The model.

        Raises:
            MissingModel: The file is not there.
            InvalidValue: It is damaged or holds another network.
        """
        arrays, texts = load_weights(path, command)
        try:
            network = FlowNetwork(FlowNetworkConfig(**{name: int(texts[name]) for name in SIZES}))
            trained = from_arrays(network.eval(), arrays)
            return cls(network, LatentSpace.of_arrays(arrays), int(texts["steps_per_frame"]), trained)
        except (KeyError, ValueError, RuntimeError) as error:
            raise InvalidValue(f"'{path}' holds no video model: {error}") from error

    @classmethod
    def random(cls, like: "FlowModel", seed: int) -> "FlowModel":
        """Make a model that knows nothing: a control for what a prior adds.

        Args:
            like: One of the same sizes in the same space.
            seed: Of its weights.

        Returns:
            The model.
        """
        torch.manual_seed(seed)
        network = FlowNetwork(like.network.config)
        # A network begins by telling that nothing changes; one that knows nothing tells changes of usual size.
        torch.nn.init.normal_(network.leave.weight, std=0.3 * like.network.config.width**-0.5)
        return cls(network.eval(), like.space, like.steps_per_frame, {})

    @torch.no_grad()
    def see(self, images: Image) -> torch.Tensor:
        """Look at the present, once for all steps of a sampler.

        Args:
            images: Shape (B, S, S, 3).

        Returns:
            Features for `tell`.
        """
        picture = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 255.0
        return self.network.see(picture)

    @torch.no_grad()
    def tell(self, noisy: Array, time: float, seen: torch.Tensor, text: Array, told: bool) -> Array:
        """Tell the clean future.

        Args:
            noisy: Changes with noise, shape (B, K * R, H, W).
            time: Share of noise.
            seen: What `see` made of the present.
            text: Vectors of the instructions, shape (B, 384).
            told: Whether the instruction is told or left out.

        Returns:
            Clean changes, shape (B, K * R, H, W).
        """
        count = len(noisy)
        share, say = torch.full((count,), time), torch.full((count,), float(told))
        answer = self.network(torch.from_numpy(noisy), share, seen, torch.from_numpy(text), say)
        return np.asarray(answer.numpy(), dtype=np.float32)

    def familiarity(self, vectors: Array) -> Array:
        """Tell how near sentences are to those that it was trained on.

        Args:
            vectors: Unit vectors, shape (N, 384).

        Returns:
            Greatest cosine with any of them, from 0 to 1, shape (N,).
        """
        return nearness(vectors, self.trained)


def encoder_of(models: Sequence[FlowModel]) -> SentenceEncoder:
    """Make an encoder that knows the sentences of models by heart.

    Args:
        models: Video models.

    Returns:
        The encoder.
    """
    return SentenceEncoder({text: vector for model in models for text, vector in model.trained.items()})
