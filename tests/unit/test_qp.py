import cvxpy
import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.qp import SOLVERS, QuadraticProgram, solve


def program(hessian, gradient, matrix, lower, upper):
    return QuadraticProgram(*(np.array(a, dtype=float) for a in (hessian, gradient, matrix, lower, upper)))


def random_program(seed, n=8, m=12):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    centre = rng.normal(size=m)
    lower, upper = centre - rng.uniform(0.1, 1.0, m), centre + rng.uniform(0.1, 1.0, m)
    lower[rng.random(m) < 0.3] = -np.inf
    upper[rng.random(m) < 0.3] = np.inf
    matrix = rng.normal(size=(m, n))
    # A point inside keeps the program feasible.
    inside = matrix @ rng.normal(size=n) * 0.1
    lower, upper = np.minimum(lower, inside - 0.05), np.maximum(upper, inside + 0.05)
    return QuadraticProgram(root @ root.T + 0.1 * np.eye(n), 3.0 * rng.normal(size=n), matrix, lower, upper)


def stated_in_cvxpy(problem):
    x = cvxpy.Variable(len(problem.gradient))
    rows = problem.matrix @ x
    low, high = np.isfinite(problem.lower), np.isfinite(problem.upper)
    constraints = [rows[low] >= problem.lower[low], rows[high] <= problem.upper[high]]
    cost = 0.5 * cvxpy.quad_form(x, cvxpy.psd_wrap(problem.hessian)) + problem.gradient @ x
    cvxpy.Problem(cvxpy.Minimize(cost), constraints).solve(
        solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11
    )
    return x.value


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", range(5))
def test_solvers_find_the_optimum_that_cvxpy_finds(solver, seed):
    problem = random_program(seed)
    solution = solve(problem, solver)
    assert solution.found
    assert solution.x == pytest.approx(stated_in_cvxpy(problem), abs=1e-5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_nearest_point_of_a_half_plane_is_the_foot_of_the_perpendicular(solver):
    problem = program(np.eye(2), [-3.0, -4.0], [[0.6, 0.8]], [-np.inf], [2.0])
    solution = solve(problem, solver)
    assert solution.found and solution.iterations > 0 and solution.solve_time > 0.0
    assert solution.x == pytest.approx([1.2, 1.6], abs=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_equal_bounds_are_an_equality(solver):
    solution = solve(program(np.diag([1.0, 3.0]), [0.0, 0.0], [[1.0, 1.0]], [4.0], [4.0]), solver)
    assert solution.found
    assert solution.x == pytest.approx([3.0, 1.0], abs=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_program_without_rows_is_a_linear_system(solver):
    hessian, gradient = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([1.0, -2.0])
    solution = solve(QuadraticProgram(hessian, gradient, np.zeros((0, 2)), np.zeros(0), np.zeros(0)), solver)
    assert solution.found
    assert solution.x == pytest.approx(-np.linalg.solve(hessian, gradient), abs=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ("infeasible", program(np.eye(2), [0, 0], [[1, 0], [1, 0]], [2, -np.inf], [np.inf, 1])),
        ("not convex", program(np.diag([1, -1]), [-1, -1], np.eye(2), [-1, -1], [1, 1])),
        ("unbounded", program(np.zeros((2, 2)), [-1, -1], [[1, 0]], [0], [np.inf])),
    ],
)
def test_a_program_without_solution_is_a_value(solver, case, problem):
    solution = solve(problem, solver)
    assert not solution.found, case
    assert solution.status


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("field", ["hessian", "gradient", "matrix"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_data_that_are_not_finite_are_refused_as_a_value(solver, field, bad):
    problem = random_program(0)
    getattr(problem, field).flat[1] = bad
    solution = solve(problem, solver)
    assert not solution.found
    assert solution.status == "not finite"
    assert np.isnan(solution.x).all()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("field", ["lower", "upper"])
def test_nan_bounds_are_refused_as_a_value(solver, field):
    problem = random_program(0)
    getattr(problem, field)[3] = np.nan
    solution = solve(problem, solver)
    assert not solution.found
    assert solution.status == "bounds are NaN"


@pytest.mark.parametrize("solver", SOLVERS)
def test_crossed_bounds_are_a_value_that_names_the_row(solver):
    problem = random_program(0)
    problem.lower[4], problem.upper[4] = 2.0, 1.0
    solution = solve(problem, solver)
    assert not solution.found
    assert solution.status == "lower bound above upper bound in row 4"


def test_an_unknown_solver_is_refused_with_the_names_that_exist():
    with pytest.raises(UnknownName, match=r"unknown QP solver 'magic'; available: daqp, osqp"):
        solve(random_program(0), "magic")


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 2), (3,), (1, 3), (1,), (1,)), r"got \(2, 2\), \(3,\), \(1, 3\), \(1,\), \(1,\)"),
        (((3, 3), (3,), (1, 2), (1,), (1,)), r"got \(3, 3\), \(3,\), \(1, 2\), \(1,\), \(1,\)"),
        (((3, 3), (3,), (2, 3), (1,), (2,)), r"got \(3, 3\), \(3,\), \(2, 3\), \(1,\), \(2,\)"),
        (((3, 3), (3,), (2, 3), (2,), (1,)), r"QuadraticProgram.upper must have shape \(2,\), got \(1,\)"),
    ],
)
def test_shapes_that_do_not_fit_together_are_refused(shapes, message):
    with pytest.raises(InvalidValue, match=message):
        QuadraticProgram(*(np.zeros(shape) for shape in shapes))
