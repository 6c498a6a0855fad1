"""What a method learned against what was true: the six components of the wrench, with twice the standard deviation."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from controllers.quadruped.metrics import cycle_average
from evaluation.figure_style import BLACK, new_figure, save_figure, style_of, styled
from evaluation.trace import Trace

Array = npt.NDArray[np.float64]

COMPONENTS = ("x (ahead)", "y (left)", "z (up)")
DEVIATIONS = 2.0
# An uncertain learner may have a band far beyond anything that happens: it widens the axis by this factor at most.
MOST_WIDENED = 1.6
MARGIN = 0.06
LEAST_RANGE = (20.0, 4.0)


def plot_wrench(path: Path, title: str, trace: Trace, pdf: bool = True) -> list[Path]:
    """Draw estimate and truth of a run.

    A learner follows what a gait cycle repeats; so that its mean can be seen, the average over a gait cycle is drawn
    over the estimate itself, and the band lies around that average (its σ is averaged as a variance).

    Args:
        path: PNG file; the PDF comes beside it.
        title: Stands above it, before the method.
        trace: The run; the band is drawn where it has "residual_std".
        pdf: Whether to write the PDF.

    Returns:
        The files.
    """
    v, style = trace.values, style_of(trace.label)
    time, deviation = v["time"], v.get("residual_std")
    with styled():
        figure = new_figure(10.0, 6.8)
        fate = ", fell" if trace.fell else ""
        figure.suptitle(f"{title}: wrench learned by {style.label}{fate}", fontsize=11, x=0.01, ha="left")
        panels = figure.subplots(3, 2, sharex=True)
        for number, axes in enumerate(panels.T.ravel()):
            truth, estimate = v["true_wrench"][:, number], v["residual"][:, number]
            mean, shown = cycle_average(time, estimate), [truth, estimate]
            if deviation is not None and np.isfinite(deviation[:, number]).any():
                known = np.isfinite(deviation[:, number])
                half = np.full(len(time), np.nan)
                half[known] = DEVIATIONS * np.sqrt(cycle_average(time[known], deviation[known, number] ** 2))
                axes.fill_between(
                    time, mean - half, mean + half, color=style.colour, alpha=0.18, lw=0, label="average ± 2 σ"
                )
                shown += [(mean - half)[known], (mean + half)[known]]
            axes.plot(time, estimate, color=style.colour, lw=0.6, alpha=0.5, label="learned")
            axes.plot(time, mean, color=style.colour, lw=1.8, label="average over a gait cycle, centred")
            axes.plot(time, truth, color=BLACK, ls="--", lw=1.2, label="true, from outside")
            _bound(axes, shown, LEAST_RANGE[number // 3])
            if trace.load is not None:
                axes.axvspan(*trace.load, color="0.5", alpha=0.1, lw=0)
            quantity, unit = ("force", "N") if number < 3 else ("moment", "N·m")
            axes.set_ylabel(f"{quantity} {COMPONENTS[number % 3]} [{unit}]")
            axes.set_xlim(float(time[0]), float(time[-1]))
        for axes in panels[-1]:
            axes.set_xlabel("time [s]")
        figure.align_ylabels()
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
        return save_figure(figure, path, pdf)


def _bound(axes: Axes, shown: Sequence[Array], least: float) -> None:
    """Let truth and estimate, the first two curves, set the scale, and the others widen it to a degree."""
    low, high = _range(shown[:2])
    spare = 0.5 * max(0.0, least - (high - low))
    low, high = low - spare, high + spare
    room = 0.5 * (MOST_WIDENED - 1.0) * (high - low)
    widest = _range(shown)
    low, high = max(low - room, min(low, widest[0])), min(high + room, max(high, widest[1]))
    axes.set_ylim(low - MARGIN * (high - low), high + MARGIN * (high - low))


def _range(curves: Sequence[Array]) -> tuple[float, float]:
    both = np.concatenate(curves)
    return float(np.percentile(both, 0.2)), float(np.percentile(both, 99.8))
