import json
import math
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import made_log, short_scenario

from controllers.errors import InvalidValue, UnknownName
from controllers.residual.bounds import WrenchBounds
from controllers.residual.catalog import LEARNERS
from controllers.residual.tuned import TUNED
from evaluation.locomotion_suites import SUITES
from evaluation.results import Row
from evaluation.suite import FIRST_TUNING_SEED
from evaluation.tuning import Candidate, Plan, finalists, tune, winners
from evaluation.tuning_cases import TUNING_CASES
from evaluation.tuning_cost import FALL_COST, SCALES, cost, errors
from evaluation.tuning_fingerprint import sources, tuning_fingerprint
from evaluation.tuning_report import presets_module, table_rows, tuned, write_report
from evaluation.tuning_spaces import SPACES, Choice, Range, Setting, Space, get_space
from evaluation.tuning_trial import TuningTrial
from sim.terrain import Slope

TESTS = Path(__file__).parent
KILLED = """
import os, signal, sys
from pathlib import Path
from evaluation.tuning import Plan, tune
from test_tuning import fake

def perform(trial, trace):
    if trial.method == "bias #01":
        os.kill(os.getpid(), signal.SIGKILL)
    return fake(trial)

tune(["bias"], Plan(2).on(["clean", "drag"]), Path(sys.argv[1]), perform=perform)
"""


def measured(ratio):
    return {"fell": 0.0, **{name: ratio * scale for name, scale in SCALES.items()}}


def fake(trial, trace=None):
    number = int(trial.method.split("#")[1])
    return Row(trial.method, trial.case.name, trial.seed, measured(1.0 + number))


class Performer:
    def __init__(self, perform=fake):
        self.seen, self.perform = [], perform

    def __call__(self, trial, trace):
        self.seen.append((trial.method, trial.case.name, trial.seed))
        return self.perform(trial, trace)


def candidate(number, *ratios, falls=0, method="bias", final=True):
    rows = [Row(method, f"case{i}", 1000, measured(ratio)) for i, ratio in enumerate(ratios)]
    rows += [Row(method, "fall", 1000 + i, {"fell": 1.0}) for i in range(falls)]
    return Candidate(method, number, Setting("bias_default", {"force_time_constant_s": 0.1}), tuple(rows), final)


def small(budget=6):
    return Plan(budget).on(["clean", "drag"])


# --- spaces


@pytest.mark.parametrize("method", SPACES)
def test_every_draw_gives_the_same_settings_within_their_ranges(method):
    space = get_space(method)
    settings = space.draw(16)
    assert settings == space.draw(16)
    assert len({str(setting) for setting in settings}) == 16
    for setting in settings:
        assert setting.preset in space.presets
        assert list(setting.values) == [dimension.name for dimension in space.dimensions]
        for dimension in space.dimensions:
            value = setting.values[dimension.name]
            if isinstance(dimension, Range):
                assert dimension.low <= value <= dimension.high
            else:
                assert value in dimension.options


def test_a_larger_budget_begins_with_the_settings_of_a_smaller_one():
    assert get_space("kalman").draw(16)[:5] == get_space("kalman").draw(5)


def test_log_ranges_are_spread_by_their_logarithm():
    space = Space(("p",), (Range("x", 0.01, 100.0, "s"), Range("y", 0.0, 10.0, "s", "linear")))
    values = [setting.values for setting in space.draw(256)]
    assert np.median([v["x"] for v in values]) == pytest.approx(1.0, rel=0.05)
    assert np.median([v["y"] for v in values]) == pytest.approx(5.0, rel=0.05)
    # Of four decades the lowest holds a quarter of the points.
    assert sum(v["x"] < 0.1 for v in values) == 64


def test_options_and_presets_have_equal_shares():
    settings = Space(("p", "q"), (Choice("x", (False, True)),)).draw(64)
    counts = {(p, x): sum(s == Setting(p, {"x": x}) for s in settings) for p in "pq" for x in (False, True)}
    assert set(counts.values()) == {16}


def test_values_have_three_digits_and_the_bounds_are_kept():
    ranged = Range("x", 0.01234, 1.0, "s")
    assert ranged.value(0.0) == 0.01234
    assert ranged.value(0.5) == 0.111


@pytest.mark.parametrize("method", SPACES)
@pytest.mark.parametrize("share", [0.0, 0.999999])
def test_learners_take_the_ends_of_every_range(method, share):
    space, mass = get_space(method), 15.0
    values = {dimension.name: dimension.value(share) for dimension in space.dimensions}
    for preset in space.presets:
        learner = LEARNERS[preset](mass, np.eye(3), 0, values)
        assert {name: getattr(learner.config, name) for name in values} == values
        assert learner.config.bounds == WrenchBounds.for_mass(mass)


def test_every_tuned_preset_has_a_space_that_sets_the_same_fields():
    for method, (preset, values) in TUNED.items():
        space = get_space(method)
        assert preset in space.presets
        assert set(values) == {dimension.name for dimension in space.dimensions}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Range("x", 1.0, 1.0, "s"), "range 'x' must have finite low < high, got 1.0 and 1.0"),
        (lambda: Range("x", 0.0, 1.0, "s"), "low of the log range 'x' must be > 0, got 0.0"),
        (lambda: Range("x", 0.0, 1.0, "s", "cube"), "scale of range 'x' must be one of log, linear, got 'cube'"),
        (lambda: Choice("x", (1,)), "choice 'x' must have at least 2 options, got 1"),
        (lambda: Space((), (Choice("x", (1, 2)),)), r"a space must have a preset .* got presets \(\)"),
        (lambda: get_space("bias").draw(0), r"budget must lie in \[1, 4096\], got 0"),
    ],
)
def test_spaces_that_cannot_be_searched_are_refused(make, message):
    with pytest.raises(InvalidValue, match=message):
        make()


def test_a_method_without_a_space_is_refused_with_those_that_have_one():
    with pytest.raises(UnknownName, match=r"unknown method that can be tuned 'none'; available: bias, .*rls_inertia"):
        get_space("none")


# --- budget and seeds


def test_every_method_gets_the_same_runs_on_the_same_seeds(tmp_path):
    performer = Performer()
    tune(["bias", "l1_tuned"], small(), tmp_path, perform=performer)
    runs = {}
    for label, case, seed in performer.seen:
        method, number = label.split(" #")
        runs.setdefault(method, []).append((int(number), case, seed))
    # Six settings and four finalists on two cases: 6 · 2 + 4 · 2 · 2.
    assert len(runs["bias"]) == 28
    assert sorted(runs["bias"]) == sorted(runs["l1_tuned"])
    assert len(set(runs["bias"])) == 28


def test_tuning_seeds_and_the_seeds_of_suites_are_disjoint():
    plan = Plan()
    assert min(*plan.first_seeds, *plan.final_seeds) >= FIRST_TUNING_SEED
    assert max(seed for suite in SUITES.values() for seed in suite.seeds) < FIRST_TUNING_SEED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first_seeds": (999,)}, "tuning seeds must be >= 1000, got 999: smaller ones are reported"),
        ({"final_seeds": (0,)}, "tuning seeds must be >= 1000, got 0"),
        ({"final_seeds": (1000,)}, "the stages must have different seeds"),
        ({"cases": ()}, "there is nothing to tune on"),
        ({"finalists": 0}, "finalists must be >= 1, got 0"),
    ],
)
def test_a_plan_that_would_tune_on_what_is_reported_is_refused(changes, message):
    with pytest.raises(InvalidValue, match=message):
        Plan(**changes)


def test_no_methods_are_refused(tmp_path):
    with pytest.raises(InvalidValue, match="there is nothing to tune: no methods"):
        tune([], small(), tmp_path, perform=fake)


@pytest.mark.parametrize("case", TUNING_CASES, ids=lambda case: case.name)
def test_tuning_cases_are_short_and_can_be_sent_to_another_process(case):
    scenario = pickle.loads(pickle.dumps(case)).build(1000)
    begin, end = case.window(scenario)
    assert scenario.name == case.name
    assert scenario.duration_s <= 8.0
    assert 2.5 <= begin and end == scenario.duration_s
    assert end - begin >= 2.7


# --- resumption


def test_a_killed_run_makes_only_what_is_missing(tmp_path):
    program = [sys.executable, "-c", KILLED, str(tmp_path)]
    environment = {"PYTHONPATH": f"{TESTS.parents[2]}:{TESTS}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(program, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    performer = Performer()
    plan = small(2)
    found = tune(["bias"], plan, tmp_path, perform=performer)
    assert not [run for run in performer.seen if run[0] == "bias #00" and run[2] == 1000]
    assert len(performer.seen) == 2 + 2 * 2 * 2
    assert found == tune(["bias"], plan, tmp_path / "anew", perform=fake)


def test_nothing_is_run_twice_even_with_a_larger_budget(tmp_path):
    first, same, larger = Performer(), Performer(), Performer()
    tune(["bias"], small(2), tmp_path, perform=first)
    tune(["bias"], small(2), tmp_path, perform=same)
    tune(["bias"], small(4), tmp_path, perform=larger)
    assert same.seen == []
    # Two more settings, which are finalists as well.
    assert len(larger.seen) == 2 * 2 * 3
    assert not set(first.seen) & set(larger.seen)


def test_two_processes_find_what_one_finds(tmp_path):
    found = tune(["bias"], small(2), tmp_path / "two", jobs=2, perform=fake)
    assert found == tune(["bias"], small(2), tmp_path / "one", perform=fake)


def trial(method="bias", **values):
    preset = get_space(method).presets[0]
    return TuningTrial(TUNING_CASES[0], f"{method} #00", 1000, "kalman", Setting(preset, values))


def test_another_setting_of_the_same_number_is_run_afresh():
    one = tuning_fingerprint(trial(force_time_constant_s=0.1))
    assert one == tuning_fingerprint(trial(force_time_constant_s=0.1))
    assert one != tuning_fingerprint(trial(force_time_constant_s=0.2))


def test_runs_depend_on_their_own_learner_and_on_no_other():
    bias = {"/".join(path.parts[-2:]) for path in sources("controllers.residual.bias")}
    assert {"residual/bias.py", "residual/bounds.py", "residual/screening.py", "residual/learner.py"} <= bias
    assert {"quadruped/walking.py", "robot/catalog.py", "sim/world.py", "evaluation/rollout.py"} <= bias
    others = ("residual/kalman.py", "residual/l1.py", "residual/catalog.py", "residual/tuned.py")
    assert not {*others, "evaluation/tuning_spaces.py"} & bias
    kalman = {path.name for path in sources("controllers.residual.kalman")}
    assert {"kalman.py", "kalman_filter.py"} <= kalman


# --- cost and choice


def test_errors_of_the_size_of_their_scales_cost_nothing_and_twice_as_large_ln_two():
    assert cost(measured(1.0)) == pytest.approx(0.0, abs=1e-12)
    assert cost(measured(2.0)) == pytest.approx(math.log(2.0))
    # One of five errors alone: the root of 9 / 5.
    alone = {**dict.fromkeys(SCALES, 0.0), "fell": 0.0, "height_rmse_m": 0.015}
    assert cost(alone) == pytest.approx(math.log(math.sqrt(9.0 / 5.0)))


def test_a_fall_costs_as_much_as_errors_of_a_hundred_scales_and_nothing_costs_more():
    assert cost({"fell": 1.0}) == FALL_COST == pytest.approx(math.log(100.0))
    assert cost(measured(500.0)) == FALL_COST
    assert cost({**measured(1.0), "vx_rmse_mps": None}) == FALL_COST
    assert cost({**measured(1.0), "vx_rmse_mps": math.nan}) == FALL_COST


def test_the_errors_of_a_run_are_those_in_its_window():
    log = made_log(short_scenario())
    late = log.values["time"] >= 8.0
    log.values["height"][late] += 0.01
    log.values["roll"][late] = 0.02
    found = errors(log, (8.0, 12.0))
    assert found == pytest.approx(
        {"fell": 0.0, "height_rmse_m": 0.01, "vx_rmse_mps": 0.0, "vy_rmse_mps": 0.0}
        | {"roll_rmse_rad": 0.02, "pitch_rmse_rad": 0.0},
        abs=1e-12,
    )
    assert errors(log, (4.0, 8.0))["height_rmse_m"] == pytest.approx(0.0, abs=1e-12)


def test_on_a_slope_attitude_counts_about_its_mean():
    scenario = replace(short_scenario(), terrain=Slope(12.0))
    log = made_log(scenario)
    log.values["pitch"][:] = -0.2 + 0.01 * np.where(np.arange(len(log.values["time"])) % 2, 1.0, -1.0)
    assert errors(log, (4.0, 8.0))["pitch_rmse_rad"] == pytest.approx(0.01)


def test_a_run_that_fell_has_no_errors():
    assert errors(made_log(short_scenario(), fell=True, end=5.0), (3.0, 5.0)) == {"fell": 1.0}


def test_the_winner_has_the_lowest_mean_cost_over_cases():
    # Geometric means: 2.0, 1.5 and √(1 · 3) ≈ 1.73.
    chosen = winners([candidate(0, 2.0, 2.0), candidate(1, 1.5, 1.5), candidate(2, 1.0, 3.0)])
    assert chosen["bias"].number == 1


def test_a_setting_that_fell_loses_against_one_that_tracks_worse():
    fell, slow = candidate(0, 0.5, 0.5, falls=1), candidate(1, 2.0, 2.0, 2.0)
    assert (fell.falls, fell.cost) == (1, pytest.approx((2.0 * math.log(0.5) + math.log(100.0)) / 3.0))
    assert winners([fell, slow])["bias"].number == 1


def test_only_finalists_can_win():
    assert winners([candidate(0, 0.5, final=False), candidate(1, 2.0)])["bias"].number == 1


def test_each_method_has_its_own_finalists_and_the_earlier_wins_a_tie():
    members = [candidate(n, ratio, method=m) for m in ("bias", "kalman") for n, ratio in enumerate((3.0, 1.0, 1.0))]
    assert [(c.method, c.number) for c in finalists(members, 1)] == [("bias", 1), ("kalman", 1)]
    assert len(finalists(members, 2)) == 4


def test_the_second_stage_can_overturn_the_first(tmp_path):
    def turning(trial, trace):
        number = int(trial.method.split("#")[1])
        ratio = 1.0 + number if trial.seed == 1000 else 20.0 - 5.0 * number
        return Row(trial.method, trial.case.name, trial.seed, measured(ratio))

    found = tune(["bias"], replace(small(4), finalists=2), tmp_path, perform=turning)
    assert [c.final for c in found] == [True, True, False, False]
    assert [len(c.rows) for c in found] == [6, 6, 2, 2]
    # (1 · 20 · 20)^⅓ = 7.4 against (2 · 15 · 15)^⅓ = 7.7; with one final seed more it would turn.
    assert winners(found)["bias"].number == 0
    longer = replace(small(4), finalists=2, final_seeds=(1001, 1002, 1003, 1004))
    assert winners(tune(["bias"], longer, tmp_path, perform=turning))["bias"].number == 1


# --- report


def test_presets_are_written_as_the_module_that_the_catalog_reads():
    text = presets_module(TUNED)
    space = {}
    exec(text, space)
    assert space["TUNED"] == TUNED
    assert text == (Path(__file__).parents[3] / "controllers" / "residual" / "tuned.py").read_text()


def test_winners_replace_only_the_presets_of_their_methods(tmp_path):
    found = tune(["kalman"], small(2), tmp_path, perform=fake)
    write_report(found, small(2), tmp_path)
    space = {}
    exec((tmp_path / "tuned.py").read_text(), space)
    first = get_space("kalman").draw(1)[0]
    assert space["TUNED"] == {**TUNED, "kalman": (first.preset, first.values)}
    results = json.loads((tmp_path / "tuned.json").read_text())
    assert results["winners"]["kalman"]["number"] == 0
    assert results["winners"]["kalman"]["cost"] == pytest.approx(0.0, abs=1e-12)
    assert (results["budget"], len(results["settings"])) == (2, 2)
    assert "| kalman #00 |" in (tmp_path / "tuning.md").read_text()


def test_the_table_tells_falls_and_names_the_winner():
    rows = table_rows([candidate(0, 1.0, falls=1), candidate(1, 1.5), candidate(2, 1.0, final=False)])
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("bias #01", "winner", "0"),
        ("bias #00", "finalist", "1"),
        ("bias #02", "", "0"),
    ]


def test_results_hold_the_cost_of_every_case():
    entry = tuned([candidate(0, 1.0, 2.0)], Plan())["settings"][0]
    assert entry["cost_by_case"] == pytest.approx({"case0": 0.0, "case1": math.log(2.0)}, abs=1e-12)
