"""Tables and curves of improvement loops."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console

from evaluation.figure_style import GREY, new_figure, save_figure, styled
from evaluation.results import Row, compile_results, write_json
from evaluation.sail_curves import ALL, Gain, LoopCurve, measure_gains
from evaluation.table import markdown_table, rich_table
from policies.sail.filters import JUDGED, NONE, SUCCESS

COLOURS = {SUCCESS: "#D55E00", JUDGED: "#0072B2", NONE: GREY}
MOST_COLUMNS = 4
PANEL_INCH = (2.6, 2.2)


def write_report(loops: Sequence[LoopCurve], out: Path, console: Console) -> list[Gain]:
    """Write and show what loops came to: `report.md`, `curves.png` and `results.json`.

    Args:
        loops: Finished ones.
        out: Folder for the files.
        console: For the tables.

    Returns:
        Gains, by task and over all.

    Raises:
        InvalidValue: They cannot be summed up together.
    """
    gains = measure_gains(loops)
    iterations = [str(report.iteration) for report in loops[0].reports]
    heads = ["task", "filter", "seed", *iterations, "rollouts", "successes", "seen tasks"]
    body = [
        [
            *(loop.task, loop.method, str(loop.seed), *_percent(loop.shares)),
            *(str(sum(report.collected for report in loop.reports)), str(loop.found), _seen(loop)),
        ]
        for loop in loops
    ]
    means = ["task", "filter", "loops", *iterations, "gain [95 %]"]
    sums = [[gain.task, gain.method, str(gain.loops), *_percent(gain.shares), points_of(gain)] for gain in gains]
    console.print(rich_table(f"Success on {loops[0].reports[0].goals} goals after each iteration [%]", heads, body))
    console.print(rich_table("Mean of each task's loops [%]; gain of the last over the first [points]", means, sums))
    text = f"# Improvement loops\n\nSuccess after each iteration [%].\n\n{markdown_table(heads, body)}"
    text += f"\n## Means and gain\n\n{markdown_table(means, sums)}"
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(text, encoding="utf-8")
    plot_loops(loops, out / "curves.png")
    rows = [Row(loop.method, loop.task, loop.seed, _metrics(loop)) for loop in loops]
    curves = [
        {"task": loop.task, "method": loop.method, "seed": loop.seed, "reports": [r.to_dict() for r in loop.reports]}
        for loop in loops
    ]
    results = compile_results("sail", rows, gains=[asdict(gain) for gain in gains], loops=curves)
    write_json(out / "results.json", results)
    return gains


def plot_loops(loops: Sequence[LoopCurve], path: Path) -> list[Path]:
    """Draw success over iterations: each loop thin, the mean of a task's loops thick, and all tasks in the last panel.

    Args:
        loops: As many iterations each.
        path: The PNG file.

    Returns:
        The files.
    """
    tasks = list(dict.fromkeys(loop.task for loop in loops))
    panels = [*tasks, *([ALL] if len(tasks) > 1 else [])]
    columns = min(math.ceil(math.sqrt(len(panels))), MOST_COLUMNS)
    lines = -(-len(panels) // columns)
    with styled():
        figure = new_figure(PANEL_INCH[0] * columns, PANEL_INCH[1] * lines)
        grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        for number, (axes, task) in enumerate(zip(grid, panels, strict=False)):
            axes.tick_params(labelbottom=number + columns >= len(panels))
            for method in dict.fromkeys(loop.method for loop in loops):
                own = [loop for loop in loops if loop.method == method and task in (ALL, loop.task)]
                if not own:
                    continue
                colour, at = COLOURS.get(method, GREY), range(len(own[0].reports))
                if task != ALL:
                    for loop in own:
                        axes.plot(at, loop.shares, color=colour, linewidth=0.6, alpha=0.5)
                groups = [[loop.shares for loop in own if loop.task == name] for name in tasks]
                mean = np.mean([np.mean(group, axis=0) for group in groups if group], axis=0)
                axes.plot(at, mean, color=colour, marker="o", markersize=3, label=method)
            axes.set_title("all, each the same" if task == ALL else task)
            axes.set_xticks(range(len(loops[0].reports)))
            axes.set_ylim(-0.02, 1.02)
        figure.supxlabel("iteration", fontsize=10)
        figure.supylabel("success", fontsize=10)
        grid[0].legend(loc="upper left", frameon=False, title="filter")
        return save_figure(figure, path)


def _percent(shares: Sequence[float]) -> list[str]:
    return [f"{100.0 * share:.0f}" for share in shares]


def points_of(gain: Gain) -> str:
    """Write a gain down.

    Args:
        gain: The gain.

    Returns:
        In points, with its interval where there is one.
    """
    text = f"{100.0 * gain.gain:+.0f}"
    return text if gain.ci95 is None else f"{text} [{100.0 * gain.ci95[0]:+.0f}, {100.0 * gain.ci95[1]:+.0f}]"


def _seen(loop: LoopCurve) -> str:
    first, last = (np.mean(list(loop.reports[i].seen.values() or [np.nan])) for i in (0, -1))
    return "–" if np.isnan(first) else f"{100.0 * first:.0f} → {100.0 * last:.0f}"


def _metrics(loop: LoopCurve) -> dict[str, float | None]:
    first, last = loop.shares[0], loop.shares[-1]
    return {"first_success": first, "last_success": last, "gain": last - first, "steps": float(loop.reports[-1].steps)}
