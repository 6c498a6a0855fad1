import mujoco
import numpy as np
import pytest
from simulated_robot import ideal_robot, impedance

from controllers.errors import InvalidValue
from sim.disturbances import Drag, Payload, PeriodicWrench, RigidBody, Wrench, compose, push
from sim.world import build_spec

BOX = Payload(mass_kg=8.0, offset_m=(-0.08, 0.04, 0.13), at_s=0.01, until_s=0.03)


def robot_with_real_box(payload):
    """The same world with the payload as a body of its own, welded to the base by MuJoCo."""
    backend = ideal_robot()
    spec = build_spec(backend.description, backend.terrain, 0.8, 0.002)
    base = spec.body(backend.description.base_body)
    box = base.add_body(name="box", pos=list(payload.offset_m))
    box.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[0.5 * edge for edge in payload.size_m],
        mass=payload.mass_kg,
        contype=0,
        conaffinity=0,
    )
    model = spec.compile()
    return model, mujoco.MjData(model)


def test_composition_equals_the_closed_form_of_two_point_masses():
    a = RigidBody(1.0, np.array([0.0, 0.0, 0.0]), np.zeros((3, 3)))
    b = RigidBody(3.0, np.array([0.4, 0.0, 0.0]), np.zeros((3, 3)))
    whole = compose((a, b))
    assert whole.mass == 4.0
    assert whole.com == pytest.approx([0.3, 0.0, 0.0])
    # Reduced mass times distance squared.
    assert whole.inertia == pytest.approx(np.diag([0.0, 0.75 * 0.16, 0.75 * 0.16]))


def test_a_box_has_the_inertia_of_a_homogeneous_box():
    body = Payload(mass_kg=6.0, size_m=(0.1, 0.2, 0.3)).body(6.0)
    assert body.inertia == pytest.approx(np.diag([0.5 * (0.04 + 0.09), 0.5 * (0.01 + 0.09), 0.5 * (0.01 + 0.04)]))


def test_a_payload_changes_mass_and_centre_of_mass_exactly():
    backend = ideal_robot(disturbances=(BOX,))
    base = backend.model.body(backend.description.base_body).id
    mass, com = backend.model.body_mass[base], backend.model.body_ipos[base].copy()
    for _ in range(8):
        backend.advance()
    assert backend.model.body_mass[base] == pytest.approx(mass + 8.0, abs=1e-12)
    expected = (mass * com + 8.0 * np.array(BOX.offset_m)) / (mass + 8.0)
    assert backend.model.body_ipos[base] == pytest.approx(expected, abs=1e-12)
    assert backend.ground_truth().payload_mass == 8.0
    assert backend.payloads == (BOX,)


def test_a_payload_makes_the_same_accelerations_as_a_real_body():
    backend = ideal_robot(disturbances=(Payload(8.0, (-0.08, 0.04, 0.13)),))
    model, data = robot_with_real_box(BOX)
    rng = np.random.default_rng(0)
    backend.reset(rng)
    pose = backend.description.standing_position + rng.uniform(-0.1, 0.1, 12)
    quaternion = np.array([0.9, 0.2, -0.3, 0.1])
    quaternion /= np.linalg.norm(quaternion)
    twist = rng.uniform(-1.0, 1.0, (2, 3))
    for height in (2.0, 0.25):
        backend.set_state(np.array([0.0, 0.0, height]), quaternion, pose, twist[0], twist[1])
        data.qpos[:], data.qvel[:] = backend.data.qpos, backend.data.qvel
        mujoco.mj_forward(model, data)
        assert backend.data.qacc_smooth == pytest.approx(data.qacc_smooth, abs=1e-8)
        assert backend.data.ncon == data.ncon
        assert backend.data.qacc == pytest.approx(data.qacc, abs=1e-3)


def test_landing_and_leaving_touch_neither_positions_nor_velocities():
    backend = ideal_robot(disturbances=(BOX,))
    backend.write(impedance(backend))
    for _ in range(5):
        backend.advance()
    before = backend.data.qpos.copy(), backend.data.qvel.copy()
    assert backend.elapsed == BOX.at_s
    backend._act(backend.elapsed)
    assert backend.ground_truth().payload_mass == 8.0
    assert np.array_equal(backend.data.qpos, before[0])
    assert np.array_equal(backend.data.qvel, before[1])


def test_a_payload_that_left_leaves_nothing_behind():
    backend = ideal_robot(disturbances=(BOX,))
    model = backend.model
    fields = ("body_mass", "body_ipos", "body_inertia", "body_iquat", "body_invweight0", "dof_invweight0")
    before = {name: getattr(model, name).copy() for name in fields}
    for _ in range(10):
        backend.advance()
    assert not np.array_equal(model.body_mass, before["body_mass"])
    for _ in range(10):
        backend.advance()
    for name in fields:
        assert np.array_equal(getattr(model, name), before[name]), name
    assert backend.ground_truth().payload_mass == 0.0


def test_a_reset_takes_the_payload_off():
    backend = ideal_robot(disturbances=(BOX,))
    for _ in range(8):
        backend.advance()
    backend.reset(np.random.default_rng(0))
    assert backend.ground_truth().payload_mass == 0.0
    for _ in range(8):
        backend.advance()
    assert backend.ground_truth().payload_mass == 8.0


def test_the_true_wrench_of_a_payload_is_its_weight_about_the_nominal_centre_of_mass():
    backend = ideal_robot(disturbances=(Payload(8.0, (-0.08, 0.04, 0.13)),))
    backend.advance()
    backend.set_state(np.array([0, 0, 0.3]), np.array([1.0, 0, 0, 0]), backend.description.standing_position)
    arm = np.array([-0.08, 0.04, 0.13]) - backend.description.com
    weight = np.array([0.0, 0.0, -8.0 * 9.81])
    wrench = backend.ground_truth().external_wrench_world
    assert wrench == pytest.approx(np.concatenate([weight, np.cross(arm, weight)]), abs=1e-9)


def test_the_inertial_wrench_of_a_payload_vanishes_in_free_fall():
    backend = ideal_robot(disturbances=(Payload(8.0, (-0.08, 0.04, 0.13)),))
    backend.advance()
    backend.set_state(np.array([0, 0, 3.0]), np.array([1.0, 0, 0, 0]), backend.description.standing_position)
    backend.advance()
    truth = backend.ground_truth()
    assert np.abs(truth.external_wrench_inertial_world[:3]).max() < 0.5
    assert truth.external_wrench_world[2] == pytest.approx(-8.0 * 9.81)


def test_the_inertial_wrench_balances_the_base_with_its_payload():
    # Newton and Euler for the base alone: M(bare) a = tau + payload wrench must give the acceleration with payload.
    backend = ideal_robot(disturbances=(Payload(5.0, (0.1, -0.05, 0.12)),))
    bare = ideal_robot()
    for model in (backend.model, bare.model):
        # Dry friction is a soft constraint, whose softness depends on the mass.
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_FRICTIONLOSS
    backend.advance()
    rng = np.random.default_rng(1)
    quaternion = np.array([0.9, 0.2, -0.3, 0.1])
    quaternion /= np.linalg.norm(quaternion)
    pose = backend.description.standing_position
    backend.set_state(np.array([0, 0, 3.0]), quaternion, pose, rng.uniform(-1, 1, 3), rng.uniform(-2, 2, 3))
    acceleration = backend.data.qacc.copy()
    truth = backend.ground_truth()
    bare.data.qpos[:], bare.data.qvel[:] = backend.data.qpos, backend.data.qvel
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, quaternion)
    rotation = rotation.reshape(3, 3)
    force, torque = truth.external_wrench_inertial_world[:3], truth.external_wrench_inertial_world[3:]
    about_origin = torque + np.cross(rotation @ backend.description.com, force)
    bare.data.qfrc_applied[:6] = np.concatenate([force, rotation.T @ about_origin])
    mujoco.mj_forward(bare.model, bare.data)
    assert bare.data.qacc == pytest.approx(acceleration, abs=1e-6)


@pytest.mark.parametrize("frame", ["world", "body"])
def test_a_wrench_accelerates_the_robot_as_newton_says(frame):
    wrench = Wrench(force_n=(30.0, -20.0, 10.0), at_s=0.0, until_s=1.0, frame=frame)
    backend = ideal_robot(disturbances=(wrench,))
    half = np.sqrt(0.5)
    backend.set_state(np.array([0, 0, 3.0]), np.array([half, 0, 0, half]), backend.description.standing_position)
    backend.advance()
    total = np.zeros(3)
    mujoco.mj_subtreeVel(backend.model, backend.data)
    mujoco.mj_forward(backend.model, backend.data)
    mujoco.mj_subtreeVel(backend.model, backend.data)
    total = backend.data.subtree_linvel[1] * backend.model.body_subtreemass[1] / 0.002
    force = np.array([30.0, -20.0, 10.0]) if frame == "world" else np.array([20.0, 30.0, 10.0])
    weight = np.array([0.0, 0.0, -9.81 * backend.model.body_subtreemass[1]])
    assert total == pytest.approx(force + weight, rel=1e-3, abs=0.1)


def test_the_true_wrench_contains_an_applied_wrench_about_the_nominal_centre_of_mass():
    backend = ideal_robot(disturbances=(Wrench((0.0, 40.0, 0.0), (1.0, 2.0, 3.0), point_m=(0.2, 0.0, 0.1)),))
    backend.advance()
    backend.set_state(np.array([0, 0, 0.3]), np.array([1.0, 0, 0, 0]), backend.description.standing_position)
    arm = np.array([0.2, 0.0, 0.1]) - backend.description.com
    expected = np.concatenate([[0, 40.0, 0], np.array([1.0, 2.0, 3.0]) + np.cross(arm, [0, 40.0, 0])])
    assert backend.ground_truth().external_wrench_world == pytest.approx(expected, abs=1e-12)


QUARTER_TURN = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])


@pytest.mark.parametrize(
    ("frame", "expected"),
    [("world", [-(30.0 * 0.4 + 120.0 * 0.16), 0.0, 0.0]), ("body", [0.0, 30.0 * 0.5 + 120.0 * 0.25, 0.0])],
)
def test_drag_looks_at_the_velocity_along_the_axes_of_its_frame(frame, expected):
    # The robot looks along +y; its velocity is 0.4 m/s along x and 0.5 m/s along -y, backwards to itself.
    rotation = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    drag = Drag(linear=(30.0, 0.0, 0.0), quadratic=(120.0, 0.0, 0.0), frame=frame)
    assert drag.force(rotation, np.array([0.4, -0.5, 0.0])) == pytest.approx(expected)


def test_drag_slows_a_flying_robot_as_its_law_says():
    # dv/dt = -(k/m) v |v| has the solution v0 / (1 + k v0 t / m); torques about the centre of mass are none here.
    backend = ideal_robot(disturbances=(Drag(quadratic=(60.0, 60.0, 60.0), frame="world"),))
    mass = backend.model.body_subtreemass[1]
    backend.model.opt.gravity[:] = 0.0
    backend.model.dof_frictionloss[:] = backend.model.dof_damping[:] = 0.0
    start = np.array([2.0, 0.0, 0.0])
    backend.set_state(np.array([0, 0, 3.0]), np.array([1.0, 0, 0, 0]), backend.description.standing_position, start)
    for _ in range(50):
        backend.advance()
    mujoco.mj_subtreeVel(backend.model, backend.data)
    # The base, where the drag acts, swings a little about the centre of mass that the law is solved for.
    assert backend.data.subtree_linvel[1][0] == pytest.approx(2.0 / (1.0 + 60.0 * 2.0 * 0.1 / mass), rel=0.03)
    assert backend.data.subtree_linvel[1][0] < 1.3


def test_the_true_wrench_contains_the_drag_at_the_velocity_of_the_moment():
    backend = ideal_robot(disturbances=(Drag(linear=(0.0, 60.0, 0.0), quadratic=(120.0, 0.0, 0.0)),))
    backend.advance()
    velocity = np.array([0.0, 0.5, 0.0])
    backend.set_state(np.array([0, 0, 0.3]), QUARTER_TURN, backend.description.standing_position, velocity)
    # Turned to the left, the robot moves forward: 120 · 0.25 N against it.
    force = np.array([0.0, -30.0, 0.0])
    rotation = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    expected = np.concatenate([force, -np.cross(rotation @ backend.description.com, force)])
    assert backend.ground_truth().external_wrench_world == pytest.approx(expected, abs=1e-9)
    assert backend.ground_truth().external_wrench_inertial_world == pytest.approx(expected, abs=1e-9)


def test_drag_acts_in_its_time_only():
    backend = ideal_robot(disturbances=(Drag((100.0, 100.0, 100.0), at_s=0.01, until_s=0.03),))
    backend.set_state(np.array([0, 0, 3.0]), QUARTER_TURN, backend.description.standing_position, np.ones(3))
    acting = []
    for _ in range(25):
        backend.advance()
        acting.append(bool(backend.data.qfrc_applied[:3].any()))
    assert np.flatnonzero(acting).tolist() == list(range(5, 15))


def test_a_push_acts_for_its_duration_only():
    backend = ideal_robot(disturbances=(push(0.01, (0.0, 200.0, 0.0), 0.02),))
    acting = []
    for _ in range(25):
        backend.advance()
        acting.append(backend.data.qfrc_applied[1] == 200.0)
    # Physics steps that begin in [0.01, 0.03) are numbers 5 to 14.
    assert np.flatnonzero(acting).tolist() == list(range(5, 15))


def test_a_periodic_wrench_swings_as_a_sine_from_its_begin():
    swing = PeriodicWrench((0.0, 0.0, 40.0), (2.0, 0.0, 0.0), 0.4, at_s=1.0, until_s=2.0, point_m=(0.1, 0.0, 0.0))
    assert [swing.at(t).force_n[2] for t in (1.0, 1.1, 1.2, 1.3, 1.5)] == pytest.approx([0, 40, 0, -40, 40], abs=1e-9)
    assert swing.at(1.1).torque_nm == pytest.approx((2.0, 0.0, 0.0))
    assert (swing.at(1.1).frame, swing.at(1.1).point_m) == ("body", (0.1, 0.0, 0.0))
    quarter = PeriodicWrench((8.0, 0.0, 0.0), period_s=0.4, phase_rad=0.5 * np.pi, at_s=1.0)
    assert quarter.at(1.0).force_n[0] == pytest.approx(8.0)


def test_a_periodic_wrench_pushes_the_simulated_robot_in_its_time_only():
    backend = ideal_robot(disturbances=(PeriodicWrench((0.0, 30.0, 0.0), period_s=0.04, at_s=0.01, until_s=0.05),))
    pushed = []
    for _ in range(30):
        backend.advance()
        pushed.append(backend.data.qfrc_applied[1])
    # Physics step n begins at 2 n ms.
    times = 0.002 * np.arange(30)
    inside = (times > 0.009) & (times < 0.049)
    assert pushed == pytest.approx(np.where(inside, 30.0 * np.sin(2 * np.pi * (times - 0.01) / 0.04), 0.0), abs=0.1)


def test_profiles_swell_as_they_say():
    ramp = Payload(4.0, at_s=1.0, profile="ramp", profile_s=2.0)
    assert [ramp.mass(t) for t in (0.5, 1.0, 2.0, 3.0, 9.0)] == [0.0, 0.0, 2.0, 4.0, 4.0]
    sine = Payload(4.0, at_s=1.0, until_s=5.0, profile="sine", profile_s=2.0)
    assert [sine.mass(t) for t in (1.0, 1.5, 2.0, 3.0, 5.0)] == pytest.approx([0.0, 2.0, 4.0, 0.0, 0.0])


def test_a_ramp_is_followed_while_running():
    backend = ideal_robot(disturbances=(Payload(4.0, at_s=0.0, profile="ramp", profile_s=0.2),))
    for _ in range(50):
        backend.advance()
    assert backend.ground_truth().payload_mass == pytest.approx(2.0, abs=0.25)
    for _ in range(60):
        backend.advance()
    assert backend.ground_truth().payload_mass == 4.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Payload(-1.0), r"Payload\.mass_kg must be finite and > 0, got -1.0"),
        (lambda: Payload(1.0, at_s=2.0, until_s=1.0), r"Payload\.until_s must be > at_s = 2.0, got 1.0"),
        (lambda: Payload(1.0, offset_m=(0.0, float("nan"), 0.0)), r"Payload\.offset_m must be three finite numbers"),
        (lambda: Payload(1.0, profile="square"), "profile must be one of constant, ramp, sine, got 'square'"),
        (lambda: Payload(1.0, size_m=(0.1, 0.0, 0.1)), r"Payload\.size_m must be > 0"),
        (lambda: Payload(1.0, profile_s=0.0), r"Payload\.profile_s must be finite and > 0, got 0.0"),
        (lambda: Wrench(frame="map"), "frame must be one of world, body, got 'map'"),
        (lambda: Wrench(at_s=-1.0), r"Wrench\.at_s must be finite and >= 0, got -1.0"),
        (lambda: PeriodicWrench(period_s=0.0), r"PeriodicWrench\.period_s must be finite and > 0, got 0.0"),
        (lambda: PeriodicWrench(phase_rad=float("inf")), r"PeriodicWrench\.phase_rad must be finite, got inf"),
        (lambda: PeriodicWrench(frame="map"), r"PeriodicWrench\.frame must be one of world, body, got 'map'"),
        (lambda: PeriodicWrench(at_s=-1.0), r"PeriodicWrench\.at_s must be finite and >= 0, got -1.0"),
        (lambda: Drag(linear=(0.0, -1.0, 0.0)), r"Drag\.linear must be >= 0, got \(0.0, -1.0, 0.0\)"),
        (lambda: Drag(quadratic=(1.0, 2.0)), r"Drag\.quadratic must be three finite numbers, got \(1.0, 2.0\)"),
        (lambda: Drag(frame="map"), r"Drag\.frame must be one of world, body, got 'map'"),
        (lambda: Drag(until_s=0.0), r"Drag\.until_s must be > at_s = 0.0, got 0.0"),
        (lambda: Wrench(force_n=(1.0, 2.0)), r"Wrench\.force_n must be three finite numbers, got \(1.0, 2.0\)"),
    ],
)
def test_impossible_disturbances_are_refused(make, message):
    with pytest.raises(InvalidValue, match=message):
        make()
