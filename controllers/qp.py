"""Quadratic programs, their solutions, and the general-purpose solvers behind one call."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import daqp
import numpy as np
import numpy.typing as npt
import osqp
from scipy import sparse

from controllers.errors import InvalidValue, UnknownName

Array = npt.NDArray[np.float64]

# DAQP and OSQP read bounds beyond this as infinite.
INFINITE = 1e20
# Condition numbers of the force programs are 10⁶ to 10⁸: at 1e-6 the forces would be newtons off.
OSQP_TOLERANCE = 1e-8


@dataclass
class QuadraticProgram:
    """minimise ½ xᵀ P x + qᵀ x subject to lower ≤ A x ≤ upper.

    Attributes:
        hessian: P, symmetric positive semi-definite, shape (n, n).
        gradient: q, shape (n,).
        matrix: A, shape (m, n).
        lower: Lower bounds (−inf allowed), shape (m,).
        upper: Upper bounds (inf allowed), shape (m,).
    """

    hessian: Array
    gradient: Array
    matrix: Array
    lower: Array
    upper: Array

    def __post_init__(self) -> None:
        """Refuse shapes that do not fit together.

        Raises:
            InvalidValue: Names the shapes that were got.
        """
        n, m = self.gradient.shape[0], self.matrix.shape[0]
        if self.hessian.shape != (n, n) or self.matrix.shape[1] != n or self.lower.shape != (m,):
            raise InvalidValue(
                f"QuadraticProgram shapes must be (n, n), (n,), (m, n), (m,), (m,); got {self.hessian.shape}, "
                f"{self.gradient.shape}, {self.matrix.shape}, {self.lower.shape}, {self.upper.shape}"
            )
        if self.upper.shape != (m,):
            raise InvalidValue(f"QuadraticProgram.upper must have shape ({m},), got {self.upper.shape}")


@dataclass
class Solution:
    """What a solver returned.

    Attributes:
        found: Whether x is a solution to the solver's tolerance.
        x: Minimiser, shape (n,); meaningless when not found.
        iterations: Iterations that the solver reports.
        solve_time: Wall time of the solve [s].
        status: The solver's own word for how it ended.
    """

    found: bool
    x: Array
    iterations: int
    solve_time: float
    status: str


def _solve_daqp(problem: QuadraticProgram) -> Solution:
    start = time.perf_counter()
    x, _, flag, info = daqp.solve(
        np.ascontiguousarray(problem.hessian),
        np.ascontiguousarray(problem.gradient),
        np.ascontiguousarray(problem.matrix),
        np.minimum(problem.upper, INFINITE),
        np.maximum(problem.lower, -INFINITE),
    )
    x = np.asarray(x)
    found = flag == 1 and bool(np.isfinite(x).all())
    return Solution(found, x, int(info["iterations"]), time.perf_counter() - start, f"exit flag {flag}")


def _solve_osqp(problem: QuadraticProgram) -> Solution:
    start = time.perf_counter()
    solver = osqp.OSQP()
    try:
        solver.setup(
            sparse.csc_matrix(np.triu(problem.hessian)),
            problem.gradient,
            sparse.csc_matrix(problem.matrix),
            problem.lower,
            problem.upper,
            verbose=False,
            eps_abs=OSQP_TOLERANCE,
            eps_rel=OSQP_TOLERANCE,
            max_iter=20000,
            polishing=True,
        )
    except osqp.OSQPException as error:
        # OSQP refuses what it finds not convex before it iterates.
        nothing = np.full(problem.gradient.shape, np.nan)
        return Solution(False, nothing, 0, time.perf_counter() - start, f"set-up error {error}")
    result = solver.solve(raise_error=False)
    x = np.asarray(result.x, dtype=np.float64)
    found = result.info.status == "solved" and bool(np.isfinite(x).all())
    return Solution(found, x, int(result.info.iter), time.perf_counter() - start, str(result.info.status))


SOLVERS: dict[str, Callable[[QuadraticProgram], Solution]] = {"daqp": _solve_daqp, "osqp": _solve_osqp}


def _defect(problem: QuadraticProgram) -> str | None:
    """Say what makes a program unsolvable before any solver sees it, or None."""
    p = problem
    # One sum instead of n² tests: it is finite only if every entry is.
    if not np.isfinite(p.hessian.sum() + p.gradient.sum() + p.matrix.sum()):
        return "not finite"
    if np.isnan(p.lower).any() or np.isnan(p.upper).any():
        return "bounds are NaN"
    if (p.lower > p.upper).any():
        return f"lower bound above upper bound in row {int(np.argmax(p.lower > p.upper))}"
    return None


def solve(problem: QuadraticProgram, solver: str = "daqp") -> Solution:
    """Solve a dense convex quadratic program.

    Args:
        problem: The program.
        solver: A name in `SOLVERS`.

    Returns:
        The solution; failure is `found=False`, not an exception.

    Raises:
        UnknownName: No such solver; the message lists those that exist.
    """
    if solver not in SOLVERS:
        raise UnknownName("QP solver", solver, SOLVERS)
    defect = _defect(problem)
    if defect is not None:
        return Solution(False, np.full(problem.gradient.shape, np.nan), 0, 0.0, defect)
    return SOLVERS[solver](problem)
