"""What happens to the robot: loads on its back, wrenches, pushes, swinging forces and drag on its body.

Times count from the reset of the simulation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
Triple = tuple[float, float, float]

PROFILES = ("constant", "ramp", "sine")
FRAMES = ("world", "body")


class RigidBody(NamedTuple):
    """Inertial parameters in the base frame.

    Attributes:
        mass: Mass [kg].
        com: Centre of mass, shape (3,) [m].
        inertia: Inertia about the centre of mass, axes of the base frame, shape (3, 3) [kg·m²].
    """

    mass: float
    com: Array
    inertia: Array


def compose(bodies: Sequence[RigidBody]) -> RigidBody:
    """Weld bodies together (parallel-axis theorem).

    Args:
        bodies: At least one, of positive total mass.

    Returns:
        Parameters of the whole.
    """
    mass = sum(body.mass for body in bodies)
    com = np.sum([body.mass * body.com for body in bodies], axis=0) / mass
    inertia = np.zeros((3, 3))
    for body in bodies:
        d = body.com - com
        inertia += body.inertia + body.mass * (d @ d * np.eye(3) - np.outer(d, d))
    return RigidBody(mass, com, inertia)


def _check_span(owner: str, at_s: float, until_s: float | None) -> None:
    if not (math.isfinite(at_s) and at_s >= 0.0):
        raise InvalidValue(f"{owner}.at_s must be finite and >= 0, got {at_s}")
    if until_s is not None and not (math.isfinite(until_s) and until_s > at_s):
        raise InvalidValue(f"{owner}.until_s must be > at_s = {at_s}, got {until_s}")


def _check_triple(owner: str, name: str, value: Triple) -> None:
    if len(value) != 3 or not all(math.isfinite(v) for v in value):
        raise InvalidValue(f"{owner}.{name} must be three finite numbers, got {value}")


@dataclass(frozen=True)
class Payload:
    """A box welded to the base for a while.

    It lands with the velocity of the base, so that landing itself is no impact.

    Attributes:
        mass_kg: Mass [kg]; the peak mass where the profile varies.
        offset_m: Centre of mass relative to the base origin, base frame [m].
        at_s: When it lands [s].
        until_s: When it leaves [s]; None for never.
        size_m: Edge lengths of the box, for its inertia and its picture [m].
        profile: "constant"; "ramp" grows from 0 to the full mass over `profile_s`;
            "sine" swells and ebbs between 0 and the full mass with period `profile_s`, starting at 0.
        profile_s: Duration of the ramp or period of the sine [s].
    """

    mass_kg: float
    offset_m: Triple = (0.0, 0.0, 0.13)
    at_s: float = 0.0
    until_s: float | None = None
    size_m: Triple = (0.24, 0.16, 0.12)
    profile: str = "constant"
    profile_s: float = 2.0

    def __post_init__(self) -> None:
        """Refuse impossible loads.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        _check_span("Payload", self.at_s, self.until_s)
        _check_triple("Payload", "offset_m", self.offset_m)
        _check_triple("Payload", "size_m", self.size_m)
        if not (math.isfinite(self.mass_kg) and self.mass_kg > 0.0):
            raise InvalidValue(f"Payload.mass_kg must be finite and > 0, got {self.mass_kg}")
        if min(self.size_m) <= 0.0:
            raise InvalidValue(f"Payload.size_m must be > 0, got {self.size_m}")
        if self.profile not in PROFILES:
            raise InvalidValue(f"Payload.profile must be one of {', '.join(PROFILES)}, got '{self.profile}'")
        if not (math.isfinite(self.profile_s) and self.profile_s > 0.0):
            raise InvalidValue(f"Payload.profile_s must be finite and > 0, got {self.profile_s}")

    def mass(self, elapsed: float) -> float:
        """Evaluate the profile.

        Args:
            elapsed: Time since the reset [s].

        Returns:
            Mass on the robot now [kg].
        """
        if elapsed < self.at_s or (self.until_s is not None and elapsed >= self.until_s):
            return 0.0
        if self.profile == "constant":
            return self.mass_kg
        phase = (elapsed - self.at_s) / self.profile_s
        if self.profile == "ramp":
            return self.mass_kg * min(phase, 1.0)
        return self.mass_kg * 0.5 * (1.0 - math.cos(2.0 * math.pi * phase))

    def varies(self, elapsed: float) -> bool:
        """Tell whether its mass is changing.

        Args:
            elapsed: Time since the reset [s].

        Returns:
            Whether it is on the robot and its profile is not at its end.
        """
        if self.profile == "constant" or elapsed < self.at_s or (self.until_s is not None and elapsed >= self.until_s):
            return False
        return self.profile == "sine" or elapsed - self.at_s <= self.profile_s + 1e-9

    def body(self, mass: float) -> RigidBody:
        """Give the inertial parameters of the box at a mass.

        Args:
            mass: Mass [kg].

        Returns:
            Parameters of a homogeneous box.
        """
        x, y, z = self.size_m
        diagonal = np.array([y * y + z * z, x * x + z * z, x * x + y * y])
        return RigidBody(mass, np.array(self.offset_m), np.diag(mass / 12.0 * diagonal))


class _Timed:
    """What acts from one time to another."""

    at_s: float
    until_s: float | None

    def active(self, elapsed: float) -> bool:
        """Tell whether it acts.

        Args:
            elapsed: Time since the reset [s].

        Returns:
            Whether `elapsed` lies in [at_s, until_s).
        """
        return elapsed >= self.at_s and (self.until_s is None or elapsed < self.until_s)


@dataclass(frozen=True)
class Wrench(_Timed):
    """A constant force and torque on the base for a while.

    Attributes:
        force_n: Force [N].
        torque_nm: Torque about the point of application [N·m].
        at_s: Begin [s].
        until_s: End [s]; None for never.
        frame: Axes of both: "world" or "body".
        point_m: Point of application relative to the base origin, base frame [m].
    """

    force_n: Triple = (0.0, 0.0, 0.0)
    torque_nm: Triple = (0.0, 0.0, 0.0)
    at_s: float = 0.0
    until_s: float | None = None
    frame: str = "world"
    point_m: Triple = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse impossible wrenches.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        _check_span("Wrench", self.at_s, self.until_s)
        for name in ("force_n", "torque_nm", "point_m"):
            _check_triple("Wrench", name, getattr(self, name))
        if self.frame not in FRAMES:
            raise InvalidValue(f"Wrench.frame must be one of {', '.join(FRAMES)}, got '{self.frame}'")

    def about_origin(self, rotation: Array) -> Array:
        """Express it in the world frame, about the base origin.

        Args:
            rotation: Base in world, shape (3, 3).

        Returns:
            Force and torque, shape (6,) [N, N·m].
        """
        force, torque = np.array(self.force_n), np.array(self.torque_nm)
        if self.frame == "body":
            force, torque = rotation @ force, rotation @ torque
        return np.concatenate([force, torque + np.cross(rotation @ np.array(self.point_m), force)])


@dataclass(frozen=True)
class PeriodicWrench(_Timed):
    """A force and torque on the base that swing about zero, as of a load that sloshes or rocks.

    At time t after its begin it is sin(2π t / period_s + phase_rad) times the amplitudes. With the period of the gait,
    or half of it, it keeps its phase to the feet: gaits run by the clock, so that what differs from trial to trial is
    only which phase it keeps. Water that a trunk shakes does so by itself; here the pace is given.

    Attributes:
        force_n: Amplitude of the force [N].
        torque_nm: Amplitude of the torque about the point of application [N·m].
        period_s: Period [s].
        phase_rad: Phase at the begin [rad].
        at_s: Begin [s].
        until_s: End [s]; None for never.
        frame: Axes of both: "world" or "body".
        point_m: Point of application relative to the base origin, base frame [m].
    """

    force_n: Triple = (0.0, 0.0, 0.0)
    torque_nm: Triple = (0.0, 0.0, 0.0)
    period_s: float = 0.5
    phase_rad: float = 0.0
    at_s: float = 0.0
    until_s: float | None = None
    frame: str = "body"
    point_m: Triple = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse impossible wrenches.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        _check_span("PeriodicWrench", self.at_s, self.until_s)
        for name in ("force_n", "torque_nm", "point_m"):
            _check_triple("PeriodicWrench", name, getattr(self, name))
        if not (math.isfinite(self.period_s) and self.period_s > 0.0):
            raise InvalidValue(f"PeriodicWrench.period_s must be finite and > 0, got {self.period_s}")
        if not math.isfinite(self.phase_rad):
            raise InvalidValue(f"PeriodicWrench.phase_rad must be finite, got {self.phase_rad}")
        if self.frame not in FRAMES:
            raise InvalidValue(f"PeriodicWrench.frame must be one of {', '.join(FRAMES)}, got '{self.frame}'")

    def at(self, elapsed: float) -> Wrench:
        """Take the wrench of one moment.

        Args:
            elapsed: Time since the reset [s].

        Returns:
            A constant wrench that equals it then.
        """
        share = math.sin(2.0 * math.pi * (elapsed - self.at_s) / self.period_s + self.phase_rad)
        fx, fy, fz = (share * value for value in self.force_n)
        tx, ty, tz = (share * value for value in self.torque_nm)
        return Wrench((fx, fy, fz), (tx, ty, tz), self.at_s, self.until_s, self.frame, self.point_m)


@dataclass(frozen=True)
class Drag(_Timed):
    """A force against the motion of the base, as of water or of a load that is towed.

    Along each axis of `frame`, F = -(linear v + quadratic |v| v). It acts at the base origin; v is the velocity there.

    Attributes:
        linear: Coefficients of the part that is proportional to the speed [N·s/m].
        quadratic: Coefficients of the part that grows with its square [N·s²/m²].
        at_s: Begin [s].
        until_s: End [s]; None for never.
        frame: Axes of the coefficients: "world" or "body".
    """

    linear: Triple = (0.0, 0.0, 0.0)
    quadratic: Triple = (0.0, 0.0, 0.0)
    at_s: float = 0.0
    until_s: float | None = None
    frame: str = "body"

    def __post_init__(self) -> None:
        """Refuse drag that pushes.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        _check_span("Drag", self.at_s, self.until_s)
        for name in ("linear", "quadratic"):
            value = getattr(self, name)
            _check_triple("Drag", name, value)
            if min(value) < 0.0:
                raise InvalidValue(f"Drag.{name} must be >= 0, got {value}")
        if self.frame not in FRAMES:
            raise InvalidValue(f"Drag.frame must be one of {', '.join(FRAMES)}, got '{self.frame}'")

    def force(self, rotation: Array, velocity: Array) -> Array:
        """Evaluate it.

        Args:
            rotation: Base in world, shape (3, 3).
            velocity: Of the base origin, world, shape (3,) [m/s].

        Returns:
            Force at the base origin, world, shape (3,) [N].
        """
        v = rotation.T @ velocity if self.frame == "body" else velocity
        force = -(np.array(self.linear) + np.array(self.quadratic) * np.abs(v)) * v
        return np.asarray(rotation @ force if self.frame == "body" else force)


def push(at_s: float, force_n: Triple, duration_s: float = 0.1, frame: str = "world") -> Wrench:
    """Make a short shove at the base origin.

    Args:
        at_s: Begin [s].
        force_n: Force [N].
        duration_s: Duration [s].
        frame: Axes of the force: "world" or "body".

    Returns:
        The wrench.
    """
    return Wrench(force_n=force_n, at_s=at_s, until_s=at_s + duration_s, frame=frame)


Disturbance = Payload | Wrench | PeriodicWrench | Drag
