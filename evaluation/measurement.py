"""The metrics of one run."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from controllers.quadruped import metrics
from evaluation.falls import find_collapse
from evaluation.rollout import RunLog
from evaluation.stage_cost import stage_cost
from evaluation.windows import Window, changes, settling_window
from evaluation.wrench_response import wrench_response
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]

CONTROL_PERIOD_S = 0.002
MPC_PERIOD_S = 0.01
TRANSIENT_S = 2.0
# What is known of a run that ended in a fall; the rest would be taken from a truncated run.
OF_EVERY_RUN = (
    *("fell", "end_time_s", "solve_time_p50_s", "solve_time_p99_s", "deadline_miss_fraction"),
    *("mpc_tick_p50_s", "mpc_tick_p99_s", "mpc_deadline_misses"),
)
BINARY = ("fell", "survived", "settled", "regret_falls")


def measure(log: RunLog, window: Window) -> dict[str, float]:
    """Measure a run.

    Tracking errors count within the window, settling from the first payload on, computing times over the whole run.
    A run that ended in a fall, or in which the robot went down without toppling, has only the metrics in
    `OF_EVERY_RUN` and `survived`.

    Args:
        log: The run.
        window: Begin and end of the window [s].

    Returns:
        Values by name; the names carry units, and shares and 0/1 have none. NaN where there is nothing to measure.
    """
    values = log.values
    walking = values["walking"] > 0.5
    planned = values["controller_time"][walking & np.isfinite(values["solve_time"])]
    fall = fall_time(log)
    measured = {
        "fell": float(fall is not None),
        "survived": float(fall is None),
        "end_time_s": log.end_time if fall is None else fall,
        "solve_time_p50_s": metrics.solve_time_s(values["solve_time"], 50.0),
        "solve_time_p99_s": metrics.solve_time_s(values["solve_time"], 99.0),
        "deadline_miss_fraction": metrics.deadline_miss_fraction(values["controller_time"][walking], CONTROL_PERIOD_S),
        # Estimator, learner, plan and joint torques of one tick, in processor time of one thread.
        "mpc_tick_p50_s": metrics.solve_time_s(planned, 50.0),
        "mpc_tick_p99_s": metrics.solve_time_s(planned, 99.0),
        "mpc_deadline_misses": float(np.sum(planned > MPC_PERIOD_S)),
    }
    if fall is not None:
        return measured
    measured.update(tracking(log.scenario, values, window))
    measured.update(stage_costs(log.scenario, values, window))
    measured.update(settling(log.scenario, values))
    measured.update(after_changes(log.scenario, values, window))
    measured.update(wrench_response(log.scenario, values))
    ticks = max(len(values["time"]), 1)
    seconds = values["time"][-1] - values["time"][0] if ticks > 1 else 0.0
    measured["cpu_realtime_factor"] = metrics.cpu_realtime_factor(
        float(seconds), values["controller_time"] + values["physics_time"]
    )
    measured["torque_saturation_fraction"] = metrics.mean(values["torque_saturation"][walking])
    measured["solver_failures"] = float(np.sum(values["solver_found"] < 0.5))
    return measured


def fall_time(log: RunLog) -> float | None:
    """Find when the robot of a run fell or went down.

    Args:
        log: The run.

    Returns:
        Time [s], or None.
    """
    down = find_collapse(log.scenario, log.values)
    times = [log.end_time] if log.fell else []
    return min([*times, *([] if down is None else [down])], default=None)


def tracking(scenario: Scenario, values: Mapping[str, Array], window: Window) -> dict[str, float]:
    """Compare what a robot did in a window with what was asked.

    Args:
        scenario: Says what was asked.
        values: "time", "height", "height_reference", "roll", "pitch", "yaw", "velocity_body", "orientation",
            "velocity_reference", "residual", "true_wrench" as in `RunLog`.
        window: Begin and end [s].

    Returns:
        Values by name.
    """
    inside = (values["time"] >= window[0]) & (values["time"] < window[1])
    v = {name: array[inside] for name, array in values.items()}
    velocity = metrics.heading_velocity(v["velocity_body"], v["orientation"])
    asked = [scenario.command(float(t)) for t in v["time"]]
    asked_rate = metrics.mean(np.array([command.yaw_rate for command in asked]))
    reference = v["velocity_reference"]
    averaged = [
        metrics.cycle_average(v["time"], velocity[:, axis] - reference[:, axis], metrics.GAIT_CYCLE_S)
        for axis in range(2)
    ]
    # What is learned swings with the gait, the load does not.
    differences = (values["residual"] - values["true_wrench"]).T
    missed = np.column_stack([metrics.cycle_average(values["time"], difference) for difference in differences])[inside]
    return {
        "height_rmse_m": metrics.height_rmse_m(v["height"], v["height_reference"]),
        "height_mean_error_m": metrics.height_mean_error_m(v["height"], v["height_reference"]),
        "vx_rmse_mps": metrics.speed_rmse_mps(velocity[:, 0], reference[:, 0]),
        "vy_rmse_mps": metrics.speed_rmse_mps(velocity[:, 1], reference[:, 1]),
        # The same without what a trot swings within its cycle, which is no error of tracking.
        "vx_cycle_rmse_mps": metrics.root_mean_square(averaged[0]),
        "vy_cycle_rmse_mps": metrics.root_mean_square(averaged[1]),
        "vx_mean_error_mps": metrics.speed_mean_error_mps(velocity[:, 0], reference[:, 0]),
        "vy_mean_error_mps": metrics.speed_mean_error_mps(velocity[:, 1], reference[:, 1]),
        "yaw_rate_mean_error_radps": _yaw_rate(v["time"], v["yaw"]) - asked_rate,
        "roll_rmse_rad": metrics.angle_rmse_rad(v["roll"], np.array([c.roll for c in asked])),
        "pitch_rmse_rad": metrics.angle_rmse_rad(v["pitch"], np.array([c.pitch for c in asked])),
        "wrench_rmse_n": metrics.wrench_rmse_n(missed, np.zeros_like(missed)),
        "wrench_rmse_nm": metrics.wrench_rmse_nm(missed, np.zeros_like(missed)),
    }


def stage_costs(scenario: Scenario, values: Mapping[str, Array], window: Window) -> dict[str, float]:
    """Average the stage cost, see `evaluation.stage_cost`.

    Args:
        scenario: Says what was asked.
        values: As for `tracking`.
        window: Begin and end [s].

    Returns:
        "stage_cost", the mean over the window.
    """
    inside = (values["time"] >= window[0]) & (values["time"] < window[1])
    v = {name: array[inside] for name, array in values.items()}
    return {"stage_cost": metrics.mean(stage_cost(scenario, v))}


def after_changes(scenario: Scenario, values: Mapping[str, Array], window: Window) -> dict[str, float]:
    """Part the height error of a window into transients and the rest.

    Args:
        scenario: Says when disturbances come and go.
        values: "time", "height", "height_reference" as in `RunLog`.
        window: Begin and end [s].

    Returns:
        "transient_height_rmse_m", within `TRANSIENT_S` after a change, and "steady_height_rmse_m", at all other times
        after the first; nothing without a change, or where the window has no such time.
    """
    time, times = values["time"], changes(scenario)
    if not times:
        return {}
    error = values["height"] - values["height_reference"]
    inside = (time >= max(window[0], times[0])) & (time < window[1])
    transient = np.any([(time >= at) & (time < at + TRANSIENT_S) for at in times], axis=0)
    parts = {"transient_height_rmse_m": inside & transient, "steady_height_rmse_m": inside & ~transient}
    return {name: metrics.root_mean_square(error[part]) for name, part in parts.items() if part.any()}


def settling(scenario: Scenario, values: Mapping[str, Array]) -> dict[str, float]:
    """Find how long height and roll took to settle after the first payload or push.

    Settled means that the height error averaged over a gait cycle stays within `SETTLE_HEIGHT_M`, and roll likewise
    within `SETTLE_ROLL_RAD`, until the load leaves, or until the walk ends after a push.

    Args:
        scenario: Says when the load comes and goes.
        values: "time", "height", "height_reference", "roll" as in `RunLog`.

    Returns:
        "settle_time_s" (the length of the window, a lower bound, where it never settled), "settled" (0/1) and
        "sink_m", the largest drop of the averaged height; nothing without a load.
    """
    window = settling_window(scenario)
    if window is None:
        return {}
    inside = (values["time"] >= window[0]) & (values["time"] < window[1])
    time, roll = values["time"][inside], values["roll"][inside]
    if len(time) < 2:
        return {}
    error = values["height"][inside] - values["height_reference"][inside]
    settle = max(
        metrics.settle_time_s(time, error, metrics.SETTLE_HEIGHT_M),
        metrics.settle_time_s(time, roll, metrics.SETTLE_ROLL_RAD),
    )
    return {
        "settle_time_s": settle,
        "settled": float(settle < time[-1] - time[0] - 1e-9),
        "sink_m": max(0.0, -float(np.min(metrics.cycle_average(time, error)))),
    }


def _yaw_rate(time: Array, yaw: Array) -> float:
    if len(time) < 2:
        return math.nan
    turned = np.unwrap(yaw)
    return float((turned[-1] - turned[0]) / (time[-1] - time[0]))
