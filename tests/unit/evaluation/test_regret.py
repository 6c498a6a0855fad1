import json
import math
from dataclasses import replace

import imageio.v2 as imageio
import numpy as np
import pytest
from made_runs import loaded_scenario, made_log, row, short_scenario

from controllers.errors import InvalidValue
from evaluation.cost_curve import CostCurve, counted
from evaluation.regret import Regret, cost_path, summarise_regret, with_regret
from evaluation.regret_plots import plot_regret
from evaluation.results import compile_results
from evaluation.suite_report import write_reports
from sim.disturbances import Payload, push

BINS = 400
TIME = 0.1 * np.arange(1, BINS + 1)


def curve(cost, fell=False):
    return CostCurve(6.0, np.broadcast_to(np.asarray(cost, dtype=float), BINS).copy(), fell)


def keep(folder, method, cost, seed=0, fell=False, case="quiet"):
    curve(cost, fell).save(cost_path(folder, case, method, seed))
    return row(seed, method, case, fell=float(fell))


def test_costs_count_while_the_walking_robot_is_disturbed():
    plain = short_scenario()
    walk = next(timed.at_s for timed in plain.commands if timed.command.gait == "trot")
    assert counted(plain) == (walk, 12.0)
    assert counted(loaded_scenario()) == (6.0, 9.0)
    early = replace(loaded_scenario(), disturbances=(Payload(8.0, at_s=0.5),))
    assert counted(early) == (walk, 12.0)
    assert counted(replace(plain, disturbances=(push(6.0, (0.0, 220.0, 0.0)),))) == (6.0, 12.0)


def test_costs_are_averaged_in_bins():
    log = made_log(loaded_scenario())
    log.values["height"] = 0.3 + 0.01 * np.sqrt(log.values["time"])
    costs = CostCurve.of(log)
    assert costs.begin == 6.0
    # 2000 (0.01 √t)² = 0.2 t, whose mean over a bin is that at its middle (less half of the period of control).
    middles = 6.0 + 0.1 * (np.arange(len(costs.cost)) + 0.5)
    assert costs.cost == pytest.approx(0.2 * (middles - 0.001))
    assert len(costs.cost) == 30


def test_costs_survive_their_file(tmp_path):
    curve(np.sqrt(TIME), fell=True).save(tmp_path / "c.npz")
    read = CostCurve.read(tmp_path / "c.npz")
    assert (read.begin, read.fell) == (6.0, True)
    assert read.cost == pytest.approx(np.sqrt(TIME), rel=1e-6)


def test_regret_of_a_constant_surplus_is_linear():
    regret = Regret.between(curve(0.75), curve(0.25))
    assert regret.cumulative == pytest.approx(0.5 * TIME)
    assert (regret.early, regret.late, regret.slope) == pytest.approx((0.5, 0.5, 1.0))


def test_regret_of_a_surplus_that_decays_as_one_over_the_root_of_time_grows_as_the_root():
    # Differences of √t, so that their sum is √t itself.
    surplus = np.diff(np.sqrt(np.arange(BINS + 1.0)))
    regret = Regret.between(curve(1.0 + surplus), curve(1.0))
    assert regret.slope == pytest.approx(0.5)
    assert regret.early == pytest.approx(1.0 / math.sqrt(BINS / 2))
    assert regret.late == pytest.approx(1.0 / math.sqrt(BINS))


def test_a_method_that_beats_the_comparator_has_negative_regret_and_no_slope():
    regret = Regret.between(curve(0.1), curve(0.3))
    assert regret.late == pytest.approx(-0.2)
    assert math.isnan(regret.slope)


def test_regret_between_different_spans_is_refused():
    short = CostCurve(6.0, np.ones(100), False)
    with pytest.raises(InvalidValue, match="got 400 from 6 s on and 100 from 6 s on"):
        Regret.between(curve(1.0), short)


def test_trials_in_which_either_fell_are_counted_but_not_averaged(tmp_path):
    rows = [keep(tmp_path, "clairvoyant", 0.1, seed, fell=seed == 3) for seed in range(4)]
    decay = 1.0 / TIME
    rows += [keep(tmp_path, "pronk", 0.1 + seed + decay, seed) for seed in (0, 1)]
    rows += [keep(tmp_path, "pronk", 9.0, 2, fell=True), keep(tmp_path, "pronk", 9.0, 3)]
    (summary,) = summarise_regret(rows, tmp_path)
    assert (summary.comparator, summary.method, summary.n, summary.out) == ("clairvoyant", "pronk", 2, 2)
    assert summary.late == pytest.approx(0.5 + float(decay.mean()), rel=1e-5)
    assert (summary.falls, summary.not_worse) == (2, 0)


def test_trials_without_a_comparator_or_costs_have_no_regret(tmp_path):
    assert summarise_regret([keep(tmp_path, "pronk", 1.0)], tmp_path) == []
    assert summarise_regret([row(0, "pronk"), row(0, "clairvoyant")], tmp_path) == []


def test_rows_get_the_regret_against_the_clairvoyant(tmp_path):
    rows = [keep(tmp_path, "clairvoyant", 0.5), keep(tmp_path, "pronk", 0.5 + 1.0 / TIME)]
    best, ours = with_regret(rows, tmp_path)
    assert "regret_falls" not in best.metrics
    assert ours.metrics["fell"] == 0.0
    assert ours.metrics["regret_per_step_late"] == pytest.approx(float(np.mean(1.0 / TIME)), rel=1e-5)
    assert ours.metrics["regret_falls"] == 1.0


def test_the_report_of_a_suite_tells_and_draws_regret(tmp_path):
    rows = []
    for seed in range(3):
        rows += [keep(tmp_path, "clairvoyant", 0.1, seed), keep(tmp_path, "pronk", 0.2 + 0.1 * seed + 1 / TIME, seed)]
        rows.append(keep(tmp_path, "oracle", 0.15, seed))
    report = write_reports(tmp_path, compile_results("s", rows))
    assert "## Regret against the clairvoyant" in (tmp_path / "tables.md").read_text()
    assert r"\label{tab:regret-oracle}" in (tmp_path / "tables" / "regret_oracle.tex").read_text()
    written = json.loads((tmp_path / "comparison.json").read_text())["regret"]
    assert [(entry["comparator"], entry["n"]) for entry in written] == [("clairvoyant", 3), ("oracle", 3)]
    assert tmp_path / "plots" / "regret_clairvoyant" / "quiet.png" in report.files


def test_regret_of_seeds_of_different_length_is_drawn(tmp_path):
    rows = []
    for seed, count in ((0, 100), (1, 90)):
        for method, cost in (("clairvoyant", 0.1), ("pronk", 0.3)):
            CostCurve(6.0, np.full(count, cost), False).save(cost_path(tmp_path, "quiet", method, seed))
            rows.append(row(seed, method))
    assert len(plot_regret(tmp_path / "plots", rows, tmp_path, "clairvoyant")) == 1


def test_regret_is_drawn_although_a_method_always_fell(tmp_path):
    rows = [keep(tmp_path, "clairvoyant", 0.1), keep(tmp_path, "pronk", 0.3), keep(tmp_path, "none", 9.0, fell=True)]
    (file,) = plot_regret(tmp_path / "plots", rows, tmp_path, "clairvoyant")
    picture = imageio.imread(file)[..., :3]
    orange = (np.abs(picture.astype(int) - [0xD5, 0x5E, 0x00]).max(axis=2) < 12).sum()
    assert orange > 500
