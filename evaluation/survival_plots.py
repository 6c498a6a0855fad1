"""The frontier of survival: the share of trials survived against the level of the load."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evaluation.comparison import fell
from evaluation.families import Place, families
from evaluation.figure_style import new_figure, ordered, save_figure, style_of, styled
from evaluation.results import Row
from evaluation.statistics import wilson_ci95

COLUMNS = 2
# Points that lie on each other are parted along the axis of the level by this share of its range.
SHIFT = 0.011


def plot_survival(path: Path, rows: Sequence[Row], places: Mapping[str, Place], ours: str | None = None) -> list[Path]:
    """Draw the share survived of every family that has at least two levels.

    Args:
        path: PNG file; the PDF comes beside it.
        rows: Trials.
        places: Place of each case.
        ours: Method that is drawn bold, with the 95 % interval of its share (Wilson).

    Returns:
        The PNG file; nothing where no family has two levels.
    """
    frontiers = {}
    for family, cases in families(places).items():
        levels = {places[case].level for case in cases if places[case].level is not None}
        if len(levels) >= 2:
            frontiers[family] = [case for case in cases if places[case].level is not None]
    if not frontiers:
        return []
    with styled():
        columns = min(COLUMNS, len(frontiers))
        lines = -(-len(frontiers) // columns)
        figure = new_figure(5.0 * columns + 2.4, 0.5 + 3.1 * lines)
        panels = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
        for axes in panels[len(frontiers) :]:
            axes.set_visible(False)
        methods = ordered(row.method for row in rows)
        for axes, (family, cases) in zip(panels, frontiers.items(), strict=False):
            for number, method in enumerate(methods):
                curve = _curve([row for row in rows if row.method == method], cases, places)
                if not len(curve):
                    continue
                style = style_of(method)
                level, share, low, high = curve.T
                aside = SHIFT * (number - 0.5 * (len(methods) - 1)) * (level[-1] - level[0])
                if method == ours:
                    axes.fill_between(level, 100 * low, 100 * high, color=style.colour, alpha=0.13, lw=0)
                axes.plot(
                    level + aside,
                    100 * share,
                    color=style.colour,
                    ls=style.line,
                    marker=style.marker,
                    ms=5,
                    lw=2.2 if method == ours else 1.3,
                    zorder=3 if method == ours else 2,
                    label=style.label,
                )
            unit = next((places[case].unit for case in cases if places[case].unit), "")
            axes.set_title(family.replace("_", " "), loc="left")
            axes.set_xlabel(f"level [{unit}]" if unit else "level")
            axes.set_xticks(sorted({places[case].level for case in cases}))
            axes.set_ylim(-6, 106)
        for axes in panels[::columns]:
            axes.set_ylabel("trials survived [%]")
        handles = {
            label: handle
            for axes in panels[: len(frontiers)]
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside right upper", frameon=False)
        save_figure(figure, path)
    return [path]


def _curve(rows: Sequence[Row], cases: Sequence[str], places: Mapping[str, Place]) -> np.ndarray:
    points = []
    for level in dict.fromkeys(places[case].level for case in cases):
        here = [row for row in rows if row.case in cases and places[row.case].level == level]
        if level is None or not here:
            continue
        survived = sum(not fell(row) for row in here)
        interval = wilson_ci95(survived, len(here)) or (0.0, 1.0)
        points.append((level, survived / len(here), *interval))
    return np.array(points)
