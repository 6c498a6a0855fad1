"""A quadruped in MuJoCo behind the `RobotBackend` protocol."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.catalog import load_robot
from controllers.robot.interface import N_JOINTS, N_LEGS, JointCommand, RobotState
from controllers.rotations import matrix_from_quaternion, skew
from sim.contacts import ground_contacts
from sim.disturbances import Disturbance, Drag, Payload, PeriodicWrench, Wrench
from sim.friction import Friction, UniformFriction
from sim.ground_truth import STOOD_HEIGHT_M, GroundTruth, roll_pitch
from sim.initial_pose import lying, standing
from sim.payloads import PayloadCarrier
from sim.sensors import ACCELEROMETER, CHANNELS, EFFORT, FOOT, GYRO, POSITION, VELOCITY, SensorConfig, SensorSuite
from sim.terrain import Flat, Terrain
from sim.world import build_spec, index_model

Array = npt.NDArray[np.float64]

INITIAL_POSES = ("lie", "stand")
NANOSECONDS = 1_000_000_000
PAYLOAD_UPDATE_S = 0.01
HEALTHY = (1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class SimConfig:
    """How a robot is simulated.

    Attributes:
        physics_dt: Integration step [s].
        control_dt: Control period, a whole multiple of `physics_dt` [s].
        sensors: Noise and delay.
        initial_pose: "lie" (folded, at rest on the ground) or "stand" (on its feet, motors off).
        mass_scale: Factor on the mass of every link of the simulated robot; its nominal model stays as it is.
        inertia_scale: Factor on the rotational inertia of every link.
        leg_strength: Share of the torque asked for, and of its limit, that the motors of FL, FR, RL and RR exert. The
            measured torque is that of a healthy motor, as a drive infers it from its current.
    """

    physics_dt: float = 0.002
    control_dt: float = 0.002
    sensors: SensorConfig = field(default_factory=SensorConfig)
    initial_pose: str = "lie"
    mass_scale: float = 1.0
    inertia_scale: float = 1.0
    leg_strength: tuple[float, float, float, float] = HEALTHY

    def __post_init__(self) -> None:
        """Refuse periods that do not fit and impossible factors.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for name in ("physics_dt", "control_dt"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 < value <= 0.1):
                raise InvalidValue(f"SimConfig.{name} must lie in (0, 0.1], got {value}")
            if abs(value * NANOSECONDS - round(value * NANOSECONDS)) > 1e-3:
                raise InvalidValue(f"SimConfig.{name} must be a whole number of nanoseconds, got {value}")
        if round(self.control_dt * NANOSECONDS) % round(self.physics_dt * NANOSECONDS):
            raise InvalidValue(
                f"SimConfig.control_dt must be a whole multiple of physics_dt = {self.physics_dt}, "
                f"got {self.control_dt}"
            )
        if self.initial_pose not in INITIAL_POSES:
            raise InvalidValue(
                f"SimConfig.initial_pose must be one of {', '.join(INITIAL_POSES)}, got '{self.initial_pose}'"
            )
        for name in ("mass_scale", "inertia_scale"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.1 <= value <= 10.0):
                raise InvalidValue(f"SimConfig.{name} must lie in [0.1, 10], got {value}")
        strength = self.leg_strength
        if len(strength) != N_LEGS or not all(math.isfinite(s) and 0.0 < s <= 1.0 for s in strength):
            raise InvalidValue(f"SimConfig.leg_strength must be four numbers in (0, 1], got {strength}")


class MujocoQuadruped:
    """A simulated robot on a ground, with what happens to it.

    Args:
        robot: Name of the robot.
        config: How it is simulated.
        terrain: What it stands on.
        friction: How slippery that is under the feet.
        disturbances: Payloads, wrenches and drag; their times count from the last reset.
    """

    def __init__(
        self,
        robot: str = "go2",
        config: SimConfig | None = None,
        terrain: Terrain | None = None,
        friction: Friction | None = None,
        disturbances: Sequence[Disturbance] = (),
    ) -> None:
        self.config = config or SimConfig()
        self.description = load_robot(robot)
        self.terrain = terrain or Flat()
        self.friction = friction or UniformFriction()
        self.control_period = self.config.control_dt
        self.paused = False
        spec = build_spec(self.description, self.terrain, self.friction.coefficient(0.0, 0.0), self.config.physics_dt)
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self._index = index_model(self.model)
        self._scratch = mujoco.MjData(self.model)
        self.model.body_mass[:] *= self.config.mass_scale
        self.model.body_inertia[:] *= self.config.inertia_scale
        mujoco.mj_setConst(self.model, self._scratch)
        self._strength = np.repeat(np.array(self.config.leg_strength), N_JOINTS // N_LEGS)
        self.model.actuator_gainprm[:, 0] *= self._strength
        self.model.actuator_forcerange *= self._strength[:, None]
        self._carrier = PayloadCarrier(self.model, self._index.base)
        self._substeps = round(self.config.control_dt / self.config.physics_dt)
        self._dt_ns = round(self.config.physics_dt * NANOSECONDS)
        self._healthy = bool((self._strength == 1.0).all())
        self._sensors = SensorSuite(self.config.sensors)
        self._view_arrays()
        self._step = 0
        self._first_step = 0
        self._has_stood = False
        self.set_disturbances(disturbances)
        start = lying if self.config.initial_pose == "lie" else standing
        self._initial = start(self.model, self._index, self.description)
        self.reset(np.random.default_rng(0))

    @property
    def time(self) -> float:
        """Time on the simulation's clock, which never runs backwards [s]."""
        return self._step * self._dt_ns * 1e-9

    @property
    def elapsed(self) -> float:
        """Time since the last reset [s]."""
        return (self._step - self._first_step) * self._dt_ns * 1e-9

    def reset(self, rng: np.random.Generator) -> RobotState:
        """Put the robot back into its initial pose, motors off, payloads taken off; the clock goes on.

        Args:
            rng: Source of the sensor noise from now on.

        Returns:
            The first reading.
        """
        self._first_step = self._step
        self._has_stood = False
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = self._initial
        self._drive(0.0, 0.0, 0.0)
        self._act(0.0)
        mujoco.mj_forward(self.model, self.data)
        self._sensors.reset(rng)
        self._measure()
        return self.read()

    def set_disturbances(self, disturbances: Sequence[Disturbance]) -> None:
        """Replace all that happens to the robot.

        Args:
            disturbances: Payloads, wrenches and drag; their times count from the last reset.
        """
        self._payloads = tuple(d for d in disturbances if isinstance(d, Payload))
        self._wrenches = tuple(d for d in disturbances if isinstance(d, Wrench | PeriodicWrench))
        self._drags = tuple(d for d in disturbances if isinstance(d, Drag))
        edges = {0.0} | {d.at_s for d in disturbances}
        edges |= {d.until_s for d in disturbances if d.until_s is not None}
        self._edges = sorted(edges)
        self._next_edge = 0.0

    def read(self) -> RobotState:
        """Return the newest reading; it is made once per control period, however often it is read."""
        return self._sensors.reading

    def write(self, command: JointCommand) -> None:
        """Hand the motors a command; it holds until the next one.

        Args:
            command: Impedance command; NaN and Inf are refused.

        Raises:
            InvalidValue: A field has the wrong shape or is not finite.
        """
        drive, buffer = self._buffers
        try:
            np.multiply(command.stiffness, command.position, out=drive)
            np.multiply(command.damping, command.velocity, out=buffer)
            drive += buffer
            drive += command.effort
        except ValueError:
            command.validate()
            raise
        # One sum instead of sixty tests: it is finite only if every part of it is.
        if not math.isfinite(np.add.reduce(drive)):
            command.validate()
        self._ctrl[:] = drive
        np.multiply(command.stiffness, self._minus_strength, out=self._stiffness)
        np.multiply(command.damping, self._minus_strength, out=self._damping)

    def advance(self) -> None:
        """Let one control period pass; nothing happens while paused."""
        if self.paused:
            return
        for _ in range(self._substeps):
            elapsed = self.elapsed
            if elapsed >= self._next_edge:
                self._act(elapsed)
            elif self._wrench_acts:
                self._apply_wrenches()
            if self._slippery:
                self._set_friction(elapsed)
            mujoco.mj_step(self.model, self.data)
            self._step += 1
        self._measure()

    def close(self) -> None:
        """Release the robot; there is nothing to release."""

    def set_state(
        self,
        position_world: Array,
        orientation: Array,
        joint_position: Array,
        velocity_world: Array | None = None,
        angular_velocity_body: Array | None = None,
        joint_velocity: Array | None = None,
    ) -> None:
        """Put the robot somewhere; payloads, clock and command stay as they are.

        Args:
            position_world: Base origin, shape (3,) [m].
            orientation: Quaternion (w, x, y, z), not zero, shape (4,).
            joint_position: Canonical order, shape (12,) [rad].
            velocity_world: Velocity of the base origin, shape (3,) [m/s]; None for 0.
            angular_velocity_body: Base frame, shape (3,) [rad/s]; None for 0.
            joint_velocity: Canonical order, shape (12,) [rad/s]; None for 0.
        """
        q, v = self._index.base_qpos, self._index.base_dof
        self._qpos[q : q + 3] = position_world
        self._qpos[q + 3 : q + 7] = np.asarray(orientation) / np.linalg.norm(orientation)
        self._qpos[self._index.qpos] = joint_position
        self._qvel[:] = 0.0
        if velocity_world is not None:
            self._qvel[v : v + 3] = velocity_world
        if angular_velocity_body is not None:
            self._qvel[v + 3 : v + 6] = angular_velocity_body
        if joint_velocity is not None:
            self._qvel[self._index.dof] = joint_velocity
        self.data.qacc_warmstart[:] = 0.0
        mujoco.mj_forward(self.model, self.data)
        self._measure()

    def ground_truth(self) -> GroundTruth:
        """Return what only the simulator knows; controllers must not use it."""
        index, q, v = self._index, self._index.base_qpos, self._index.base_dof
        rotation = self._rotation()
        velocity, omega = self._qvel[v : v + 3].copy(), self._qvel[v + 3 : v + 6].copy()
        self._scratch.qpos[:] = self._qpos
        mujoco.mj_kinematics(self.model, self._scratch)
        foot_force, trunk = ground_contacts(self.model, self.data, index)
        weight, inertial = self._external_wrenches(rotation)
        roll, pitch = roll_pitch(rotation)
        return GroundTruth(
            time=self.time,
            position_world=self._qpos[q : q + 3].copy(),
            orientation=self._qpos[q + 3 : q + 7].copy(),
            velocity_world=velocity,
            velocity_body=rotation.T @ velocity,
            angular_velocity_body=omega,
            joint_position=self._qpos[index.qpos].copy(),
            joint_velocity=self._qvel[index.dof].copy(),
            joint_effort=self._actuator_force.copy(),
            foot_position_world=self._scratch.geom_xpos[index.feet],
            foot_force_world=foot_force,
            external_wrench_world=weight,
            external_wrench_inertial_world=inertial,
            payload_mass=self._carrier.mass,
            height=self._height(),
            roll=roll,
            pitch=pitch,
            trunk_contact=trunk,
            has_stood=self._has_stood,
        )

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """The payloads that are on the robot now."""
        return tuple(p for p in self._payloads if p.mass(self.elapsed) > 0.0)

    def _view_arrays(self) -> None:
        # MjData hands out a new wrapper at every access; these views share its memory once and for all.
        self._qpos, self._qvel, self._ctrl = self.data.qpos, self.data.qvel, self.data.ctrl
        self._sensordata, self._geom_xpos = self.data.sensordata, self.data.geom_xpos
        self._qfrc_applied = self.data.qfrc_applied
        self._actuator_force = self.data.actuator_force
        # Stiffness and damping of the motors with their signs turned, see `build_spec`.
        self._stiffness, self._damping = self.model.actuator_biasprm[:, 1], self.model.actuator_biasprm[:, 2]
        self._minus_strength = -self._strength
        self._buffers = np.zeros(N_JOINTS), np.zeros(N_JOINTS)
        self._slippery = self.friction.varies_in_space or self.friction.varies_in_time

    def _drive(self, drive: Array | float, stiffness: float, damping: float) -> None:
        """Set the motors, which exert drive - stiffness q - damping q̇ within their limits at every physics step."""
        self._ctrl[:] = drive
        self._stiffness[:] = stiffness * self._minus_strength
        self._damping[:] = damping * self._minus_strength

    def _act(self, elapsed: float) -> None:
        """Update payloads and wrenches, and note when to do it next."""
        self._carrier.carry(self._payloads, elapsed)
        later = [edge for edge in self._edges if edge > elapsed]
        self._next_edge = later[0] if later else math.inf
        if any(p.varies(elapsed) for p in self._payloads):
            self._next_edge = min(self._next_edge, elapsed + PAYLOAD_UPDATE_S)
        self._wrench_acts = any(d.active(elapsed) for d in (*self._wrenches, *self._drags))
        self._apply_wrenches()

    def _apply_wrenches(self) -> None:
        v = self._index.base_dof
        if not self._wrench_acts:
            self._qfrc_applied[v : v + 6] = 0.0
            return
        # The rotational coordinates of a free joint are in the base frame.
        rotation = self._rotation()
        wrench = self._applied_wrench(rotation)
        self._qfrc_applied[v : v + 3] = wrench[:3]
        self._qfrc_applied[v + 3 : v + 6] = rotation.T @ wrench[3:]

    def _applied_wrench(self, rotation: Array) -> Array:
        out = np.zeros(6)
        for wrench in self._wrenches:
            if wrench.active(self.elapsed):
                now = wrench if isinstance(wrench, Wrench) else wrench.at(self.elapsed)
                out += now.about_origin(rotation)
        v = self._index.base_dof
        for drag in self._drags:
            if drag.active(self.elapsed):
                out[:3] += drag.force(rotation, self._qvel[v : v + 3])
        return out

    def _external_wrenches(self, rotation: Array) -> tuple[Array, Array]:
        """Sum wrenches and payloads about the nominal centre of mass (world axes): weight only, and with inertia."""
        v, com, gravity = self._index.base_dof, self.description.com, self.model.opt.gravity
        applied = self._applied_wrench(rotation) if self._wrench_acts else np.zeros(6)
        if applied.any():
            applied[3:] -= skew(rotation @ com) @ applied[:3]
        if not self._carrier.loads:
            return applied, applied.copy()
        acceleration = self.data.qacc
        motion = np.concatenate([acceleration[v : v + 3], self._qvel[v + 3 : v + 6], acceleration[v + 3 : v + 6]])
        weight, inertial = self._carrier.wrenches(rotation, com, gravity, motion)
        return applied + weight, applied + inertial

    def _set_friction(self, elapsed: float) -> None:
        friction = self.model.geom_friction
        for foot in self._index.feet.tolist():
            friction[foot, 0] = self.friction.coefficient(float(self._geom_xpos[foot, 0]), elapsed)

    def _rotation(self) -> Array:
        q = self._index.base_qpos
        return matrix_from_quaternion(self._qpos[q + 3 : q + 7])

    def _measure(self) -> None:
        index, q, v = self._index, self._index.base_qpos, self._index.base_dof
        if not self._has_stood and self._qpos[q + 2] > STOOD_HEIGHT_M:
            self._has_stood = self._height() > STOOD_HEIGHT_M
        truth = np.empty(CHANNELS)
        truth[GYRO] = self._qvel[v + 3 : v + 6]
        truth[ACCELEROMETER] = self._sensordata[index.accelerometer : index.accelerometer + 3]
        truth[POSITION] = self._qpos[index.qpos]
        truth[VELOCITY] = self._qvel[index.dof]
        truth[EFFORT] = self._actuator_force if self._healthy else self._actuator_force / self._strength
        truth[FOOT] = self._sensordata[index.touch : index.touch + N_LEGS]
        self._sensors.measure(self.time, truth, self._qpos[q + 3 : q + 7].copy())

    def _height(self) -> float:
        q = self._index.base_qpos
        x, y, z = self._qpos[q : q + 3].tolist()
        return z - self.terrain.height(x, y)
