from functools import cache

import numpy as np
import pytest
from scipy.linalg import expm

from controllers.quadruped.centroidal import GRAVITY, assemble, condense, free_response

HORIZON = 4


@cache
def transition(n, dt):
    """Matrix exponential of a double integrator with held acceleration, shape (2 n, 3 n)."""
    generator = np.zeros((3 * n, 3 * n))
    generator[:n, n : 2 * n] = np.eye(n)
    generator[n : 2 * n, 2 * n :] = np.eye(n)
    return expm(generator * dt)[: 2 * n]


def exact_rollout(q, qd, acceleration, intervals):
    """Positions and velocities after each interval, shapes (N, n)."""
    n = len(q)
    state, out = np.concatenate((q, qd)), []
    for dt, a in zip(intervals.tolist(), acceleration, strict=True):
        state = transition(n, dt) @ np.concatenate((state, a))
        out.append(state)
    out = np.array(out)
    return out[:, :n], out[:, n:]


class Horizon:
    """A random horizon, and its cost written down by simulating it."""

    def __init__(self, seed, contacts=None):
        rng = np.random.default_rng(seed)
        self.mass = 15.0
        self.contacts = (rng.random((HORIZON, 4)) < 0.6).astype(float) if contacts is None else contacts
        self.levers = rng.normal(size=(HORIZON, 4, 3)) * [0.2, 0.15, 0.03] - [0.0, 0.0, 0.3]
        root = rng.normal(size=(HORIZON, 3, 3)) * 0.1
        self.inertia = np.diag([0.1, 0.3, 0.35]) + root @ root.transpose(0, 2, 1)
        self.intervals = rng.uniform(0.01, 0.06, HORIZON)
        self.position, self.velocity = rng.normal(size=6) * 0.1, rng.normal(size=6) * 0.3
        self.position_reference = rng.normal(size=(HORIZON, 6)) * 0.1
        self.velocity_reference = rng.normal(size=(HORIZON, 6)) * 0.3
        self.residual = rng.normal(size=(HORIZON, 6)) * [20, 20, 60, 5, 5, 5]
        self.position_weight = rng.uniform(1.0, 100.0, 6)
        self.velocity_weight = rng.uniform(0.1, 10.0, 6)
        self.force_weight = 1e-4
        self.force_reference = rng.normal(size=(HORIZON, 4, 3)) * 40.0

    @property
    def count(self):
        return int(self.contacts.sum())

    def acceleration(self, forces):
        """Newton and Euler for each interval, shape (N, 6)."""
        wrench = self.residual.copy()
        wrench[:, :3] += forces.sum(axis=1)
        wrench[:, 3:] += np.cross(self.levers, forces).sum(axis=1)
        spin = np.array([np.linalg.solve(i, m) for i, m in zip(self.inertia, wrench[:, 3:], strict=True)])
        return np.hstack((spin, wrench[:, :3] / self.mass - [0.0, 0.0, 9.81]))

    def weight_shares(self):
        """Reference forces: the weight less the learned lift, on the feet that stand."""
        share = (self.mass * 9.81 - self.residual[:, 2]) / np.maximum(self.contacts.sum(axis=1), 1.0)
        reference = np.zeros((HORIZON, 4, 3))
        reference[..., 2] = np.maximum(share, 0.0)[:, None]
        return reference

    def cost(self, stacked, reference):
        forces = np.zeros((HORIZON, 4, 3))
        forces[self.contacts > 0.5] = stacked.reshape(-1, 3)
        q, qd = exact_rollout(self.position, self.velocity, self.acceleration(forces), self.intervals)
        deviation = (forces - reference)[self.contacts > 0.5]
        return 0.5 * (
            np.sum(self.position_weight * (q - self.position_reference) ** 2)
            + np.sum(self.velocity_weight * (qd - self.velocity_reference) ** 2)
            + self.force_weight * np.sum(deviation**2)
        )

    def derivatives(self, reference):
        """Gradient at zero and Hessian of the cost by differences, exact for a quadratic."""
        n, step = 3 * self.count, 50.0
        unit = step * np.eye(n)
        at = [self.cost(e, reference) for e in unit]
        back = [self.cost(-e, reference) for e in unit]
        zero = self.cost(np.zeros(n), reference)
        gradient = (np.array(at) - np.array(back)) / (2.0 * step)
        hessian = np.empty((n, n))
        for i in range(n):
            for j in range(i, n):
                pair = self.cost(unit[i] + unit[j], reference)
                hessian[i, j] = hessian[j, i] = (pair - at[i] - at[j] + zero) / step**2
        return hessian, gradient

    def assembled(self):
        hessian, gradient = np.full((12 * HORIZON) ** 2, np.nan), np.full(12 * HORIZON, np.nan)
        step, leg = np.full(4 * HORIZON, -1), np.full(4 * HORIZON, -1)
        count = assemble(
            *(self.contacts, self.levers, self.inertia, self.mass, self.intervals, self.position, self.velocity),
            *(self.position_reference, self.velocity_reference, self.residual, self.position_weight),
            *(self.velocity_weight, self.force_weight, hessian, gradient, step, leg),
        )
        n = 3 * count
        return hessian[: n * n].reshape(n, n), gradient[:n], step[:count], leg[:count]

    def condensed(self, reference):
        zero = np.zeros((HORIZON, 4, 3))
        q, qd = exact_rollout(self.position, self.velocity, self.acceleration(zero), self.intervals)
        n = 3 * self.count
        hessian, gradient = np.full((n, n), np.nan), np.full(n, np.nan)
        condense(
            *(self.contacts, self.levers, np.linalg.inv(self.inertia), self.mass, self.intervals),
            *(q - self.position_reference, qd - self.velocity_reference, self.position_weight, self.velocity_weight),
            *(self.force_weight, reference, hessian, gradient),
        )
        return hessian, gradient


def test_free_response_is_that_of_the_matrix_exponential():
    rng = np.random.default_rng(0)
    q, qd = rng.normal(size=6), rng.normal(size=6)
    acceleration, intervals = rng.normal(size=(7, 6)) * 5.0, rng.uniform(0.005, 0.1, 7)
    position, velocity = np.empty((7, 6)), np.empty((7, 6))
    free_response(q, qd, acceleration, intervals, position, velocity)
    expected = exact_rollout(q, qd, acceleration, intervals)
    assert position == pytest.approx(expected[0], abs=1e-12)
    assert velocity == pytest.approx(expected[1], abs=1e-12)


def test_a_thrown_body_flies_a_parabola_whatever_the_grid():
    intervals = np.array([0.01, 0.09, 0.05, 0.25])
    acceleration = np.zeros((4, 6))
    acceleration[:, 5] = -GRAVITY
    q, qd = np.array([0, 0, 0, 0, 0, 1.0]), np.array([0, 0, 0, 0.5, 0, 2.0])
    position, velocity = np.empty((4, 6)), np.empty((4, 6))
    free_response(q, qd, acceleration, intervals, position, velocity)
    t = np.cumsum(intervals)
    # An Euler step would lose or gain g dt² / 2 in every interval.
    assert position[:, 5] == pytest.approx(1.0 + 2.0 * t - 0.5 * 9.81 * t**2, abs=1e-12)
    assert position[:, 3] == pytest.approx(0.5 * t, abs=1e-12)
    assert velocity[:, 5] == pytest.approx(2.0 - 9.81 * t, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_condensed_cost_is_that_of_the_simulated_horizon(seed):
    horizon = Horizon(seed)
    hessian, gradient = horizon.condensed(horizon.force_reference)
    expected = horizon.derivatives(horizon.force_reference)
    assert hessian == pytest.approx(expected[0], rel=1e-6, abs=1e-8 * np.abs(expected[0]).max())
    assert gradient == pytest.approx(expected[1], rel=1e-6, abs=1e-8 * np.abs(expected[1]).max())


@pytest.mark.parametrize("seed", range(3))
def test_the_assembled_cost_is_that_of_the_simulated_horizon(seed):
    horizon = Horizon(seed)
    hessian, gradient, step, leg = horizon.assembled()
    expected = horizon.derivatives(horizon.weight_shares())
    assert hessian == pytest.approx(expected[0], rel=1e-6, abs=1e-8 * np.abs(expected[0]).max())
    assert gradient == pytest.approx(expected[1], rel=1e-6, abs=1e-8 * np.abs(expected[1]).max())
    assert np.stack((step, leg), axis=1).tolist() == np.argwhere(horizon.contacts > 0.5).tolist()


def test_assembling_is_condensing_explicit_parts():
    horizon = Horizon(11)
    hessian, gradient, _, _ = horizon.assembled()
    expected = horizon.condensed(horizon.weight_shares())
    assert hessian == pytest.approx(expected[0], rel=1e-10)
    assert gradient == pytest.approx(expected[1], rel=1e-9)


def test_the_hessian_is_symmetric_and_positive_definite():
    hessian = Horizon(5).assembled()[0]
    assert (hessian == hessian.T).all()
    assert np.linalg.eigvalsh(hessian).min() > 0.99e-4


def test_a_lift_beyond_the_weight_asks_for_no_pull():
    horizon = Horizon(2, np.ones((HORIZON, 4)))
    horizon.residual[:] = 0.0
    horizon.residual[:, 2] = 2.0 * horizon.mass * 9.81
    reference = np.zeros((HORIZON, 4, 3))
    assert horizon.assembled()[1] == pytest.approx(horizon.condensed(reference)[1], rel=1e-9)


def test_a_horizon_in_the_air_has_no_variables():
    horizon = Horizon(4, np.zeros((HORIZON, 4)))
    hessian, gradient, step, leg = horizon.assembled()
    assert (hessian.shape, gradient.shape, step.shape, leg.shape) == ((0, 0), (0,), (0,), (0,))
