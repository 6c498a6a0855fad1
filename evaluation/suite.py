"""What a suite is: cases, methods, seeds and claims, as data."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from controllers.errors import InvalidValue, UnknownName
from controllers.residual.catalog import LEARNERS
from evaluation.claims import Target
from evaluation.methods import OURS
from evaluation.privileged import PRIVILEGED
from evaluation.results import Row
from evaluation.windows import Window, loaded
from sim.case_files import load_cases
from sim.scenarios import Scenario, randomised

# Seeds from here on are kept for tuning, so that nothing is reported on what it was tuned on.
FIRST_TUNING_SEED = 1000


@dataclass(frozen=True)
class Case:
    """One kind of trial.

    Attributes:
        name: Name.
        build: Makes the scenario of a seed; a function of a module, or a `partial` of one, so that it can be sent to
            another process.
        window: Finds the window of a scenario in which tracking is measured.
        methods: The only methods that are run on it; empty for those of the suite.
        most_seeds: Number of seeds after which more are left out; None for no bound.
        perform: Runs a trial in place of `evaluation.runner.perform`, a function of a module; None for that one.
    """

    name: str
    build: Callable[[int], Scenario]
    window: Callable[[Scenario], Window] = loaded
    methods: tuple[str, ...] = ()
    most_seeds: int | None = None
    perform: Callable[["Trial", Path | None], Row] | None = None


@dataclass(frozen=True)
class Suite:
    """Cases that are run together.

    Attributes:
        name: Name.
        cases: The cases.
        methods: Learners that are run by default.
        seeds: Seeds that are run by default.
        claims: Targets.
    """

    name: str
    cases: tuple[Case, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    claims: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Trial:
    """One run to be made.

    Attributes:
        case: What is run.
        method: Learner.
        seed: Which trial of the case.
        estimator: Estimator.
    """

    case: Case
    method: str
    seed: int
    estimator: str

    @property
    def key(self) -> tuple[str, str, int]:
        """Case, method and seed: what a row is known by."""
        return self.case.name, self.method, self.seed


def plan_trials(
    suite: Suite, methods: Sequence[str] | None, seeds: Sequence[int] | None, estimator: str = "kalman"
) -> list[Trial]:
    """List the trials of a suite.

    Seeds vary slowest, so that an early look at the results shows every case.

    Args:
        suite: The suite.
        methods: Learners, or names of `PRIVILEGED` ones, to run on every case; None for those of the suite and its
            cases.
        seeds: Seeds to run, as far as the case takes them; None for those of the suite.
        estimator: Estimator.

    Returns:
        The trials.

    Raises:
        UnknownName: There is no such learner; lists those that exist.
        InvalidValue: There is nothing to run, or a seed is one of tuning.
    """
    for method in methods or ():
        if method not in LEARNERS and method not in PRIVILEGED:
            raise UnknownName("method", method, (*LEARNERS, *PRIVILEGED))
    chosen_seeds = suite.seeds if seeds is None else tuple(seeds)
    if max(chosen_seeds, default=0) >= FIRST_TUNING_SEED:
        raise InvalidValue(f"seeds must be < {FIRST_TUNING_SEED}, got {max(chosen_seeds)}: larger ones are for tuning")
    trials = [
        Trial(case, method, seed, estimator)
        for number, seed in enumerate(chosen_seeds)
        for case in suite.cases
        if case.most_seeds is None or number < case.most_seeds
        for method in dict.fromkeys(methods or case.methods or suite.methods)
    ]
    if not trials:
        raise InvalidValue("there is nothing to run: no cases, methods or seeds")
    return trials


def suite_of_cases(path: Path, methods: Sequence[str] = ("none", OURS)) -> Suite:
    """Make a suite of a case file.

    Tracking is measured over the last 5 s of the first payload, or of the first wrench, or of the steady walk.

    Args:
        path: YAML case file.
        methods: Learners that are run by default.

    Returns:
        A suite without claims, named after the file.

    Raises:
        InvalidValue: The file or one of its cases is wrong.
    """
    cases = tuple(Case(scenario.name, partial(vary, scenario)) for scenario in load_cases(path))
    return Suite(path.stem, cases, tuple(methods), (0,))


def vary(scenario: Scenario, seed: int) -> Scenario:
    """Make the trial of a seed; seed 0 is the scenario as it stands.

    Args:
        scenario: The scenario.
        seed: Which trial.

    Returns:
        The scenario of the trial.
    """
    return scenario if seed == 0 else randomised(scenario, seed)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read the seeds of a command line.

    Args:
        text: "A:B" for A … B-1, or numbers parted by commas.

    Returns:
        The seeds.

    Raises:
        InvalidValue: The text has another form, or no seed is left.
    """
    try:
        if ":" in text:
            first, last = (int(part) for part in text.split(":"))
            seeds: Iterable[int] = range(first, last)
        else:
            seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise InvalidValue(f"seeds must have the form A:B or a,b,c with integers, got '{text}'") from None
    chosen = tuple(dict.fromkeys(seeds))
    if not chosen or min(chosen) < 0:
        raise InvalidValue(f"seeds must be at least one number >= 0, got '{text}'")
    return chosen


def only(suite: Suite, cases: Sequence[str]) -> Suite:
    """Keep some cases of a suite.

    Args:
        suite: The suite.
        cases: Names to keep.

    Returns:
        The smaller suite, with the claims about these cases.

    Raises:
        UnknownName: There is no such case; lists those that exist.
    """
    known = [case.name for case in suite.cases]
    for name in cases:
        if name not in known:
            raise UnknownName(f"case of suite '{suite.name}'", name, known)
    return replace(
        suite,
        cases=tuple(case for case in suite.cases if case.name in cases),
        claims=tuple(claim for claim in suite.claims if claim.case in cases),
    )
