"""Curves and bars as PNG files; needs no display."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from controllers.quadruped.metrics import cycle_average
from evaluation.figure_style import BLACK, new_figure, ordered, save_figure, style_of, styled
from evaluation.table import COLUMNS
from evaluation.trace import Trace

DOTS_PER_INCH = 110
# Load and window in greys: colours tell methods apart.
LOAD, COUNTED = "#777777", "#444444"
BARS = ("height_rmse_m", "roll_rmse_rad", "settle_time_s", "wrench_rmse_n", "fell")


def plot_runs(path: Path, title: str, traces: Sequence[Trace]) -> None:
    """Draw height, velocity, attitude, wrench and solve time of runs over each other.

    Attitude and wrench are averaged over a gait cycle; `evaluation.wrench_plots` shows wrenches as they are.

    Args:
        path: PNG file; its folder is made.
        title: Stands above it.
        traces: The runs.
    """
    with styled():
        figure = new_figure(12.5, 13.0)
        figure.suptitle(title, fontsize=12, x=0.01, ha="left")
        height, speed, tilt, force, moment, solve = figure.subplots(6, 1)
        places = ordered(trace.label for trace in traces)
        traces = sorted(traces, key=lambda trace: places.index(trace.label))
        longest = max(traces, key=lambda trace: len(trace.values["time"]))
        for trace in traces:
            _draw(trace, height, speed, tilt, force, moment)
            if len(trace.solve_time):
                times = np.sort(1e6 * trace.solve_time)
                share = np.arange(1, len(times) + 1) / len(times)
                solve.step(times, share, color=style_of(trace.label).colour, where="post")
        v = longest.values
        asked = {"color": BLACK, "lw": 0.7, "zorder": 1.5}
        true = {"color": BLACK, "lw": 3.0, "alpha": 0.35, "zorder": 1.5}
        height.plot(v["time"], 1e3 * v["height_reference"], label="asked for", **asked)
        speed.plot(v["time"], v["velocity_reference"][:, 0], **asked)
        force.plot(v["time"], v["true_wrench"][:, 2], label="true", **true)
        moment.plot(v["time"], v["true_wrench"][:, 3], label="true, about x", **true)
        moment.plot(v["time"], v["true_wrench"][:, 4], label="true, about y", ls=":", **true)
        tilt.plot([], [], color=BLACK, lw=1.0, label="roll")
        tilt.plot([], [], color=BLACK, ls=":", lw=1.2, label="pitch")
        _scale_height(height, traces)
        labels = {
            height: "height [mm]",
            speed: "forward speed [m/s]",
            tilt: "tilt,\ncycle average [°]",
            force: "vertical force,\ncycle average [N]",
            moment: "moment,\ncycle average [N·m]",
        }
        for axes, text in labels.items():
            axes.set_ylabel(text)
            _mark(axes, longest)
            axes.set_xlim(float(v["time"][0]), float(v["time"][-1]) + 1e-3)
        moment.set_xlabel("time [s]")
        solve.set_xlabel("time to build and solve a plan [µs]")
        solve.set_ylabel("share of plans")
        solve.set_xscale("log")
        rare = [float(np.percentile(trace.solve_time, 99.9)) for trace in traces if len(trace.solve_time)]
        if rare:
            # A single plan that the operating system interrupted would take up half of the axis.
            solve.set_xlim(right=2e6 * max(rare))
        height.plot([], [], color=LOAD, lw=6, alpha=0.3, label="load")
        height.plot([], [], color=COUNTED, lw=3, label="errors count")
        figure.align_ylabels()
        for axes in labels:
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.04), frameon=False)
        save_figure(figure, path, pdf=False)


def _draw(trace: Trace, height: Axes, speed: Axes, tilt: Axes, force: Axes, moment: Axes) -> None:
    v, style = trace.values, style_of(trace.label)
    time, label = v["time"], style.label + (" (fell)" if trace.fell else "")
    line = {"color": style.colour, "lw": 1.2}
    height.plot(time, 1e3 * v["height"], label=label, ls=style.line, **line)
    speed.plot(time, v["velocity_heading"][:, 0], ls=style.line, color=style.colour, lw=0.8)
    force.plot(time, cycle_average(time, v["residual"][:, 2]), ls=style.line, **line)
    for axes, upon, curves in (
        (tilt, 180.0 / np.pi, (v["roll"], v["pitch"])),
        (moment, 1.0, (v["residual"][:, 3], v["residual"][:, 4])),
    ):
        for curve, kind in zip(curves, ("-", ":"), strict=True):
            axes.plot(time, upon * cycle_average(time, curve), ls=kind, **line)


def _scale_height(axes: Axes, traces: Sequence[Trace]) -> None:
    """Leave rising and lying down, which are no errors, beyond the edge."""
    seen = [np.array([-0.01, 0.01]) + float(np.median(traces[0].values["height_reference"]))]
    for trace in traces:
        time, (begin, end) = trace.values["time"], trace.attention
        seen.append(trace.values["height"][(time >= begin) & (time <= end)])
    low, high = 1e3 * np.concatenate(seen).min(), 1e3 * np.concatenate(seen).max()
    axes.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))


def _mark(axes: Axes, trace: Trace) -> None:
    if trace.load is not None:
        axes.axvspan(*trace.load, color=LOAD, alpha=0.1, lw=0)
    axes.axvspan(*trace.window, ymin=0.0, ymax=0.03, color=COUNTED, lw=0)


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
