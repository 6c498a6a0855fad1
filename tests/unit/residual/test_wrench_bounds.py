import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from controllers.errors import InvalidValue
from controllers.residual.bounds import WrenchBounds

BOUNDS = WrenchBounds(10.0, 2.0)


def test_a_wrench_within_bounds_is_left_as_it_is():
    wrench = np.array([[6.0, 0.0, -7.9, 1.0, -1.0, 1.0]])
    assert np.array_equal(BOUNDS.apply(wrench.copy()), wrench)


def test_force_and_moment_are_shortened_apart_and_keep_their_direction():
    assert BOUNDS.apply(np.array([[30.0, 0.0, 40.0, 0.0, 0.5, 0.0]])) == pytest.approx(
        np.array([[6.0, 0.0, 8.0, 0.0, 0.5, 0.0]])
    )


def test_what_is_not_finite_becomes_zero():
    wrench = np.array([[np.nan, 1.0, 1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0, np.inf, 0.0]])
    assert np.array_equal(BOUNDS.apply(wrench), [[0, 0, 0, 1, 0, 0], [1, 1, 1, 0, 0, 0]])


@given(arrays(float, (3, 6), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_no_wrench_exceeds_its_bounds(wrench):
    out = BOUNDS.apply(wrench)
    assert (np.linalg.norm(out[:, :3], axis=1) <= 10.0 * (1 + 1e-12)).all()
    assert (np.linalg.norm(out[:, 3:], axis=1) <= 2.0 * (1 + 1e-12)).all()


def test_bounds_scale_with_the_robot():
    # 12 g on 1 kg is 118 N: what the method was published with on a robot of this size, and half of that again.
    bounds = WrenchBounds.for_mass(15.2)
    assert bounds.force == pytest.approx(178.9, abs=0.1)
    assert bounds.moment == pytest.approx(24.3, abs=0.1)


def test_bounds_that_are_not_positive_are_refused():
    with pytest.raises(InvalidValue, match=r"WrenchBounds\.moment must be finite and > 0, got 0\.0"):
        WrenchBounds(1.0, 0.0)
