import dataclasses
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.robot.catalog import ROBOTS, load_robot
from controllers.robot.description import describe
from controllers.robot.spec import RobotSpec


@pytest.fixture
def edited(tmp_path):
    """Describe the Go2 after a change to its model."""

    def describe_after(change):
        tree = ElementTree.parse(load_robot("go2").model_path)
        change(tree.getroot())
        path = tmp_path / "go2.xml"
        tree.write(path)
        return describe(ROBOTS["go2"], path)

    return describe_after


def find(root, tag, name):
    return next(element for element in root.iter(tag) if element.get("name") == name)


def assert_same(got, expected):
    for f in dataclasses.fields(expected):
        if f.name != "model_path":
            np.testing.assert_array_equal(getattr(got, f.name), getattr(expected, f.name), err_msg=f.name)


def test_the_order_of_motors_in_the_file_does_not_matter(edited):
    def change(root):
        actuators = root.find("actuator")
        actuators[:] = actuators[::-1]

    assert_same(edited(change), load_robot("go2"))


def test_the_order_of_legs_in_the_file_does_not_matter(edited):
    def change(root):
        base = find(root, "body", "base")
        legs = base.findall("body")
        for leg in legs:
            base.remove(leg)
        base.extend(reversed(legs))

    assert_same(edited(change), load_robot("go2"))


def test_a_change_of_one_joint_shows_at_its_canonical_place_only(edited):
    def change(root):
        find(root, "joint", "RL_thigh_joint").set("damping", "0.75")

    expected = load_robot("go2").damping.copy()
    expected[7] = 0.75
    np.testing.assert_array_equal(edited(change).damping, expected)


def test_a_joint_without_a_motor_is_refused_by_name(edited):
    def change(root):
        actuators = root.find("actuator")
        actuators.remove(find(actuators, "motor", "FR_calf"))

    with pytest.raises(InvalidValue, match="no motor for FR_calf_joint"):
        edited(change)


def test_a_renamed_joint_is_refused_by_name(edited):
    def change(root):
        find(root, "joint", "FL_hip_joint").set("name", "FL_abduction")

    with pytest.raises(InvalidValue, match="expected joint 'FL_hip_joint', got 'FL_abduction'"):
        edited(change)


def test_a_hinge_about_another_axis_is_refused(edited):
    def change(root):
        find(root, "joint", "RR_calf_joint").set("axis", "0 -1 0")

    with pytest.raises(
        InvalidValue, match=r"joint 'RR_calf_joint' must turn about \(0\.0, 1\.0, 0\.0\), got \(0\.0, -1"
    ):
        edited(change)


def test_a_missing_link_is_refused_by_name(edited):
    def change(root):
        find(root, "body", "RL_calf").set("name", "RL_shank")

    with pytest.raises(InvalidValue, match="no body 'RL_calf'"):
        edited(change)


def test_an_extra_body_is_refused_by_name(edited):
    def change(root):
        ElementTree.SubElement(find(root, "body", "base"), "body", name="payload")

    with pytest.raises(InvalidValue, match=r"body 'base' must carry FL_hip, FR_hip, RL_hip, RR_hip, got .*payload"):
        edited(change)


def test_a_foot_with_mass_of_its_own_is_refused(edited):
    def change(root):
        foot = find(root, "body", "FL_foot")
        ElementTree.SubElement(foot, "inertial", pos="0 0 0", mass="0.1", diaginertia="1 1 1")

    with pytest.raises(InvalidValue, match="foot bodies must be massless"):
        edited(change)


def test_feet_of_different_radius_are_refused(edited):
    def change(root):
        find(root, "geom", "RR").set("size", "0.03")

    with pytest.raises(InvalidValue, match=r"feet must have the same radius, got \[0\.022, 0\.03\]"):
        edited(change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lying_height": 0.4}, "lying_height=0.4, standing_height=0.3"),
        ({"lying_height": 0.0}, "0 < lying_height"),
        (
            {"velocity_limit": (1.0, 1.0)},
            r"velocity_limit must be 3 positive numbers \(hip, thigh, calf\), got \(1.0, 1.0\)",
        ),
        ({"torque_limit": (1.0, 0.0, 1.0)}, "torque_limit must be 3 positive numbers"),
        ({"torque_limit": (1.0, float("nan"), 1.0)}, "torque_limit must be 3 positive numbers"),
        ({"foot_compliance": -1e-5}, r"foot_compliance must lie in \[0, 1e-3\] m/N, got -1e-05"),
        ({"foot_compliance": float("nan")}, "foot_compliance must lie in"),
    ],
)
def test_a_spec_that_no_robot_can_have_is_refused(change, message):
    fields = {
        "name": "x",
        "model": "x.xml",
        "standing_height": 0.3,
        "lying_height": 0.1,
        "velocity_limit": (1.0, 1.0, 1.0),
    }
    RobotSpec(**fields)
    with pytest.raises(InvalidValue, match=message):
        RobotSpec(**{**fields, **change})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hip_position", np.zeros((3, 3)), r"hip_position must be finite with shape \(4, 3\)"),
        ("foot_offset", np.full((4, 3), np.nan), "foot_offset must be finite"),
        ("base_mass", 0.0, "base_mass must be > 0, got 0.0"),
        ("base_com", np.zeros(2), r"base_com must be finite with shape \(3,\)"),
        ("link_inertia", np.full((4, 3, 3, 3), np.inf), "link_inertia must be finite"),
        ("link_mass", np.full((4, 3), -0.5), "link_mass must be >= 0, got -0.5"),
        ("armature", np.full(12, -0.1), "armature must be >= 0, got -0.1"),
    ],
)
def test_a_body_that_cannot_exist_is_refused(field, value, message):
    with pytest.raises(InvalidValue, match=message):
        dataclasses.replace(load_robot("go2"), **{field: value})
