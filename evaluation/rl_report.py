"""Tables and curves of trainings that differ in their reward."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from evaluation.figure_style import GREY, new_figure, save_figure, styled
from evaluation.results import Row
from evaluation.statistics import bootstrap_ci95
from evaluation.table import markdown_table, rich_table
from policies.rl.reward_forms import ABSOLUTE, NAIVE, SHAPED, SPARSE
from policies.rl.training import CURVE

COLOURS = {SPARSE: GREY, SHAPED: "#D55E00", ABSOLUTE: "#0072B2", NAIVE: "#009E73"}
LINES = {"oracle": "--"}
HEADS = ["task", "reward", "seeds", "at the start", "at the end", "mean over the curve", "rollouts to 80 %"]


def cells(rows: Sequence[Row], rollouts: int) -> list[list[str]]:
    """Lay trainings out.

    Args:
        rows: Trainings.
        rollouts: Of each.

    Returns:
        A row of texts for each task and reward. Rollouts to 80 % are the median; the number of trainings that never
        got there stands behind.
    """
    table = []
    for task, method in dict.fromkeys((row.case, row.method) for row in rows):
        found = [row for row in rows if (row.case, row.method) == (task, method)]
        shares = [_share([row.metrics[name] or 0.0 for row in found]) for name in SHARES]
        missed = sum(not row.metrics["reached"] for row in found)
        middle = float(np.median([row.metrics["rollouts_to_80"] or 0.0 for row in found]))
        text = f"{middle:.0f}" if 2 * missed < len(found) else f"> {rollouts}"
        table.append([task, method, str(len(found)), *shares, text + (f" ({missed} never)" if missed else "")])
    return table


SHARES = ("start_success", "final_success", "mean_success")


def _share(values: Sequence[float]) -> str:
    ci95 = bootstrap_ci95(values)
    text = f"{100.0 * float(np.mean(values)):.0f} %"
    return text if ci95 is None else f"{text} [{100.0 * ci95[0]:.0f}, {100.0 * ci95[1]:.0f}]"


def compare(rows: Sequence[Row], ours: str, other: str, metric: str) -> list[dict[str, Any]]:
    """Compare two rewards seed by seed, task by task and over all tasks.

    Args:
        rows: Trainings.
        ours: Name of a reward.
        other: Name of that which it is compared with.
        metric: Name of what is compared.

    Returns:
        For each task with pairs, and for "all": "task", "ours", "other", "metric", "difference" (mean of the pairs),
        "ci95" (bootstrap over pairs; None for a single pair) and "n".
    """
    values = {(row.case, row.method, row.seed): row.metrics.get(metric) for row in rows}
    tasks = list(dict.fromkeys(row.case for row in rows))
    gaps: dict[str, list[float]] = {task: [] for task in tasks}
    for (task, method, seed), value in values.items():
        against = values.get((task, other, seed))
        if method == ours and value is not None and against is not None:
            gaps[task].append(value - against)
    gaps["all"] = [gap for task in tasks for gap in gaps[task]]
    found = []
    for task, differences in gaps.items():
        if differences:
            entry = {"task": task, "ours": ours, "other": other, "metric": metric}
            numbers = {"difference": float(np.mean(differences)), "ci95": bootstrap_ci95(differences)}
            found.append({**entry, **numbers, "n": len(differences)})
    return found


def write_tables(rows: Sequence[Row], rollouts: int, out: Path, console: Console) -> list[dict[str, Any]]:
    """Write and show what came out.

    Args:
        rows: Trainings.
        rollouts: Of each.
        out: Folder for `report.md`.
        console: For the tables.

    Returns:
        Comparisons of every reward with the sparse one.
    """
    body = cells(rows, rollouts)
    console.print(rich_table(f"Success within {rollouts} rollouts", HEADS, body))
    others = [method for method in dict.fromkeys(row.method for row in rows) if method != SPARSE]
    pairs = [
        entry
        for method in others
        for metric in ("rollouts_to_80", "mean_success", "final_success")
        for entry in compare(rows, method, SPARSE, metric)
    ]
    heads = ["task", "reward", "metric", "less sparse [95 %]", "pairs"]
    lines = [[entry["task"], entry["ours"], entry["metric"], _difference(entry), str(entry["n"])] for entry in pairs]
    console.print(rich_table("Paired with sparse reward", heads, lines, left=3))
    went = [row for row in rows if row.metrics.get("goes") is not None]
    ledge = [
        [
            method,
            f"{sum(row.metrics['goes'] or 0.0 for row in went if row.method == method):.0f} of "
            f"{sum(row.method == method for row in went)}",
        ]
        for method in dict.fromkeys(row.method for row in went)
    ]
    text = f"# Success within {rollouts} rollouts\n\n{markdown_table(HEADS, body)}"
    text += f"\n## Paired with sparse reward\n\n{markdown_table(heads, lines, left=3)}"
    if ledge:
        console.print(rich_table("Leaves the ledge", ["reward", "trainings"], ledge, left=1))
        text += f"\n## Leaves the ledge\n\n{markdown_table(['reward', 'trainings'], ledge, left=1)}"
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(text, encoding="utf-8")
    return pairs


def _difference(entry: dict[str, Any]) -> str:
    text = f"{entry['difference']:+.2f}"
    return text if entry["ci95"] is None else f"{text} [{entry['ci95'][0]:+.2f}, {entry['ci95'][1]:+.2f}]"


def plot_curves(rows: Sequence[Row], folder: Callable[[Row], Path], path: Path) -> list[Path]:
    """Draw success of evaluations over rollouts: each training thin, their mean thick.

    Args:
        rows: Trainings.
        folder: Where each keeps its curve.
        path: The PNG file.

    Returns:
        The files.
    """
    tasks = list(dict.fromkeys(row.case for row in rows))
    with styled():
        figure = new_figure(3.4 * len(tasks), 3.0)
        panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
        for axes, task in zip(panels, tasks, strict=True):
            for method in dict.fromkeys(row.method for row in rows if row.case == task):
                form, _, source = method.partition(":")
                look = {"color": COLOURS[form], "linestyle": LINES.get(source, "-")}
                curves = [_evaluations(folder(row)) for row in rows if (row.case, row.method) == (task, method)]
                for at, share in curves:
                    axes.plot(at, share, linewidth=0.6, alpha=0.4, **look)
                axes.plot(curves[0][0], np.mean([share for _, share in curves], axis=0), label=method, **look)
            axes.set_title(task)
            axes.set_xlabel("rollouts")
            axes.set_ylim(-0.02, 1.02)
        panels[0].set_ylabel("success without noise")
        panels[0].legend(loc="best", frameon=False)
        return save_figure(figure, path)


def _evaluations(folder: Path) -> tuple[list[float], list[float]]:
    curve = json.loads((folder / CURVE).read_text(encoding="utf-8"))["curve"]
    kept = [entry for entry in curve if entry["evaluated"] is not None]
    return [entry["rollouts"] for entry in kept], [entry["evaluated"] for entry in kept]
