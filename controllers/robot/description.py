"""A quadruped as its MJCF model describes it."""

from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.body import LeggedBody
from controllers.robot.composite import CompositeBody
from controllers.robot.geometry import LegGeometry
from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES, LEGS, SEGMENTS
from controllers.robot.kinematics import LegKinematics
from controllers.robot.mjcf import Element, Joint, MjcfModel
from controllers.robot.spec import RobotSpec

Array = npt.NDArray[np.float64]

_AXES = {"hip": (1.0, 0.0, 0.0), "thigh": (0.0, 1.0, 0.0), "calf": (0.0, 1.0, 0.0)}


@dataclass(frozen=True)
class RobotDescription(LeggedBody):
    """Geometry, masses and limits of a quadruped; arrays are read-only, legs and joints in canonical order.

    The lumped mass properties are those of the standing robot; they are the nominal single-rigid-body model.

    Attributes:
        name: Name of the robot.
        model_path: The MJCF file that all of this was read from.
        base_body: Name of the floating body.
        foot_bodies: Names of the bodies at the feet.
        foot_geoms: Names of the feet's spheres.
        foot_radius: Radius of the feet [m].
        foot_compliance: How far a foot and the floor below it give per load [m/N].
        imu_position: Where the IMU sits in the base frame, shape (3,) [m]; its axes are the base's.
        joint_lower: Lower stops, shape (12,) [rad]; -pi where the model has none.
        joint_upper: Upper stops, shape (12,) [rad]; pi where the model has none.
        torque_limit: Rated torque, shape (12,) [N·m].
        velocity_limit: Rated speed, shape (12,) [rad/s].
        frictionloss: Dry friction, shape (12,) [N·m].
        standing_height: Height of the base origin above flat ground when standing [m].
        standing_position: Angles with each foot under its thigh joint at that height, shape (12,) [rad].
        lying_height: Height of the base origin with folded legs [m].
        lying_position: Angles with each foot under its thigh joint at that height, shape (12,) [rad].
        mass: Of the whole robot [kg].
        com: Centre of mass of the standing robot in the base frame, shape (3,) [m].
        inertia: Of the standing robot about `com`, along the base axes, shape (3, 3) [kg·m²].
    """

    name: str
    model_path: Path
    base_body: str
    foot_bodies: tuple[str, ...]
    foot_geoms: tuple[str, ...]
    foot_radius: float
    foot_compliance: float
    imu_position: Array
    joint_lower: Array
    joint_upper: Array
    torque_limit: Array
    velocity_limit: Array
    frictionloss: Array
    standing_height: float
    standing_position: Array
    lying_height: float
    lying_position: Array
    mass: float
    com: Array
    inertia: Array

    def __post_init__(self) -> None:
        """Check the parts and freeze the arrays, since one description serves all who load the robot.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        LeggedBody.__post_init__(self)
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                frozen = np.array(value, dtype=np.float64, order="C")
                frozen.setflags(write=False)
                object.__setattr__(self, f.name, frozen)


def stance(geometry: LegGeometry, foot_radius: float, height: float) -> Array:
    """Find the angles that stand the robot with each foot under its thigh joint.

    Args:
        geometry: Where the joints are.
        foot_radius: Radius of the feet [m].
        height: Height of the base origin above flat ground [m].

    Returns:
        Angles, shape (12,) [rad].

    Raises:
        InvalidValue: The legs cannot reach the ground.
    """
    feet = geometry.hip_position + geometry.thigh_offset
    feet[:, 1] += geometry.calf_offset[:, 1] + geometry.foot_offset[:, 1]
    feet[:, 2] = foot_radius - height
    joint_position, reached = LegKinematics(geometry).inverse(feet)
    if not reached.all():
        raise InvalidValue(f"height must let all feet reach the ground, got {height} m")
    return joint_position


def describe(spec: RobotSpec, model_path: Path) -> RobotDescription:
    """Read a robot's MJCF model.

    Args:
        spec: What the model does not say.
        model_path: The MJCF file.

    Returns:
        The robot.

    Raises:
        MissingModel: There is no such file.
        InvalidValue: The model is not a quadruped of legs with x, y, y hinges, or leaves out what is needed.
    """
    model = MjcfModel(model_path)
    base = model.floating_base()
    links = [[model.body(f"{leg}_{segment}") for segment in SEGMENTS] for leg in LEGS]
    feet = [model.body(name) for name in FOOT_NAMES]
    _check_tree(model_path, base, links, feet)
    joints = [model.joint(link) for leg in links for link in leg]
    _check_joints(model_path, joints)

    offsets = np.array([[model.offset(body) for body in [*leg, foot]] for leg, foot in zip(links, feet, strict=True)])
    inertials = [[model.inertial(link) for link in leg] for leg in links]
    if any(model.inertial(foot).mass for foot in feet):
        raise InvalidValue(f"{model_path}: foot bodies must be massless, their mass part of the calf's")
    base_inertial = model.inertial(base)
    body = LeggedBody(
        hip_position=offsets[:, 0],
        thigh_offset=offsets[:, 1],
        calf_offset=offsets[:, 2],
        foot_offset=offsets[:, 3],
        base_mass=base_inertial.mass,
        base_com=base_inertial.com,
        base_inertia=base_inertial.inertia,
        link_mass=np.array([[link.mass for link in leg] for leg in inertials]),
        link_com=np.array([[link.com for link in leg] for leg in inertials]),
        link_inertia=np.array([[link.inertia for link in leg] for leg in inertials]),
        armature=np.array([joint.armature for joint in joints]),
        damping=np.array([joint.damping for joint in joints]),
    )

    spheres = [model.sphere(foot) for foot in feet]
    radii = {radius for _, radius in spheres}
    if len(radii) != 1:
        raise InvalidValue(f"{model_path}: feet must have the same radius, got {sorted(radii)}")
    foot_radius = radii.pop()
    if spec.torque_limit is None:
        declared = model.torque_limits()
        missing = [name for name in JOINT_NAMES if name not in declared]
        if missing:
            raise InvalidValue(f"{model_path}: no motor for {', '.join(missing)}")
        torque_limit = np.array([declared[name] for name in JOINT_NAMES])
    else:
        torque_limit = np.tile(spec.torque_limit, len(LEGS))
    standing = stance(body, foot_radius, spec.standing_height)
    lying = stance(body, foot_radius, spec.lying_height)
    lower, upper = np.array([joint.lower for joint in joints]), np.array([joint.upper for joint in joints])
    for what, pose in (("standing_height", standing), ("lying_height", lying)):
        outside = [name for i, name in enumerate(JOINT_NAMES) if not lower[i] <= pose[i] <= upper[i]]
        if outside:
            raise InvalidValue(f"{spec.name}: {what} needs angles beyond the stops of {', '.join(outside)}")
    mass, com, inertia = CompositeBody(body).at(standing)
    return RobotDescription(
        **vars(body),
        name=spec.name,
        model_path=model_path,
        base_body=base.get("name", ""),
        foot_bodies=FOOT_NAMES,
        foot_geoms=tuple(geom for geom, _ in spheres),
        foot_radius=foot_radius,
        foot_compliance=spec.foot_compliance,
        imu_position=model.site_position(base, "imu"),
        joint_lower=lower,
        joint_upper=upper,
        torque_limit=torque_limit,
        velocity_limit=np.tile(spec.velocity_limit, len(LEGS)),
        frictionloss=np.array([joint.frictionloss for joint in joints]),
        standing_height=spec.standing_height,
        standing_position=standing,
        lying_height=spec.lying_height,
        lying_position=lying,
        mass=mass,
        com=com,
        inertia=inertia,
    )


def _check_tree(path: Path, base: Element, links: list[list[Element]], feet: list[Element]) -> None:
    carried: dict[Element, set[Element]] = {foot: set() for foot in feet}
    carried[base] = {leg[0] for leg in links}
    for leg, foot in zip(links, feet, strict=True):
        for parent, child in pairwise([*leg, foot]):
            carried[parent] = {child}
    for body, wanted in carried.items():
        got = set(body.findall("body"))
        if got != wanted:
            raise InvalidValue(
                f"{path}: body '{body.get('name')}' must carry {_names(wanted)}, got {_names(got)}; "
                "other bodies would change the robot's mass"
            )


def _names(bodies: set[Element]) -> str:
    return ", ".join(sorted(body.get("name", "unnamed") for body in bodies)) or "none"


def _check_joints(path: Path, joints: list[Joint]) -> None:
    for joint, name in zip(joints, JOINT_NAMES, strict=True):
        if joint.name != name:
            raise InvalidValue(f"{path}: expected joint '{name}', got '{joint.name}'")
        axis = _AXES[name.split("_")[1]]
        if not np.allclose(joint.axis, axis, rtol=0.0, atol=1e-9):
            raise InvalidValue(f"{path}: joint '{name}' must turn about {axis}, got {tuple(joint.axis.tolist())}")
