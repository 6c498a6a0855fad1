"""How much friction the feet find, learned from their slipping."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.quadruped.body import BodyState
from controllers.robot.contact import GRAVITY, ContactConfig, ContactDetector
from controllers.robot.description import RobotDescription
from controllers.robot.interface import RobotState
from controllers.robot.kinematics import calf_rate_kernel, forward_kernel, velocity_kernel

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GripConfig:
    """When a foot slips, and what is concluded from it.

    Attributes:
        slip_speed: Speed of a standing foot along the ground from which on it slips [m/s].
        settle_time: Time after touchdown in which a foot may move without slipping [s].
        least_load: Normal force below which a foot tells nothing, as a fraction of the robot's weight.
        margin: Share of the friction found that forces are planned with.
        drop_time: Time constant with which the coefficient falls to that while a foot slips [s].
        hold_time: Time without slipping after which the coefficient rises again [s].
        recovery_time: Time constant of that rise [s].
        least: Lowest coefficient that is ever concluded.
    """

    slip_speed: float = 0.15
    settle_time: float = 0.03
    least_load: float = 0.12
    margin: float = 0.8
    drop_time: float = 0.01
    hold_time: float = 1.5
    recovery_time: float = 2.0
    least: float = 0.04

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        for name in ("slip_speed", "drop_time", "recovery_time"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise InvalidValue(f"GripConfig.{name} must be finite and > 0, got {value}")
        for name in ("settle_time", "hold_time"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise InvalidValue(f"GripConfig.{name} must be finite and >= 0, got {value}")
        for name in ("least_load", "margin"):
            value = getattr(self, name)
            if not 0.0 < value <= 1.0:
                raise InvalidValue(f"GripConfig.{name} must lie in (0, 1], got {value}")
        if not 0.01 <= self.least <= 0.5:
            raise InvalidValue(f"GripConfig.least must lie in [0.01, 0.5], got {self.least}")


@njit(cache=True)
def slip_speeds(
    geometry: Array,
    foot_radius: float,
    joint_position: Array,
    joint_velocity: Array,
    rotation: Array,
    base_velocity: Array,
    spin_body: Array,
    normal: Array,
    speeds: Array,
) -> None:
    """Find how fast the soles move along the ground.

    A foot is a sphere: while it rolls, its centre moves and the point that touches the ground does not.

    Args:
        geometry: Packed leg geometry, shape (4, 4, 3) [m].
        foot_radius: Radius of the feet [m].
        joint_position: Angles, shape (12,) [rad].
        joint_velocity: Rates, shape (12,) [rad/s].
        rotation: Base to world, shape (3, 3).
        base_velocity: World, shape (3,) [m/s].
        spin_body: Angular velocity, base frame, shape (3,) [rad/s].
        normal: Of the ground, world, shape (3,).
        speeds: Output, shape (4,) [m/s].
    """
    feet = np.empty((4, 3))
    jacobians = np.empty((4, 3, 3))
    relative = np.empty((4, 3))
    rates = np.empty((4, 3))
    forward_kernel(geometry, joint_position, feet, jacobians)
    velocity_kernel(jacobians, joint_velocity, relative)
    calf_rate_kernel(joint_position, joint_velocity, rates)
    # From a foot's centre to the ground, base axes.
    down = np.empty(3)
    for i in range(3):
        down[i] = 0.0
        for j in range(3):
            down[i] -= foot_radius * rotation[j, i] * normal[j]
    w = spin_body
    v = np.empty(3)
    for leg in range(4):
        # What is fixed to the calf turns with it as well.
        x, y, z = w[0] + rates[leg, 0], w[1] + rates[leg, 1], w[2] + rates[leg, 2]
        r = feet[leg]
        v[0] = relative[leg, 0] + w[1] * r[2] - w[2] * r[1] + y * down[2] - z * down[1]
        v[1] = relative[leg, 1] + w[2] * r[0] - w[0] * r[2] + z * down[0] - x * down[2]
        v[2] = relative[leg, 2] + w[0] * r[1] - w[1] * r[0] + x * down[1] - y * down[0]
        square = away = 0.0
        for i in range(3):
            s = base_velocity[i]
            for j in range(3):
                s += rotation[i, j] * v[j]
            square += s * s
            away += s * normal[i]
        speeds[leg] = math.sqrt(max(square - away * away, 0.0))


@njit(cache=True)
def friction_found(
    speeds: Array,
    stance_time: Array,
    forces: Array,
    normal: Array,
    slip_speed: float,
    settle_time: float,
    least_load: float,
) -> float:
    """Find the friction coefficient under the feet that slip, which is the ratio of the forces on them.

    Args:
        speeds: Speeds of the soles along the ground, shape (4,) [m/s].
        stance_time: How long each foot has stood, 0 for others, shape (4,) [s].
        forces: Of the ground on the feet, world, shape (4, 3) [N].
        normal: Of the ground, world, shape (3,).
        slip_speed: Speed from which on a foot slips [m/s].
        settle_time: Time after touchdown in which it may move [s].
        least_load: Normal force below which a foot tells nothing [N].

    Returns:
        The lowest coefficient; infinite when no foot slips.
    """
    lowest = np.inf
    for leg in range(4):
        if stance_time[leg] <= settle_time or speeds[leg] <= slip_speed:
            continue
        square = load = 0.0
        for i in range(3):
            square += forces[leg, i] ** 2
            load += forces[leg, i] * normal[i]
        if load > least_load:
            lowest = min(lowest, math.sqrt(max(square - load * load, 0.0)) / load)
    return lowest


@njit(cache=True)
def _slips(speeds: Array, stance_time: Array, slip_speed: float, settle_time: float) -> bool:
    for leg in range(4):
        if stance_time[leg] > settle_time and speeds[leg] > slip_speed:
            return True
    return False


@njit(cache=True)
def _settle(standing: Array, contact: Array, dt: float, stance_time: Array) -> None:
    for leg in range(4):
        stance_time[leg] = stance_time[leg] + dt if standing[leg] > 0.5 and contact[leg] > 0.5 else 0.0


class Grip:
    """Keeps the friction coefficient that forces are planned with.

    The ground gives a foot that slips all the friction it has; so the ratio of the forces on such a foot, found from
    the joint torques, is the coefficient there (Coulomb). A slip at a push that exceeds good friction therefore
    changes nothing, and ice is known within a few hundredths of a second. The coefficient is one for all feet: where
    one finds ice, the next may. After a while without slipping it rises again, up to what is taken for granted at
    first.

    Attributes:
        friction: Coefficient to plan with.
        speeds: Speeds of the soles along the ground, shape (4,) [m/s].
        slipping: Whether a foot that carries load slips now.
    """

    def __init__(self, config: GripConfig, description: RobotDescription, friction: float) -> None:
        """Take the ground for as good as the configuration says.

        Args:
            config: When a foot slips.
            description: The robot.
            friction: Coefficient while nothing slips.
        """
        self.config = config
        self._geometry = description.packed()
        self._radius = description.foot_radius
        self._least_load = config.least_load * description.mass * GRAVITY
        self._usual = friction
        self._forces = ContactDetector(description, ContactConfig(use_foot_sensors=False))
        self._stance_time = np.zeros(4)
        self._normal = np.array([0.0, 0.0, 1.0])
        self.speeds = np.zeros(4)
        self.reset()

    def reset(self) -> None:
        """Forget all slips."""
        self.friction = self._usual
        self._held = 0.0
        self.slipping = False
        self._stance_time[:] = 0.0
        self._forces.reset()

    def update(
        self, state: RobotState, body: BodyState, standing: Array, contact: Array, ground: Array, dt: float
    ) -> None:
        """Look for slipping feet.

        Args:
            state: Newest reading, later than the last one.
            body: Pose and twist.
            standing: 1 for feet that should stand, shape (4,).
            contact: 1 for feet that carry load, shape (4,).
            ground: Plane z = g₀ + g₁ x + g₂ y, shape (3,).
            dt: Time since the previous tick [s].
        """
        c = self.config
        self._normal[:2] = -ground[1:]
        normal = self._normal / math.sqrt(1.0 + ground[1] ** 2 + ground[2] ** 2)
        slip_speeds(
            self._geometry,
            self._radius,
            state.joint_position,
            state.joint_velocity,
            body.rotation,
            body.base_velocity,
            body.spin_body,
            normal,
            self.speeds,
        )
        _settle(standing, contact, dt, self._stance_time)
        found = math.inf
        if _slips(self.speeds, self._stance_time, c.slip_speed, c.settle_time):
            self._forces.step(state)
            found = friction_found(
                self.speeds,
                self._stance_time,
                self._forces.force_world,
                normal,
                c.slip_speed,
                c.settle_time,
                self._least_load,
            )
        else:
            # Forces are wanted only now and then; the next ones start from what the torques say then.
            self._forces.reset()
        self.slipping = found < math.inf
        if self.slipping:
            self._held = c.hold_time
            bound = max(c.margin * found, min(c.least, self._usual))
            if bound < self.friction:
                self.friction += (bound - self.friction) * -math.expm1(-dt / c.drop_time)
        elif self._held > 0.0:
            self._held -= dt
        elif self.friction < self._usual:
            self.friction = min(self.friction * math.exp(dt / c.recovery_time), self._usual)
