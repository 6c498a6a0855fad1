import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.residual.screening import screen

WRENCH = [10.0, -5.0, -39.0, 2.0, 1.0, -0.5]


def test_a_good_measurement_yields_its_residual_wrench(bench):
    measurement, out = bench.interval(WRENCH), np.empty(6)
    assert screen(measurement, out)
    assert out == pytest.approx(WRENCH)
    assert out == pytest.approx(measurement.residual_wrench())


@pytest.mark.parametrize(
    "change",
    [
        {"valid": False},
        {"dt": 0.0},
        {"dt": -0.005},
        {"dt": np.nan},
        {"dt": np.inf},
        {"dt": 1e-300},
        {"dt": 5.0},
        {"mass": np.nan},
        {"inertia": np.full((3, 3), np.inf)},
        {"acceleration": np.array([0, 0, 0, 0, 0, np.nan])},
        {"acceleration": np.full(6, 1e300)},
        {"nominal_acceleration": np.full(6, -np.inf)},
    ],
)
def test_a_measurement_that_cannot_be_true_is_refused(bench, change):
    assert not screen(bench.interval(WRENCH, **change), np.empty(6))


def test_read_only_and_strided_arrays_are_as_good(bench):
    acceleration = np.repeat(bench.interval(WRENCH).acceleration, 2)[::2]
    acceleration.setflags(write=False)
    out = np.empty(6)
    assert screen(bench.interval(WRENCH, acceleration=acceleration, inertia=np.asfortranarray(bench.inertia)), out)
    assert out == pytest.approx(WRENCH)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"acceleration": np.zeros(3)}, r"accelerations must have shape \(6,\), got \(3,\) and \(6,\)"),
        ({"inertia": np.zeros(3)}, r"inertia must have shape \(3, 3\), got \(3,\)"),
    ],
)
def test_a_wrong_shape_is_a_mistake_of_the_caller(bench, change, message):
    with pytest.raises(InvalidValue, match=message):
        screen(bench.interval(WRENCH, **change), np.empty(6))
