import numpy as np
import pytest

from controllers.quadruped.stance import FORCE_DAMPING, MOMENT_DAMPING, compensate, describe_moment
from controllers.rotations import matrix_from_rpy

LEVERS = np.array([[0.2, 0.14, -0.3], [0.19, -0.14, -0.31], [-0.19, 0.15, -0.3], [-0.2, -0.14, -0.29]])
FRICTION = 0.5


def wrench_of(forces):
    return np.concatenate((forces.sum(axis=0), np.cross(LEVERS, forces).sum(axis=0)))


def heading(yaw):
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.kron(np.eye(2), turn)


def compensated(change, standing=(1, 1, 1, 1), yaw=0.0, load=60.0):
    forces = np.zeros((4, 3))
    forces[:, 2] = load
    forces *= np.array(standing, dtype=float)[:, None]
    before = forces.copy()
    change = np.array(change, dtype=float)
    compensate(LEVERS, np.array(standing, dtype=float), yaw, change, FRICTION, forces)
    return forces, forces - before


@pytest.mark.parametrize("yaw", [0.0, 0.8, -2.5])
@pytest.mark.parametrize("standing", [(1, 1, 1, 1), (1, 0, 0, 1), (1, 1, 0, 1), (0, 1, 0, 0)])
def test_the_change_is_distributed_by_damped_least_squares(standing, yaw):
    change = np.array([4.0, -3.0, 10.0, 0.6, -0.8, 0.3])
    _, moved = compensated(change, standing, yaw)
    # The same as a ridge: minimise |G u + d|² in the metric of the damping, plus |u|².
    up = [np.vstack((np.eye(3), _skew(lever))) for lever in LEVERS]
    maps = np.hstack([g * s for g, s in zip(up, standing, strict=True)])
    scale = np.diag([FORCE_DAMPING**-0.5] * 3 + [MOMENT_DAMPING**-0.5] * 3)
    d = heading(yaw).T @ change
    rows = np.vstack((scale @ maps, np.eye(12)))
    expected = np.linalg.lstsq(rows, np.concatenate((-scale @ d, np.zeros(12))), rcond=None)[0]
    assert moved.ravel() == pytest.approx(expected, abs=1e-9)


def _skew(v):
    return np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])


def test_four_feet_take_up_most_of_the_change():
    change = np.array([3.0, -2.0, 15.0, 0.8, -1.0, 0.2])
    _, moved = compensated(change)
    left = wrench_of(moved) + change
    assert np.linalg.norm(left[:3]) < 0.2 * np.linalg.norm(change[:3])
    assert np.linalg.norm(left[3:]) < 0.3 * np.linalg.norm(change[3:])


def test_feet_in_the_air_stay_without_force():
    forces, _ = compensated([0.0, 0.0, -40.0, 0.0, 0.0, 0.0], (1, 0, 0, 1))
    assert not forces[1:3].any() and (forces[[0, 3], 2] > 60.0).all()


def test_without_standing_feet_nothing_happens():
    forces, _ = compensated([10.0, 10.0, 10.0, 1.0, 1.0, 1.0], (0, 0, 0, 0))
    assert not forces.any()


def test_forces_stay_in_the_pyramid():
    for change in ([300.0, 0, 0, 0, 0, 0], [0, -300.0, 0, 0, 0, 0], [0, 0, 900.0, 0, 0, 0]):
        forces, _ = compensated(change)
        assert (forces[:, 2] >= 0.0).all()
        assert (np.abs(forces[:, :2]) <= FRICTION * forces[:, 2:] + 1e-12).all()
    assert not forces.any(), "a lift of more than the load leaves the feet without force"


def test_the_learner_sees_the_present_in_the_heading_frame():
    rng = np.random.default_rng(0)
    rotation, yaw = matrix_from_rpy(0.04, -0.03, 1.1), 1.1
    velocity, spin, forces = rng.normal(size=3), rng.normal(size=3), rng.normal(size=(4, 3)) * 40.0
    state, wrench = np.full((1, 9), np.nan), np.full((1, 6), np.nan)
    describe_moment(rotation, yaw, velocity, spin, -0.012, forces, LEVERS, state, wrench)
    assert state[0, :3] == pytest.approx([0.04, -0.03, -0.012], abs=1e-3)
    assert state[0, 3:] == pytest.approx(heading(yaw) @ np.concatenate((velocity, spin)))
    assert wrench[0] == pytest.approx(heading(yaw) @ wrench_of(forces))
