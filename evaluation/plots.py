"""Curves and bars as PNG files; needs no display."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evaluation.table import COLUMNS
from evaluation.trace import Trace

DOTS_PER_INCH = 110
BARS = ("height_rmse_m", "roll_rmse_rad", "settle_time_s", "wrench_rmse_n", "fell")


def plot_runs(path: Path, title: str, traces: Sequence[Trace]) -> None:
    """Draw height, velocity, attitude, wrench and solve time of runs over each other.

    Args:
        path: PNG file; its folder is made.
        title: Stands above it.
        traces: The runs.
    """
    figure = Figure(figsize=(12.5, 12.5), layout="constrained")
    figure.suptitle(title)
    height, speed, tilt, force, moment, solve = figure.subplots(6, 1)
    colours = {trace.label: f"C{number}" for number, trace in enumerate(traces)}
    for trace in traces:
        v, colour = trace.values, colours[trace.label]
        time, label = v["time"], trace.label + (" (fell)" if trace.fell else "")
        height.plot(time, 1e3 * v["height"], colour, lw=0.9, label=label)
        speed.plot(time, v["velocity_heading"][:, 0], colour, lw=0.7)
        tilt.plot(time, np.degrees(v["roll"]), colour, lw=0.8)
        tilt.plot(time, np.degrees(v["pitch"]), colour, lw=0.7, ls=":")
        force.plot(time, v["residual"][:, 2], colour, lw=0.9)
        moment.plot(time, v["residual"][:, 3], colour, lw=0.9)
        moment.plot(time, v["residual"][:, 4], colour, lw=0.9, ls=":")
        if len(trace.solve_time):
            ordered = np.sort(1e6 * trace.solve_time)
            solve.step(ordered, np.arange(1, len(ordered) + 1) / len(ordered), colour, where="post")
    longest = max(traces, key=lambda trace: len(trace.values["time"]))
    v = longest.values
    height.plot(v["time"], 1e3 * v["height_reference"], "k--", lw=0.8, label="asked for")
    speed.plot(v["time"], v["velocity_reference"][:, 0], "k--", lw=0.8, label="asked for")
    force.plot(v["time"], v["true_wrench"][:, 2], "k--", lw=0.9, label="true")
    moment.plot(v["time"], v["true_wrench"][:, 3], "k-", lw=0.9, label="true, about x")
    moment.plot(v["time"], v["true_wrench"][:, 4], "k:", lw=0.9, label="true, about y")
    tilt.plot([], [], "k-", lw=0.8, label="roll")
    tilt.plot([], [], "k:", lw=0.8, label="pitch")
    labels = {
        height: "height [mm]",
        speed: "forward speed [m/s]",
        tilt: "tilt [°]",
        force: "vertical force [N]",
        moment: "moment [N·m]",
    }
    for axes, text in labels.items():
        axes.set_ylabel(text)
        _mark(axes, longest)
        axes.set_xlim(float(v["time"][0]), float(v["time"][-1]) + 1e-3)
    moment.set_xlabel("time [s]")
    solve.set_xlabel("time to build and solve a plan [µs]")
    solve.set_ylabel("share of plans")
    solve.set_xscale("log")
    for axes in (*labels, solve):
        axes.grid(alpha=0.25)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False)
    _save(figure, path)


def _mark(axes: Axes, trace: Trace) -> None:
    if trace.load is not None:
        axes.axvspan(*trace.load, color="tab:orange", alpha=0.08)
    axes.axvspan(*trace.window, ymin=0.0, ymax=0.03, color="tab:green", alpha=0.6)


def plot_summary(
    path: Path, title: str, rows: Sequence[Mapping[str, Any]], summary: Sequence[Mapping[str, Any]]
) -> None:
    """Draw the metrics of a suite: mean, 95 % confidence interval and every trial.

    Args:
        path: PNG file; its folder is made.
        title: Stands above it.
        rows: Rows as in `results.json`.
        summary: Entries as in `results.json`.
    """
    shown = [name for name in BARS if any(name in entry for entry in summary)]
    scales = {column.metric: (column.scale, column.title) for column in COLUMNS}
    figure = Figure(figsize=(11.0, 1.2 + 0.9 * len(shown) + 0.16 * len(summary) * len(shown)), layout="constrained")
    figure.suptitle(title)
    labels = [f"{entry['case']} · {entry['method']}" for entry in summary]
    for axes, name in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown, strict=True):
        scale, head = scales.get(name, (1.0, name))
        for place, entry in enumerate(summary):
            if name not in entry:
                continue
            mean, ci95 = entry[name]["mean"] * scale, entry[name]["ci95"]
            axes.barh(place, mean, color="tab:blue", alpha=0.35, height=0.7)
            if ci95 is not None:
                axes.plot([end * scale for end in ci95], [place, place], "k", lw=1.2)
            trials = [
                row["metrics"][name]
                for row in rows
                if (row["case"], row["method"]) == (entry["case"], entry["method"])
                and row["metrics"].get(name) is not None
            ]
            axes.plot(np.array(trials) * scale, np.full(len(trials), place), ".", color="tab:blue", ms=3)
        axes.set_yticks(range(len(labels)), labels, fontsize=7)
        axes.invert_yaxis()
        axes.set_xlabel("share that fell" if name == "fell" else head)
        axes.grid(axis="x", alpha=0.25)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_figure(path, dpi=DOTS_PER_INCH)
