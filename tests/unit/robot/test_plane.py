import numpy as np
import pytest

from controllers.robot.plane import fit_plane, refit_plane

FEET = np.array([[0.2, 0.14, 0.0], [0.2, -0.14, 0.0], [-0.2, 0.14, 0.0], [-0.2, -0.14, 0.0]])


def test_a_fit_without_regularisation_is_least_squares():
    rng = np.random.default_rng(0)
    for _ in range(10):
        points, plane = FEET + rng.normal(size=(4, 3)) * 0.05 + [3.0, -2.0, 0.0], np.empty(3)
        fit_plane(points, 0.0, plane)
        matrix = np.column_stack((np.ones(4), points[:, :2]))
        assert plane == pytest.approx(np.linalg.lstsq(matrix, points[:, 2], rcond=None)[0], abs=1e-9)


def test_a_regularised_fit_weighs_slopes_like_extra_points():
    # Ridge on the slopes about the centroid is least squares with two more rows.
    rng = np.random.default_rng(1)
    points, plane = FEET + rng.normal(size=(4, 3)) * 0.05, np.empty(3)
    fit_plane(points, 0.01, plane)
    centred = points - points.mean(axis=0)
    matrix = np.vstack((centred[:, :2], 0.1 * np.eye(2)))
    slopes = np.linalg.lstsq(matrix, np.concatenate((centred[:, 2], [0.0, 0.0])), rcond=None)[0]
    assert plane[1:] == pytest.approx(slopes, abs=1e-12)
    assert plane[0] == pytest.approx(points[:, 2].mean() - slopes @ points[:, :2].mean(axis=0), abs=1e-12)


def test_feet_on_one_line_give_a_finite_plane():
    points, plane = np.array([[0.1 * i, 0.0, 0.02 * i] for i in range(4)]), np.empty(3)
    fit_plane(points, 0.01, plane)
    assert np.isfinite(plane).all() and plane[2] == 0.0 and 0.1 < plane[1] < 0.2


def test_a_refit_of_the_same_plane_keeps_its_slopes_however_it_is_held():
    plane, fresh = np.array([0.1, 0.3, -0.2]), np.empty(3)
    points = FEET + np.array([1.0, 2.0, 0.0])
    points[:, 2] = plane[0] + points[:, :2] @ plane[1:]
    refit_plane(points, 10.0, plane, fresh)
    assert fresh[1:] == pytest.approx(plane[1:], abs=1e-12)
