from dataclasses import replace

import mujoco
import numpy as np
import pytest
from simulated_robot import ideal_robot, impedance

from controllers.errors import InvalidValue, UnknownName
from controllers.robot.interface import JointCommand
from controllers.robot.joints import JOINT_NAMES
from sim.quadruped_backend import MujocoQuadruped, SimConfig
from sim.sensors import SensorConfig

ROBOTS = ("go2", "go1", "aliengo")


@pytest.mark.parametrize("robot", ROBOTS)
def test_a_lying_robot_is_at_rest_with_its_motors_off(robot):
    backend = ideal_robot(robot, "lie")
    before = backend.ground_truth()
    for _ in range(250):
        backend.advance()
    after = backend.ground_truth()
    assert np.abs(after.position_world - before.position_world).max() < 0.002
    assert np.abs(after.joint_velocity).max() < 0.1
    assert after.height < 0.15 and not after.has_stood


@pytest.mark.parametrize("robot", ROBOTS)
def test_feet_carry_the_weight_of_a_standing_robot(robot):
    backend = ideal_robot(robot)
    weight = backend.model.body_subtreemass[1] * 9.81
    backend.write(impedance(backend, 150.0, 8.0))
    for _ in range(750):
        backend.advance()
    truth = backend.ground_truth()
    assert truth.foot_force_world.sum(axis=0) == pytest.approx([0.0, 0.0, weight], abs=0.005 * weight)
    assert backend.read().foot_force == pytest.approx(truth.foot_force_world[:, 2], abs=1.0)
    assert truth.has_stood and not truth.trunk_contact
    assert np.abs(truth.foot_position_world[:, 2] - backend.description.foot_radius).max() < 0.0025


def test_motors_follow_the_impedance_law_at_every_physics_step():
    backend = ideal_robot(control_dt=0.002, physics_dt=0.0005)
    rng = np.random.default_rng(3)
    pose = backend.description.standing_position
    command = JointCommand(
        0.0,
        pose + rng.uniform(-0.02, 0.02, 12),
        rng.uniform(-0.5, 0.5, 12),
        rng.uniform(-2.0, 2.0, 12),
        rng.uniform(5.0, 40.0, 12),
        rng.uniform(0.1, 2.0, 12),
    )
    backend.write(command)
    single = ideal_robot(control_dt=0.0005, physics_dt=0.0005)
    single.write(command)
    for _ in range(4):
        state = single.read()
        expected = command.torque(state.joint_position, state.joint_velocity)
        single.advance()
        assert single.read().joint_effort == pytest.approx(expected, abs=1e-9)
    backend.advance()
    assert np.array_equal(backend.read().joint_position, single.read().joint_position)


@pytest.mark.parametrize("robot", ROBOTS)
def test_motors_saturate_at_their_rated_torque(robot):
    backend = ideal_robot(robot)
    zero = np.zeros(12)
    backend.write(JointCommand(0.0, zero, zero, np.where(np.arange(12) % 2, 500.0, -500.0), zero, zero))
    backend.advance()
    expected = np.where(np.arange(12) % 2, 1.0, -1.0) * backend.description.torque_limit
    assert backend.read().joint_effort == pytest.approx(expected, abs=1e-12)


def test_a_weak_leg_exerts_its_share_and_reports_what_a_healthy_one_would():
    weak = MujocoQuadruped(
        "go2", SimConfig(sensors=SensorConfig.ideal(), initial_pose="stand", leg_strength=(1.0, 0.85, 1.0, 1.0))
    )
    share = np.repeat([1.0, 0.85, 1.0, 1.0], 3)
    command = impedance(weak, 20.0, 0.5)
    state = weak.read()
    asked = command.torque(state.joint_position + 0.01, state.joint_velocity)
    weak.write(replace(command, position=command.position - 0.01))
    weak.advance()
    assert weak.ground_truth().joint_effort == pytest.approx(share * asked, abs=1e-9)
    assert weak.read().joint_effort == pytest.approx(asked, abs=1e-9)
    zero = np.zeros(12)
    weak.write(JointCommand(weak.time, zero, zero, np.full(12, 500.0), zero, zero))
    weak.advance()
    assert weak.ground_truth().joint_effort == pytest.approx(share * weak.description.torque_limit, abs=1e-9)


def test_joints_are_addressed_by_name(standing):
    angles = np.linspace(-0.3, 0.3, 12) + standing.description.standing_position
    standing.set_state(np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 0.0]), angles)
    for name, angle in zip(JOINT_NAMES, angles, strict=True):
        assert standing.data.joint(name).qpos[0] == angle
    assert np.array_equal(standing.read().joint_position, angles)
    standing.write(JointCommand(0.0, angles, np.zeros(12), np.arange(12.0), np.zeros(12), np.zeros(12)))
    standing.advance()
    for number, name in enumerate(JOINT_NAMES):
        assert standing.data.qfrc_actuator[standing.model.joint(name).dofadr[0]] == pytest.approx(number, abs=1e-12)


def test_no_torque_flows_before_the_first_command_and_after_a_reset(standing):
    standing.advance()
    assert not standing.read().joint_effort.any()
    standing.write(impedance(standing))
    standing.advance()
    assert standing.read().joint_effort.any()
    standing.reset(np.random.default_rng(0))
    standing.advance()
    assert not standing.read().joint_effort.any()


def test_the_caller_may_reuse_the_arrays_of_a_command(standing):
    command = impedance(standing)
    standing.write(command)
    other = ideal_robot()
    other.write(impedance(other))
    for name in ("position", "stiffness", "damping", "effort"):
        getattr(command, name)[:] = 99.0
    standing.advance()
    other.advance()
    assert np.array_equal(standing.read().joint_effort, other.read().joint_effort)


def test_a_command_with_nan_is_refused_and_the_former_one_stays(standing):
    standing.write(impedance(standing))
    bad = impedance(standing)
    bad.effort[3] = np.nan
    with pytest.raises(InvalidValue, match=r"JointCommand\.effort must be finite, got NaN or Inf at index 3"):
        standing.write(bad)
    other = ideal_robot()
    other.write(impedance(other))
    standing.advance()
    other.advance()
    assert np.array_equal(standing.read().joint_effort, other.read().joint_effort)


def test_a_command_of_the_wrong_shape_is_refused(standing):
    command = impedance(standing)
    command.position = np.zeros(11)
    with pytest.raises(InvalidValue, match=r"JointCommand\.position must have shape \(12,\), got \(11,\)"):
        standing.write(command)


def test_time_stamps_are_integer_nanoseconds_times_1e_9():
    backend = ideal_robot(physics_dt=0.001, control_dt=0.003)
    for tick in range(1, 1001):
        backend.advance()
        assert backend.read().time == (tick * 3_000_000) * 1e-9


def test_the_clock_goes_on_over_a_reset(standing):
    for _ in range(10):
        standing.advance()
    assert standing.reset(np.random.default_rng(0)).time == 20_000_000 * 1e-9
    assert standing.elapsed == 0.0
    standing.advance()
    assert standing.read().time == 22_000_000 * 1e-9


def test_nothing_moves_while_paused(standing):
    before = standing.read()
    standing.paused = True
    standing.advance()
    assert standing.read() is before
    standing.paused = False
    standing.advance()
    assert standing.read().time > before.time


def test_the_same_seed_gives_bitwise_the_same_run():
    def run(seed):
        backend = MujocoQuadruped("go2", SimConfig(initial_pose="stand"))
        state = backend.reset(np.random.default_rng(seed))
        readings = []
        for _ in range(200):
            command = impedance(backend)
            # Feeds the noise back into the motion.
            command.effort = -0.1 * state.joint_velocity
            backend.write(command)
            backend.advance()
            state = backend.read()
            readings.append(np.concatenate([state.joint_position, state.orientation, state.linear_acceleration_body]))
        return np.array(readings), backend.ground_truth().position_world

    first, second, other = run(5), run(5), run(6)
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert not np.array_equal(first[1], other[1])


def test_a_run_after_a_reset_equals_the_first_run(standing):
    def run():
        standing.write(impedance(standing))
        for _ in range(100):
            standing.advance()
        return standing.data.qpos.copy()

    first = run()
    standing.reset(np.random.default_rng(0))
    assert np.array_equal(run(), first)


def test_ideal_sensors_read_the_truth(standing):
    standing.write(impedance(standing))
    for _ in range(30):
        standing.advance()
    state, truth = standing.read(), standing.ground_truth()
    state.validate()
    assert np.array_equal(state.joint_position, truth.joint_position)
    assert np.array_equal(state.joint_velocity, truth.joint_velocity)
    assert np.array_equal(state.joint_effort, truth.joint_effort)
    assert np.array_equal(state.orientation, truth.orientation)
    assert np.array_equal(state.angular_velocity_body, truth.angular_velocity_body)
    assert state.time == truth.time


def test_the_accelerometer_reads_plus_g_at_rest_and_nothing_in_free_fall(standing):
    level = np.array([1.0, 0.0, 0.0, 0.0])
    standing.write(impedance(standing))
    for _ in range(750):
        standing.advance()
    tilt = standing.ground_truth().orientation
    up = np.zeros(3)
    conjugate = tilt * np.array([1.0, -1.0, -1.0, -1.0])
    mujoco.mju_rotVecQuat(up, np.array([0.0, 0.0, 9.81]), conjugate)
    assert standing.read().linear_acceleration_body == pytest.approx(up, abs=0.02)
    standing.reset(np.random.default_rng(0))
    standing.set_state(np.array([0.0, 0.0, 2.0]), level, standing.description.standing_position)
    standing.advance()
    assert np.abs(standing.read().linear_acceleration_body).max() < 0.05


def test_noise_has_the_configured_size():
    config = SimConfig(initial_pose="lie", sensors=SensorConfig(joint_position_std=0.01, gyro_std=0.2))
    backend = MujocoQuadruped("go2", config)
    errors, rates = [], []
    for _ in range(400):
        backend.advance()
        truth = backend.ground_truth()
        errors.append(backend.read().joint_position - truth.joint_position)
        rates.append(backend.read().angular_velocity_body - truth.angular_velocity_body)
    assert np.std(errors) == pytest.approx(0.01, rel=0.05)
    assert np.std(rates) == pytest.approx(0.2, rel=0.08)


def test_orientation_noise_is_a_small_rotation():
    config = SimConfig(initial_pose="lie", sensors=SensorConfig(orientation_std=0.02))
    backend = MujocoQuadruped("go2", config)
    angles = []
    for _ in range(400):
        backend.advance()
        noisy, true = backend.read().orientation, backend.ground_truth().orientation
        assert np.linalg.norm(noisy) == pytest.approx(1.0, abs=1e-12)
        difference, vector = np.zeros(4), np.zeros(3)
        mujoco.mju_mulQuat(difference, true * np.array([1.0, -1.0, -1.0, -1.0]), noisy)
        mujoco.mju_quat2Vel(vector, difference, 1.0)
        angles.append(vector.copy())
    assert np.std(angles, axis=0) == pytest.approx(np.full(3, 0.02), rel=0.15)


def test_delayed_readings_are_exactly_k_ticks_old():
    sensors = SensorConfig.ideal()
    delayed = MujocoQuadruped("go2", SimConfig(initial_pose="stand", sensors=SensorConfig(*[0.0] * 7, delay_ticks=3)))
    direct = MujocoQuadruped("go2", SimConfig(initial_pose="stand", sensors=sensors))
    history = [direct.read()]
    for tick in range(1, 20):
        delayed.advance()
        direct.advance()
        history.append(direct.read())
        expected = history[max(tick - 3, 0)]
        assert delayed.read().time == expected.time
        assert np.array_equal(delayed.read().joint_position, expected.joint_position)


def test_reading_twice_gives_the_same_reading():
    backend = MujocoQuadruped("go2", SimConfig(initial_pose="stand"))
    backend.advance()
    assert backend.read() is backend.read()


def test_a_robot_without_foot_sensors_reports_none():
    config = SimConfig(sensors=SensorConfig(foot_sensors=False))
    assert MujocoQuadruped("go2", config).read().foot_force is None


@pytest.mark.parametrize("robot", ROBOTS)
def test_the_simulated_robot_has_the_masses_of_its_model_file(robot):
    backend = ideal_robot(robot)
    original = mujoco.MjModel.from_xml_path(str(backend.description.model_path))
    for body in range(1, original.nbody):
        ours = backend.model.body(original.body(body).name).id
        assert backend.model.body_mass[ours] == original.body_mass[body]
        assert np.array_equal(backend.model.body_inertia[ours], original.body_inertia[body])
        assert np.array_equal(backend.model.body_ipos[ours], original.body_ipos[body])
    assert backend.model.nmesh == 0


def test_the_plant_may_differ_from_its_nominal_model():
    nominal = MujocoQuadruped("go2")
    heavy = MujocoQuadruped("go2", SimConfig(mass_scale=1.05, inertia_scale=0.95))
    assert heavy.model.body_mass == pytest.approx(1.05 * nominal.model.body_mass, rel=1e-12)
    assert heavy.model.body_inertia == pytest.approx(0.95 * nominal.model.body_inertia, rel=1e-12)
    assert heavy.description is nominal.description


def test_an_unknown_robot_is_refused_with_those_that_exist():
    with pytest.raises(UnknownName, match="unknown robot 'spot9'; available: aliengo, go1, go2"):
        MujocoQuadruped("spot9")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"physics_dt": 0.0}, r"physics_dt must lie in \(0, 0.1\], got 0.0"),
        ({"control_dt": 0.003}, "control_dt must be a whole multiple of physics_dt = 0.002, got 0.003"),
        ({"physics_dt": 1 / 3000, "control_dt": 1 / 3000}, "physics_dt must be a whole number of nanoseconds"),
        ({"initial_pose": "fly"}, "initial_pose must be one of lie, stand, got 'fly'"),
        ({"leg_strength": (1.0, 1.0, 0.0, 1.0)}, r"leg_strength must be four numbers in \(0, 1\], got \(1.0, 1.0, 0.0"),
        ({"leg_strength": (1.0, 1.0)}, r"leg_strength must be four numbers in \(0, 1\], got \(1.0, 1.0\)"),
        ({"mass_scale": float("nan")}, r"mass_scale must lie in \[0.1, 10\], got nan"),
    ],
)
def test_an_impossible_simulation_is_refused(change, message):
    with pytest.raises(InvalidValue, match=message):
        SimConfig(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gyro_std": -1.0}, r"SensorConfig\.gyro_std must be finite and >= 0, got -1.0"),
        ({"delay_ticks": 1.5}, r"SensorConfig\.delay_ticks must be an integer >= 0, got 1.5"),
    ],
)
def test_impossible_sensors_are_refused(change, message):
    with pytest.raises(InvalidValue, match=message):
        SensorConfig(**change)
