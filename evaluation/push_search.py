"""The largest shove that a robot survives, found by bisection."""

from dataclasses import replace
from pathlib import Path

from controllers.quadruped.controller import LocomotionConfig
from evaluation.adaptation_scenarios import PUSH_PHASES, shove
from evaluation.measurement import fall_time
from evaluation.privileged import PRIVILEGED
from evaluation.results import Row
from evaluation.rollout import RolloutConfig, run
from evaluation.suite import Trial
from sim.scenarios import Scenario

# For 0.1 s it gives a Go2 4 m/s, more than twice what a foothold within reach can stop.
LARGEST_N = 640.0
RESOLUTION_N = 10.0


def search_trial(seed: int) -> Scenario:
    """Describe the hardest shove of a phase, of which the search runs weaker ones.

    Args:
        seed: Phase of the gait, modulo `PUSH_PHASES`, and sensor noise.

    Returns:
        The scenario of `LARGEST_N` for 0.1 s to the left.
    """
    return replace(shove(LARGEST_N, seed), name="largest_push", seed=seed)


def largest_push(trial: Trial, trace: Path | None = None) -> Row:
    """Bisect the force of a shove at one phase of the gait.

    The search halves [0, `LARGEST_N`] until the ends are `RESOLUTION_N` apart, every time with the same noise. It
    finds an edge between survival and fall; where survival is not monotone in the force, there are others.

    Args:
        trial: Method and seed; its case builds the hardest shove.
        trace: Where curves would be kept; a search keeps none.

    Returns:
        "largest_push_n", the largest force known to be survived, at most `LARGEST_N` less the resolution; "fell" is
        1 where the robot survived none of the shoves that were tried; "shoves", how many these were.
    """
    survived, fallen, tried = 0.0, LARGEST_N, 0
    while fallen - survived > RESOLUTION_N:
        middle = 0.5 * (survived + fallen)
        scenario = replace(shove(middle, trial.seed), name=trial.case.name, seed=trial.seed)
        make = PRIVILEGED.get(trial.method)
        config = RolloutConfig(LocomotionConfig(learner="none" if make else trial.method), estimator=trial.estimator)
        log = run(scenario, config, make(scenario, config) if make else None)
        tried += 1
        if fall_time(log) is None:
            survived = middle
        else:
            fallen = middle
    metrics = {
        "fell": float(survived == 0.0),
        "survived": float(survived > 0.0),
        "largest_push_n": survived,
        "push_phase": float(trial.seed % PUSH_PHASES),
        "shoves": float(tried),
    }
    return Row(trial.method, trial.case.name, trial.seed, metrics)
