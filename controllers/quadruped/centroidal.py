"""The single rigid body that stands in for the robot: dynamics, condensed over a horizon.

In the heading frame of the moment (z up, x along the yaw of the base, fixed while the horizon
runs), with the orientation as a rotation vector φ, a legged body obeys to first order in tilt

    φ̈ = I⁻¹ (Σ rᵢ × fᵢ + d_τ),        p̈ = (Σ fᵢ + d_f) / m + g,

a double integrator q̈ = B u + a for q = [φ; p]. With accelerations held over each interval the
integration is exact, so no drift enters through the discretisation.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
GRAVITY = 9.81


@njit(cache=True)
def free_response(q: Array, qd: Array, acceleration: Array, intervals: Array, position: Array, velocity: Array) -> None:
    """Integrate the body without contact forces.

    Args:
        q: Rotation vector and position now, shape (6,) [rad, m].
        qd: Angular and linear velocity now, shape (6,) [rad/s, m/s].
        acceleration: Known acceleration in each interval (gravity, learned residual), shape (N, 6).
        intervals: Lengths of the intervals, shape (N,) [s].
        position: Output, q at the end of each interval, shape (N, 6).
        velocity: Output, q̇ at the end of each interval, shape (N, 6).
    """
    for i in range(6):
        p, v = q[i], qd[i]
        for k in range(intervals.shape[0]):
            dt = intervals[k]
            p += dt * v + 0.5 * dt * dt * acceleration[k, i]
            v += dt * acceleration[k, i]
            position[k, i] = p
            velocity[k, i] = v


@njit(cache=True, fastmath=True)
def condense(
    contacts: Array,
    levers: Array,
    inverse_inertia: Array,
    mass: float,
    intervals: Array,
    position_error: Array,
    velocity_error: Array,
    position_weight: Array,
    velocity_weight: Array,
    force_weight: float,
    force_reference: Array,
    hessian: Array,
    gradient: Array,
) -> None:
    r"""Build the cost of the stance forces, the states eliminated.

    The cost is :math:`\frac12\sum_n \|q_n - \bar q_n\|^2_{W} + \|\dot q_n - \bar{\dot q}_n\|^2_{V}
    + \frac12\sum_k \rho \|u_k - \bar u_k\|^2`. A force in interval k moves q at the end of interval
    n ≥ k by Δt_k (T_n − T_k − Δt_k / 2) B u, which gives every block of the Hessian in closed form.
    Swing feet have no variables.

    Args:
        contacts: 1 where a foot stands, shape (N, 4).
        levers: From the centre of mass to where a foot touches the ground, heading frame, shape (N, 4, 3) [m].
        inverse_inertia: Inverse rotational inertia in each interval, heading frame, shape (N, 3, 3).
        mass: Mass [kg].
        intervals: Lengths of the intervals, shape (N,) [s].
        position_error: Free response minus reference of q, shape (N, 6).
        velocity_error: Free response minus reference of q̇, shape (N, 6).
        position_weight: Diagonal of W (orientation, then position), shape (6,).
        velocity_weight: Diagonal of V, shape (6,).
        force_weight: Weight ρ on the deviation from the reference forces.
        force_reference: Reference force of each foot, shape (N, 4, 3) [N].
        hessian: Output, shape (n, n), n = 3 · number of contacts.
        gradient: Output, shape (n,).
    """
    horizon = intervals.shape[0]
    end = np.empty(horizon)
    total = 0.0
    for k in range(horizon):
        total += intervals[k]
        end[k] = total
    # reach[n, k]: displacement at the end of interval n per unit acceleration in interval k.
    reach = np.zeros((horizon, horizon))
    for n in range(horizon):
        for k in range(n + 1):
            reach[n, k] = intervals[k] * (end[n] - end[k] + 0.5 * intervals[k])
    pull = np.zeros((horizon, 6))
    for k in range(horizon):
        for i in range(6):
            s = 0.0
            for n in range(k, horizon):
                s += (
                    reach[n, k] * position_weight[i] * position_error[n, i]
                    + intervals[k] * velocity_weight[i] * velocity_error[n, i]
                )
            pull[k, i] = s
    count = 0
    for k in range(horizon):
        for leg in range(4):
            if contacts[k, leg] > 0.5:
                count += 1
    spin = np.empty((count, 3, 3))
    step_of = np.empty(count, dtype=np.int64)
    c = 0
    for k in range(horizon):
        for leg in range(4):
            if contacts[k, leg] > 0.5:
                x, y, z = levers[k, leg, 0], levers[k, leg, 1], levers[k, leg, 2]
                for i in range(3):
                    a0, a1, a2 = inverse_inertia[k, i, 0], inverse_inertia[k, i, 1], inverse_inertia[k, i, 2]
                    spin[c, i, 0] = a1 * z - a2 * y
                    spin[c, i, 1] = a2 * x - a0 * z
                    spin[c, i, 2] = a0 * y - a1 * x
                step_of[c] = k
                for j in range(3):
                    s = pull[k, 3 + j] / mass - force_weight * force_reference[k, leg, j]
                    for i in range(3):
                        s += spin[c, i, j] * pull[k, i]
                    gradient[3 * c + j] = s
                c += 1
    weighted = np.empty((3, 3))
    previous_a, previous_b = -1, -1
    angular = np.empty(3)
    linear = np.empty(3)
    for a in range(count):
        ka = step_of[a]
        for b in range(a, count):
            kb = step_of[b]
            if ka != previous_a or kb != previous_b:
                c1 = 0.0
                for n in range(kb, horizon):
                    c1 += reach[n, ka] * reach[n, kb]
                c2 = (horizon - kb) * intervals[ka] * intervals[kb]
                for i in range(3):
                    angular[i] = c1 * position_weight[i] + c2 * velocity_weight[i]
                    linear[i] = (c1 * position_weight[3 + i] + c2 * velocity_weight[3 + i]) / (mass * mass)
                previous_a, previous_b = ka, kb
            for i in range(3):
                for j in range(3):
                    weighted[i, j] = angular[i] * spin[b, i, j]
            for i in range(3):
                for j in range(3):
                    s = spin[a, 0, i] * weighted[0, j] + spin[a, 1, i] * weighted[1, j] + spin[a, 2, i] * weighted[2, j]
                    if i == j:
                        s += linear[i]
                    hessian[3 * a + i, 3 * b + j] = s
                    hessian[3 * b + j, 3 * a + i] = s
        for i in range(3):
            hessian[3 * a + i, 3 * a + i] += force_weight


@njit(cache=True)
def _inverse3(m: Array, out: Array) -> None:
    """Invert a 3x3 matrix by cofactors."""
    c00 = m[1, 1] * m[2, 2] - m[1, 2] * m[2, 1]
    c01 = m[1, 2] * m[2, 0] - m[1, 0] * m[2, 2]
    c02 = m[1, 0] * m[2, 1] - m[1, 1] * m[2, 0]
    scale = 1.0 / (m[0, 0] * c00 + m[0, 1] * c01 + m[0, 2] * c02)
    out[0, 0] = c00 * scale
    out[1, 0] = c01 * scale
    out[2, 0] = c02 * scale
    out[0, 1] = (m[0, 2] * m[2, 1] - m[0, 1] * m[2, 2]) * scale
    out[1, 1] = (m[0, 0] * m[2, 2] - m[0, 2] * m[2, 0]) * scale
    out[2, 1] = (m[0, 1] * m[2, 0] - m[0, 0] * m[2, 1]) * scale
    out[0, 2] = (m[0, 1] * m[1, 2] - m[0, 2] * m[1, 1]) * scale
    out[1, 2] = (m[0, 2] * m[1, 0] - m[0, 0] * m[1, 2]) * scale
    out[2, 2] = (m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]) * scale


@njit(cache=True)
def assemble(
    contacts: Array,
    levers: Array,
    inertia: Array,
    mass: float,
    intervals: Array,
    position: Array,
    velocity: Array,
    position_reference: Array,
    velocity_reference: Array,
    residual: Array,
    position_weight: Array,
    velocity_weight: Array,
    force_weight: float,
    hessian_buffer: Array,
    gradient_buffer: Array,
    contact_step: npt.NDArray[np.int64],
    contact_leg: npt.NDArray[np.int64],
) -> int:
    """Build the whole cost of one MPC step into buffers.

    Args:
        contacts: 1 where a foot stands, shape (N, 4).
        levers: From the centre of mass to where a foot touches the ground, shape (N, 4, 3) [m].
        inertia: Rotational inertia in each interval, shape (N, 3, 3) [kg·m²].
        mass: Mass [kg].
        intervals: Shape (N,) [s].
        position: Rotation vector and position now, shape (6,).
        velocity: Angular and linear velocity now, shape (6,).
        position_reference: Shape (N, 6).
        velocity_reference: Shape (N, 6).
        residual: Learned wrench, force then moment, shape (N, 6) [N, N·m].
        position_weight: Shape (6,).
        velocity_weight: Shape (6,).
        force_weight: Weight on forces.
        hessian_buffer: Output, first n² entries, shape (≥ n²,).
        gradient_buffer: Output, first n entries, shape (≥ n,).
        contact_step: Output, interval of each contact, shape (≥ n / 3,).
        contact_leg: Output, leg of each contact, shape (≥ n / 3,).

    Returns:
        Number of contacts, n / 3.
    """
    horizon = intervals.shape[0]
    inverse_inertia = np.empty((horizon, 3, 3))
    acceleration = np.empty((horizon, 6))
    reference = np.zeros((horizon, 4, 3))
    count = 0
    for k in range(horizon):
        _inverse3(inertia[k], inverse_inertia[k])
        feet = 0.0
        for leg in range(4):
            if contacts[k, leg] > 0.5:
                contact_step[count] = k
                contact_leg[count] = leg
                count += 1
                feet += 1.0
        for i in range(3):
            s = 0.0
            for j in range(3):
                s += inverse_inertia[k, i, j] * residual[k, 3 + j]
            acceleration[k, i] = s
            acceleration[k, 3 + i] = residual[k, i] / mass
        acceleration[k, 5] -= GRAVITY
        # Reference forces carry the weight that the learner sees, shared by the feet on the ground.
        if feet > 0.0:
            share = max(mass * GRAVITY - residual[k, 2], 0.0) / feet
            for leg in range(4):
                if contacts[k, leg] > 0.5:
                    reference[k, leg, 2] = share
    position_error = np.empty((horizon, 6))
    velocity_error = np.empty((horizon, 6))
    free_response(position, velocity, acceleration, intervals, position_error, velocity_error)
    for k in range(horizon):
        for i in range(6):
            position_error[k, i] -= position_reference[k, i]
            velocity_error[k, i] -= velocity_reference[k, i]
    n = 3 * count
    condense(
        contacts,
        levers,
        inverse_inertia,
        mass,
        intervals,
        position_error,
        velocity_error,
        position_weight,
        velocity_weight,
        force_weight,
        reference,
        hessian_buffer[: n * n].reshape(n, n),
        gradient_buffer[:n],
    )
    return count
