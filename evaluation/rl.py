"""Compares rewards: the same learner, demonstration and goals, paid in different ways."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from controllers.errors import InvalidValue, UnknownName
from evaluation.results import Row, compile_results, write_json
from evaluation.rl_report import plot_curves, write_tables
from evaluation.runner import run_trials
from policies.rewards.ledge import LEDGE
from policies.rl.progress import JUDGED, NONE, ORACLE
from policies.rl.reward_forms import FORMS, SPARSE
from policies.rl.setups import JUDGES, LEDGE_WORLD, RlSetup, make_decisions, make_judge
from policies.rl.soft_actor_critic import LearnerConfig
from policies.rl.training import RlConfig, RlTraining, RolloutProgress, rollouts_to

RUNS = "runs"
# Share of evaluation episodes that counts as learned.
LEARNED = 0.8
# With one demonstration cloning alone does badly on these with most seeds; the learner gets far in 150 rollouts.
TASKS = ("reach-wall", "window-open", "plate-slide-back", LEDGE_WORLD)
METHODS = (SPARSE, "shaped:learned", "shaped:oracle", "absolute:oracle", "naive:oracle")
LEDGE_LEARNER = LearnerConfig(
    hidden=32, critics=2, repeats=1, rate=3e-3, follow=0.05, temperature=1e-3, target_entropy=None, cloning=0.0
)


@dataclass(frozen=True)
class RlMethod:
    """A form of reward and where its progress comes from.

    Attributes:
        form: One of `policies.rl.reward_forms.FORMS`.
        source: "oracle", or the name of a judge of pictures; "none" for the sparse form.
    """

    form: str
    source: str

    @classmethod
    def parse(cls, name: str) -> "RlMethod":
        """Read the name of a method.

        Args:
            name: "sparse", or a form, a colon and a source: "shaped:oracle".

        Returns:
            The method.

        Raises:
            UnknownName: There is no such form or source.
        """
        form, _, source = name.partition(":")
        if form not in FORMS:
            raise UnknownName("form of reward", form, FORMS)
        if form == SPARSE:
            return cls(form, NONE)
        if source not in (ORACLE, *JUDGES):
            raise UnknownName(f"source of progress for '{form}' (such as '{form}:{ORACLE}')", source, (ORACLE, *JUDGES))
        return cls(form, source)


@dataclass(frozen=True)
class RlCase:
    """A task.

    Attributes:
        name: Its name.
    """

    name: str


@dataclass(frozen=True)
class RlTrial:
    """A training.

    Attributes:
        case: The task.
        method: Name of form and source of the reward.
        seed: Of everything.
        rollouts: In all.
    """

    case: RlCase
    method: str
    seed: int
    rollouts: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from others."""
        return self.method, self.case.name, self.seed


def fingerprint(trial: RlTrial) -> str:
    """Digest all that decides the outcome of a training.

    Args:
        trial: The training.

    Returns:
        Hexadecimal digest; another setting gives another one.
    """
    return hashlib.sha256(f"{trial} {_config(trial)} {_setup(trial)}".encode()).hexdigest()[:16]


def _config(trial: RlTrial) -> RlConfig:
    method = RlMethod.parse(trial.method)
    if trial.case.name == LEDGE_WORLD:
        # What is asked there is what the reward makes of the same data: neither a demonstration that holds the learner
        # on the right way, nor a learner that sees only what it likes. Going and staying differ by a tenth in value.
        return RlConfig(
            *(method.form, 0, trial.rollouts, trial.seed),
            random_rollouts=trial.rollouts,
            resets=(),
            learner=LEDGE_LEARNER,
        )
    return RlConfig(method.form, 1, trial.rollouts, trial.seed)


def _setup(trial: RlTrial) -> RlSetup:
    source = RlMethod.parse(trial.method).source
    return RlSetup(trial.case.name, source if source in (NONE, ORACLE) else JUDGED)


def perform(trial: RlTrial, trace: Path | None = None, out: Path = Path()) -> Row:
    """Run a training, or what is left of it.

    Args:
        trial: The training.
        trace: Not used; every training keeps its curve.
        out: Folder of the results.

    Returns:
        Its metrics.
    """
    setup, source = _setup(trial), RlMethod.parse(trial.method).source
    judge, adapt = make_judge(source, setup.world) if setup.progress == JUDGED else (None, None)
    decisions = make_decisions(setup, trial.seed, judge, adapt)
    try:
        training = RlTraining(decisions, _config(trial), run_folder(out, trial), f"{setup} {source}")
        for _ in training.run():
            pass
        metrics = measure(training.curve, trial.rollouts)
        if trial.case.name == LEDGE_WORLD:
            there = np.eye(decisions.width)[[LEDGE]]
            metrics["goes"] = float(training.learner.act(there)[0, 0] > 0.0)
    finally:
        decisions.close()
    return Row(trial.method, trial.case.name, trial.seed, metrics)


def run_folder(out: Path, trial: RlTrial | Row) -> Path:
    """Name the folder of a training.

    Args:
        out: Folder of the results.
        trial: The training, or its row.

    Returns:
        Its folder.
    """
    case = trial.case if isinstance(trial, Row) else trial.case.name
    return out / RUNS / f"{case}__{trial.method.replace(':', '_')}__{trial.seed}"


def measure(curve: Sequence[RolloutProgress], rollouts: int) -> dict[str, float | None]:
    """Sum a training up.

    Args:
        curve: What was known after each rollout.
        rollouts: In all.

    Returns:
        Success of evaluations at the start, at the end and on average; rollouts until evaluations reached 80 % (where
        that was never, the number of all, and "reached" is 0); success of the last fifth of the rollouts, with noise;
        steps.
    """
    evaluated = [p.evaluated for p in curve if p.evaluated is not None]
    needed = rollouts_to(list(curve), LEARNED)
    last = [float(p.success) for p in curve[-max(rollouts // 5, 1) :]]
    return {
        "start_success": evaluated[0],
        "final_success": evaluated[-1],
        "mean_success": float(np.mean(evaluated)),
        "rollouts_to_80": float(min(needed, rollouts)),
        "reached": float(np.isfinite(needed)),
        "rollout_success": float(np.mean(last)),
        "steps": float(curve[-1].steps),
    }


def evaluate_rl(
    tasks: Sequence[str],
    methods: Sequence[str],
    seeds: Sequence[int],
    rollouts: int,
    out: Path,
    console: Console,
    jobs: int = 1,
    engine: str = "process",
) -> list[Row]:
    """Run all trainings, seed by seed, and write tables, curves and `results.json`.

    Args:
        tasks: Names.
        methods: Forms of the reward with their sources.
        seeds: Of trainings.
        rollouts: Of each.
        out: For the results.
        console: For progress and tables.
        jobs: Trainings at the same time.
        engine: Where they run.

    Returns:
        All trainings.

    Raises:
        InvalidValue: There is nothing to run.
        UnknownName: There is no such task, form or source.
    """
    trials = [RlTrial(RlCase(task), method, seed, rollouts) for seed in seeds for task in tasks for method in methods]
    if not trials:
        raise InvalidValue("there is nothing to run: no tasks, methods or seeds")
    for trial in trials:
        _setup(trial)
    rows = run_trials(trials, out, jobs, console, partial(perform, out=out), fingerprint, engine)
    pairs = write_tables(rows, rollouts, out, console)
    plot_curves(rows, lambda row: run_folder(out, row), out / "curves.png")
    write_json(out / "results.json", compile_results("rl", rows, rollouts=rollouts, paired=pairs))
    return rows
