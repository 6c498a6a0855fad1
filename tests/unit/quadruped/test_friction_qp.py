import cvxpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.qp import QuadraticProgram, solve
from controllers.quadruped.friction_qp import ITERATION_LIMIT, NOT_CONVEX, SOLVED, solve_friction_qp


class Outcome:
    def __init__(self, h, g, mu, low, high, guess=(), max_iterations=1000):
        n = len(g)
        self.x = np.full(n, np.nan)
        active, multipliers = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
        guess = np.array(guess, dtype=np.int64)
        work = np.empty((n, n)), np.empty((n, n)), np.empty((n + 1, n + 1))
        arguments = (h, g, mu, low, high, guess, len(guess), max_iterations, *work, self.x, active, multipliers)
        self.status, count, self.iterations = solve_friction_qp(*arguments)
        self.active, self.multipliers = active[:count], multipliers[:count]


def rows(mu, contacts):
    """The six constraints of every contact as rows of aᵀu ≥ b, in the solver's numbering."""
    block = [[-1, 0, mu], [1, 0, mu], [0, -1, mu], [0, 1, mu], [0, 0, 1], [0, 0, -1]]
    return np.kron(np.eye(contacts), np.array(block, dtype=float))


def bounds(low, high):
    return np.stack([0 * low, 0 * low, 0 * low, 0 * low, low, -high], axis=1).ravel()


def random_problem(seed, contacts, kind):
    rng = np.random.default_rng(seed)
    n = 3 * contacts
    if kind == "generic":
        root = rng.normal(size=(n, n))
        h = root @ root.T + 0.1 * np.eye(n)
    elif kind == "flat":
        # Few states see the forces, as in the MPC: all but six directions are held by the force weight alone.
        root = rng.normal(size=(n, 6))
        h = root @ root.T + 1e-3 * np.eye(n)
    else:
        h = np.eye(n)
    low, high = rng.uniform(0.0, 10.0, contacts), rng.uniform(50.0, 200.0, contacts)
    wish = rng.normal(size=n) * 80.0
    wish[2::3] += 60.0
    if kind == "corners":
        # Wishes far beyond a corner of the pyramid: three constraints meet in the solution.
        wish = np.tile([500.0, -500.0, 900.0], contacts) + rng.normal(size=n)
    if kind == "pinned":
        high = low.copy()
    if kind == "apex":
        # Five constraints meet in the tip of the pyramid, where three would do.
        low = np.zeros(contacts)
        wish[2::3] -= 500.0
    return h, -h @ wish, 0.5, low, high


KINDS = ("generic", "flat", "identity", "corners", "pinned", "apex")


def by_daqp(h, g, mu, low, high):
    m = rows(mu, len(low))
    # DAQP wants no row twice: the pair of bounds on fz is one row.
    keep = np.arange(len(m)) % 6 != 5
    upper = np.full((len(low), 5), np.inf)
    upper[:, 4] = high
    solution = solve(QuadraticProgram(h, g, m[keep], bounds(low, high)[keep], upper.ravel()), "daqp")
    assert solution.found
    return solution.x


def by_cvxpy(h, g, mu, low, high):
    u = cvxpy.Variable(len(g))
    normal = u[2::3]
    constraints = [cvxpy.abs(u[0::3]) <= mu * normal, cvxpy.abs(u[1::3]) <= mu * normal, normal >= low, normal <= high]
    cost = 0.5 * cvxpy.quad_form(u, cvxpy.psd_wrap(h)) + g @ u
    cvxpy.Problem(cvxpy.Minimize(cost), constraints).solve(
        solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    return u.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("contacts", [1, 2, 5, 12])
def test_forces_equal_those_of_a_general_purpose_solver(kind, contacts):
    for seed in range(5):
        problem = random_problem(seed, contacts, kind)
        outcome = Outcome(*problem)
        assert outcome.status == SOLVED
        assert outcome.x == pytest.approx(by_daqp(*problem), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_forces_equal_the_program_stated_in_cvxpy(kind):
    problem = random_problem(7, 4, kind)
    assert Outcome(*problem).x == pytest.approx(by_cvxpy(*problem), abs=1e-5)


def test_without_active_constraints_the_forces_solve_the_linear_system():
    wish = np.array([3.0, -4.0, 60.0, 1.0, 2.0, 80.0])
    h = np.diag([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    outcome = Outcome(h, -h @ wish, 0.5, np.full(2, 5.0), np.full(2, 100.0))
    assert (outcome.status, outcome.iterations, len(outcome.active)) == (SOLVED, 0, 0)
    assert outcome.x == pytest.approx(wish, abs=1e-12)


def test_a_sideways_wish_ends_on_the_edge_of_the_pyramid():
    # Nearest point of the wedge fx <= fz / 2 to (10, 0, 10): its distance vector is along (-1, 0, 1/2).
    outcome = Outcome(np.eye(3), -np.array([10.0, 0.0, 10.0]), 0.5, np.zeros(1), np.full(1, 100.0))
    assert outcome.x == pytest.approx([6.0, 0.0, 12.0], abs=1e-9)
    assert outcome.active.tolist() == [0]
    assert outcome.multipliers == pytest.approx([4.0], abs=1e-9)


def test_a_pull_ends_at_the_lowest_normal_force():
    outcome = Outcome(np.eye(3), -np.array([0.0, 0.0, -50.0]), 0.5, np.full(1, 5.0), np.full(1, 100.0))
    assert outcome.x == pytest.approx([0.0, 0.0, 5.0], abs=1e-9)
    assert outcome.active.tolist() == [4]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    contacts=st.integers(1, 8),
    kind=st.sampled_from(KINDS),
    mu=st.floats(0.05, 2.0),
)
def test_solutions_satisfy_the_optimality_conditions(seed, contacts, kind, mu):
    h, g, _, low, high = random_problem(seed, contacts, kind)
    outcome = Outcome(h, g, mu, low, high)
    assert outcome.status == SOLVED
    normals, offsets = rows(mu, contacts), bounds(low, high)
    slack = normals @ outcome.x - offsets
    scale = 1.0 + np.abs(g).max()
    assert slack.min() > -1e-6
    assert np.abs(slack[outcome.active]).max(initial=0.0) < 1e-6
    assert outcome.multipliers.min(initial=0.0) >= -1e-9 * scale
    stationary = h @ outcome.x + g - normals[outcome.active].T @ outcome.multipliers
    assert np.abs(stationary).max() < 1e-8 * scale


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    contacts=st.integers(1, 6),
    kind=st.sampled_from(KINDS),
    guess=st.lists(st.integers(-5, 60), max_size=40),
)
def test_any_guess_leads_to_the_same_forces(seed, contacts, kind, guess):
    problem = random_problem(seed, contacts, kind)
    cold, hot = Outcome(*problem), Outcome(*problem, guess=guess)
    assert hot.status == SOLVED
    assert hot.x == pytest.approx(cold.x, abs=1e-6)


@pytest.mark.parametrize("kind", ["generic", "flat", "corners"])
def test_the_right_guess_needs_no_iterations(kind):
    problem = random_problem(3, 6, kind)
    cold = Outcome(*problem)
    assert cold.iterations > 0
    hot = Outcome(*problem, guess=cold.active)
    assert hot.iterations == 0
    assert sorted(hot.active) == sorted(cold.active)
    assert hot.x == pytest.approx(cold.x, abs=1e-7)


@pytest.mark.parametrize("guess", [(), (4, 5), (0, 1, 4)])
def test_bounds_that_cross_are_not_solved(guess):
    h, g, mu, low, high = random_problem(0, 3, "generic")
    low[1], high[1] = 60.0, 50.0
    assert Outcome(h, g, mu, low, high, guess).status == ITERATION_LIMIT


@pytest.mark.parametrize("h", [np.diag([1.0, 1.0, -1.0]), np.zeros((3, 3)), np.ones((3, 3))])
def test_a_hessian_that_is_not_positive_definite_is_reported(h):
    assert Outcome(h, np.zeros(3), 0.5, np.zeros(1), np.ones(1)).status == NOT_CONVEX


def test_the_bound_on_iterations_holds():
    problem = random_problem(1, 8, "generic")
    needed = Outcome(*problem).iterations
    assert needed > 3
    short = Outcome(*problem, max_iterations=3)
    assert (short.status, short.iterations) == (ITERATION_LIMIT, 3)
    assert Outcome(*problem, max_iterations=needed + 1).status == SOLVED


def test_dropping_wrong_guesses_counts_as_iterations():
    h, low, high = np.eye(3), np.zeros(1), np.full(1, 100.0)
    wish = np.array([1.0, -1.0, 50.0])
    # The wish lies inside; both guesses must be dropped.
    assert Outcome(h, -h @ wish, 0.5, low, high, guess=(0, 3), max_iterations=2).status == ITERATION_LIMIT
    outcome = Outcome(h, -h @ wish, 0.5, low, high, guess=(0, 3), max_iterations=3)
    assert (outcome.status, outcome.iterations, len(outcome.active)) == (SOLVED, 2, 0)
    assert outcome.x == pytest.approx(wish, abs=1e-12)
