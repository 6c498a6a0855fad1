"""Clearance between samples and the numbers navigation is judged by."""

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.safety.metrics import extra_time_s, percent_speed, spl, swept_clearance_m
from controllers.safety.obstacles import Obstacles, disc, polygon


def test_robots_that_swap_places_between_samples_collide_in_the_middle():
    before = np.array([[[0.0, 0.0], [2.0, 0.1], [9.0, 9.0]]])
    after = before.copy()
    after[0, :2, 0] = 2.0, 0.0
    got = swept_clearance_m(before, after, np.full((1, 3), 0.2), np.ones((1, 3), dtype=bool))
    assert got[0, :2] == pytest.approx([0.1 - 0.4, 0.1 - 0.4]) and got[0, 2] > 5.0


def test_clearance_is_what_dense_sampling_of_the_motion_finds():
    rng = np.random.default_rng(0)
    before, after = rng.uniform(-2, 2, (30, 5, 2)), rng.uniform(-2, 2, (30, 5, 2))
    shapes = [disc((0.5, 0.5), 0.3), polygon([(-1, -1), (0, -1.2), (-0.5, 0)])]
    obstacles = Obstacles.of([shapes] * 30, lower=-2.5, upper=2.5)
    radius, present = rng.uniform(0.0, 0.3, (30, 5)), np.ones((30, 5), dtype=bool)
    got = swept_clearance_m(before, after, radius, present, obstacles)
    sampled = np.full(got.shape, np.inf)
    for share in np.linspace(0, 1, 401):
        place = before + share * (after - before)
        sampled = np.minimum(sampled, swept_clearance_m(place, place, radius, present, obstacles))
    outside = sampled > 0.0
    assert outside.any() and (got <= sampled + 1e-12)[outside].all() and (sampled - got)[outside].max() < 0.02


def test_absent_robots_touch_nobody():
    place = np.zeros((1, 2, 2))
    got = swept_clearance_m(place, place, np.ones((1, 2)), np.array([[True, False]]))
    assert np.isinf(got).all()


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(InvalidValue, match=r"positions must have shape \(1, 2, 2\)"):
        swept_clearance_m(np.zeros((1, 3, 2)), np.zeros((1, 3, 2)), np.ones((1, 2)), np.ones((1, 2), dtype=bool))


def test_path_lengths_and_times_become_scores():
    success = np.array([True, True, False, True])
    shortest, path = np.array([1.0, 2.0, 1.0, 0.0]), np.array([2.0, 1.9, 1.0, 0.0])
    assert spl(success, shortest, path).tolist() == [0.5, 1.0, 0.0, 1.0]
    speed = percent_speed(np.array([3.0, 0.0]), np.array([2.0, 0.0]), np.array([2.0, 1.0]))
    assert speed[0] == 75.0 and np.isnan(speed[1])
    assert extra_time_s(np.array([5.0]), np.array([3.0]), np.array([1.5])).tolist() == [3.0]
