"""The locomotion controller: from an estimate and a command to joint impedances, at the control rate."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from controllers.quadruped.body import BodyState
from controllers.quadruped.gait import GAITS
from controllers.quadruped.mpc import ForcePlan
from controllers.quadruped.posture import PostureConfig, PostureMotion
from controllers.quadruped.walking import Walking, WalkingConfig
from controllers.residual.catalog import make_learner
from controllers.residual.learner import ResidualLearner
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
        learner: Name of the residual learner.
        learner_seed: Seed of its random features.
        max_tilt: Roll or pitch beyond which the robot counts as fallen and is damped [rad].
        rest_damping: Joint damping at rest and after a fall, per kilogram [N·m·s/rad/kg].
        walking: Gaits, force plans, footholds, joint gains.
        posture: Rising and lying down.
    """

    learner: str = "pronk"
    learner_seed: int = 0
    max_tilt: float = 1.0
    rest_damping: float = 0.2
    walking: WalkingConfig = field(default_factory=WalkingConfig)
    posture: PostureConfig = field(default_factory=PostureConfig)

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        if not 0.2 <= self.max_tilt <= 1.5:
            raise InvalidValue(f"LocomotionConfig.max_tilt must lie in [0.2, 1.5] rad, got {self.max_tilt}")
        if not 0.0 < self.rest_damping <= 1.0:
            raise InvalidValue(f"LocomotionConfig.rest_damping must lie in (0, 1], got {self.rest_damping}")


@dataclass
class LocomotionInfo:
    """What the controller thought in one tick.

    Attributes:
        mode: "resting", "rising", "walking", "lowering" or "fallen".
        gait: Name of the running gait.
        contact: Scheduled contacts, shape (4,).
        forces: Commanded ground reaction forces, world; zero unless walking, shape (4, 3) [N].
        residual: Learned wrench that the plan uses, which swings with the gait, heading frame, force then moment; zero
            unless walking, shape (6,) [N, N·m].
        load: What pulls at the robot: the same without that swing, where the learner can tell it, and without what the
            legs make of commanded forces, where the estimate tells what the ground really did.
        height: Height of the base above the ground as estimated; NaN unless walking [m].
        height_reference: Its reference [m].
        velocity_reference: Velocity reference, heading frame, shape (2,) [m/s].
        plan: The plan made in this tick, or None.
        solver_failures: Number of solves that failed so far.
    """

    mode: str
    gait: str
    contact: Array
    forces: Array
    residual: Array
    load: Array
    height: float
    height_reference: float
    velocity_reference: Array
    plan: ForcePlan | None
    solver_failures: int


class LocomotionController:
    """Walks one quadruped.

    Call `step` once per control period with the newest reading and estimate. It rises from the
    ground when a gait is commanded, walks, and lies down on "sit" or "rest". After a fall it damps
    the joints until it is reset.
    """

    def __init__(
        self,
        description: RobotDescription,
        config: LocomotionConfig | None = None,
        learner: ResidualLearner | None = None,
    ) -> None:
        """Build the parts.

        Args:
            description: The robot; its lumped mass properties are the nominal model.
            config: Tuning.
            learner: A learner of the caller's making; None for the one that the tuning names.

        Raises:
            UnknownName: The learner or the solver does not exist.
        """
        self.config = config if config is not None else LocomotionConfig()
        self.robot = description
        if learner is None:
            seed = self.config.learner_seed
            learner = make_learner(self.config.learner, description.mass, description.inertia, seed)
        self.walking = Walking(description, self.config.walking, learner)
        self._geometry = LegKinematics(description).packed
        self._com = np.array(description.com)
        self._rest_damping = self.config.rest_damping * description.mass
        self._body = BodyState()
        self._mode = RESTING
        self._posture: PostureMotion | None = None
        self._time: float | None = None
        self._standing_command = LocomotionCommand(gait="stand")

    def reset(self) -> None:
        """Return to rest and forget what was learned."""
        self._mode = RESTING
        self._posture = None
        self._time = None
        self.walking.begin()
        self.walking.adaptation.reset()

    def take_over(self) -> None:
        """Begin walking at once, with a robot that is on its feet already; what was learned stays."""
        self._mode = WALKING
        self._posture = None
        self.walking.begin()

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
        resting = command.gait in RESTING_COMMANDS
        if not resting and command.gait not in GAITS:
            raise UnknownName("gait", command.gait, (*GAITS, *RESTING_COMMANDS))
        if self._time is not None and time <= self._time:
            raise InvalidValue(f"time must increase, got {time} after {self._time}")
        dt = 0.0 if self._time is None else min(time - self._time, 0.05)
        self._time = time
        body = self._body
        body.update(self._geometry, self._com, state.joint_position, estimate, self.walking.underfoot)
        if self._mode == WALKING and max(abs(body.roll), abs(body.pitch)) > self.config.max_tilt:
            self._mode = FALLEN
            self.walking.adaptation.reset()
        self._change_mode(state, resting, time)
        if self._mode == WALKING:
            walk = self._standing_command if resting else command
            joint = self.walking.step(state, estimate, body, walk, time, dt)
        elif self._mode in (RISING, LOWERING) and self._posture is not None:
            joint = self._posture.command(state.joint_position, 1.0 if self._mode == RISING else 0.8, time)
        else:
            joint = JointCommand.damped(time, state.joint_position, self._rest_damping)
        return joint, self._info()

    def _info(self) -> LocomotionInfo:
        walking = self.walking
        active = self._mode == WALKING
        return LocomotionInfo(
            mode=self._mode,
            gait=walking.gait,
            contact=walking.standing.copy(),
            forces=walking.forces.copy() if active else np.zeros((4, 3)),
            residual=walking.residual.copy() if active else np.zeros(6),
            load=walking.load if active else np.zeros(6),
            height=walking.height if active else float("nan"),
            height_reference=walking.reference.height,
            velocity_reference=walking.reference.velocity.copy(),
            plan=walking.plan if active else None,
            solver_failures=walking.mpc.failures,
        )

    def _change_mode(self, state: RobotState, resting: bool, time: float) -> None:
        posture = self.config.posture
        if self._mode == RESTING and not resting:
            target = np.array(self.robot.standing_position)
            self._posture = PostureMotion(posture, self.robot, state.joint_position, target, posture.rise_time, time)
            self._mode = RISING
        elif self._mode == RISING and self._posture is not None and self._posture.done(time):
            self._mode = WALKING
            self.walking.begin()
        elif self._mode == WALKING and resting and self.walking.still:
            target = np.array(self.robot.lying_position)
            self._posture = PostureMotion(posture, self.robot, state.joint_position, target, posture.lower_time, time)
            self._mode = LOWERING
        elif self._mode == LOWERING and self._posture is not None and self._posture.done(time):
            self._mode = RESTING
            self._posture = None
