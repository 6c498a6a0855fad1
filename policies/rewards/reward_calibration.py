"""Makes a detector's logits into chances, on episodes of tasks that it did not learn."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.clips import Clip
from policies.rewards.hops import hop
from policies.rewards.reward_model import Calibration, Hops, RewardModel
from policies.rewards.reward_validation import anchored_moments, encode_beside_reference

Array = npt.NDArray[np.float64]

# Share of states that are no success but may count as one.
FALSE_POSITIVES = 0.01
LEAST_THRESHOLD = 0.5


def fit_chances(logit: npt.ArrayLike, happened: npt.ArrayLike, steps: int = 50) -> tuple[float, float]:
    """Fit σ((x - shift) / temperature) to what happened, by Newton's method on the likelihood (Platt 1999).

    Args:
        logit: Shape (N,).
        happened: Shape (N,).
        steps: Of Newton's method.

    Returns:
        Temperature and shift.

    Raises:
        InvalidValue: Only one of the two outcomes is there, or a logit is not finite.
    """
    x, y = np.asarray(logit, dtype=np.float64), np.asarray(happened, dtype=np.float64)
    if not np.isfinite(x).all():
        raise InvalidValue("logits must be finite")
    positives = float(y.sum())
    if not 0.0 < positives < len(y):
        raise InvalidValue(f"both outcomes are needed to calibrate, got {positives:.0f} successes of {len(y)}")
    # Platt's targets: never quite sure, so that separable outcomes have a finite answer.
    target = np.where(y > 0.5, (positives + 1.0) / (positives + 2.0), 1.0 / (len(y) - positives + 2.0))
    design, weight = np.stack([x, np.ones_like(x)], axis=1), np.array([1.0, 0.0])
    for _ in range(steps):
        chance = 0.5 * (1.0 + np.tanh(0.5 * (design @ weight)))
        slope = design.T @ (target - chance)
        bend = (design * (chance * (1.0 - chance))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        weight = weight + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
    # A detector that is worse than chance is made flat, not turned round.
    scale = max(float(weight[0]), 1e-2)
    return 1.0 / scale, -float(weight[1]) / scale


def choose_threshold(chance: npt.ArrayLike, happened: npt.ArrayLike) -> float:
    """Choose the chance from which on a task counts as done.

    Args:
        chance: Shape (N,).
        happened: Shape (N,).

    Returns:
        The least threshold, from one half on, above which at most 1 % of the others lie.
    """
    others = np.sort(np.asarray(chance, dtype=np.float64)[~np.asarray(happened, dtype=np.bool_)])
    if len(others) == 0:
        return LEAST_THRESHOLD
    allowed = int(np.floor(FALSE_POSITIVES * len(others)))
    return float(np.clip(others[len(others) - 1 - allowed] + 1e-6, LEAST_THRESHOLD, 0.99))


def calibrate(model: RewardModel, clips: Sequence[Clip], rng: np.random.Generator, goals: bool = True) -> Calibration:
    """Calibrate a model.

    Args:
        model: The model.
        clips: Of tasks that it did not learn; of each an expert's success.
        rng: Draws references and wrong instructions.
        goals: Whether the judge will be shown goals.

    Returns:
        The calibration.

    Raises:
        InvalidValue: The clips do not show both outcomes.
    """
    success, done, match, fits, surprise = [], [], [], [], []
    experts = [clip for clip in clips if clip.expert and clip.done > 0]
    instructions = sorted({clip.instruction for clip in clips} | set(model.encoder.known))
    for clip in clips:
        encoded = encode_beside_reference(model, clip, experts, rng)
        if encoded is None:
            continue
        count, views = len(clip.success), tuple(range(clip.images.shape[1]))
        moments = anchored_moments(count, goals)
        for right in (True, False):
            wrong = [text for text in instructions if text != clip.instruction]
            text = clip.instruction if right else wrong[int(rng.integers(len(wrong)))]
            told = model.ask(encoded, moments, views, model.sentence(text)[0])
            match.append(np.cumsum(told.match.reshape(-1, count).mean(axis=0)) / (np.arange(count) + 1.0))
            fits.append(np.full(count, right))
            if right:
                success.append(told.success.reshape(-1, count).mean(axis=0))
                done.append(clip.success)
                surprise.append(_surprise(told, clip))
    if not success:
        raise InvalidValue("no clip has another expert's success of its task beside it to calibrate with")
    logits, happened = np.concatenate(success), np.concatenate(done)
    temperature, shift = fit_chances(logits, happened)
    match_temperature, match_shift = fit_chances(np.concatenate(match), np.concatenate(fits))
    # Deviations that are right on average, in the sense of squares.
    scale = model.calibration.deviation_scale * float(np.sqrt(np.mean(np.concatenate(surprise) ** 2)))
    found = Calibration(temperature, shift, 0.5, match_temperature, match_shift, max(scale, 1e-3))
    return replace(found, threshold=choose_threshold(found.success(logits), happened))


def _surprise(told: Hops, clip: Clip) -> Array:
    """Errors of anchored hops in units of their deviations, for states whose progress is known."""
    known, count = np.isfinite(clip.progress), len(clip.progress)
    right = np.concatenate([clip.progress, hop(1.0, np.nan_to_num(clip.progress))])[: len(told.hop)]
    known = np.tile(known, len(told.hop) // count)
    return np.asarray(((told.hop - right) / told.deviation)[known])
