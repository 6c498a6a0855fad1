"""Regret over time: the median of the seeds and the band of their quartiles."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from evaluation.figure_style import new_figure, ordered, save_figure, style_of, styled
from evaluation.regret import Regret, regrets
from evaluation.results import Row

# Per-step regret of the first moments is that of a few steps: it says little and would set the scale.
SKIPPED_S = 0.5
# Smaller regret per step is drawn on a linear scale where some of it is negative.
LINEAR_BELOW = 0.01


def plot_regret(folder: Path, rows: Sequence[Row], results: Path, comparator: str) -> list[Path]:
    """Draw the regret of all methods, one figure per case.

    Args:
        folder: For the PNG and PDF files, named after the case.
        rows: Trials.
        results: Folder of the results, with the costs of the trials.
        comparator: What the methods are compared with.

    Returns:
        The PNG files; none for cases in which the comparator was not run.
    """
    known = regrets(rows, results, comparator)
    files = []
    for case in dict.fromkeys(case for case, _, _ in known):
        kept: dict[str, list[Regret]] = {}
        out: dict[str, int] = {}
        for (name, method, _), regret in known.items():
            if name == case and regret is not None:
                kept.setdefault(method, []).append(regret)
            elif name == case:
                out[method] = out.get(method, 0) + 1
        if kept:
            files += _plot_case(folder / f"{case}.png", case, kept, out, comparator)
    return files


def _plot_case(
    path: Path, case: str, kept: dict[str, list[Regret]], out: dict[str, int], comparator: str
) -> list[Path]:
    with styled():
        figure = new_figure(11.5, 3.9)
        total, per_step = figure.subplots(1, 2)
        for method in ordered([*kept, *out]):
            style = style_of(method)
            label = style.label + (f" ({out[method]} fell)" if out.get(method) else "")
            if method not in kept:
                total.plot([], [], color=style.colour, ls=style.line, label=label)
                continue
            members = kept[method]
            # The onset varies with the seed, and with it how long the robot walks on.
            count = min(len(regret.time) for regret in members)
            time = members[0].time[:count]
            later = time >= SKIPPED_S - 1e-9
            for axes, curves, shown in (
                (total, np.array([r.cumulative[:count] for r in members]), slice(None)),
                (per_step, np.array([r.per_step[:count] for r in members]), later),
            ):
                low, middle, high = np.percentile(curves[:, shown], (25, 50, 75), axis=0)
                axes.plot(time[shown], middle, color=style.colour, ls=style.line, lw=1.6, label=label)
                if len(members) > 1:
                    axes.fill_between(time[shown], low, high, color=style.colour, alpha=0.15, lw=0)
        _scale(per_step)
        seeds = max(len(members) for members in kept.values())
        band = ", band: quartiles" if seeds > 1 else ""
        figure.suptitle(
            f"{case.replace('_', ' ')}: regret against the {comparator} (median of {seeds} "
            f"seed{'s' if seeds > 1 else ''}{band})",
            fontsize=11,
            x=0.01,
            ha="left",
        )
        total.set_ylabel("regret [stage cost · s]")
        per_step.set_ylabel("regret per step [stage cost]")
        for axes in (total, per_step):
            if axes.get_yscale() != "log":
                axes.axhline(0.0, color="black", lw=0.9)
            axes.set_xlabel("time since costs count [s]")
            axes.set_xlim(left=0.0)
        handles, labels = total.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", frameon=False)
        return save_figure(figure, path)[:1]


def _scale(axes: Axes) -> None:
    """Part methods that are far apart: logarithmic, and linear about zero where regret is not positive."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()])
    if (values > 0.0).all():
        axes.set_yscale("log")
    else:
        axes.set_yscale("symlog", linthresh=LINEAR_BELOW)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
