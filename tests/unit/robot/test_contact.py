import dataclasses

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from controllers.errors import InvalidValue
from controllers.robot.catalog import load_robot
from controllers.robot.contact import ContactConfig, ContactDetector
from controllers.robot.interface import RobotState
from controllers.robot.joints import LEGS
from controllers.robot.kinematics import LegKinematics

DT = 0.002
GRAVITY = 9.81


@pytest.fixture
def robot():
    return load_robot("go2")


def standing(robot, time=0.0, foot_force=None, effort=None):
    return RobotState(
        time=time,
        joint_position=np.array(robot.standing_position),
        joint_velocity=np.zeros(12),
        joint_effort=np.zeros(12) if effort is None else effort,
        orientation=np.array([1.0, 0.0, 0.0, 0.0]),
        angular_velocity_body=np.zeros(3),
        linear_acceleration_body=np.array([0.0, 0.0, GRAVITY]),
        foot_force=foot_force,
    )


def torques_under(robot, feet_force_world):
    """Static torques of the standing, level robot by MuJoCo: gravity, less what the feet's forces do."""
    model = mujoco.MjModel.from_xml_path(str(robot.model_path))
    off = mujoco.mjtDisableBit
    model.opt.disableflags |= off.mjDSBL_CONTACT | off.mjDSBL_LIMIT | off.mjDSBL_FRICTIONLOSS
    data = mujoco.MjData(model)
    data.qpos[3] = 1.0
    index = [model.joint(f"{leg}_{part}_joint").dofadr[0] for leg in LEGS for part in ("hip", "thigh", "calf")]
    data.qpos[[model.joint(int(model.dof_jntid[i])).qposadr[0] for i in index]] = robot.standing_position
    mujoco.mj_forward(model, data)
    data.qacc[:] = 0.0
    mujoco.mj_inverse(model, data)
    total = data.qfrc_inverse.copy()
    jacobian = np.empty((3, model.nv))
    for leg, force in zip(LEGS, feet_force_world, strict=True):
        geom = model.geom(leg)
        mujoco.mj_jac(model, data, jacobian, None, data.geom_xpos[geom.id], int(geom.bodyid[0]))
        total -= jacobian.T @ force
    return total[index]


def test_forces_on_moving_legs_are_those_that_mujoco_needs_to_explain_the_torques(reference, rng):
    robot, model, data = reference.robot, reference.model, reference.data
    config = ContactConfig(filter_time=0.0, damping_length=1e-9)
    for _ in range(10):
        detector = ContactDetector(robot, config)
        q = np.array(robot.standing_position) + rng.uniform(-0.3, 0.3, 12)
        qd, qdd = 5.0 * rng.normal(size=12), 50.0 * rng.normal(size=12)
        spin, spin_rate, acceleration = 3.0 * rng.normal(size=(3, 3))
        force = 50.0 * rng.normal(size=(4, 3))
        orientation = Rotation.random(random_state=rng).as_quat(scalar_first=True)
        reference.place(q, orientation)
        data.qvel[3:6], data.qacc[:3], data.qacc[3:6] = spin, acceleration, spin_rate
        data.qvel[reference.velocity_index] = qd
        data.qacc[reference.velocity_index] = qdd
        mujoco.mj_inverse(model, data)
        effort = data.qfrc_inverse.copy()
        jacobian = np.empty((3, model.nv))
        for leg, name in enumerate(robot.foot_geoms):
            geom = model.geom(name)
            mujoco.mj_jac(model, data, jacobian, None, data.geom_xpos[geom.id], int(geom.bodyid[0]))
            effort -= jacobian.T @ force[leg]
        motor = effort[reference.velocity_index] + robot.frictionloss * np.tanh(qd / config.friction_rate)
        felt = reference.base_rotation().T @ (acceleration - model.opt.gravity)
        now = RobotState(DT, q, qd, motor, orientation, spin, felt)
        before = dataclasses.replace(
            now, time=0.0, joint_velocity=qd - DT * qdd, angular_velocity_body=spin - DT * spin_rate
        )
        detector.step(before)
        normal, _ = detector.step(now)
        np.testing.assert_allclose(detector.force_world, force, atol=1e-5)
        np.testing.assert_allclose(normal, force[:, 2], atol=1e-5)


def test_feet_with_their_share_of_the_weight_stand_and_those_without_do_not(robot):
    share = 0.25 * robot.mass * GRAVITY
    loads = np.array([share, 0.0, share, 0.0])
    effort = torques_under(robot, [np.array([0.0, 0.0, load]) for load in loads])
    force, contact = ContactDetector(robot).step(standing(robot, effort=effort))
    # The damped inverse keeps (1 + (damping / singular value)²)⁻¹ of a force.
    np.testing.assert_allclose(force, loads, atol=0.01 * share)
    np.testing.assert_array_equal(contact, [1.0, 0.0, 1.0, 0.0])


def test_a_sudden_load_shows_with_the_time_constant_of_the_filter(robot):
    detector = ContactDetector(robot, ContactConfig(filter_time=0.005, damping_length=1e-9))
    unloaded = torques_under(robot, np.zeros((4, 3)))
    loaded = torques_under(robot, np.tile([0.0, 0.0, 40.0], (4, 1)))
    detector.step(standing(robot, 0.0, effort=unloaded))
    for k in range(1, 8):
        force, _ = detector.step(standing(robot, k * DT, effort=loaded))
        np.testing.assert_allclose(force, 40.0 * (1.0 - np.exp(-k * DT / 0.005)), rtol=1e-6)


def test_a_foot_between_the_thresholds_stays_what_it_was(robot):
    detector = ContactDetector(robot)
    weight = robot.mass * GRAVITY
    seen = []
    for k, fraction in enumerate([0.0, 0.1, 0.13, 0.1, 0.08, 0.06, 0.1]):
        _, contact = detector.step(standing(robot, k * DT, foot_force=np.full(4, fraction * weight)))
        seen.append(contact[0])
    assert seen == [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    assert detector.touchdown_force == pytest.approx(0.12 * weight)
    assert detector.liftoff_force == pytest.approx(0.07 * weight)


def test_foot_sensors_are_believed_unless_told_otherwise(robot):
    effort = torques_under(robot, np.tile([0.0, 0.0, 30.0], (4, 1)))
    sensed = np.array([1.0, 2.0, 3.0, 4.0])
    state = standing(robot, foot_force=sensed, effort=effort)
    np.testing.assert_array_equal(ContactDetector(robot).step(state)[0], sensed)
    force, _ = ContactDetector(robot, ContactConfig(use_foot_sensors=False)).step(state)
    np.testing.assert_allclose(force, 30.0, rtol=0.01)


def test_torque_noise_in_a_stretched_leg_feigns_no_more_than_the_damping_allows(robot):
    config = ContactConfig(filter_time=0.0, damping_length=0.01)
    state = standing(robot)
    state.joint_position = np.tile([0.0, 0.0, 0.0], 4)
    _, jacobians = LegKinematics(robot).foot_positions_and_jacobians(state.joint_position)
    assert np.linalg.svd(jacobians[0], compute_uv=False)[-1] < 3e-3
    detector = ContactDetector(robot, config)
    detector.step(state)
    before = detector.force_world
    torque = np.array([0.3, -0.2, 0.5])
    state.time, state.joint_effort = DT, np.tile(torque, 4)
    detector.step(state)
    # A damped inverse has no gain above 1 / (2 damping).
    change = np.linalg.norm(detector.force_world - before, axis=1)
    assert (change <= np.linalg.norm(torque) / (2.0 * config.damping_length) + 1e-9).all()
    assert change.max() > 1.0


def test_after_a_pause_no_joint_acceleration_is_made_up(robot):
    calm, fast = ContactDetector(robot), ContactDetector(robot)
    state = standing(robot)
    calm.step(state)
    later = dataclasses.replace(state, time=0.5, joint_velocity=np.full(12, 3.0))
    force, _ = calm.step(later)
    fast.step(dataclasses.replace(state, joint_velocity=np.full(12, 3.0)))
    expected, _ = fast.step(later)
    np.testing.assert_allclose(force, expected, atol=1e-9)


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
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_reading_that_is_not_finite_is_refused_by_name_and_leaves_no_trace(robot, name, value):
    effort = torques_under(robot, np.tile([0.0, 0.0, 30.0], (4, 1)))
    detector, twin = ContactDetector(robot), ContactDetector(robot)
    first = standing(robot, 0.0, np.full(4, 20.0), effort)
    detector.step(first)
    twin.step(first)
    bad = standing(robot, DT, np.full(4, 50.0), effort)
    setattr(bad, name, getattr(bad, name).copy())
    getattr(bad, name)[1] = value
    with pytest.raises(InvalidValue, match=rf"RobotState\.{name} must be finite, got NaN or Inf at index 1"):
        detector.step(bad)
    after = standing(robot, 2 * DT, np.full(4, 20.0), 1.1 * effort)
    np.testing.assert_array_equal(detector.step(after), twin.step(after))
    np.testing.assert_array_equal(detector.force_world, twin.force_world)


def test_readings_of_wrong_shape_or_size_are_refused(robot):
    detector = ContactDetector(robot)
    state = standing(robot)
    with pytest.raises(InvalidValue, match=r"joint_effort must have shape \(12,\), got \(11,\)"):
        detector.step(dataclasses.replace(state, joint_effort=np.zeros(11)))
    with pytest.raises(InvalidValue, match="measurements below 1e\\+06"):
        detector.step(dataclasses.replace(state, joint_effort=np.full(12, 1e7)))
    with pytest.raises(InvalidValue, match="orientation must have norm 1, got 2"):
        detector.step(dataclasses.replace(state, orientation=np.array([2.0, 0.0, 0.0, 0.0])))
    with pytest.raises(InvalidValue, match="time must be finite, got nan"):
        detector.step(dataclasses.replace(state, time=float("nan")))


def test_a_reading_that_is_not_later_is_refused(robot):
    detector = ContactDetector(robot)
    detector.step(standing(robot, 0.5))
    with pytest.raises(InvalidValue, match=r"time must increase, got 0\.5 after 0\.5"):
        detector.step(standing(robot, 0.5))


def test_reset_makes_it_as_new(robot):
    detector = ContactDetector(robot)
    fresh = ContactDetector(robot)
    detector.step(standing(robot, 5.0, effort=np.full(12, 3.0)))
    detector.reset()
    state = standing(robot, 0.0, effort=torques_under(robot, np.tile([0.0, 0.0, 15.0], (4, 1))))
    np.testing.assert_array_equal(detector.step(state), fresh.step(state))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"liftoff_fraction": 0.2}, "0 < liftoff_fraction < touchdown_fraction < 1"),
        ({"touchdown_fraction": float("nan")}, "0 < liftoff_fraction < touchdown_fraction < 1"),
        ({"filter_time": -0.1}, "filter_time must be finite and >= 0, got -0.1"),
        ({"damping_length": 0.0}, "damping_length must be finite and > 0, got 0.0"),
        ({"friction_rate": float("inf")}, "friction_rate must be finite and > 0, got inf"),
        ({"use_foot_sensors": 1}, "use_foot_sensors must be true or false, got 1"),
    ],
)
def test_settings_out_of_range_are_refused(values, message):
    with pytest.raises(InvalidValue, match=message):
        ContactConfig(**values)
