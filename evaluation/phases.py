"""The phases of a run that a report compares, and how the numbers are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.measurement import settling, tracking
from evaluation.windows import Window, first_steady, last_steady, load, loaded, settling_window, steady
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]

SHORTEST_S = 0.5
DEGREE = 180.0 / np.pi


def phases(scenario: Scenario) -> dict[str, Window]:
    """Divide a run.

    Args:
        scenario: The run.

    Returns:
        Windows by name: "before", "during" (the end of the first load) and "after" the disturbances, or only "walk"
        where there is none.
    """
    if load(scenario) is None:
        return {"walk": steady(scenario)}
    windows = {"before": first_steady(scenario), "during": loaded(scenario), "after": last_steady(scenario)}
    return {name: window for name, window in windows.items() if window[1] - window[0] >= SHORTEST_S}


def measure_phases(
    scenario: Scenario, values: Mapping[str, Array], fall: float | None = None
) -> dict[str, dict[str, float]]:
    """Measure tracking in every phase, and settling after the first load.

    Args:
        scenario: What was run.
        values: Arrays as in `evaluation.rollout.RunLog`.
        fall: When the robot fell; None for never. Phases that a fall cut short have no numbers [s].

    Returns:
        Metrics by name, by phase; "settling" holds those of `evaluation.measurement.settling`.
    """
    last = float(values["time"][-1]) if len(values["time"]) else 0.0
    end = last + SHORTEST_S if fall is None else fall
    measured = {
        name: tracking(scenario, values, window) for name, window in phases(scenario).items() if window[1] <= end
    }
    whole = settling_window(scenario)
    if whole is not None and whole[1] <= end:
        measured["settling"] = settling(scenario, values)
    return measured


@dataclass(frozen=True)
class Quantity:
    """One line of a comparison.

    Attributes:
        title: What stands in front.
        metric: Its name.
        scale: Factor from the metric's unit to the shown one.
        digits: Digits after the point.
        phases: Phases in which it is shown; empty for all.
    """

    title: str
    metric: str
    scale: float = 1.0
    digits: int = 1
    phases: tuple[str, ...] = ()


QUANTITIES = (
    Quantity("height RMSE [mm]", "height_rmse_m", 1e3),
    Quantity("mean height error [mm]", "height_mean_error_m", 1e3),
    Quantity("mean forward speed error [m/s]", "vx_mean_error_mps", 1.0, 3),
    Quantity("roll RMS [°]", "roll_rmse_rad", DEGREE, 2),
    Quantity("pitch RMS [°]", "pitch_rmse_rad", DEGREE, 2),
    Quantity("learned force over a stride, RMS error [N]", "wrench_rmse_n"),
    Quantity("settled after [s]", "settle_time_s", 1.0, 2, ("settling",)),
    Quantity("largest sinking [mm]", "sink_m", 1e3, 1, ("settling",)),
)


def comparison_rows(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> list[list[str]]:
    """Lay runs out beside each other.

    Args:
        runs: What `measure_phases` returned for each.

    Returns:
        Rows of texts: quantity and phase, then one value per run ("–" where it has none).
    """
    names = list(dict.fromkeys(name for run in runs for name in run))
    rows = []
    for quantity in QUANTITIES:
        for phase in names:
            if quantity.phases and phase not in quantity.phases:
                continue
            values = [run.get(phase, {}).get(quantity.metric) for run in runs]
            if all(value is None for value in values):
                continue
            where = "" if phase in ("settling", "walk") else f", {phase} the load"
            texts = [show(value, quantity.scale, quantity.digits) for value in values]
            if quantity.metric == "settle_time_s":
                texts = [
                    f"not within {text}" if run.get(phase, {}).get("settled") == 0.0 else text
                    for run, text in zip(runs, texts, strict=True)
                ]
            rows.append([quantity.title + where, *texts])
    return rows


def show(value: float | None, scale: float = 1.0, digits: int = 1) -> str:
    """Write a number.

    Args:
        value: The number; None or NaN for none.
        scale: Factor to the shown unit.
        digits: Digits after the point.

    Returns:
        Its text, "–" for none.
    """
    return "–" if value is None or not np.isfinite(value) else f"{value * scale:.{digits}f}"
