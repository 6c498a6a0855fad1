"""What methods are tuned on: short runs, with seeds that no suite reports."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from controllers.robot.interface import LocomotionCommand
from evaluation.suite import Case
from evaluation.windows import exposed
from sim.disturbances import Disturbance, Drag, Payload, Wrench, push
from sim.scenarios import Scenario, TimedCommand, randomised
from sim.sensors import SensorConfig
from sim.terrain import Slope

GRAVITY = 9.81
SPEED_MPS = 0.5
LOADED_AT_S = 2.5
# By then all feet have been on the incline for a second: the way up to it is the same for every method.
LOADED_ON_SLOPE_AT_S = 4.7
OFF_CENTRE_M = (-0.05, 0.03, 0.13)


def _walk(name: str, seconds: float, *disturbances: Disturbance) -> Scenario:
    trot = TimedCommand(0.0, LocomotionCommand(gait="trot"))
    go = TimedCommand(0.5, LocomotionCommand(SPEED_MPS, gait="trot"))
    return Scenario(name, "go2", seconds, (trot, go), disturbances, initial_pose="stand")


def _steps(name: str) -> Scenario:
    times = (LOADED_AT_S, 4.0, 5.7, None)
    loads = zip((4.0, 8.0, 4.0), times, times[1:], strict=False)
    return _walk(name, 7.5, *(Payload(mass, OFF_CENTRE_M, begin, end) for mass, begin, end in loads))


def _force(name: str, force_n: tuple[float, float, float]) -> Scenario:
    return _walk(name, 6.5, Wrench(force_n, at_s=LOADED_AT_S))


SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "clean": partial(_walk, "clean", 6.0),
    "payload_steps": partial(_steps, "payload_steps"),
    "payload_sine": lambda: _walk("payload_sine", 8.0, Payload(8.0, at_s=LOADED_AT_S, profile="sine", profile_s=2.0)),
    "force_down_6g": partial(_force, "force_down_6g", (0.0, 0.0, -6.0 * GRAVITY)),
    "force_left_3g": partial(_force, "force_left_3g", (0.0, 3.0 * GRAVITY, 0.0)),
    "drag": lambda: _walk("drag", 7.0, Drag((0.0, 60.0, 0.0), (120.0, 0.0, 0.0), at_s=LOADED_AT_S)),
    "slope_12deg_4kg": lambda: replace(
        _walk("slope_12deg_4kg", 8.0, Payload(4.0, OFF_CENTRE_M, LOADED_ON_SLOPE_AT_S)), terrain=Slope(12.0)
    ),
    "payload_steps_delay_10ms": lambda: replace(
        _steps("payload_steps_delay_10ms"), sensors=SensorConfig(delay_ticks=5)
    ),
    "push_200n": lambda: _walk("push_200n", 6.0, push(LOADED_AT_S, (0.0, 200.0, 0.0))),
}


def trial(name: str, seed: int) -> Scenario:
    """Vary a scenario.

    Args:
        name: One of `SCENARIOS`.
        seed: Which trial.

    Returns:
        The trial.
    """
    return randomised(SCENARIOS[name](), seed)


TUNING_CASES: tuple[Case, ...] = tuple(Case(name, partial(trial, name), exposed) for name in SCENARIOS)
