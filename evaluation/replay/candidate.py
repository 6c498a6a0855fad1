"""One controller with one residual learner, shown a recorded run whose robot does not obey it."""

import numpy as np
import numpy.typing as npt

from controllers.quadruped.adaptation import Adaptation
from controllers.quadruped.controller import WALKING, LocomotionConfig, LocomotionController, LocomotionInfo
from controllers.quadruped.gait import GAITS, first_to_lift
from controllers.robot.description import RobotDescription
from controllers.robot.interface import BaseEstimate, JointCommand
from controllers.robot.kinematics import LegKinematics
from evaluation.replay.decoding import RecordedCommand
from evaluation.replay.judging import (
    AGREEING,
    SUMS,
    TARGET_GREATEST,
    TARGET_SQUARES,
    TARGETS,
    TICKS,
    TORQUE_GREATEST,
    TORQUE_SQUARES,
    compare_commands,
    forces_by_command,
    forces_by_torque,
    standing_legs,
)
from evaluation.replay.ticks import Tick

Array = npt.NDArray[np.float64]

# A base below this share of its standing height lies or rises.
UPRIGHT = 0.7
# Longest wait for a step of the recorded robot with which a controller could fall in [s].
PATIENCE_S = 1.5


class ReplayAdaptation(Adaptation):
    """Accounts with the forces that the recorded robot's feet exerted, not with those that would be commanded.

    Attributes:
        forces: Forces since the last tick, world, shape (4, 3) [N]; None where they are not known.
        carrying: 1 for the feet that they act on, shape (4,).
    """

    forces: Array | None = None
    carrying: Array = np.ones(4)

    def accumulate(
        self,
        forces: Array,
        levers: Array,
        carrying: Array,
        dt: float,
        contacts_changed: bool,
        valid: bool,
        slipping: bool = False,
    ) -> None:
        """Add what the feet did during one tick.

        Args:
            forces: Forces that the controller would have commanded; not used.
            levers: From the centre of mass to where the ground touches the feet, world, shape (4, 3) [m].
            carrying: Its contacts; not used.
            dt: Length of the tick [s].
            contacts_changed: Whether its contacts changed.
            valid: Whether its forces are known; not used.
            slipping: Whether a foot slips.
        """
        if self.forces is None:
            super().accumulate(np.zeros((4, 3)), levers, carrying, dt, contacts_changed, False, slipping)
        else:
            super().accumulate(self.forces, levers, self.carrying, dt, contacts_changed, True, slipping)


class Candidate:
    """A controller that is asked, at each recorded reading, what it would do.

    Attributes:
        name: Name of its learner.
        controller: The controller.
        info: What it thought in the newest tick.
        forces: Forces of the recorded robot's feet from the newest tick on; None where they are not known.
        carrying: Feet that they act on.
    """

    def __init__(self, name: str, description: RobotDescription, seed: int) -> None:
        """Build the controller.

        Args:
            name: Name of the residual learner.
            description: The robot.
            seed: Seed of the learner's random features.

        Raises:
            UnknownName: There is no such learner.
        """
        self.name = name
        self.controller = LocomotionController(description, LocomotionConfig(learner=name, learner_seed=seed))
        walking = self.controller.walking
        self.adaptation = ReplayAdaptation(walking.adaptation.learner, description.mass, np.array(description.inertia))
        walking.adaptation = self.adaptation
        self._geometry = LegKinematics(description).packed
        self.info: LocomotionInfo | None = None
        self.command: JointCommand | None = None
        self.forces: Array | None = None
        self.carrying = np.ones(4)
        self._sums = np.zeros(SUMS)
        self._own = np.zeros((5, 12))

    @property
    def walking(self) -> bool:
        """Whether it walked in the newest tick."""
        return self.info is not None and self.info.mode == WALKING

    def step(self, tick: Tick, estimate: BaseEstimate) -> None:
        """Ask it.

        Args:
            tick: What was recorded.
            estimate: What the estimator made of the reading.
        """
        self.adaptation.forces = self.forces
        self.adaptation.carrying = self.carrying
        self.command, self.info = self.controller.step(tick.state, estimate, tick.asked, tick.state.time)
        self._own = packed(self.command)
        if tick.recorded is not None:
            q, dq = tick.state.joint_position, tick.state.joint_velocity
            compare_commands(q, dq, tick.recorded.values, self._own, self._sums)

    def command_differences(self) -> dict[str, float]:
        """Tell how far recorded commands are from those that this controller would have given.

        Returns:
            "torque_difference_rms_nm" and "torque_difference_max_nm" at the measured joint states,
            "position_difference_rms_rad" and "position_difference_max_rad" of the targets that both hold by stiffness,
            and "same_command_fraction"; NaN without recorded commands.
        """
        s = self._sums
        ticks, targets = max(s[TICKS], 1.0), max(s[TARGETS], 1.0)
        values = {
            "torque_difference_rms_nm": float(np.sqrt(s[TORQUE_SQUARES] / ticks)),
            "torque_difference_max_nm": float(s[TORQUE_GREATEST]),
            "position_difference_rms_rad": float(np.sqrt(s[TARGET_SQUARES] / targets)),
            "position_difference_max_rad": float(s[TARGET_GREATEST]),
            "same_command_fraction": float(s[AGREEING] / ticks),
        }
        return values if s[TICKS] else dict.fromkeys(values, float("nan"))

    def take_forces(self, tick: Tick, estimate: BaseEstimate, rotation: Array, by_torque: bool) -> None:
        """Find what the feet of the recorded robot did from this tick on.

        Args:
            tick: What was recorded.
            estimate: What the estimator made of the reading.
            rotation: Base to world, shape (3, 3).
            by_torque: Whether measured torques tell it, for want of recorded commands.
        """
        own, followed = self.command, tick.followed
        if own is None or not self.walking or (followed is None and not by_torque):
            self.forces = None
            return
        q, walking = tick.state.joint_position, self.controller.walking
        forces, carrying = np.empty((4, 3)), np.empty(4)
        if by_torque or followed is None:
            carrying[:] = estimate.contact
            difference = tick.state.joint_effort - own.effort
            forces_by_torque(self._geometry, q, rotation, walking.underfoot, walking.forces, difference, forces)
            known = bool(carrying.any())
        else:
            known = forces_by_command(
                self._geometry,
                q,
                tick.state.joint_velocity,
                rotation,
                walking.underfoot,
                walking.forces,
                walking.standing,
                self._own,
                followed.values,
                carrying,
                forces,
            )
        self.forces, self.carrying = (forces, carrying) if known else (None, self.carrying)


def packed(command: JointCommand) -> Array:
    """Return position, velocity, effort, stiffness and damping as one array, shape (5, 12)."""
    return np.array((command.position, command.velocity, command.effort, command.stiffness, command.damping))


def stands(command: RecordedCommand) -> Array:
    """Tell which legs stand by a command of Pronk's controller.

    Args:
        command: The command.

    Returns:
        1 for legs that stand, shape (4,).
    """
    standing = np.empty(4)
    standing_legs(command.stiffness, standing)
    return standing


def walks(command: RecordedCommand) -> bool:
    """Tell whether a command of Pronk's controller is one of walking: some leg pushes without stiffness."""
    standing = np.repeat(stands(command) > 0.5, 3)
    return bool(np.abs(command.effort[standing]).max(initial=0.0) > 0.0)


class Onset:
    """Finds the moment from which on a controller's schedule of steps agrees with the recorded robot's.

    A bag that begins with the robot at rest is followed from its first reading. In one that begins in the midst of
    walking the controller takes over when the leg lifts with which it would begin.

    Attributes:
        begun: Whether the controllers run.
        taken_over: Whether they took over a robot that was walking.
    """

    def __init__(self, description: RobotDescription) -> None:
        """Look at nothing yet.

        Args:
            description: The robot.
        """
        self._kinematics = LegKinematics(description)
        self._height = description.standing_height
        self.begun = False
        self.taken_over = False
        self._since: float | None = None
        self._last: Array | None = None

    def look(self, tick: Tick, estimate: BaseEstimate) -> bool:
        """Look at a tick.

        Args:
            tick: What was recorded.
            estimate: What the estimator made of the reading.

        Returns:
            Whether the controllers are to take over a walking robot now.
        """
        if self.begun:
            return False
        gait = GAITS.get(tick.asked.gait)
        moving = self._upright(tick) if tick.recorded is None else walks(tick.recorded)
        if gait is None or not moving:
            self.begun = True
            return False
        if self._since is None:
            self._since = tick.state.time
        standing = estimate.contact if tick.recorded is None else stands(tick.recorded)
        leg, last = first_to_lift(gait), self._last
        self._last = standing.copy()
        lifts = last is not None and last[leg] > 0.5 and standing[leg] < 0.5
        if gait.duty >= 1.0 or lifts or tick.state.time - self._since > PATIENCE_S:
            self.begun = self.taken_over = True
        return self.begun

    def _upright(self, tick: Tick) -> bool:
        feet = self._kinematics.foot_positions(tick.state.joint_position)
        return float(-feet[:, 2].mean()) > UPRIGHT * self._height
