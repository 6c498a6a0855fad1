import math
from dataclasses import replace

import numpy as np
import pytest
from made_runs import loaded_scenario, made_log, short_scenario

from controllers.quadruped import metrics
from evaluation.measurement import OF_EVERY_RUN, measure
from evaluation.windows import loaded, steady
from sim.disturbances import push
from sim.terrain import Slope


def test_a_perfect_walk_has_no_errors():
    measured = measure(made_log(short_scenario()), (5.0, 12.0))
    for name in ("fell", "height_rmse_m", "vx_rmse_mps", "roll_rmse_rad", "wrench_rmse_n", "deadline_miss_fraction"):
        assert measured[name] == 0.0


def test_errors_outside_the_window_do_not_count():
    log = made_log(short_scenario())
    log.values["height"][log.values["time"] < 5.0] = 0.1
    assert measure(log, (5.0, 12.0))["height_rmse_m"] == 0.0


def test_a_robot_that_fell_has_no_tracking_errors():
    measured = measure(made_log(short_scenario(), fell=True, end=7.0), (5.0, 12.0))
    assert set(measured) == {*OF_EVERY_RUN, "survived"}
    assert (measured["fell"], measured["survived"], measured["end_time_s"]) == (1.0, 0.0, 7.0)


def test_realtime_factor_is_the_period_over_the_processor_time_of_a_tick():
    measured = measure(made_log(short_scenario()), (5.0, 12.0))
    assert measured["cpu_realtime_factor"] == pytest.approx(0.002 / 5e-4, rel=1e-3)


def test_sinking_under_a_load_is_found_and_timed():
    log = made_log(loaded_scenario())
    time = log.values["time"]
    low = (time >= 6.0) & (time < 7.5)
    log.values["height"][low] -= 0.04
    measured = measure(log, loaded(log.scenario))
    assert measured["sink_m"] == pytest.approx(0.04)
    # The average over a gait cycle leaves a band of a quarter of the drop an eighth of a second late.
    assert measured["settle_time_s"] == pytest.approx(1.5 + 0.125, abs=0.01)
    assert measured["settled"] == 1.0


def test_roll_that_stays_has_not_settled():
    log = made_log(loaded_scenario())
    log.values["roll"][log.values["time"] >= 6.0] = math.radians(10.0)
    measured = measure(log, loaded(log.scenario))
    assert measured["settled"] == 0.0
    assert measured["settle_time_s"] == pytest.approx(3.0, abs=0.01)


def test_a_run_without_a_load_has_no_settling_time():
    assert "settle_time_s" not in measure(made_log(short_scenario()), steady(short_scenario()))


def test_turning_through_plus_minus_pi_is_no_jump():
    log = made_log(short_scenario())
    log.values["yaw"] = (0.8 * log.values["time"] + np.pi) % (2.0 * np.pi) - np.pi
    assert measure(log, (5.0, 12.0))["yaw_rate_mean_error_radps"] == pytest.approx(0.8)


def test_a_robot_stopped_on_folded_legs_has_not_survived():
    log = made_log(short_scenario())
    log.values["height"][log.values["time"] >= 7.0] = 0.14
    measured = measure(log, (5.0, 12.0))
    assert (measured["fell"], measured["end_time_s"]) == (1.0, pytest.approx(7.0))
    assert "height_rmse_m" not in measured


def test_sinking_by_a_third_is_no_fall():
    log = made_log(short_scenario())
    log.values["height"][log.values["time"] >= 7.0] = 0.2
    assert measure(log, (5.0, 12.0))["fell"] == 0.0


def test_after_a_push_the_robot_has_the_rest_of_the_walk_to_settle():
    scenario = replace(short_scenario(), disturbances=(push(6.0, (0.0, 200.0, 0.0)),))
    log = made_log(scenario)
    time = log.values["time"]
    log.values["roll"][(time >= 6.0) & (time < 7.0)] = 0.3
    # The average over a gait cycle of 0.5 s leaves a band of 3° of 0.3 rad by (0.5 - 0.0524 / 0.3) cycles late.
    assert measure(log, (8.0, 12.0))["settle_time_s"] == pytest.approx(1.0 + 0.5 * (0.5 - 0.05236 / 0.3), abs=0.01)


def test_the_height_error_is_parted_into_transients_and_the_rest():
    log = made_log(loaded_scenario())
    time = log.values["time"]
    log.values["height"][(time >= 6.0) & (time < 8.0)] -= 0.03
    log.values["height"][(time >= 9.0) & (time < 11.0)] -= 0.03
    log.values["height"][(time >= 11.0)] -= 0.01
    # The load of 6 to 9 s makes transients of 6 to 8 and 9 to 11; 8 to 9 has no error and 11 to 12 one of 1 cm.
    measured = measure(log, (6.0, 12.0))
    assert measured["transient_height_rmse_m"] == pytest.approx(0.03)
    assert measured["steady_height_rmse_m"] == pytest.approx(0.01 * math.sqrt(0.5), rel=1e-3)
    assert "transient_height_rmse_m" not in measure(made_log(short_scenario()), (5.0, 12.0))


def test_the_stage_cost_weighs_errors_as_the_controller_does():
    log = made_log(short_scenario())
    late = log.values["time"] >= 9.0
    log.values["height"][late] += 0.1
    log.values["roll"][late] = 0.2
    measured = measure(log, (6.0, 12.0))
    # 2000 · 0.1² + 100 · 0.2² in the second half only.
    assert measured["stage_cost"] == pytest.approx(0.5 * 24.0, rel=1e-3)


def test_on_a_slope_the_trunk_may_lean_by_a_constant_angle():
    log = made_log(replace(short_scenario(), terrain=Slope(10.0)))
    log.values["pitch"][:] = -0.17
    assert measure(log, (6.0, 12.0))["stage_cost"] == pytest.approx(0.0, abs=1e-9)


def test_what_swings_within_the_gait_cycle_is_no_error_of_the_averaged_speed():
    log = made_log(short_scenario())
    time = log.values["time"]
    log.values["velocity_body"][:, 0] += 0.2 * np.sin(4.0 * np.pi * time) - 0.05
    measured = measure(log, (6.0, 12.0))
    assert measured["vx_rmse_mps"] == pytest.approx(math.hypot(0.05, 0.2 / math.sqrt(2.0)), rel=1e-2)
    # Half a cycle at either end of the window is averaged over what there is of it.
    assert measured["vx_cycle_rmse_mps"] == pytest.approx(0.05, rel=0.1)


def test_only_ticks_with_a_plan_count_as_ticks_of_the_mpc():
    log = made_log(short_scenario())
    planned = np.flatnonzero(np.isfinite(log.values["solve_time"]))
    log.values["controller_time"][:] = 0.05
    log.values["controller_time"][planned] = 4e-4
    log.values["controller_time"][planned[:3]] = 0.011
    measured = measure(log, (5.0, 12.0))
    assert measured["mpc_tick_p50_s"] == measured["mpc_tick_p99_s"] == pytest.approx(4e-4)
    assert measured["mpc_deadline_misses"] == 3.0


def test_what_is_learned_is_compared_with_the_load_over_a_gait_cycle():
    log = made_log(short_scenario())
    log.values["true_wrench"][:, 2] = -40.0
    log.values["residual"][:, 2] = -37.0 + 25.0 * np.sin(2.0 * np.pi * log.values["time"] / metrics.GAIT_CYCLE_S)
    log.values["residual"][:, 4] = 0.5
    measured = measure(log, (6.0, 12.0))
    # The run ends with the window: its last half cycle is averaged over less than a whole one.
    assert measured["wrench_rmse_n"] == pytest.approx(3.0, rel=0.2)
    assert measured["wrench_rmse_nm"] == pytest.approx(0.5, rel=1e-6)
