import math

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.quadruped import metrics
from controllers.rotations import quaternion_from_rpy

TIME = np.arange(0.0, 8.0, 0.002)


def test_rms_of_a_sine_is_its_amplitude_over_root_two():
    whole_periods = np.sin(2.0 * np.pi * np.arange(1000) / 100.0)
    assert metrics.root_mean_square(3.0 * whole_periods) == pytest.approx(3.0 / math.sqrt(2.0))


def test_rms_of_vectors_is_that_of_their_lengths():
    assert metrics.root_mean_square(np.array([[3.0, 4.0], [0.0, 0.0]])) == pytest.approx(5.0 / math.sqrt(2.0))


def test_height_error_splits_into_mean_and_spread():
    height = 0.3 + np.array([-0.05, -0.03, -0.05, -0.03])
    reference = np.full(4, 0.3)
    assert metrics.height_mean_error_m(height, reference) == pytest.approx(-0.04)
    assert metrics.height_rmse_m(height, reference) == pytest.approx(math.hypot(0.04, 0.01))


def test_speed_error_keeps_its_sign_in_the_mean_and_loses_it_in_the_rms():
    speed, asked = np.array([0.4, 0.5]), np.array([0.5, 0.5])
    assert metrics.speed_mean_error_mps(speed, asked) == pytest.approx(-0.05)
    assert metrics.speed_rmse_mps(speed, asked) == pytest.approx(0.1 / math.sqrt(2.0))


def test_angle_may_be_compared_with_one_number():
    assert metrics.angle_rmse_rad(np.array([0.1, 0.3]), 0.2) == pytest.approx(0.1)


def test_wrench_errors_keep_forces_and_moments_apart():
    estimate = np.array([[3.0, 4.0, 0.0, 0.0, 0.0, 2.0]])
    assert metrics.wrench_rmse_n(estimate, np.zeros((1, 6))) == pytest.approx(5.0)
    assert metrics.wrench_rmse_nm(estimate, np.zeros((1, 6))) == pytest.approx(2.0)


@pytest.mark.parametrize("empty", [metrics.height_rmse_m, metrics.height_mean_error_m, metrics.speed_rmse_mps])
def test_an_empty_window_has_no_answer(empty):
    assert math.isnan(empty(np.empty(0), np.empty(0)))


def test_shapes_that_differ_are_refused_with_both_shapes():
    with pytest.raises(InvalidValue, match=r"height and its reference must have the same shape, got \(3,\) and \(2,\)"):
        metrics.height_rmse_m(np.zeros(3), np.zeros(2))


def test_an_exponential_decay_settles_when_it_reaches_the_band():
    # 0.05 exp(-t / 0.5) falls to 0.01 at t = 0.5 ln 5; averaging over so short a cycle does not matter.
    error = 0.05 * np.exp(-TIME / 0.5)
    assert metrics.settle_time_s(TIME, error, 0.01, cycle_s=0.01) == pytest.approx(0.5 * math.log(5.0), abs=0.01)


def test_oscillation_within_the_gait_cycle_is_averaged_out():
    error = 0.03 * np.sin(2.0 * np.pi * TIME / metrics.GAIT_CYCLE_S)
    assert metrics.settle_time_s(TIME, error, 0.03) == 0.0
    assert metrics.settle_time_s(TIME, error, 0.01, cycle_s=0.01) > 7.0


def test_what_leaves_the_band_again_has_not_settled():
    error = np.where((TIME > 3.0) & (TIME < 4.0), 1.0, 0.0)
    assert metrics.settle_time_s(TIME, error, 0.1, cycle_s=0.01) == pytest.approx(4.0, abs=0.02)


def test_what_never_settles_gets_the_length_of_the_window():
    assert metrics.settle_time_s(TIME, np.ones(len(TIME)), 0.1) == pytest.approx(TIME[-1])


def test_an_error_that_is_not_a_number_is_not_settled():
    assert metrics.settle_time_s(TIME, np.full(len(TIME), np.nan), 0.1) == pytest.approx(TIME[-1])


def test_cycle_average_keeps_straight_lines_away_from_the_ends():
    line = 2.0 * TIME + 1.0
    inner = slice(200, -200)
    np.testing.assert_allclose(metrics.cycle_average(TIME, line)[inner], line[inner], atol=1e-9)


def test_cycle_average_at_the_start_uses_what_there_is():
    time = np.arange(5.0)
    average = metrics.cycle_average(time, np.array([0.0, 3.0, 6.0, 6.0, 6.0]), cycle_s=2.0)
    np.testing.assert_allclose(average, [1.5, 3.0, 5.0, 6.0, 6.0])


def test_percentiles_of_solve_times_pass_over_ticks_without_a_plan():
    times = np.array([np.nan, 1e-4, np.nan, 3e-4, np.nan])
    assert metrics.solve_time_s(times, 50.0) == pytest.approx(2e-4)
    assert math.isnan(metrics.solve_time_s(np.full(3, np.nan), 50.0))


def test_deadline_misses_are_counted_among_computations_that_took_place():
    assert metrics.deadline_miss_fraction(np.array([1.0, 3.0, np.nan, 2.0]), 2.0) == pytest.approx(1.0 / 3.0)


def test_realtime_factor_divides_the_run_by_its_processor_time():
    assert metrics.cpu_realtime_factor(10.0, np.full(4, 0.5)) == pytest.approx(5.0)
    assert math.isnan(metrics.cpu_realtime_factor(10.0, np.zeros(4)))


def test_heading_velocity_undoes_roll_and_pitch_but_not_yaw():
    heading = np.array([0.5, -0.2, 0.1])
    # Turning back by roll, then pitch, then yaw, one axis at a time, is independent of the product of quaternions.
    roll, pitch, yaw = 0.2, -0.3, 1.1
    c, s = np.cos, np.sin
    about_y = np.array([[c(pitch), 0.0, s(pitch)], [0.0, 1.0, 0.0], [-s(pitch), 0.0, c(pitch)]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, c(roll), -s(roll)], [0.0, s(roll), c(roll)]])
    body = (about_y @ about_x).T @ heading
    quaternion = quaternion_from_rpy(roll, pitch, yaw)[None]
    np.testing.assert_allclose(metrics.heading_velocity(body[None], quaternion)[0], heading, atol=1e-12)
