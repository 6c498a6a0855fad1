import mujoco
import numpy as np
import pytest

from controllers.quadruped.body import BodyState
from controllers.robot.catalog import load_robot
from controllers.robot.interface import BaseEstimate
from controllers.robot.joints import JOINT_NAMES
from controllers.robot.kinematics import LegKinematics
from controllers.rotations import matrix_from_rpy, quaternion_from_rpy

UNDERFOOT = np.array([0.004, -0.003, -0.021])


@pytest.fixture(scope="module")
def robot():
    return load_robot("go2")


def updated(robot, joints, rpy, position=(1.0, -2.0, 0.3), velocity=(0.4, -0.2, 0.1), spin=(0.3, -0.5, 0.8), body=None):
    body = body or BodyState()
    estimate = BaseEstimate(0.0, np.array(position), quaternion_from_rpy(*rpy), np.array(velocity), np.array(spin))
    body.update(LegKinematics(robot).packed, np.array(robot.com), joints, estimate, UNDERFOOT)
    return body


def test_feet_and_velocities_are_those_of_the_simulated_robot(robot):
    rng = np.random.default_rng(0)
    model = mujoco.MjModel.from_xml_path(str(robot.model_path))
    data = mujoco.MjData(model)
    joints = np.array(robot.standing_position) + rng.normal(size=12) * 0.2
    body = updated(robot, joints, (0.3, -0.2, 2.0))
    data.qpos[:3], data.qpos[3:7] = (1.0, -2.0, 0.3), quaternion_from_rpy(0.3, -0.2, 2.0)
    for name, angle in zip(JOINT_NAMES, joints, strict=True):
        data.qpos[model.joint(name).qposadr[0]] = angle
    rotation = matrix_from_rpy(0.3, -0.2, 2.0)
    data.qvel[:3], data.qvel[3:6] = rotation @ [0.4, -0.2, 0.1], (0.3, -0.5, 0.8)
    mujoco.mj_forward(model, data)
    feet = np.array([data.geom(name).xpos for name in robot.foot_geoms])
    assert body.feet == pytest.approx(feet, abs=1e-9)
    # The nominal centre of mass is a point fixed to the base.
    jacobian, point = np.zeros((3, model.nv)), data.body(robot.base_body).xpos + rotation @ robot.com
    mujoco.mj_jac(model, data, jacobian, None, point, model.body(robot.base_body).id)
    assert body.com == pytest.approx(point, abs=1e-12)
    assert body.levers == pytest.approx(feet + UNDERFOOT - point, abs=1e-9)
    still = data.qvel.copy()
    still[6:] = 0.0
    assert body.velocity == pytest.approx(jacobian @ still, abs=1e-9)
    assert body.spin == pytest.approx(rotation @ [0.3, -0.5, 0.8])
    assert body.base_velocity == pytest.approx(rotation @ [0.4, -0.2, 0.1])
    assert body.rotation == pytest.approx(rotation, abs=1e-12)


def test_angles_are_roll_pitch_and_yaw(robot):
    joints = np.array(robot.standing_position)
    for rpy in [(0.0, 0.0, 0.0), (0.4, -0.3, 1.5), (-1.2, 0.7, -3.0), (3.0, 0.1, 0.2)]:
        body = updated(robot, joints, rpy)
        assert (body.roll, body.pitch, body.yaw) == pytest.approx(rpy, abs=1e-9)


def test_yaw_is_continuous_over_turns(robot):
    joints, body = np.array(robot.standing_position), BodyState()
    for yaw in np.arange(0.0, 15.0, 0.2):
        updated(robot, joints, (0.0, 0.0, yaw), body=body)
        assert body.yaw == pytest.approx(yaw, abs=1e-9)
    for yaw in np.arange(15.0, -15.0, -0.2):
        updated(robot, joints, (0.0, 0.0, yaw), body=body)
    assert body.yaw == pytest.approx(-14.8, abs=1e-6)


def test_looking_straight_down_has_a_pitch(robot):
    body = updated(robot, np.array(robot.standing_position), (0.0, np.pi / 2, 0.0))
    assert body.pitch == pytest.approx(np.pi / 2, abs=1e-6)
