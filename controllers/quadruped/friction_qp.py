"""A dual active-set solver for stacks of foot forces in friction pyramids.

The convex MPC ends in

    minimise    ½ uᵀ H u + gᵀ u
    subject to  |fx| ≤ μ fz,  |fy| ≤ μ fz,  f_min ≤ fz ≤ f_max     for every contact,

with u the contacts' forces one after another. The method is Goldfarb and Idnani's (Mathematical
Programming 27, 1983), in the coordinates y = Lᵀ u, H = L Lᵀ, where it becomes the search for the
point of a polyhedron nearest to y₀ = −L⁻¹ g. Two things make it fast here: a constraint has at most
two non-zero coefficients and is never stored as a row, and only an orthonormal basis of the active
normals is kept (there are few), not a factor of the whole space. The active set of the previous
solve may be given as a start.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Constraint c of contact i is number 6 i + c, all written as  aᵀu ≥ b.
CONSTRAINTS_PER_CONTACT = 6
SOLVED, ITERATION_LIMIT, NOT_CONVEX = 0, 1, 2


@njit(cache=True, fastmath=True)
def _cholesky(h: Array, factor: Array, n: int) -> bool:
    """Factor h = factor factorᵀ (lower, row-oriented); false when h is not positive definite."""
    for i in range(n):
        for j in range(i + 1):
            s = h[i, j]
            for k in range(j):
                s -= factor[i, k] * factor[j, k]
            if i == j:
                if s <= 0.0:
                    return False
                factor[i, i] = np.sqrt(s)
            else:
                factor[i, j] = s / factor[j, j]
    return True


@njit(cache=True, fastmath=True)
def _forward(factor: Array, x: Array, n: int, first: int) -> None:
    """Solve factor x = x in place; x is zero before index `first`."""
    for i in range(first, n):
        s = x[i]
        for k in range(first, i):
            s -= factor[i, k] * x[k]
        x[i] = s / factor[i, i]


@njit(cache=True, fastmath=True)
def _backward(factor: Array, x: Array, n: int) -> None:
    """Solve factorᵀ x = x in place, running along the rows of factor."""
    for i in range(n - 1, -1, -1):
        v = x[i] / factor[i, i]
        x[i] = v
        for k in range(i):
            x[k] -= factor[i, k] * v


@njit(cache=True)
def _normal(constraint: int, mu: float, v: Array, n: int) -> int:
    """Write the normal of a constraint into v and return the index of its first non-zero."""
    contact, kind = constraint // 6, constraint % 6
    i = 3 * contact
    for k in range(n):
        v[k] = 0.0
    if kind < 4:
        v[i + kind // 2] = -1.0 if kind % 2 == 0 else 1.0
        v[i + 2] = mu
        return i + kind // 2
    v[i + 2] = 1.0 if kind == 4 else -1.0
    return i + 2


@njit(cache=True)
def _slack(constraint: int, mu: float, low: Array, high: Array, x: Array) -> float:
    """aᵀx − b: negative where the constraint is violated."""
    contact, kind = constraint // 6, constraint % 6
    i = 3 * contact
    if kind == 0:
        return float(mu * x[i + 2] - x[i])
    if kind == 1:
        return float(mu * x[i + 2] + x[i])
    if kind == 2:
        return float(mu * x[i + 2] - x[i + 1])
    if kind == 3:
        return float(mu * x[i + 2] + x[i + 1])
    if kind == 4:
        return float(x[i + 2] - low[contact])
    return float(high[contact] - x[i + 2])


@njit(cache=True, fastmath=True)
def _append(basis: Array, v: Array, q: int, n: int, coefficients: Array) -> float:
    """Split v into its part in the basis (coefficients) and the rest (left in v); return the rest's norm.

    Two sweeps of Gram-Schmidt, so that the basis stays orthogonal to working precision.
    """
    for k in range(q):
        coefficients[k] = 0.0
    for _ in range(2):
        for k in range(q):
            s = 0.0
            for i in range(n):
                s += basis[k, i] * v[i]
            coefficients[k] += s
            for i in range(n):
                v[i] -= s * basis[k, i]
    s = 0.0
    for i in range(n):
        s += v[i] * v[i]
    return float(np.sqrt(s))


@njit(cache=True, fastmath=True)
def _remove(basis: Array, r: Array, active: IntArray, multipliers: Array, position: int, q: int, n: int) -> None:
    """Take the active constraint at `position` out of the factorisation by Givens rotations."""
    for j in range(position, q - 1):
        active[j] = active[j + 1]
        multipliers[j] = multipliers[j + 1]
        for i in range(j + 2):
            r[i, j] = r[i, j + 1]
    for j in range(position, q - 1):
        a, b = r[j, j], r[j + 1, j]
        norm = np.hypot(a, b)
        c, s = a / norm, b / norm
        for k in range(j, q - 1):
            t0, t1 = r[j, k], r[j + 1, k]
            r[j, k] = c * t0 + s * t1
            r[j + 1, k] = c * t1 - s * t0
        for i in range(n):
            t0, t1 = basis[j, i], basis[j + 1, i]
            basis[j, i] = c * t0 + s * t1
            basis[j + 1, i] = c * t1 - s * t0


@njit(cache=True)
def solve_friction_qp(
    h: Array,
    g: Array,
    mu: float,
    low: Array,
    high: Array,
    guess: IntArray,
    n_guess: int,
    max_iterations: int,
    factor: Array,
    basis: Array,
    r: Array,
    x: Array,
    active: IntArray,
    multipliers: Array,
) -> tuple[int, int, int]:
    """Solve the QP of stacked foot forces.

    Args:
        h: Hessian, symmetric positive definite, shape (n, n), n = 3 contacts.
        g: Gradient, shape (n,).
        mu: Friction coefficient.
        low: Lower bound of each normal force, shape (n / 3,) [N].
        high: Upper bound of each normal force, shape (n / 3,) [N].
        guess: Constraint numbers that are likely active.
        n_guess: How many entries of `guess` count.
        max_iterations: Bound on active-set changes.
        factor: Workspace for the factor, shape (n, n).
        basis: Workspace, shape (n, n).
        r: Workspace, shape (n + 1, n + 1).
        x: Output, forces, shape (n,) [N].
        active: Output, active constraints, shape (n,).
        multipliers: Output, their multipliers, shape (n,).

    Returns:
        Status (`SOLVED`, `ITERATION_LIMIT` or `NOT_CONVEX`), number of active constraints, iterations.
    """
    n = g.shape[0]
    if not _cholesky(h, factor, n):
        return NOT_CONVEX, 0, 0
    y0 = np.empty(n)
    for i in range(n):
        y0[i] = -g[i]
    _forward(factor, y0, n, 0)
    v = np.empty(n)
    z = np.empty(n)
    coefficients = np.empty(n + 1)
    step = np.empty(n + 1)
    q = 0
    iterations = 0
    n_constraints = 2 * n
    in_set = np.zeros(n_constraints, dtype=np.bool_)
    # Start from the guessed set: the equality-constrained optimum, less what pulls the wrong way.
    if n_guess > 0:
        bound = np.empty(n)
        for k in range(n_guess):
            constraint = guess[k]
            if constraint < 0 or constraint >= n_constraints or in_set[constraint] or q >= n:
                continue
            first = _normal(constraint, mu, v, n)
            _forward(factor, v, n, first)
            norm0 = 0.0
            for i in range(first, n):
                norm0 += v[i] * v[i]
            norm = _append(basis, v, q, n, coefficients)
            if norm * norm <= 1e-12 * norm0:
                continue
            for i in range(n):
                basis[q, i] = v[i] / norm
            for i in range(q):
                r[i, q] = coefficients[i]
            r[q, q] = norm
            active[q] = constraint
            in_set[constraint] = True
            q += 1
        while q > 0:
            # R Rᵀ-free form: y = y0 + Qᵀ w with Rᵀ (Q y0 + w) = b, then λ = R⁻¹ w.
            for j in range(q):
                contact, kind = active[j] // 6, active[j] % 6
                bound[j] = low[contact] if kind == 4 else (-high[contact] if kind == 5 else 0.0)
                s = bound[j]
                for i in range(j):
                    s -= r[i, j] * step[i]
                step[j] = s / r[j, j]
            for j in range(q):
                s = step[j]
                for i in range(n):
                    s -= basis[j, i] * y0[i]
                coefficients[j] = s
            worst, where = -1e-12, -1
            for j in range(q - 1, -1, -1):
                s = coefficients[j]
                for k in range(j + 1, q):
                    s -= r[j, k] * multipliers[k]
                multipliers[j] = s / r[j, j]
                if multipliers[j] < worst:
                    worst, where = multipliers[j], j
            if where < 0:
                break
            in_set[active[where]] = False
            _remove(basis, r, active, multipliers, where, q, n)
            q -= 1
            iterations += 1
        for i in range(n):
            x[i] = y0[i]
        for j in range(q):
            for i in range(n):
                x[i] += coefficients[j] * basis[j, i]
    else:
        for i in range(n):
            x[i] = y0[i]
    _backward(factor, x, n)

    while iterations < max_iterations:
        entering, violation = -1, -1e-7
        for constraint in range(n_constraints):
            if not in_set[constraint]:
                s = _slack(constraint, mu, low, high, x)
                if s < violation:
                    violation, entering = s, constraint
        if entering < 0:
            return SOLVED, q, iterations
        multiplier = 0.0
        first = _normal(entering, mu, v, n)
        _forward(factor, v, n, first)
        while True:
            iterations += 1
            for i in range(n):
                z[i] = v[i]
            norm0 = 0.0
            for i in range(first, n):
                norm0 += v[i] * v[i]
            norm = _append(basis, z, q, n, coefficients)
            # Dual step direction: R step = coefficients.
            for j in range(q - 1, -1, -1):
                s = coefficients[j]
                for k in range(j + 1, q):
                    s -= r[j, k] * step[k]
                step[j] = s / r[j, j]
            dual, blocking = np.inf, -1
            for j in range(q):
                if step[j] > 1e-12 and multipliers[j] / step[j] < dual:
                    dual, blocking = multipliers[j] / step[j], j
            independent = norm * norm > 1e-12 * norm0 and q < n
            primal = -violation / (norm * norm) if independent else np.inf
            length = min(dual, primal)
            if length == np.inf or iterations >= max_iterations:
                return ITERATION_LIMIT, q, iterations
            for j in range(q):
                multipliers[j] -= length * step[j]
            multiplier += length
            if independent:
                for i in range(n):
                    basis[q, i] = z[i] / norm
                _backward(factor, z, n)
                for i in range(n):
                    x[i] += length * z[i]
            if primal <= dual:
                for i in range(q):
                    r[i, q] = coefficients[i]
                r[q, q] = norm
                active[q] = entering
                multipliers[q] = multiplier
                in_set[entering] = True
                q += 1
                break
            in_set[active[blocking]] = False
            _remove(basis, r, active, multipliers, blocking, q, n)
            q -= 1
            violation = _slack(entering, mu, low, high, x)
    return ITERATION_LIMIT, q, iterations
