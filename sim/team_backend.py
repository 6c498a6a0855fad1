"""Several quadrupeds in one MuJoCo world, each behind the `RobotBackend` protocol.

The robots share the world's time: it goes on when every robot has asked for it, or when the team is told to.
"""

import math
from collections.abc import Sequence

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.catalog import load_robot
from controllers.robot.interface import N_JOINTS, N_LEGS, JointCommand, RobotState
from controllers.robot.joints import JOINT_NAMES
from controllers.rotations import matrix_from_quaternion, quaternion_from_rpy
from controllers.safety.obstacles import Obstacle
from sim.contacts import ground_contacts
from sim.ground_truth import STOOD_HEIGHT_M, GroundTruth, roll_pitch
from sim.payloads import PayloadCarrier
from sim.quadruped_backend import HEALTHY, NANOSECONDS, PAYLOAD_UPDATE_S, MujocoQuadruped, SimConfig
from sim.sensors import ACCELEROMETER, CHANNELS, EFFORT, FOOT, GYRO, POSITION, VELOCITY, SensorSuite
from sim.team_world import OBSTACLES, Place, build_team, prefix_of
from sim.world import index_model

Array = npt.NDArray[np.float64]

FRICTION = 0.8


class TeamMember:
    """One robot of a team. Made by `TeamBackend`."""

    def __init__(self, team: "TeamBackend", place: Place) -> None:
        """Look up where the robot's parts stand in the world's arrays.

        Args:
            team: The team.
            place: The robot and where it starts.
        """
        self.name = place.name
        self.place = place
        self.config = team.config
        self.description = team.description
        self.control_period = team.control_period
        self._team = team
        model, data = team.model, team.data
        self._index = index = index_model(model, prefix_of(place.name))
        motors = [model.actuator(prefix_of(place.name) + name).id for name in JOINT_NAMES]
        self._motors = slice(motors[0], motors[0] + N_JOINTS)
        if motors != list(range(motors[0], motors[0] + N_JOINTS)):
            raise InvalidValue(f"the motors of '{place.name}' must stand in a row, got {motors}")
        self._qpos, self._qvel, self._sensordata = data.qpos, data.qvel, data.sensordata
        self._ctrl, self._force = data.ctrl[self._motors], data.actuator_force[self._motors]
        self._stiffness = model.actuator_biasprm[self._motors, 1]
        self._damping = model.actuator_biasprm[self._motors, 2]
        self._sensors = SensorSuite(self.config.sensors)
        self._carrier = PayloadCarrier(model, index.base)
        self._has_stood = False
        self.asked = False

    @property
    def time(self) -> float:
        """Time on the simulation's clock, which never runs backwards [s]."""
        return self._team.time

    @property
    def elapsed(self) -> float:
        """Time since the last reset [s]."""
        return self._team.elapsed

    @property
    def base(self) -> int:
        """Body of the robot's base in the world's model."""
        return self._index.base

    def reset(self, rng: np.random.Generator) -> RobotState:
        """Put this robot alone back to its start, motors off; the others go on.

        Args:
            rng: Source of the sensor noise from now on.

        Returns:
            The first reading.
        """
        self.put()
        mujoco.mj_forward(self._team.model, self._team.data)
        self.begin(rng)
        return self.read()

    def put(self) -> None:
        """Set the coordinates of the start, at rest."""
        q, v, place = self._index.base_qpos, self._index.base_dof, self.place
        pose, joints = self._team.initial
        # The initial pose is that of a robot at the origin that faces along x, on a level floor.
        c, s = math.cos(place.yaw), math.sin(place.yaw)
        x, y = pose[:2].tolist()
        self._qpos[q : q + 3] = place.x + c * x - s * y, place.y + s * x + c * y, pose[2]
        turn = quaternion_from_rpy(0.0, 0.0, place.yaw)
        mujoco.mju_mulQuat(self._qpos[q + 3 : q + 7], turn, pose[3:7])
        self._qpos[self._index.qpos] = joints
        self._qvel[v : v + 6] = 0.0
        self._qvel[self._index.dof] = 0.0
        self._ctrl[:] = self._stiffness[:] = self._damping[:] = 0.0
        self._has_stood = False

    def begin(self, rng: np.random.Generator) -> None:
        """Start the sensors anew.

        Args:
            rng: Source of their noise.
        """
        self._carrier.carry(self.place.payloads, self.elapsed)
        self._sensors.reset(rng)
        self.measure()

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
        try:
            drive = command.stiffness * command.position + command.damping * command.velocity + command.effort
        except ValueError:
            command.validate()
            raise
        # One sum instead of sixty tests: it is finite only if every part of it is.
        if drive.shape != (N_JOINTS,) or not math.isfinite(np.add.reduce(drive)):
            command.validate()
        self._ctrl[:] = drive
        self._stiffness[:] = -command.stiffness
        self._damping[:] = -command.damping

    def advance(self) -> None:
        """Ask for one control period to pass; it does when every robot of the team has asked."""
        self.asked = True
        self._team.advance_when_all_asked()

    def close(self) -> None:
        """Release the robot; there is nothing to release."""

    def update_payload(self) -> None:
        """Let the payloads come and go."""
        self._carrier.carry(self.place.payloads, self.elapsed)

    def measure(self) -> None:
        """Make the reading of this instant."""
        index, q, v = self._index, self._index.base_qpos, self._index.base_dof
        self._has_stood = self._has_stood or bool(self._qpos[q + 2] > STOOD_HEIGHT_M)
        truth = np.empty(CHANNELS)
        truth[GYRO] = self._qvel[v + 3 : v + 6]
        truth[ACCELEROMETER] = self._sensordata[index.accelerometer : index.accelerometer + 3]
        truth[POSITION] = self._qpos[index.qpos]
        truth[VELOCITY] = self._qvel[index.dof]
        truth[EFFORT] = self._force
        truth[FOOT] = self._sensordata[index.touch : index.touch + N_LEGS]
        self._sensors.measure(self.time, truth, self._qpos[q + 3 : q + 7].copy())

    def ground_truth(self) -> GroundTruth:
        """Return what only the simulator knows; controllers must not use it."""
        index, q, v = self._index, self._index.base_qpos, self._index.base_dof
        model, data = self._team.model, self._team.data
        rotation = matrix_from_quaternion(self._qpos[q + 3 : q + 7])
        velocity = self._qvel[v : v + 3].copy()
        foot_force, trunk = ground_contacts(model, data, index)
        weight = inertial = np.zeros(6)
        if self._carrier.loads:
            motion = np.concatenate([data.qacc[v : v + 3], self._qvel[v + 3 : v + 6], data.qacc[v + 3 : v + 6]])
            weight, inertial = self._carrier.wrenches(rotation, self.description.com, model.opt.gravity, motion)
        roll, pitch = roll_pitch(rotation)
        return GroundTruth(
            time=self.time,
            position_world=self._qpos[q : q + 3].copy(),
            orientation=self._qpos[q + 3 : q + 7].copy(),
            velocity_world=velocity,
            velocity_body=rotation.T @ velocity,
            angular_velocity_body=self._qvel[v + 3 : v + 6].copy(),
            joint_position=self._qpos[index.qpos].copy(),
            joint_velocity=self._qvel[index.dof].copy(),
            joint_effort=self._force.copy(),
            foot_position_world=self._team.foot_positions(index.feet),
            foot_force_world=foot_force,
            external_wrench_world=weight,
            external_wrench_inertial_world=inertial,
            payload_mass=self._carrier.mass,
            height=float(self._qpos[q + 2]),
            roll=roll,
            pitch=pitch,
            trunk_contact=trunk,
            has_stood=self._has_stood,
        )


class TeamBackend:
    """Robots of one kind in one world.

    Args:
        places: The robots and where they start.
        robot: Kind of all robots.
        config: How they are simulated; factors on mass, inertia and strength must be 1.
        obstacles: What does not move: discs and walls.
        friction: Coulomb coefficient of the floor.
    """

    def __init__(
        self,
        places: Sequence[Place],
        robot: str = "go2",
        config: SimConfig | None = None,
        obstacles: Sequence[Obstacle] = (),
        friction: float = FRICTION,
    ) -> None:
        self.config = config or SimConfig()
        c = self.config
        if c.mass_scale != 1.0 or c.inertia_scale != 1.0 or tuple(c.leg_strength) != HEALTHY:
            raise InvalidValue("robots of a team must be nominal: mass_scale, inertia_scale and leg_strength 1")
        self.description = load_robot(robot)
        self.control_period = c.control_dt
        self.obstacles = tuple(obstacles)
        self.model = build_team(self.description, places, obstacles, friction, c.physics_dt).compile()
        self.data = mujoco.MjData(self.model)
        self._scratch = mujoco.MjData(self.model)
        alone = MujocoQuadruped(robot, c).ground_truth()
        self.initial = np.concatenate((alone.position_world, alone.orientation)), alone.joint_position
        self._substeps = round(c.control_dt / c.physics_dt)
        self._dt_ns = round(c.physics_dt * NANOSECONDS)
        self._step = self._first_step = 0
        self._next_payload = 0.0
        self.members = tuple(TeamMember(self, place) for place in places)
        owner = {member.base: member.name for member in self.members}
        owner[int(self.model.body(OBSTACLES).id)] = OBSTACLES
        # Whose a geom is; the floor is nobody's.
        self._owner = [owner.get(int(self.model.body_rootid[body]), "") for body in self.model.geom_bodyid]
        self._touching: set[tuple[str, str]] = set()
        self.reset(np.random.default_rng(0))

    @property
    def time(self) -> float:
        """Time on the simulation's clock, which never runs backwards [s]."""
        return self._step * self._dt_ns * 1e-9

    @property
    def elapsed(self) -> float:
        """Time since the last reset [s]."""
        return (self._step - self._first_step) * self._dt_ns * 1e-9

    def reset(self, rng: np.random.Generator) -> tuple[RobotState, ...]:
        """Put all robots back to their starts, motors off; the clock goes on.

        Args:
            rng: Source of the noise; each robot gets one of its own from it.

        Returns:
            The first readings.
        """
        self._first_step = self._step
        self._next_payload = 0.0
        self._touching = set()
        mujoco.mj_resetData(self.model, self.data)
        for member in self.members:
            member.put()
        mujoco.mj_forward(self.model, self.data)
        for member, own in zip(self.members, rng.spawn(len(self.members)), strict=True):
            member.asked = False
            member.begin(own)
        return tuple(member.read() for member in self.members)

    def advance(self) -> None:
        """Let one control period pass for all."""
        for _ in range(self._substeps):
            if self.elapsed >= self._next_payload:
                self._next_payload = self.elapsed + PAYLOAD_UPDATE_S
                for member in self.members:
                    member.update_payload()
            mujoco.mj_step(self.model, self.data)
            self._step += 1
            self._note_touches()
        for member in self.members:
            member.asked = False
            member.measure()

    def advance_when_all_asked(self) -> None:
        """Let one control period pass if every robot has asked for it."""
        if all(member.asked for member in self.members):
            self.advance()

    def foot_positions(self, feet: npt.NDArray[np.intp]) -> Array:
        """Find where feet are now.

        Args:
            feet: Their geoms, shape (4,).

        Returns:
            World frame, shape (4, 3) [m].
        """
        # The live data hold the positions before the last step.
        self._scratch.qpos[:] = self.data.qpos
        mujoco.mj_kinematics(self.model, self._scratch)
        return self._scratch.geom_xpos[feet]

    @property
    def touches(self) -> frozenset[tuple[str, str]]:
        """Pairs that have touched since the reset, robots by name, in order of the alphabet; obstacles count as one."""
        return frozenset(self._touching)

    def _note_touches(self) -> None:
        owner = self._owner
        for first, second in self.data.contact.geom.tolist():
            a, b = owner[first], owner[second]
            if a != b and a and b:
                self._touching.add((min(a, b), max(a, b)))

    def close(self) -> None:
        """Release the world; there is nothing to release."""
