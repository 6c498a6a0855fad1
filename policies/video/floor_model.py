"""A video model for a floor seen from above: something moves over it, and everything else stays as it is.

Pictures of small, sharp things that lie anywhere are hard for a small generative model: trained on the same videos as
this one, the rectified flow of `policies.video.flow_model` learned to take the robot away, and not where to draw it
anew. This model takes a video apart instead. A few convolutions tell what moves, where words send it and where it may
pass, all learned from videos without actions; the shortest way on that map is found by search, and the future is drawn
by moving what moves along it. What it cannot imagine: several things that move, or one that changes its looks. It does
not turn what it moves.

The network knows the names of things that it was told of. A sentence that names none of them goes by looks: those that
it probably speaks of are guessed from the looks of what it knows (`policies.video.named_looks`), and it is sent to what
looks like that.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from controllers.errors import InvalidValue
from policies.checkpoints import load_weights, save_arrays
from policies.text import SentenceEncoder, nearness
from policies.video.floor_network import CELL, FloorNetwork, FloorNetworkConfig
from policies.video.floor_ways import (
    BODY_CELLS,
    GOAL_CELLS,
    MOVES,
    SENT,
    find_way,
    length_of,
    middle_of,
    near,
    peaks_of,
)
from policies.video.inverse_model import to_tensor
from policies.video.named_looks import NamedLooks, names_among, to_lab, words_of
from policies.video.planner import check_request
from policies.video.worded_weights import from_arrays, to_arrays

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

COMMAND = "pronk train video --data DIR,… --camera top --out DIR"
SIZES = ("size", "channels", "meanings")
FRAMES = 8
# Where some words send it with this chance there is a thing, unless it looks like the floor, this near in L*a*b*.
THING, BARE = 0.1, 15.0
# So much like the known ones must a sentence be that names none of them, for which it is guessed what it speaks of; and
# from this chance on a guess is followed.
ALIKE, GUESSED = 0.35, 0.25
LOOKS = "looks."


class FloorModel:
    """A `policies.video.planner.VideoModel`.

    Attributes:
        network: Looks and reads.
        size: Width and height of the pictures [pixel].
        steps_per_frame: Number of actions between two frames.
        trained: Vectors of the instructions that it was trained on.
        pace: How far things move from frame to frame [pixel].
        looks: Of what instructions name, for those that name nothing it knows; None where too few are known.
    """

    def __init__(
        self,
        network: FloorNetwork,
        steps_per_frame: int,
        trained: Mapping[str, npt.NDArray[Any]],
        pace: float = 1.0,
        looks: Mapping[str, npt.ArrayLike] | None = None,
    ) -> None:
        """Join the parts.

        Args:
            network: The network.
            steps_per_frame: Number of actions between two frames.
            trained: Vectors of the instructions that it was trained on.
            pace: How far things move from frame to frame [pixel].
            looks: Of what some of these instructions name, coordinates of CIE L*a*b*, shape (3,) each.

        Raises:
            InvalidValue: No frame takes a step, the pace is not finite and positive, or looks are nonsense.
        """
        if steps_per_frame < 1:
            raise InvalidValue(f"steps_per_frame must be at least 1, got {steps_per_frame}")
        if not (math.isfinite(pace) and pace > 0.0):
            raise InvalidValue(f"the pace of a floor must be finite and positive, got {pace}")
        self.network, self.steps_per_frame, self.pace = network, steps_per_frame, pace
        self.size = network.config.size
        self.trained = {text: np.asarray(vector, dtype=np.float32) for text, vector in trained.items()}
        self.looks = NamedLooks(self.trained, looks) if looks else None
        self._names = names_among(list(self.trained))
        self._encoder = SentenceEncoder(self.trained)

    def imagine(self, images: Image, instructions: Sequence[str], rngs: Sequence[np.random.Generator]) -> Image:
        """Imagine futures; where nothing moves, or words send it nowhere, nothing will change.

        Args:
            images: The present, shape (B, size, size, 3).
            instructions: B of them.
            rngs: Not asked: there is no chance in it.

        Returns:
            Imagined frames, shape (B, 8, size, size, 3).

        Raises:
            InvalidValue: A picture or an instruction cannot be planned from.
        """
        check_request(images, instructions, rngs, self.size)
        futures = []
        for image, goal, mover, free, least in zip(images, *self._seek(images, instructions), strict=True):
            way, _ = find_way(goal, mover, free, least)
            still = np.repeat(image[None], FRAMES, axis=0)
            futures.append(still if way is None else _move(image, mover, self._places(way)))
        return np.stack(futures)

    def left(self, image: Image, instruction: str) -> tuple[float | None, float]:
        """Tell how far it is to where words send what moves.

        Args:
            image: The present, shape (size, size, 3).
            instruction: What is to be done.

        Returns:
            Length of the way [pixel], None where words send it nowhere, as where it has arrived; and how sure it is
            that words send it there, from 0 to 1.

        Raises:
            InvalidValue: The picture or the instruction cannot be planned from.
        """
        check_request(image[None], (instruction,), (None,), self.size)
        told, silent, passed, least = self._seek(image[None], (instruction,))
        way, sure = find_way(told[0], silent[0], passed[0], least[0])
        return None if way is None else CELL * length_of(way), sure

    def _seek(self, images: Image, instructions: Sequence[str]) -> tuple[Array, Array, Array, list[float]]:
        """See what the network sees, and what looks like the words where they are no names that it knows.

        Beside what `look` returns it tells for each from which chance on it is followed.
        """
        text = self._encoder.encode(instructions)
        told, silent, passed = self.look(images, text)
        least = [SENT] * len(images)
        if self.looks is not None:
            for i, instruction in enumerate(instructions):
                if not self._names & words_of(instruction):
                    told[i] = self._like(images[i], text[i], silent[i] >= MOVES)
                    least[i] = GUESSED
        return told, silent, passed, least

    def _like(self, image: Image, text: npt.NDArray[np.float32], mover: npt.NDArray[np.bool_]) -> Array:
        """Chances of each cell to belong to the thing that looks like what words probably name, shape (H, W)."""
        assert self.looks is not None
        chances = np.zeros(mover.shape)
        if float(nearness(text[None], self.trained)[0]) < ALIKE:
            return chances
        colours = to_lab(cell_means(image))
        bare = np.linalg.norm(colours - np.median(colours, axis=(0, 1)), axis=-1) < BARE
        likely = np.where(mover | bare, 0.0, self.things(image))
        places = peaks_of(likely, THING, GOAL_CELLS)
        if places:
            cells = tuple(np.round(places).astype(np.int64).T)
            rows, columns = np.indices(mover.shape)
            for (row, column), chance in zip(
                places, self.looks.chances(text, colours[cells], likely[cells]), strict=True
            ):
                close = np.maximum(np.abs(rows - row), np.abs(columns - column)) <= 1.0
                chances[close & ~mover] = chance
        return chances

    @torch.no_grad()
    def things(self, image: Image) -> Array:
        """See where anything is that words can send to.

        Args:
            image: Shape (size, size, 3).

        Returns:
            Greatest chance that any of the known instructions gives a cell, shape (size / 2, size / 2).
        """
        self.network.eval()
        cells, words = self.network.see(to_tensor(image[None])), torch.from_numpy(np.stack(list(self.trained.values())))
        told, _ = self.network.read(cells.expand(len(words), -1, -1, -1), words, torch.ones(len(words)))
        return np.asarray(torch.sigmoid(told.max(dim=0).values).double().numpy())

    @torch.no_grad()
    def look(self, images: Image, text: npt.NDArray[np.float32]) -> tuple[Array, Array, Array]:
        """See what the network sees.

        Args:
            images: Shape (B, size, size, 3).
            text: Vectors of the instructions, shape (B, 384).

        Returns:
            Chances of each cell to be another when all is done, with words and without, and to be passed over till
            then, shape (B, size / 2, size / 2) each.
        """
        self.network.eval()
        words, count = torch.from_numpy(np.asarray(text, dtype=np.float32)), len(images)
        cells = self.network.see(to_tensor(images))
        told, passed = self.network.read(cells, words, torch.ones(count))
        silent, _ = self.network.read(cells, words, torch.zeros(count))
        told, silent, passed = (torch.sigmoid(x).double().numpy() for x in (told, silent, passed))
        return told, silent, passed

    def _places(self, way: Array) -> Array:
        """Where on a way what moves will be in each frame, as a shift from its start, shape (8, 2) [cell]."""
        far = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
        wanted = np.minimum(self.pace / CELL * (1.0 + np.arange(FRAMES)), far[-1])
        return np.stack([np.interp(wanted, far, way[:, axis]) for axis in (0, 1)], axis=1) - way[0]

    def familiarity(self, instruction: str) -> float:
        """Tell how near an instruction is to those that the model was trained on.

        Args:
            instruction: What is to be done.

        Returns:
            Greatest cosine with any of them, from 0 to 1.
        """
        return float(nearness(self._encoder.encode((instruction,)), self.trained)[0])

    def save(self, path: Path, texts: Mapping[str, str] | None = None) -> None:
        """Write it in half precision.

        Args:
            path: A safetensors file.
            texts: What goes with it, such as the command that made it.
        """
        about = {name: str(getattr(self.network.config, name)) for name in SIZES}
        about |= {"steps_per_frame": str(self.steps_per_frame), "pace": repr(self.pace), **(texts or {})}
        looks = {} if self.looks is None else {LOOKS + text: look for text, look in self.looks.looks.items()}
        save_arrays(path, to_arrays(self.network, self.trained) | looks, about, kind="F16")

    @classmethod
    def load(cls, path: Path, command: str = COMMAND) -> "FloorModel":
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
            network = FloorNetwork(FloorNetworkConfig(**{name: int(texts[name]) for name in SIZES}))
            trained = from_arrays(network, arrays)
            looks = {name.removeprefix(LOOKS): array for name, array in arrays.items() if name.startswith(LOOKS)}
            return cls(network, int(texts["steps_per_frame"]), trained, float(texts["pace"]), looks)
        except (KeyError, ValueError, RuntimeError) as error:
            raise InvalidValue(f"'{path}' holds no model of a floor: {error}") from error


def cell_means(pictures: npt.NDArray[Any]) -> Array:
    """Take the mean colour of each cell.

    Args:
        pictures: Shape (..., size, size, 3).

    Returns:
        Shape (..., size / 2, size / 2, 3).
    """
    *many, height, width, colours = pictures.shape
    cells = pictures.reshape(*many, height // CELL, CELL, width // CELL, CELL, colours)
    return np.asarray(cells.mean(axis=(-4, -2), dtype=np.float64))


def _move(image: Image, mover: Array, places: Array) -> Image:
    """Draw what moves at other places, shape (8, size, size, 3)."""
    middle = middle_of(mover, MOVES, BODY_CELLS)
    assert middle is not None
    rows, columns = np.indices(mover.shape)
    close = (np.abs(rows - middle[0]) <= BODY_CELLS) & (np.abs(columns - middle[1]) <= BODY_CELLS)
    body = near((mover >= MOVES) & close)
    mask = np.kron(body, np.ones((CELL, CELL), dtype=np.bool_))
    empty, shown = filled(image.astype(np.float64), mask), mask[..., None].astype(np.float64)
    frames = []
    for row, column in CELL * places:
        cover = shifted(shown, row, column)
        frames.append(empty * (1.0 - cover) + shifted(image * shown, row, column))
    return np.clip(np.stack(frames) + 0.5, 0.0, 255.0).astype(np.uint8)


def filled(picture: Array, hole: npt.NDArray[np.bool_]) -> Array:
    """Fill a hole in a picture from its edge.

    Args:
        picture: Shape (H, W, 3).
        hole: What is not known, shape (H, W).

    Returns:
        Shape (H, W, 3).
    """
    height, width = hole.shape
    known, colours = ~hole, np.where(hole[..., None], 0.0, picture)
    while not known.all() and known.any():
        weight = np.pad(known.astype(np.float64), 1)
        total = np.pad(colours, ((1, 1), (1, 1), (0, 0)))
        steps = [(r, c) for r in range(3) for c in range(3)]
        count = sum(weight[r : r + height, c : c + width] for r, c in steps)
        mean = sum(total[r : r + height, c : c + width] for r, c in steps) / np.maximum(count, 1.0)[..., None]
        fresh = ~known & (count > 0.0)
        colours, known = np.where(fresh[..., None], mean, colours), known | fresh
    return colours


def shifted(picture: Array, rows: float, columns: float) -> Array:
    """Shift a picture by parts of pixels; what comes in is black.

    Args:
        picture: Shape (H, W, C).
        rows: Downwards [pixel].
        columns: To the right [pixel].

    Returns:
        Shape (H, W, C).
    """
    whole_rows, whole_columns = math.floor(rows), math.floor(columns)
    share_rows, share_columns = rows - whole_rows, columns - whole_columns
    height, width = picture.shape[:2]
    total = np.zeros_like(picture)
    for dr, row_share in ((0, 1.0 - share_rows), (1, share_rows)):
        for dc, column_share in ((0, 1.0 - share_columns), (1, share_columns)):
            r, c, share = whole_rows + dr, whole_columns + dc, row_share * column_share
            if share <= 0.0 or abs(r) >= height or abs(c) >= width:
                continue
            to_rows, to_columns = (slice(max(k, 0), n + min(k, 0)) for k, n in ((r, height), (c, width)))
            of_rows, of_columns = (slice(max(-k, 0), n + min(-k, 0)) for k, n in ((r, height), (c, width)))
            total[to_rows, to_columns] += share * picture[of_rows, of_columns]
    return total
