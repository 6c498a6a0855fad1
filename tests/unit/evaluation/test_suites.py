import math
import pickle
from itertools import pairwise

import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.quadruped.gait import GAITS
from evaluation.locomotion_suites import SUITES, get_suite, push_trial
from evaluation.suite import only, parse_seeds, plan_trials, suite_of_cases

CASES = """
- name: light
  robot: go2
  duration_s: 3.0
  command: [{at_s: 0.0, vx: 0.2}]
- name: heavy
  robot: go2
  duration_s: 3.0
  command: [{at_s: 0.0, vx: 0.2}]
  payload: [{at_s: 1.0, mass_kg: 4.0}]
"""


def test_pushes_of_six_seeds_fall_evenly_over_one_gait_cycle():
    starts = [push_trial(220.0, "go2", seed).disturbances[0].at_s for seed in range(7)]
    assert [b - a for a, b in pairwise(starts[:6])] == pytest.approx([GAITS["trot"].period / 6] * 5)
    assert starts[6] == starts[0]


def test_walk_suite_runs_twenty_seeds_on_the_go2_and_five_elsewhere():
    trials = plan_trials(get_suite("walk"), None, None)
    counts = {case.name: sum(t.case is case for t in trials) for case in get_suite("walk").cases}
    assert counts.pop("walk_go2") == 20
    assert set(counts.values()) == {5}


def test_a_case_may_restrict_the_methods_unless_methods_are_asked_for():
    suite = get_suite("payload")
    assert {t.method for t in plan_trials(suite, None, [0]) if t.case.name == "no_payload"} == {
        "none",
        "pronk",
    }
    assert {t.method for t in plan_trials(suite, ["l1_tuned"], [0])} == {"l1_tuned"}


def test_the_load_of_a_clean_trial_is_gone_and_all_else_is_equal():
    cases = {case.name: case for case in get_suite("payload").cases}
    dirty, clean = cases["payload_8kg"].build(3), cases["no_payload"].build(3)
    assert dirty.disturbances and not clean.disturbances
    assert (clean.commands, clean.mass_scale, clean.seed) == (dirty.commands, dirty.mass_scale, dirty.seed)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_trials_can_be_sent_to_another_process_and_have_a_window(suite):
    for trial in pickle.loads(pickle.dumps(plan_trials(suite, None, [1]))):
        scenario = trial.case.build(trial.seed)
        begin, end = trial.case.window(scenario)
        assert 0.5 <= end - begin <= scenario.duration_s
        assert math.isfinite(begin)


def test_an_unknown_suite_is_refused_with_those_that_exist():
    with pytest.raises(
        UnknownName, match=r"unknown suite 'all'; available: adaptation, .*payload, push, smoke, survival, walk"
    ):
        get_suite("all")


def test_an_unknown_method_is_refused_with_those_that_exist():
    with pytest.raises(UnknownName, match=r"unknown method 'magic'; available: .*random_features"):
        plan_trials(get_suite("smoke"), ["magic"], None)


def test_seeds_that_were_tuned_on_are_not_reported():
    with pytest.raises(InvalidValue, match="seeds must be < 1000, got 1000: larger ones are for tuning"):
        plan_trials(get_suite("smoke"), None, [0, 1000])


def test_keeping_some_cases_keeps_their_claims():
    kept = only(get_suite("smoke"), ["push_220n"])
    assert [case.name for case in kept.cases] == ["push_220n"]
    assert {claim.case for claim in kept.claims} == {"push_220n"}
    with pytest.raises(
        UnknownName, match="unknown case of suite 'smoke' 'x'; available: payload_8kg, push_220n, trot_go2"
    ):
        only(get_suite("smoke"), ["x"])


@pytest.mark.parametrize(("text", "seeds"), [("0:3", (0, 1, 2)), ("4", (4,)), ("5,2,5", (5, 2))])
def test_seeds_are_a_range_or_a_list(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["a:b", "1:2:3", "", "1.5"])
def test_seeds_of_another_form_are_refused(text):
    with pytest.raises(InvalidValue, match="seeds must have the form A:B or a,b,c"):
        parse_seeds(text)


@pytest.mark.parametrize("text", ["3:3", "-1"])
def test_no_seeds_or_negative_ones_are_refused(text):
    with pytest.raises(InvalidValue, match="at least one number >= 0"):
        parse_seeds(text)


def test_a_case_file_becomes_a_suite_whose_seed_zero_is_the_case_itself(tmp_path):
    path = tmp_path / "loads.yaml"
    path.write_text(CASES)
    suite = suite_of_cases(path)
    assert (suite.name, [case.name for case in suite.cases]) == ("loads", ["light", "heavy"])
    heavy = suite.cases[1]
    assert heavy.build(0).disturbances[0].at_s == 1.0
    assert heavy.build(1).disturbances[0].at_s > 1.0
    assert heavy.window(heavy.build(0)) == (1.0, 3.0)


def test_a_case_file_may_hold_every_kind_of_disturbance_on_every_robot(tmp_path):
    path = tmp_path / "all.yaml"
    path.write_text(
        "".join(
            f"""
- name: {robot}
  robot: {robot}
  duration_s: 6.0
  command: [{{at_s: 0.0, vx: 0.3}}]
  payload: [{{at_s: 2.0, mass_kg: 3.0}}]
  wrench: [{{at_s: 2.0, force_n: [0, 9, 0]}}]
  periodic: [{{at_s: 2.0, force_n: [0, 0, 9], period_s: 0.44}}]
  drag: [{{at_s: 2.0, linear: [9, 0, 0]}}]
  leg_strength: [1, 1, 1, 0.85]
"""
            for robot in ("go1", "go2", "aliengo")
        )
    )
    made = plan_trials(suite_of_cases(path), ["kalman", "bias"], [0, 5])
    assert len(made) == 3 * 2 * 2
    for trial in pickle.loads(pickle.dumps(made)):
        scenario = trial.case.build(trial.seed)
        assert (scenario.robot, len(scenario.disturbances)) == (trial.case.name, 4)
        assert scenario.leg_strength == (1.0, 1.0, 1.0, 0.85)
