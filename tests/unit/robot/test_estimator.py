import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from standing_and_trot import DT, GRAVITY, UP, Trot, standing

from controllers.errors import InvalidValue
from controllers.robot.catalog import load_robot
from controllers.robot.contact import ContactConfig
from controllers.robot.estimator import BaseEstimator, EstimatorConfig
from controllers.robot.interface import JointCommand
from controllers.robot.kinematics import LegKinematics
from sim.quadruped_backend import MujocoQuadruped, SimConfig
from sim.sensors import SensorConfig


@pytest.fixture(scope="module")
def robot():
    return load_robot("go2")


def test_a_standing_robot_stays_where_it_is(robot):
    estimator = BaseEstimator(robot)
    turned = Rotation.from_euler("z", 0.7).as_quat(scalar_first=True)
    for k in range(500):
        found = estimator.step(standing(robot, k * DT, orientation=turned))
    np.testing.assert_allclose(found.position_world, [0.0, 0.0, robot.standing_height], atol=1e-9)
    np.testing.assert_allclose(found.velocity_body, 0.0, atol=1e-9)
    np.testing.assert_array_equal(found.orientation, turned)
    np.testing.assert_array_equal(found.contact, np.ones(4))
    assert found.time == 499 * DT
    feet = LegKinematics(robot).foot_positions(np.array(robot.standing_position)) @ Rotation.from_euler(
        "z", 0.7
    ).as_matrix().T + [0.0, 0.0, robot.standing_height]
    np.testing.assert_allclose(estimator.foot_position_world, feet, atol=1e-9)
    np.testing.assert_allclose(estimator.foot_position_world[:, 2], robot.foot_radius, atol=1e-9)


def test_a_trot_on_rolling_feet_is_followed_exactly_without_noise(robot):
    trot, estimator = Trot(robot, 0.5), BaseEstimator(robot)
    estimator.step(standing(robot))
    for _ in range(900):
        state, _ = trot.advance()
        found = estimator.step(state)
        np.testing.assert_allclose(found.velocity_body, trot.velocity, atol=1e-3)
    np.testing.assert_allclose(found.velocity_body, [0.5, 0.0, 0.0], atol=2e-4)
    np.testing.assert_allclose(found.position_world, trot.position, atol=1e-3)


@pytest.mark.parametrize("degrees", [-20.0, 15.0])
def test_feet_roll_on_the_incline_that_they_stand_on(robot, degrees):
    # The same trot, the world tilted about y: all that the robot feels but gravity's direction stays.
    incline = Rotation.from_euler("y", -degrees, degrees=True)
    tilted = incline.as_quat(scalar_first=True)
    trot, estimator = Trot(robot, 0.5), BaseEstimator(robot)
    pull = incline.inv().apply(UP)
    first = estimator.step(standing(robot, orientation=tilted, linear_acceleration_body=pull))
    for _ in range(1500):
        state, _ = trot.advance()
        felt = state.linear_acceleration_body - UP + pull
        found = estimator.step(dataclasses.replace(state, orientation=tilted, linear_acceleration_body=felt))
    np.testing.assert_allclose(found.velocity_body, trot.velocity, atol=1e-3)
    way = incline.inv().apply(found.position_world - first.position_world)
    # Until the first steps tell the slope it is taken for level ground.
    np.testing.assert_allclose(way, [trot.position[0], 0.0, 0.0], atol=5e-3)


def test_point_feet_would_lose_what_the_calves_roll(robot):
    # With an accelerometer known to have no bias, the error settles at the mean over the stances.
    config = EstimatorConfig(rolling_feet=False, initial_bias_std=1e-6, bias_noise=1e-6)
    trot, estimator = Trot(robot, 0.5), BaseEstimator(robot, config)
    estimator.step(standing(robot))
    cycle = round(Trot.PERIOD / DT)
    errors, rolled = [], 0.0
    for k in range(8 * cycle):
        state, stance = trot.advance()
        found = estimator.step(state)
        if k >= 4 * cycle:
            errors.append(found.velocity_body[0] - 0.5)
            # The front left foot's share of the cycle: radius times the angle its calf turns through.
            rolled += DT * stance[0] * trot.robot.foot_radius * (state.joint_velocity[1] + state.joint_velocity[2])
    expected = -rolled / (4 * 0.5 * Trot.PERIOD)
    assert expected < -0.02
    assert np.mean(errors) == pytest.approx(expected, rel=0.02)


def test_a_constant_bias_of_the_accelerometer_is_found(robot):
    bias = np.array([0.10, -0.05, 0.08])
    estimator = BaseEstimator(robot)
    for k in range(5000):
        found = estimator.step(standing(robot, k * DT, linear_acceleration_body=UP + bias))
    np.testing.assert_allclose(estimator.acceleration_bias_world, bias, atol=2e-3)
    np.testing.assert_allclose(found.velocity_body, 0.0, atol=1e-3)


def test_an_accelerometer_off_the_origin_of_a_turning_base_is_no_motion_of_the_origin(robot):
    estimator = BaseEstimator(robot)
    lever = np.asarray(robot.imu_position)
    assert np.linalg.norm(lever) > 0.04
    worst = 0.0
    for k in range(1000):
        t = k * DT
        angle, rate, rate_change = 0.5 * np.sin(3 * t), 1.5 * np.cos(3 * t), -4.5 * np.sin(3 * t)
        spin, spin_rate = np.array([rate, 0.0, 0.0]), np.array([rate_change, 0.0, 0.0])
        turn = Rotation.from_euler("x", angle)
        felt = turn.inv().apply(UP) + np.cross(spin_rate, lever) + np.cross(spin, np.cross(spin, lever))
        found = estimator.step(
            standing(
                robot,
                t,
                load=0.0,
                orientation=turn.as_quat(scalar_first=True),
                angular_velocity_body=spin,
                linear_acceleration_body=felt,
            )
        )
        worst = max(worst, float(np.abs(found.velocity_body).max()))
    # Uncompensated it would swing by rate x lever.
    assert 1.5 * lever[2] > 0.05
    assert worst < 0.005


def test_free_fall_is_integrated(robot):
    estimator = BaseEstimator(robot)
    for k in range(101):
        found = estimator.step(standing(robot, k * DT, load=0.0, linear_acceleration_body=np.zeros(3)))
    np.testing.assert_allclose(found.velocity_body, [0.0, 0.0, -GRAVITY * 0.2], atol=1e-9)
    fallen = found.position_world[2] - robot.standing_height
    assert fallen == pytest.approx(-0.5 * GRAVITY * 0.2**2, abs=1e-9)


def test_a_robot_that_lies_still_does_not_drift_away(robot):
    estimator = BaseEstimator(robot)
    bias = np.array([0.1, -0.1, 0.1])
    for k in range(5000):
        lying = standing(
            robot,
            k * DT,
            load=0.0,
            joint_position=np.array(robot.lying_position),
            linear_acceleration_body=UP + bias,
        )
        found = estimator.step(lying)
    np.testing.assert_allclose(found.velocity_body, 0.0, atol=2e-3)
    np.testing.assert_allclose(found.position_world, [0.0, 0.0, robot.lying_height], atol=0.02)


def test_without_feet_and_with_a_busy_gyroscope_motion_is_believed(robot):
    estimator = BaseEstimator(robot)
    for k in range(501):
        found = estimator.step(
            standing(
                robot,
                k * DT,
                load=0.0,
                angular_velocity_body=np.array([0.0, 0.0, 0.5]),
                linear_acceleration_body=UP + np.array([0.2, 0.0, 0.0]),
            )
        )
    assert found.velocity_body[0] == pytest.approx(0.2, abs=1e-9)


def test_one_foot_that_slips_among_four_is_outvoted(robot):
    estimator = BaseEstimator(robot)
    for k in range(500):
        estimator.step(standing(robot, k * DT))
    _, jacobians = LegKinematics(robot).foot_positions_and_jacobians(np.array(robot.standing_position))
    slipping = np.zeros(12)
    slipping[:3] = np.linalg.solve(jacobians[0], [1.0, 0.0, 0.0])
    for k in range(500, 530):
        found = estimator.step(standing(robot, k * DT, joint_velocity=slipping))
        # Four equal votes would make it 0.25 m/s.
        assert abs(found.velocity_body[0]) < 0.02


def test_a_foot_that_is_scheduled_to_swing_is_not_trusted_even_while_it_carries(robot):
    trusting, told = BaseEstimator(robot), BaseEstimator(robot)
    _, jacobians = LegKinematics(robot).foot_positions_and_jacobians(np.array(robot.standing_position))
    rates = np.zeros(12)
    rates[:3] = np.linalg.solve(jacobians[0], [0.1, 0.0, 0.0])
    schedule = np.array([0.0, 1.0, 1.0, 1.0])
    for k in range(200):
        state = standing(robot, k * DT, joint_velocity=rates)
        misled, found = trusting.step(state), told.step(state, schedule)
        np.testing.assert_allclose(found.velocity_body, 0.0, atol=1e-9)
        np.testing.assert_array_equal(found.contact, np.ones(4))
    assert abs(misled.velocity_body[0]) > 0.005


def test_flat_ground_holds_the_height_that_legs_alone_would_lose(robot):
    config = EstimatorConfig(flat_ground=True)
    held, free = BaseEstimator(robot, config), BaseEstimator(robot)
    # A calibration error: each foot lands 2 mm lower on its leg than it lifts off, so that odometry climbs.
    for k in range(1000):
        phase = (k // 50) % 2
        load = np.array([phase, 1 - phase, 1 - phase, phase]) * 0.5 * robot.mass * GRAVITY
        _, jacobians = LegKinematics(robot).foot_positions_and_jacobians(np.array(robot.standing_position))
        sag = np.linalg.solve(jacobians[0], [0.0, 0.0, -0.002 * (k % 50) / 50])
        position = np.array(robot.standing_position) + np.tile(sag, 4)
        state = standing(robot, k * DT, joint_position=position, foot_force=load)
        with_ground, without = held.step(state), free.step(state)
    assert abs(without.position_world[2] - robot.standing_height) > 0.01
    assert abs(with_ground.position_world[2] - robot.standing_height) < 0.004
    assert held.covariances.shape == (2, 7, 7)
    assert free.covariances.shape == (1, 7, 7)


def test_after_a_gap_the_feet_are_planted_anew_and_motion_is_not_extrapolated(robot):
    trot, estimator = Trot(robot, 0.5), BaseEstimator(robot)
    estimator.step(standing(robot))
    for _ in range(700):
        before = estimator.step(trot.advance()[0])
    spread = estimator.covariances[0, 1, 1]
    state, _ = trot.advance()
    found = estimator.step(dataclasses.replace(state, time=state.time + 1.0))
    assert found.position_world[0] - before.position_world[0] == pytest.approx(0.5 * 0.05, abs=1e-3)
    levers = LegKinematics(robot).foot_positions(state.joint_position)
    np.testing.assert_allclose(estimator.foot_position_world - found.position_world, levers, atol=1e-3)
    assert estimator.covariances[0, 1, 1] > 2.0 * spread


@settings(max_examples=25, deadline=None)
@given(
    loads=st.lists(st.lists(st.floats(0.0, 200.0), min_size=4, max_size=4), min_size=1, max_size=25),
    seed=st.integers(0, 2**32 - 1),
    flat=st.booleans(),
    gap=st.sampled_from([0.0005, 0.002, 0.02, 1.0]),
)
def test_the_covariance_stays_symmetric_and_positive_definite_whatever_the_contacts(loads, seed, flat, gap):
    robot = load_robot("go2")
    rng = np.random.default_rng(seed)
    estimator = BaseEstimator(robot, EstimatorConfig(flat_ground=flat))
    for k, load in enumerate(loads):
        state = standing(robot, k * gap, foot_force=np.array(load), joint_velocity=rng.normal(size=12))
        found = estimator.step(state)
        for covariance in estimator.covariances:
            np.testing.assert_array_equal(covariance, covariance.T)
            scale = np.sqrt(np.diag(covariance))
            assert np.linalg.eigvalsh(covariance / np.outer(scale, scale)).min() > 1e-12
        found.validate()


def test_the_covariance_stays_positive_definite_over_a_long_walk(robot):
    trot, estimator = Trot(robot, 0.4), BaseEstimator(robot)
    estimator.step(standing(robot))
    state, _ = trot.advance()
    for k in range(6000):
        on = (k // 100) % 2
        load = np.array([on, 1 - on, 1 - on, on]) * 75.0
        estimator.step(dataclasses.replace(state, time=(k + 1) * DT, foot_force=load))
    covariance = estimator.covariances[0]
    assert np.linalg.eigvalsh(covariance).min() > 0.0
    # Nothing tells where the odometry frame is: uncertainty of position grows, that of velocity does not.
    assert covariance[0, 0] > 2e-6
    assert covariance[1, 1] < 1e-3


@pytest.mark.parametrize(
    "name",
    [
        "joint_position",
        "joint_velocity",
        "joint_effort",
        "orientation",
        "angular_velocity_body",
        "linear_acceleration_body",
        "foot_force",
    ],
)
def test_a_reading_with_nan_is_refused_by_name_and_leaves_no_trace(robot, name):
    estimator, twin = BaseEstimator(robot), BaseEstimator(robot)
    for k in range(5):
        estimator.step(standing(robot, k * DT))
        twin.step(standing(robot, k * DT))
    bad = standing(robot, 5 * DT, joint_velocity=np.ones(12))
    getattr(bad, name)[0] = np.nan
    with pytest.raises(InvalidValue, match=rf"RobotState\.{name} must be finite, got NaN or Inf at index 0"):
        estimator.step(bad)
    after = standing(robot, 6 * DT, joint_velocity=np.full(12, 0.1))
    assert_same(estimator.step(after), twin.step(after))
    np.testing.assert_array_equal(estimator.covariances, twin.covariances)
    np.testing.assert_array_equal(estimator.mean, twin.mean)


def assert_same(first, second):
    for f in dataclasses.fields(first):
        np.testing.assert_array_equal(getattr(first, f.name), getattr(second, f.name))


@pytest.mark.parametrize("time", [0.5, 0.4, float("nan")])
def test_time_must_increase(robot, time):
    estimator = BaseEstimator(robot)
    estimator.step(standing(robot, 0.5))
    with pytest.raises(InvalidValue, match=f"time must (increase, got {time} after 0.5|be finite, got nan)"):
        estimator.step(standing(robot, time))


@pytest.mark.parametrize("schedule", [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0, np.nan], [1.0, 1.0, 1.0, 1.5], [-1.0] * 4])
def test_a_schedule_must_be_four_numbers_between_0_and_1(robot, schedule):
    estimator = BaseEstimator(robot)
    with pytest.raises(InvalidValue, match=r"schedule must be four numbers in \[0, 1\]"):
        estimator.step(standing(robot), np.array(schedule))
    # The refused call has not begun an odometry frame.
    assert estimator.step(standing(robot)).position_world[2] == pytest.approx(robot.standing_height)


def test_reset_starts_anew(robot):
    trot, estimator = Trot(robot, 0.5), BaseEstimator(robot)
    for _ in range(50):
        estimator.step(trot.advance()[0])
    estimator.reset()
    fresh = BaseEstimator(robot)
    again = Trot(robot, 0.3)
    for _ in range(50):
        state, _ = again.advance()
        assert_same(estimator.step(state), fresh.step(state))


def test_the_same_readings_give_the_same_bits_however_their_arrays_lie_in_memory(robot):
    trot, first, second = Trot(robot, 0.5), BaseEstimator(robot), BaseEstimator(robot)
    for _ in range(50):
        state, stance = trot.advance()
        strided = dataclasses.replace(state)
        for f in dataclasses.fields(state):
            value = getattr(state, f.name)
            if isinstance(value, np.ndarray):
                spread = np.repeat(value, 2)[::2]
                spread.setflags(write=False)
                setattr(strided, f.name, spread)
        assert_same(first.step(state, stance), second.step(strided, stance))


def test_an_estimate_is_not_changed_by_later_steps(robot):
    estimator = BaseEstimator(robot)
    found = estimator.step(standing(robot))
    kept = dataclasses.replace(found, **{n: getattr(found, n).copy() for n in ("position_world", "contact")})
    estimator.step(standing(robot, DT, load=0.0, linear_acceleration_body=np.zeros(3)))
    assert_same(found, kept)


def test_without_sensors_a_standing_robot_is_held_by_its_torques(robot):
    _, jacobians = LegKinematics(robot).foot_positions_and_jacobians(np.array(robot.standing_position))
    share = np.array([0.0, 0.0, 0.25 * robot.mass * GRAVITY])
    effort = np.concatenate([-jacobian.T @ share for jacobian in jacobians])
    estimator = BaseEstimator(robot, EstimatorConfig(contact=ContactConfig(touchdown_fraction=0.15)))
    for k in range(20):
        found = estimator.step(standing(robot, k * DT, joint_effort=effort, foot_force=None))
    np.testing.assert_array_equal(found.contact, np.ones(4))
    # The legs' own weight, which these torques do not hold, is all that is missing.
    legs = GRAVITY * float(np.sum(robot.link_mass))
    assert abs(found.foot_force.sum() - robot.mass * GRAVITY) < legs


def test_the_forces_of_the_ground_are_told_where_there_are_torques(robot):
    _, jacobians = LegKinematics(robot).foot_positions_and_jacobians(np.array(robot.standing_position))
    share = np.array([5.0, -3.0, 0.25 * robot.mass * GRAVITY])
    effort = np.concatenate([-jacobian.T @ share for jacobian in jacobians])
    estimator = BaseEstimator(robot)
    for k in range(20):
        found = estimator.step(standing(robot, k * DT, joint_effort=effort))
    # The legs' own weight, of which the torques say nothing, hangs below the feet.
    assert found.ground_force_world[:, 0] == pytest.approx(np.full(4, 5.0), abs=2.0)
    assert found.ground_force_world[:, 2] == pytest.approx(np.full(4, share[2]), abs=8.0)
    assert estimator.step(standing(robot, 20 * DT)).ground_force_world is None


@pytest.mark.parametrize("foot_sensors", [True, False])
def test_a_body_that_sways_on_its_feet_in_mujoco_is_tracked_with_noisy_sensors(robot, foot_sensors):
    backend = MujocoQuadruped("go2", SimConfig(sensors=SensorConfig(foot_sensors=foot_sensors), initial_pose="stand"))
    estimator, legs = BaseEstimator(robot), LegKinematics(robot)
    state = backend.reset(np.random.default_rng(1))
    feet = legs.foot_positions(state.joint_position)
    share = [0.0, 0.0, 0.25 * robot.mass * GRAVITY]
    velocity_errors, heights, speeds = [], [], []
    for k in range(1000):
        found, truth = estimator.step(state), backend.ground_truth()
        if k >= 250:
            velocity_errors.append(found.velocity_body - truth.velocity_body)
            heights.append(found.position_world[2] - truth.position_world[2])
            speeds.append(truth.velocity_body)
        t = k * DT
        sway = min(t, 0.4) * np.array([0.06 * np.sin(2 * np.pi * t), 0.03 * np.sin(2 * np.pi * t), 0.0])
        target, _ = legs.inverse(feet - sway)
        _, jacobians = legs.foot_positions_and_jacobians(state.joint_position)
        effort = np.concatenate([-jacobian.T @ share for jacobian in jacobians])
        zero, one = np.zeros(12), np.ones(12)
        backend.write(JointCommand(state.time, target, zero, effort, 150.0 * one, 5.0 * one))
        backend.advance()
        state = backend.read()
    assert np.ptp(speeds, axis=0)[0] > 0.2
    assert np.ptp(speeds, axis=0)[1] > 0.1
    np.testing.assert_allclose(np.mean(velocity_errors, axis=0), 0.0, atol=0.003)
    np.testing.assert_array_less(np.sqrt(np.mean(np.square(velocity_errors), axis=0)), 0.01)
    assert np.sqrt(np.mean(np.square(heights))) < 0.003
    np.testing.assert_array_equal(found.contact, np.ones(4))
    np.testing.assert_allclose(found.foot_force, truth.foot_force_world[:, 2], atol=20.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lever_std": 0.0}, "lever_std must be finite and > 0, got 0.0"),
        ({"acceleration_noise": float("nan")}, "acceleration_noise must be finite and > 0, got nan"),
        ({"trust_time": -1.0}, "trust_time must be finite and >= 0, got -1.0"),
        ({"flat_ground": 1}, "flat_ground must be true or false, got 1"),
        ({"trust_fraction": 0.05}, r"trust_fraction must lie in \(0.07, 1\], .* got 0.05"),
    ],
)
def test_settings_out_of_range_are_refused(values, message):
    with pytest.raises(InvalidValue, match=message):
        EstimatorConfig(**values)
