"""Box plots of a metric, one figure per family of cases, with every trial on top."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

from evaluation.comparison import fell
from evaluation.families import Place, families
from evaluation.figure_style import new_figure, ordered, save_figure, style_of, styled
from evaluation.results import Row
from evaluation.table import Column

GROUP = 0.84
# A larger range is drawn on a logarithmic axis.
LINEAR_RANGE = 8.0


def plot_boxes(folder: Path, rows: Sequence[Row], column: Column, places: Mapping[str, Place]) -> list[Path]:
    """Draw a metric of all methods.

    Trials that fell have no number; how many they were stands above the place of their box.

    Args:
        folder: For the PNG and PDF files, named after metric and family.
        rows: Trials.
        column: Metric and how it is shown.
        places: Place of each case.

    Returns:
        The PNG files; none of families in which no trial has the metric.
    """
    files = []
    for family, cases in families(places).items():
        members = [row for row in rows if row.case in cases]
        if any(row.metrics.get(column.metric) is not None for row in members):
            path = folder / f"{column.metric}__{family}.png"
            files.append(_plot_family(path, family, cases, members, column))
    return files


def _plot_family(path: Path, family: str, cases: Sequence[str], rows: Sequence[Row], column: Column) -> Path:
    methods = ordered(row.method for row in rows)
    with styled():
        figure = new_figure(max(6.5, 1.6 + 0.26 * len(methods) * len(cases) + 0.3 * len(cases)), 4.2)
        axes = figure.subplots()
        shown: list[float] = []
        for place, case in enumerate(cases):
            for number, method in enumerate(methods):
                trials = [row for row in rows if (row.case, row.method) == (case, method)]
                values = [
                    abs(value) * column.scale
                    for row in trials
                    if not fell(row) and (value := row.metrics.get(column.metric)) is not None and np.isfinite(value)
                ]
                width = GROUP / len(methods)
                middle = place + (number - 0.5 * (len(methods) - 1)) * width
                _draw_box(axes, middle, 0.82 * width, values, method)
                down = sum(fell(row) for row in trials)
                if down:
                    axes.annotate(
                        f"{down} fell" if len(methods) * len(cases) <= 12 else f"{down}†",
                        (middle, 1.0),
                        xycoords=("data", "axes fraction"),
                        ha="center",
                        va="bottom",
                        fontsize=8,
                        color=style_of(method).colour,
                    )
                shown += values
        _scale(axes, shown)
        axes.set_xticks(range(len(cases)), [case.replace("_", " ") for case in cases])
        axes.set_xlim(-0.5, len(cases) - 0.5)
        for border in range(1, len(cases)):
            axes.axvline(border - 0.5, color="0.8", lw=0.8)
        axes.grid(axis="x", visible=False)
        axes.set_ylabel(column.title)
        falls = any(fell(row) for row in rows)
        note = "   († trials that fell, not in the boxes)" if falls else ""
        axes.set_title(f"{family.replace('_', ' ')}{note}", loc="left", pad=18 if falls else 6)
        handles = [Patch(facecolor=style_of(m).colour, alpha=0.6, label=style_of(m).label) for m in methods]
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        save_figure(figure, path)
    return path


def _draw_box(axes: Axes, middle: float, width: float, values: Sequence[float], method: str) -> None:
    if not values:
        return
    style = style_of(method)
    axes.boxplot(
        [values],
        positions=[middle],
        widths=width,
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": style.colour, "alpha": 0.45, "edgecolor": style.colour},
        medianprops={"color": "black", "linewidth": 1.3},
        whiskerprops={"color": style.colour},
        capprops={"color": style.colour},
    )
    spread = np.linspace(-0.28, 0.28, len(values)) * width if len(values) > 1 else np.zeros(1)
    axes.plot(middle + spread, values, ".", color=style.colour, mec="black", mew=0.3, ms=5, zorder=3)


def _scale(axes: Axes, values: Sequence[float]) -> None:
    positive = [value for value in values if value > 0.0]
    if positive and max(positive) > LINEAR_RANGE * min(positive):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(
            FuncFormatter(lambda value, _: f"{value:g}") if max(positive) < 30.0 * min(positive) else NullFormatter()
        )
        axes.tick_params(axis="y", which="minor", labelsize=7)
    else:
        axes.set_ylim(bottom=0.0)
