import numpy as np
import pytest

import pronk.bench_filter as bench_filter
from controllers.safety.filter import FilterConfig
from pronk.bench_filter import NEIGHBOURS, besiege, compare_with_daqp, crowded_programs, general_solvers, time_filter


def test_robots_of_the_bench_have_as_many_neighbours_as_it_says():
    view, preferred, _ = crowded_programs(np.random.default_rng(0), 3)
    assert view.valid.shape == (3 * (NEIGHBOURS + 1), NEIGHBOURS) and view.valid.all()
    assert len(preferred) == len(view.valid)


def test_every_solver_of_the_bench_finds_what_ours_finds():
    timings = time_filter(np.random.default_rng(1), 4, 10, passes=1)
    assert [t.solver for t in timings[2:]] == list(general_solvers()) and len(timings) >= 4
    for timing in timings:
        assert timing.failures == 0 and timing.p50_s > 0.0
        assert timing.difference_mps < 1e-4


def test_programs_of_every_kind_are_compared_and_a_wrong_answer_is_seen(monkeypatch):
    found = compare_with_daqp(np.random.default_rng(2), 300)
    assert [a.n for a in found] == [100, 100, 100] and found[0].solved == 100 and 0 < found[1].solved < 100
    assert all(a.verdicts == 0 and a.apart == 0 and a.violation_mps < 1e-9 for a in found)
    right = bench_filter.by_daqp
    monkeypatch.setattr(bench_filter, "by_daqp", lambda *p: None if (x := right(*p)) is None else x + 1e-6)
    assert [a.apart for a in compare_with_daqp(np.random.default_rng(2), 300)] == [a.solved for a in found]


def test_adversaries_win_where_gains_beyond_the_theorem_are_let_through(monkeypatch):
    assert all(s.collisions == 0 and s.infeasible == 0 for s in besiege(np.random.default_rng(3), 1500))
    # A filter that believes in a shorter period lets more than 1/dt through.
    adversary = bench_filter.Adversary
    monkeypatch.setattr(bench_filter, "FilterConfig", lambda dt: FilterConfig(0.1 * dt))
    monkeypatch.setattr(bench_filter, "Adversary", lambda rng, dt: adversary(rng, 0.1 * dt))
    monkeypatch.setattr(bench_filter, "ROBOTS", {"single integrator": bench_filter.ROBOTS["single integrator"]})
    (siege,) = besiege(np.random.default_rng(3), 20_000)
    assert siege.collisions > 0 and siege.clearance_m < -1e-3
    assert siege.steps >= 20_000 and siege.steps == pytest.approx(20_000, rel=0.1)
