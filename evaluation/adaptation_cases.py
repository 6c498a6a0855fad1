"""The cases of adaptation by name: every family and level of the suites."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from controllers.errors import UnknownName
from evaluation.adaptation_scenarios import (
    DIRECTIONS,
    INCLINES,
    LOADED_AT_S,
    LOADED_ON_SLOPE_AT_S,
    delayed,
    drag,
    force,
    level,
    noisy,
    payload,
    payload_ramp,
    payload_sine,
    payload_steps,
    rough,
    shove,
    slope,
    slosh,
    strips,
    walk,
    weak_leg,
)
from evaluation.suite import Case
from evaluation.windows import Window, exposed, last_steady, steady
from sim.scenarios import Scenario, randomised
from sim.terrain import Rough, Slope

Build = Callable[[], Scenario]

SMALL_STEPS = {"masses_kg": (4.0, 8.0), "step_s": 1.6}


def _forces() -> dict[str, Build]:
    levels = {"down": (2, 4, 6, 8, 10, 12)}
    return {
        f"force_{direction}_{kilograms}g": partial(force, direction, float(kilograms))
        for direction in ("down", *(name for name in DIRECTIONS if name != "down"))
        for kilograms in levels.get(direction, (2, 4, 6))
    }


def _grounds() -> dict[str, Build]:
    found: dict[str, Build] = {}
    for load in (0.0, 4.0, 8.0):
        tail = f"_{load:g}kg" if load else ""
        for kind in INCLINES:
            if load != 4.0:
                found |= {f"slope_{kind}_{d}deg{tail}": partial(slope, kind, float(d), load) for d in (10, 15, 20)}
        found |= {f"rough_{level(p)}m{tail}": partial(rough, p, load) for p in (0.05, 0.1, 0.15, 0.25)}
    return found


def _payloads() -> dict[str, Build]:
    steps = {f"payload_steps_{cm}cm": partial(payload_steps, 0.01 * cm) for cm in (0, 5, 8)}
    sines = {f"payload_sine_{level(hz)}hz": partial(payload_sine, hz) for hz in (0.1, 0.25, 0.5, 1.0)}
    heavy: Build = partial(payload, 12.0)
    return {**steps, "payload_ramp_8kg": partial(payload_ramp, 8.0), **sines, "payload_12kg": heavy}


def _frictions() -> dict[str, Build]:
    found: dict[str, Build] = {}
    for width in (0.05, 0.25, 0.5, 4.0):
        found[f"strips_{level(width)}m"] = partial(walk, 11.0, friction=strips(width))
        found[f"strips_payload_{level(width)}m"] = partial(payload_steps, 0.05, friction=strips(width))
    return found


def _state_dependent() -> dict[str, Build]:
    return {
        **{f"drag_{n}n": partial(drag, float(n)) for n in (15, 30, 45)},
        **{f"slosh_vertical_{n}n": partial(slosh, float(n)) for n in (20, 40, 60)},
        **{f"slosh_double_{n}n": partial(slosh, float(n), per_stride=2.0) for n in (40, 80)},
        **{f"slosh_lateral_{n}n": partial(slosh, float(n), "y") for n in (20, 40)},
    }


def _imperfections() -> dict[str, Build]:
    loads: dict[str, Build] = {"force": partial(force, "down", 8.0), "payload": partial(payload_steps, 0.05)}
    found: dict[str, Build] = {}
    for name, build in loads.items():
        found |= {f"delay_{name}_{ms}ms": partial(delayed, build, float(ms)) for ms in (6, 10, 20)}
        found[f"noise_{name}"] = partial(noisy, build, 3.0)
    found["weak_leg_85pc"] = partial(weak_leg, partial(walk, 10.0), 85.0)
    found["weak_leg_payload_85pc"] = partial(weak_leg, loads["payload"], 85.0)
    return found


def _speeds() -> dict[str, Build]:
    found: dict[str, Build] = {}
    for speed in (0.3, 0.6, 0.9, 1.2):
        found[f"speed_{level(speed)}mps"] = partial(walk, 9.0, speed=speed)
        found[f"speed_payload_{level(speed)}mps"] = partial(payload_steps, 0.05, speed=speed)
    found["turn"] = partial(walk, 9.0, speed=0.3, yaw_rate=0.5)
    found["turn_payload"] = partial(payload_steps, 0.05, speed=0.3, yaw_rate=0.5)
    return found


def _robots() -> dict[str, Build]:
    found: dict[str, Build] = {}
    for robot in ("go1", "aliengo"):
        found[f"clean_{robot}"] = partial(walk, 9.0, robot=robot)
        found[f"force_down_8g_{robot}"] = partial(force, "down", 8.0, robot)
        found[f"force_left_4g_{robot}"] = partial(force, "left", 4.0, robot)
        found[f"payload_steps_5cm_{robot}"] = partial(payload_steps, 0.05, robot=robot)
    return found


SCENARIOS: dict[str, Build] = {
    "clean": partial(walk, 9.0),
    **_forces(),
    **_payloads(),
    **_grounds(),
    **_frictions(),
    **_state_dependent(),
    **_imperfections(),
    **_speeds(),
    **_robots(),
}
# Short ones, for a first look: five families in half a minute of simulated time.
SHORT: dict[str, Build] = {
    "clean_short": partial(walk, 5.0),
    "force_down_8g_short": partial(force, "down", 8.0, seconds=6.0),
    "payload_steps_short": partial(payload_steps, 0.05, **SMALL_STEPS),
    "payload_sine_0p5hz_short": partial(payload_sine, 0.5, seconds=7.0),
    "drag_30n_short": partial(drag, 30.0, (0.3, 0.7, 0.4)),
}


def trial(name: str, seed: int) -> Scenario:
    """Vary a case: onset and walk by up to half a second, masses and inertias by 5 %, the noise, and rough ground.

    Args:
        name: One of `SCENARIOS` or `SHORT`.
        seed: Which trial.

    Returns:
        The trial.
    """
    scenario = randomised(replace((SCENARIOS | SHORT)[name](), name=name), seed)
    if isinstance(scenario.terrain, Rough):
        return replace(scenario, terrain=replace(scenario.terrain, seed=seed))
    return scenario


def shove_trial(newton: float, seed: int) -> Scenario:
    """Shove the robot at a phase of its gait.

    Args:
        newton: Force to the left for 0.1 s [N].
        seed: Phase, modulo the number of phases, and sensor noise.

    Returns:
        The trial; masses are nominal and onsets exact, so that the phases are what they say.
    """
    return replace(shove(newton, seed), name=f"push_{level(newton)}n", seed=seed)


def on_ground(scenario: Scenario) -> Window:
    """Take all from when the robot has come upon the ground, or under the load, that the case is about.

    Args:
        scenario: The run.

    Returns:
        Begin and end [s].
    """
    begin, end = exposed(scenario)
    since = LOADED_ON_SLOPE_AT_S if isinstance(scenario.terrain, Slope) else LOADED_AT_S
    return max(begin, since), end


def case(name: str, methods: tuple[str, ...] = (), most_seeds: int | None = None) -> Case:
    """Make a case of a name.

    Args:
        name: One of `SCENARIOS` or `SHORT`, or "push_300n" for a shove of so many newtons.
        methods: As for `Case`.
        most_seeds: As for `Case`.

    Returns:
        The case.

    Raises:
        UnknownName: There is no such case; lists those that exist.
    """
    force_n = name.removeprefix("push_").removesuffix("n")
    if name == f"push_{force_n}n" and force_n.isdigit():
        return Case(name, partial(shove_trial, float(force_n)), last_steady, methods, most_seeds)
    if name not in SCENARIOS and name not in SHORT:
        raise UnknownName("case", name, (*SCENARIOS, *SHORT))
    window = steady if name in SHORT and name.startswith("clean") else on_ground
    return Case(name, partial(trial, name), window, methods, most_seeds)


def cases(names: Iterable[str]) -> tuple[Case, ...]:
    """Make cases of names.

    Args:
        names: As for `case`.

    Returns:
        The cases.
    """
    return tuple(case(name) for name in names)
