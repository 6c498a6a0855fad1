import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from controllers.robot.composite import CompositeBody


def random_angles(robot, rng):
    return rng.uniform(robot.joint_lower, robot.joint_upper)


def test_composite_mass_and_centre_are_those_of_mujoco(reference, rng):
    body = CompositeBody(reference.robot)
    q = random_angles(reference.robot, rng)
    reference.place(q, Rotation.random(random_state=rng).as_quat(scalar_first=True))
    mass, com, _ = body.at(q)
    base = reference.model.body(reference.robot.base_body).id
    assert mass == pytest.approx(reference.model.body_subtreemass[base], abs=1e-9)
    np.testing.assert_allclose(com, reference.in_base(reference.data.subtree_com[base]), atol=1e-12)


def test_composite_inertia_is_the_rotational_block_of_mujocos_mass_matrix_about_the_centre(reference, rng):
    body = CompositeBody(reference.robot)
    q = random_angles(reference.robot, rng)
    reference.place(q, Rotation.random(random_state=rng).as_quat(scalar_first=True))
    mass, com, inertia = body.at(q)
    about_base_origin = reference.mass_matrix()[3:6, 3:6]
    expected = about_base_origin - mass * (com @ com * np.eye(3) - np.outer(com, com))
    np.testing.assert_allclose(inertia, expected, atol=1e-10)
