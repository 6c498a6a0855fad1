"""What improvement loops left in their folders: success of every planner on the same goals."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from controllers.errors import InvalidValue
from evaluation.statistics import Interval, nested_bootstrap_ci95
from policies.sail.iteration_report import IterationReport
from policies.sail.loop_folder import ITERATION, REPORT, SETTINGS
from policies.sail.records import read_json


@dataclass(frozen=True)
class LoopCurve:
    """An improvement loop.

    Attributes:
        task: The new task.
        method: Its filter.
        seed: Of its rollouts and trainings.
        reports: Of its iterations, the first planner's first.
    """

    task: str
    method: str
    seed: int
    reports: tuple[IterationReport, ...]

    @property
    def finished(self) -> bool:
        """Whether the last training's planner was evaluated."""
        return self.reports[-1].collected == 0

    @property
    def shares(self) -> list[float]:
        """Success of each iteration's planner."""
        return [report.success for report in self.reports]

    @property
    def gains(self) -> list[float]:
        """For each goal, in the order of their seeds: 1 where only the last planner reaches it, -1 only the first."""
        pairs = zip(self.reports[0].reached, self.reports[-1].reached, strict=True)
        return [float(last) - float(first) for first, last in pairs]

    @property
    def found(self) -> int:
        """Rollouts that succeeded, of all that were collected."""
        return sum(round((report.collected_success or 0.0) * report.collected) for report in self.reports)


@dataclass(frozen=True)
class Gain:
    """What loops made of the first planner.

    Attributes:
        task: Their task; "all" for all of them together.
        method: Their filter.
        tasks: How many tasks.
        loops: How many loops.
        shares: Mean success of each iteration's planner, each task counted the same.
        gain: The last of them less the first.
        ci95: Of the gain: tasks (where there are several), loops and goals resampled.
    """

    task: str
    method: str
    tasks: int
    loops: int
    shares: tuple[float, ...]
    gain: float
    ci95: Interval | None


ALL = "all"


def find_loops(places: Sequence[Path]) -> list[Path]:
    """Look for loops.

    Args:
        places: Folders of loops, or folders that hold such.

    Returns:
        The loops' folders, those of each place by name.

    Raises:
        InvalidValue: A place holds none.
    """
    found = []
    for place in places:
        here = [place] if (place / SETTINGS).is_file() else sorted(file.parent for file in place.glob(f"*/{SETTINGS}"))
        if not here:
            raise InvalidValue(f"'{place}' holds no improvement loop: there is no {SETTINGS} in it or one folder below")
        found += here
    return found


def read_loop(folder: Path) -> LoopCurve:
    """Read what is known of a loop.

    Args:
        folder: Its folder.

    Returns:
        The loop, with the iterations that are over.

    Raises:
        InvalidValue: It holds no loop, none of its iterations is over, or a file is damaged.
    """
    settings = read_json(folder / SETTINGS)
    try:
        task, seed, method = str(settings["task"]), int(settings["seed"]), str(settings["name"]).split(" ")[0]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidValue(f"'{folder / SETTINGS}' holds no settings of a loop: {error}") from error
    reports: list[IterationReport] = []
    while (values := read_json(path := folder / f"{ITERATION}{len(reports)}" / REPORT)) is not None:
        reports.append(IterationReport.from_dict(values, str(path)))
    if not reports:
        raise InvalidValue(f"none of the iterations of '{folder}' is over")
    if len({report.goals for report in reports}) > 1:
        raise InvalidValue(f"iterations of '{folder}' were evaluated on different numbers of goals")
    return LoopCurve(task, method, seed, tuple(reports))


def measure_gains(loops: Sequence[LoopCurve]) -> list[Gain]:
    """Sum loops up by task, and over all tasks.

    Args:
        loops: Finished loops, with as many iterations each.

    Returns:
        For each filter its tasks in order of appearance and, where there are several, all of them together.

    Raises:
        InvalidValue: A loop is not finished, another number of iterations long, or there twice.
    """
    for loop in loops:
        if not loop.finished:
            raise InvalidValue(f"the loop of '{loop.task}', seed {loop.seed}, is not finished")
    if len({len(loop.reports) for loop in loops}) > 1:
        raise InvalidValue(f"loops differ in their iterations: {sorted({len(loop.reports) - 1 for loop in loops})}")
    keys = [(loop.method, loop.task, loop.seed) for loop in loops]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise InvalidValue(f"loops are there twice: {twice}")
    found = []
    for method in dict.fromkeys(loop.method for loop in loops):
        own = [loop for loop in loops if loop.method == method]
        tasks = {task: [loop for loop in own if loop.task == task] for task in dict.fromkeys(loop.task for loop in own)}
        found += [_gain(task, method, [members]) for task, members in tasks.items()]
        if len(tasks) > 1:
            found.append(_gain(ALL, method, list(tasks.values())))
    return found


def _gain(task: str, method: str, groups: Sequence[Sequence[LoopCurve]]) -> Gain:
    shares = np.mean([np.mean([loop.shares for loop in group], axis=0) for group in groups], axis=0)
    ci95 = nested_bootstrap_ci95([[loop.gains for loop in group] for group in groups])
    loops = sum(len(group) for group in groups)
    return Gain(task, method, len(groups), loops, tuple(shares.tolist()), float(shares[-1] - shares[0]), ci95)
