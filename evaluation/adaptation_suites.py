"""The suites of adaptation: tracking in which methods compete, survival, everything, and a first look."""

from evaluation.adaptation_cases import SCENARIOS, SHORT, case, cases
from evaluation.adaptation_claims import (
    better_than_all,
    better_than_bias,
    finds_the_wrench,
    in_time,
    little_regret,
    no_worse_than_nominal,
    published_order,
    survives,
)
from evaluation.adaptation_scenarios import PUSH_PHASES
from evaluation.claims import Claim
from evaluation.methods import METHODS, OURS
from evaluation.push_search import largest_push, search_trial
from evaluation.suite import Case, Suite
from evaluation.windows import last_steady

SIDEWAYS = "vy_rmse_mps"
SURVIVAL_METHODS = tuple(dict.fromkeys((OURS, "none", "rff_tuned", "kalman")))
STEPS = ("payload_steps_0cm", "payload_steps_5cm", "payload_steps_8cm")
SINES = ("payload_sine_0p25hz", "payload_sine_0p5hz", "payload_sine_1hz")

ADAPTATION = Suite(
    "adaptation",
    cases(
        (
            "clean",
            *("force_down_4g", "force_down_8g", "force_left_4g", "force_backward_4g"),
            *(*STEPS, "payload_ramp_8kg", *SINES),
            *("slope_up_15deg_8kg", "slope_across_15deg_8kg", "rough_0p1m_8kg"),
            *("drag_15n", "drag_30n", "slosh_vertical_40n", "slosh_double_80n", "slosh_lateral_20n"),
            *("delay_payload_10ms", "weak_leg_payload_85pc", "turn_payload"),
        )
    ),
    METHODS,
    tuple(range(10)),
    (
        *published_order(("force_down_4g", "force_down_8g", *STEPS)),
        *better_than_all((*STEPS, *SINES)),
        *better_than_bias(("drag_15n", "drag_30n", "slope_up_15deg_8kg", "slosh_vertical_40n", "slosh_double_80n")),
        *better_than_bias(("slope_across_15deg_8kg", "slosh_lateral_20n"), SIDEWAYS),
        *no_worse_than_nominal("clean"),
        *finds_the_wrench(
            ("force_down_8g", "force_left_4g", "payload_steps_0cm", "payload_steps_8cm", "slope_up_15deg_8kg")
        ),
        *in_time(("clean", "payload_steps_5cm")),
        *little_regret(("force_down_8g", "payload_steps_0cm", "slosh_vertical_40n")),
    ),
)

LARGEST_PUSH = Case("largest_push", search_trial, last_steady, most_seeds=PUSH_PHASES, perform=largest_push)
ALWAYS = (
    *("force_down_8g", "force_left_4g", "force_right_4g", *STEPS),
    *("payload_sine_0p1hz", "payload_sine_0p25hz", "payload_sine_0p5hz", "slope_up_20deg", "slope_down_20deg"),
    *("strips_0p05m", "strips_0p25m", "strips_0p5m", "strips_4m", "payload_12kg"),
)
OTHER_ROBOTS = tuple(name for name in SCENARIOS if name.endswith(("_go1", "_aliengo")))
MOSTLY = ("force_down_12g", "rough_0p25m")
# No target names these; they show where the frontier lies.
HARDER = ("rough_0p25m_8kg", "slope_up_20deg_8kg", "slope_down_20deg_8kg", "strips_payload_0p25m", "delay_force_20ms")
SURVIVAL = Suite(
    "survival",
    (*cases((*ALWAYS, *MOSTLY, *HARDER, *OTHER_ROBOTS)), case("push_300n", most_seeds=PUSH_PHASES), LARGEST_PUSH),
    SURVIVAL_METHODS,
    tuple(range(10)),
    (
        *survives(dict.fromkeys((*ALWAYS, *OTHER_ROBOTS), 1.0) | dict.fromkeys(MOSTLY, 0.8)),
        *survives({"push_300n": 5.0 / 6.0}),
        Claim(
            "shove of 0.1 s survived, mean of 6 phases",
            "largest_push",
            OURS,
            "largest_push_n",
            300.0,
            at_least=True,
            unit="N",
            binding=False,
        ),
    ),
)

ADAPTATION_FULL = Suite(
    "adaptation_full",
    (*cases(SCENARIOS), *(case(f"push_{n}n", most_seeds=PUSH_PHASES) for n in (100, 200, 300)), LARGEST_PUSH),
    METHODS,
    tuple(range(10)),
    (*ADAPTATION.claims, *SURVIVAL.claims),
)

ADAPTATION_SMOKE = Suite(
    "adaptation_smoke",
    cases(SHORT),
    METHODS,
    (0, 1),
    (
        *published_order(("force_down_8g_short", "payload_steps_short")),
        *better_than_all(("payload_steps_short", "payload_sine_0p5hz_short")),
        *better_than_bias(("drag_30n_short",)),
        *no_worse_than_nominal("clean_short"),
        *survives(dict.fromkeys(SHORT, 1.0)),
        *finds_the_wrench(("force_down_8g_short",)),
    ),
)

ADAPTATION_SUITES = (ADAPTATION, SURVIVAL, ADAPTATION_FULL, ADAPTATION_SMOKE)
