"""What the gatekeeper cuts off from commands, one limit at a time."""

import numpy as np
import pytest
from gatekeeping import STANDING, armed, order, reading, with_one

from controllers.gatekeeper import Clamp


def limited(**changes):
    gatekeeper = armed()
    command = order(**changes)
    output, info = gatekeeper.step(reading(), command, 0.0)
    assert info.passed
    return command, output, info


def test_effort_beyond_the_limit_is_cut_and_counted():
    _, output, info = limited(effort=with_one(np.zeros(12), 3, -99.0), stiffness=np.zeros(12), damping=np.zeros(12))
    assert output.effort[3] == -23.7
    assert info.clamped == Clamp.EFFORT and info.counters["clamp_effort"] == 1


def test_gains_beyond_their_maximum_are_cut():
    _, output, info = limited(
        stiffness=np.full(12, 999.0), damping=np.full(12, 99.0), position=STANDING, velocity=np.zeros(12)
    )
    assert (output.stiffness == 200.0).all() and (output.damping == 20.0).all()
    assert info.clamped == Clamp.STIFFNESS | Clamp.DAMPING


def test_a_velocity_target_beyond_the_joint_speed_is_cut():
    _, output, info = limited(velocity=with_one(np.zeros(12), 5, 1e9), damping=np.zeros(12))
    assert output.velocity[5] == 20.0 and info.clamped == Clamp.VELOCITY


def test_a_target_outside_the_joint_range_is_cut_even_without_stiffness():
    _, output, info = limited(position=with_one(STANDING, 2, -9.0), stiffness=np.zeros(12))
    assert output.position[2] == -2.72 and info.clamped == Clamp.POSITION


def test_targets_keep_the_configured_margin():
    gatekeeper = armed(target_margin=0.05)
    output, _ = gatekeeper.step(reading(), order(position=with_one(STANDING, 2, -2.71), stiffness=np.zeros(12)), 0.0)
    assert output.position[2] == pytest.approx(-2.67)


def test_total_torque_at_the_measured_state_is_scaled_to_the_limit():
    command, output, info = limited(
        effort=np.full(12, 20.0), position=STANDING, velocity=np.full(12, 10.0), damping=np.full(12, 2.0)
    )
    still = np.zeros(12)
    assert np.allclose(command.torque(STANDING, still), 40.0)
    total = output.torque(STANDING, still)
    assert np.allclose(total, np.tile([23.7, 23.7, 40.0], 4), rtol=1e-12)
    assert np.allclose(output.effort[0] / command.effort[0], output.damping[0] / command.damping[0])
    assert info.clamped == Clamp.TORQUE


def test_a_target_that_jumps_moves_away_from_the_measured_position_at_the_target_rate():
    gatekeeper = armed(target_rate=np.full(12, 10.0))
    sent = []
    for time in (0.01, 0.02, 0.03, 0.04):
        command = order(time, position=STANDING + 0.25, stiffness=np.full(12, 10.0))
        output, info = gatekeeper.step(reading(time), command, time)
        sent.append(output.position[0])
    assert sent == pytest.approx([0.1, 0.2, 0.25, 0.25])
    assert info.counters["clamp_rate"] == 2


def test_a_target_may_return_to_the_measured_position_at_once():
    gatekeeper = armed(target_rate=np.full(12, 10.0))
    soft = np.full(12, 10.0)
    for time in (0.01, 0.02, 0.03):
        gatekeeper.step(reading(time), order(time, position=STANDING + 0.25, stiffness=soft), time)
    output, info = gatekeeper.step(reading(0.032), order(0.032, position=STANDING, stiffness=soft), 0.032)
    assert np.array_equal(output.position, STANDING) and info.clamped == Clamp(0)


def test_waiting_for_the_first_command_buys_no_larger_jump():
    gatekeeper = armed(target_rate=np.full(12, 10.0))
    for time in np.arange(1, 100) * 0.002:
        gatekeeper.step(reading(time), None, time)
    command = order(0.2, position=STANDING + 0.25, stiffness=np.full(12, 10.0))
    assert gatekeeper.step(reading(0.2), command, 0.2)[0].position[0] == pytest.approx(0.02)


def test_the_target_of_a_joint_without_stiffness_is_not_rate_limited():
    gatekeeper = armed(target_rate=np.full(12, 0.1))
    output, info = gatekeeper.step(reading(), order(position=STANDING + 0.3, stiffness=np.zeros(12)), 0.0)
    assert np.array_equal(output.position, STANDING + 0.3) and info.clamped == Clamp(0)
