from dataclasses import replace

import numpy as np
import pytest
from simulated_robot import ideal_robot, impedance

from controllers.robot.kinematics import LegKinematics
from sim.ground_truth import has_fallen, roll_pitch


@pytest.fixture(scope="module")
def upright():
    backend = ideal_robot()
    backend.write(impedance(backend))
    for _ in range(100):
        backend.advance()
    return backend.ground_truth()


def test_a_standing_robot_has_not_fallen(upright):
    assert upright.has_stood and not has_fallen(upright)


@pytest.mark.parametrize("angle", [{"roll": 1.05}, {"roll": -1.05}, {"pitch": 1.05}, {"pitch": -1.05}])
def test_a_tilt_beyond_one_radian_is_a_fall_whatever_is_asked(upright, angle):
    assert has_fallen(replace(upright, **angle), walking=False)
    assert not has_fallen(replace(upright, **{name: 0.9 * value for name, value in angle.items()}))


def test_the_trunk_on_the_ground_is_a_fall_only_while_walking_and_after_standing(upright):
    lying = replace(upright, trunk_contact=True)
    assert has_fallen(lying)
    assert not has_fallen(lying, walking=False)
    assert not has_fallen(replace(lying, has_stood=False))


def test_a_low_base_is_a_fall_only_while_walking_and_after_standing(upright):
    low = replace(upright, height=0.11)
    assert has_fallen(low)
    assert not has_fallen(replace(upright, height=0.13))
    assert not has_fallen(low, walking=False)
    assert not has_fallen(replace(low, has_stood=False))


def test_a_robot_whose_motors_die_falls():
    backend = ideal_robot()
    backend.write(impedance(backend))
    for _ in range(50):
        backend.advance()
    assert not has_fallen(backend.ground_truth())
    zero = np.zeros(12)
    limp = impedance(backend)
    limp.stiffness, limp.damping, limp.effort = zero, zero, zero
    backend.write(limp)
    for _ in range(500):
        backend.advance()
    assert has_fallen(backend.ground_truth())


def test_a_robot_without_its_legs_under_it_touches_the_ground_with_its_trunk():
    backend = ideal_robot()
    legs_up = np.tile([0.0, 3.1, -1.0], 4)
    backend.set_state(np.array([0.0, 0.0, 0.12]), np.array([1.0, 0.0, 0.0, 0.0]), legs_up)
    assert not backend.ground_truth().trunk_contact
    touched = []
    for _ in range(50):
        backend.advance()
        touched.append(backend.ground_truth().trunk_contact)
    assert any(touched)


def test_a_robot_on_its_back_has_fallen():
    backend = ideal_robot()
    on_its_back = np.array([0.0, 1.0, 0.0, 0.0])
    backend.set_state(np.array([0.0, 0.0, 0.15]), on_its_back, backend.description.lying_position)
    assert has_fallen(backend.ground_truth(), walking=False)


def test_velocities_are_given_in_both_frames():
    backend = ideal_robot()
    half = np.sqrt(0.5)
    backend.set_state(
        np.array([0.0, 0.0, 1.0]),
        np.array([half, 0.0, 0.0, half]),
        backend.description.standing_position,
        np.array([1.0, 0.0, 0.5]),
        np.array([0.1, 0.2, 0.3]),
    )
    truth = backend.ground_truth()
    assert truth.velocity_world == pytest.approx([1.0, 0.0, 0.5])
    # Facing +y, a motion along world x is one to the right.
    assert truth.velocity_body == pytest.approx([0.0, -1.0, 0.5])
    assert truth.angular_velocity_body == pytest.approx([0.1, 0.2, 0.3])
    assert backend.read().angular_velocity_body == pytest.approx([0.1, 0.2, 0.3])


def test_feet_are_where_the_kinematics_puts_them():
    backend = ideal_robot()
    joints = backend.description.standing_position + np.linspace(-0.2, 0.2, 12)
    backend.set_state(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 0.0, 0.0]), joints)
    feet = LegKinematics(backend.description).foot_positions(joints)
    assert backend.ground_truth().foot_position_world == pytest.approx(feet + np.array([1.0, 2.0, 3.0]), abs=1e-9)


def test_roll_and_pitch_are_read_off_a_rotation():
    pitch, roll = 0.3, -0.4
    ry = np.array([[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]])
    rx = np.array([[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]])
    assert roll_pitch(ry @ rx) == pytest.approx((roll, pitch))
