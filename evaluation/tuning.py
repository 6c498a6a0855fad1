"""Tunes every method with the same budget, on seeds that no suite reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from controllers.errors import InvalidValue, UnknownName
from evaluation.results import Row
from evaluation.runner import Perform, run_trials
from evaluation.suite import FIRST_TUNING_SEED, Case
from evaluation.tuning_cases import TUNING_CASES
from evaluation.tuning_cost import cost
from evaluation.tuning_fingerprint import tuning_fingerprint
from evaluation.tuning_spaces import SPACES, Setting, get_space
from evaluation.tuning_trial import TuningTrial, perform

ESTIMATOR = "kalman"
BUDGET = 16
FINALISTS = 4


@dataclass(frozen=True)
class Plan:
    """How much is tried.

    Attributes:
        budget: Settings of each method that run in the first stage.
        finalists: The best of them that run in the second stage.
        first_seeds: Seeds of the first stage.
        final_seeds: Seeds of the second stage.
        cases: What every setting runs on.
    """

    budget: int = BUDGET
    finalists: int = FINALISTS
    first_seeds: tuple[int, ...] = (FIRST_TUNING_SEED,)
    final_seeds: tuple[int, ...] = (FIRST_TUNING_SEED + 1, FIRST_TUNING_SEED + 2)
    cases: tuple[Case, ...] = TUNING_CASES

    def __post_init__(self) -> None:
        """Refuse plans that use reported seeds or run nothing.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        if self.finalists < 1:
            raise InvalidValue(f"finalists must be >= 1, got {self.finalists}")
        if not self.cases or not self.first_seeds:
            raise InvalidValue("there is nothing to tune on: no cases or no seeds")
        for seed in (*self.first_seeds, *self.final_seeds):
            if seed < FIRST_TUNING_SEED:
                raise InvalidValue(
                    f"tuning seeds must be >= {FIRST_TUNING_SEED}, got {seed}: smaller ones are reported"
                )
        if set(self.first_seeds) & set(self.final_seeds):
            raise InvalidValue(f"the stages must have different seeds, got {self.first_seeds} and {self.final_seeds}")

    def on(self, names: Sequence[str]) -> "Plan":
        """Keep some cases.

        Args:
            names: Their names.

        Returns:
            The smaller plan.

        Raises:
            UnknownName: There is no such case; lists those that exist.
        """
        known = [case.name for case in self.cases]
        for name in names:
            if name not in known:
                raise UnknownName("tuning case", name, known)
        return replace(self, cases=tuple(case for case in self.cases if case.name in names))


@dataclass(frozen=True)
class Candidate:
    """A setting and what it cost.

    Attributes:
        method: Method.
        number: Which of its settings.
        setting: The setting.
        rows: Its runs.
        final: Whether it came into the second stage.
    """

    method: str
    number: int
    setting: Setting
    rows: tuple[Row, ...] = ()
    final: bool = False

    @property
    def label(self) -> str:
        """Name of the method and number of the setting: what its runs are known by."""
        return f"{self.method} #{self.number:02d}"

    @property
    def cost(self) -> float:
        """Mean cost over its runs; cases and seeds count alike."""
        return sum(cost(row.metrics) for row in self.rows) / len(self.rows)

    @property
    def falls(self) -> int:
        """Number of its runs that ended in a fall."""
        return sum(bool(row.metrics.get("fell")) for row in self.rows)

    def cost_by_case(self) -> dict[str, float]:
        """Average over the seeds of each case.

        Returns:
            Mean cost by name of the case.
        """
        costs: dict[str, list[float]] = {}
        for row in self.rows:
            costs.setdefault(row.case, []).append(cost(row.metrics))
        return {case: sum(values) / len(values) for case, values in costs.items()}


def tune(
    methods: Sequence[str] | None,
    plan: Plan,
    out: Path,
    jobs: int = 1,
    console: Console | None = None,
    perform: Perform = perform,
) -> list[Candidate]:
    """Try settings of every method: all on the first seeds, the best on the final seeds too.

    Args:
        methods: Keys of `SPACES`; None for all.
        plan: How much is tried, the same of every method.
        out: Folder of the journal `rows.jsonl`; runs that stand in it are not made again.
        jobs: Number of processes.
        console: Where progress is shown; None for nowhere.
        perform: Runs one trial.

    Returns:
        All candidates, method by method, in the order in which they were drawn.

    Raises:
        UnknownName: A method cannot be tuned.
        InvalidValue: The budget or the number of jobs is out of range.
    """
    drawn = [
        Candidate(method, number, setting)
        for method in dict.fromkeys(SPACES if methods is None else methods)
        for number, setting in enumerate(get_space(method).draw(plan.budget))
    ]
    if not drawn:
        raise InvalidValue("there is nothing to tune: no methods")

    def run(candidates: Sequence[Candidate], seeds: Sequence[int]) -> dict[str, list[Row]]:
        trials = [
            TuningTrial(case, candidate.label, seed, ESTIMATOR, candidate.setting)
            for candidate in candidates
            for seed in seeds
            for case in plan.cases
        ]
        rows: dict[str, list[Row]] = {}
        for row in run_trials(trials, out, jobs, console, perform, tuning_fingerprint):
            rows.setdefault(row.method, []).append(row)
        return rows

    first = run(drawn, plan.first_seeds)
    tried = [replace(candidate, rows=tuple(first[candidate.label])) for candidate in drawn]
    best = {candidate.label for candidate in finalists(tried, plan.finalists)}
    final = run([candidate for candidate in tried if candidate.label in best], plan.final_seeds)
    return [
        replace(candidate, rows=(*candidate.rows, *final.get(candidate.label, ())), final=candidate.label in best)
        for candidate in tried
    ]


def finalists(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """Choose those that run on more seeds.

    Args:
        candidates: Candidates with their runs of the first stage.
        count: How many of each method.

    Returns:
        The cheapest of each method, the earlier drawn where two cost the same.
    """
    chosen = []
    for members in _by_method(candidates).values():
        chosen += sorted(members, key=lambda candidate: (candidate.cost, candidate.number))[:count]
    return chosen


def winners(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Choose the setting of each method.

    Args:
        candidates: Candidates with all their runs.

    Returns:
        By method the finalist with the lowest mean cost over both stages.
    """
    finals = [candidate for candidate in candidates if candidate.final]
    return {candidate.method: candidate for candidate in finalists(finals, 1)}


def _by_method(candidates: Sequence[Candidate]) -> Mapping[str, list[Candidate]]:
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.method, []).append(candidate)
    return groups
