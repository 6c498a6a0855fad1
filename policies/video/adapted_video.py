"""Imagines futures with one or two flow models: the sampler of a rectified flow, with probabilistic adaptation."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.text import SentenceEncoder
from policies.video.adaptation import Adaptation, published_mixture
from policies.video.flow_model import FlowModel, encoder_of

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

MOST_STEPS = 8
SAME = 1e-6


class AdaptedVideo:
    """A `policies.video.planner.VideoModel`.

    The sampler goes from noise (t = 1) to a clean future (t = 0) in equal Euler steps of the flow's velocity (x_t - x)
    / t (Liu et al. 2023, arXiv 2209.03003).
    """

    def __init__(
        self,
        in_domain: FlowModel | None,
        prior: FlowModel | None,
        adaptation: Adaptation,
        steps: int = 4,
        encoder: SentenceEncoder | None = None,
        temperature: float = 1.0,
    ) -> None:
        """Join models.

        Args:
            in_domain: Knows the camera; None where its weights in the adaptation are zero.
            prior: Knows tasks; likewise.
            adaptation: How they are added up.
            steps: Of the sampler.
            encoder: Of instructions; None for one that knows those of the models by heart.
            temperature: Size of the noise that a future begins with: 1 draws from what the models learned, less draws
                nearer to its middle, which is more exact and less diverse.

        Raises:
            InvalidValue: A model is missing, the two do not imagine in the same space, or a number is out of range.
        """
        if not 1 <= steps <= MOST_STEPS:
            raise InvalidValue(f"a sampler takes 1 to {MOST_STEPS} steps, got {steps}")
        if not 0.0 <= temperature <= 1.0:
            raise InvalidValue(f"the temperature of a sampler must lie in [0, 1], got {temperature}")
        w = adaptation.weights
        parts = (
            ("in-domain model", in_domain, (w.in_domain, w.in_domain_told)),
            ("prior", prior, (w.prior, w.prior_told)),
        )
        self._parts: list[tuple[FlowModel, tuple[float, float]]] = []
        for name, model, weights in parts:
            if any(weights):
                if model is None:
                    raise InvalidValue(f"the adaptation '{adaptation.form}' needs the {name}, got none")
                self._parts.append((model, weights))
        models = [model for model, _ in self._parts]
        if not models:
            raise InvalidValue(f"the adaptation '{adaptation.form}' with alpha {adaptation.alpha} asks no model at all")
        first = models[0]
        for other in models[1:]:
            mine, theirs = first.space.arrays(), other.space.arrays()
            same = first.network.config == other.network.config and first.steps_per_frame == other.steps_per_frame
            if not same or any(
                mine[k].shape != theirs[k].shape or np.abs(mine[k] - theirs[k]).max() > SAME for k in mine
            ):
                raise InvalidValue("models that are added up must have the same sizes, frames and latent space")
        self.size, self.steps_per_frame = first.network.config.size, first.steps_per_frame
        self._space, self._config, self._steps = first.space, first.network.config, steps
        self._total, self._temperature = w.total, np.float32(temperature)
        self._encoder = encoder or encoder_of(models)

    def imagine(self, images: Image, instructions: Sequence[str], rngs: Sequence[np.random.Generator]) -> Image:
        """Imagine futures.

        Args:
            images: The present, shape (B, size, size, 3).
            instructions: B of them.
            rngs: One for each, for the noise that its future begins with.

        Returns:
            Imagined frames, shape (B, K, size, size, 3).
        """
        config, side = self._config, self.size // self._space.codec.patch
        shape = (config.frames * config.rank, side, side)
        noisy = self._temperature * np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in rngs])
        text = self._encoder.encode(instructions)
        seen = [model.see(images) for model, _ in self._parts]
        times = np.linspace(1.0, 0.0, self._steps + 1)
        for time, after in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
            mixed = np.zeros_like(noisy)
            for (model, weights), look in zip(self._parts, seen, strict=True):
                for weight, told in zip(weights, (False, True), strict=True):
                    if weight:
                        mixed += np.float32(weight) * model.tell(noisy, time, look, text, told)
            if abs(self._total - 1.0) > SAME:
                # At t = 1 nothing is left of the future: a published sum is taken half a step later.
                mixed = published_mixture(self._total, mixed, noisy, min(time, 1.0 - 0.5 / self._steps))
            noisy = noisy + np.float32((after - time) / time) * (noisy - mixed)
        return self._space.frames(images, noisy)

    def familiarity(self, instruction: str) -> float:
        """Tell how near an instruction is to those that the models were trained on.

        Args:
            instruction: What is to be done.

        Returns:
            Greatest cosine with any of them, from 0 to 1.
        """
        vector = self._encoder.encode((instruction,))
        return max(float(model.familiarity(vector)[0]) for model, _ in self._parts)
