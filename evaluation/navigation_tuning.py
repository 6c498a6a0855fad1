"""Finds the best fixed parameters of the plain filters on scenes that no suite reports."""

from collections.abc import Iterable, Sequence

import numpy as np

from controllers.safety.power_barrier import FixedPower
from evaluation.navigation_methods import GRID, Power, fixed
from evaluation.navigation_rollout import Outcome, run
from sim.navigation_scene import Scene
from sim.navigator import Navigator

# Parameters of ζ h^η that are tried.
POWER_GRID = tuple((zeta, eta) for eta in (1.0, 3.0) for zeta in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0))


def score(outcomes: Iterable[Outcome]) -> tuple[float, float]:
    """Rank a method: more robots that arrive unharmed first, then less extra time.

    Args:
        outcomes: What became of the scenes.

    Returns:
        A pair; the greater the better.
    """
    measured = [outcome.metrics() for outcome in outcomes]
    arrived = float(np.mean([values["agent_success"] or 0.0 for values in measured]))
    extra = [value for values in measured if (value := values["extra_time_s"]) is not None]
    return round(arrived, 3), -float(np.mean(extra)) if extra else -np.inf


def search_gain(scenes: Sequence[Scene], grid: Sequence[float] = GRID) -> float:
    """Find the best gain of the plain filter.

    Args:
        scenes: Scenes to try on.
        grid: Gains to try [1/s].

    Returns:
        The gain.
    """
    return max(grid, key=lambda gain: score(run(scenes, fixed(gain))))


def search_power(scenes: Sequence[Scene], grid: Sequence[tuple[float, float]] = POWER_GRID) -> tuple[float, float]:
    """Find the best (ζ, η) of the published filter.

    Args:
        scenes: Scenes to try on.
        grid: Parameters to try.

    Returns:
        The parameters.
    """

    def tried(parameters: tuple[float, float]) -> Navigator:
        return Power(FixedPower(*parameters))

    return max(grid, key=lambda parameters: score(run(scenes, tried(parameters))))
