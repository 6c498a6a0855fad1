"""What a tuning run costs: one number without a unit, so that light and heavy cases count alike."""

import math
from collections.abc import Mapping

import numpy as np

from evaluation.measurement import fall_time, tracking
from evaluation.rollout import RunLog
from evaluation.windows import Window
from sim.terrain import Flat

DEGREE = math.pi / 180.0
# An error of this size counts one. They are what a good run on level ground shows.
SCALES: dict[str, float] = {
    "height_rmse_m": 0.005,
    "vx_rmse_mps": 0.05,
    "vy_rmse_mps": 0.05,
    "roll_rmse_rad": 0.5 * DEGREE,
    "pitch_rmse_rad": 0.5 * DEGREE,
}
# A fall costs as much as errors a hundred times these scales, and no run that stays up costs more.
FALL_RATIO = 100.0
FALL_COST = math.log(FALL_RATIO)


def errors(log: RunLog, window: Window) -> dict[str, float]:
    """Measure what the cost is made of.

    On ground that is not level the trunk may follow the ground by an angle that the controller chooses, so there roll
    and pitch count about their means.

    Args:
        log: The run.
        window: Begin and end of what counts [s].

    Returns:
        "fell" (0/1) and, unless it fell, the entries of `SCALES`.
    """
    if fall_time(log) is not None:
        return {"fell": 1.0}
    measured = tracking(log.scenario, log.values, window)
    if not isinstance(log.scenario.terrain, Flat):
        inside = log.window(*window)
        for name in ("roll", "pitch"):
            measured[f"{name}_rmse_rad"] = float(np.std(log.values[name][inside]))
    return {"fell": 0.0, **{name: measured[name] for name in SCALES}}


def cost(measured: Mapping[str, float | None]) -> float:
    """Weigh errors.

    J is the root of the mean square of the errors, each divided by its scale. The cost is ln J, so that the mean over
    cases is that of a geometric mean of J and no case outweighs the others by its units or its violence.

    Args:
        measured: What `errors` returned.

    Returns:
        ln J, at most `FALL_COST`, which is the cost of a fall and of a run of which something cannot be measured.
    """
    values = [measured.get(name) for name in SCALES]
    if measured.get("fell") or any(value is None or not math.isfinite(value) for value in values):
        return FALL_COST
    ratios = [value / scale for value, scale in zip(values, SCALES.values(), strict=True) if value is not None]
    return min(0.5 * math.log(sum(ratio**2 for ratio in ratios) / len(ratios)), FALL_COST)
