"""The gatekeeper's rules, one at a time."""

from types import SimpleNamespace

import numpy as np
import pytest
from gatekeeping import FIELDS, LIMITS, STANDING, armed, is_braking, make, order, pitched, reading, rolled, with_one

from controllers.errors import InvalidValue
from controllers.gatekeeper import Clamp, GatekeeperConfig, GatekeeperState


def test_it_brakes_before_it_is_armed_whatever_is_commanded():
    output, info = make().step(reading(), order(), 0.0)
    assert is_braking(output)
    assert (info.state, info.passed, info.reason) == (GatekeeperState.DISARMED, False, "not armed yet")


def test_it_brakes_without_any_state_at_all():
    output, info = make().step(None, None, 0.0)
    output.validate()
    assert is_braking(output)
    assert info.state_age_s == np.inf


def test_an_armed_gatekeeper_passes_a_command_within_limits_bit_for_bit():
    command = order()
    output, info = armed().step(reading(), command, 0.0)
    assert all(getattr(output, name).tobytes() == getattr(command, name).tobytes() for name in FIELDS)
    assert output.time == command.time
    assert info.passed and info.clamped == Clamp(0)


def test_the_output_does_not_alias_the_command():
    command = order()
    output, _ = armed().step(reading(), command, 0.0)
    command.effort[:] = np.nan
    assert np.isfinite(output.effort).all()


def test_the_last_command_holds_while_no_new_one_comes():
    gatekeeper = armed()
    command = order()
    gatekeeper.step(reading(), command, 0.0)
    output, info = gatekeeper.step(reading(0.01), None, 0.01)
    assert np.array_equal(output.effort, command.effort)
    assert info.command_age_s == pytest.approx(0.01)


def test_arming_is_refused_without_a_state():
    outcome = make().arm(0.0)
    assert outcome == (False, "cannot arm: no good robot state has come in")


def test_arming_is_refused_on_a_stale_state():
    gatekeeper = make()
    gatekeeper.step(reading(), None, 0.0)
    assert gatekeeper.arm(0.051) == (False, "cannot arm: robot state is 0.0510 s old, allowed 0.05 s")
    assert gatekeeper.state is GatekeeperState.DISARMED


def test_arming_is_refused_on_a_tilted_robot():
    gatekeeper = make()
    gatekeeper.step(reading(orientation=rolled(1.2)), None, 0.0)
    assert gatekeeper.arm(0.0) == (False, "cannot arm: roll is 1.200 rad, allowed 1.0 rad")


@pytest.mark.parametrize("time", [np.nan, -1.0])
def test_arming_is_refused_at_a_time_that_makes_no_sense(time):
    gatekeeper = make()
    gatekeeper.step(reading(), None, 0.0)
    accepted, message = gatekeeper.arm(time)
    assert not accepted and f"time {time}" in message


def test_arming_twice_is_harmless():
    assert armed().arm(0.0) == (True, "armed already")


def test_arming_does_not_replay_a_command_from_long_ago():
    gatekeeper = make()
    gatekeeper.step(reading(), order(), 0.0)
    gatekeeper.step(reading(1.0), None, 1.0)
    assert gatekeeper.arm(1.0).accepted
    output, info = gatekeeper.step(reading(1.0), None, 1.0)
    assert is_braking(output) and info.state is GatekeeperState.ARMED and not info.passed


def test_waiting_too_long_for_the_first_command_stops():
    gatekeeper = armed()
    assert gatekeeper.step(reading(1.0), None, 1.0)[1].state is GatekeeperState.ARMED
    output, info = gatekeeper.step(reading(1.001), None, 1.001)
    assert is_braking(output)
    assert info.reason == "no command within 1.0 s of arming"


def test_disarming_brakes_and_allows_arming_again():
    gatekeeper = armed()
    assert gatekeeper.disarm().accepted
    assert is_braking(gatekeeper.step(reading(), order(), 0.0)[0])
    assert gatekeeper.arm(0.0).accepted


def test_a_stop_latches_until_release_and_keeps_its_first_reason():
    gatekeeper = armed()
    gatekeeper.stop("red button")
    gatekeeper.stop("second thought")
    output, info = gatekeeper.step(reading(), order(), 0.0)
    assert is_braking(output)
    assert (info.state, info.reason) == (GatekeeperState.STOPPED, "red button")
    assert gatekeeper.arm(0.0) == (False, "stopped: red button; release first")
    assert gatekeeper.disarm() == (False, "stopped: red button; release first")
    assert gatekeeper.release().accepted
    assert gatekeeper.state is GatekeeperState.DISARMED
    assert gatekeeper.reason == "released from: red button"
    assert gatekeeper.arm(0.0).accepted


def test_release_is_refused_when_there_is_no_stop():
    assert make().release() == (False, "not stopped but disarmed")


def test_a_command_exactly_at_the_time_out_still_acts_and_a_later_one_stops():
    gatekeeper = armed()
    gatekeeper.step(reading(), order(), 0.0)
    assert gatekeeper.step(reading(0.05), None, 0.05)[1].passed
    output, info = gatekeeper.step(reading(0.0501), None, 0.0501)
    assert is_braking(output)
    assert info.state is GatekeeperState.STOPPED
    assert info.reason == "command is 0.0501 s old, allowed 0.05 s"
    assert info.counters["trip_command_stale"] == 1


def test_the_time_out_is_exact_on_a_wall_clock_too():
    start = 1_700_000_000.0
    gatekeeper = make()
    gatekeeper.step(reading(start), order(start), start)
    gatekeeper.arm(start)
    assert gatekeeper.step(reading(start + 0.05), None, start + 0.05)[1].passed
    assert not gatekeeper.step(reading(start + 0.0501), None, start + 0.0501)[1].passed


def test_a_command_with_an_old_stamp_does_not_feed_the_watchdog():
    gatekeeper = armed()
    gatekeeper.step(reading(), order(0.0), 0.0)
    for time in (0.02, 0.04):
        assert gatekeeper.step(reading(time), order(0.0), time)[1].passed
    info = gatekeeper.step(reading(0.06), order(0.0), 0.06)[1]
    assert info.state is GatekeeperState.STOPPED
    assert info.counters["refused_command_stamp"] == 1
    assert "command stamp must be within 0.05 s of 0.060000 s, got 0.000000 s" in info.refusal


def test_a_command_from_the_future_is_refused():
    info = armed().step(reading(), order(0.2), 0.0)[1]
    assert not info.passed and info.counters["refused_command_stamp"] == 1


def test_a_command_older_than_the_newest_is_refused():
    gatekeeper = armed()
    gatekeeper.step(reading(0.01), order(0.01), 0.01)
    late = order(0.005, effort=np.ones(12))
    output, info = gatekeeper.step(reading(0.012), late, 0.012)
    assert not np.array_equal(output.effort, late.effort)
    assert info.refusal == "command stamp 0.005000 s is older than the newest, 0.010000 s"


def test_a_stale_state_stops():
    gatekeeper = armed()
    gatekeeper.step(reading(), order(), 0.0)
    assert gatekeeper.step(None, order(0.05), 0.05)[1].passed
    info = gatekeeper.step(None, order(0.0501), 0.0501)[1]
    assert info.reason == "robot state is 0.0501 s old, allowed 0.05 s"
    assert info.counters["trip_state_stale"] == 1


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_command_that_is_not_finite_is_refused_and_the_last_good_one_holds(name, value):
    gatekeeper = armed()
    good = order()
    gatekeeper.step(reading(), good, 0.0)
    bad = order(0.002, **{name: with_one(getattr(good, name), 7, value)})
    output, info = gatekeeper.step(reading(0.002), bad, 0.002)
    assert np.array_equal(getattr(output, name), getattr(good, name))
    assert info.counters["refused_command_values"] == 1
    assert info.refusal == f"JointCommand.{name} must be finite, got NaN or Inf at index 7"


def test_nothing_but_bad_commands_ends_in_braking():
    gatekeeper = armed()
    gatekeeper.step(reading(), order(), 0.0)
    bad = {"effort": np.full(12, np.nan)}
    outputs = [gatekeeper.step(reading(t), order(t, **bad), t) for t in np.arange(1, 31) * 0.002]
    assert [info.passed for _, info in outputs] == [True] * 25 + [False] * 5
    assert is_braking(outputs[-1][0])


@pytest.mark.parametrize(
    "value",
    [np.zeros(11), np.zeros((12, 1)), 0.0, "twelve", [[1.0], [2.0, 3.0]], np.zeros(12, complex), [object()] * 12],
)
def test_a_command_of_another_shape_or_kind_is_refused(value):
    info = armed().step(reading(), order(effort=value), 0.0)[1]
    assert not info.passed
    assert info.counters["refused_command_values"] == 1
    assert info.refusal


def test_a_negative_gain_is_refused():
    info = armed().step(reading(), order(stiffness=with_one(np.ones(12), 2, -1.0)), 0.0)[1]
    assert info.refusal == "JointCommand.stiffness must be >= 0, got -1"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("joint_position", 12),
        ("joint_velocity", 12),
        ("joint_effort", 12),
        ("orientation", 4),
        ("angular_velocity_body", 3),
        ("linear_acceleration_body", 3),
        ("foot_force", 4),
    ],
)
def test_a_state_that_is_not_finite_is_refused_and_its_watchdog_stops_the_robot(name, size):
    gatekeeper = armed()
    gatekeeper.step(reading(), order(), 0.0)
    bad = {name: np.full(size, np.nan)}
    info = gatekeeper.step(reading(0.05, **bad), order(0.05), 0.05)[1]
    assert info.passed and info.counters["refused_state_values"] == 1
    assert info.refusal.startswith(f"RobotState.{name} must be finite")
    assert not gatekeeper.step(reading(0.052, **bad), order(0.052), 0.052)[1].passed


def test_a_quaternion_that_is_not_of_unit_norm_is_refused():
    info = armed().step(reading(orientation=np.array([0.5, 0.0, 0.0, 0.0])), None, 0.0)[1]
    assert info.refusal == "RobotState.orientation must have norm 1, got 0.5"


def test_a_robot_without_foot_sensors_is_as_welcome():
    assert armed().step(reading(foot_force=None), order(), 0.0)[1].passed


@pytest.mark.parametrize(("turn", "axis"), [(rolled, "roll"), (pitched, "pitch")])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_tilt_beyond_its_limit_stops_within_the_step(turn, axis, sign):
    gatekeeper = armed()
    assert gatekeeper.step(reading(orientation=turn(sign * 0.999)), order(), 0.0)[1].passed
    output, info = gatekeeper.step(reading(0.002, orientation=turn(sign * 1.001)), order(0.002), 0.002)
    assert is_braking(output)
    assert info.reason == f"{axis} is {sign * 1.001:.3f} rad, allowed 1.0 rad"
    assert info.counters["trip_tilt"] == 1


def test_heading_does_not_count_as_tilt():
    yaw = np.array([np.cos(1.5), 0.0, 0.0, np.sin(1.5)])
    assert armed().step(reading(orientation=yaw), order(), 0.0)[1].passed


def test_a_robot_on_its_back_stops():
    assert not armed().step(reading(orientation=rolled(np.pi)), order(), 0.0)[1].passed


def test_a_joint_far_outside_its_range_stops():
    info = armed().step(reading(joint_position=with_one(STANDING, 4, 3.70)), order(), 0.0)[1]
    assert info.reason == "FR_thigh_joint heads for 3.700 rad, range -1.570 to 3.490 rad"


def test_a_joint_that_flies_into_its_stop_stops_the_robot_before_it_is_there():
    fast = {"joint_position": with_one(STANDING, 4, 3.45), "joint_velocity": with_one(np.zeros(12), 4, 25.0)}
    ahead = armed(position_lookahead_s=0.01).step(reading(**fast), order(), 0.0)[1]
    assert ahead.counters["trip_joint_position"] == 1


def test_a_recovery_step_that_swings_fast_towards_a_stop_does_not_stop_the_robot():
    # A leg that catches the body after a push: 0.15 rad before its stop, at 20 rad/s.
    fast = {"joint_position": with_one(STANDING, 4, 3.34), "joint_velocity": with_one(np.zeros(12), 4, 20.0)}
    assert armed().step(reading(**fast), order(), 0.0)[1].passed


def test_overspeed_stops_and_the_brake_stays_within_the_torque_limit():
    output, info = armed().step(reading(joint_velocity=with_one(np.zeros(12), 0, 60.1)), order(), 0.0)
    assert info.reason == "FL_hip_joint moves at 60.10 rad/s, allowed 60.00 rad/s"
    assert output.damping[0] * 60.1 == pytest.approx(23.7)
    assert output.damping[1] == 3.0


def test_a_clock_that_runs_backwards_stops_and_makes_old_messages_worthless():
    gatekeeper = armed()
    gatekeeper.step(reading(5.0), order(5.0), 0.01)
    gatekeeper.step(reading(0.02), order(0.02), 0.02)
    info = gatekeeper.step(reading(0.01), order(0.01), 0.01)[1]
    assert info.state is GatekeeperState.STOPPED and info.reason == "clock went from 0.02 s to 0.01 s"
    gatekeeper.release()
    assert not gatekeeper.arm(0.01).accepted


def test_a_clock_that_is_not_finite_stops():
    output, info = armed().step(reading(), order(), np.nan)
    output.validate()
    assert is_braking(output) and info.counters["trip_clock"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"torque_limit": np.zeros(12)}, "GatekeeperConfig.torque_limit must be > 0, got 0"),
        ({"joint_lower": np.zeros(3)}, "GatekeeperConfig.joint_lower must be 12 finite numbers"),
        ({"joint_upper": np.full(12, -3.0)}, r"joint_lower \+ target_margin must be < joint_upper"),
        ({"command_timeout_s": 0.0}, "command_timeout_s must be finite and > 0, got 0.0"),
        ({"max_roll": np.nan}, "max_roll must be finite and > 0, got nan"),
        ({"damping": 21.0}, "damping must be <= max_damping, got 21.0"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(InvalidValue, match=message):
        GatekeeperConfig.for_robot(LIMITS, **change)


def test_the_configuration_does_not_change_with_its_source():
    source = SimpleNamespace(**{name: getattr(LIMITS, name).copy() for name in vars(LIMITS)})
    config = GatekeeperConfig.for_robot(source)
    source.torque_limit[:] = 1e9
    assert config.torque_limit[0] == 23.7
