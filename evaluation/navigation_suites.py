"""The suites of multi-robot navigation and their targets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from controllers.errors import InvalidValue, UnknownName
from evaluation.claims import Claim
from evaluation.suite import FIRST_TUNING_SEED
from sim.navigation_files import load_scenes
from sim.navigation_scene import Scene
from sim.navigation_scenes import scene_maker

USUAL = ("pronk", "paper", "fixed_best", "fixed_oracle", "optimal_decay", "power_clf", "liveness", "orca")
QUICK = ("pronk", "fixed_best", "liveness", "orca")
# ORCA moves single integrators only.
MOMENTUM = ("pronk", "fixed_best", "fixed_oracle", "liveness")


@dataclass(frozen=True)
class NavigationCase:
    """One kind of trial.

    Attributes:
        name: Name.
        build: Makes the scene of a seed; a function of a module, or a `partial` of one.
        sensing_range: Distance within which robots see others [m].
        most_seeds: Number of seeds after which more are left out; None for no bound.
        methods: The only methods that are run on it; empty for those of the suite.
    """

    name: str
    build: Callable[[int], Scene]
    sensing_range: float = 10.0
    most_seeds: int | None = None
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class NavigationSuite:
    """Cases that are run together.

    Attributes:
        name: Name.
        cases: The cases.
        methods: Methods that are run by default.
        seeds: Seeds that are run by default.
        claims: Targets.
    """

    name: str
    cases: tuple[NavigationCase, ...]
    methods: tuple[str, ...] = USUAL
    seeds: tuple[int, ...] = tuple(range(100))
    claims: tuple[Claim, ...] = ()


def _case(name: str, **more: object) -> NavigationCase:
    return replace(NavigationCase(name, scene_maker(name)), **more)  # type: ignore[arg-type]


def _safety(case: str, method: str = "pronk") -> tuple[Claim, ...]:
    return (
        Claim("nobody touches", case, method, "min_clearance_m", -1e-9, "min", at_least=True, unit="m"),
        Claim("every program has a solution", case, method, "infeasible_count", 0.0, "sum"),
    )


def _all_arrive(case: str, method: str = "pronk", faster: bool = True) -> tuple[Claim, ...]:
    claims = (Claim("all arrive", case, method, "success", 1.0, at_least=True), *_safety(case, method))
    if faster:
        claims += (Claim("faster than ORCA", case, method, "makespan_s", 0.0, versus="orca", unit="s", binding=False),)
    return claims


def _random_claims(case: str, method: str = "pronk") -> tuple[Claim, ...]:
    return (
        Claim("success", case, method, "success", 0.99, at_least=True, unit="%", scale=100.0),
        Claim("SPL", case, method, "spl", 0.94, at_least=True),
        Claim("extra time, against ORCA", case, method, "extra_time_s", 0.0, versus="orca", unit="s", binding=False),
        *_safety(case, method),
    )


RANDOM = tuple(f"random_{agents}" for agents in (2, 4, 6, 8, 10))
GAMES = ("doorway", "corridor", "intersection")
ARENA = (
    Claim("unharmed robots", "arena", "pronk", "agent_safe", 0.994, at_least=True, unit="%", scale=100.0),
    Claim("successful robots", "arena", "pronk", "agent_reached_safe", 0.68, at_least=True, unit="%", scale=100.0),
)
CROWDS = (
    _case("circle_8", most_seeds=10),
    _case("circle_50", most_seeds=10),
    _case("circle_250", most_seeds=1, sensing_range=15.0, methods=QUICK),
    _case("blocks", most_seeds=5, sensing_range=15.0, methods=QUICK),
    _case("streams", most_seeds=20),
)


def _suites() -> dict[str, NavigationSuite]:
    random = NavigationSuite(
        "random",
        tuple(_case(name) for name in RANDOM),
        seeds=tuple(range(500)),
        claims=tuple(claim for name in RANDOM for claim in _random_claims(name)),
    )
    games = NavigationSuite(
        "games",
        tuple(_case(name) for name in (*GAMES, "clutter")),
        claims=tuple(claim for name in GAMES for claim in _all_arrive(name, faster=False)),
    )
    crowd = NavigationSuite(
        "crowd",
        CROWDS,
        seeds=tuple(range(20)),
        claims=tuple(claim for case in CROWDS for claim in _all_arrive(case.name)),
    )
    arena = NavigationSuite(
        "arena",
        (_case("arena", sensing_range=0.5), _case("arena_8", sensing_range=0.5)),
        MOMENTUM,
        tuple(range(32)),
        ARENA,
    )
    smoke = NavigationSuite(
        "smoke",
        (_case("random_10"), _case("circle_8", most_seeds=1), _case("intersection", most_seeds=5)),
        QUICK,
        tuple(range(20)),
        (*_safety("random_10", "liveness"), *_safety("intersection", "liveness")),
    )
    full = NavigationSuite(
        "full",
        (
            *random.cases,
            *games.cases,
            *crowd.cases,
            *(replace(case, most_seeds=32, methods=MOMENTUM) for case in arena.cases),
        ),
        seeds=random.seeds,
        claims=(*random.claims, *games.claims, *crowd.claims, *arena.claims),
    )
    full = replace(
        full,
        cases=tuple(replace(case, most_seeds=100) if case.name in (*GAMES, "clutter") else case for case in full.cases),
    )
    return {suite.name: suite for suite in (smoke, random, games, crowd, arena, full)}


SUITES = _suites()


def get_navigation_suite(name: str) -> NavigationSuite:
    """Look a suite up.

    Args:
        name: Its name.

    Returns:
        The suite.

    Raises:
        UnknownName: There is no such suite; lists those that exist.
    """
    if name not in SUITES:
        raise UnknownName("navigation suite", name, SUITES)
    return SUITES[name]


def _same(scene: Scene, seed: int) -> Scene:
    return scene


def suite_of_scenes(path: Path, methods: Sequence[str] = QUICK) -> NavigationSuite:
    """Make a suite of a scene file; every scene is a case with the one seed 0.

    Args:
        path: JSON scene file.
        methods: Methods that are run by default.

    Returns:
        A suite without claims, named after the file.

    Raises:
        InvalidValue: The file or one of its scenes is wrong.
    """
    cases = tuple(NavigationCase(scene.name, partial(_same, scene)) for scene in load_scenes(path))
    return NavigationSuite(path.stem, cases, tuple(methods), (0,))


def only_cases(suite: NavigationSuite, names: Sequence[str]) -> NavigationSuite:
    """Keep some cases of a suite.

    Args:
        suite: The suite.
        names: Names of cases to keep.

    Returns:
        The smaller suite, with the claims about these cases.

    Raises:
        UnknownName: There is no such case; lists those that exist.
    """
    known = [case.name for case in suite.cases]
    for name in names:
        if name not in known:
            raise UnknownName(f"case of suite '{suite.name}'", name, known)
    return replace(
        suite,
        cases=tuple(case for case in suite.cases if case.name in names),
        claims=tuple(claim for claim in suite.claims if claim.case in names),
    )


def seeds_of(suite: NavigationSuite, case: NavigationCase, seeds: Sequence[int] | None) -> tuple[int, ...]:
    """List the seeds of a case.

    Args:
        suite: The suite.
        case: One of its cases.
        seeds: Seeds to run, as far as the case takes them; None for those of the suite.

    Returns:
        The seeds.

    Raises:
        InvalidValue: A seed is one of tuning.
    """
    chosen = suite.seeds if seeds is None else tuple(seeds)
    if max(chosen, default=0) >= FIRST_TUNING_SEED:
        raise InvalidValue(f"seeds must be < {FIRST_TUNING_SEED}, got {max(chosen)}: larger ones are for tuning")
    return chosen if case.most_seeds is None else chosen[: case.most_seeds]
