"""Policies that were cloned from what improvement loops kept, beside the loops' own planners on the same goals."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from controllers.errors import InvalidValue
from evaluation.results import Row, compile_results, write_json
from evaluation.sail_curves import LoopCurve, measure_gains, read_loop
from evaluation.sail_report import points_of
from evaluation.table import rich_table
from policies.sail.iteration_report import IterationReport
from policies.sail.kept_episodes import find_own
from policies.sail.loop import EVALUATED
from policies.sail.loop_folder import find_kept
from policies.sail.records import read_json
from policies.sail.rollouts import Batch, Studio, run_batch

REACHED, POLICY = "reached.json", "policy"
BY, GOALS = "by", "reached"
TOGETHER = 10


def distil(loop: LoopCurve, source: Path, data: Sequence[Path], studio: Studio, out: Path, console: Console) -> Path:
    """Clone what a loop kept, or go on where that was stopped.

    Args:
        loop: The loop.
        source: Its folder.
        data: Folders of episodes that it was run with.
        studio: Clones (`policies.sail.cloning_studio`); worlds are its, too.
        out: For the policy.
        console: For what is going on.

    Returns:
        Folder of the policy.

    Raises:
        InvalidValue: The data are not those of the loop, or a file is damaged.
    """
    kept = find_kept(source, find_own(loop.task, data))
    console.print(f"{loop.task}, seed {loop.seed}: {len(kept)} episodes were kept")
    for text in studio.improve(None, kept, kept, out / POLICY, loop.seed):
        console.print(text)
    return out / POLICY


def measure_distilled(
    sources: Sequence[Path], data: Sequence[Path], studio: Studio, by: str, out: Path, console: Console
) -> list[LoopCurve]:
    """Distil loops and compare each policy with the loop's last planner, goal by goal.

    Args:
        sources: Folders of finished loops.
        data: Folders of episodes that they were run with.
        studio: Clones.
        by: What makes its policies other ones, such as settings and first weights.
        out: For policies and `results.json`; what is there is not done again.
        console: For the table.

    Returns:
        For each loop its last planner and, after it, the policy.

    Raises:
        InvalidValue: A loop is not finished or there twice, the data are not its own, a file is damaged, or the folder
            holds policies of other settings.
    """
    loops = [read_loop(source) for source in sources]
    for loop in loops:
        if not loop.finished:
            raise InvalidValue(f"the loop of '{loop.task}', seed {loop.seed}, is not finished")
    names = [name_of(loop) for loop in loops]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidValue(f"loops are there twice: {twice}")
    pairs = []
    for loop, name, source in zip(loops, names, sources, strict=True):
        place, goals = out / name, loop.reports[-1].goals
        found, wanted = read_json(place / REACHED), f"{by}, {len(loop.reports)} iterations"
        if found is None:
            policy = distil(loop, source, data, studio, place, console)
            found = {BY: wanted, GOALS: _evaluate(studio, policy, loop.task, goals)}
            write_json(place / REACHED, found)
        if found[BY] != wanted:
            raise InvalidValue(f"'{place}' holds another policy ({found[BY]}, not {wanted}); choose another folder")
        reached = found[GOALS]
        share = sum(reached) / len(reached)
        console.print(f"{loop.task}, seed {loop.seed}: planner {loop.shares[-1]:.0%}, policy {share:.0%}")
        last = replace(loop.reports[-1], iteration=0)
        pairs.append(replace(loop, reports=(last, IterationReport(1, share, goals, tuple(reached)))))
    _report(pairs, out, console)
    return pairs


def name_of(loop: LoopCurve) -> str:
    """Name the folder of a loop's policy.

    Args:
        loop: The loop.

    Returns:
        The name.
    """
    return f"{loop.task}__{loop.method}__{loop.seed}"


def _evaluate(studio: Studio, policy: Path, task: str, goals: int) -> list[bool]:
    seeds = [EVALUATED + i for i in range(goals)]
    lots: list[tuple[int, ...]] = [tuple(seeds[i : i + TOGETHER]) for i in range(0, goals, TOGETHER)]
    # A policy looks again after every frame.
    return [result.success for lot in lots for result in run_batch(Batch(studio, policy, task, lot, 1, None))]


def _report(pairs: Sequence[LoopCurve], out: Path, console: Console) -> None:
    rows = [
        [gain.task, gain.method, str(gain.loops), *(f"{100.0 * share:.0f}" for share in gain.shares), points_of(gain)]
        for gain in measure_gains(pairs)
    ]
    heads = ["task", "filter", "loops", "planner", "policy", "difference [95 %]"]
    title = "Success of each loop's planner, and of the policy cloned from what it kept [%]"
    console.print(rich_table(title, heads, rows))
    found = [
        Row(p.method, p.task, p.seed, {"planner_success": p.shares[0], "policy_success": p.shares[1]}) for p in pairs
    ]
    write_json(out / "results.json", compile_results("distilled", found))
