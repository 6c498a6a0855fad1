import math

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from controllers.robot.catalog import ROBOTS, load_robot
from controllers.robot.geometry import LegGeometry
from controllers.robot.joints import FOOT_NAMES, LEGS
from controllers.robot.kinematics import LegKinematics


def random_angles(robot, rng):
    return rng.uniform(robot.joint_lower, robot.joint_upper)


def test_feet_are_where_mujoco_puts_them(reference, rng):
    legs = LegKinematics(reference.robot)
    for _ in range(20):
        q = random_angles(reference.robot, rng)
        reference.place(q, Rotation.random(random_state=rng).as_quat(scalar_first=True))
        expected = [reference.in_base(reference.data.body(name).xpos) for name in FOOT_NAMES]
        np.testing.assert_allclose(legs.foot_positions(q), expected, atol=1e-12)


def test_jacobians_are_those_of_mujoco(reference, rng):
    legs = LegKinematics(reference.robot)
    model, data = reference.model, reference.data
    for _ in range(20):
        q = random_angles(reference.robot, rng)
        reference.place(q, Rotation.random(random_state=rng).as_quat(scalar_first=True))
        _, jacobians = legs.foot_positions_and_jacobians(q)
        for leg, name in enumerate(FOOT_NAMES):
            world = np.empty((3, model.nv))
            mujoco.mj_jacBody(model, data, world, None, model.body(name).id)
            columns = world[:, reference.velocity_index[3 * leg : 3 * leg + 3]]
            np.testing.assert_allclose(jacobians[leg], reference.base_rotation().T @ columns, atol=1e-12)


def test_forward_fills_the_arrays_that_it_is_given(reference, rng):
    legs = LegKinematics(reference.robot)
    q = random_angles(reference.robot, rng)
    positions, jacobians = np.full((4, 3), np.nan), np.full((4, 3, 3), np.nan)
    legs.forward(q, positions, jacobians)
    expected_positions, expected_jacobians = legs.foot_positions_and_jacobians(q)
    np.testing.assert_array_equal(positions, expected_positions)
    np.testing.assert_array_equal(jacobians, expected_jacobians)


def test_foot_velocities_are_the_rate_of_the_foot_positions(reference, rng):
    legs = LegKinematics(reference.robot)
    q, qd, h = random_angles(reference.robot, rng), rng.normal(size=12), 1e-6
    difference = (legs.foot_positions(q + h * qd) - legs.foot_positions(q - h * qd)) / (2.0 * h)
    np.testing.assert_allclose(legs.foot_velocities(q, qd), difference, atol=1e-8)


def test_calf_rates_are_the_angular_velocities_that_mujoco_finds(reference, rng):
    q, qd = random_angles(reference.robot, rng), rng.normal(size=12)
    reference.place(q)
    reference.data.qvel[reference.velocity_index] = qd
    mujoco.mj_forward(reference.model, reference.data)
    rates = LegKinematics(reference.robot).calf_rates(q, qd)
    for leg, name in enumerate(LEGS):
        twist = np.empty(6)
        body = reference.model.body(f"{name}_calf").id
        mujoco.mj_objectVelocity(reference.model, reference.data, mujoco.mjtObj.mjOBJ_XBODY, body, twist, 0)
        np.testing.assert_allclose(rates[leg], twist[:3], atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(sorted(ROBOTS)),
    hip=st.lists(st.floats(-0.8, 0.8), min_size=4, max_size=4),
    thigh=st.lists(st.floats(-0.15, 1.5), min_size=4, max_size=4),
    calf=st.lists(st.floats(-2.6, -0.9), min_size=4, max_size=4),
)
def test_inverse_finds_the_angles_again_from_the_feet(name, hip, thigh, calf):
    legs = LegKinematics(load_robot(name))
    q = np.stack([hip, thigh, calf], axis=1).ravel()
    found, reached = legs.inverse(legs.foot_positions(q))
    assert reached.all()
    np.testing.assert_allclose(found, q, atol=1e-7)


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(sorted(ROBOTS)),
    target=st.lists(st.floats(-1.0, 1.0), min_size=12, max_size=12),
)
def test_inverse_reaches_the_target_or_says_that_it_does_not(name, target):
    legs = LegKinematics(load_robot(name))
    feet = np.reshape(target, (4, 3))
    q, reached = legs.inverse(feet)
    assert np.isfinite(q).all()
    assert (np.abs(q) <= math.pi).all()
    # A leg hangs below its hip axis, so what lies above is met only by turning the hip over.
    miss = np.linalg.norm(legs.foot_positions(q) - feet, axis=1)
    np.testing.assert_array_equal(miss < 1e-6, reached)


def test_a_target_too_far_below_gets_a_straight_leg_pointing_at_it(reference):
    robot = reference.robot
    legs = LegKinematics(robot)
    feet = robot.hip_position + robot.thigh_offset + np.array([0.0, 0.0, -2.0])
    q, reached = legs.inverse(feet)
    assert not reached.any()
    found = legs.foot_positions(q)
    length = np.linalg.norm(robot.calf_offset, axis=1) + np.linalg.norm(robot.foot_offset, axis=1)
    np.testing.assert_allclose(found[:, 2], -length, atol=1e-9)
    np.testing.assert_allclose(found[:, :2], feet[:, :2], atol=1e-9)


def test_a_target_inside_the_hip_lever_is_flagged(reference):
    robot = reference.robot
    _, reached = LegKinematics(robot).inverse(robot.hip_position + np.array([0.1, 0.0, -0.01]))
    assert not reached.any()


def test_only_the_leg_out_of_reach_is_flagged(reference):
    robot = reference.robot
    legs = LegKinematics(robot)
    feet = legs.foot_positions(robot.standing_position)
    feet[2, 2] -= 1.0
    q, reached = legs.inverse(feet)
    np.testing.assert_array_equal(reached, [True, True, False, True])
    np.testing.assert_allclose(np.delete(q, [6, 7, 8]), np.delete(robot.standing_position, [6, 7, 8]), atol=1e-9)


@pytest.mark.parametrize("name", sorted(ROBOTS))
def test_knees_bend_backward(name, rng):
    robot = load_robot(name)
    legs = LegKinematics(robot)
    feet = legs.foot_positions(robot.standing_position) + rng.uniform(-0.05, 0.05, (4, 3))
    q, reached = legs.inverse(feet)
    assert reached.all()
    assert (q[2::3] < 0.0).all()


def test_a_target_too_close_to_the_thigh_joint_gets_a_folded_leg_and_a_flag():
    # Links of unequal length cannot reach their own root: the closest that they get is the difference.
    hips = np.array([[0.2, 0.05, 0.0], [0.2, -0.05, 0.0], [-0.2, 0.05, 0.0], [-0.2, -0.05, 0.0]])
    sides = np.array([[0.0, side, 0.0] for side in (0.08, -0.08, 0.08, -0.08)])
    geometry = LegGeometry(hips, sides, np.tile([0.0, 0.0, -0.3], (4, 1)), np.tile([0.0, 0.0, -0.2], (4, 1)))
    legs = LegKinematics(geometry)
    q, reached = legs.inverse(hips + sides + [0.0, 0.0, -0.05])
    assert not reached.any()
    np.testing.assert_allclose(legs.foot_positions(q), hips + sides + [0.0, 0.0, -0.1], atol=1e-9)
