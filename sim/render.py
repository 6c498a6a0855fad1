"""Pictures of a robot on a ground."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.catalog import load_robot
from sim.canvas import Canvas
from sim.disturbances import Payload
from sim.friction import Friction, FrictionPatches
from sim.render_model import SUN, build_render_model
from sim.terrain import Flat, Terrain
from sim.world import index_model_joints

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

ESTIMATE_RGBA = (0.98, 0.45, 0.09, 1.0)
TRUTH_RGBA = (0.10, 0.55, 0.33, 0.55)
SHADOW_RGBA = (0.36, 0.40, 0.45, 1.0)
PAYLOAD_RGBA = (0.20, 0.36, 0.62, 1.0)
METRES_PER_NEWTON = 0.004
SMALLEST_FORCE_N = 8.0
LARGEST_LEVER_M = 0.25
ARROW_HEIGHT_M = 0.22


@dataclass(frozen=True)
class Frame:
    """What one picture shows.

    Attributes:
        time: Shown in the caption [s].
        position_world: Base origin, shape (3,) [m].
        orientation: Quaternion (w, x, y, z), base in world, shape (4,).
        joint_position: Canonical order, shape (12,) [rad].
        payloads: The payloads that are on the robot.
        estimate: Estimated external force and torque about the nominal centre of mass, world axes,
            shape (6,) [N, N·m]; None draws no arrow.
        truth: The true one likewise.
        notes: Further lines of the caption, each with its colour (None for the default).
    """

    time: float
    position_world: Array
    orientation: Array
    joint_position: Array
    payloads: Sequence[Payload] = ()
    estimate: Array | None = None
    truth: Array | None = None
    notes: Sequence[tuple[str, tuple[float, ...] | None]] = ()


@dataclass(frozen=True)
class CameraConfig:
    """Where the camera stands; it follows the robot.

    Attributes:
        azimuth_deg: Direction of view in the ground plane [degree].
        elevation_deg: Negative looks down [degree].
        distance_m: From the robot [m].
        height_m: Of the point looked at, above the ground below the robot [m].
        smoothing_s: Time constant with which the camera follows [s].
    """

    azimuth_deg: float = 125.0
    elevation_deg: float = -14.0
    distance_m: float = 1.55
    height_m: float = 0.27
    smoothing_s: float = 0.35


class SceneRenderer:
    """Draws a robot on a ground.

    Args:
        robot: Name of the robot.
        terrain: The ground.
        friction: Drawn on the ground where it comes in patches.
        size: Width and height of the pictures, both even [pixel].
        camera: Where the camera stands.
        fine: Whether to smooth edges and keep more detail, at several times the cost without a GPU; for still pictures.

    Raises:
        NoRenderer: This machine cannot make pictures.
        InvalidValue: The size is odd or too small.
    """

    def __init__(
        self,
        robot: str = "go2",
        terrain: Terrain | None = None,
        friction: Friction | None = None,
        size: tuple[int, int] = (960, 540),
        camera: CameraConfig | None = None,
        fine: bool = False,
    ) -> None:
        width, height = size
        if width < 64 or height < 64 or width % 2 or height % 2:
            raise InvalidValue(f"the size of a picture must be even and >= 64, got {width} x {height}")
        self.size = size
        self.camera = camera or CameraConfig()
        self._terrain = terrain or Flat()
        self._friction = friction
        self._com = load_robot(robot).com
        self._model = build_render_model(robot, self._terrain, size, fine)
        self._data = mujoco.MjData(self._model)
        self._base, self._joints = index_model_joints(self._model)
        self._solids = [i for i in range(self._model.ngeom) if self._model.geom_group[i] == 3]
        self._canvas = Canvas(self._model, width, height)
        self._scene = mujoco.MjvScene(self._model, maxgeom=2000)
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = (1, 1, 1, 0, 0, 0)
        self._view = mujoco.MjvCamera()
        self._view.azimuth, self._view.elevation = self.camera.azimuth_deg, self.camera.elevation_deg
        self._view.distance = self.camera.distance_m
        self._followed: Array | None = None
        self._last_time = 0.0

    def __enter__(self) -> "SceneRenderer":
        """Return the renderer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Free the context; calling it twice is harmless."""
        self._canvas.close()

    def render(self, frame: Frame) -> Image:
        """Draw one picture.

        Args:
            frame: What it shows.

        Returns:
            Pixels, shape (height, width, 3).
        """
        base = self._base
        self._data.qpos[base : base + 3] = frame.position_world
        self._data.qpos[base + 3 : base + 7] = frame.orientation
        self._data.qpos[self._joints] = frame.joint_position
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        self._follow(frame)
        mujoco.mjv_updateScene(
            self._model, self._data, self._option, None, self._view, mujoco.mjtCatBit.mjCAT_ALL, self._scene
        )
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, frame.orientation)
        rotation = rotation.reshape(3, 3)
        self._draw_strips(frame)
        self._draw_shadows(frame, rotation)
        for payload in frame.payloads:
            centre = frame.position_world + rotation @ np.array(payload.offset_m)
            self._add(mujoco.mjtGeom.mjGEOM_BOX, 0.5 * np.array(payload.size_m), centre, rotation, PAYLOAD_RGBA)
        if frame.truth is not None:
            self._draw_wrench(frame, rotation, frame.truth, TRUTH_RGBA, 0.022)
        if frame.estimate is not None:
            self._draw_wrench(frame, rotation, frame.estimate, ESTIMATE_RGBA, 0.013)
        return self._canvas.draw(self._scene)[::-1]

    def _follow(self, frame: Frame) -> None:
        x, y = float(frame.position_world[0]), float(frame.position_world[1])
        target = np.array([x, y, self._terrain.height(x, y) + self.camera.height_m])
        if self._followed is None or frame.time < self._last_time:
            self._followed = target
        else:
            share = 1.0 - math.exp(-(frame.time - self._last_time) / max(self.camera.smoothing_s, 1e-6))
            self._followed = self._followed + share * (target - self._followed)
        self._last_time = frame.time
        self._view.lookat[:] = self._followed

    def _add(self, kind: int, size: Array, position: Array, rotation: Array, rgba: Sequence[float]) -> None:
        if self._scene.ngeom >= self._scene.maxgeom:
            return
        geom = self._scene.geoms[self._scene.ngeom]
        mujoco.mjv_initGeom(geom, kind, size, position, rotation.ravel(), np.array(rgba, dtype=np.float32))
        geom.specular, geom.shininess = 0.2, 0.3
        self._scene.ngeom += 1

    def _draw_shadows(self, frame: Frame, rotation: Array) -> None:
        """Flatten the collision shapes onto a level floor along the light.

        Shadow maps cost as much as the picture itself without a GPU, and speckle.
        """
        if not isinstance(self._terrain, Flat):
            return
        flatten = np.eye(3)
        flatten[:, 2] = (-SUN[0] / SUN[2], -SUN[1] / SUN[2], 1e-3)
        lift = np.array([0.0, 0.0, 0.002])
        model, data = self._model, self._data
        for i in self._solids:
            pose = data.geom_xmat[i].reshape(3, 3)
            self._add(
                int(model.geom_type[i]),
                model.geom_size[i],
                flatten @ data.geom_xpos[i] + lift,
                flatten @ pose,
                SHADOW_RGBA,
            )
        for payload in frame.payloads:
            centre = frame.position_world + rotation @ np.array(payload.offset_m)
            size = 0.5 * np.array(payload.size_m)
            self._add(mujoco.mjtGeom.mjGEOM_BOX, size, flatten @ centre + lift, flatten @ rotation, SHADOW_RGBA)

    def _draw_strips(self, frame: Frame) -> None:
        """Paint the patches of friction around the robot, blue where it is slippery."""
        patches = self._friction
        if not isinstance(patches, FrictionPatches):
            return
        x = float(frame.position_world[0])
        first = max(0, int((x - 5.0 - patches.start_m) / patches.width_m))
        for strip in range(first, first + int(10.0 / patches.width_m)):
            centre = patches.start_m + (strip + 0.5) * patches.width_m
            grip = min(patches.values[strip % len(patches.values)], 1.0)
            rgba = (0.46 + 0.26 * grip, 0.64, 0.88 - 0.32 * grip, 1.0)
            size = np.array([0.5 * patches.width_m, 1.5, 0.001])
            self._add(mujoco.mjtGeom.mjGEOM_BOX, size, np.array([centre, 0.0, 0.0]), np.eye(3), rgba)

    def _draw_wrench(self, frame: Frame, rotation: Array, wrench: Array, rgba: Sequence[float], width: float) -> None:
        """Draw the force as an arrow that ends on its line of action."""
        force, torque = np.asarray(wrench)[:3], np.asarray(wrench)[3:]
        size = float(np.linalg.norm(force))
        if not size > SMALLEST_FORCE_N or self._scene.ngeom >= self._scene.maxgeom:
            return
        lever = np.cross(force, torque) / (size * size)
        reach = float(np.linalg.norm(lever))
        lever *= min(1.0, LARGEST_LEVER_M / max(reach, 1e-9))
        direction = force / size
        # The tip stays above the back, so that neither trunk nor payload hides it.
        tip = frame.position_world + rotation @ self._com + lever - ARROW_HEIGHT_M * direction
        geom = self._scene.geoms[self._scene.ngeom]
        mujoco.mjv_initGeom(
            geom,
            mujoco.mjtGeom.mjGEOM_ARROW,
            np.zeros(3),
            np.zeros(3),
            np.eye(3).ravel(),
            np.array(rgba, dtype=np.float32),
        )
        tail = tip - METRES_PER_NEWTON * force
        # MuJoCo draws an arrow half as long as it is asked to.
        mujoco.mjv_connector(geom, mujoco.mjtGeom.mjGEOM_ARROW, width, tail, tail + 2.0 * (tip - tail))
        self._scene.ngeom += 1
