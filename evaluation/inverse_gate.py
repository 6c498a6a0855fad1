"""Measures what inverse dynamics is worth with perfect plans, task by task."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from evaluation.results import Row, compile_results, write_json
from evaluation.statistics import wilson_ci95
from evaluation.table import rich_table
from policies.video.perfect_plan import EXPERT, MODES, TRUE, Infer, follow
from sim.image_world import WorldConfig
from sim.worlds import make_world


def gate(
    world: str, tasks: Sequence[str], seeds: Sequence[int], infer: Infer | None, steps: int, out: Path, console: Console
) -> list[Row]:
    """Run all modes on the same episodes, and write `results.json`.

    Args:
        world: Name of the world.
        tasks: Names of tasks.
        seeds: Of the episodes of each task.
        infer: Inverse dynamics; without it only the modes that need none are run.
        steps: Of a plan.
        out: For the results, written after every task.
        console: For the table.

    Returns:
        All trials.
    """
    modes = MODES if infer is not None else (EXPERT, TRUE)
    rows: list[Row] = []
    for task in tasks:
        place = make_world(world, task, WorldConfig(cameras=()))
        try:
            for mode in modes:
                for seed in seeds:
                    found = follow(place, seed, mode, infer, steps)
                    metrics: dict[str, float | None] = {"success": float(found.success), "steps": float(found.steps)}
                    if mode not in (EXPERT, TRUE):
                        metrics["displacement_error_m"] = found.error_m
                    rows.append(Row(mode, task, seed, metrics))
        finally:
            place.close()
        shares = ", ".join(f"{mode} {100.0 * share(rows, mode, task):.0f} %" for mode in modes)
        console.print(f"{task}: {shares}")
        write_json(out / "results.json", compile_results("inverse_gate", rows, plan_steps=steps))
    console.print(rich_table("Perfect plans", ["task", *modes], cells(rows, tasks, modes), left=1))
    return rows


def share(rows: Sequence[Row], mode: str, task: str | None = None) -> float:
    """Tell how often a mode succeeded.

    Args:
        rows: Trials.
        mode: The mode.
        task: The task; None for all.

    Returns:
        Share of its trials.
    """
    found = [row.metrics["success"] or 0.0 for row in rows if row.method == mode and task in (None, row.case)]
    return sum(found) / len(found)


def cells(rows: Sequence[Row], tasks: Sequence[str], modes: Sequence[str]) -> list[list[str]]:
    """Make a table of success.

    Args:
        rows: Trials.
        tasks: Its rows.
        modes: Its columns.

    Returns:
        Cells: a row per task and one for all, with the interval of Wilson that treats all trials alike.
    """
    table = [[task, *(f"{100.0 * share(rows, mode, task):.0f} %" for mode in modes)] for task in tasks]
    last = ["all"]
    for mode in modes:
        count = sum(row.method == mode for row in rows)
        low, high = wilson_ci95(round(share(rows, mode) * count), count) or (0.0, 1.0)
        last.append(f"{100.0 * share(rows, mode):.0f} % [{100.0 * low:.0f}, {100.0 * high:.0f}]")
    return [*table, last]
