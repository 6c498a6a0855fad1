"""Compiles the numeric kernels once, so that no first run has to wait for it."""

import time
from dataclasses import replace

from controllers.quadruped.controller import LocomotionConfig
from controllers.quadruped.warmup import warm_up_controller
from controllers.residual.catalog import LEARNERS
from controllers.robot.catalog import load_robot
from controllers.safety.liveness import Liveness
from controllers.safety.run_time_filter import RunTimeConfig
from controllers.safety.warmup import warm_up_filter
from evaluation.rollout import Rollout
from sim.disturbances import Payload
from sim.scenarios import get_scenario

TICKS = 50


def main() -> None:
    """Exercise controllers with every learner, then the whole loop for a moment, then the safety filter."""
    begin = time.perf_counter()
    description = load_robot("go2")
    for learner in sorted(LEARNERS):
        warm_up_controller(description, LocomotionConfig(learner=learner))
    scenario = get_scenario("flat_walk")
    rollout = Rollout(replace(scenario, disturbances=(Payload(mass_kg=1.0, at_s=0.02, until_s=0.06),)))
    for _ in range(TICKS):
        rollout.tick()
    safety = RunTimeConfig()
    warm_up_filter(Liveness(safety.period), safety)
    print(f"compiled the kernels in {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()
