"""The locomotion controller: from an estimate and a command to joint impedances, at the control rate."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.quadruped.adaptation import Adaptation
from controllers.quadruped.body import BodyState
from controllers.quadruped.centroidal import GRAVITY
from controllers.quadruped.footholds import FootholdConfig, foothold_offset
from controllers.quadruped.gait import GAITS, Gait, GaitScheduler, LegSchedule, get_gait
from controllers.quadruped.ground import GroundPlane
from controllers.quadruped.horizon import fill_horizon, preview
from controllers.quadruped.limbs import LimbConfig, limb_command
from controllers.quadruped.mpc import ConvexMpc, ForcePlan, MpcConfig, MpcInput
from controllers.quadruped.posture import PostureConfig, PostureMotion
from controllers.quadruped.reference import MotionReference, ReferenceConfig
from controllers.quadruped.swing import swing_references
from controllers.residual.catalog import make_learner
from controllers.residual.learner import LearnerInputs
from controllers.robot.description import RobotDescription
from controllers.robot.interface import BaseEstimate, JointCommand, LocomotionCommand, RobotState
from controllers.robot.kinematics import LegKinematics

Array = npt.NDArray[np.float64]

RESTING, RISING, WALKING, LOWERING, FALLEN = "resting", "rising", "walking", "lowering", "fallen"
RESTING_COMMANDS = ("rest", "sit")


@dataclass(frozen=True)
class LocomotionConfig:
    """Tuning of the whole controller.

    Attributes:
        mpc_period: Time between force plans [s]; a change of contacts triggers one at once.
        learner: Name of the residual learner.
        learner_seed: Seed of its random features.
        velocity_decay: Time constant with which the preview lets velocity errors vanish [s].
        max_tilt: Roll or pitch beyond which the robot counts as fallen and is damped [rad].
        rest_damping: Joint damping at rest and after a fall, per kilogram [N·m·s/rad/kg].
        landing_depth: How far below the ground swing feet aim, so that they land firmly [m].
        follow_slope: Fraction of the ground's slope that the body's attitude follows.
        mpc: Force MPC.
        foothold: Footholds.
        limb: Joint gains.
        reference: Command limits.
        posture: Rising and lying down.
    """

    mpc_period: float = 0.01
    learner: str = "random_features"
    learner_seed: int = 0
    velocity_decay: float = 0.25
    max_tilt: float = 1.0
    rest_damping: float = 0.2
    landing_depth: float = 0.005
    follow_slope: float = 1.0
    mpc: MpcConfig = field(default_factory=MpcConfig)
    foothold: FootholdConfig = field(default_factory=FootholdConfig)
    limb: LimbConfig = field(default_factory=LimbConfig)
    reference: ReferenceConfig = field(default_factory=ReferenceConfig)
    posture: PostureConfig = field(default_factory=PostureConfig)

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        if not 0.002 <= self.mpc_period <= 0.1:
            raise InvalidValue(f"LocomotionConfig.mpc_period must lie in [0.002, 0.1] s, got {self.mpc_period}")
        if not 0.2 <= self.max_tilt <= 1.5:
            raise InvalidValue(f"LocomotionConfig.max_tilt must lie in [0.2, 1.5] rad, got {self.max_tilt}")


@dataclass
class LocomotionInfo:
    """What the controller thought in one tick.

    Attributes:
        mode: "resting", "rising", "walking", "lowering" or "fallen".
        gait: Name of the running gait.
        contact: Scheduled contacts, shape (4,).
        forces: Commanded ground reaction forces, world, shape (4, 3) [N].
        residual: Learned wrench now, heading frame, force then moment, shape (6,) [N, N·m].
        height: Height of the base above the ground as estimated [m].
        height_reference: Its reference [m].
        velocity: Velocity of the centre of mass, heading frame, shape (3,) [m/s].
        velocity_reference: Its reference in the plane, shape (2,) [m/s].
        plan: The plan made in this tick, or None.
        solver_failures: Number of solves that failed so far.
    """

    mode: str
    gait: str
    contact: Array
    forces: Array
    residual: Array
    height: float
    height_reference: float
    velocity: Array
    velocity_reference: Array
    plan: ForcePlan | None
    solver_failures: int


class LocomotionController:
    """Walks one quadruped.

    Call `step` once per control period with the newest reading and estimate. It rises from the
    ground when a gait is commanded, walks, and lies down on "sit" or "rest".
    """

    def __init__(self, description: RobotDescription, config: LocomotionConfig | None = None) -> None:
        """Build the parts.

        Args:
            description: The robot; its lumped mass properties are the nominal model.
            config: Tuning.

        Raises:
            UnknownName: The learner or the solver does not exist.
        """
        self.config = config if config is not None else LocomotionConfig()
        self.robot = description
        c = self.config
        learner = make_learner(c.learner, description.mass, description.inertia, c.learner_seed)
        self.adaptation = Adaptation(learner, description.mass, np.array(description.inertia))
        self.mpc = ConvexMpc(c.mpc, description.mass)
        self._kinematics = LegKinematics(description)
        self._geometry = self._kinematics.packed
        self._com = np.array(description.com)
        feet = self._kinematics.foot_positions(np.array(description.standing_position))
        self._under_hips = np.ascontiguousarray(feet[:, :2] - self._com[:2])
        self._sides = np.sign(feet[:, 1])
        self._inertia = np.array(description.inertia)
        self._masses = tuple(
            np.array(a)
            for a in (
                description.link_mass,
                description.link_com,
                description.link_inertia,
                description.armature,
                description.damping,
            )
        )
        self._gains = np.array(
            [c.limb.swing_stiffness, c.limb.swing_damping, c.limb.stance_damping, c.limb.max_joint_acceleration]
        )
        self._dry_friction = c.limb.friction_compensation * np.array(description.frictionloss)
        self._rest_damping = c.rest_damping * description.mass
        self._reference = MotionReference(c.reference, description.standing_height)
        self._ground = GroundPlane(description.foot_radius)
        self._mode = RESTING
        self._posture: PostureMotion | None = None
        self._time: float | None = None
        self._body = BodyState()
        self._fresh = True
        self._begin_walking()

    def _begin_walking(self) -> None:
        self._gait = GaitScheduler(GAITS["stand"])
        self._plan: ForcePlan | None = None
        self._next_plan = -np.inf
        self._forces = np.zeros((4, 3))
        self._standing = np.ones(4)
        self._swing_xy = np.zeros((4, 2, 3))
        self._lift_height = np.zeros(4)
        self._targets = np.zeros((4, 3))
        self._foot_position = np.zeros((4, 3))
        self._foot_velocity = np.zeros((4, 3))
        self._foot_acceleration = np.zeros((4, 3))
        self._residual = np.zeros(6)
        self.mpc.reset()

    def reset(self) -> None:
        """Return to rest and forget what was learned."""
        self._mode = RESTING
        self._posture = None
        self._time = None
        self._begin_walking()
        self.adaptation.reset()

    @property
    def mode(self) -> str:
        """What the controller is doing now."""
        return self._mode

    def step(
        self, state: RobotState, estimate: BaseEstimate, command: LocomotionCommand, time: float
    ) -> tuple[JointCommand, LocomotionInfo]:
        """Compute one joint command.

        Args:
            state: Newest sensor reading.
            estimate: Pose and twist of the base at the same time.
            command: What is asked of the legs.
            time: Time now [s]; the command carries it as its stamp.

        Returns:
            Impedance command and what led to it.

        Raises:
            UnknownName: The gait does not exist.
            InvalidValue: Time ran backwards.
        """
        if command.gait not in RESTING_COMMANDS:
            get_gait(command.gait)
        if self._time is not None and time <= self._time:
            raise InvalidValue(f"time must increase, got {time} after {self._time}")
        dt = 0.0 if self._time is None else min(time - self._time, 0.05)
        self._time = time
        self._body.update(self._geometry, self._com, state.joint_position, estimate)
        if self._mode == WALKING and max(abs(self._body.roll), abs(self._body.pitch)) > self.config.max_tilt:
            self._mode = FALLEN
            self.adaptation.reset()
        self._change_mode(state, command, time)
        if self._mode == WALKING:
            return self._walk(state, estimate, command, time, dt)
        if self._mode in (RISING, LOWERING) and self._posture is not None:
            joint = self._posture.command(state.joint_position, 1.0 if self._mode == RISING else 0.8, time)
        else:
            joint = JointCommand.damped(time, state.joint_position, self._rest_damping)
        return joint, self._info(None, np.zeros(3), float("nan"))

    def _info(self, plan: ForcePlan | None, velocity: Array, height: float) -> LocomotionInfo:
        return LocomotionInfo(
            mode=self._mode,
            gait=self._gait.gait.name,
            contact=self._standing.copy(),
            forces=self._forces.copy(),
            residual=self._residual.copy(),
            height=height,
            height_reference=self._reference.height,
            velocity=velocity,
            velocity_reference=self._reference.velocity.copy(),
            plan=plan,
            solver_failures=self.mpc.failures,
        )

    def _change_mode(self, state: RobotState, command: LocomotionCommand, time: float) -> None:
        resting = command.gait in RESTING_COMMANDS
        posture = self.config.posture
        if self._mode == RESTING and not resting:
            self._posture = PostureMotion(
                posture,
                self.robot,
                state.joint_position,
                np.array(self.robot.standing_position),
                posture.rise_time,
                time,
            )
            self._mode = RISING
        elif self._mode == RISING and self._posture is not None and self._posture.done(time):
            self._mode = WALKING
            self._begin_walking()
            self.adaptation.interrupt()
            self._fresh = True
        elif self._mode == WALKING and resting:
            still = self._gait.gait.duty >= 1.0 and not self._gait.switching
            if still and np.abs(self._reference.velocity).max() < 0.01:
                self._posture = PostureMotion(
                    posture,
                    self.robot,
                    state.joint_position,
                    np.array(self.robot.lying_position),
                    posture.lower_time,
                    time,
                )
                self._mode = LOWERING
                self.adaptation.interrupt()
        elif self._mode == LOWERING and self._posture is not None and self._posture.done(time):
            self._mode = RESTING
            self._posture = None

    def _walk(
        self, state: RobotState, estimate: BaseEstimate, command: LocomotionCommand, time: float, dt: float
    ) -> tuple[JointCommand, LocomotionInfo]:
        body = self._body
        resting = command.gait in RESTING_COMMANDS
        if self._fresh:
            self._ground.reset(body.feet)
            height = float(estimate.position_world[2]) - self._ground.height(body.com)
            self._reference.reset(body.com, body.yaw, height)
            self._fresh = False
        self._gait.request(GAITS["stand"] if resting else GAITS[command.gait])
        schedule = self._gait.advance(dt)
        standing = schedule.contact
        gait = self._gait.gait
        self._reference.advance(
            LocomotionCommand(gait="stand") if resting else command, body.com, body.yaw, dt, gait.duty < 1.0
        )
        if dt > 0.0:
            known = self._plan is None or self._plan.found
            self.adaptation.accumulate(self._forces, body.levers, self._standing, dt, schedule.switched, known)
        self._ground.update(body.feet, standing * estimate.contact, body.com, max(dt, 1e-4))
        height = float(body.com[2]) - self._ground.height(body.com)
        cos, sin = np.cos(body.yaw), np.sin(body.yaw)
        v = self._reference.velocity
        velocity_reference = np.array([cos * v[0] - sin * v[1], sin * v[0] + cos * v[1], 0.0])
        nominal = self._under_hips.copy()
        nominal[:, 1] += (self.config.foothold.stance_width + gait.stance_width) * self._sides
        self._swing(schedule, gait, nominal, velocity_reference, height, dt)
        self._standing = standing

        plan: ForcePlan | None = None
        if time >= self._next_plan - 1e-9 or schedule.switched:
            plan = self._replan(nominal, velocity_reference, height, standing, time)
            self._plan = plan
            self._next_plan = time + self.config.mpc_period
        if self._plan is not None:
            planned = self._plan.at(time)
            pc, ps = np.cos(self._plan.yaw), np.sin(self._plan.yaw)
            self._forces[:, 0] = (pc * planned[:, 0] - ps * planned[:, 1]) * standing
            self._forces[:, 1] = (ps * planned[:, 0] + pc * planned[:, 1]) * standing
            self._forces[:, 2] = planned[:, 2] * standing

        joint = JointCommand(time, np.empty(12), np.empty(12), np.empty(12), np.empty(12), np.empty(12))
        limb_command(
            self._geometry,
            *self._masses,
            self._dry_friction,
            self._gains,
            state.joint_position,
            state.joint_velocity,
            body.rotation,
            body.base_position,
            body.base_velocity,
            body.spin_body,
            standing,
            self._forces,
            self._foot_position,
            self._foot_velocity,
            self._foot_acceleration,
            velocity_reference,
            self._reference.yaw_rate * body.rotation[2],
            joint.position,
            joint.velocity,
            joint.effort,
            joint.stiffness,
            joint.damping,
        )
        x, y, z = body.velocity
        velocity = np.array([cos * x + sin * y, cos * y - sin * x, z])
        return joint, self._info(plan, velocity, height - float(body.com[2] - body.base_position[2]))

    def _swing(
        self,
        schedule: LegSchedule,
        gait: Gait,
        nominal: Array,
        velocity_reference: Array,
        height: float,
        dt: float,
    ) -> None:
        body = self._body
        offset = foothold_offset(
            self.config.foothold, body.velocity, velocity_reference, self._reference.yaw_rate, height, gait.stance_time
        )
        swing_references(
            schedule.contact,
            self._standing,
            schedule.swing_left,
            schedule.swing_phase,
            body.feet,
            body.com,
            body.velocity,
            body.yaw,
            self._reference.yaw_rate,
            nominal,
            offset,
            self._ground.plane,
            self.robot.foot_radius,
            self.config.landing_depth,
            gait.swing_height,
            gait.swing_time,
            dt,
            self._swing_xy,
            self._lift_height,
            self._targets,
            self._foot_position,
            self._foot_velocity,
            self._foot_acceleration,
        )

    def _intervals(self) -> Array:
        """Grid of the horizon: whole fractions of the gait's half cycle, the first interval up to the next line.

        Contacts then switch on grid lines (for a duty factor of one half), so the plan sees no foot that
        stands for half an interval.
        """
        c = self.config.mpc
        gait = self._gait.gait
        if gait.duty >= 1.0:
            return np.full(c.horizon, c.interval)
        per_cycle = 2 * max(round(0.5 * gait.period / c.interval), 1)
        interval = gait.period / per_cycle
        first = (1.0 - self._gait.phase * per_cycle % 1.0) * interval
        intervals = np.full(c.horizon, interval)
        intervals[0] = first + interval if first < 0.25 * interval else first
        return intervals

    def _replan(
        self, nominal: Array, velocity_reference: Array, height: float, standing: Array, time: float
    ) -> ForcePlan:
        c, body, reference = self.config, self._body, self._reference
        n = c.mpc.horizon
        intervals = self._intervals()
        contacts = self._gait.horizon(intervals)
        contacts[0] = standing
        levers = np.empty((n, 4, 3))
        gait = self._gait.gait
        offset = foothold_offset(
            c.foothold, velocity_reference, velocity_reference, reference.yaw_rate, height, gait.stance_time
        )
        preview(
            intervals,
            contacts,
            body.com,
            body.velocity,
            velocity_reference,
            body.yaw,
            reference.yaw_rate,
            c.velocity_decay,
            body.feet,
            self._targets,
            1.0 - standing,
            nominal,
            offset,
            c.foothold.capture_gain * float(np.sqrt(max(height, 0.05) / GRAVITY)),
            self._ground.plane,
            self.robot.foot_radius,
            levers,
        )
        inputs = MpcInput(
            intervals=intervals,
            contacts=contacts,
            levers=levers,
            position=np.empty(6),
            velocity=np.empty(6),
            position_reference=np.empty((n, 6)),
            velocity_reference=np.empty((n, 6)),
            residual=np.empty((n, 6)),
            inertia=np.empty((n, 3, 3)),
        )
        learner = LearnerInputs(np.empty((n, 9)), np.empty((n, 6)), contacts, np.empty(n))
        fill_horizon(
            intervals,
            body.rotation,
            body.yaw,
            body.com,
            height,
            body.velocity,
            body.spin,
            self._inertia,
            velocity_reference,
            reference.yaw_rate,
            reference.yaw - body.yaw,
            reference.position - body.com[:2],
            np.array([reference.roll, reference.pitch]),
            reference.height + float(body.com[2] - body.base_position[2]),
            self._ground.plane,
            c.follow_slope,
            c.velocity_decay,
            levers,
            self._plan.forces if self._plan is not None else np.zeros((n, 4, 3)),
            inputs.position,
            inputs.velocity,
            inputs.position_reference,
            inputs.velocity_reference,
            inputs.inertia,
            learner.state,
            learner.contact_wrench,
        )
        learner.gait_phase[0] = self._gait.phase
        learner.gait_phase[1:] = (self._gait.phase + np.cumsum(intervals)[:-1] / gait.period) % 1.0
        now = LearnerInputs(
            learner.state[:1].copy(), learner.contact_wrench[:1].copy(), contacts[:1].copy(), learner.gait_phase[:1].copy()
        )
        self.adaptation.update(body.rotation, body.yaw, body.velocity, body.spin, now)
        inputs.residual = self.adaptation.learner.predict(learner)
        self._residual = inputs.residual[0].copy()
        return self.mpc.plan(inputs, time, body.yaw)
