"""Behaviour cloning from the same demonstrations: what a planner must be better than."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from controllers.errors import InvalidValue
from policies.checkpoints import load_weights, save_arrays
from policies.text import WIDTH as TEXT_WIDTH
from policies.text import SentenceEncoder, nearness
from policies.video.clips import refuse_novel
from policies.video.fitting import Fit, FitConfig, FitProgress
from policies.video.inverse_model import to_tensor
from policies.video.inverse_training import split
from policies.video.planner import Plan, check_request
from policies.video.worded_weights import from_arrays, to_arrays
from sim.episodes import Episode

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

BEST = "cloning.safetensors"
COMMAND = "pronk train cloning --data DIR,… --out DIR"
SIZES = ("size", "frames", "width", "steps_per_frame")
# Displacements are told in this unit [m].
UNIT_M = 0.03
VALIDATION = 256


class CloningNetwork(nn.Module):
    """The convolutions of inverse dynamics on one picture, with the instruction beside them."""

    def __init__(self, size: int, frames: int, width: int) -> None:
        """Build it with random weights.

        Args:
            size: Width and height of the pictures [pixel].
            frames: Intervals that are told at once, K.
            width: Number of coordinates that actions displace, D.
        """
        super().__init__()
        self.frames, self.width = frames, width
        edge = torch.linspace(-1.0, 1.0, size)
        self.register_buffer("place", torch.stack(torch.meshgrid(edge, edge, indexing="ij")), persistent=False)
        layers: list[nn.Module] = []
        for a, b in ((5, 32), (32, 64), (64, 96), (96, 128)):
            layers += [nn.Conv2d(a, b, 4 if a == 5 else 3, 2, 1), nn.GroupNorm(8, b), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * (size // 16) ** 2, 256))
        self.text = nn.Linear(TEXT_WIDTH, 256)
        self.head = nn.Sequential(nn.SiLU(), nn.Linear(256, 256), nn.SiLU(), nn.Linear(256, frames * (width + 1)))
        self.to(memory_format=torch.channels_last)

    def forward(self, picture: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tell what the expert would do.

        Args:
            picture: Shape (B, 3, size, size), in [0, 1].
            text: Vectors of the instructions, shape (B, 384).

        Returns:
            Displacements, shape (B, K, D), and logits of closing, shape (B, K).
        """
        seen = self.body(torch.cat([picture - 0.5, self.place.expand(len(picture), -1, -1, -1)], dim=1))
        told = self.head(seen + self.text(text)).view(len(picture), self.frames, self.width + 1)
        return told[..., :-1], told[..., -1]


class Cloner:
    """A `policies.video.planner.Planner` that imagines nothing: its frames all show the present."""

    def __init__(self, network: CloningNetwork, steps_per_frame: int, trained: Mapping[str, npt.NDArray[Any]]) -> None:
        """Join the parts.

        Args:
            network: The network.
            steps_per_frame: Number of actions in an interval.
            trained: Vectors of the instructions that it was trained on.
        """
        self.network, self.steps_per_frame, self.trained = (
            network,
            steps_per_frame,
            {text: np.asarray(vector, dtype=np.float32) for text, vector in trained.items()},
        )
        self.size = int(network.place.shape[-1])
        self._encoder = SentenceEncoder(self.trained)

    def plan(self, image: Image, instruction: str, rng: np.random.Generator) -> Plan:
        """Plan for one picture.

        Args:
            image: The present, shape (size, size, 3).
            instruction: What is to be done.
            rng: Not used.

        Returns:
            The plan.

        Raises:
            InvalidValue: The picture or the instruction cannot be planned from.
        """
        return self.plan_all(image[None], (instruction,), (rng,))[0]

    @torch.no_grad()
    def plan_all(self, images: Image, instructions: Sequence[str], rngs: Sequence[np.random.Generator]) -> list[Plan]:
        """Plan for several worlds at once.

        Args:
            images: Shape (B, size, size, 3).
            instructions: B of them.
            rngs: Not used.

        Returns:
            B plans.

        Raises:
            InvalidValue: A picture or an instruction cannot be planned from.
        """
        check_request(images, instructions, rngs, self.size)
        text = self._encoder.encode(instructions)
        move, grip = self.network(to_tensor(images), torch.from_numpy(text))
        near = nearness(text, self.trained)
        frames = np.repeat(images[:, None], self.network.frames + 1, axis=1)
        displacement, closing = move.double().numpy() * UNIT_M, torch.sigmoid(grip).double().numpy()
        return [
            Plan(frames[i], d, np.zeros_like(d), closing[i], self.steps_per_frame, float(near[i]))
            for i, d in enumerate(displacement)
        ]

    def save(self, path: Path, texts: Mapping[str, str] | None = None) -> None:
        """Write it in half precision.

        Args:
            path: A safetensors file.
            texts: What goes with it, such as the command that made it.
        """
        arrays = to_arrays(self.network, self.trained)
        values = (self.size, self.network.frames, self.network.width, self.steps_per_frame)
        sizes = {name: str(value) for name, value in zip(SIZES, values, strict=True)}
        save_arrays(path, arrays, {**sizes, **(texts or {})}, kind="F16")

    @classmethod
    def load(cls, path: Path) -> "Cloner":
        """Read it.

        Args:
            path: A file that `save` wrote.

        Returns:
            The policy.

        Raises:
            MissingModel: The file is not there.
            InvalidValue: It is damaged or holds another network.
        """
        arrays, texts = load_weights(path, COMMAND)
        try:
            size, frames, width, steps = (int(texts[name]) for name in SIZES)
            network = CloningNetwork(size, frames, width)
            words = from_arrays(network, arrays)
        except (KeyError, ValueError, RuntimeError) as error:
            raise InvalidValue(f"'{path}' holds no cloned policy: {error}") from error
        return cls(network.eval(), steps, words)


@dataclass(frozen=True)
class CloningConfig:
    """Settings of a training.

    Attributes:
        fit: Batches, learning rate, seed.
        frames: Intervals that are told at once.
        steps_per_frame: Actions in an interval.
        tint: Greatest relative change of each colour.
        shift: Greatest shift [pixel].
        held_out: One episode in this many is kept for validation.
    """

    fit: FitConfig = field(default_factory=lambda: FitConfig(batch=64))
    frames: int = 2
    steps_per_frame: int = 5
    tint: float = 0.1
    shift: int = 1
    held_out: int = 12


class CloningTraining:
    """A training in a folder."""

    def __init__(
        self,
        episodes: Sequence[Episode],
        camera: str,
        config: CloningConfig,
        folder: Path,
        command: str = "",
        start: Cloner | None = None,
        favoured: tuple[str, float] | None = None,
        own: Sequence[str] = (),
    ) -> None:
        """Begin, or go on where the folder's last training was.

        Args:
            episodes: Demonstrations of one world.
            camera: Which pictures.
            config: Settings.
            folder: For weights and state.
            command: What trains like this, for the weights.
            start: A policy to go on from; None for random weights.
            favoured: A task, and its share of what is learned from; None draws all states evenly.
            own: Behaviours whose episodes of novel tasks may be learned from, as a robot's own successes.

        Raises:
            InvalidValue: A novel task is among the episodes, there are too few, the policy to go on from has another
                size, or the folder holds another training.
        """
        refuse_novel((episode.info for episode in episodes), own)
        train, kept = split(episodes, config.held_out)
        self.config, self.folder, self._command = config, folder, command
        encoder = SentenceEncoder()
        texts = sorted({episode.info.instruction for episode in episodes})
        vectors = dict(zip(texts, encoder.encode(texts), strict=True))
        self._train, self._held_out = (_Decisions(part, camera, config, vectors) for part in (train, kept))
        torch.manual_seed(config.fit.seed)
        network = CloningNetwork(train[0].images[camera].shape[1], config.frames, self._train.move.shape[2])
        if start is not None:
            sizes, theirs = ((m.frames, m.width, m.place.shape[-1]) for m in (network, start.network))
            if (*sizes, config.steps_per_frame) != (*theirs, start.steps_per_frame):
                raise InvalidValue(
                    f"a policy to go on from must tell {config.frames} intervals of {config.steps_per_frame} steps for "
                    f"pictures and actions like those of the episodes, got {(*theirs, start.steps_per_frame)}, need "
                    f"{(*sizes, config.steps_per_frame)}"
                )
            network.load_state_dict(start.network.state_dict())
        self._favoured = None if favoured is None else (self._train.task == favoured[0], favoured[1])
        self.model = Cloner(network, config.steps_per_frame, vectors)
        name = f"{config} {camera} {len(self._train.images)} pictures"
        self._fit = Fit(network, self._loss, self._error, self._keep, config.fit, folder, name)

    @property
    def step(self) -> int:
        """Batches so far."""
        return self._fit.step

    def run(self) -> Iterator[FitProgress]:
        """Train to the end.

        Yields:
            What is known after each validation.

        Raises:
            InvalidValue: The loss is not finite any more; the weights of the last validation are kept.
        """
        yield from self._fit.run()

    def _loss(self, rng: np.random.Generator) -> torch.Tensor:
        chosen = rng.integers(0, len(self._train.images), self.config.fit.batch)
        if self._favoured is not None and self._favoured[0].any():
            of_task, share = self._favoured
            is_own = rng.uniform(size=len(chosen)) < share
            for own, choice in ((is_own, np.flatnonzero(of_task)), (~is_own, np.flatnonzero(~of_task))):
                chosen[own] = rng.choice(choice if len(choice) else np.arange(len(of_task)), int(own.sum()))
        return self._compare(self._train, chosen, rng)

    @torch.no_grad()
    def _error(self) -> float:
        chosen = np.random.default_rng(0).integers(0, len(self._held_out.images), VALIDATION)
        return float(self._compare(self._held_out, chosen, None))

    def _compare(
        self, data: "_Decisions", chosen: npt.NDArray[np.int64], rng: np.random.Generator | None
    ) -> torch.Tensor:
        images = data.images[chosen]
        if rng is not None:
            images = changed(images, rng, self.config.tint, self.config.shift)
        move, grip = self.model.network(to_tensor(images), torch.from_numpy(data.text[chosen]))
        error = functional.smooth_l1_loss(move, torch.from_numpy(data.move[chosen]), beta=0.1)
        return error + 0.2 * functional.binary_cross_entropy_with_logits(grip, torch.from_numpy(data.closing[chosen]))

    def _keep(self, error: float) -> None:
        self.model.save(self.folder / BEST, {"command": self._command, "error": f"{error:.6f}"})


def changed(images: Image, rng: np.random.Generator, tint: float, shift: int) -> Image:
    """Tint and shift pictures, each by itself.

    Args:
        images: Shape (B, S, S, 3).
        rng: Draws the changes.
        tint: Greatest relative change of each colour.
        shift: Greatest shift [pixel]; edges are repeated.

    Returns:
        Shape (B, S, S, 3).
    """
    count, size = images.shape[:2]
    rows, columns = (
        np.clip(np.arange(size) + rng.integers(-shift, shift + 1, (count, 1)), 0, size - 1) for _ in range(2)
    )
    moved = images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    colour = rng.uniform(1.0 - tint, 1.0 + tint, (count, 1, 1, 3)).astype(np.float32)
    return np.asarray(np.clip(moved * colour + 0.5, 0.0, 255.0), dtype=np.uint8)


class _Decisions:
    """Every state of demonstrations with what was done next."""

    def __init__(
        self, episodes: Sequence[Episode], camera: str, config: CloningConfig, vectors: Mapping[str, Array]
    ) -> None:
        has_gripper = any(name.startswith("gripper") for name in episodes[0].info.pose_names)
        width = episodes[0].action.shape[1] - has_gripper
        images, moves, closings, texts, tasks = [], [], [], [], []
        for episode in episodes:
            last = episode.info.steps
            # The first interval is always a true one, as for the video model.
            starts = np.arange(max(last + 1 - config.steps_per_frame, 1))
            corners = np.minimum(starts[:, None] + config.steps_per_frame * np.arange(config.frames + 1), last)
            place = episode.pose[:, :width]
            moves.append(np.diff(place[corners], axis=1) / UNIT_M)
            command = 0.5 * (episode.action[:, -1] + 1.0) if has_gripper else np.zeros(last, np.float32)
            closed = np.concatenate([[0.0], np.cumsum(command)])
            steps = np.maximum(np.diff(corners, axis=1), 1)
            mean = np.diff(closed[corners], axis=1) / steps
            # Where nothing follows, the last command stays.
            closings.append(np.where(np.diff(corners, axis=1) > 0, mean, command[-1]))
            images.append(episode.images[camera][starts])
            tasks.append(np.repeat(episode.info.task, len(starts)))
            texts.append(np.repeat(vectors[episode.info.instruction][None], len(starts), axis=0))
        self.images, self.text = np.concatenate(images), np.concatenate(texts).astype(np.float32)
        self.task = np.concatenate(tasks)
        self.move = np.concatenate(moves).astype(np.float32)
        self.closing = np.clip(np.concatenate(closings), 0.0, 1.0).astype(np.float32)
