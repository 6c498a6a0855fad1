"""The methods of multi-robot navigation, through one interface."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from controllers.errors import InvalidValue, UnknownName
from controllers.safety.barrier import build_qp
from controllers.safety.filter import FilterConfig, SafetyFilter
from controllers.safety.gains import FixedGains, GainSchedule
from controllers.safety.general_filter import GeneralConfig, solve_general
from controllers.safety.liveness import Liveness
from controllers.safety.planar_qp import INFEASIBLE
from controllers.safety.power_barrier import FixedPower, PowerConfig, PowerFilter, PowerSchedule
from evaluation.navigation_orca import Orca, OrcaConfig
from sim.navigation import NavigationWorld
from sim.navigator import Decision, Navigator

# Gains that are tried for `fixed_best` and `fixed_oracle` [1/s].
GRID = (0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
# What `evaluation.navigation_tuning.search_gain` finds on 200 scenes `random_10`, seeds from 1000 on.
BEST_GAIN = 8.0
# What it finds for ζ h^η of the published filter, on the same scenes.
BEST_POWER = (10.0, 1.0)
# Rate at which V should fall: with 0.5/s robots crawl the last metres; of 0.5, 2 and 8/s this was fastest there [1/s].
POWER_DECREASE = 8.0
# Penalty on (ω − 1)² of the optimal-decay filter, as in Zeng et al. (ACC 2021).
DECAY_WEIGHT = 1e4

ScheduleMaker = Callable[[float], GainSchedule]


class Scheduled:
    """The safety filter with a gain schedule."""

    def __init__(self, make: ScheduleMaker) -> None:
        """Keep the maker.

        Args:
            make: Makes the schedule for a control period [s].
        """
        self.make = make
        self.filter: SafetyFilter | None = None

    def start(self, world: NavigationWorld) -> None:
        """Make schedule and filter for the control period of a world.

        Args:
            world: The scenes.
        """
        self.filter = SafetyFilter(FilterConfig(world.dt), self.make(world.dt))

    def decide(self, world: NavigationWorld) -> Decision:
        """Filter the preferred velocities.

        Args:
            world: Where robots are.

        Returns:
            Velocities.
        """
        assert self.filter is not None
        filtered = self.filter.filter(world.observe(), world.preferred(), world.bounds())
        return Decision(filtered.velocity, ~filtered.found)


class OptimalDecay:
    """The barrier program whose decay rate is a variable: one gain, multiplied by ω at a price, by DAQP."""

    def __init__(self, gain: float) -> None:
        """Keep the gain.

        Args:
            gain: Gain at ω = 1 [1/s].
        """
        self.schedule = FixedGains(gain)
        self.config = GeneralConfig(decay_weight=DECAY_WEIGHT)

    def start(self, world: NavigationWorld) -> None:
        """Nothing to prepare.

        Args:
            world: The scenes.
        """

    def decide(self, world: NavigationWorld) -> Decision:
        """Solve the programs of robots whose preferred velocity breaks a row; the others take it as it is.

        Args:
            world: Where robots are.

        Returns:
            Velocities.
        """
        view, preferred = world.observe(), world.preferred()
        program = build_qp(view, self.schedule.gains(view), preferred, world.dt, world.bounds())
        excess = np.einsum("nrk,nk->nr", program.rows, program.target) - program.bound
        counted = np.arange(excess.shape[1]) < program.count[:, None]
        inside = np.linalg.norm(program.target[:, None] - program.centre, axis=2) <= program.radius + 1e-12
        busy = np.flatnonzero(((excess > 0.0) & counted).any(axis=1) | ~inside.all(axis=1))
        velocity, infeasible = program.target.copy(), np.zeros(len(preferred), dtype=np.bool_)
        if busy.size:
            chosen = type(program)(*(getattr(program, name)[busy] for name in program.__dataclass_fields__))
            velocity[busy], solutions = solve_general(chosen, self.config)
            infeasible[busy] = [not solution.found for solution in solutions]
        return Decision(velocity, infeasible)


class Power:
    """The published filter: α(h) = ζ h^η and a soft Lyapunov constraint, parameters from a schedule."""

    def __init__(self, schedule: PowerSchedule) -> None:
        """Keep the schedule.

        Args:
            schedule: Chooses (ζ, η).
        """
        self.schedule = schedule
        self.filter: PowerFilter | None = None

    def start(self, world: NavigationWorld) -> None:
        """Make the filter for the control period of a world.

        Args:
            world: The scenes.
        """
        self.filter = PowerFilter(PowerConfig(world.dt, decrease=POWER_DECREASE), self.schedule)

    def decide(self, world: NavigationWorld) -> Decision:
        """Solve the programs.

        Args:
            world: Where robots are.

        Returns:
            Velocities.
        """
        assert self.filter is not None
        velocity, status = self.filter.filter(world.observe())
        return Decision(velocity, status == INFEASIBLE)


def fixed(gain: float) -> Scheduled:
    """Make the plain barrier filter.

    Args:
        gain: Gain towards all [1/s].

    Returns:
        The method.
    """
    return Scheduled(lambda dt: FixedGains(gain))


# Methods of which a trial takes several runs: the best of those with these gains.
ORACLE = "fixed_oracle"
# Methods that a policy provides; `policies.navigation.navigator.make_navigator(name)` makes them.
LEARNED = ("pronk", "paper")
METHODS: dict[str, Callable[[], Navigator]] = {
    "fixed_best": lambda: fixed(BEST_GAIN),
    "optimal_decay": lambda: OptimalDecay(BEST_GAIN),
    "power_clf": lambda: Power(FixedPower(*BEST_POWER)),
    "orca": Orca,
    "liveness": lambda: Scheduled(Liveness),
}

# Methods that take a number: the gain of the plain filter [1/s], and the horizon of ORCA [s].
PARAMETRIC: dict[str, Callable[[float], Navigator]] = {
    "fixed": fixed,
    "orca": lambda horizon: Orca(OrcaConfig(horizon)),
}


def known_methods() -> tuple[str, ...]:
    """List the names that `make_navigator` and the suites take.

    Returns:
        Names.
    """
    return (*METHODS, ORACLE, *(name for name in LEARNED if name not in METHODS))


def register(name: str, make: Callable[[], Navigator]) -> None:
    """Add a method, or replace one of the same name.

    Args:
        name: Its name.
        make: Makes it.
    """
    METHODS[name] = make


def make_navigator(name: str) -> Navigator:
    """Make a method by name.

    Args:
        name: A name of `METHODS` or `LEARNED`, or "fixed:GAIN" or "orca:HORIZON" for a number of one's own, or
            "pronk:FILE" or "paper:FILE" for weights of one's own.

    Returns:
        The method.

    Raises:
        UnknownName: There is no such method; lists those that exist.
        InvalidValue: The number is none, weights cannot be read, or what the method needs is not installed.
    """
    kind, colon, number = name.partition(":")
    if kind in PARAMETRIC and colon:
        try:
            return PARAMETRIC[kind](float(number))
        except ValueError:
            raise InvalidValue(f"method '{name}' must have the form {kind}:NUMBER") from None
    if name in METHODS:
        return METHODS[name]()
    if kind in LEARNED:
        try:
            module = importlib.import_module("policies.navigation.navigator")
        except ImportError as error:
            raise InvalidValue(f"method '{name}' needs policies.navigation, which cannot be loaded: {error}") from error
        navigator: Navigator = module.make_navigator(kind, Path(number) if colon else None)
        return navigator
    raise UnknownName("navigation method", name, known_methods())


def oracle_candidates() -> Iterator[Navigator]:
    """Yield the methods among which `fixed_oracle` picks for every case and seed."""
    yield from (fixed(gain) for gain in GRID)
