"""Large open video models, as the library `diffusers` runs them, behind the protocol of our own.

Any of its pipelines that makes a video of a picture and words will do (Wan, LTX, CogVideoX, HunyuanVideo, I2VGen-XL,
…): what a pipeline takes is read from its signature. It is read from a local folder; nothing is downloaded.

Such a model imagines by itself; it cannot be a prior of `policies.video.adaptation`. Adaptation adds up what two models
predict at every step of one sampler, which means something only where both predict the same thing: the same frames, in
the same latent space, under the same noise. Ours live in the small space of `policies.video.latent_space`; a pipeline
has an encoder, a number of frames and a schedule of noise of its own. (The published adaptation chose its in-domain
model's space and schedule to be those of its prior.) What an open model knows can be brought over by its videos: those
that it imagines are videos like others, from which a prior in our space can be trained.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from controllers.errors import InvalidValue, UnknownName
from policies.open_weights import AUTO, check_folder, check_place, first_line
from policies.text import SentenceEncoder, nearness
from policies.video.open_pipeline import INDEX, SPARSE, check_pipeline, load_pipeline
from policies.video.planner import check_request

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

OPEN = "open"
SETTINGS = "pronk.json"
MOST_STEPS = 100
WORDS = "{instruction}"
# How far beyond [0, 1] rounding may lead.
SLACK = 1e-3


@dataclass(frozen=True)
class OpenVideoConfig:
    """How an open model is asked.

    Attributes:
        size: Width and height of our pictures [pixel].
        frames: Imagined frames of a plan, evenly out of those that the pipeline makes.
        steps_per_frame: Number of actions between two of them; at the speed of the videos that the model knows, which
            nobody can tell for us.
        produced: Frames that the pipeline makes, the present included; 0 for as many as it usually does.
        height: Of its pictures [pixel]; 0 for its usual one.
        width: Likewise. Ours are square: they are put into the middle, and their edges are continued.
        steps: Of its sampler; few are fast, and enough for models that were distilled for it.
        guidance: Strength of the words; None for the pipeline's own.
        avoided: What is not to be seen ("negative prompt"); empty for nothing.
        template: What the model is told; "{instruction}" stands for the instruction.
        known: Instructions that it was finetuned on, from which familiarity is told.
        device: "cpu", "cuda", or "auto" for a graphics card where there is one.
        kind: Precision: "float32", "float16", "bfloat16", or "auto" for bfloat16 on a graphics card, else float32.
        variant: Of the weights' files, such as "fp16"; empty for the plain ones.
    """

    size: int = 64
    frames: int = 8
    steps_per_frame: int = 5
    produced: int = 0
    height: int = 0
    width: int = 0
    steps: int = 8
    guidance: float | None = None
    avoided: str = ""
    template: str = WORDS
    known: tuple[str, ...] = ()
    device: str = AUTO
    kind: str = AUTO
    variant: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be asked.

        Raises:
            InvalidValue: A setting is of the wrong kind or out of range.
            UnknownName: There is no such device or precision.
        """
        object.__setattr__(self, "known", tuple(self.known))
        wholes = {"size": 8, "frames": 1, "steps_per_frame": 1, "produced": 0, "height": 0, "width": 0, "steps": 1}
        for name, least in wholes.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InvalidValue(f"OpenVideoConfig.{name} must be a whole number of at least {least}, got {value!r}")
        if self.steps > MOST_STEPS:
            raise InvalidValue(f"OpenVideoConfig.steps must be at most {MOST_STEPS}, got {self.steps}")
        if 0 < self.produced <= self.frames:
            raise InvalidValue(
                f"OpenVideoConfig.produced must be more than frames ({self.frames}), since the present is one of them, "
                f"got {self.produced}"
            )
        if self.guidance is not None and not (np.isfinite(self.guidance) and 0.0 <= self.guidance <= 100.0):
            raise InvalidValue(f"OpenVideoConfig.guidance must lie in [0, 100], got {self.guidance}")
        if WORDS not in self.template:
            raise InvalidValue(f"OpenVideoConfig.template must hold '{WORDS}', got '{self.template}'")
        if not all(isinstance(text, str) and text.strip() for text in self.known):
            raise InvalidValue(f"OpenVideoConfig.known must be sentences, got {self.known}")
        check_place(self.device, self.kind)

    @classmethod
    def read(cls, folder: Path) -> "OpenVideoConfig":
        """Read the settings that lie beside a model.

        Args:
            folder: Where "pronk.json" may be: an object with the names of the attributes.

        Returns:
            The settings; the usual ones where there is no such file.

        Raises:
            InvalidValue: The file cannot be read, or a setting is out of range.
            UnknownName: There is no such setting.
        """
        path = folder / SETTINGS
        if not path.is_file():
            return cls()
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidValue(f"'{path}' cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise InvalidValue(f"'{path}' must hold one object, got {type(found).__name__}")
        names = [field.name for field in fields(cls)]
        for name in found:
            if name not in names:
                raise UnknownName(f"setting in '{path}'", name, names)
        try:
            return cls(**found)
        except (TypeError, AttributeError) as error:
            raise InvalidValue(f"'{path}' holds a setting of the wrong kind: {error}") from error


class OpenVideo:
    """A `policies.video.planner.VideoModel`.

    Each future is drawn by a call of its own with a generator of its own, so that it does not depend on who else plans;
    what a pipeline draws beside its generator is seeded too. The same seed gives the same future on the same device.
    """

    def __init__(
        self, pipeline: Any, config: OpenVideoConfig | None = None, encoder: SentenceEncoder | None = None
    ) -> None:
        """Take a pipeline.

        Args:
            pipeline: Of `diffusers`, loaded.
            config: How it is asked.
            encoder: Of instructions, for familiarity.

        Raises:
            InvalidValue: It does not make a video of a picture and words, or nobody says how large its pictures are.
        """
        self.config = config or OpenVideoConfig()
        self.size, self.steps_per_frame = self.config.size, self.config.steps_per_frame
        self._pipeline, self._name = pipeline, type(pipeline).__name__
        self._picture, self._taken = check_pipeline(type(pipeline))
        self._height, self._width = (self._side(name) for name in ("height", "width"))
        self._encoder = encoder or SentenceEncoder()
        self._known: dict[str, npt.NDArray[np.float32]] | None = None

    @classmethod
    def load(cls, folder: Path, config: OpenVideoConfig | None = None) -> "OpenVideo":
        """Load a pipeline.

        Args:
            folder: What `save_pretrained` wrote, or a snapshot of a hub; only safetensors are read, never code.
            config: How it is asked; None for what "pronk.json" in the folder says.

        Returns:
            The model.

        Raises:
            MissingModel: There is no pipeline in the folder, or a package is not installed.
            InvalidValue: It is not of the right kind, or not whole.
            UnknownName: "pronk.json" holds a setting that there is not.
        """
        check_folder(folder, INDEX, "pipeline of a video model")
        chosen = config or OpenVideoConfig.read(folder)
        pipeline = load_pipeline(folder, chosen.device, chosen.kind, chosen.variant)
        return cls(pipeline, chosen)

    def imagine(self, images: Image, instructions: Sequence[str], rngs: Sequence[np.random.Generator]) -> Image:
        """Imagine futures.

        Args:
            images: The present, shape (B, size, size, 3).
            instructions: B of them.
            rngs: One for each, from which its generator is seeded.

        Returns:
            Imagined frames, shape (B, K, size, size, 3).

        Raises:
            InvalidValue: The request is none, the pipeline refuses it, or answers with nonsense such as NaN.
        """
        check_request(images, instructions, rngs, self.size)
        return np.stack(
            [self._draw(*each) for each in zip(images, instructions, rngs, strict=True)],
        )

    def familiarity(self, instruction: str) -> float:
        """Tell how near an instruction is to those that the model is known to know.

        Args:
            instruction: What is to be done.

        Returns:
            Greatest cosine with any of those that it was finetuned on, from 0 to 1. Where none is named it is 0: nobody
            has shown that a model of the whole world knows this camera and this arm.
        """
        plain = " ".join(instruction.split())
        texts = [" ".join(text.split()) for text in self.config.known]
        if not texts or plain in texts:
            return float(bool(texts))
        if self._known is None:
            self._known = dict(zip(texts, self._encoder.encode(texts), strict=True))
        return float(nearness(self._encoder.encode((plain,)), self._known)[0])

    def _side(self, name: str) -> int:
        usual = self._taken[name].default if name in self._taken else None
        value = getattr(self.config, name) or usual
        if not isinstance(value, int):
            raise InvalidValue(f"{self._name} does not say how large its pictures are: set OpenVideoConfig.{name}")
        return value

    def _draw(self, image: Image, instruction: str, rng: np.random.Generator) -> Image:
        import torch

        seed, c = int(rng.integers(2**63)), self.config
        picture = Pillow.fromarray(fit_picture(image, self._height, self._width))
        told: dict[str, Any] = {
            "prompt": c.template.replace(WORDS, instruction),
            "num_inference_steps": c.steps,
            "generator": torch.Generator("cpu").manual_seed(seed),
            "output_type": "np",
            self._picture: [picture] if self._picture == SPARSE else picture,
        }
        told |= {"controlnet_frame_indices": [0]} if self._picture == SPARSE else {}
        told |= {"num_frames": c.produced} if c.produced else {}
        wished = {
            "height": self._height,
            "width": self._width,
            "guidance_scale": c.guidance,
            "negative_prompt": c.avoided or None,
        }
        for name, value in wished.items():
            if value is not None and name in self._taken:
                told[name] = value
        try:
            # Some pipelines encode the picture with chance of their own.
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                found = self._pipeline(**told).frames
        except (ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise InvalidValue(f"{self._name} cannot imagine: {first_line(error)}") from error
        return self._frames(np.asarray(found))

    def _frames(self, found: npt.NDArray[Any]) -> Image:
        shape, wanted = found.shape, (self._height, self._width, 3)
        if found.ndim != 5 or shape[0] != 1 or shape[2:] != wanted or not np.issubdtype(found.dtype, np.floating):
            raise InvalidValue(
                f"{self._name} must answer with numbers of shape (1, frames, {', '.join(map(str, wanted))}), got "
                f"{found.dtype} {shape}: choose a height and width that it takes"
            )
        if shape[1] <= self.config.frames:
            raise InvalidValue(
                f"{self.config.frames} frames cannot be picked out of the {shape[1]} of {self._name}, since the first "
                "is the present: set OpenVideoConfig.produced"
            )
        # The sum is finite where all are; a picture with a hole is no plan.
        if not np.isfinite(found.sum(dtype=np.float64)):
            raise InvalidValue(f"{self._name} imagined something that is not finite (NaN), which nobody can follow")
        if found.min() < -SLACK or found.max() > 1.0 + SLACK:
            raise InvalidValue(
                f"{self._name} must answer with brightness in [0, 1], got [{found.min():.3g}, {found.max():.3g}]"
            )
        picked = np.rint(np.linspace(0.0, shape[1] - 1.0, self.config.frames + 1)).astype(int)[1:]
        wide = np.rint(255.0 * np.clip(found[0, picked], 0.0, 1.0)).astype(np.uint8)
        return np.stack([cut_picture(frame, self.size) for frame in wide])


def fit_picture(image: Image, height: int, width: int) -> Image:
    """Put a square picture into the middle of another without distorting it, and continue its edges.

    Args:
        image: Shape (S, S, 3).
        height: Wanted [pixel].
        width: Wanted [pixel].

    Returns:
        Shape (height, width, 3).
    """
    side = min(height, width)
    inner = np.asarray(Pillow.fromarray(image).resize((side, side), Pillow.Resampling.BICUBIC))
    top, left = (height - side) // 2, (width - side) // 2
    return np.pad(inner, ((top, height - side - top), (left, width - side - left), (0, 0)), mode="edge")


def cut_picture(image: Image, size: int) -> Image:
    """Take the square out of the middle again.

    Args:
        image: Shape (H, W, 3).
        size: Width and height of the result [pixel].

    Returns:
        Shape (size, size, 3).
    """
    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    inner = Pillow.fromarray(image[top : top + side, left : left + side])
    return np.asarray(inner.resize((size, size), Pillow.Resampling.BICUBIC))
