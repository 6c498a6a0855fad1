"""Footholds follow the point that the feet must push through."""

import math

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.quadruped.load_shift import LoadShift, LoadShiftConfig

MASS, HEIGHT, WEIGHT = 15.0, 0.3, 15.0 * 9.81
QUICK = LoadShiftConfig(time_constant=1e-3, max_rate=10.0, max_shift=0.3)


def settle(wrench, config=QUICK, steps=2000):
    shift = LoadShift(config, MASS)
    for _ in range(steps):
        shift.update(np.asarray(wrench, dtype=float), HEIGHT, 0.01)
    return shift.value


def test_forces_from_shifted_feet_balance_the_wrench():
    wrench = np.array([12.0, -9.0, -30.0, 1.5, -2.0, 0.0])
    x, y = settle(wrench)
    foot = np.array([x, y, -HEIGHT])
    force = np.array([0.0, 0.0, WEIGHT]) - wrench[:3]
    assert np.cross(foot, force)[:2] == pytest.approx(-wrench[3:5], abs=1e-9)


def test_a_payload_behind_the_centre_moves_the_feet_below_the_common_centre():
    load, offset = 5.0 * 9.81, np.array([-0.08, 0.04, 0.1])
    force = np.array([0.0, 0.0, -load])
    shift = settle(np.concatenate((force, np.cross(offset, force))))
    assert shift == pytest.approx(offset[:2] * 5.0 / (5.0 + MASS), abs=1e-9)


def test_a_load_that_only_presses_down_moves_nothing():
    assert settle([0.0, 0.0, -80.0, 0.0, 0.0, 3.0]) == pytest.approx([0.0, 0.0])


def test_the_shift_stays_within_its_largest_length():
    shift = settle([200.0, 200.0, 0.0, 0.0, 0.0, 0.0], LoadShiftConfig(max_shift=0.1))
    assert math.hypot(*shift) == pytest.approx(0.1)


def test_the_shift_changes_no_faster_than_its_rate():
    shift, before = LoadShift(LoadShiftConfig(time_constant=1e-3, max_rate=0.2), MASS), np.zeros(2)
    for _ in range(20):
        now = shift.update(np.array([60.0, 30.0, 0.0, 0.0, 0.0, 0.0]), HEIGHT, 0.01).copy()
        assert math.hypot(*(now - before)) <= 0.2 * 0.01 + 1e-12
        before = now


def test_the_wrench_is_smoothed_with_its_time_constant():
    shift = LoadShift(LoadShiftConfig(time_constant=0.2, max_rate=10.0), MASS)
    for _ in range(20):
        shift.update(np.array([0.0, 20.0, 0.0, 0.0, 0.0, 0.0]), HEIGHT, 0.01)
    expected = HEIGHT * 20.0 / WEIGHT * (1.0 - (1.0 - 0.01 / 0.2) ** 20)
    assert shift.value[1] == pytest.approx(expected, rel=1e-9)


def test_a_wrench_that_is_not_finite_counts_as_none():
    shift = LoadShift(QUICK, MASS)
    shift.update(np.array([np.nan, 0.0, 0.0, 0.0, 0.0, 0.0]), HEIGHT, 0.01)
    assert shift.value == pytest.approx([0.0, 0.0])


def test_reset_centres_the_feet():
    shift = LoadShift(QUICK, MASS)
    shift.update(np.array([30.0, 0.0, 0.0, 0.0, 0.0, 0.0]), HEIGHT, 0.01)
    shift.reset()
    assert shift.value == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("gain", -0.1, r"gain must lie in \[0, 2\], got -0.1"),
        ("time_constant", 0.0, r"time_constant must lie in \(0, 5\], got 0"),
        ("max_shift", 0.5, r"max_shift must lie in \(0, 0.3\], got 0.5"),
        ("max_rate", math.nan, r"max_rate must lie in \(0, 10\], got nan"),
    ],
)
def test_settings_out_of_range_are_refused(name, value, message):
    with pytest.raises(InvalidValue, match=message):
        LoadShiftConfig(**{name: value})
