"""What a reward model is worth on clips of tasks that it did not learn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from policies.rewards.accuracy import rank_correlation, separation
from policies.rewards.clips import Clip
from policies.rewards.reward_model import RewardModel


@dataclass(frozen=True)
class Score:
    """Accuracy.

    Attributes:
        order: Mean rank correlation of anchored progress with the share of time that is done, over clips.
        success: How well states in which the task is done are told from others.
        error: Mean error of anchored progress.
    """

    order: float
    success: float
    error: float


def encode_beside_reference(
    model: RewardModel, clip: Clip, experts: Sequence[Clip], rng: np.random.Generator
) -> torch.Tensor | None:
    """Encode a clip's states together with start and goal of another clip of the same task and look.

    Args:
        model: The model.
        clip: Of T + 1 states.
        experts: Clips that end in success, the reference is one of them.
        rng: Draws it, and which of its successful states is the goal.

    Returns:
        Features of the states, then of the reference's start (row T + 1) and goal (T + 2); None without a reference.
    """
    others = [e for e in experts if e.task == clip.task and e.look == clip.look and e is not clip]
    if not others:
        return None
    reference = others[int(rng.integers(len(others)))]
    goal = reference.images[int(rng.choice(np.flatnonzero(reference.success)))]
    pictures = np.concatenate([clip.images, reference.images[:1], goal[None]])
    return model.encode(pictures.reshape(-1, *pictures.shape[2:]))


def anchored_moments(count: int, goals: bool = True) -> npt.NDArray[np.int64]:
    """Ask for every state how far it is from the start and, where the goal is shown, from the goal.

    Args:
        count: Number of states; the reference's start and goal stand behind them.
        goals: Whether the goal is shown.

    Returns:
        Indices of before, after, start and goal: a row for each state, then one for each the other way, shape (N, 4).
    """
    states, start = np.arange(count), np.full(count, count)
    end = np.full(count, count + 1 if goals else -1)
    rows = [np.stack([start, states, start, end], axis=1)]
    rows += [np.stack([end, states, start, end], axis=1)] if goals else []
    return np.concatenate(rows)


def validate(model: RewardModel, clips: Sequence[Clip], rng: np.random.Generator, limit: int = 24) -> Score:
    """Judge clips by references from other clips.

    Args:
        model: The model.
        clips: Of any tasks, among them successes of experts.
        rng: Draws clips and references.
        limit: Number of clips that are judged at most.

    Returns:
        Its score; NaN where there is nothing to measure.
    """
    experts = [clip for clip in clips if clip.expert and clip.done > 0]
    orders, errors, logits, done = [], [], [], []
    for clip in [clips[i] for i in rng.permutation(len(clips))[:limit]]:
        encoded = encode_beside_reference(model, clip, experts, rng)
        if encoded is None:
            continue
        count, views = len(clip.success), tuple(range(clip.images.shape[1]))
        sentence, _ = model.sentence(clip.instruction)
        told = model.ask(encoded, anchored_moments(count), views, sentence)
        progress = np.clip(0.5 * (told.hop[:count] + 1.0 + told.hop[count:]), 0.0, 1.0)
        known = np.isfinite(clip.progress)
        if known.sum() > 2 and np.ptp(clip.progress[known]) > 0.2:
            orders.append(rank_correlation(progress[known], clip.progress[known]))
            errors.append(float(np.abs(progress - clip.progress)[known].mean()))
        logits.append(0.5 * (told.success[:count] + told.success[count:]))
        done.append(clip.success)
    if not orders:
        return Score(float("nan"), float("nan"), float("nan"))
    order, error = float(np.mean(orders)), float(np.mean(errors))
    return Score(order, separation(np.concatenate(logits), np.concatenate(done)), error)
