"""The MuJoCo model of robots on a ground, with the same contact law for every robot."""

from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.description import RobotDescription
from controllers.robot.joints import JOINT_NAMES, LEGS
from sim.terrain import Terrain

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

# Feet outrank every other geom, so that a contact takes its friction, condim and stiffness from the foot alone.
FOOT_PRIORITY = 2
# Twice as stiff as MuJoCo's default, under which the feet of a standing robot sink in by 4 mm.
SOLREF = [0.01, 1.0]
SOLIMP = [0.9, 0.95, 0.001, 0.5, 2.0]
FOOT_SITE = "{leg}_touch"
ACCELEROMETER = "accelerometer"


@dataclass(frozen=True)
class ModelIndex:
    """Where the things that a control tick touches stand in MuJoCo's arrays.

    Attributes:
        base: Body that carries the free joint.
        base_qpos: First of the seven position coordinates of the free joint.
        base_dof: First of its six velocity coordinates.
        qpos: Position coordinate of each joint, canonical order, a slice or an index array of shape (12,).
        dof: Velocity coordinate of each joint, likewise.
        feet: Geom of each foot, shape (4,).
        accelerometer: First entry in the sensor data.
        touch: First of the four foot forces in the sensor data.
        ground: Geoms of the ground.
    """

    base: int
    base_qpos: int
    base_dof: int
    qpos: Index | slice
    dof: Index | slice
    feet: Index
    accelerometer: int
    touch: int
    ground: frozenset[int]


def build_spec(robot: RobotDescription, terrain: Terrain, friction: float, physics_dt: float) -> mujoco.MjSpec:
    """Put a robot on a ground.

    Args:
        robot: The robot.
        terrain: The ground.
        friction: Coulomb coefficient at the start.
        physics_dt: Integration step [s].

    Returns:
        The world, ready to compile.

    Raises:
        InvalidValue: The MJCF lacks a foot geom or a floating base, or its IMU is rotated against the base.
    """
    spec = build_robot(robot, friction)
    spec.modelname = f"{spec.modelname}_world"
    set_options(spec, physics_dt)
    add_ground(spec, terrain, friction)
    return spec


def set_options(spec: mujoco.MjSpec, physics_dt: float) -> None:
    """Choose how a world is integrated.

    Args:
        spec: World under construction.
        physics_dt: Integration step [s].
    """
    spec.option.timestep = physics_dt
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 100.0


def add_ground(spec: mujoco.MjSpec, terrain: Terrain, friction: float) -> None:
    """Add a ground with the contact law of all.

    Args:
        spec: World under construction.
        terrain: The ground.
        friction: Coulomb coefficient at the start.
    """
    terrain.add_to(spec)
    for geom in spec.worldbody.geoms:
        normalise(geom, friction)


def build_robot(robot: RobotDescription, friction: float) -> mujoco.MjSpec:
    """Build a robot without a ground.

    Args:
        robot: The robot.
        friction: Coulomb coefficient of its geoms at the start.

    Returns:
        The robot with its motors and sensors.

    Raises:
        InvalidValue: The MJCF lacks a foot geom or a floating base, or its IMU is rotated against the base.
    """
    spec = mujoco.MjSpec.from_file(str(robot.model_path))
    for sensor in list(spec.sensors):
        spec.delete(sensor)
    base = _base(spec)
    # What is only to be looked at takes seconds to load; masses come from the bodies, not from their shapes.
    for geom in list(spec.geoms):
        if geom.contype or geom.conaffinity:
            normalise(geom, friction)
        else:
            spec.delete(geom)
    used = {geom.meshname for geom in spec.geoms}
    for mesh in list(spec.meshes):
        if mesh.name not in used:
            spec.delete(mesh)
    _add_motors(spec, robot)
    _add_sensors(spec, base)
    return spec


def index_model(model: mujoco.MjModel, prefix: str = "") -> ModelIndex:
    """Look everything of one robot up by name, once.

    Args:
        model: A compiled world.
        prefix: What the names of the robot's parts begin with, where there are several robots.

    Returns:
        The indices.
    """
    joints = [model.joint(prefix + name).id for name in JOINT_NAMES]
    root = model.body_rootid[model.jnt_bodyid[joints[0]]]
    free = int(model.body_jntadr[root])
    ground = [i for i in range(model.ngeom) if model.geom_bodyid[i] == 0]
    return ModelIndex(
        base=int(model.jnt_bodyid[free]),
        base_qpos=int(model.jnt_qposadr[free]),
        base_dof=int(model.jnt_dofadr[free]),
        qpos=_selector([int(model.jnt_qposadr[j]) for j in joints]),
        dof=_selector([int(model.jnt_dofadr[j]) for j in joints]),
        feet=np.array([model.geom(prefix + leg).id for leg in LEGS], dtype=np.intp),
        accelerometer=int(model.sensor(prefix + ACCELEROMETER).adr[0]),
        touch=int(model.sensor(prefix + FOOT_SITE.format(leg=LEGS[0])).adr[0]),
        ground=frozenset(ground),
    )


def _selector(addresses: list[int]) -> Index | slice:
    """Select coordinates by a slice where they stand in a row, which is faster than by an array."""
    first = addresses[0]
    if addresses == list(range(first, first + len(addresses))):
        return slice(first, first + len(addresses))
    return np.array(addresses, dtype=np.intp)


def index_model_joints(model: mujoco.MjModel) -> tuple[int, Index]:
    """Look up the position coordinates of any model of a robot.

    Args:
        model: A compiled model.

    Returns:
        First of the seven coordinates of the free joint; coordinate of each joint, canonical order, shape (12,).
    """
    joints = [model.jnt_qposadr[model.joint(name).id] for name in JOINT_NAMES]
    return int(model.jnt_qposadr[_free_joint(model)]), np.array(joints, dtype=np.intp)


def _free_joint(model: mujoco.MjModel) -> int:
    return int(np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)[0])


def _base(spec: mujoco.MjSpec) -> mujoco.MjsBody:
    for body in spec.worldbody.bodies:
        if any(joint.type == mujoco.mjtJoint.mjJNT_FREE for joint in body.joints):
            return body
    raise InvalidValue(f"the MJCF '{spec.modelname}' has no body with a free joint under its world")


def normalise(geom: mujoco.MjsGeom, friction: float) -> None:
    """Give a geom the contact law of all.

    Args:
        geom: The geom.
        friction: Coulomb coefficient.
    """
    geom.friction = [friction, 0.005, 0.0001]
    geom.condim = 3
    geom.priority = FOOT_PRIORITY if geom.name in LEGS else 0
    geom.solref = SOLREF
    geom.solimp = SOLIMP
    geom.margin = 0.0


def _add_motors(spec: mujoco.MjSpec, robot: RobotDescription) -> None:
    """Replace the motors by ones that evaluate the impedance law inside MuJoCo, hence at every physics step.

    Force = control + bias_1 q + bias_2 q̇; the backend sets control and biases with each command.
    Motor i belongs to joint i of the canonical order.
    """
    for actuator in list(spec.actuators):
        spec.delete(actuator)
    for joint, limit in zip(JOINT_NAMES, robot.torque_limit.tolist(), strict=True):
        actuator = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.gaintype = mujoco.mjtGain.mjGAIN_FIXED
        actuator.gainprm[0] = 1.0
        actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        actuator.ctrllimited = mujoco.mjtLimited.mjLIMITED_FALSE
        actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        actuator.forcerange = [-limit, limit]


def _add_sensors(spec: mujoco.MjSpec, base: mujoco.MjsBody) -> None:
    imu = spec.site("imu")
    if imu is None:
        base.add_site(name="imu")
    elif abs(abs(imu.quat[0]) - 1.0) > 1e-9:
        raise InvalidValue(f"the site 'imu' must have the axes of the base, got quaternion {list(imu.quat)}")
    kind, site = mujoco.mjtSensor, mujoco.mjtObj.mjOBJ_SITE
    spec.add_sensor(name=ACCELEROMETER, type=kind.mjSENS_ACCELEROMETER, objtype=site, objname="imu")
    for leg in LEGS:
        foot = spec.geom(leg)
        if foot is None:
            raise InvalidValue(f"the MJCF '{spec.modelname}' lacks the foot geom '{leg}'")
        name = FOOT_SITE.format(leg=leg)
        # Larger than the foot, so that the contact point lies inside however deep the foot sinks in.
        foot.parent.add_site(name=name, pos=foot.pos, size=[1.5 * foot.size[0]] * 3, group=5)
        spec.add_sensor(name=name, type=kind.mjSENS_TOUCH, objtype=site, objname=name)
