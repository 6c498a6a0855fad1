"""The picture of a replay: errors of predictions over the time ahead, learned forces and estimated speed."""

from pathlib import Path

import numpy as np

from controllers.quadruped.metrics import cycle_average
from evaluation.figure_style import BLACK, GREY, new_figure, ordered, save_figure, style_of, styled
from evaluation.replay.observers import Array
from evaluation.replay.replay import Replay


def plot_replay(path: Path, title: str, replay: Replay, samples: dict[str, Array]) -> None:
    """Draw a replay.

    Args:
        path: PNG file; its folder is made.
        title: Stands above it.
        replay: What was found.
        samples: As `observers.Trail` returns them.
    """
    with styled():
        figure = new_figure(11.0, 8.5)
        figure.suptitle(title, fontsize=12, x=0.01, ha="left")
        axes = figure.subplot_mosaic([["velocity", "spin"], ["force", "force"], ["speed", "speed"]])
        names = ordered(candidate.name for candidate in replay.candidates)
        for name in names:
            errors, style = replay.foresight.errors[name], style_of(name)
            line = {"color": style.colour, "ls": style.line, "marker": style.marker, "ms": 4, "label": style.label}
            if errors.count:
                axes["velocity"].plot(errors.ahead, errors.velocity_rmse(), **line)
                axes["spin"].plot(errors.ahead, errors.spin_rmse(), **line)
        axes["velocity"].set_ylabel("velocity,\nprediction RMSE [m/s]")
        axes["spin"].set_ylabel("angular velocity,\nprediction RMSE [rad/s]")
        time = samples["time"]
        for name in names:
            style = style_of(name)
            force = samples[f"force {name}"]
            known = np.isfinite(force)
            if known.sum() > 2:
                smooth = cycle_average(time[known], force[known])
                axes["force"].plot(time[known], smooth, color=style.colour, ls=style.line, lw=1.2, label=style.label)
        _draw_known(axes["force"], time, samples["true_force"], "true")
        axes["force"].set_ylabel("learned vertical force,\ncycle average [N]")
        axes["speed"].plot(time, samples["speed"], color=GREY, lw=1.0, label="estimated")
        _draw_known(axes["speed"], time, samples["true_speed"], "true")
        axes["speed"].set_ylabel("forward speed [m/s]")
        for name in ("velocity", "spin"):
            axes[name].set_xlabel("time ahead [s]")
            axes[name].set_ylim(bottom=0.0)
        for name in ("force", "speed"):
            axes[name].set_xlabel("time [s]")
        for name in ("velocity", "force", "speed"):
            if axes[name].get_legend_handles_labels()[0]:
                axes[name].legend(frameon=False)
        save_figure(figure, path, pdf=False)


def _draw_known(axes, time: Array, values: Array, label: str) -> None:  # type: ignore[no-untyped-def]
    known = np.isfinite(values)
    if known.any():
        axes.plot(time[known], values[known], color=BLACK, lw=2.5, alpha=0.35, zorder=1.5, label=label)
