import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from controllers import rotations

component = st.floats(-1.0, 1.0)
quaternions = st.tuples(component, component, component, component).filter(lambda q: np.linalg.norm(q) > 0.1)
angle = st.floats(-math.pi, math.pi)
vectors = st.tuples(component, component, component)


def scipy_rotation(quaternion):
    return Rotation.from_quat(quaternion, scalar_first=True)


def same_up_to_sign(got, expected, atol=1e-12):
    np.testing.assert_allclose(got * np.sign(got @ expected), expected, atol=atol)


@settings(deadline=None)
@given(quaternions)
def test_matrix_of_a_quaternion_is_that_of_scipy_whatever_its_norm(q):
    np.testing.assert_allclose(rotations.matrix_from_quaternion(np.array(q)), scipy_rotation(q).as_matrix(), atol=1e-12)


@settings(deadline=None)
@given(quaternions)
def test_quaternion_of_a_matrix_is_that_of_scipy_with_positive_w(q):
    found = rotations.quaternion_from_matrix(scipy_rotation(q).as_matrix())
    assert found[0] >= 0.0
    same_up_to_sign(found, scipy_rotation(q).as_quat(scalar_first=True))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_quaternion_of_a_half_turn_is_found_for_every_axis(axis):
    vector = np.zeros(3)
    vector[axis] = math.pi
    expected = np.zeros(4)
    expected[1 + axis] = 1.0
    same_up_to_sign(rotations.quaternion_from_matrix(Rotation.from_rotvec(vector).as_matrix()), expected)


@settings(deadline=None)
@given(quaternions, quaternions)
def test_product_of_quaternions_rotates_as_the_product_of_matrices(a, b):
    product = rotations.quaternion_product(np.array(a), np.array(b))
    expected = scipy_rotation(a).as_matrix() @ scipy_rotation(b).as_matrix()
    np.testing.assert_allclose(rotations.matrix_from_quaternion(product), expected, atol=1e-12)


@settings(deadline=None)
@given(quaternions)
def test_conjugate_undoes_a_rotation(q):
    unit = rotations.quaternion_normalised(np.array(q))
    assert np.linalg.norm(unit) == pytest.approx(1.0, abs=1e-14)
    product = rotations.quaternion_product(unit, rotations.quaternion_conjugate(unit))
    np.testing.assert_allclose(product, [1.0, 0.0, 0.0, 0.0], atol=1e-14)


@settings(deadline=None)
@given(angle, angle, angle)
def test_matrix_of_roll_pitch_yaw_is_that_of_scipy(roll, pitch, yaw):
    expected = Rotation.from_euler("ZYX", [yaw, pitch, roll])
    np.testing.assert_allclose(rotations.matrix_from_rpy(roll, pitch, yaw), expected.as_matrix(), atol=1e-12)
    same_up_to_sign(rotations.quaternion_from_rpy(roll, pitch, yaw), expected.as_quat(scalar_first=True))


@settings(deadline=None)
@given(angle, st.floats(-1.57, 1.57), angle)
def test_roll_pitch_yaw_are_found_again_from_the_matrix_and_the_quaternion(roll, pitch, yaw):
    for found in (
        rotations.rpy_from_matrix(rotations.matrix_from_rpy(roll, pitch, yaw)),
        rotations.rpy_from_quaternion(rotations.quaternion_from_rpy(roll, pitch, yaw)),
    ):
        # Compare on the circle: -pi and pi are one angle.
        np.testing.assert_allclose(np.cos(found - [roll, pitch, yaw]), 1.0, atol=1e-9)


@pytest.mark.parametrize("pitch", [math.pi / 2, -math.pi / 2])
def test_roll_pitch_yaw_at_the_singularity_still_rebuild_the_matrix(pitch):
    matrix = rotations.matrix_from_rpy(0.3, pitch, -0.8)
    found = rotations.rpy_from_matrix(matrix)
    np.testing.assert_allclose(rotations.matrix_from_rpy(*found), matrix, atol=1e-8)


@settings(deadline=None)
@given(angle)
def test_yaw_matrix_turns_x_towards_y(yaw):
    np.testing.assert_allclose(
        rotations.yaw_matrix(yaw) @ [1.0, 0.0, 0.0], [math.cos(yaw), math.sin(yaw), 0.0], atol=1e-15
    )
    np.testing.assert_array_equal(rotations.yaw_matrix(yaw)[2], [0.0, 0.0, 1.0])


@settings(deadline=None)
@given(vectors, vectors)
def test_skew_matrix_is_the_cross_product(a, b):
    np.testing.assert_allclose(rotations.skew(np.array(a)) @ np.array(b), np.cross(a, b), atol=1e-15)


@settings(deadline=None)
@given(vectors)
def test_quaternion_of_a_rotation_vector_is_that_of_scipy(v):
    vector = 3.0 * np.array(v)
    expected = Rotation.from_rotvec(vector).as_quat(scalar_first=True)
    same_up_to_sign(rotations.quaternion_from_rotation_vector(vector), expected)


@settings(deadline=None)
@given(quaternions)
def test_rotation_vector_of_a_quaternion_is_that_of_scipy(q):
    rotation = scipy_rotation(q)
    for found in (
        rotations.rotation_vector_from_quaternion(np.array(q)),
        rotations.rotation_vector_from_matrix(rotation.as_matrix()),
    ):
        assert np.linalg.norm(found) <= math.pi + 1e-12
        np.testing.assert_allclose(Rotation.from_rotvec(found).as_matrix(), rotation.as_matrix(), atol=1e-9)


@pytest.mark.parametrize("size", [0.0, 1e-15, 1e-9, 1e-5])
def test_tiny_rotation_vectors_keep_their_digits(size):
    vector = size * np.array([0.6, -0.8, 0.0])
    quaternion = rotations.quaternion_from_rotation_vector(vector)
    np.testing.assert_allclose(rotations.rotation_vector_from_quaternion(quaternion), vector, rtol=1e-12, atol=0.0)


def test_rotation_vector_takes_the_shorter_way_round_for_a_negated_quaternion():
    quaternion = rotations.quaternion_from_rpy(0.0, 0.0, 0.5)
    np.testing.assert_allclose(rotations.rotation_vector_from_quaternion(-quaternion), [0.0, 0.0, 0.5], atol=1e-15)
