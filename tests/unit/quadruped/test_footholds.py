import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.quadruped.footholds import FootholdConfig, foothold_offset

WIDE = FootholdConfig(max_step=1.0)


def offset(velocity, reference, yaw_rate=0.0, height=0.3, stance_time=0.24, config=WIDE):
    return foothold_offset(config, np.array(velocity), np.array(reference), yaw_rate, height, stance_time)


def test_at_the_commanded_velocity_the_foot_lands_half_a_stance_ahead():
    assert offset([0.5, -0.2], [0.5, -0.2]) == pytest.approx([0.06, -0.024])


def test_standing_still_the_foot_lands_under_the_hip():
    assert offset([0.0, 0.0], [0.0, 0.0]) == pytest.approx([0.0, 0.0])


def test_a_velocity_error_is_captured():
    # A pendulum of height h with velocity v stops over the point v sqrt(h / g) ahead.
    assert offset([0.3, -0.4], [0.0, 0.0]) == pytest.approx(np.array([0.3, -0.4]) * np.sqrt(0.3 / 9.81))


def test_the_capture_gain_scales_the_error_only():
    half = FootholdConfig(capture_gain=0.5, max_step=1.0)
    expected = 0.12 * 0.5 + 0.5 * np.sqrt(0.3 / 9.81) * 0.2
    assert offset([0.7, 0.0], [0.5, 0.0], config=half)[0] == pytest.approx(expected)


def test_in_a_turn_the_feet_lean_away_from_the_centre():
    # Turning left at speed, the body accelerates to the left by v w, so the feet go h / g v w to the right.
    assert offset([0.5, 0.0], [0.5, 0.0], yaw_rate=0.8) == pytest.approx([0.06, -0.3 / 9.81 * 0.5 * 0.8])


def test_the_rule_holds_in_any_frame_with_z_up():
    c, s = np.cos(0.7), np.sin(0.7)
    turn = np.array([[c, -s], [s, c]])
    velocity, reference = np.array([0.4, -0.3]), np.array([0.6, 0.1])
    turned = offset(turn @ velocity, turn @ reference, yaw_rate=0.9)
    assert turned == pytest.approx(turn @ offset(velocity, reference, yaw_rate=0.9))


def test_steps_are_bounded_on_each_axis():
    assert offset([9.0, -9.0], [0.0, 0.0], config=FootholdConfig(max_step=0.25)).tolist() == [0.25, -0.25]


def test_a_body_on_the_ground_still_gets_a_finite_step():
    assert offset([1.0, 0.0], [0.0, 0.0], height=-1.0)[0] == pytest.approx(np.sqrt(0.05 / 9.81))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"capture_gain": -0.1}, r"FootholdConfig.capture_gain must lie in \[0, 3\], got -0.1"),
        ({"capture_gain": float("nan")}, r"FootholdConfig.capture_gain must lie in \[0, 3\], got nan"),
        ({"max_step": 0.0}, r"FootholdConfig.max_step must lie in \(0, 1\] m, got 0.0"),
        ({"reach": 0.4}, r"FootholdConfig.reach must lie in \[0.5, 1\], got 0.4"),
        ({"stance_width": 0.3}, r"FootholdConfig.stance_width must lie in \[-0.2, 0.2\] m, got 0.3"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        FootholdConfig(**settings)
