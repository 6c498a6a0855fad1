r"""A rigid body that the nominal model does not know of, welded to the base.

The body has mass μ, first moment h = μ c and inertia J about the nominal centre of mass (c from there), all in
base axes. While the nominal centre of mass accelerates with a, and the base turns with ω and α, the body pulls on
the robot with

    force  μ (g − a) − α × h − ω × (ω × h),
    moment h × (g − a) − J α − ω × J ω,

which is linear in the ten numbers (μ, h_x, h_y, h_z, J_xx, J_yy, J_zz, J_xy, J_xz, J_yz).
"""

import numpy as np
import numpy.typing as npt
from numba import float64, njit, void

from controllers.residual.bounds import GRAVITY
from controllers.residual.screening import ANY_MATRIX, ANY_VECTOR

Array = npt.NDArray[np.float64]

PARAMETERS = 10


@njit(cache=True)
def tilt(roll: float, pitch: float, rotation: Array) -> None:
    """Turn base axes into heading axes: first roll, then pitch.

    Args:
        roll: [rad].
        pitch: [rad].
        rotation: Output, base to heading, shape (3, 3).
    """
    cr, sr, cp, sp = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch)
    rotation[0, 0], rotation[0, 1], rotation[0, 2] = cp, sp * sr, sp * cr
    rotation[1, 0], rotation[1, 1], rotation[1, 2] = 0.0, cr, -sr
    rotation[2, 0], rotation[2, 1], rotation[2, 2] = -sp, cp * sr, cp * cr


@njit(cache=True)
def _into_base(rotation: Array, vectors: Array, start: int, out: Array) -> None:
    for i in range(3):
        out[i] = 0.0
        for j in range(3):
            out[i] += rotation[j, i] * vectors[start + j]


@njit(cache=True)
def _times_inertia(x: Array, row: int, sign: float, out: Array) -> None:
    """Add sign · L(x) to columns 4 to 9, with L(x) (J_xx … J_yz) = J x."""
    out[row, 4] += sign * x[0]
    out[row, 7] += sign * x[1]
    out[row, 8] += sign * x[2]
    out[row + 1, 5] += sign * x[1]
    out[row + 1, 7] += sign * x[0]
    out[row + 1, 9] += sign * x[2]
    out[row + 2, 6] += sign * x[2]
    out[row + 2, 8] += sign * x[0]
    out[row + 2, 9] += sign * x[1]


@njit(cache=True)
def _fill(rotation: Array, acceleration: Array, spin: Array, out: Array) -> None:
    falling, w, alpha = np.empty(3), np.empty(3), np.empty(3)
    relative = np.empty(6)
    relative[:] = -acceleration
    relative[2] -= GRAVITY
    _into_base(rotation, relative, 0, falling)
    _into_base(rotation, relative, 3, alpha)
    _into_base(rotation, spin, 0, w)
    # alpha holds −α, falling g − a.
    out[:] = 0.0
    square = w[0] * w[0] + w[1] * w[1] + w[2] * w[2]
    for i in range(3):
        out[i, 0] = falling[i]
        out[i, 1 + i] = square
        for j in range(3):
            out[i, 1 + j] -= w[i] * w[j]
    for x, row, sign in ((alpha, 0, 1.0), (falling, 3, -1.0)):
        # A cross product with the first moment: −α × h, and h × (g − a).
        out[row, 2] -= sign * x[2]
        out[row, 3] += sign * x[1]
        out[row + 1, 1] += sign * x[2]
        out[row + 1, 3] -= sign * x[0]
        out[row + 2, 1] -= sign * x[1]
        out[row + 2, 2] += sign * x[0]
    _times_inertia(alpha, 3, 1.0, out)
    turning = np.zeros((6, 10))
    _times_inertia(w, 3, 1.0, turning)
    for j in range(4, 10):
        out[3, j] -= w[1] * turning[5, j] - w[2] * turning[4, j]
        out[4, j] -= w[2] * turning[3, j] - w[0] * turning[5, j]
        out[5, j] -= w[0] * turning[4, j] - w[1] * turning[3, j]


@njit(void(float64, float64, ANY_VECTOR, ANY_VECTOR, float64[:, ::1]), cache=True)
def fill_regressor(roll: float, pitch: float, acceleration: Array, spin: Array, out: Array) -> None:
    """Fill the matrix that maps the ten parameters to the wrench that the body exerts.

    Args:
        roll: Of the base [rad].
        pitch: Of the base [rad].
        acceleration: Of the nominal centre of mass and of the rotation, heading axes, shape (6,) [m/s², rad/s²].
        spin: Angular velocity, heading axes, shape (3,) [rad/s].
        out: Output, force and moment about the nominal centre of mass, base axes, shape (6, 10).
    """
    rotation = np.empty((3, 3))
    tilt(roll, pitch, rotation)
    _fill(rotation, acceleration, spin, out)


@njit(void(float64, float64, ANY_VECTOR, float64[::1]), cache=True)
def into_base_axes(roll: float, pitch: float, wrench: Array, out: Array) -> None:
    """Turn a wrench from heading axes into base axes.

    Args:
        roll: Of the base [rad].
        pitch: Of the base [rad].
        wrench: Force and moment, heading axes, shape (6,).
        out: Output, the same in base axes, shape (6,).
    """
    rotation = np.empty((3, 3))
    tilt(roll, pitch, rotation)
    _into_base(rotation, wrench, 0, out[:3])
    _into_base(rotation, wrench, 3, out[3:])


@njit(cache=True)
def solve_positive(matrix: Array, vector: Array) -> bool:
    """Solve a small symmetric positive definite system by Cholesky's factorisation.

    Args:
        matrix: Lower triangle; overwritten by its factor, shape (n, n).
        vector: Right-hand side in, solution out, shape (n,).

    Returns:
        Whether the matrix was positive definite; the solution means nothing where it was not.
    """
    n = vector.shape[0]
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i == j:
                if not total > 1e-9:
                    return False
                matrix[i, i] = np.sqrt(total)
            else:
                matrix[i, j] = total / matrix[j, j]
    for i in range(n):
        for k in range(i):
            vector[i] -= matrix[i, k] * vector[k]
        vector[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            vector[i] -= matrix[k, i] * vector[k]
        vector[i] /= matrix[i, i]
    return True


@njit(cache=True)
def _mobile(mass: float, inertia: Array, p: Array, w: Array, total: Array, push: Array) -> None:
    """Set up total mass matrix and right-hand side of both bodies together, for (a − g, α)."""
    total[:] = 0.0
    turned = np.empty((3, 3))
    turned[0, 0], turned[1, 1], turned[2, 2] = p[4], p[5], p[6]
    turned[0, 1], turned[0, 2], turned[1, 2] = p[7], p[8], p[9]
    turned[1, 0], turned[2, 0], turned[2, 1] = p[7], p[8], p[9]
    for i in range(3):
        total[i, i] = mass + p[0]
        for j in range(3):
            turned[i, j] += inertia[i, j]
            total[3 + i, 3 + j] = turned[i, j]
    total[3, 1], total[3, 2], total[4, 0] = -p[3], p[2], p[3]
    total[4, 2], total[5, 0], total[5, 1] = -p[1], -p[2], p[1]
    for i in range(3):
        for j in range(3):
            total[i, 3 + j] = total[3 + j, i]
    momentum, whirl = np.zeros(3), w[0] * p[1] + w[1] * p[2] + w[2] * p[3]
    square = w[0] * w[0] + w[1] * w[1] + w[2] * w[2]
    for i in range(3):
        push[i] -= w[i] * whirl - square * p[1 + i]
        for j in range(3):
            momentum[i] += turned[i, j] * w[j]
    push[3] -= w[1] * momentum[2] - w[2] * momentum[1]
    push[4] -= w[2] * momentum[0] - w[0] * momentum[2]
    push[5] -= w[0] * momentum[1] - w[1] * momentum[0]


@njit(
    void(ANY_MATRIX, ANY_MATRIX, ANY_MATRIX, float64, float64[:, ::1], float64, float64[:, ::1]),
    cache=True,
)
def preview_added_body(
    parameters: Array,
    state: Array,
    contact_wrench: Array,
    mass: float,
    inertia: Array,
    share: float,
    out: Array,
) -> None:
    """Predict what the body will exert while the feet exert what is planned.

    Nominal body and added body move together under the planned wrench; their common acceleration follows from a
    system of six equations, and what the nominal body then lacks is the prediction. Where the parameters describe
    no body at all (the mass matrix is not positive definite) only the weight counts.

    Args:
        parameters: The ten numbers, one row for all nodes or one for each, shape (1, 10) or (N, 10).
        state: Roll, pitch, height error, velocity and angular velocity, shape (N, 9).
        contact_wrench: Planned, heading axes, shape (N, 6) [N, N·m].
        mass: Nominal mass [kg].
        inertia: Nominal inertia about the centre of mass, base axes, shape (3, 3) [kg·m²].
        share: Weight of that prediction against that of a robot that does not accelerate, in [0, 1].
        out: Output, heading axes, shape (N, 6) [N, N·m].
    """
    rotation = np.empty((3, 3))
    total, push, wrench, w = np.empty((6, 6)), np.empty(6), np.empty(6), np.empty(3)
    fall, moment = np.zeros(3), np.zeros(3)
    down = np.array([0.0, 0.0, -GRAVITY])
    for k in range(state.shape[0]):
        p = parameters[min(k, parameters.shape[0] - 1)]
        tilt(state[k, 0], state[k, 1], rotation)
        _into_base(rotation, down, 0, fall)
        wrench[0], wrench[1], wrench[2] = p[0] * fall[0], p[0] * fall[1], p[0] * fall[2]
        wrench[3] = p[2] * fall[2] - p[3] * fall[1]
        wrench[4] = p[3] * fall[0] - p[1] * fall[2]
        wrench[5] = p[1] * fall[1] - p[2] * fall[0]
        # Without a body the system below would leave rounding errors behind.
        if share > 0.0 and p.any():
            _into_base(rotation, contact_wrench[k], 0, push[:3])
            _into_base(rotation, contact_wrench[k], 3, push[3:])
            _into_base(rotation, state[k], 6, w)
            planned = push.copy()
            _mobile(mass, inertia, p, w, total, push)
            if solve_positive(total, push):
                for i in range(3):
                    moment[i] = 0.0
                    momentum = 0.0
                    for j in range(3):
                        momentum += inertia[i, j] * push[3 + j]
                        moment[i] += inertia[i, j] * w[j]
                    wrench[i] += share * (mass * push[i] - planned[i] - wrench[i])
                    wrench[3 + i] += share * (momentum - planned[3 + i] - wrench[3 + i])
                wrench[3] += share * (w[1] * moment[2] - w[2] * moment[1])
                wrench[4] += share * (w[2] * moment[0] - w[0] * moment[2])
                wrench[5] += share * (w[0] * moment[1] - w[1] * moment[0])
        for i in range(3):
            out[k, i] = 0.0
            out[k, 3 + i] = 0.0
            for j in range(3):
                out[k, i] += rotation[i, j] * wrench[j]
                out[k, 3 + i] += rotation[i, j] * wrench[3 + j]


def body_parameters(mass: float, com: Array, inertia: Array) -> Array:
    """Describe a body by the ten numbers.

    Args:
        mass: Mass [kg].
        com: Its centre of mass relative to the nominal one, base axes, shape (3,) [m].
        inertia: About its own centre of mass, base axes, shape (3, 3) [kg·m²].

    Returns:
        μ, h and J, shape (10,).
    """
    j = inertia + mass * (com @ com * np.eye(3) - np.outer(com, com))
    return np.array([mass, *(mass * com), j[0, 0], j[1, 1], j[2, 2], j[0, 1], j[0, 2], j[1, 2]])
