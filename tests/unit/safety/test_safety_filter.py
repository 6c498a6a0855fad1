"""Gains in range, rows as derived, and what bad input does."""

from dataclasses import replace

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.barrier import build_qp
from controllers.safety.filter import FilterConfig, SafetyFilter
from controllers.safety.gains import FixedGains, Gains, bounded
from controllers.safety.general_filter import GeneralConfig, general_program, solve_general
from controllers.safety.graph import perceive
from controllers.safety.obstacles import Obstacles, disc
from controllers.safety.planar_qp import RELAXED, solve

DT = 0.1


def scene(position, radius=0.25, speed=1.0, obstacles=None, **more):
    place = np.asarray([position], dtype=float)
    config = SensingConfig(10.0, neighbours=len(position), obstacles=4, dt=DT)
    return perceive(config, Agents.of(place, place, radius, speed, **more), obstacles)


class Answer:
    def __init__(self, neighbourhood, **change):
        self.answer = replace(FixedGains(1.0).gains(neighbourhood), **change)

    def gains(self, neighbourhood):
        return self.answer


def test_two_robots_head_on_may_close_the_gap_at_the_rate_of_their_gain():
    seen = scene([(0, 0), (1.5, 0)])
    got = SafetyFilter(FilterConfig(DT), FixedGains(0.5)).filter(seen, np.array([[1.0, 0.0], [-1.0, 0.0]]))
    # Each takes half of 0.5/s times the gap of 1 m.
    assert got.velocity == pytest.approx(np.array([[0.25, 0.0], [-0.25, 0.0]]), abs=1e-8)
    assert got.correction == pytest.approx([0.75, 0.75]) and got.found.all()


def test_the_robot_with_the_larger_share_takes_more_of_the_gap():
    seen = scene([(0, 0), (1.5, 0)])
    share = np.where(seen.index == 1, 0.9, 0.1)
    got = SafetyFilter(FilterConfig(DT), Answer(seen, responsibility=share)).filter(
        seen, 5.0 * np.array([[1, 0], [-1, 0]])
    )
    assert got.velocity[:, 0] == pytest.approx([0.9, -0.1]) and got.clamped.tolist() == [0, 0]


def test_a_static_disc_is_borne_by_the_robot_alone():
    seen = scene([(0, 0)], obstacles=Obstacles.of([[disc((2.0, 0.0), 0.75)]]))
    got = SafetyFilter(FilterConfig(DT), FixedGains(3.0, 0.4)).filter(seen, np.array([[1.0, 0.3]]))
    assert got.velocity[0] == pytest.approx([0.4, 0.3])


def test_a_mover_that_does_not_cooperate_is_given_room_for_its_speed():
    seen = scene([(0, 0), (1.5, 0)], cooperative=[[True, False]])
    got = SafetyFilter(FilterConfig(DT), FixedGains(0.4)).filter(seen, np.zeros((2, 2)))
    assert got.velocity[0] == pytest.approx([-0.6, 0.0]) and got.violation[0] == 0.0


def test_a_mover_that_cannot_be_outrun_is_a_relaxed_program_and_the_robot_flees():
    seen = scene([(0, 0), (0.6, 0)], speed=[[1.0, 3.0]], cooperative=[[True, False]])
    got = SafetyFilter(FilterConfig(DT), FixedGains(1.0)).filter(seen, np.zeros((2, 2)))
    assert got.status[0] == RELAXED and got.found[0]
    assert got.velocity[0] == pytest.approx([-1.0, 0.0], abs=1e-6) and got.violation[0] == pytest.approx(1.9, abs=1e-6)


def test_turn_and_pace_change_only_what_is_preferred():
    seen = scene([(0, 0)])
    schedule = Answer(seen, turn=np.array([np.pi / 2]), pace=np.array([0.5]))
    got = SafetyFilter(FilterConfig(DT), schedule).filter(seen, np.array([[0.8, 0.0]]))
    assert got.velocity[0] == pytest.approx([0.0, 0.4])


def test_robots_that_start_in_overlap_may_part_but_not_close_in():
    seen = scene([(0, 0), (0.3, 0)])
    gate = SafetyFilter(FilterConfig(DT), FixedGains(10.0))
    closing = gate.filter(seen, np.array([[1.0, 0.5], [-1.0, 0.0]]))
    assert closing.found.all() and closing.velocity == pytest.approx(np.array([[0.0, 0.5], [0.0, 0.0]]))
    assert gate.filter(seen, np.array([[-1.0, 0.0], [1.0, 0.0]])).correction == pytest.approx([0.0, 0.0])


def test_a_robot_that_cannot_list_all_in_reach_stands_still():
    place = np.array([[[0.0, 0.0], [0.6, 0.0], [-0.6, 0.0]]])
    seen = perceive(SensingConfig(5.0, neighbours=1, dt=DT), Agents.of(place, place, 0.25, 1.0))
    assert seen.crowded[0]
    got = SafetyFilter(FilterConfig(DT), FixedGains(1.0)).filter(seen, np.ones((3, 2)))
    assert got.velocity[0].tolist() == [0.0, 0.0] and got.found.all()


def test_a_preferred_velocity_that_is_not_finite_stops_that_robot_only():
    seen = scene([(0, 0), (5, 0)])
    got = SafetyFilter(FilterConfig(DT), FixedGains(1.0)).filter(seen, np.array([[np.nan, 0.0], [0.0, 0.7]]))
    assert got.velocity.tolist() == [[0.0, 0.0], [0.0, 0.7]]


def test_garbage_from_a_schedule_is_clamped_and_counted():
    seen = scene([(0, 0), (1.5, 0)])
    n, k = seen.valid.shape
    raw = Gains(
        np.full((n, k), np.inf), np.full((n, k), np.nan), np.zeros((n, 4)), np.array([9.0, 0]), np.array([1.0, -1])
    )
    got, changed = bounded(raw, seen, DT)
    assert got.gain[0, 0] == 10.0 and got.responsibility[0, 0] == 0.0
    assert got.turn[0] == pytest.approx(np.pi) and got.pace[1] == 0.0
    assert changed.tolist() == [3, 3]


def test_shares_that_sum_to_more_than_one_are_scaled_to_one():
    seen = scene([(0, 0), (1.5, 0)])
    got, changed = bounded(
        replace(FixedGains(1.0).gains(seen), responsibility=np.where(seen.index == 1, 0.9, 0.6)), seen, DT
    )
    assert got.responsibility[:, 0] == pytest.approx([0.6, 0.4]) and changed.tolist() == [1, 1]


def test_answers_of_the_wrong_shape_are_refused():
    seen = scene([(0, 0), (1.5, 0)])
    with pytest.raises(InvalidValue, match=r"Gains.turn must have shape \(2,\), got \(3,\)"):
        bounded(replace(FixedGains(1.0).gains(seen), turn=np.zeros(3)), seen, DT)
    with pytest.raises(InvalidValue, match=r"preferred must have shape \(2, 2\), got \(2,\)"):
        build_qp(seen, FixedGains(1.0).gains(seen), np.zeros(2), DT)


@pytest.mark.parametrize("gain", [-1.0, np.nan, np.inf])
def test_fixed_gains_refuse_what_is_no_gain(gain):
    with pytest.raises(InvalidValue, match=r"FixedGains.gain must be finite and not negative"):
        FixedGains(gain)


@pytest.mark.parametrize("change", [{"dt": 0.0}, {"dt": np.nan}, {"margin": -1.0}])
def test_the_filter_refuses_settings_out_of_range(change):
    with pytest.raises(InvalidValue, match=f"FilterConfig.{next(iter(change))}"):
        FilterConfig(**{"dt": 0.1, **change})


@pytest.mark.parametrize("solver", ["daqp", "osqp"])
def test_general_solvers_agree_within_the_polygon_that_stands_for_the_speed_limit(solver):
    rng = np.random.default_rng(1)
    seen = scene(rng.permutation(np.stack(np.meshgrid(range(4), range(4)), -1).reshape(-1, 2)), speed=50.0)
    program = build_qp(seen, FixedGains(1.0).gains(seen), rng.normal(size=(16, 2)), DT)
    got, solutions = solve_general(program, GeneralConfig(solver=solver))
    assert all(s.found for s in solutions)
    assert np.abs(got - solve(program).velocity).max() < (1e-9 if solver == "daqp" else 1e-6)


def test_slack_and_decay_have_their_closed_forms_for_one_row():
    seen = scene([(0, 0), (1.5, 0)], speed=50.0)
    program = build_qp(seen, FixedGains(1.0).gains(seen), np.array([[2.0, 0.0], [-2.0, 0.0]]), DT, margin=0.0)
    # min (u − 2)² + w s², u ≤ 0.5 + s: 1.5 of conflict is split w : 1.
    soft, _ = solve_general(program, GeneralConfig(slack_weight=4.0))
    assert soft[0] == pytest.approx([2.0 - 1.5 * 4 / 5, 0.0])
    # min (u − 2)² + w (ω − 1)², u ≤ 0.5 ω: ω = 1 + 0.5 λ / w, u = 2 − λ, so λ = 1.5 / (1 + 0.25 / w).
    decay, solutions = solve_general(program, GeneralConfig(decay_weight=2.0))
    assert decay[0] == pytest.approx([2.0 - 1.5 / 1.125, 0.0])
    assert solutions[0].x[2] == pytest.approx(1.0 + 0.25 * 1.5 / 1.125)


def test_a_polygon_stands_within_the_speed_limit_of_a_general_program():
    seen = scene([(0, 0)], speed=1.0)
    angle = np.linspace(0, 2 * np.pi, 50)
    gains = FixedGains(1.0).gains(seen)
    for wish in np.stack((np.cos(angle), np.sin(angle)), axis=1):
        got, _ = solve_general(build_qp(seen, gains, 3.0 * wish[None], DT), GeneralConfig())
        assert 0.99 < np.linalg.norm(got[0]) <= 1.0 + 1e-12


def test_general_settings_refuse_weights_that_are_not_positive():
    with pytest.raises(InvalidValue, match=r"GeneralConfig.slack_weight must be positive and finite, got 0.0"):
        GeneralConfig(slack_weight=0.0)
    seen = scene([(0, 0)])
    program = general_program(build_qp(seen, FixedGains(1.0).gains(seen), np.zeros((1, 2)), DT), 0, GeneralConfig())
    assert program.hessian.shape == (2, 2)
