"""The published filter against a general solver, and where it fails."""

from dataclasses import replace

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.qp import solve
from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.graph import perceive
from controllers.safety.lyapunov_qp import solve_lyapunov
from controllers.safety.obstacles import Obstacles, disc
from controllers.safety.planar_qp import INFEASIBLE, SOLVED
from controllers.safety.power_barrier import FixedPower, PowerConfig, PowerFilter, PowerGains, build_power_qp


def scene(rng, agents=9, speed=1.0):
    cells = np.stack(np.meshgrid(range(5), range(5)), -1).reshape(-1, 2).astype(float)
    place = rng.permutation(cells)[None, :agents] + rng.uniform(-0.2, 0.2, (1, agents, 2))
    goal = rng.uniform(0, 5, (1, agents, 2))
    obstacles = Obstacles.of([[disc((2.5, 2.5), 0.1)]])
    return perceive(SensingConfig(4.0, dt=0.1), Agents.of(place, goal, 0.2, speed), obstacles)


def exact(program):
    n = program.count.shape[0]
    velocity, status = np.zeros((n, 2)), np.zeros(n, dtype=np.int64)
    solve_lyapunov(
        program.rows,
        program.bound,
        program.count,
        program.gradient,
        program.offset,
        program.weight,
        program.speed,
        velocity,
        status,
    )
    return velocity, status


def test_the_exact_solver_finds_what_daqp_finds_with_the_slack_as_a_variable():
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(60):
        # Speeds that do not bind, because the general program has a box for them.
        program = build_power_qp(scene(rng, speed=1e3), FixedPower(0.4, 1.3).power_gains(scene(rng)), PowerConfig(0.1))
        spread = rng.uniform(-0.3, 0.0, program.bound.shape)
        program = replace(program, bound=program.bound + spread, weight=float(rng.choice([0.1, 1.0, 100.0])))
        velocity, status = exact(program)
        for i in range(len(status)):
            reference = solve(program.general(i))
            assert reference.found == (status[i] == SOLVED)
            if reference.found and np.abs(reference.x[:2]).max() < 900.0:
                assert np.abs(velocity[i] - reference.x[:2]).max() < 1e-6
                found += 1
    assert found > 300


def test_a_lone_robot_trades_effort_against_decrease_in_closed_form():
    place, goal = np.zeros((1, 1, 2)), np.array([[[2.0, 0.0]]])
    seen = perceive(SensingConfig(4.0), Agents.of(place, goal, 0.2, 10.0))
    velocity, status = PowerFilter(PowerConfig(0.1, decrease=0.5, slack_weight=100.0), FixedPower(1.0)).filter(seen)
    # V = 4, V̇ = −4 u: minimise u² + 100 (2 − 4 u)² gives u = 800 / 1601.
    assert status.tolist() == [SOLVED] and velocity[0] == pytest.approx([800.0 / 1601.0, 0.0])


def test_two_robots_obey_half_of_the_power_law():
    place = np.array([[[0.0, 0.0], [2.0, 0.0]]])
    seen = perceive(SensingConfig(4.0), Agents.of(place, place[:, ::-1], 0.5, 10.0))
    velocity, _ = PowerFilter(PowerConfig(0.1, decrease=50.0), FixedPower(0.2, 2.0)).filter(seen)
    # h = 4 − 1 = 3, α = 0.2 · 9 = 1.8, 2 · 2 · u ≤ 0.9.
    assert velocity == pytest.approx(np.array([[0.225, 0.0], [-0.225, 0.0]]))


def run(config, power, rng):
    """Thirteen robots exchange places; returns the least gap at samples and how often there was no solution."""
    seen = scene(rng, 13)
    position, goal = seen.position[None], (seen.position + seen.goal)[None]
    least, lost = np.inf, 0
    for _ in range(150):
        seen = perceive(SensingConfig(4.0, dt=0.1), Agents.of(position, goal, 0.2, 1.0))
        least = min(least, seen.gap[seen.valid].min())
        velocity, status = PowerFilter(config, power).filter(seen)
        lost += int((status == INFEASIBLE).sum())
        position = position + 0.1 * velocity[None]
    return least, lost


def test_bold_parameters_collide_and_lose_feasibility_unless_clamped():
    bold = FixedPower(100.0, 1.0)
    least, lost = run(PowerConfig(0.1), bold, np.random.default_rng(3))
    assert least < -1e-3 and lost > 0
    least, lost = run(PowerConfig(0.1, clamp=True), bold, np.random.default_rng(3))
    assert least > -1e-9 and lost == 0


def test_wrong_shapes_and_settings_are_refused():
    seen = scene(np.random.default_rng(0))
    good = FixedPower(1.0).power_gains(seen)
    with pytest.raises(InvalidValue, match=r"PowerGains.eta must have shape \(9, 16\), got \(9, 1\)"):
        build_power_qp(
            seen, PowerGains(good.zeta, good.eta[:, :1], good.obstacle_zeta, good.obstacle_eta), PowerConfig(0.1)
        )
    with pytest.raises(InvalidValue, match=r"PowerConfig.decrease must be positive"):
        PowerConfig(0.1, decrease=0.0)
    with pytest.raises(InvalidValue, match=r"FixedPower.eta must be positive"):
        FixedPower(1.0, 0.0)
