"""Episodes on disk: one safetensors file each, written whole or not at all."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from sim.image_world import POSE, Observation, World
from sim.tensor_file import read_metadata, read_tensors, write_tensors

Array = npt.NDArray[np.float32]

ENDING = ".safetensors"
EPISODE, IMAGE, REMAINING = "episode", "image.", "remaining"
# Arrays with one row more than there are actions, and those with one row per action.
STATES, ACTIONS = (POSE, "state", "success"), ("action", "reward")


@dataclass(frozen=True)
class EpisodeInfo:
    """What an episode is.

    Attributes:
        world: Name of the world.
        task: Name of the task.
        instruction: What was to be done.
        seed: Of the episode.
        behaviour: Who acted.
        period_s: Duration of a step [s].
        pose_names: What the numbers of a pose are.
        steps: Number of actions.
        successful: Whether any state was a success.
        terminated: Whether success ended it.
        truncated: Whether the horizon cut it.
    """

    world: str
    task: str
    instruction: str
    seed: int
    behaviour: str
    period_s: float
    pose_names: tuple[str, ...]
    steps: int
    successful: bool
    terminated: bool
    truncated: bool


@dataclass(frozen=True)
class Episode:
    """T actions and the T + 1 states around them.

    Attributes:
        info: What it is.
        images: Pictures by camera, shape (T + 1, size, size, 3) each.
        pose: Shape (T + 1, P).
        state: True states, shape (T + 1, S).
        success: Shape (T + 1,).
        action: Displacements [m] and commands to the gripper, shape (T, A).
        reward: Of the task, shape (T,).
        remaining: Actions that the expert would need from each state to succeed, inf where it does not, shape
            (T + 1,); None where it was not asked. Counted in the world's own steps, also where an episode is coarser.
    """

    info: EpisodeInfo
    images: dict[str, npt.NDArray[np.uint8]]
    pose: Array
    state: Array
    success: npt.NDArray[np.bool_]
    action: Array
    reward: Array
    remaining: Array | None = None


class Recorder:
    """Keeps an episode while it happens, whoever acts."""

    def __init__(self, world: World, behaviour: str, seed: int, observation: Observation, info: dict[str, Any]) -> None:
        """Begin with what the reset of the world answered.

        Args:
            world: Where.
            behaviour: Name of who acts, for the file.
            seed: Of the episode.
            observation: First observation.
            info: First info.
        """
        self._world, self._behaviour, self._seed = world, behaviour, seed
        self._seen, self._infos = [observation], [info]
        self._actions: list[npt.NDArray[Any]] = []
        self._rewards: list[float] = []
        self._end = (False, False)

    def add(
        self,
        action: npt.NDArray[Any],
        observation: Observation,
        reward: float,
        terminated: bool,
        truncated: bool,
        info: dict[str, Any],
    ) -> None:
        """Add a step.

        Args:
            action: What the world was told, within its limits: beyond them nothing was done.
            observation: What was seen then.
            reward: Of the task.
            terminated: Whether success ended the episode.
            truncated: Whether the horizon cut it.
            info: What the world tells beside.
        """
        self._actions.append(action)
        self._seen.append(observation)
        self._rewards.append(reward)
        self._infos.append(info)
        self._end = (terminated, truncated)

    def finish(self) -> Episode:
        """Join all steps.

        Returns:
            The episode.

        Raises:
            InvalidValue: Nothing was done.
        """
        if not self._actions:
            raise InvalidValue(f"an episode of '{self._world.task}' must have at least 1 action, got none")
        world, seen, infos = self._world, self._seen, self._infos
        success = np.array([bool(i["success"]) for i in infos])
        about = EpisodeInfo(
            *(world.name, world.task, world.instruction, self._seed, self._behaviour, world.period),
            pose_names=tuple(world.pose_names),
            steps=len(self._actions),
            successful=bool(success.any()),
            terminated=self._end[0],
            truncated=self._end[1],
        )
        return Episode(
            about,
            {camera: np.stack([o[camera] for o in seen]) for camera in world.cameras},
            np.stack([o[POSE] for o in seen]).astype(np.float32),
            np.stack([i["state"] for i in infos]).astype(np.float32),
            success,
            np.stack(self._actions).astype(np.float32),
            np.array(self._rewards, dtype=np.float32),
        )


def record(
    world: World, behaviour: str, act: Callable[[Observation], npt.NDArray[Any]], seed: int, begin: Callable[[], None]
) -> Episode:
    """Run an episode and keep all of it.

    Args:
        world: Where.
        behaviour: Name of who acts, for the file.
        act: Answers an observation with an action.
        seed: Of the episode.
        begin: Called after the world was reset, before the first action.

    Returns:
        The episode.
    """
    observation, info = world.reset(seed=seed)
    begin()
    recorder = Recorder(world, behaviour, seed, observation, info)
    terminated = truncated = False
    while not (terminated or truncated):
        # What the world does with it is what is kept: beyond its limits nothing was done.
        action = np.clip(act(observation), world.action_space.low, world.action_space.high)
        observation, reward, terminated, truncated, info = world.step(action)
        recorder.add(action, observation, reward, terminated, truncated, info)
    return recorder.finish()


def last_actions(episode: Episode, count: int) -> Episode:
    """Cut off how an episode began.

    Args:
        episode: The episode.
        count: Actions that are left, with the states around them; at least 1.

    Returns:
        Its end; the episode itself where it is not longer.
    """
    steps = episode.info.steps
    return episode if steps <= count else _part(episode, steps - count, count, episode.info)


def first_actions(episode: Episode, count: int) -> Episode:
    """Cut off how an episode went on.

    Args:
        episode: The episode.
        count: Actions that are left, with the states around them; at least 1.

    Returns:
        Its beginning, which neither success nor horizon ended; the episode itself where it is not longer.
    """
    if episode.info.steps <= count:
        return episode
    successful = bool(episode.success[: count + 1].any()) or float(episode.reward[:count].sum()) > 0.0
    about = replace(episode.info, successful=successful, terminated=False, truncated=False)
    return _part(episode, 0, count, about)


def _part(episode: Episode, first: int, count: int, about: EpisodeInfo) -> Episode:
    """Some actions of an episode, with the states around them."""
    states, actions = slice(first, first + count + 1), slice(first, first + count)
    parts = {name: getattr(episode, name)[states] for name in STATES}
    parts |= {name: getattr(episode, name)[actions] for name in ACTIONS}
    return replace(
        episode,
        **parts,
        info=replace(about, steps=count),
        images={camera: pictures[states] for camera, pictures in episode.images.items()},
        remaining=None if episode.remaining is None else episode.remaining[states],
    )


def write_episode(path: Path, episode: Episode) -> None:
    """Write an episode; after a kill at any time the file is whole or not there.

    Args:
        path: File; its folder is made.
        episode: The episode.

    Raises:
        OSError: It cannot be written.
    """
    tensors: dict[str, npt.NDArray[Any]] = {IMAGE + camera: pictures for camera, pictures in episode.images.items()}
    tensors |= {name: getattr(episode, name) for name in (*STATES, *ACTIONS)}
    if episode.remaining is not None:
        tensors[REMAINING] = episode.remaining
    write_tensors(path, tensors, {EPISODE: json.dumps(asdict(episode.info))})


def read_episode(path: Path) -> Episode:
    """Read an episode.

    Args:
        path: Its file.

    Returns:
        The episode.

    Raises:
        InvalidValue: The file is missing, cut off or no episode.
    """
    tensors, texts = read_tensors(path)
    info = _info(path, texts)
    images = {name[len(IMAGE) :]: tensor for name, tensor in tensors.items() if name.startswith(IMAGE)}
    asked = (REMAINING,) if REMAINING in tensors else ()
    for name in (*STATES, *ACTIONS, *asked, *(IMAGE + camera for camera in images)):
        rows = info.steps + (name not in ACTIONS)
        if name not in tensors or len(tensors[name]) != rows:
            got = f"{len(tensors[name])}" if name in tensors else "none"
            raise InvalidValue(f"'{path}' is no episode: '{name}' must have {rows} rows, got {got}")
    return Episode(info, images, *(tensors[name] for name in (*STATES, *ACTIONS)), tensors.get(REMAINING))


def read_info(path: Path) -> EpisodeInfo:
    """Read what an episode is, without its pictures, and check that the file is whole.

    Args:
        path: Its file.

    Returns:
        What it is.

    Raises:
        InvalidValue: The file is missing, cut off or no episode.
    """
    return _info(path, read_metadata(path))


def file_name(seed: int) -> str:
    """Name the file of an episode within the folder of its task.

    Args:
        seed: Of the episode.

    Returns:
        The name.
    """
    return f"{seed:06d}{ENDING}"


def find_episodes(folder: Path) -> dict[Path, EpisodeInfo]:
    """List what has been recorded.

    Args:
        folder: Searched with all folders in it.

    Returns:
        Infos by file, in the order of their names; drafts of an interrupted recording do not count.

    Raises:
        InvalidValue: A file is no whole episode.
    """
    return {path: read_info(path) for path in sorted(folder.rglob(f"*{ENDING}"))}


def _info(path: Path, texts: Mapping[str, str]) -> EpisodeInfo:
    try:
        values = json.loads(texts[EPISODE])
        return EpisodeInfo(**{**values, "pose_names": tuple(values["pose_names"])})
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidValue(f"'{path}' is no episode: {error}") from error
