import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.quadruped.gait import GAITS, GaitScheduler, LegSchedule
from controllers.quadruped.landing import Landing, LandingConfig

DT = 0.002


def swinging(phase, left, leg=0):
    standing, swing_phase, swing_left = np.ones(4), np.zeros(4), np.zeros(4)
    standing[leg], swing_phase[leg], swing_left[leg] = 0.0, phase, left
    return LegSchedule(standing, swing_phase, swing_left, np.zeros(4), False)


def feel(landing, schedule, ticks, contact=1.0):
    return [landing.update(schedule, np.full(4, contact), DT) for _ in range(ticks)]


def test_a_swinging_foot_that_feels_the_ground_for_long_enough_has_landed():
    landing = Landing(LandingConfig(confirmation=0.006))
    assert feel(landing, swinging(0.7, 0.08), 3) == [False, False, True]
    assert landing.landed.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_foot_that_loses_the_ground_again_has_to_feel_it_anew():
    landing = Landing(LandingConfig(confirmation=0.006))
    feel(landing, swinging(0.7, 0.08), 2)
    feel(landing, swinging(0.7, 0.08), 1, contact=0.0)
    assert feel(landing, swinging(0.7, 0.08), 3) == [False, False, True]


@pytest.mark.parametrize(("phase", "left"), [(0.4, 0.15), (0.95, 0.01)])
def test_feet_that_lift_off_or_are_about_to_land_are_left_to_the_gait(phase, left):
    landing = Landing(LandingConfig(earliest=0.5, least_left=0.02))
    assert not any(feel(landing, swinging(phase, left), 20))
    assert not landing.landed.any()


def test_standing_feet_are_no_news():
    landing = Landing(LandingConfig())
    assert not any(feel(landing, LegSchedule(np.ones(4), np.zeros(4), np.zeros(4), np.zeros(4), False), 20))


def test_a_foot_has_felt_nothing_after_a_reset():
    landing = Landing(LandingConfig(confirmation=0.006))
    feel(landing, swinging(0.7, 0.08), 2)
    landing.reset()
    assert feel(landing, swinging(0.7, 0.08), 2) == [False, False]


def test_a_leg_that_landed_early_stands_until_its_own_next_lift_off():
    early, plain = GaitScheduler(GAITS["trot"]), GaitScheduler(GAITS["trot"])
    for _ in range(200):
        schedule = early.advance(DT)
        plain.advance(DT)
        if schedule.contact[0] < 0.5 and schedule.swing_phase[0] > 0.6:
            break
    schedule = early.land(np.array([1.0, 0.0, 0.0, 0.0]))
    other = plain.advance(0.0)
    assert schedule.contact[0] == 1.0 and schedule.switched and schedule.swing_left[0] == 0.0
    assert np.array_equal(schedule.contact[1:], other.contact[1:])
    # The rest of the swing and a whole stance: as long as if it had landed in time.
    assert schedule.stance_left[0] == pytest.approx(other.swing_left[0] + early.stance_time, abs=1e-6)
    intervals = np.full(10, 0.02)
    assert early.horizon(intervals)[:, 0].all() and not plain.horizon(intervals)[0, 0]
    for _ in range(400):
        landed, waiting = early.advance(DT).contact, plain.advance(DT).contact
        if waiting[0] > 0.5:
            break
        assert landed[0] == 1.0
    # From its scheduled touchdown on, both gaits are the same.
    for _ in range(400):
        assert np.array_equal(early.advance(DT).contact, plain.advance(DT).contact)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"earliest": 1.5}, r"LandingConfig.earliest must lie in \[0, 1\], got 1.5"),
        ({"confirmation": float("nan")}, "LandingConfig.confirmation must be finite and >= 0 s, got nan"),
        ({"least_left": -0.1}, "LandingConfig.least_left must be finite and >= 0 s, got -0.1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, message):
    with pytest.raises(InvalidValue, match=message):
        LandingConfig(**change)
