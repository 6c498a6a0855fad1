"""The exact two-variable solver against general solvers and against the optimality conditions."""

import cvxpy
import daqp
import numpy as np
import pytest
from scipy.optimize import nnls

from controllers.safety.barrier import PlanarProgram
from controllers.safety.planar_qp import INFEASIBLE, RELAXED, SOLVED, solve


def program(target, rows, bound, soft=None, centre=None, radius=None):
    n, r = bound.shape
    return PlanarProgram(
        target,
        rows,
        bound,
        np.zeros((n, r), dtype=bool) if soft is None else soft,
        np.full(n, r),
        np.zeros((n, 2, 2)) if centre is None else centre,
        np.full((n, 2), np.inf) if radius is None else radius,
    )


def directions(rng, *shape):
    angle = rng.uniform(-np.pi, np.pi, shape)
    return np.stack((np.cos(angle), np.sin(angle)), axis=-1)


BOX = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])


def random_cases(rng, n, r, low):
    rows = np.concatenate((directions(rng, n, r), np.broadcast_to(BOX, (n, 4, 2))), axis=1)
    bound = np.concatenate((rng.uniform(low, 1.0, (n, r)), np.ones((n, 4))), axis=1)
    return rng.uniform(-2.0, 2.0, (n, 2)), rows, bound


def degenerate_cases(rng, n, r):
    """Rows through one common point, repeated rows and opposite rows that leave a line."""
    target, rows, bound = random_cases(rng, n, r, -0.2)
    point = rng.uniform(-0.9, 0.9, (n, 1, 2))
    bound[:, :r] = (rows[:, :r] * point).sum(axis=2)
    rows[:, 1], bound[:, 1] = rows[:, 0], bound[:, 0]
    flat = rng.random(n) < 0.5
    rows[flat, 2], bound[flat, 2] = -rows[flat, 0], -bound[flat, 0]
    return target, rows, bound


def by_daqp(target, rows, bound):
    x, _, flag, _ = daqp.solve(
        np.eye(2), -target, np.ascontiguousarray(rows), bound, np.full(bound.shape, -1e30), primal_tol=1e-11
    )
    return np.asarray(x), flag


@pytest.mark.parametrize(("rows", "low"), [(1, -0.5), (4, -0.5), (8, -0.3), (16, 0.0), (16, -0.1)])
def test_random_programs_have_the_solution_and_the_verdict_of_daqp(rows, low):
    target, a, b = random_cases(np.random.default_rng(rows), 1500, rows, low)
    ours = solve(program(target, a, b))
    infeasible = 0
    for i in range(len(target)):
        x, flag = by_daqp(target[i], a[i], b[i])
        infeasible += flag != 1
        assert (flag == 1) == (ours.status[i] == SOLVED), i
        if flag == 1:
            assert np.abs(ours.velocity[i] - x).max() < 1e-9
    assert infeasible > 0 or low >= 0.0 or rows == 1


def test_degenerate_programs_have_the_solution_of_daqp():
    target, a, b = degenerate_cases(np.random.default_rng(5), 2000, 8)
    ours = solve(program(target, a, b))
    assert ours.found.all()
    assert ((a @ ours.velocity[:, :, None])[:, :, 0] - b).max() < 1e-9
    for i in range(len(target)):
        x, flag = by_daqp(target[i], a[i], b[i])
        if flag == 1:
            assert np.abs(ours.velocity[i] - x).max() < 2e-9


def test_programs_with_a_speed_limit_have_the_solution_of_cvxpy():
    rng = np.random.default_rng(2)
    target, a, b = random_cases(rng, 40, 6, -0.1)
    radius = np.stack((rng.uniform(0.3, 1.0, 40), np.full(40, 0.9)), axis=1)
    centre = np.zeros((40, 2, 2))
    centre[:, 1] = rng.uniform(-0.5, 0.5, (40, 2))
    ours = solve(program(target, a, b, centre=centre, radius=radius))
    u = cvxpy.Variable(2)
    verdicts = set()
    for i in range(40):
        rules = [a[i] @ u <= b[i], *(cvxpy.norm(u - centre[i, c]) <= radius[i, c] for c in range(2))]
        problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(u - target[i])), rules)
        problem.solve(solver=cvxpy.CLARABEL)
        verdicts.add(problem.status)
        assert (problem.status == cvxpy.OPTIMAL) == (ours.status[i] == SOLVED)
        if problem.status == cvxpy.OPTIMAL:
            assert np.abs(u.value - ours.velocity[i]).max() < 1e-4
    assert len(verdicts) == 2


def test_solutions_meet_the_optimality_conditions():
    rng = np.random.default_rng(3)
    n = 2000
    target, a, b = random_cases(rng, n, 10, 0.0)
    centre, radius = np.zeros((n, 2, 2)), np.full((n, 2), 0.8)
    centre[:, 1] = 0.5 * directions(rng, n)
    ours = solve(program(target, a, b, centre=centre, radius=radius))
    assert ours.found.all()
    for i in range(n):
        x = ours.velocity[i]
        assert (a[i] @ x - b[i]).max() < 1e-12
        off = np.linalg.norm(x - centre[i], axis=1) - radius[i]
        assert off.max() < 1e-12
        normals = [a[i][a[i] @ x - b[i] > -1e-9], (x - centre[i])[off > -1e-9]]
        # The pull towards the target is balanced by what holds: target − x is a sum of active normals.
        _, rest = nnls(np.concatenate(normals).T, target[i] - x) if sum(map(len, normals)) else (0, target[i] - x)
        assert np.linalg.norm(rest) < 1e-7


def test_a_program_without_rows_returns_its_target():
    got = solve(program(np.array([[0.3, -4.0]]), np.zeros((1, 0, 2)), np.zeros((1, 0))))
    assert got.velocity.tolist() == [[0.3, -4.0]]


def test_contradicting_rows_are_a_value_with_zero_velocity():
    rows = np.array([[[1.0, 0.0], [-1.0, 0.0]]])
    got = solve(program(np.ones((1, 2)), rows, np.array([[-1.0, -1.0]])))
    assert got.status[0] == INFEASIBLE and not got.found[0] and got.velocity.tolist() == [[0.0, 0.0]]


def test_an_empty_row_with_a_negative_bound_is_infeasible_and_with_another_harmless():
    rows = np.zeros((2, 1, 2))
    got = solve(program(np.ones((2, 2)), rows, np.array([[-1.0], [0.0]])))
    assert got.status.tolist() == [INFEASIBLE, SOLVED] and got.velocity[1].tolist() == [1.0, 1.0]


def test_soft_rows_share_the_least_relaxation_and_hard_rows_hold():
    # Two movers close in from left and right at 1 and 3 m/s; the best that can be done is to give both 2 m/s too much.
    rows = np.array([[[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]]])
    got = solve(
        program(np.array([[0.0, 5.0]]), rows, np.array([[0.25, -1.0, -3.0]]), soft=np.array([[False, True, True]]))
    )
    assert got.status[0] == RELAXED and got.violation[0] == pytest.approx(2.0, abs=1e-9)
    assert got.velocity[0] == pytest.approx([1.0, 0.25], abs=1e-9)


def test_the_corner_of_two_speed_discs_is_found():
    centre = np.array([[[0.0, 0.0], [1.0, 0.0]]])
    got = solve(
        program(np.array([[0.5, 9.0]]), np.zeros((1, 0, 2)), np.zeros((1, 0)), centre=centre, radius=np.ones((1, 2)))
    )
    assert got.velocity[0] == pytest.approx([0.5, np.sqrt(0.75)])


def test_discs_that_do_not_meet_are_infeasible():
    centre = np.array([[[0.0, 0.0], [3.0, 0.0]]])
    got = solve(program(np.zeros((1, 2)), np.zeros((1, 0, 2)), np.zeros((1, 0)), centre=centre, radius=np.ones((1, 2))))
    assert got.status[0] == INFEASIBLE


def test_two_discs_that_are_the_same_act_as_one():
    rng = np.random.default_rng(8)
    target = rng.normal(size=(500, 2)) * 4.0
    radius = np.repeat(rng.uniform(0.1, 3.0, (500, 1)), 2, axis=1)
    got = solve(program(target, np.zeros((500, 0, 2)), np.zeros((500, 0)), radius=radius))
    length = np.linalg.norm(target, axis=1, keepdims=True)
    assert np.abs(got.velocity - target * np.minimum(1.0, radius[:, :1] / length)).max() < 1e-14


def test_slivers_between_almost_opposite_rows_through_zero_have_a_solution():
    # Zero is feasible in all of them; rounding alone would call some empty.
    rng = np.random.default_rng(6)
    n = 20000
    angle = rng.uniform(-np.pi, np.pi, (n, 1)) + np.pi * rng.integers(0, 2, (n, 8))
    angle += 10.0 ** rng.uniform(-12, -3, (n, 8)) * rng.choice([-1, 1], (n, 8))
    rows = np.stack((np.cos(angle), np.sin(angle)), axis=-1)
    bound = np.where(rng.random((n, 8)) < 0.7, 0.0, 10.0 ** rng.uniform(-18, -6, (n, 8)))
    got = solve(program(rng.normal(size=(n, 2)), rows, bound, radius=np.array([[1.0, np.inf]] * n)))
    assert got.found.all() and ((rows @ got.velocity[:, :, None])[:, :, 0] - bound).max() < 1e-10
