"""Draws a MetaWorld scene fast without a GPU: no shadows, no reflections, and thinner meshes in the pictures alone."""

import copy
from collections.abc import Sequence

import fast_simplification
import mujoco
import numpy as np
import numpy.typing as npt

from controllers.errors import UnknownName
from sim.canvas import Canvas
from sim.image_world import box_downsample

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

CAMERAS = ("corner4", "corner", "corner2", "corner3", "topview", "behindGripper", "gripperPOV")
# The model mounts these upside down; their pictures are turned by 180 degrees (not mirrored, as a flip would).
UPSIDE_DOWN = ("corner", "corner2", "corner3", "corner4")
# Meshes with more triangles are thinned to this share: the arm alone has 65 000.
LARGE_MESH_FACES = 1500
KEPT_SHARE = 0.2
LEAST_FACES = 60
# Pictures below this size are drawn twice as large and averaged; smoothing in the driver costs more.
SUPERSAMPLED_BELOW = 128


class ManipulationView:
    """Draws pictures of one model through its fixed cameras."""

    def __init__(self, model: mujoco.MjModel, size: int, look: int | None = None) -> None:
        """Open a context.

        Args:
            model: The scene; its physics is left alone, its colours are not where another look is wanted.
            size: Width and height of the pictures [pixel].
            look: Seed of other colours, light and places of the cameras; None for the usual ones.

        Raises:
            NoRenderer: This machine cannot make pictures.
        """
        self._model = model
        self._factor = 2 if size < SUPERSAMPLED_BELOW else 1
        drawn = size * self._factor
        thin = thinned(model)
        if look is not None:
            repaint(model, thin, np.random.default_rng(look))
        thin.vis.quality.offsamples = thin.vis.quality.shadowsize = 0
        thin.vis.global_.offwidth = thin.vis.global_.offheight = drawn
        self._canvas = Canvas(thin, drawn, drawn)
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._scene.flags[flag] = False
        self._option, self._camera = mujoco.MjvOption(), mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED

    def draw(self, data: mujoco.MjData, camera: str) -> Image:
        """Draw the present moment.

        Args:
            data: State of the model.
            camera: Name of the camera.

        Returns:
            Pixels, shape (size, size, 3).

        Raises:
            UnknownName: There is no such camera.
        """
        if camera not in CAMERAS:
            raise UnknownName("camera", camera, CAMERAS)
        self._camera.fixedcamid = self._model.camera(camera).id
        mujoco.mjv_updateScene(
            self._model, data, self._option, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL, self._scene
        )
        pixels = self._canvas.draw(self._scene)
        # OpenGL begins with the lowest row.
        upright = pixels[:, ::-1] if camera in UPSIDE_DOWN else pixels[::-1]
        return np.ascontiguousarray(box_downsample(upright, self._factor))

    def close(self) -> None:
        """Free the context; calling it twice is harmless."""
        self._canvas.close()


def thinned(model: mujoco.MjModel) -> mujoco.MjModel:
    """Copy a model with thinner meshes, to draw from; there is room, since meshes only shrink.

    Args:
        model: The scene.

    Returns:
        The copy; of no use for physics.
    """
    thin = copy.copy(model)
    for mesh in range(model.nmesh):
        faces, count = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
        if count < LARGE_MESH_FACES:
            continue
        first, vertices = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
        points, triangles = fast_simplification.simplify(
            model.mesh_vert[first : first + vertices].astype(np.float32),
            model.mesh_face[faces : faces + count].astype(np.int32),
            target_count=max(int(KEPT_SHARE * count), LEAST_FACES),
            agg=5.0,
        )
        normals, n, m = int(model.mesh_normaladr[mesh]), len(points), len(triangles)
        if n > min(vertices, int(model.mesh_normalnum[mesh])):
            continue
        thin.mesh_vert[first : first + n] = points
        thin.mesh_normal[normals : normals + n] = _normals(points, triangles)
        thin.mesh_face[faces : faces + m] = thin.mesh_facenormal[faces : faces + m] = triangles
        thin.mesh_facenum[mesh], thin.mesh_vertnum[mesh], thin.mesh_normalnum[mesh] = m, n, n
    return thin


def _normals(points: npt.NDArray[np.float32], triangles: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    first, second, third = (points[triangles[:, corner]] for corner in range(3))
    total = np.zeros_like(points)
    for corner in range(3):
        np.add.at(total, triangles[:, corner], np.cross(second - first, third - first))
    return np.asarray(total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-12))


def repaint(model: mujoco.MjModel, drawn: mujoco.MjModel, rng: np.random.Generator) -> None:
    """Give a scene another look: colours of all materials, geoms and textures, light, places of the fixed cameras.

    Args:
        model: The scene; colours, lights and cameras are changed in place.
        drawn: The copy that textures are read from.
        rng: Draws the look.
    """
    for table in (model.geom_rgba, model.mat_rgba):
        table[:, :3] = np.clip(_turned(table[:, :3], rng) * rng.uniform(0.6, 1.4), 0.0, 1.0)
    pixels = drawn.tex_data.reshape(-1, 3) if set(drawn.tex_nchannel.tolist()) <= {3} else None
    if pixels is not None:
        pixels[:] = np.clip(_turned(pixels.astype(np.float64), rng) * rng.uniform(0.6, 1.3), 0.0, 255.0)
    model.light_diffuse[:] = np.clip(model.light_diffuse * rng.uniform(0.5, 1.3), 0.0, 1.0)
    model.vis.headlight.ambient[:] = rng.uniform(0.1, 0.5)
    for name in UPSIDE_DOWN:
        model.cam_pos[model.camera(name).id] += rng.normal(0.0, 0.04, 3)


def _turned(colours: npt.NDArray[np.floating], rng: np.random.Generator) -> Array:
    """Mix the three channels: a permutation, partly."""
    mix: Sequence[Array] = (np.eye(3), np.eye(3)[rng.permutation(3)])
    share = rng.uniform(0.0, 1.0)
    return np.asarray(colours @ ((1.0 - share) * mix[0] + share * mix[1]))
