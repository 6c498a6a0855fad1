"""How fast and how exactly a learner finds a load that comes in one step."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from controllers.quadruped import metrics
from controllers.quadruped.gait import GAITS
from evaluation.windows import PUSH_S, Window, load, onset, walks
from sim.disturbances import Payload, Wrench
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]

RISE_SHARE = 1.0 - float(np.exp(-1.0))
STEADY_S = 2.0
SETTLING_S = 1.5
LEAST_BEFORE_S = 0.5
LEAST_STEP_N = 5.0


def step_window(scenario: Scenario) -> Window | None:
    """Find the first load, if it comes as one step and stays.

    Args:
        scenario: The run.

    Returns:
        From its begin until it or anything else changes [s]; None where the first disturbance is none or no step, or
        is over too soon to be learned.
    """
    begin, whole = onset(scenario), load(scenario)
    if begin is None or whole is None:
        return None
    first = [d for d in scenario.disturbances if d.at_s == begin]
    if not all(isinstance(d, Wrench) or (isinstance(d, Payload) and d.profile == "constant") for d in first):
        return None
    edges = [time for d in scenario.disturbances for time in (d.at_s, d.until_s) if time is not None and time > begin]
    end = min([*edges, whole[1]])
    return (begin, end) if end - begin > PUSH_S else None


def wrench_response(scenario: Scenario, values: Mapping[str, Array]) -> dict[str, float]:
    """Measure how the learned force follows a step of the true one.

    A learner also learns what the nominal model itself misses of the robot, load or no load. Hence what counts is by
    how much the learned force changed: its mean over the walk before the step, without the first `SETTLING_S`, is
    subtracted, as is that of the true force. And it swings with the gait: it is averaged over one gait cycle around
    each moment. On a response like 1 - exp(-t / τ) that average rises later than the response itself, never earlier;
    a jump would seem to take 0.13 of a cycle.

    Args:
        scenario: Says when the load comes.
        values: "time", "load" (where there is none, "residual"), "true_wrench" as in `evaluation.rollout.RunLog`.

    Returns:
        "wrench_rise_s", the time until the change first reaches 63 % of the true one along its direction (the length
        of the window, a lower bound, where it never does), and "wrench_steady_error", the length of the difference
        of the changes over the last `STEADY_S` relative to the true change. Nothing where the load is no step, too
        small, or comes before a steady walk, or where nothing was learned.
    """
    window = step_window(scenario)
    if window is None:
        return {}
    time, gait = values["time"], scenario.command(window[0]).gait
    moving = [timed.at_s for timed in scenario.commands if timed.at_s < window[0] and walks(timed.command.gait)]
    before = (max(moving, default=0.0) + SETTLING_S, window[0])
    if before[1] - before[0] < LEAST_BEFORE_S or not walks(gait) or len(time) == 0 or time[-1] < window[1] - 0.1:
        return {}
    # Whole cycles, over which the swing of the gait cancels.
    period = GAITS[gait].period
    cycles = max((before[1] - before[0]) // period, 1.0)
    quiet = (time >= window[0] - cycles * period) & (time < window[0])
    loaded = (time >= window[0]) & (time < window[1])
    learned, truth = values.get("load", values["residual"])[:, :3], values["true_wrench"][:, :3]
    if not loaded.any() or not learned[loaded].any():
        return {}
    change = truth - truth[quiet].mean(axis=0)
    step = change[loaded].mean(axis=0)
    size = float(np.linalg.norm(step))
    if size < LEAST_STEP_N:
        return {}
    whole = quiet | loaded
    found = learned[whole] - learned[quiet].mean(axis=0)
    averaged = np.column_stack([metrics.cycle_average(time[whole], column, period) for column in found.T])
    since = time[whole] - window[0]
    reached = np.flatnonzero((since >= 0.0) & (averaged @ step / size**2 >= RISE_SHARE))
    steady_s = max(min(STEADY_S, 0.5 * (window[1] - window[0])) // period, 1.0) * period
    late = time[whole] >= window[1] - steady_s
    error = found[late].mean(axis=0) - change[whole][late].mean(axis=0)
    return {
        "wrench_rise_s": float(since[reached[0]]) if len(reached) else window[1] - window[0],
        "wrench_steady_error": float(np.linalg.norm(error)) / size,
    }
