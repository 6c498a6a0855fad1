"""Walking: gait, swing legs, force plans and adaptation, one tick at a time."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.quadruped.adaptation import Adaptation
from controllers.quadruped.body import BodyState
from controllers.quadruped.cadence import Cadence, CadenceConfig
from controllers.quadruped.footholds import FootholdConfig
from controllers.quadruped.gait import GAITS, SURE_FOOTED, GaitScheduler, LegSchedule
from controllers.quadruped.grip import Grip, GripConfig
from controllers.quadruped.ground import GroundPlane
from controllers.quadruped.ground_reaction import GroundReaction, GroundReactionConfig
from controllers.quadruped.landing import Landing, LandingConfig
from controllers.quadruped.limbs import LimbConfig, limb_command
from controllers.quadruped.load_shift import LoadShift, LoadShiftConfig
from controllers.quadruped.mpc import ConvexMpc, ForcePlan, MpcConfig
from controllers.quadruped.outlook import Outlook
from controllers.quadruped.reference import MotionReference, ReferenceConfig
from controllers.quadruped.stance import compensate, describe_moment
from controllers.quadruped.support import Support, SupportConfig
from controllers.quadruped.swing_legs import SwingLegs
from controllers.residual.learner import LearnerInputs, ResidualLearner, SustainedLearner
from controllers.robot.description import RobotDescription
from controllers.robot.interface import BaseEstimate, JointCommand, LocomotionCommand, RobotState
from controllers.robot.kinematics import LegKinematics

Array = npt.NDArray[np.float64]

# A drop of the friction coefficient to this share of what the plan reckons with cannot wait for the next one.
REPLAN_SHARE = 0.8

_NO_FORCES = np.zeros((4, 3))


@dataclass(frozen=True)
class WalkingConfig:
    """Tuning of walking.

    Attributes:
        mpc_period: Time between force plans [s]; a change of contacts triggers one at once.
        velocity_decay: Time constant with which the preview lets velocity errors vanish [s].
        landing_depth: How far below the ground swing feet aim, so that they land firmly [m].
        follow_slope: Fraction of the ground's slope that the body's attitude follows.
        residual_in_torques: Follow the residual between force plans as well, at the control rate.
        slippery: Friction coefficient below which a trot becomes one that changes from two feet to two others over
            all four, stepped as fast as it may be; 0 for never.
        mpc: Force MPC.
        foothold: Footholds.
        cadence: Pace after a shove.
        load_shift: How footholds follow a load.
        grip: Friction that the feet find.
        reaction: How slowly the ground's forces are compared with the commanded ones.
        support: When a foot that should bear counts as missing.
        landing: When a swinging foot counts as landed.
        limb: Joint gains.
        reference: Command limits.
    """

    mpc_period: float = 0.01
    velocity_decay: float = 0.5
    landing_depth: float = 0.005
    follow_slope: float = 1.0
    residual_in_torques: bool = True
    slippery: float = 0.2
    mpc: MpcConfig = field(default_factory=MpcConfig)
    foothold: FootholdConfig = field(default_factory=FootholdConfig)
    cadence: CadenceConfig = field(default_factory=CadenceConfig)
    load_shift: LoadShiftConfig = field(default_factory=LoadShiftConfig)
    grip: GripConfig = field(default_factory=GripConfig)
    reaction: GroundReactionConfig = field(default_factory=GroundReactionConfig)
    support: SupportConfig = field(default_factory=SupportConfig)
    landing: LandingConfig = field(default_factory=LandingConfig)
    limb: LimbConfig = field(default_factory=LimbConfig)
    reference: ReferenceConfig = field(default_factory=ReferenceConfig)

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        if not 0.002 <= self.mpc_period <= 0.1:
            raise InvalidValue(f"WalkingConfig.mpc_period must lie in [0.002, 0.1] s, got {self.mpc_period}")
        if not 0.01 <= self.velocity_decay <= 10.0:
            raise InvalidValue(f"WalkingConfig.velocity_decay must lie in [0.01, 10] s, got {self.velocity_decay}")
        if not 0.0 <= self.landing_depth <= 0.05:
            raise InvalidValue(f"WalkingConfig.landing_depth must lie in [0, 0.05] m, got {self.landing_depth}")
        if not 0.0 <= self.follow_slope <= 1.0:
            raise InvalidValue(f"WalkingConfig.follow_slope must lie in [0, 1], got {self.follow_slope}")
        if not 0.0 <= self.slippery <= 1.0:
            raise InvalidValue(f"WalkingConfig.slippery must lie in [0, 1], got {self.slippery}")


@njit(cache=True)
def _world_forces(planned: Array, yaw: float, standing: Array, forces: Array) -> None:
    """Turn planned forces from the heading frame of the plan into the world; swinging feet get none."""
    c, s = np.cos(yaw), np.sin(yaw)
    for leg in range(4):
        f = planned[leg]
        forces[leg, 0] = (c * f[0] - s * f[1]) * standing[leg]
        forces[leg, 1] = (s * f[0] + c * f[1]) * standing[leg]
        forces[leg, 2] = f[2] * standing[leg]


class Walking:
    """Keeps a robot on its feet and moves it; starts standing still.

    Attributes:
        adaptation: The learner and its bookkeeping.
        grip: Friction that the feet find.
        reaction: By how much commanded forces exceed those of the ground.
        support: Feet that are missing.
        mpc: The force MPC, with its count of failures.
        reference: The smoothed command.
        forces: Commanded ground reaction forces, world, shape (4, 3) [N].
        standing: Scheduled contacts, shape (4,).
        residual: Learned wrench, heading frame, shape (6,) [N, N·m].
        residual_plan: The same in each interval of the newest plan, shape (N, 6) [N, N·m].
        sustained: Learned wrench at the newest plan without what the gait repeats, where the learner can tell, heading
            frame, shape (6,) [N, N·m].
        height: Base above the ground as estimated [m].
        plan: The plan made in the newest tick, or None.
    """

    def __init__(self, description: RobotDescription, config: WalkingConfig, learner: ResidualLearner) -> None:
        """Build the parts.

        Args:
            description: The robot; its lumped mass properties are the nominal model.
            config: Tuning.
            learner: Residual learner.

        Raises:
            InvalidValue: A joint's end stops leave nothing between the margins.
        """
        self.config = config
        self.robot = description
        narrowest = 0.5 * float((np.array(description.joint_upper) - np.array(description.joint_lower)).min())
        if not config.limb.stop_margin < narrowest:
            raise InvalidValue(
                f"LimbConfig.stop_margin must be less than half of every joint's range ({narrowest:.3f} rad), got "
                f"{config.limb.stop_margin}"
            )
        self.mpc = ConvexMpc(config.mpc, description.mass)
        self.adaptation = Adaptation(learner, description.mass, np.array(description.inertia))
        self.reference = MotionReference(config.reference, description.standing_height)
        kinematics = LegKinematics(description)
        feet = kinematics.foot_positions(np.array(description.standing_position))
        self._under_hips = feet[:, :2] - description.com[:2]
        hips, thighs, calves, ends = np.moveaxis(kinematics.packed, 1, 0)
        self._hips = hips - description.com
        straight = np.linalg.norm(calves, axis=1) + np.linalg.norm(ends, axis=1)
        self._leg_length = float(np.hypot(np.linalg.norm(thighs, axis=1), straight).min())
        self._inertia = np.array(description.inertia)
        limb = config.limb
        self._limb_arguments = (
            kinematics.packed,
            np.array(description.link_mass),
            np.array(description.link_com),
            np.array(description.link_inertia),
            np.array(description.armature),
            np.array(description.damping),
            limb.friction_compensation * np.array(description.frictionloss),
            np.array(
                [
                    limb.swing_stiffness,
                    limb.swing_damping,
                    limb.stance_damping,
                    limb.max_joint_acceleration,
                    limb.slip_damping,
                    limb.stop_deceleration,
                ]
            ),
            np.array(description.joint_lower) + limb.stop_margin,
            np.array(description.joint_upper) - limb.stop_margin,
        )
        self._outlook = Outlook(config.mpc, config.velocity_decay, config.follow_slope, description.foot_radius)
        self.grip = Grip(config.grip, description, config.mpc.friction)
        self._cadence = Cadence(config.cadence)
        self.support = Support(config.support, description.mass)
        self.landing = Landing(config.landing)
        self.load_shift = LoadShift(config.load_shift, description.mass)
        self.reaction = GroundReaction(config.reaction, kinematics.packed)
        self._ground = GroundPlane(description.foot_radius, compliance=description.foot_compliance)
        self.begin()

    def begin(self) -> None:
        """Start standing; what was learned stays."""
        self._gait = GaitScheduler(GAITS["stand"])
        self._fresh = True
        self._current: ForcePlan | None = None
        self._next_plan = self._planned_at = -np.inf
        self._planned_friction = self.config.mpc.friction
        c = self.config
        self._swing = SwingLegs(
            c.foothold, self._under_hips, self._hips, self._leg_length, self.robot.foot_radius, c.landing_depth
        )
        self.forces = np.zeros((4, 3))
        self.standing = np.ones(4)
        self.residual = np.zeros(6)
        self.residual_plan = np.zeros((self.config.mpc.horizon, 6))
        self.sustained = np.zeros(6)
        self._moment = LearnerInputs(np.empty((1, 9)), np.empty((1, 6)), np.empty((1, 4)), np.empty(1))
        self.height = float("nan")
        self.plan: ForcePlan | None = None
        self.mpc.reset()
        self.grip.reset()
        self.support.reset()
        self.landing.reset()
        self.load_shift.reset()
        self.reaction.reset()
        self._cadence.reset()
        self.adaptation.interrupt()

    @property
    def gait(self) -> str:
        """Name of the running gait."""
        return self._gait.gait.name

    @property
    def load(self) -> Array:
        """What pulls at the robot, heading frame, shape (6,) [N, N·m]; zero where nothing is learned."""
        return self.sustained + self.reaction.excess if self.sustained.any() else np.zeros(6)

    @property
    def underfoot(self) -> Array:
        """From the centres of standing feet to where the ground touches them, world, shape (3,) [m]."""
        return self._ground.underfoot

    @property
    def still(self) -> bool:
        """Whether all feet stand for good and no motion is commanded any more."""
        standing = self._gait.gait.duty >= 1.0 and not self._gait.switching
        return standing and float(np.abs(self.reference.velocity).max()) < 0.01

    def step(
        self,
        state: RobotState,
        estimate: BaseEstimate,
        body: BodyState,
        command: LocomotionCommand,
        time: float,
        dt: float,
    ) -> JointCommand:
        """Walk for one tick.

        Args:
            state: Newest sensor reading.
            estimate: Pose, twist and contacts.
            body: The same in world axes.
            command: What is asked of the legs; its gait is one of `GAITS`.
            time: Time now [s].
            dt: Time since the previous tick [s].

        Returns:
            Impedance command.
        """
        if self._fresh:
            self._ground.reset(body.feet)
            above = float(body.base_position[2]) - self._ground.height(body.base_position)
            self.reference.reset(body.com, body.yaw, above)
            self._fresh = False
        slippery = self.grip.friction < self.config.slippery
        self._gait.request(GAITS[SURE_FOOTED.get(command.gait, command.gait) if slippery else command.gait])
        self._gait.cadence = self._pace(body, dt, slippery)
        schedule = self._gait.advance(dt)
        if self.landing.update(schedule, estimate.contact, dt):
            schedule = self._gait.land(self.landing.landed)
        standing = schedule.contact
        gait = self._gait.gait
        self.reference.advance(command, body.com, body.yaw, dt, gait.duty < 1.0)
        if dt > 0.0:
            there = not self.support.update(self.standing, estimate.contact, self.forces, dt)
            known = there and (self._current is None or self._current.found)
            slips = self.grip.slipping
            self.adaptation.accumulate(self.forces, body.levers, self.standing, dt, schedule.switched, known, slips)
            if known:
                told = (self.forces, self.standing)
                self.reaction.update(*told, estimate, body, state.joint_position, self.underfoot, dt)
        self.grip.update(state, body, self.standing, estimate.contact, self._ground.plane, dt)
        if self.grip.friction < REPLAN_SHARE * self._planned_friction:
            self._next_plan = time
        self._ground.update(body.feet, standing, estimate.contact, body.com, dt, estimate.foot_force)
        # Above the ground below the base, which on an incline is not that below the centre of mass.
        height = float(body.com[2]) - self._ground.height(body.base_position)
        velocity_reference = self._velocity_reference(body)
        self._swing.advance(
            schedule,
            self.standing,
            self._gait,
            body,
            velocity_reference,
            self.reference.yaw_rate,
            height,
            self._ground.plane,
            dt,
        )
        self.standing[:] = standing

        self.plan = None
        if time >= self._next_plan - 1e-9 or schedule.switched:
            self.plan = self._current = self._replan(body, velocity_reference, height, time)
            self._next_plan = time + self.config.mpc_period
        current = self._current
        if current is not None:
            node = current.index(time)
            beyond = node >= len(current.forces)
            _world_forces(_NO_FORCES if beyond else current.forces[node], current.yaw, standing, self.forces)
            if self.plan is None and not beyond and self.config.residual_in_torques:
                self._follow_residual(body, schedule, height, self.residual_plan[node])
        joint = JointCommand(time, *np.empty((5, 12)))
        limb_command(
            *self._limb_arguments,
            state.joint_position,
            state.joint_velocity,
            body.rotation,
            body.base_position,
            body.base_velocity,
            body.spin_body,
            standing,
            self.forces,
            self.underfoot,
            self._swing.position,
            self._swing.velocity,
            self._swing.acceleration,
            self._climbing(velocity_reference),
            self.reference.yaw_rate * body.rotation[2],
            joint.position,
            joint.velocity,
            joint.effort,
            joint.stiffness,
            joint.damping,
        )
        self.height = height - float(body.com[2] - body.base_position[2])
        return joint

    def _velocity_reference(self, body: BodyState) -> Array:
        """Commanded velocity, world, shape (3,) [m/s]."""
        cos, sin = math.cos(body.yaw), math.sin(body.yaw)
        vx, vy = self.reference.velocity.tolist()
        return np.array((cos * vx - sin * vy, sin * vx + cos * vy, 0.0))

    def _climbing(self, velocity: Array) -> Array:
        """The same with the climb along the ground, so that the damping of standing legs does not resist it."""
        plane = self._ground.plane
        return np.array((velocity[0], velocity[1], plane[1] * velocity[0] + plane[2] * velocity[1]))

    def _pace(self, body: BodyState, dt: float, slippery: bool) -> float:
        """Step sooner the further the velocity is from its reference, and on ice."""
        wanted = self._velocity_reference(body)
        error = math.hypot(body.velocity[0] - wanted[0], body.velocity[1] - wanted[1])
        return self._cadence.update(error, self._gait.gait.swing_time, dt, hurried=slippery)

    def _follow_residual(self, body: BodyState, schedule: LegSchedule, height: float, planned: Array) -> None:
        """Let the feet take up what the residual has changed by since the plan."""
        moment = self._moment
        error = height - self.reference.height - float(body.com[2] - body.base_position[2])
        describe_moment(
            body.rotation,
            body.yaw,
            body.velocity,
            body.spin,
            error,
            self.forces,
            body.levers,
            moment.state,
            moment.contact_wrench,
        )
        moment.contacts[0] = schedule.contact
        moment.gait_phase[0] = self._gait.phase
        self.residual = self.adaptation.learner.predict(moment)[0]
        change = self.residual - planned
        # A plan that failed on a residual which is not finite leaves nothing to follow.
        if change.any() and np.isfinite(change).all():
            compensate(body.levers, schedule.contact, body.yaw, change, self.grip.friction, self.forces)

    def _follow_load(self, wrench: Array, yaw: float, height: float, time: float) -> None:
        """Shift the next footholds towards what the learner says will stay."""
        # A change of contacts makes a plan earlier than its period does.
        since = min(time - self._planned_at, self.config.mpc_period)
        x, y = self.load_shift.update(wrench, height, since)
        c, s = math.cos(yaw), math.sin(yaw)
        self._swing.shift[:] = c * x - s * y, s * x + c * y

    def _replan(self, body: BodyState, velocity_reference: Array, height: float, time: float) -> ForcePlan:
        inputs, learner = self._outlook.describe(
            self._gait,
            self.standing,
            self._swing,
            body,
            self._inertia,
            self.reference,
            velocity_reference,
            height,
            self._ground.plane,
            self._current.forces if self._current is not None else None,
        )
        now = LearnerInputs(
            learner.state[:1].copy(),
            learner.contact_wrench[:1].copy(),
            inputs.contacts[:1].copy(),
            learner.gait_phase[:1].copy(),
        )
        self.adaptation.update(body.rotation, body.yaw, body.velocity, body.spin, now)
        inputs.residual = self.adaptation.learner.predict(learner)
        self.residual_plan = inputs.residual
        self.residual = inputs.residual[0].copy()
        self.sustained = self.residual.copy()
        if isinstance(self.adaptation.learner, SustainedLearner):
            self.sustained = self.adaptation.learner.sustained(now)
            self._follow_load(self.sustained, body.yaw, height, time)
        self._planned_at = time
        self._planned_friction = self.grip.friction
        return self.mpc.plan(inputs, time, body.yaw, friction=self.grip.friction)
