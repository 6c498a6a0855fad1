"""Questions to a judge about one episode: are states in order, are pauses and retries seen, and misfits refused?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from policies.rewards.accuracy import rank_correlation
from policies.rewards.clips import Clip
from policies.rewards.judge import Judge, Judgements, Pictures
from policies.rewards.latched_judge import LatchedJudge, turning_points

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# States per episode; dense: all.
SPARSE, MEDIUM = 5, 10
# A pause lasts for so many states; a retry goes from here back to there, as shares of the way to success.
PAUSE, RETRY_FROM, RETRY_TO = 8, 0.7, 0.25
LEAST_FALL = 0.1
# Noise of a live camera in front of a robot at rest, in grey levels.
CAMERA_NOISE = 2
TRUSTED = 0.5


@dataclass(frozen=True)
class Reference:
    """What a judge is shown of a task: an instruction and, where there are any, pictures of another episode.

    Attributes:
        instruction: What is to be done.
        goal: Pictures of the task done.
        start: Pictures of its start.
    """

    instruction: str
    goal: Pictures | None = None
    start: Pictures | None = None


def shown(
    clip: Clip, states: IntArray, views: tuple[str, ...], names: tuple[str, ...]
) -> dict[str, npt.NDArray[np.uint8]]:
    """Show states of a clip.

    Args:
        clip: The clip.
        states: Which, shape (K,).
        views: Cameras of the judge.
        names: Cameras of the clip, in its order.

    Returns:
        Pictures by camera, shape (K, size, size, 3) each.
    """
    return {view: clip.images[states, names.index(view)] for view in views}


def reference_of(clip: Clip, views: tuple[str, ...], names: tuple[str, ...], pictures: bool = True) -> Reference:
    """Make a reference of a demonstration.

    Args:
        clip: The demonstration.
        views: Cameras of the judge.
        names: Cameras of the clip.
        pictures: Whether to show any.

    Returns:
        The reference; its goal is the last state.
    """
    if not pictures:
        return Reference(clip.instruction)
    last = int(np.flatnonzero(clip.success)[-1])
    goal, start = (shown(clip, np.array([state]), views, names) for state in (last, 0))
    return Reference(clip.instruction, {v: p[0] for v, p in goal.items()}, {v: p[0] for v, p in start.items()})


def ask(
    judge: Judge, clip: Clip, states: IntArray, reference: Reference, names: tuple[str, ...], noise: int = 0
) -> Judgements:
    """Have states judged.

    Args:
        judge: Who judges.
        clip: Whose states.
        states: Which, in the order in which they are shown, shape (K,).
        reference: What the judge knows of the task.
        names: Cameras of the clip.
        noise: Grey levels by which pixels vary at most.

    Returns:
        What is thought of them.
    """
    images = shown(clip, states, judge.views, names)
    if noise:
        rng = np.random.default_rng(clip.seed)
        images = {
            view: np.clip(p.astype(np.int16) + rng.integers(-noise, noise + 1, p.shape), 0, 255).astype(np.uint8)
            for view, p in images.items()
        }
    return judge.episode(images, reference.instruction, reference.goal, reference.start)


def probe_order(judge: Judge, clip: Clip, reference: Reference, names: tuple[str, ...]) -> dict[str, float]:
    """Ask for the order of an expert's states, at three densities and backwards.

    Args:
        judge: Who judges.
        clip: An expert's success.
        reference: Of another episode.
        names: Cameras of the clip.

    Returns:
        Rank correlations of progress with time: "order_sparse", "order_medium", "order_dense", "order_reversed" (with
        the time in which the reversed episode plays: -1 is right); and "error", the mean error of progress.
    """
    done, found = clip.done, {}
    every = np.arange(done + 1)
    for name, count in (("sparse", SPARSE), ("medium", MEDIUM), ("dense", done + 1)):
        states = np.unique(np.rint(np.linspace(0, done, min(count, done + 1))).astype(np.int64))
        told = ask(judge, clip, states, reference, names)
        found[f"order_{name}"] = rank_correlation(told.progress, np.arange(len(states)))
    found["error"] = float(np.nanmean(np.abs(told.progress - clip.progress[: done + 1])))
    back = ask(judge, clip, every[::-1].copy(), reference, names)
    found["order_reversed"] = rank_correlation(back.progress, every)
    return found


def probe_pause(judge: Judge, clip: Clip, reference: Reference, names: tuple[str, ...]) -> dict[str, float]:
    """Stop an expert half-way, in front of noisy cameras.

    Args:
        judge: Who judges.
        clip: An expert's success.
        reference: Of another episode.
        names: Cameras of the clip.

    Returns:
        "pause_rmse": how far progress moves away from where it was when the pause began.
    """
    half = max(clip.done // 2, 1)
    states = np.concatenate([np.arange(half + 1), np.full(PAUSE, half)])
    progress = ask(judge, clip, states, reference, names, CAMERA_NOISE).progress
    return {"pause_rmse": float(np.sqrt(np.mean((progress[half + 1 :] - progress[half]) ** 2)))}


def probe_retry(judge: Judge, clip: Clip, reference: Reference, names: tuple[str, ...]) -> dict[str, float]:
    """Let an expert go back most of the way and try again.

    Args:
        judge: Who judges.
        clip: An expert's success.
        reference: Of another episode.
        names: Cameras of the clip.

    Returns:
        "retry_order": rank correlation of progress with what was really done; "retry": whether progress fell and rose
        again, 0 or 1.
    """
    high, low = max(round(RETRY_FROM * clip.done), 2), round(RETRY_TO * clip.done)
    states = np.concatenate([np.arange(high + 1), np.arange(high - 1, low - 1, -1), np.arange(low + 1, clip.done + 1)])
    progress = ask(judge, clip, states, reference, names).progress
    at_low = 2 * high - low
    fell = progress[high] - progress[at_low] >= LEAST_FALL
    rose = progress[-1] - progress[at_low] >= LEAST_FALL
    return {"retry_order": rank_correlation(progress, states), "retry": float(fell and rose)}


def probe_misfit(
    judge: Judge, clip: Clip, other: Reference, threshold: float, names: tuple[str, ...], prefix: str = "misfit"
) -> dict[str, float]:
    """Show a success of one task to a judge that was told of another.

    Args:
        judge: Who judges.
        clip: A success.
        other: Reference of another task.
        threshold: Chance from which on a task counts as done.
        names: Cameras of the clip.
        prefix: Name of the result.

    Returns:
        By the prefix: whether it was neither taken for a success nor trusted, 0 or 1.
    """
    told = ask(judge, clip, np.arange(clip.done, len(clip.success)), other, names)
    seen = told.success[-1] >= threshold and told.confidence[-1] >= TRUSTED
    return {prefix: float(not seen)}


def probe_success(
    judge: Judge, clip: Clip, reference: Reference, names: tuple[str, ...]
) -> tuple[dict[str, float], Judgements]:
    """Have a whole episode judged, whoever acted in it.

    Args:
        judge: Who judges.
        clip: Any episode.
        reference: Of another episode.
        names: Cameras of the clip.

    Returns:
        "order_any" where its states differ in what is done: rank correlation of progress with that; and what was
        thought of each state.
    """
    told = ask(judge, clip, np.arange(len(clip.success)), reference, names)
    known = np.isfinite(clip.progress)
    if known.sum() < 3 or np.ptp(clip.progress[known]) < 0.2:
        return {}, told
    return {"order_any": rank_correlation(told.progress[known], clip.progress[known])}, told


def probe_loop(
    judge: Judge, clip: Clip, demonstration: Clip, names: tuple[str, ...], latched: bool
) -> dict[str, float]:
    """Have a task judged that ends where it began: there and back.

    Args:
        judge: Who judges; with a latch around it, or bare.
        clip: An expert's success, played forwards and then backwards.
        demonstration: Another one, played likewise.
        names: Cameras of the clips.
        latched: Whether sub-goals are remembered.

    Returns:
        "loop": whether progress was middling at the turn and complete at the end, 0 or 1; "loop_order": rank
        correlation of progress with time.
    """
    there_and_back = [np.concatenate([np.arange(c.done + 1), np.arange(c.done)[::-1]]) for c in (clip, demonstration)]
    shown_states = shown(demonstration, there_and_back[1], judge.views, names)
    whole = np.stack([shown_states[view] for view in judge.views], axis=1)
    ends = [0, *turning_points(whole).tolist()]
    stages = [{view: shown_states[view][end] for view in judge.views} for end in ends]
    acting: Judge = LatchedJudge(judge, stages) if latched else judge
    reference = Reference(clip.instruction, stages[-1], stages[0])
    progress = ask(acting, clip, there_and_back[0], reference, names).progress
    at_turn, at_end = float(progress[clip.done]), float(progress[-1])
    order = rank_correlation(progress, np.arange(len(progress)))
    return {"loop": float(0.25 <= at_turn <= 0.75 and at_end >= 0.9), "loop_order": order}


def merged(*parts: Mapping[str, float]) -> dict[str, float | None]:
    """Put results together.

    Args:
        parts: Results by name.

    Returns:
        All of them.
    """
    return {name: value for part in parts for name, value in part.items()}
