import time
from dataclasses import replace

import numpy as np
import pytest

from controllers.qp import QuadraticProgram
from controllers.quadruped.mpc import MpcConfig, MpcInput
from pronk import bench_programs
from pronk.bench_parts import _clocked, summarise, time_in_loop, time_sequence
from pronk.bench_programs import Recording, bench_scenario, general_solvers, time_programs
from sim.disturbances import Payload
from sim.scenarios import get_scenario


def stance(weight_share: float = 1.0) -> MpcInput:
    """A Go2 that stands on a diagonal pair of feet, level and at rest."""
    n = 10
    contacts = np.tile([1.0, 0.0, 0.0, 1.0], (n, 1))
    levers = np.tile([[0.2, 0.14, -0.28], [0.2, -0.14, -0.28], [-0.2, 0.14, -0.28], [-0.2, -0.14, -0.28]], (n, 1, 1))
    residual = np.zeros((n, 6))
    residual[:, 2] = (1.0 - weight_share) * 15.2 * 9.81
    return MpcInput(
        intervals=np.full(n, 0.04),
        contacts=contacts,
        levers=levers,
        position=np.zeros(6),
        velocity=np.zeros(6),
        position_reference=np.zeros((n, 6)),
        velocity_reference=np.zeros((n, 6)),
        residual=residual,
        inertia=np.tile(np.diag([0.17, 0.48, 0.53]), (n, 1, 1)),
    )


@pytest.fixture(scope="module")
def rows():
    recording = Recording(MpcConfig(), inputs=[stance(share) for share in (1.0, 1.2, 0.8, 1.1)])
    return {row.solver: row for row in time_programs(recording, passes=2, samples=3)}


def test_the_best_pass_of_each_sample_counts_and_the_first_is_kept_as_raw():
    times = np.array([[5.0, 9.0], [3.0, 4.0], [7.0, 2.0]])
    timing = summarise("x", times)
    assert timing.p50_s == pytest.approx(2.5)
    assert timing.raw_p99_s == pytest.approx(np.percentile([5.0, 9.0], 99))
    assert timing.n == 2


def test_a_function_with_a_state_is_made_afresh_for_each_pass():
    seen = []

    def make():
        seen.append([])
        return seen[-1].append

    times = time_sequence(make, [1, 2, 3], passes=2)
    assert seen == [[1, 2, 3], [1, 2, 3]]
    assert times.shape == (2, 3)
    assert (times > 0.0).all()


def test_the_parts_of_a_tick_are_timed_where_they_run():
    scenario = replace(get_scenario("flat_walk"), duration_s=4.0, initial_pose="stand")
    timings = time_in_loop(scenario)
    assert len(timings) == 4 and all(timing.n > 0 and timing.p50_s > 0.0 for timing in timings)
    estimator, plan = (next(t.n for t in timings if t.name.endswith(name)) for name in ("estimator", "force plan"))
    # The second half of 2000 ticks, and of at most as many plans as there are periods and changes of contacts.
    assert estimator == 1000 and 50 < plan < 400


def test_all_solvers_agree_with_the_exact_solution(rows):
    for name, row in rows.items():
        assert row.failures == 0, name
        assert row.difference_max_n < (1e-4 if "active_set" in name or name in ("daqp", "quadprog") else 0.5), name


def test_the_own_solver_comes_first_then_the_libraries(rows):
    assert list(rows)[:4] == ["active_set (warm, as in the controller)", "active_set (cold)", "daqp", "osqp"]


@pytest.mark.parametrize("name", general_solvers())
def test_every_solver_finds_a_corner_that_is_known(name):
    # minimise ½ x² + ½ y² − 3 x − y with x ≤ 1 and −2 ≤ y ≤ 0.5: at the corner (1, 0.5).
    problem = QuadraticProgram(
        np.eye(2), np.array([-3.0, -1.0]), np.eye(2), np.array([-np.inf, -2.0]), np.array([1.0, 0.5])
    )
    np.testing.assert_allclose(general_solvers()[name](problem), [1.0, 0.5], atol=1e-4)


def test_a_library_that_is_not_installed_is_left_out(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(bench_programs.importlib, "import_module", missing)
    assert list(general_solvers()) == ["daqp", "osqp"]


def test_the_trot_of_the_bench_meets_pushes_and_a_payload():
    scenario = bench_scenario(6.0)
    payload, *pushes = scenario.disturbances
    assert isinstance(payload, Payload)
    assert payload.at_s == 6.0
    assert len(pushes) == 6
    sizes = [np.hypot(*push.force_n[:2]) for push in pushes]
    assert min(sizes) >= bench_programs.PUSHES_N[0]
    assert max(sizes) <= bench_programs.PUSHES_N[1]
    assert bench_scenario(6.0).disturbances == scenario.disturbances


def test_a_tap_notes_the_call_and_is_taken_off_again():
    class Adder:
        def add(self, a, b):
            return a + b

    adder, notes = Adder(), []
    with bench_programs._tapped(adder, "add", lambda *arguments: notes.append(arguments)):
        assert adder.add(1, 2) == 3
    assert adder.add(3, 4) == 7
    assert notes == [(1, 2)]


def test_a_recorded_trot_holds_programs_of_two_feet_and_what_the_learner_saw():
    recording = bench_programs.record_trot(horizon=6, seconds=0.3)
    feet = [inputs.contacts.sum() / 6 for inputs in recording.inputs]
    assert len(feet) > 20
    assert max(feet) <= 2.7
    assert all(np.isfinite(inputs.position_reference).all() for inputs in recording.inputs)
    # One copy each: a buffer that the controller uses again would make them all equal.
    assert len({inputs.position.tobytes() for inputs in recording.inputs}) > 20
    assert len(recording.states) == len(recording.commands) == round(3.3 / 0.002)
    assert len(recording.measurements) > 20


def test_a_clocked_method_still_answers_and_leaves_one_time_per_call():
    class Sleeper:
        def rest(self, seconds):
            time.sleep(seconds)
            return seconds

    sleeper = Sleeper()
    times = _clocked(sleeper, "rest")
    assert [sleeper.rest(0.01), sleeper.rest(0.0)] == [0.01, 0.0]
    assert len(times) == 2
    assert times[0] >= 0.01
