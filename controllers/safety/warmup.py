"""Compiles the filter's kernels before the first real period, which must not wait for a compiler."""

import numpy as np

from controllers.safety.gains import GainSchedule
from controllers.safety.obstacles import Obstacles
from controllers.safety.reading import Observation, Reading, Wish
from controllers.safety.run_time_filter import RunTimeConfig, RunTimeFilter


def warm_up_filter(schedule: GainSchedule, config: RunTimeConfig, obstacles: Obstacles | None = None) -> None:
    """Run a throw-away filter beside a neighbour that is heard, then silent.

    Args:
        schedule: Chooses gains; a schedule that remembers needs a fresh one for the real robot.
        config: Settings.
        obstacles: What does not move.
    """
    spare = RunTimeFilter("a", schedule, config, obstacles)
    still = np.zeros(2)
    for age in (0.0, 0.5 * (config.stale + config.lost)):
        other = Reading(10.0 - age, np.array([2.0, 0.0]), 0.0, still)
        wish = Wish(10.0, np.array([0.5, 0.0]))
        spare.step(Observation(10.0, Reading(10.0, still, 0.0, still), {"b": other}, wish))
