"""How much better or worse one method is than every other, with intervals."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.comparison import Comparison
from evaluation.figure_style import new_figure, ordered, save_figure, style_of, styled

LEVEL = 0.05
FARTHEST = 200.0


def plot_forest(path: Path, comparisons: Sequence[Comparison], title: str) -> list[Path]:
    """Draw the relative differences of one metric, a group of bars per case.

    Filled points differ significantly after Holm's correction.

    Args:
        path: PNG file; the PDF comes beside it.
        comparisons: Of one method and one metric.
        title: What the metric is.

    Returns:
        The PNG file; nothing without pairs.
    """
    shown = [c for c in comparisons if c.n and np.isfinite(c.relative)]
    if not shown:
        return []
    cases, methods = list(dict.fromkeys(c.case for c in shown)), ordered(c.other for c in shown)
    with styled():
        figure = new_figure(9.5, 1.5 + len(cases) * (0.2 + 0.13 * len(methods)))
        axes = figure.subplots()
        labelled = set()
        for c in shown:
            style = style_of(c.other)
            place = cases.index(c.case) + 0.8 * ((methods.index(c.other) + 0.5) / len(methods) - 0.5)
            middle = min(100 * c.relative, FARTHEST)
            if c.ci95 is not None:
                ends = np.clip(100 * np.array(c.ci95), -100.0, FARTHEST)
                axes.plot(ends, [place, place], color=style.colour, lw=1.6, solid_capstyle="butt")
            significant = c.p_holm is not None and c.p_holm < LEVEL
            axes.plot(
                middle,
                place,
                style.marker,
                color=style.colour,
                mfc=style.colour if significant else "white",
                ms=5.5,
                label=None if c.other in labelled else f"against {style.label}",
            )
            labelled.add(c.other)
        axes.axvline(0.0, color="black", lw=1.0)
        axes.axvspan(axes.get_xlim()[0], 0.0, color="#009E73", alpha=0.05, lw=0)
        axes.margins(x=0.02)
        axes.set_yticks(range(len(cases)), [case.replace("_", " ") for case in cases])
        axes.set_ylim(len(cases) - 0.5, -0.5)
        for border in range(1, len(cases)):
            axes.axhline(border - 0.5, color="0.85", lw=0.8)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(
            f"difference of {style_of(shown[0].ours).label} [%] (left of 0: lower error), with 95 % intervals;\n"
            f"filled: p < {LEVEL:g} (Wilcoxon, Holm)"
        )
        axes.set_title(title, loc="left")
        drawn = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        labels = [label for method in methods if (label := f"against {style_of(method).label}") in drawn]
        handles = [drawn[label] for label in labels]
        axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        save_figure(figure, path)
    return [path]
