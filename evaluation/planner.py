"""Measures planners on the same episodes: the split between imagining and acting, forms of adaptation, cloning."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from controllers.errors import InvalidValue, UnknownName
from evaluation.journal import Journal, digest_files
from evaluation.results import Row, compile_results, write_json
from evaluation.statistics import bootstrap_ci95, wilson_ci95
from evaluation.table import rich_table
from policies.video.commitment import CommitmentConfig
from policies.video.execution import ExecutionConfig, execute_all
from policies.video.open_video import OPEN
from policies.video.perfect_plan import ALL, EXPERT, follow
from policies.video.planner import Planner
from policies.video.shipped import CLONED, METHODS, SHIPPED, WEIGHTS, load_inverse, load_planner
from sim.image_world import World, WorldConfig
from sim.world_tasks import MANIPULATION, TASK_LISTS
from sim.worlds import make_world

# Reference lines: nothing learned, and a perfect plan with the learned inverse dynamics.
PERFECT = "perfect_plan"
# A perfect plan shows what is one frame ahead, which is as far as inverse dynamics looks at once.
PERFECT_STEPS = 5
REFERENCES = (EXPERT, PERFECT)
JOURNAL = "trials.jsonl"
MANY = 3


class PlannerTrial(NamedTuple):
    """An episode of a method."""

    method: str
    task: str
    seed: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from others."""
        return self.method, self.task, self.seed


@dataclass(frozen=True)
class PlannerSuite:
    """What is measured.

    Attributes:
        world: Which body.
        tasks: Names of tasks.
        methods: "expert", "perfect_plan", or methods of `policies.video.shipped`.
        seeds: Of the episodes of each task, the same for every method.
        commitment: For how long a plan is followed before the next one is made; a cloned policy has no future to hold
            on to where it stands still, and never follows for longer.
        horizon: Actions after which an episode is cut.
        weights: Folder of the weights.
        pipeline: Folder of an open video model, for the method "open".
    """

    world: str = MANIPULATION
    tasks: tuple[str, ...] = TASK_LISTS[MANIPULATION]["train"]
    methods: tuple[str, ...] = (*REFERENCES, *SHIPPED)
    seeds: tuple[int, ...] = tuple(range(10))
    commitment: CommitmentConfig = field(default_factory=CommitmentConfig)
    horizon: int = 200
    weights: Path = field(default=WEIGHTS)
    pipeline: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be measured.

        Raises:
            UnknownName: There is no such method.
            InvalidValue: There is no task, method or seed, or an open model is asked for but not named, or the reverse.
        """
        for method in self.methods:
            if method not in (*REFERENCES, *METHODS):
                raise UnknownName("method of the planner", method, (*REFERENCES, *METHODS))
        for name in ("tasks", "methods", "seeds"):
            if not getattr(self, name):
                raise InvalidValue(f"PlannerSuite.{name} must name at least one, got none")
        if (OPEN in self.methods) != (self.pipeline is not None):
            raise InvalidValue(
                f"the method '{OPEN}' and PlannerSuite.pipeline, the folder of an open video model, need each other; "
                f"got {', '.join(self.methods)} and {self.pipeline}"
            )

    def fingerprint(self) -> str:
        """Digest all that decides the outcome of a trial beside its task, method and seed."""
        files = sorted(self.weights.glob(f"planner_{self.world}_*.safetensors"))
        text = f"{digest_files((path.name, path) for path in files)} {self.world} {self.commitment} {self.horizon}"
        text += f" {_digest_pipeline(self.pipeline)}" if self.pipeline is not None else ""
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def measure(suite: PlannerSuite, out: Path, console: Console) -> list[Row]:
    """Run what has not been run, and write `results.json` after every task.

    Args:
        suite: What is measured.
        out: For the results; a folder of an interrupted run is gone on with.
        console: For tables.

    Returns:
        All trials.
    """
    mark = suite.fingerprint()
    journal = Journal(out / JOURNAL, lambda trial: f"{mark} {' '.join(map(str, trial.key))}")
    done = journal.finished(
        PlannerTrial(method, task, seed) for task in suite.tasks for method in suite.methods for seed in suite.seeds
    )
    planners: dict[str, Planner] = {}
    rows: list[Row] = []
    for task in suite.tasks:
        worlds: list[World] = []
        try:
            for method in suite.methods:
                missing = [seed for seed in suite.seeds if (method, task, seed) not in done]
                for row in _run(suite, task, method, missing, worlds, planners):
                    trial = PlannerTrial(method, task, row.seed)
                    journal.append(trial, row)
                    done[trial.key] = row
                rows += [done[method, task, seed] for seed in suite.seeds]
        finally:
            for world in worlds:
                world.close()
        shares = ", ".join(f"{method} {100.0 * _mean(rows, method, task):.0f} %" for method in suite.methods)
        console.print(f"{task}: {shares}")
        write_json(out / "results.json", compile_results("planner", rows, **_about(suite)))
    heads = ["method", *suite.tasks, "mean", "95 % (tasks)", "95 % (Wilson)", "plan [ms]"]
    console.print(rich_table("Success of planners", heads, cells(rows, suite), left=1))
    return rows


def cells(rows: Sequence[Row], suite: PlannerSuite) -> list[list[str]]:
    """Make a table: a row for each method.

    Args:
        rows: Trials.
        suite: What was measured.

    Returns:
        Cells: success on each task and on all; the interval of the mean of tasks by bootstrap over tasks, and that of
        Wilson, which treats all trials alike; duration of a plan.
    """
    table = []
    for method in suite.methods:
        by_task = [_mean(rows, method, task) for task in suite.tasks]
        members = [row for row in rows if row.method == method]
        over_tasks = bootstrap_ci95(by_task)
        wilson = wilson_ci95(sum(bool(row.metrics["success"]) for row in members), len(members))
        times = [value for row in members if (value := row.metrics.get("plan_time_s")) is not None]
        table.append(
            [
                method,
                *(f"{100.0 * share:.0f} %" for share in by_task),
                f"{100.0 * sum(by_task) / len(by_task):.1f} %",
                _interval(over_tasks),
                _interval(wilson),
                f"{1e3 * sum(times) / len(times):.0f}" if times else "–",
            ]
        )
    return table


def _interval(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None else f"{100.0 * ends[0]:.0f} … {100.0 * ends[1]:.0f}"


def _mean(rows: Sequence[Row], method: str, task: str) -> float:
    found = [row.metrics["success"] or 0.0 for row in rows if row.method == method and row.case == task]
    return sum(found) / len(found)


def _about(suite: PlannerSuite) -> dict[str, object]:
    return {"world": suite.world, **asdict(suite.commitment), "horizon": suite.horizon, "weights": suite.fingerprint()}


def _run(
    suite: PlannerSuite,
    task: str,
    method: str,
    seeds: Sequence[int],
    worlds: list[World],
    planners: dict[str, Planner],
) -> Iterator[Row]:
    if method in REFERENCES and seeds:
        _grow(worlds, 1, suite, task)
        infer = load_inverse(suite.world, suite.weights).infer if method == PERFECT else None
        for seed in seeds:
            found = follow(worlds[0], seed, EXPERT if method == EXPERT else ALL, infer, PERFECT_STEPS)
            yield Row(method, task, seed, {"success": float(found.success), "steps": float(found.steps)})
        return
    for first in range(0, len(seeds), MANY):
        some = seeds[first : first + MANY]
        _grow(worlds, len(some), suite, task)
        if method not in planners:
            pipeline = suite.pipeline if method == OPEN else None
            planners[method] = load_planner(method, suite.world, suite.weights, pipeline=pipeline)
        timed = _Timed(planners[method])
        commitment = replace(suite.commitment, stalled_m=0.0) if method == CLONED else suite.commitment
        for rollout in execute_all(worlds[: len(some)], timed, some, ExecutionConfig(commitment)):
            metrics: dict[str, float | None] = {
                "success": float(rollout.success),
                "steps": float(rollout.steps),
                "plan_time_s": timed.spent_s / timed.plans,
                "confidence": sum(plan.confidence for plan in rollout.plans) / len(rollout.plans),
            }
            yield Row(method, task, rollout.seed, metrics)


@cache
def _digest_pipeline(folder: Path) -> str:
    # Gigabytes, so only once.
    return digest_files((str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*")) if path.is_file())


def _grow(worlds: list[World], count: int, suite: PlannerSuite, task: str) -> None:
    while len(worlds) < count:
        worlds.append(make_world(suite.world, task, WorldConfig(cameras=(), horizon=suite.horizon)))


class _Timed:
    """A planner with a stop watch that counts the processor's time: others may be at work on the machine."""

    def __init__(self, planner: Planner, clock: Callable[[], float] = time.process_time) -> None:
        self._planner, self._clock, self.size = planner, clock, planner.size
        self.spent_s, self.plans = 0.0, 0
        self.plan = planner.plan

    def plan_all(self, images, instructions, rngs):  # type: ignore[no-untyped-def]
        begin = self._clock()
        plans = self._planner.plan_all(images, instructions, rngs)
        self.spent_s += self._clock() - begin
        self.plans += len(plans)
        return plans
