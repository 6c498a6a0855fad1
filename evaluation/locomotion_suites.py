"""The suites of legged locomotion and their targets."""

import math
from dataclasses import replace
from functools import partial

from controllers.errors import UnknownName
from controllers.quadruped.gait import GAITS
from controllers.robot.interface import LocomotionCommand
from evaluation.adaptation_suites import ADAPTATION_SUITES
from evaluation.claims import Claim
from evaluation.suite import Case, Suite
from evaluation.windows import last_steady, loaded, steady
from sim.disturbances import push
from sim.scenarios import Scenario, TimedCommand, get_scenario, randomised

LEARNED = "pronk"
PUSH_PHASES = 6
PUSH_AT_S = 6.0
TROT_PERIOD_S = GAITS["trot"].period
PAYLOAD_METHODS = ("none", "l1_published", "l1_tuned", "rff_published", "rff_tuned", "random_features", LEARNED)
DEGREE = 180.0 / math.pi
GAIT_SPEEDS = {"walking_trot": 0.5, "pace": 0.4, "crawl": 0.15}


def trial(name: str, robot: str, seed: int) -> Scenario:
    """Vary a scenario of the catalog.

    Args:
        name: Its name.
        robot: Robot.
        seed: Which trial.

    Returns:
        The trial.
    """
    return randomised(get_scenario(name, robot), seed)


def clean_trial(name: str, robot: str, seed: int) -> Scenario:
    """Vary a scenario of the catalog and take its disturbances out.

    Args:
        name: Its name.
        robot: Robot.
        seed: Which trial.

    Returns:
        The trial; commands, noise and plant are those of `trial`.
    """
    return replace(trial(name, robot, seed), name=f"{name}_clean", disturbances=())


def gait_trial(gait: str, robot: str, seed: int, speed: float = 0.3, seconds: float = 8.0) -> Scenario:
    """Walk straight in one gait.

    Args:
        gait: Name of the gait.
        robot: Robot.
        seed: Which trial.
        speed: Forward [m/s].
        seconds: How long [s].

    Returns:
        The trial.
    """
    base = get_scenario("flat_walk", robot)
    walk = TimedCommand(3.0, LocomotionCommand(speed, gait=gait))
    commands = (*(timed for timed in base.commands if timed.at_s < 2.5), walk)
    return randomised(replace(base, name=gait, duration_s=3.0 + seconds, commands=commands), seed)


def push_trial(force_n: float, robot: str, seed: int) -> Scenario:
    """Push a trotting robot sideways at one of `PUSH_PHASES` phases of its gait.

    Args:
        force_n: Force to the left for 0.1 s [N].
        robot: Robot.
        seed: Phase (modulo `PUSH_PHASES`) and sensor noise.

    Returns:
        The trial.
    """
    at_s = PUSH_AT_S + (seed % PUSH_PHASES) / PUSH_PHASES * TROT_PERIOD_S
    base = get_scenario("push", robot, seed)
    return replace(base, duration_s=at_s + 4.0, disturbances=(push(at_s, (0.0, force_n, 0.0)),))


def _walk_claims(case: str, who: str) -> tuple[Claim, ...]:
    return (
        Claim(f"{who}: never falls", case, LEARNED, "fell", 0.0, "max"),
        Claim(f"{who}: height RMSE", case, LEARNED, "height_rmse_m", 0.008, unit="mm", scale=1e3),
        Claim(f"{who}: |mean vx error|", case, LEARNED, "vx_mean_error_mps", 0.03, "mean_abs", unit="m/s"),
        Claim(f"{who}: roll RMS", case, LEARNED, "roll_rmse_rad", 1.0 / DEGREE, unit="°", scale=DEGREE),
        Claim(f"{who}: pitch RMS", case, LEARNED, "pitch_rmse_rad", 1.0 / DEGREE, unit="°", scale=DEGREE),
    )


def _never_falls(case: str, who: str) -> Claim:
    return Claim(f"{who}: never falls", case, LEARNED, "fell", 0.0, "max")


WALK = Suite(
    "walk",
    (
        Case("walk_go2", partial(trial, "flat_walk", "go2"), steady),
        Case("walk_go1", partial(trial, "flat_walk", "go1"), steady, most_seeds=5),
        Case("walk_aliengo", partial(trial, "flat_walk", "aliengo"), steady, most_seeds=5),
        Case("fast_go2", partial(trial, "fast_walk", "go2"), steady, most_seeds=5),
        Case("turn_go2", partial(trial, "turn", "go2"), steady, most_seeds=5),
        Case("sideways_go2", partial(trial, "sideways", "go2"), steady, most_seeds=5),
        Case("switching_go2", partial(trial, "gaits", "go2"), steady, most_seeds=5),
        *(
            Case(f"{gait}_go2", partial(gait_trial, gait, "go2", speed=speed), steady, most_seeds=5)
            for gait, speed in GAIT_SPEEDS.items()
        ),
    ),
    (LEARNED,),
    tuple(range(20)),
    (
        *_walk_claims("walk_go2", "Go2 at 0.5 m/s"),
        *_walk_claims("walk_go1", "Go1 at 0.5 m/s"),
        *_walk_claims("walk_aliengo", "AlienGo at 0.5 m/s"),
        _never_falls("fast_go2", "Go2 at 1.0 m/s"),
        _never_falls("turn_go2", "Go2 turning at 0.8 rad/s"),
        _never_falls("sideways_go2", "Go2 sideways at 0.3 m/s"),
        _never_falls("switching_go2", "Go2 switching gaits"),
        *(_never_falls(f"{gait}_go2", f"Go2 in {gait} at {speed} m/s") for gait, speed in GAIT_SPEEDS.items()),
    ),
)

PAYLOAD = Suite(
    "payload",
    (
        Case("payload_8kg", partial(trial, "go2_payload", "go2"), loaded),
        Case("no_payload", partial(clean_trial, "go2_payload", "go2"), steady, methods=("none", LEARNED)),
    ),
    PAYLOAD_METHODS,
    tuple(range(20)),
    (
        _never_falls("payload_8kg", "8 kg off-centre"),
        Claim("8 kg: height RMSE, last 5 s", "payload_8kg", LEARNED, "height_rmse_m", 0.006, unit="mm", scale=1e3),
        Claim("8 kg: roll RMS, last 5 s", "payload_8kg", LEARNED, "roll_rmse_rad", 2 / DEGREE, unit="°", scale=DEGREE),
        Claim("8 kg: settled after, worst trial", "payload_8kg", LEARNED, "settle_time_s", 2.0, "max", unit="s"),
        Claim(
            "no payload: height RMSE over that without learning",
            "no_payload",
            LEARNED,
            "height_rmse_m",
            0.001,
            versus="none",
            unit="mm",
            scale=1e3,
        ),
    ),
)

PUSH = Suite(
    "push",
    (
        Case("push_220n", partial(push_trial, 220.0, "go2"), last_steady),
        Case("push_300n", partial(push_trial, 300.0, "go2"), last_steady),
    ),
    (LEARNED,),
    tuple(range(PUSH_PHASES)),
    (
        Claim("220 N for 0.1 s: share survived", "push_220n", LEARNED, "survived", 5.0 / 6.0, at_least=True),
        Claim(
            "300 N for 0.1 s: share survived (a rival: 3 of 3)",
            "push_300n",
            LEARNED,
            "survived",
            1.0,
            at_least=True,
            binding=False,
        ),
    ),
)

SMOKE = Suite(
    "smoke",
    (
        Case("trot_go2", partial(gait_trial, "trot", "go2", speed=0.5, seconds=5.0), steady),
        Case("push_220n", partial(push_trial, 220.0, "go2"), last_steady),
        Case("payload_8kg", partial(trial, "go2_payload", "go2"), loaded),
    ),
    (LEARNED,),
    (0,),
    (
        *_walk_claims("trot_go2", "Go2 at 0.5 m/s"),
        _never_falls("push_220n", "220 N for 0.1 s"),
        *PAYLOAD.claims[:4],
    ),
)

SUITES: dict[str, Suite] = {suite.name: suite for suite in (SMOKE, WALK, PAYLOAD, PUSH, *ADAPTATION_SUITES)}


def get_suite(name: str) -> Suite:
    """Look a suite up.

    Args:
        name: One of `SUITES`.

    Returns:
        The suite.

    Raises:
        UnknownName: There is no such suite; lists those that exist.
    """
    if name not in SUITES:
        raise UnknownName("suite", name, SUITES)
    return SUITES[name]
