import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from controllers.quadruped.limbs import ROLLING_SPEED, LimbConfig, limb_command, respect_stops
from controllers.robot.catalog import ROBOTS, load_robot
from controllers.robot.joints import JOINT_NAMES
from controllers.robot.kinematics import LegKinematics
from controllers.rotations import matrix_from_rpy, quaternion_from_rpy

STIFFNESS, DAMPING, STANCE_DAMPING, MAX_ACCELERATION = 40.0, 1.5, 0.4, 600.0
SLIP_DAMPING, BRAKING = 3.0, 300.0


class Limbs:
    """A robot in a state of motion, and what its legs are told."""

    def __init__(self, name="go2", rpy=(0.05, -0.08, 0.7), moving=True, seed=0):
        rng = np.random.default_rng(seed)
        self.robot = load_robot(name)
        self.kinematics = LegKinematics(self.robot)
        self.rpy, self.rotation = rpy, matrix_from_rpy(*rpy)
        self.joints = np.array(self.robot.standing_position) + rng.normal(size=12) * 0.1
        motion = 1.0 if moving else 0.0
        self.rates = motion * rng.normal(size=12)
        self.base_position, self.base_velocity = np.array([1.0, 2.0, 0.3]), motion * np.array([0.5, -0.2, 0.1])
        self.spin_body = motion * np.array([0.4, -0.6, 0.8])
        self.stance, self.forces, self.underfoot = np.ones(4), np.zeros((4, 3)), np.zeros(3)
        self.foot_position, self.foot_velocity = np.zeros((4, 3)), np.zeros((4, 3))
        self.foot_acceleration = np.zeros((4, 3))
        self.velocity_reference, self.spin_reference_body = np.zeros(3), np.zeros(3)
        self.dry_friction = np.zeros(12)
        self.max_acceleration = MAX_ACCELERATION
        self.slip_damping = 0.0
        self.stops = np.full(12, -1e3), np.full(12, 1e3)

    def command(self):
        r = self.robot
        out = [np.full(12, np.nan) for _ in range(5)]
        limb_command(
            self.kinematics.packed,
            *(np.array(a) for a in (r.link_mass, r.link_com, r.link_inertia, r.armature, r.damping)),
            self.dry_friction,
            np.array([STIFFNESS, DAMPING, STANCE_DAMPING, self.max_acceleration, self.slip_damping, BRAKING]),
            *self.stops,
            *(self.joints, self.rates, self.rotation, self.base_position, self.base_velocity, self.spin_body),
            *(self.stance, self.forces, self.underfoot),
            *(self.foot_position, self.foot_velocity, self.foot_acceleration),
            *(self.velocity_reference, self.spin_reference_body, *out),
        )
        self.position, self.velocity, self.effort, self.stiffness, self.damping = out
        return self

    def swing(self, *legs):
        """Let legs swing about where their feet are."""
        self.stance[list(legs)] = 0.0
        self.foot_position[:] = self.base_position + self.kinematics.foot_positions(self.joints) @ self.rotation.T
        return self


class Twin:
    """The same robot in the same state in MuJoCo, touching nothing."""

    def __init__(self, limbs):
        self.limbs = limbs
        off = mujoco.mjtDisableBit
        self.model = mujoco.MjModel.from_xml_path(str(limbs.robot.model_path))
        self.model.opt.disableflags |= off.mjDSBL_CONTACT | off.mjDSBL_LIMIT | off.mjDSBL_FRICTIONLOSS
        self.data = mujoco.MjData(self.model)
        joints = [self.model.joint(name) for name in JOINT_NAMES]
        self.dof = np.array([joint.dofadr[0] for joint in joints])
        self.address = np.array([joint.qposadr[0] for joint in joints])
        self.data.qpos[:3], self.data.qpos[3:7] = limbs.base_position, quaternion_from_rpy(*limbs.rpy)
        self.data.qpos[self.address] = limbs.joints
        self.data.qvel[:3], self.data.qvel[3:6] = limbs.base_velocity, limbs.spin_body
        self.data.qvel[self.dof] = limbs.rates
        mujoco.mj_forward(self.model, self.data)

    def foot_jacobian(self, leg, qpos=None, underfoot=0.0):
        """Of the point of a calf at a distance from the centre of its foot, world axes."""
        data = self.data
        if qpos is not None:
            data = mujoco.MjData(self.model)
            data.qpos[:] = qpos
            mujoco.mj_kinematics(self.model, data)
            mujoco.mj_comPos(self.model, data)
        geom = self.model.geom(self.limbs.robot.foot_geoms[leg])
        jacobian = np.empty((3, self.model.nv))
        mujoco.mj_jac(self.model, data, jacobian, None, data.geom_xpos[geom.id] + underfoot, geom.bodyid[0])
        return jacobian

    def accelerations_on_held_base(self, effort):
        """Joint accelerations when the base moves on without acceleration."""
        n = self.model.nv
        mass = np.empty((n, n))
        for i, unit in enumerate(np.eye(n)):
            mujoco.mj_mulM(self.model, self.data, mass[i], unit)
        rest = effort - self.data.qfrc_bias[self.dof] + self.data.qfrc_passive[self.dof]
        out = np.zeros(n)
        out[self.dof] = np.linalg.solve(mass[np.ix_(self.dof, self.dof)], rest)
        return out

    def foot_acceleration(self, leg, qacc):
        eps, ahead, back = 1e-6, self.data.qpos.copy(), self.data.qpos.copy()
        mujoco.mj_integratePos(self.model, ahead, self.data.qvel, eps)
        mujoco.mj_integratePos(self.model, back, self.data.qvel, -eps)
        change = (self.foot_jacobian(leg, ahead) - self.foot_jacobian(leg, back)) @ self.data.qvel / (2.0 * eps)
        return self.foot_jacobian(leg) @ qacc + change


@pytest.mark.parametrize("name", sorted(ROBOTS))
def test_the_torques_of_a_balanced_stance_keep_the_robot_still(name):
    limbs = Limbs(name, moving=False)
    twin = Twin(limbs)
    # Forces that balance weight and moment about the true centre of mass, the smallest ones.
    feet = limbs.base_position + limbs.kinematics.foot_positions(limbs.joints) @ limbs.rotation.T
    limbs.underfoot = np.array([0.006, -0.004, -0.021])
    levers = feet + limbs.underfoot - twin.data.subtree_com[1]
    balance = np.vstack((np.tile(np.eye(3), 4), np.hstack([_skew(lever) for lever in levers])))
    weight = limbs.robot.mass * 9.81
    limbs.forces = np.linalg.lstsq(balance, np.array([0, 0, weight, 0, 0, 0]), rcond=None)[0].reshape(4, 3)
    effort = limbs.command().effort
    twin.data.qfrc_applied[twin.dof] = effort
    for leg in range(4):
        twin.data.qfrc_applied[:] += twin.foot_jacobian(leg, underfoot=limbs.underfoot).T @ limbs.forces[leg]
    mujoco.mj_forward(twin.model, twin.data)
    assert twin.data.qacc == pytest.approx(np.zeros(twin.model.nv), abs=1e-6)
    # Without the torques the legs fold, so the test can fail.
    twin.data.qfrc_applied[twin.dof] = 0.0
    mujoco.mj_forward(twin.model, twin.data)
    assert np.abs(twin.data.qacc).max() > 10.0


def _skew(v):
    return np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])


def test_standing_legs_push_with_the_transposed_jacobian_of_where_they_touch_the_ground():
    limbs = Limbs(moving=False)
    idle = limbs.command().effort.copy()
    limbs.forces = np.random.default_rng(1).normal(size=(4, 3)) * 50.0
    limbs.underfoot = np.array([0.008, 0.005, -0.02])
    extra, twin = limbs.command().effort - idle, Twin(limbs)
    for leg in range(4):
        own = slice(3 * leg, 3 * leg + 3)
        jacobian = twin.foot_jacobian(leg, underfoot=limbs.underfoot)[:, twin.dof[own]]
        assert extra[own] == pytest.approx(-jacobian.T @ limbs.forces[leg], abs=1e-9)


def test_standing_legs_are_only_damped():
    limbs = Limbs().command()
    assert (limbs.stiffness == 0.0).all() and (limbs.damping == STANCE_DAMPING).all()
    assert (limbs.position == limbs.joints).all()


def test_joint_rates_of_standing_legs_are_those_of_feet_fixed_under_the_commanded_body():
    limbs = Limbs()
    limbs.velocity_reference = np.array([0.5, 0.1, 0.0])
    limbs.spin_reference_body = limbs.rotation.T @ [0.0, 0.0, 0.8]
    limbs.command()
    feet = limbs.kinematics.foot_positions(limbs.joints)
    relative = limbs.kinematics.foot_velocities(limbs.joints, limbs.velocity)
    world = limbs.velocity_reference + (relative + np.cross(limbs.spin_reference_body, feet)) @ limbs.rotation.T
    assert world == pytest.approx(np.zeros((4, 3)), abs=1e-3)


@pytest.mark.parametrize("name", sorted(ROBOTS))
def test_swinging_feet_accelerate_as_wanted(name):
    limbs = Limbs(name).swing(1, 2)
    limbs.foot_acceleration = np.random.default_rng(2).normal(size=(4, 3)) * 10.0
    twin = Twin(limbs)
    qacc = twin.accelerations_on_held_base(limbs.command().effort)
    for leg in (1, 2):
        assert twin.foot_acceleration(leg, qacc) == pytest.approx(limbs.foot_acceleration[leg], abs=2e-2)


def test_swinging_joints_aim_at_the_wanted_foot():
    limbs = Limbs().swing(0, 3)
    limbs.foot_position += np.random.default_rng(3).normal(size=(4, 3)) * 0.02
    limbs.command()
    feet = limbs.base_position + limbs.kinematics.foot_positions(limbs.position) @ limbs.rotation.T
    assert feet[[0, 3]] == pytest.approx(limbs.foot_position[[0, 3]], abs=1e-9)
    swinging = np.repeat(limbs.stance < 0.5, 3)
    assert (limbs.stiffness[swinging] == STIFFNESS).all() and (limbs.damping[swinging] == DAMPING).all()


def test_swinging_joints_move_the_foot_at_the_wanted_velocity():
    limbs = Limbs().swing(0, 1, 2, 3)
    limbs.foot_velocity = np.random.default_rng(4).normal(size=(4, 3))
    limbs.command()
    feet = limbs.kinematics.foot_positions(limbs.joints)
    relative = limbs.kinematics.foot_velocities(limbs.joints, limbs.velocity)
    world = limbs.base_velocity + (relative + np.cross(limbs.spin_body, feet)) @ limbs.rotation.T
    assert world == pytest.approx(limbs.foot_velocity, abs=1e-3)


def test_joint_rates_are_bounded():
    limbs = Limbs().swing(0)
    limbs.foot_velocity[0] = [300.0, 300.0, -300.0]
    assert np.abs(limbs.command().velocity[:3]).max() == 25.0


def test_the_acceleration_fed_forward_is_bounded():
    limbs = Limbs().swing(0)
    limbs.max_acceleration = 50.0
    limbs.foot_acceleration[0] = [1e4, -1e4, 1e4]
    twin = Twin(limbs)
    qacc = twin.accelerations_on_held_base(limbs.command().effort)
    assert np.abs(qacc[twin.dof[:3]]) == pytest.approx(np.full(3, 50.0), rel=1e-3)


def test_a_stretched_leg_gets_finite_commands():
    limbs = Limbs(moving=False).swing(0)
    limbs.joints[1:3] = 0.0, 0.0
    limbs.foot_position[0] = limbs.base_position + np.array([5.0, 0.0, -5.0])
    limbs.foot_velocity[0], limbs.foot_acceleration[0] = [1.0, 2.0, 3.0], [10.0, 20.0, 30.0]
    limbs.command()
    for name in ("position", "velocity", "effort", "stiffness", "damping"):
        assert np.isfinite(getattr(limbs, name)).all(), name


def test_dry_friction_is_fed_forward_along_the_wanted_motion():
    limbs = Limbs().swing(0, 1, 2, 3)
    limbs.foot_velocity = np.random.default_rng(5).normal(size=(4, 3))
    smooth = limbs.command().effort.copy()
    limbs.dry_friction[:] = 0.2
    extra = limbs.command().effort - smooth
    assert extra == pytest.approx(0.2 * np.clip(limbs.velocity / 0.3, -1.0, 1.0), abs=1e-12)
    assert (np.abs(limbs.velocity) > 0.3).any()


def test_a_foot_that_slips_is_braked_and_one_that_holds_is_not():
    limbs = Limbs()
    # The feet at rest in the world while the base moves: no slip.
    twin = Twin(limbs)
    for leg in range(4):
        jacobian = twin.foot_jacobian(leg)
        motion = twin.data.qvel.copy()
        motion[twin.dof] = 0.0
        own = twin.dof[3 * leg : 3 * leg + 3]
        limbs.rates[3 * leg : 3 * leg + 3] = np.linalg.solve(jacobian[:, own], -jacobian @ motion)
    damped = limbs.command().damping * (limbs.velocity - limbs.rates)
    limbs.slip_damping = SLIP_DAMPING
    braked = limbs.command().damping * (limbs.velocity - limbs.rates)
    assert braked == pytest.approx(damped, abs=1e-9)
    # Now one joint of each leg is faster; all but what may be rolling is braked.
    limbs.slip_damping = 0.0
    limbs.rates[1::3] += 2.0
    damped = limbs.command().damping * (limbs.velocity - limbs.rates)
    limbs.slip_damping = SLIP_DAMPING
    braked = limbs.command().damping * (limbs.velocity - limbs.rates)
    for leg in range(4):
        slip = 2.0 * np.linalg.norm(twin.foot_jacobian(leg)[:, twin.dof[3 * leg + 1]])
        torque = -2.0 * SLIP_DAMPING * (1.0 - ROLLING_SPEED / slip)
        change = (braked - damped)[3 * leg : 3 * leg + 3]
        assert change == pytest.approx([0.0, torque, 0.0], abs=2e-3)


def test_braking_slips_leaves_the_dry_friction_that_is_fed_forward_alone():
    limbs = Limbs()
    limbs.dry_friction[:] = 0.7
    limbs.velocity_reference[:] = 0.5, 0.2, 0.0
    before = limbs.command().effort.copy()
    limbs.slip_damping = SLIP_DAMPING
    assert np.array_equal(limbs.command().effort, before)


@pytest.mark.parametrize(
    "name",
    ["swing_stiffness", "swing_damping", "stance_damping", "slip_damping", "friction_compensation", "stop_margin"],
)
@pytest.mark.parametrize("value", [-0.1, float("nan")])
def test_negative_gains_are_refused(name, value):
    with pytest.raises(InvalidValue, match=f"LimbConfig.{name} must be >= 0, got {value}"):
        LimbConfig(**{name: value})


@pytest.mark.parametrize("name", ["max_joint_acceleration", "stop_deceleration"])
def test_bounds_of_accelerations_must_be_positive(name):
    with pytest.raises(InvalidValue, match=f"LimbConfig.{name} must be > 0, got 0.0"):
        LimbConfig(**{name: 0.0})


def brought_to_rest(position, velocity, wanted, duration=1.0, dt=1e-4):
    """Integrate a joint between stops at ± 1 rad that does exactly what it is allowed; return its positions."""
    q, v, path = np.array([position]), np.array([velocity]), []
    for _ in range(int(duration / dt)):
        acceleration = np.array([wanted])
        respect_stops(-1.0, 1.0, BRAKING, MAX_ACCELERATION, 0, q, v, np.zeros(1), np.zeros(1), acceleration)
        v = v + dt * acceleration
        q = q + dt * v
        path.append(q[0])
    return np.array(path)


@settings(deadline=None, max_examples=30)
@given(
    st.floats(-1.0, 1.0),
    st.floats(-1.0, 1.0),
    st.floats(-MAX_ACCELERATION, MAX_ACCELERATION),
)
def test_a_joint_that_can_still_brake_never_passes_its_stops_whatever_it_is_asked_for(position, share, wanted):
    # As fast as it may be: v² = 2 a d.
    distance = 1.0 - position if share > 0.0 else 1.0 + position
    path = brought_to_rest(position, share * np.sqrt(2.0 * BRAKING * distance), wanted)
    assert np.abs(path).max() < 1.0 + 1e-3


def test_a_joint_that_is_pushed_towards_its_stop_for_ever_comes_to_rest_at_it():
    assert brought_to_rest(0.0, 0.0, 100.0)[-1] == pytest.approx(1.0, abs=1e-3)


def test_far_from_the_stops_nothing_is_changed():
    position, velocity, acceleration = np.array([0.4]), np.array([-3.0]), np.array([250.0])
    respect_stops(-1.0, 1.0, BRAKING, 600.0, 0, np.zeros(1), np.ones(1), position, velocity, acceleration)
    assert (position[0], velocity[0], acceleration[0]) == (0.4, -3.0, 250.0)


def test_targets_of_a_swinging_leg_stay_between_the_stops_and_a_standing_leg_is_left_alone():
    free, bounded = (Limbs(moving=False).swing(0) for _ in range(2))
    for limbs in (free, bounded):
        limbs.foot_position[0] += np.array([0.0, 0.3, 0.1])
        limbs.forces[3] = (0.0, 0.0, 40.0)
    hip = bounded.joints[0]
    bounded.stops = np.full(12, -10.0), np.full(12, 10.0)
    bounded.stops[1][0] = hip + 0.1
    free.command()
    bounded.command()
    assert free.position[0] > hip + 0.2
    assert bounded.position[0] == hip + 0.1
    assert np.array_equal(free.effort[3:], bounded.effort[3:])
