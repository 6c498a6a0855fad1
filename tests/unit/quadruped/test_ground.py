import numpy as np
import pytest

from controllers.quadruped.ground import GroundPlane

FEET = np.array([[0.2, 0.14, 0.0], [0.2, -0.14, 0.0], [-0.2, 0.14, 0.0], [-0.2, -0.14, 0.0]])
RADIUS = 0.022


def on_plane(g0, gx, gy, shift=(0.0, 0.0)):
    feet = FEET + np.array([*shift, 0.0])
    feet[:, 2] = g0 + gx * feet[:, 0] + gy * feet[:, 1]
    return feet


def test_a_reset_puts_the_plane_below_the_feet():
    ground = GroundPlane(RADIUS, regularisation=0.0)
    ground.reset(on_plane(0.3 + RADIUS, 0.1, -0.05, shift=(4.0, 1.0)))
    assert ground.plane == pytest.approx([0.3, 0.1, -0.05], abs=1e-9)
    assert ground.height(np.array([2.0, 1.0])) == pytest.approx(0.3 + 0.2 - 0.05)


def test_a_sphere_touches_an_incline_below_its_centre_along_the_normal():
    ground = GroundPlane(RADIUS)
    ground.plane[:] = 0.3, 0.2, -0.1
    touched = np.array([0.5, -0.4, 0.0])
    touched[2] = ground.height(touched)
    centre = touched - ground.underfoot
    # No other point of the plane is nearer to the centre.
    around = touched + 0.01 * np.array([[1.0, 0.0, 0.2], [-1.0, 0.0, -0.2], [0.0, 1.0, -0.1], [0.0, -1.0, 0.1]])
    assert np.linalg.norm(centre - touched) == pytest.approx(RADIUS)
    assert np.linalg.norm(centre - around, axis=1).min() > RADIUS + 1e-4
    assert centre[2] > ground.height(centre)


def test_the_height_follows_with_its_time_constant():
    ground, centre, dt = GroundPlane(RADIUS, height_time_constant=0.15), np.array([0.0, 0.0, 0.3]), 0.002
    ground.reset(on_plane(RADIUS, 0.0, 0.0))
    stepped = on_plane(0.05 + RADIUS, 0.0, 0.0)
    for _ in range(75):
        ground.update(stepped, np.ones(4), np.ones(4), centre, dt)
    assert ground.height(centre) == pytest.approx(0.05 * (1.0 - np.exp(-1.0)), rel=0.01)


def test_loaded_feet_on_soft_ground_have_the_ground_above_them():
    ground, centre = GroundPlane(RADIUS, compliance=3e-5), np.zeros(2)
    sunk = on_plane(RADIUS - 0.003, 0.0, 0.0)
    ground.reset(sunk)
    for _ in range(2000):
        ground.update(sunk, np.ones(4), np.ones(4), centre, 0.002, np.full(4, 100.0))
    assert ground.height(centre) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("regularisation", [0.0, 0.01])
def test_the_plane_settles_at_the_incline_that_the_spheres_of_the_feet_touch(regularisation):
    ground, centre = GroundPlane(RADIUS, regularisation=regularisation), np.array([3.0, 1.0])
    ground.reset(on_plane(RADIUS, 0.0, 0.0, shift=centre))
    slope = on_plane(-0.1, 0.12, -0.04, shift=centre)
    normal = np.array([-0.12, 0.04, 1.0]) / np.linalg.norm([-0.12, 0.04, 1.0])
    slope += RADIUS * normal
    for _ in range(5000):
        ground.update(slope, np.ones(4), np.ones(4), centre, 0.002)
    assert ground.plane == pytest.approx([-0.1, 0.12, -0.04], abs=1e-6)


def test_far_from_the_origin_the_height_under_the_body_moves_smoothly():
    ground, centre = GroundPlane(RADIUS), np.array([500.0, -300.0])
    ground.reset(on_plane(RADIUS, 0.0, 0.0, shift=centre))
    slope = FEET + np.array([*centre, RADIUS])
    slope[:, 2] += 0.1 * FEET[:, 0]
    heights = []
    for _ in range(200):
        ground.update(slope, np.ones(4), np.ones(4), centre, 0.002)
        heights.append(ground.height(centre))
    # The slope rises around the body, not under it, but for the spheres that touch it beside their lowest points.
    assert np.abs(heights).max() < RADIUS * (np.sqrt(1.01) - 1.0) + 1e-6
    assert ground.plane[1] > 0.04


@pytest.mark.parametrize(("standing", "contact"), [(0.0, 1.0), (1.0, 0.0)])
def test_only_feet_that_should_and_do_carry_load_move_the_plane(standing, contact):
    ground, centre = GroundPlane(RADIUS), np.zeros(2)
    ground.reset(on_plane(RADIUS, 0.0, 0.0))
    before = ground.plane.copy()
    lifted = on_plane(0.2, 0.0, 0.0)
    ground.update(lifted, np.full(4, standing), np.full(4, contact), centre, 0.05)
    assert ground.plane == pytest.approx(before, abs=1e-15)


def test_an_update_longer_than_the_time_constant_does_not_overshoot():
    ground, centre = GroundPlane(RADIUS), np.zeros(2)
    ground.reset(on_plane(RADIUS, 0.0, 0.0))
    ground.update(on_plane(RADIUS + 0.1, 0.0, 0.0), np.ones(4), np.ones(4), centre, 5.0)
    assert ground.height(centre) == pytest.approx(0.1, abs=1e-12)
