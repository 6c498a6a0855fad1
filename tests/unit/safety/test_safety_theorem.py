"""Adversarial gains against the theorem: no gap ever closes, no program is ever without solution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.dynamics import DoubleIntegrator, LaggedVelocity, SingleIntegrator
from controllers.safety.filter import FilterConfig, SafetyFilter
from controllers.safety.gains import FixedGains, Gains
from controllers.safety.graph import perceive
from controllers.safety.metrics import swept_clearance_m
from controllers.safety.obstacles import Obstacles, disc, polygon, segment
from controllers.safety.unicycle import Unicycle
from pronk.bench_filter import Adversary

DT = 0.1
SUBSTEPS = 8
ROBOTS = {
    "single": SingleIntegrator(DT, 1.0),
    "unicycle": Unicycle(DT, 1.0, 3.0, 0.15),
    "lag": LaggedVelocity(DT, 1.0, 0.3),
    "double": DoubleIntegrator(DT, 1.0, 2.5),
    "double_per_axis": DoubleIntegrator(0.03, 0.5, 10.0, per_axis=True),
    "double_euler": DoubleIntegrator(0.03, 0.5, 10.0, per_axis=True, euler=True),
}


def walls():
    shapes = [
        disc((1.5, 1.5), 0.2),
        segment((3.5, 0.5), (3.5, 1.5)),
        polygon([(0.4, 3.4), (1.6, 3.4), (1.6, 3.6), (0.4, 3.6)]),
    ]
    return [*shapes, disc((3.6, 3.4), 0.0)]


def crowd(rng, scenes, agents, spacing, radius):
    """Start robots on a grid whose cells the obstacles leave free, and goals on the places of others."""
    cells = np.stack(np.meshgrid(np.arange(5), np.arange(5), indexing="ij"), axis=-1).reshape(-1, 2) * spacing
    start = np.stack([rng.permutation(cells)[:agents] for _ in range(scenes)]).astype(float)
    goal = start[:, rng.permutation(agents)]
    return start, goal, radius * rng.uniform(0.6, 1.0, (scenes, agents))


def run(robot, rng, steps, agents=14, scenes=4, schedule=None, radius=0.22, preference="goal"):
    start, goal, body = crowd(rng, scenes, agents, 1.0, radius)
    obstacles = Obstacles.of([walls()] * scenes, lower=-1.0, upper=5.0)
    config = SensingConfig(2.5, neighbours=agents, obstacles=10, dt=robot.dt)
    gate = SafetyFilter(FilterConfig(robot.dt), schedule or Adversary(rng, robot.dt))
    heading = rng.uniform(-np.pi, np.pi, scenes * agents)
    state = robot.rest(start.reshape(-1, 2), heading)
    shape, present = (scenes, agents, 2), np.ones((scenes, agents), dtype=bool)
    grown = body + robot.radius_margin
    least, moved = np.inf, 0.0
    for step in range(steps):
        head = robot.head(state).reshape(shape)
        tail, velocity = robot.tail(state).reshape(shape), robot.velocity(state).reshape(shape)
        crowded = Agents.of(head, goal, grown, robot.head_speed, velocity, tail)
        seen = perceive(config, crowded, obstacles)
        if step % 7 == 0:
            goal = rng.uniform(-1.0, 5.0, shape)
        wish = (goal - head).reshape(-1, 2) if preference == "goal" else rng.normal(size=(scenes * agents, 2)) * 5.0
        got = gate.filter(seen, wish, robot.bounds(state))
        assert got.found.all() and (got.violation == 0.0).all()
        command = robot.command(state, got.velocity)
        before = robot.position(state).reshape(shape)
        for part in range(1, SUBSTEPS + 1):
            middle = robot.advance(state, command, robot.dt * part / SUBSTEPS)
            after = robot.position(middle).reshape(shape)
            least = min(least, swept_clearance_m(before, after, body, present, obstacles).min())
            moved += np.linalg.norm(after - before, axis=2).mean()
            before = after
        state = middle
    return least, moved


@pytest.mark.parametrize("name", sorted(ROBOTS))
def test_no_robot_touches_anything_whatever_the_gains(name):
    robot = ROBOTS[name]
    rng = np.random.default_rng(sorted(ROBOTS).index(name))
    # The unicycle's radius must leave room for its look-ahead on the starting grid.
    least, moved = run(robot, rng, 250, radius=0.1 if name == "unicycle" else 0.22)
    # Between substeps the second-order robots bend by less than this; the others move as the chord says.
    assert least >= -1e-4 if name.startswith(("double", "lag")) else least >= 0.0
    assert moved > 0.5


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    agents=st.integers(2, 20),
    name=st.sampled_from(["single", "double_per_axis", "lag", "double"]),
    preference=st.sampled_from(["goal", "noise"]),
)
def test_no_gap_closes_in_any_scene(seed, agents, name, preference):
    least, _ = run(ROBOTS[name], np.random.default_rng(seed), 40, agents, 2, preference=preference)
    assert least >= -1e-4 if name != "single" else least >= 0.0


def test_thousands_of_periods_at_the_largest_gain_do_not_creep_into_contact():
    least, _ = run(ROBOTS["single"], np.random.default_rng(11), 2500, 16, 1, FixedGains(1.0 / DT))
    assert 0.0 <= least < 1e-6


def test_shares_that_do_not_sum_to_one_would_collide_and_are_mended():
    class Greedy:
        def gains(self, neighbourhood):
            shape = neighbourhood.valid.shape
            n, m = shape[0], neighbourhood.obstacle_valid.shape[1]
            return Gains(np.full(shape, 1e9), np.ones(shape), np.full((n, m), np.inf), np.full(n, np.nan), np.ones(n))

    least, _ = run(ROBOTS["single"], np.random.default_rng(4), 200, 12, 2, Greedy())
    assert least >= 0.0


def test_without_the_theorem_s_limit_on_gains_robots_do_collide():
    # The check must be able to fail: a filter that is told a shorter period allows gains beyond 1/dt.
    position = np.array([[[0.0, 0.0], [1.0, 0.0]]])
    goal = position[:, ::-1]
    seen = perceive(SensingConfig(5.0, dt=DT), Agents.of(position, goal, 0.3, 10.0))
    bold = SafetyFilter(FilterConfig(DT / 4), FixedGains(4.0 / DT)).filter(seen, 100.0 * seen.goal)
    after = position + DT * bold.velocity.reshape(position.shape)
    assert swept_clearance_m(position, after, np.full((1, 2), 0.3), np.ones((1, 2), dtype=bool)).min() < -0.05
