"""Whether a robot is still on its feet, from arrays."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sim.ground_truth import FALLEN_TILT_RAD, STOOD_HEIGHT_M
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]

# A robot that was stopped on its folded legs lies higher than one that toppled, and walks no more than that one.
COLLAPSED_SHARE = 0.6


def find_collapse(scenario: Scenario, values: Mapping[str, Array]) -> float | None:
    """Find when a robot went down.

    It has when |roll| or |pitch| exceeds `FALLEN_TILT_RAD`; and, after it has stood, when its height falls below
    `COLLAPSED_SHARE` of what was asked while it is supposed to be on its feet, whether it toppled or was stopped.

    Args:
        scenario: Says when the robot should be on its feet.
        values: "time", "height", "height_reference", "roll", "pitch" as in `evaluation.rollout.RunLog`.

    Returns:
        Time [s], or None.
    """
    time, height = values["time"], values["height"]
    stood = np.maximum.accumulate(height) > STOOD_HEIGHT_M
    low = np.flatnonzero(stood & (height < COLLAPSED_SHARE * values["height_reference"]))
    down = [int(i) for i in low if scenario.upright(float(time[i]))][:1]
    tilted = np.maximum(np.abs(values["roll"]), np.abs(values["pitch"])) > FALLEN_TILT_RAD
    down += [int(np.argmax(tilted))] if tilted.any() else []
    return float(time[min(down)]) if down else None
