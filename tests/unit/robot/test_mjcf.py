import math

import numpy as np
import pytest

from controllers.errors import InvalidValue, MissingModel
from controllers.robot.mjcf import MjcfModel


@pytest.fixture
def parse(tmp_path):
    def from_text(text: str) -> MjcfModel:
        path = tmp_path / "robot.xml"
        path.write_text(text)
        return MjcfModel(path)

    return from_text


def world(body: str, extra: str = "", compiler: str = '<compiler angle="radian"/>') -> str:
    return f'<mujoco>{compiler}{extra}<worldbody><body name="b" {body}</body></worldbody></mujoco>'


NESTED = """
<default>
  <joint damping="0.1"/>
  <default class="outer">
    <joint damping="0.2" armature="0.01" axis="0 1 0"/>
    <default class="inner"><joint armature="0.02"/></default>
  </default>
</default>
"""


def test_a_class_inherits_what_it_does_not_set_from_the_class_around_it(parse):
    model = parse(world('><joint name="j" class="inner"/>', NESTED))
    joint = model.joint(model.body("b"))
    assert (joint.damping, joint.armature, joint.axis.tolist()) == (0.2, 0.02, [0.0, 1.0, 0.0])


def test_childclass_applies_to_elements_without_a_class(parse):
    model = parse(world('childclass="outer"><joint name="j"/>', NESTED))
    assert model.joint(model.body("b")).armature == 0.01


def test_a_class_beats_childclass_and_an_attribute_beats_both(parse):
    model = parse(world('childclass="outer"><joint name="j" class="inner" damping="0.5"/>', NESTED))
    joint = model.joint(model.body("b"))
    assert (joint.damping, joint.armature) == (0.5, 0.02)


def test_childclass_of_an_outer_body_reaches_inner_bodies(parse):
    model = parse(world('childclass="outer"><body name="c"><joint name="j"/></body>', NESTED))
    assert model.joint(model.body("c")).armature == 0.01


def test_the_unnamed_class_applies_without_any_class(parse):
    model = parse(world('><joint name="j"/>', NESTED))
    joint = model.joint(model.body("b"))
    assert (joint.damping, joint.armature, joint.axis.tolist()) == (0.1, 0.0, [0.0, 0.0, 1.0])


def test_an_unknown_class_is_refused_with_those_defined(parse):
    model = parse(world('><joint name="j" class="innr"/>', NESTED))
    with pytest.raises(InvalidValue, match="unknown class 'innr'; defined: inner, main, outer"):
        model.joint(model.body("b"))


def test_ranges_are_degrees_unless_the_compiler_says_radian(parse):
    model = parse(world('><joint name="j" range="-90 45"/>', compiler=""))
    joint = model.joint(model.body("b"))
    assert (joint.lower, joint.upper) == pytest.approx((-math.pi / 2, math.pi / 4))


@pytest.mark.parametrize(
    ("attributes", "compiler", "limited"),
    [
        ('range="-1 1"', "", True),
        ('range="-1 1" limited="false"', "", False),
        ('range="-1 1"', 'autolimits="false"', False),
        ('range="-1 1" limited="true"', 'autolimits="false"', True),
        ("", "", False),
    ],
)
def test_a_joint_without_stops_is_bounded_by_half_a_turn(parse, attributes, compiler, limited):
    model = parse(world(f'><joint name="j" {attributes}/>', compiler=f'<compiler angle="radian" {compiler}/>'))
    joint = model.joint(model.body("b"))
    assert (joint.lower, joint.upper) == ((-1.0, 1.0) if limited else (-math.pi, math.pi))


def test_inertia_is_turned_from_principal_to_body_axes(parse):
    # A quarter turn about z swaps the first two principal moments; the quaternion is not of unit norm.
    inertial = '<inertial pos="1 2 3" mass="4" quat="1 0 0 1" diaginertia="0.1 0.2 0.3"/>'
    found = parse(world(f">{inertial}")).inertial(parse(world(f">{inertial}")).body("b"))
    np.testing.assert_allclose(found.inertia, np.diag([0.2, 0.1, 0.3]), atol=1e-15)
    assert (found.mass, found.com.tolist()) == (4.0, [1.0, 2.0, 3.0])


def test_full_inertia_is_read_in_mujocos_order(parse):
    model = parse(world('><inertial pos="0 0 0" mass="1" fullinertia="1 2 3 0.4 0.5 0.6"/>'))
    expected = [[1.0, 0.4, 0.5], [0.4, 2.0, 0.6], [0.5, 0.6, 3.0]]
    np.testing.assert_array_equal(model.inertial(model.body("b")).inertia, expected)


def test_a_mass_inferred_from_geoms_is_refused(parse):
    model = parse(world('><geom size="0.1"/>'))
    with pytest.raises(InvalidValue, match="body 'b' must have an <inertial> element or massless geoms"):
        model.inertial(model.body("b"))


def test_a_body_of_massless_geoms_has_no_mass(parse):
    model = parse(world('><geom size="0.1" mass="0"/>'))
    assert model.inertial(model.body("b")).mass == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<mujoco><worldbody>", "is not well-formed XML"),
        ("<robot/>", "must have a <mujoco> root element, got <robot>"),
    ],
)
def test_a_file_that_is_not_mjcf_is_refused(parse, text, message):
    with pytest.raises(InvalidValue, match=message):
        parse(text)


def test_a_missing_file_is_refused_with_its_path(tmp_path):
    with pytest.raises(MissingModel, match=r"robot model not found: .*none\.xml"):
        MjcfModel(tmp_path / "none.xml")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (">", "body 'b' must have 1 joint, got 0"),
        ('><joint name="j"/><joint name="k"/>', "body 'b' must have 1 joint, got 2"),
        ('><joint name="j" type="slide"/>', "joint 'j' must be a hinge, got slide"),
        ('><joint name="j" pos="0 0 1"/>', "joint 'j' must sit at its body's origin, got 0 0 1"),
        ('><joint name="j" axis="0 1"/>', "axis must be 3 numbers, got '0 1'"),
        ('><joint name="j" axis="0 1 y"/>', "axis must be 3 numbers, got '0 1 y'"),
    ],
)
def test_a_joint_that_a_leg_cannot_have_is_refused(parse, body, message):
    model = parse(world(body))
    with pytest.raises(InvalidValue, match=message):
        model.joint(model.body("b"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('quat="1 1 0 0">', "body 'b' must be parallel to its parent"),
        ('euler="0 0 1">', "<body> orientation must be given as quat, got euler"),
    ],
)
def test_a_turned_body_is_refused(parse, body, message):
    model = parse(world(body))
    with pytest.raises(InvalidValue, match=message):
        model.offset(model.body("b"))


def test_an_unknown_body_is_refused_with_those_that_exist(parse):
    with pytest.raises(InvalidValue, match="no body 'c'; bodies: b"):
        parse(world(">")).body("c")


@pytest.mark.parametrize("free", ["<freejoint/>", '<joint type="free"/>'])
def test_the_floating_base_is_the_body_with_a_free_joint(parse, free):
    assert parse(world(f">{free}")).floating_base().get("name") == "b"


def test_a_model_without_a_floating_base_is_refused(parse):
    with pytest.raises(InvalidValue, match="exactly one body must have a free joint, got 0"):
        parse(world(">")).floating_base()


@pytest.mark.parametrize(
    ("motor", "limit"),
    [
        ('ctrlrange="-5 5"', 5.0),
        ('ctrlrange="-5 5" gear="2"', 10.0),
        ('ctrlrange="-5 5" forcerange="-3 3"', 3.0),
        ('ctrlrange="-5 5" ctrllimited="false" forcerange="-7 7"', 7.0),
        ('ctrlrange="-5 4"', 4.0),
    ],
)
def test_torque_limit_is_the_tighter_of_control_and_force_range(parse, motor, limit):
    model = parse(world(">", f'<actuator><motor joint="j" {motor}/></actuator>'))
    assert model.torque_limits() == {"j": limit}


def test_force_range_set_through_another_kind_of_actuator_default_applies_to_motors(parse):
    defaults = '<default><position forcerange="-3 3"/><motor ctrlrange="-5 5"/></default>'
    model = parse(world(">", f'{defaults}<actuator><motor joint="j"/></actuator>'))
    assert model.torque_limits() == {"j": 3.0}


def test_a_motor_without_a_range_is_refused(parse):
    model = parse(world(">", '<actuator><motor name="m" joint="j"/></actuator>'))
    with pytest.raises(InvalidValue, match="motor 'm' has no ctrlrange and no forcerange"):
        model.torque_limits()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (">", "body 'b' must have 1 sphere, got 0"),
        ('><geom size="1"/><geom size="1"/>', "body 'b' must have 1 sphere, got 2"),
        ('><geom size="1" pos="0 0 1"/>', "the sphere of body 'b' must sit at its origin"),
    ],
)
def test_a_foot_that_is_not_one_centred_sphere_is_refused(parse, body, message):
    model = parse(world(body))
    with pytest.raises(InvalidValue, match=message):
        model.sphere(model.body("b"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (">", "body 'b' has no site 'imu'"),
        ('><site name="imu" quat="0 1 0 0"/>', "site 'imu' must be parallel to body 'b'"),
    ],
)
def test_a_missing_or_turned_site_is_refused(parse, body, message):
    model = parse(world(body))
    with pytest.raises(InvalidValue, match=message):
        model.site_position(model.body("b"), "imu")
