import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from controllers.robot.dynamics import LegDynamics


def random_angles(robot, rng):
    return rng.uniform(robot.joint_lower, robot.joint_upper)


def mujoco_torques(reference, q, qd, qdd, base_twist, base_acceleration, orientation):
    reference.place(q, orientation)
    data = reference.data
    data.qvel[:6], data.qacc[:6] = base_twist, base_acceleration
    data.qvel[reference.velocity_index] = qd
    data.qacc[reference.velocity_index] = qdd
    mujoco.mj_inverse(reference.model, data)
    return data.qfrc_inverse[reference.velocity_index].copy()


@pytest.mark.parametrize("moving", ["gravity", "velocity", "acceleration", "everything"])
def test_torques_with_the_base_held_are_those_of_mujoco(reference, rng, moving):
    robot = reference.robot
    dynamics = LegDynamics(robot)
    for _ in range(10):
        q = random_angles(robot, rng)
        qd = rng.normal(size=12) * (5.0 if moving in ("velocity", "everything") else 0.0)
        qdd = rng.normal(size=12) * (50.0 if moving in ("acceleration", "everything") else 0.0)
        orientation = Rotation.random(random_state=rng).as_quat(scalar_first=True)
        expected = mujoco_torques(reference, q, qd, qdd, 0.0, 0.0, orientation)
        gravity = reference.base_rotation().T @ reference.model.opt.gravity
        found = dynamics.leg_inverse_dynamics(q, qd, qdd, gravity, np.zeros(3), damped=True)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_torques_on_a_moving_base_are_those_of_mujoco(reference, rng):
    robot = reference.robot
    dynamics = LegDynamics(robot)
    for _ in range(10):
        q, qd, qdd = random_angles(robot, rng), 5.0 * rng.normal(size=12), 50.0 * rng.normal(size=12)
        spin, spin_rate, acceleration = 3.0 * rng.normal(size=(3, 3))
        orientation = Rotation.random(random_state=rng).as_quat(scalar_first=True)
        twist = np.concatenate([rng.normal(size=3), spin])
        base_acceleration = np.concatenate([acceleration, spin_rate])
        expected = mujoco_torques(reference, q, qd, qdd, twist, base_acceleration, orientation)
        to_base = reference.base_rotation().T
        found = dynamics.leg_inverse_dynamics(
            q, qd, qdd, to_base @ reference.model.opt.gravity, spin, to_base @ acceleration, spin_rate, damped=True
        )
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_joint_damping_is_added_only_when_asked_for(reference, rng):
    robot = reference.robot
    dynamics = LegDynamics(robot)
    q, qd = random_angles(robot, rng), rng.normal(size=12)
    arguments = (q, qd, np.zeros(12), np.array([0.0, 0.0, -9.81]), np.zeros(3))
    added = dynamics.leg_inverse_dynamics(*arguments, damped=True) - dynamics.leg_inverse_dynamics(*arguments)
    np.testing.assert_allclose(added, robot.damping * qd, atol=1e-12)
    assert np.abs(added).max() > 0.01


def test_leg_mass_matrices_are_blocks_of_that_of_mujoco(reference, rng):
    dynamics = LegDynamics(reference.robot)
    for _ in range(5):
        q = random_angles(reference.robot, rng)
        reference.place(q)
        index = reference.velocity_index
        joints = reference.mass_matrix()[np.ix_(index, index)]
        expected = [joints[i : i + 3, i : i + 3] for i in range(0, 12, 3)]
        np.testing.assert_allclose(dynamics.leg_mass_matrices(q), expected, atol=1e-12)
