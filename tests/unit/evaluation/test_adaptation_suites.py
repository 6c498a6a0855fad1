from itertools import pairwise

import numpy as np
import pytest

from controllers.errors import UnknownName
from controllers.quadruped.gait import GAITS
from controllers.robot.catalog import load_robot
from evaluation.adaptation_cases import SCENARIOS, SHORT, case, trial
from evaluation.adaptation_suites import ADAPTATION, ADAPTATION_FULL, ADAPTATION_SMOKE, ADAPTATION_SUITES, SURVIVAL
from evaluation.families import place_of
from evaluation.methods import METHODS, OURS, RIVALS
from evaluation.privileged import PRIVILEGED
from sim.disturbances import Drag, Payload, PeriodicWrench
from sim.friction import FrictionPatches
from sim.terrain import Rough, Slope


def built(name):
    return (SCENARIOS | SHORT)[name]()


def test_a_force_of_so_many_g_is_the_weight_of_so_many_kilograms():
    forces = {
        "force_down_12g": (0.0, 0.0, -12 * 9.81),
        "force_left_4g": (0.0, 4 * 9.81, 0.0),
        "force_backward_6g": (-6 * 9.81, 0.0, 0.0),
    }
    for name, force in forces.items():
        assert built(name).disturbances[0].force_n == pytest.approx(force)


def test_every_family_of_the_issue_has_its_levels():
    levels = {
        "force_down": [2, 4, 6, 8, 10, 12],
        "force_right": [2, 4, 6],
        "slope_up": [10, 15, 20],
        "slope_across_8kg": [10, 15, 20],
        "rough": [0.05, 0.1, 0.15, 0.25],
        "rough_8kg": [0.05, 0.1, 0.15, 0.25],
        "payload_steps": [0, 5, 8],
        "payload_sine": [0.1, 0.25, 0.5, 1.0],
        "strips": [0.05, 0.25, 0.5, 4.0],
        "delay_payload": [6, 10, 20],
        "speed": [0.3, 0.6, 0.9, 1.2],
        "push": [100, 200, 300],
    }
    places = [place_of(case.name) for case in ADAPTATION_FULL.cases]
    for family, expected in levels.items():
        assert sorted(place.level for place in places if place.family == family) == expected


def test_payload_steps_go_up_and_down_at_their_offset():
    steps = built("payload_steps_5cm").disturbances
    assert [step.mass_kg for step in steps] == [4.0, 8.0, 4.0]
    assert all(a.until_s == b.at_s for a, b in pairwise(steps))
    assert np.hypot(*steps[0].offset_m[:2]) == pytest.approx(0.05)
    assert built("payload_steps_5cm").duration_s - steps[-1].until_s >= 2.0


@pytest.mark.parametrize("robot", ["go1", "aliengo"])
def test_loads_of_other_robots_are_the_same_share_of_their_mass(robot):
    share = 8.0 / load_robot("go2").mass
    steps = built(f"payload_steps_5cm_{robot}").disturbances
    assert steps[1].mass_kg / load_robot(robot).mass == pytest.approx(share)
    pull = built(f"force_down_8g_{robot}").disturbances[0].force_n[2]
    assert -pull / (9.81 * load_robot(robot).mass) == pytest.approx(share)


def test_a_sine_shows_a_whole_period_after_the_latest_onset():
    for name in (name for name in SCENARIOS if name.startswith("payload_sine")):
        scenario = built(name)
        swell = scenario.disturbances[0]
        assert swell.profile_s == pytest.approx(1.0 / place_of(name).level)
        assert scenario.duration_s >= swell.at_s + 0.5 + swell.profile_s


def test_no_constant_force_explains_the_drag():
    scenario = trial("drag_30n", 3)
    load = scenario.disturbances[0]
    assert isinstance(load, Drag)
    speeds = {timed.command.velocity_x for timed in scenario.commands if timed.at_s > load.at_s}
    force = {abs(load.force(np.eye(3), np.array([v, 0.0, 0.0]))[0]) for v in speeds}
    assert max(force) > 5.0 * min(force)
    assert load.force(np.eye(3), np.array([0.5, 0.0, 0.0]))[0] == pytest.approx(-30.0)


def test_a_sloshing_load_swings_with_the_trot_or_twice_as_fast():
    for name, per_stride, axis in (
        ("slosh_vertical_40n", 1, 2),
        ("slosh_double_80n", 2, 2),
        ("slosh_lateral_40n", 1, 1),
    ):
        box, swing = built(name).disturbances
        assert isinstance(box, Payload) and isinstance(swing, PeriodicWrench)
        assert swing.period_s * per_stride == pytest.approx(GAITS["trot"].period)
        assert swing.force_n[axis] == place_of(name).level
        assert swing.point_m == box.offset_m


def test_grounds_are_what_their_names_say():
    assert built("slope_down_20deg").terrain == Slope(-20.0)
    assert built("slope_across_15deg_8kg").terrain == Slope(15.0, "y")
    assert built("rough_0p25m_8kg").terrain.peak_to_peak_m == 0.25
    assert built("rough_0p25m_8kg").disturbances[0].mass_kg == 8.0
    assert built("strips_0p05m").friction == FrictionPatches(0.05, (0.5, 0.05), 1.45)
    for width in ("0p05", "0p25", "0p5", "4"):
        ground = built(f"strips_{width}m").friction
        assert [ground.coefficient(x, 0.0) for x in (1.46, 1.51)] == [0.5, 0.05]
    assert built("delay_force_10ms").sensors.delay_ticks == 5
    assert built("weak_leg_85pc").leg_strength == (1.0, 0.85, 1.0, 1.0)
    assert built("turn").commands[-1].command.yaw_rate == 0.5


def test_every_trial_of_rough_ground_has_other_bumps():
    grounds = {trial("rough_0p1m_8kg", seed).terrain.seed for seed in range(4)}
    assert len(grounds) == 4
    assert isinstance(trial("rough_0p1m_8kg", 0).terrain, Rough)


def test_shoves_of_six_seeds_meet_six_phases():
    starts = [case("push_300n").build(seed).disturbances[0].at_s for seed in range(7)]
    assert [b - a for a, b in pairwise(starts[:6])] == pytest.approx([GAITS["trot"].period / 6] * 5)
    assert starts[6] == starts[0]


def test_an_unknown_case_is_refused_with_those_that_exist():
    with pytest.raises(UnknownName, match=r"unknown case 'force_up_2g'; available: .*force_down_2g"):
        case("force_up_2g")
    with pytest.raises(UnknownName, match="unknown case 'push_hardn'"):
        case("push_hardn")


def test_methods_compete_once_each_and_those_that_are_told_the_truth_beside_them():
    assert METHODS[0] == OURS and len(set(METHODS)) == len(METHODS)
    assert set(METHODS) - set(RIVALS) == {OURS, *PRIVILEGED}
    assert ADAPTATION.methods == ADAPTATION_SMOKE.methods == METHODS
    assert 16 <= len(ADAPTATION.cases) <= 24


def test_the_smoke_suite_is_short():
    # Six minutes of two cores at three times real time.
    seconds = sum(case.build(0).duration_s for case in ADAPTATION_SMOKE.cases)
    assert seconds * len(METHODS) * len(ADAPTATION_SMOKE.seeds) < 2 * 360.0 * 3.0


def test_the_full_suite_holds_every_case_of_the_others():
    names = {case.name for case in ADAPTATION_FULL.cases}
    assert {case.name for suite in (ADAPTATION, SURVIVAL) for case in suite.cases} <= names
    assert set(SCENARIOS) <= names
    assert len(names) == len(ADAPTATION_FULL.cases)


@pytest.mark.parametrize("suite", ADAPTATION_SUITES, ids=lambda suite: suite.name)
def test_a_target_stands_once(suite):
    texts = [claim.text for claim in suite.claims]
    assert len(set(texts)) == len(texts)
