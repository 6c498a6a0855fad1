"""From foot forces and foot trajectories to an impedance command of the joints."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.robot.dynamics import inverse_dynamics_kernel
from controllers.robot.kinematics import forward_kernel, inverse_kernel, move_jacobians

Array = npt.NDArray[np.float64]


# Feet of centimetres roll at less than this under a body that walks [m/s].
ROLLING_SPEED = 0.1
# τ of the barrier in front of the end stops [s].
STOP_TIME = 0.01


@dataclass(frozen=True)
class LimbConfig:
    """Joint gains of standing and swinging legs.

    Attributes:
        swing_stiffness: Position gain of swinging joints [N·m/rad].
        swing_damping: Velocity gain of swinging joints [N·m·s/rad].
        stance_damping: Velocity gain of standing joints, about the motion of the commanded body [N·m·s/rad].
        slip_damping: Velocity gain of standing joints, about the motion with which the foot stays where it is
            [N·m·s/rad]. It costs nothing while the foot holds; a foot that slips, or that finds no ground, does not
            run away with the force that the ground does not take.
        max_joint_acceleration: Bound of the acceleration fed forward while swinging [rad/s²].
        friction_compensation: Fraction of the joints' dry friction fed forward along the desired motion. What it leaves
            out is missing from the forces of standing feet, and a learner takes it for a load.
        stop_margin: Distance from the end stops that swinging joints keep [rad].
        stop_deceleration: With which swinging joints can brake before they come that near to a stop [rad/s²].
    """

    swing_stiffness: float = 40.0
    swing_damping: float = 1.5
    stance_damping: float = 0.4
    slip_damping: float = 3.0
    max_joint_acceleration: float = 600.0
    friction_compensation: float = 0.9
    stop_margin: float = 0.05
    stop_deceleration: float = 300.0

    def __post_init__(self) -> None:
        """Refuse negative gains and a bound that is not positive.

        Raises:
            InvalidValue: Names the gain, what was got and what is allowed.
        """
        for name in (
            "swing_stiffness",
            "swing_damping",
            "stance_damping",
            "slip_damping",
            "friction_compensation",
            "stop_margin",
        ):
            if not getattr(self, name) >= 0.0:
                raise InvalidValue(f"LimbConfig.{name} must be >= 0, got {getattr(self, name)}")
        for name in ("max_joint_acceleration", "stop_deceleration"):
            if not getattr(self, name) > 0.0:
                raise InvalidValue(f"LimbConfig.{name} must be > 0, got {getattr(self, name)}")


@njit(cache=True)
def _solve3(a: Array, b: Array, damping: float, out: Array) -> None:
    """Damped least squares (aᵀa + λ I) out = aᵀ b for a 3x3 matrix, by Cramer's rule."""
    m = np.empty((3, 3))
    v = np.empty(3)
    for i in range(3):
        v[i] = a[0, i] * b[0] + a[1, i] * b[1] + a[2, i] * b[2]
        for j in range(3):
            m[i, j] = a[0, i] * a[0, j] + a[1, i] * a[1, j] + a[2, i] * a[2, j]
        m[i, i] += damping
    c00 = m[1, 1] * m[2, 2] - m[1, 2] * m[2, 1]
    c01 = m[1, 2] * m[2, 0] - m[1, 0] * m[2, 2]
    c02 = m[1, 0] * m[2, 1] - m[1, 1] * m[2, 0]
    det = m[0, 0] * c00 + m[0, 1] * c01 + m[0, 2] * c02
    out[0] = (c00 * v[0] + c01 * v[1] + c02 * v[2]) / det
    out[1] = (
        c01 * v[0] + (m[0, 0] * m[2, 2] - m[0, 2] * m[2, 0]) * v[1] + (m[0, 2] * m[1, 0] - m[0, 0] * m[1, 2]) * v[2]
    ) / det
    out[2] = (
        c02 * v[0] + (m[0, 1] * m[2, 0] - m[0, 0] * m[2, 1]) * v[1] + (m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]) * v[2]
    ) / det


@njit(cache=True)
def respect_stops(
    lower: float,
    upper: float,
    deceleration: float,
    largest: float,
    k: int,
    joint_position: Array,
    joint_velocity: Array,
    position: Array,
    velocity: Array,
    acceleration: Array,
) -> None:
    """Bound what a joint is told so that it can always come to rest before its stops.

    The speed v towards a stop at a distance d may be at most v₀ = √(2 a d), from which the joint can brake. What is
    left, h = v₀ − v, is a barrier: dh/dt ≥ −h / τ bounds the acceleration by h / τ − a v / v₀, which leaves the
    joint to itself far from the stop and brakes it by a near it.

    Args:
        lower: Least position that may be reached [rad].
        upper: Greatest [rad].
        deceleration: a, with which the joint can brake [rad/s²].
        largest: Bound of the acceleration [rad/s²].
        k: The joint.
        joint_position: Measured, shape (12,) [rad].
        joint_velocity: Measured, shape (12,) [rad/s].
        position: In and out: target, shape (12,) [rad].
        velocity: In and out: target, shape (12,) [rad/s].
        acceleration: In and out: what is fed forward, shape (12,) [rad/s²].
    """
    up = np.sqrt(2.0 * deceleration * max(upper - joint_position[k], 0.0))
    down = np.sqrt(2.0 * deceleration * max(joint_position[k] - lower, 0.0))
    position[k] = min(max(position[k], lower), upper)
    velocity[k] = min(max(velocity[k], -down), up)
    v = joint_velocity[k]
    fastest = (up - v) / STOP_TIME - deceleration * min(max(v, 0.0) / max(up, 1e-6), 1.0)
    slowest = (-down - v) / STOP_TIME + deceleration * min(max(-v, 0.0) / max(down, 1e-6), 1.0)
    acceleration[k] = min(max(min(max(acceleration[k], slowest), fastest), -largest), largest)


@njit(cache=True)
def limb_command(
    geometry: Array,
    link_mass: Array,
    link_com: Array,
    link_inertia: Array,
    armature: Array,
    joint_damping: Array,
    dry_friction: Array,
    gains: Array,
    lower: Array,
    upper: Array,
    joint_position: Array,
    joint_velocity: Array,
    rotation: Array,
    base_position: Array,
    base_velocity: Array,
    spin_body: Array,
    stance: Array,
    forces: Array,
    underfoot: Array,
    foot_position: Array,
    foot_velocity: Array,
    foot_acceleration: Array,
    body_velocity_reference: Array,
    spin_reference_body: Array,
    position: Array,
    velocity: Array,
    effort: Array,
    stiffness: Array,
    damping: Array,
) -> None:
    """Turn stance forces and swing references into one impedance command.

    Standing legs push with -Jᵀ f, carry their own weight, and are damped about the joint rates that the
    commanded motion of the body implies, and about those with which the feet stay where they are. J belongs to the
    point of the calf that touches the ground: a force along an incline turns the leg about the centre of its round
    foot. Swinging legs get the torques of the desired motion by inverse dynamics, and joint stiffness around it.

    Args:
        geometry: Packed leg geometry, shape (4, 4, 3) [m].
        link_mass: Shape (4, 3) [kg].
        link_com: Shape (4, 3, 3) [m].
        link_inertia: Shape (4, 3, 3, 3) [kg·m²].
        armature: Shape (12,) [kg·m²].
        joint_damping: Viscous friction of the joints, shape (12,) [N·m·s/rad].
        dry_friction: Dry friction to compensate, shape (12,) [N·m].
        gains: Swing stiffness, swing damping, stance damping, bound of joint acceleration, slip damping, deceleration
            before the stops, shape (6,).
        lower: Least position that swinging joints may reach, shape (12,) [rad].
        upper: Greatest, shape (12,) [rad].
        joint_position: Measured, shape (12,) [rad].
        joint_velocity: Measured, shape (12,) [rad/s].
        rotation: Base to world, shape (3, 3).
        base_position: World, shape (3,) [m].
        base_velocity: World, shape (3,) [m/s].
        spin_body: Angular velocity, base frame, shape (3,) [rad/s].
        stance: 1 where a leg stands, shape (4,).
        forces: Ground reaction forces, world, shape (4, 3) [N].
        underfoot: From the centres of the feet to where the ground touches them, world, shape (3,) [m].
        foot_position: References of swinging feet, world, shape (4, 3) [m].
        foot_velocity: Shape (4, 3) [m/s].
        foot_acceleration: Shape (4, 3) [m/s²].
        body_velocity_reference: Commanded velocity of the base, world, shape (3,) [m/s].
        spin_reference_body: Commanded angular velocity, base frame, shape (3,) [rad/s].
        position: Output, joint position targets, shape (12,) [rad].
        velocity: Output, joint velocity targets, shape (12,) [rad/s].
        effort: Output, feed-forward torques, shape (12,) [N·m].
        stiffness: Output, shape (12,) [N·m/rad].
        damping: Output, shape (12,) [N·m·s/rad].
    """
    feet = np.empty((4, 3))
    jacobians = np.empty((4, 3, 3))
    forward_kernel(geometry, joint_position, feet, jacobians)
    target_body = np.empty((4, 3))
    reached = np.empty(4, dtype=np.bool_)
    for leg in range(4):
        for i in range(3):
            s = 0.0
            for j in range(3):
                s += rotation[j, i] * (foot_position[leg, j] - base_position[j])
            target_body[leg, i] = s
    inverse_kernel(geometry, target_body, position, reached)
    # J̇ q̇ from a second kinematics pass a hair ahead in time.
    epsilon = 1e-5
    ahead = np.empty(12)
    feet_ahead = np.empty((4, 3))
    jacobians_ahead = np.empty((4, 3, 3))
    for k in range(12):
        ahead[k] = joint_position[k] + epsilon * joint_velocity[k]
    forward_kernel(geometry, ahead, feet_ahead, jacobians_ahead)
    acceleration = np.zeros(12)
    relative = np.empty(3)
    result = np.empty(3)
    w = spin_body
    held = np.zeros(12)
    share = gains[4] / max(gains[2] + gains[4], 1e-9)
    for leg in range(4):
        r = feet[leg]
        jac = jacobians[leg]
        standing = stance[leg] > 0.5
        for i in range(3):
            s = 0.0
            for j in range(3):
                if standing:
                    s -= rotation[j, i] * body_velocity_reference[j]
                else:
                    s += rotation[j, i] * (foot_velocity[leg, j] - base_velocity[j])
            relative[i] = s
        u = spin_reference_body if standing else w
        relative[0] -= u[1] * r[2] - u[2] * r[1]
        relative[1] -= u[2] * r[0] - u[0] * r[2]
        relative[2] -= u[0] * r[1] - u[1] * r[0]
        _solve3(jac, relative, 1e-6, result)
        for i in range(3):
            velocity[3 * leg + i] = min(max(result[i], -25.0), 25.0)
        if standing:
            # The foot at rest in the world, as the body moves now.
            for i in range(3):
                s = 0.0
                for j in range(3):
                    s -= rotation[j, i] * base_velocity[j]
                relative[i] = s
            relative[0] -= w[1] * r[2] - w[2] * r[1]
            relative[1] -= w[2] * r[0] - w[0] * r[2]
            relative[2] -= w[0] * r[1] - w[1] * r[0]
            _solve3(jac, relative, 1e-6, result)
            # Feet roll, and the ground gives: slow motion is no slip.
            speed = 0.0
            for i in range(3):
                s = -relative[i]
                for j in range(3):
                    s += jac[i, j] * joint_velocity[3 * leg + j]
                speed += s * s
            speed = np.sqrt(speed)
            slip = 1.0 - ROLLING_SPEED / speed if speed > ROLLING_SPEED else 0.0
            for i in range(3):
                now = joint_velocity[3 * leg + i]
                held[3 * leg + i] = now + slip * (min(max(result[i], -25.0), 25.0) - now)
            continue
        # Acceleration of the foot as seen from the turning base.
        vr = np.zeros(3)
        bias = np.zeros(3)
        for i in range(3):
            for j in range(3):
                vr[i] += jac[i, j] * joint_velocity[3 * leg + j]
                bias[i] += (jacobians_ahead[leg, i, j] - jac[i, j]) / epsilon * joint_velocity[3 * leg + j]
        cx = w[1] * r[2] - w[2] * r[1]
        cy = w[2] * r[0] - w[0] * r[2]
        cz = w[0] * r[1] - w[1] * r[0]
        for i in range(3):
            s = 0.0
            for j in range(3):
                s += rotation[j, i] * foot_acceleration[leg, j]
            relative[i] = s - bias[i]
        relative[0] -= 2.0 * (w[1] * vr[2] - w[2] * vr[1]) + w[1] * cz - w[2] * cy
        relative[1] -= 2.0 * (w[2] * vr[0] - w[0] * vr[2]) + w[2] * cx - w[0] * cz
        relative[2] -= 2.0 * (w[0] * vr[1] - w[1] * vr[0]) + w[0] * cy - w[1] * cx
        _solve3(jac, relative, 1e-6, result)
        for i in range(3):
            k = 3 * leg + i
            acceleration[k] = result[i]
            respect_stops(
                lower[k],
                upper[k],
                gains[5],
                gains[3],
                k,
                joint_position,
                joint_velocity,
                position,
                velocity,
                acceleration,
            )
    lift = np.empty(3)
    for i in range(3):
        lift[i] = rotation[2, i] * 9.81
    inverse_dynamics_kernel(
        geometry,
        link_mass,
        link_com,
        link_inertia,
        armature,
        joint_damping,
        joint_position,
        joint_velocity,
        acceleration,
        lift,
        spin_body,
        np.zeros(3),
        effort,
    )
    # Forces act where feet touch the ground.
    move_jacobians(joint_position, rotation, underfoot, jacobians)
    push = np.empty(3)
    for leg in range(4):
        if stance[leg] > 0.5:
            for i in range(3):
                push[i] = 0.0
                for m in range(3):
                    push[i] += rotation[m, i] * forces[leg, m]
            for j in range(3):
                k = 3 * leg + j
                for i in range(3):
                    effort[k] -= jacobians[leg, i, j] * push[i]
                position[k] = joint_position[k]
                stiffness[k] = 0.0
                damping[k] = gains[2] + gains[4]
        else:
            for j in range(3):
                k = 3 * leg + j
                stiffness[k] = gains[0]
                damping[k] = gains[1]
        for j in range(3):
            k = 3 * leg + j
            # A steep but continuous sign function: full compensation above 0.3 rad/s.
            effort[k] += dry_friction[k] * min(max(velocity[k] / 0.3, -1.0), 1.0)
            if stance[leg] > 0.5:
                velocity[k] += share * (held[k] - velocity[k])
