"""A shoved robot steps sooner."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from controllers.quadruped.cadence import Cadence, CadenceConfig

CONFIG = CadenceConfig(onset=0.5, full=1.0, shortest_swing=0.15, calming=0.2)


@pytest.mark.parametrize(("error", "pace"), [(0.0, 1.0), (0.5, 1.0), (0.75, 1.25), (1.0, 1.5), (3.0, 1.5)])
def test_the_pace_rises_with_the_error_until_the_swing_is_as_short_as_it_may_be(error, pace):
    # A swing of 0.225 s may be hurried by 0.225 / 0.15 = 1.5.
    assert Cadence(CONFIG).update(error, 0.225, 0.002) == pytest.approx(pace)


def test_a_gait_that_swings_as_briefly_already_does_not_hurry():
    assert Cadence(CONFIG).update(3.0, 0.14, 0.002) == 1.0


def test_the_pace_returns_with_its_time_constant():
    cadence = Cadence(CONFIG)
    cadence.update(3.0, 0.225, 0.002)
    for _ in range(100):
        pace = cadence.update(0.0, 0.225, 0.002)
    assert pace == pytest.approx(1.0 + 0.5 * math.exp(-1.0))


def test_a_reset_takes_the_hurry_away():
    cadence = Cadence(CONFIG)
    cadence.update(3.0, 0.225, 0.002)
    cadence.reset()
    assert cadence.value == 1.0


@given(st.lists(st.tuples(st.floats(), st.floats(0.05, 1.0), st.floats(0.0, 0.05)), max_size=30))
def test_the_pace_is_bounded_whatever_comes(steps):
    cadence = Cadence(CONFIG)
    for error, swing_time, dt in steps:
        assert 1.0 <= cadence.update(error, swing_time, dt) <= max(swing_time / 0.15, 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"onset": 1.0, "full": 0.5}, "must have finite 0 <= onset < full, got onset 1.0 and full 0.5"),
        ({"full": math.inf}, "must have finite 0 <= onset < full, got onset 0.4 and full inf"),
        ({"shortest_swing": 0.05}, r"CadenceConfig.shortest_swing must lie in \[0.08, 5\] s, got 0.05"),
        ({"calming": math.nan}, r"CadenceConfig.calming must lie in \[0.0, 5\] s, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        CadenceConfig(**settings)


def test_who_is_hurried_steps_as_fast_as_the_gait_may():
    assert Cadence(CONFIG).update(0.0, 0.225, 0.002, hurried=True) == pytest.approx(0.225 / 0.15)
