"""The reward network with its sentences and its calibration: what is saved, loaded and asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from controllers.errors import InvalidValue, MissingModel
from policies.checkpoints import load_arrays, load_weights, save_arrays
from policies.rewards.hop_network import NONE, Comparison, HopConfig, HopNetwork
from policies.text import WIDTH, SentenceEncoder

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

WEIGHTS = Path(__file__).parents[1] / "weights" / "reward.safetensors"
COMMAND = "pronk train reward --data DIR,… --out DIR"
CHUNK = 256


@dataclass(frozen=True)
class Calibration:
    """Makes logits of success and of fit into chances: σ((logit - shift) / temperature).

    Attributes:
        temperature: Of success.
        shift: Of success.
        threshold: Chance from which on the task counts as done.
        match_temperature: Of fit.
        match_shift: Of fit.
        deviation_scale: Factor on the deviations of hops.
    """

    temperature: float = 1.0
    shift: float = 0.0
    threshold: float = 0.5
    match_temperature: float = 1.0
    match_shift: float = 0.0
    deviation_scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what calibrates nothing.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name in ("temperature", "match_temperature", "deviation_scale"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise InvalidValue(f"Calibration.{name} must be finite and positive, got {getattr(self, name)}")
        if not (np.isfinite(self.shift) and np.isfinite(self.match_shift)):
            raise InvalidValue(f"Calibration.shift must be finite, got {self.shift} and {self.match_shift}")
        if not 0.0 < self.threshold < 1.0:
            raise InvalidValue(f"Calibration.threshold must lie in (0, 1), got {self.threshold}")

    def success(self, logit: Array) -> Array:
        """Tell the chance of success.

        Args:
            logit: Of the network, any shape.

        Returns:
            Chances, of the same shape.
        """
        return _sigmoid((logit - self.shift) / self.temperature)

    def match(self, logit: Array) -> Array:
        """Tell the chance that instruction, references and pictures belong together.

        Args:
            logit: Of the network, any shape.

        Returns:
            Chances, of the same shape.
        """
        return _sigmoid((logit - self.match_shift) / self.match_temperature)


@dataclass(frozen=True)
class Hops:
    """What the network says of Q questions, shape (Q,) each: hop, its deviation, logits of success and of fit."""

    hop: Array
    deviation: Array
    success: Array
    match: Array


class RewardModel:
    """Asks the network."""

    def __init__(
        self, network: HopNetwork, encoder: SentenceEncoder | None = None, calibration: Calibration | None = None
    ) -> None:
        """Put the parts together.

        Args:
            network: The network.
            encoder: Of instructions.
            calibration: Of chances; None for none.
        """
        self.network, self.encoder = network, encoder or SentenceEncoder()
        self.calibration = calibration or Calibration()

    @property
    def config(self) -> HopConfig:
        """Sizes of the network."""
        return self.network.config

    def calibrated(self, calibration: Calibration) -> "RewardModel":
        """Take another calibration.

        Args:
            calibration: It.

        Returns:
            The same network with it.
        """
        return RewardModel(self.network, self.encoder, calibration)

    def encode(self, pictures: Image) -> torch.Tensor:
        """Encode pictures.

        Args:
            pictures: Shape (N, size, size, 3).

        Returns:
            What the network compares, shape (N, C, size / 4, size / 4).
        """
        with torch.no_grad():
            parts = [
                self.network.encode(torch.from_numpy(np.ascontiguousarray(part)).permute(0, 3, 1, 2).float() / 255.0)
                for part in np.split(pictures, range(CHUNK, len(pictures), CHUNK))
            ]
        return torch.cat(parts)

    def ask(
        self, encoded: torch.Tensor, moments: npt.NDArray[np.int64], views: Sequence[int], sentence: npt.ArrayLike
    ) -> Hops:
        """Ask about moments that several cameras saw.

        Args:
            encoded: Pictures of all moments and cameras, in turn: row (moment x cameras + camera).
            moments: Before, after, start and goal of each question; -1 for none, shape (Q, 4).
            views: Numbers of the cameras that the rows are of.
            sentence: Vector of the instruction, zero for none, shape (384,).

        Returns:
            The answers.
        """
        count, told = len(views), []
        vector = torch.from_numpy(np.asarray(sentence, dtype=np.float32))
        for part in np.split(moments, range(CHUNK, len(moments), CHUNK)):
            rows = np.where(part[:, None] == NONE, NONE, part[:, None] * count + np.arange(count)[None, :, None])
            asked = Comparison(
                torch.from_numpy(rows.reshape(-1, 4)),
                torch.tensor(views).repeat(len(part)),
                torch.arange(len(part)).repeat_interleave(count),
                vector.expand(len(part), -1),
            )
            with torch.no_grad():
                answers = self.network(encoded, asked)
            told.append(torch.stack([answers.hop, answers.doubt, answers.success, answers.match]).double().numpy())
        hop, doubt, success, match = np.concatenate(told, axis=1)
        return Hops(hop, np.exp(doubt) * self.calibration.deviation_scale, success, match)

    def sentence(self, instruction: str) -> tuple[npt.NDArray[np.float32], float]:
        """Read an instruction.

        Args:
            instruction: What is to be done.

        Returns:
            Its vector, zero where it says nothing or cannot be read here; and how familiar it is, in [0, 1]: 1 for a
            known one, 0 for none.
        """
        plain = " ".join(instruction.split())
        if not plain:
            return np.zeros(WIDTH, dtype=np.float32), 0.0
        known = self.encoder.known
        try:
            vector = self.encoder.encode([plain])[0]
        except MissingModel:
            return np.zeros(WIDTH, dtype=np.float32), 0.0
        if plain in known or not known:
            return vector, 1.0
        near = max(float(vector @ other) for other in known.values())
        # Rewordings of a sentence lie above 0.7, sentences about something else below 0.4.
        return vector, float(np.clip((near - 0.3) / 0.4, 0.0, 1.0))

    def save(self, path: Path, texts: Mapping[str, str] | None = None) -> None:
        """Save network, sentences and calibration, in half precision.

        Args:
            path: File.
            texts: What goes with them, such as the command that made them.
        """
        arrays = {f"network.{name}": tensor.numpy() for name, tensor in self.network.state_dict().items()}
        arrays |= {f"sentence.{text}": vector for text, vector in self.encoder.known.items()}
        meta = {"network": json.dumps(asdict(self.config)), "calibration": json.dumps(asdict(self.calibration))}
        save_arrays(path, arrays, {**(texts or {}), **meta}, "F16")

    @classmethod
    def load(cls, path: Path | None = None) -> "RewardModel":
        """Load a model.

        Args:
            path: File of `save`; None for the shipped weights.

        Returns:
            The model.

        Raises:
            MissingModel: The file is not there; the message names the command that makes it.
            InvalidValue: It is damaged, or no reward model.
        """
        arrays, texts = load_weights(path or WEIGHTS, COMMAND)
        try:
            sizes, calibration = json.loads(texts["network"]), json.loads(texts["calibration"])
            network = HopNetwork(HopConfig(**{**sizes, "views": tuple(sizes["views"])}))
            state = {n[8:]: torch.from_numpy(a).float() for n, a in arrays.items() if n.startswith("network.")}
            network.load_state_dict(state)
            known = {name[9:]: array for name, array in arrays.items() if name.startswith("sentence.")}
            return cls(network.eval(), SentenceEncoder(known), Calibration(**calibration))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InvalidValue(f"'{path or WEIGHTS}' holds no reward model: {error}") from error


def recalibrate(path: Path, calibration: Calibration) -> None:
    """Put another calibration into a file.

    Args:
        path: File of `RewardModel.save`.
        calibration: What shall be in it.
    """
    _, texts = load_arrays(path)
    kept = {name: text for name, text in texts.items() if name not in ("network", "calibration")}
    RewardModel.load(path).calibrated(replace(calibration)).save(path, kept)


def _sigmoid(value: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(value, dtype=np.float64))))
