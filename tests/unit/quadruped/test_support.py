"""Feet that are asked to bear and have nothing below them."""

import math

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.quadruped.support import Support, SupportConfig

MASS, DT = 15.0, 0.002
TROT, ALL = np.array([1.0, 0.0, 0.0, 1.0]), np.ones(4)


def asked(newton):
    return np.tile([0.0, 0.0, newton], (4, 1))


def watch(contact, forces, ticks, standing=TROT):
    support = Support(SupportConfig(patience=0.031, least_load=0.2), MASS)
    return [support.update(standing, np.asarray(contact, dtype=float), forces, DT) for _ in range(ticks)]


def test_a_foot_without_ground_is_missing_after_the_patience():
    missing = watch([1, 0, 0, 0], asked(75.0), 30)
    assert missing.index(True) == 15


@pytest.mark.parametrize("contact", [TROT, ALL])
def test_feet_that_bear_are_never_missing(contact):
    assert not any(watch(contact, asked(75.0), 100))


def test_a_swinging_foot_is_not_missing():
    assert not any(watch([1, 0, 0, 1], asked(75.0), 100))


def test_a_foot_of_which_little_is_asked_may_feel_like_none():
    # A fifth of the weight of 15 kg is 29.4 N.
    assert not any(watch([1, 0, 0, 0], asked(29.0), 100))
    assert any(watch([1, 0, 0, 0], asked(30.0), 100))


def test_a_moment_on_the_ground_starts_the_patience_anew():
    support = Support(SupportConfig(patience=0.03), MASS)
    for tick in range(60):
        contact = TROT if tick % 14 == 13 else np.array([1.0, 0.0, 0.0, 0.0])
        assert not support.update(TROT, contact, asked(75.0), DT)


def test_a_reset_takes_all_feet_for_being_there():
    support = Support(SupportConfig(), MASS)
    for _ in range(100):
        support.update(TROT, np.zeros(4), asked(75.0), DT)
    assert support.missing
    support.reset()
    assert not support.missing and not support.update(TROT, np.zeros(4), asked(75.0), DT)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patience": -0.1}, "SupportConfig.patience must be finite and >= 0 s, got -0.1"),
        ({"patience": math.nan}, "SupportConfig.patience must be finite and >= 0 s, got nan"),
        ({"least_load": 0.0}, "SupportConfig.least_load must be finite and > 0, got 0.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        SupportConfig(**settings)
