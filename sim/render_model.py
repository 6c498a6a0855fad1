"""A model for pictures only: visual meshes thinned out, floor and sky painted."""

from functools import cache
from pathlib import PurePath

import fast_simplification
import mujoco
import numpy as np
import numpy.typing as npt

from controllers.robot.catalog import load_robot
from sim.terrain import FLOOR, Terrain

Array = npt.NDArray[np.float64]
Faces = npt.NDArray[np.int32]

FACE_BUDGET = 32000
FINE_FACE_BUDGET = 120000
# Small meshes are lettering and trim, whose separate pieces thinning would swallow.
SMALL_MESH_FACES = 2500
# Direction of the light.
SUN = np.array([-0.35, 0.35, -1.0])


def build_render_model(robot: str, terrain: Terrain, size: tuple[int, int], fine: bool = False) -> mujoco.MjModel:
    """Put a light-weight copy of a robot on a painted ground.

    Args:
        robot: Name of the robot.
        terrain: The ground.
        size: Width and height of the pictures [pixel].
        fine: Whether to smooth edges and keep more detail, at several times the cost without a GPU.

    Returns:
        A compiled model whose coordinates are those of the simulated robot.
    """
    spec = mujoco.MjSpec.from_file(str(load_robot(robot).model_path))
    for element in [*spec.sensors, *spec.actuators, *spec.keys, *spec.lights]:
        spec.delete(element)
    meshes = thin_meshes(robot, FINE_FACE_BUDGET if fine else FACE_BUDGET)
    for mesh in spec.meshes:
        # The compiler names a mesh without a name after its file.
        mesh.name = mesh.name or PurePath(mesh.file).stem
        vertices, faces = meshes[mesh.name]
        mesh.file = ""
        mesh.uservert = vertices.ravel().tolist()
        mesh.userface = faces.ravel().tolist()
        mesh.scale = [1.0, 1.0, 1.0]
        # Thinned meshes need not be closed; their masses are not used.
        mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
    terrain.add_to(spec)
    paint(spec)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = size
    spec.visual.quality.offsamples = 4 if fine else 0
    return spec.compile()


@cache
def thin_meshes(robot: str, face_budget: int) -> dict[str, tuple[Array, Faces]]:
    """Thin out all visual meshes of a robot.

    Args:
        robot: Name of the robot.
        face_budget: Triangles of the whole robot afterwards, roughly; small meshes are left whole.

    Returns:
        Vertices, shape (n, 3) [m], and triangles, shape (m, 3), by the name of the mesh, in its file's frame.
    """
    model = mujoco.MjModel.from_xml_path(str(load_robot(robot).model_path))
    uses = np.bincount(model.geom_dataid[model.geom_type == mujoco.mjtGeom.mjGEOM_MESH], minlength=model.nmesh)
    drawn = float(np.sum(uses * model.mesh_facenum))
    meshes = {}
    for i in range(model.nmesh):
        vertices, faces = _welded(*_original(model, i))
        target = int(len(faces) * face_budget / drawn)
        if SMALL_MESH_FACES < len(faces) and target < len(faces):
            vertices, faces = fast_simplification.simplify(
                vertices.astype(np.float32), faces, target_count=target, agg=3.0
            )
        meshes[model.mesh(i).name] = (np.asarray(vertices, dtype=float), np.asarray(faces, dtype=np.int32))
    return meshes


def _original(model: mujoco.MjModel, mesh: int) -> tuple[Array, Faces]:
    """Undo the compiler's shift and rotation of a mesh into its inertial frame."""
    first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, model.mesh_quat[mesh])
    vertices = model.mesh_vert[first : first + count] @ rotation.reshape(3, 3).T + model.mesh_pos[mesh]
    first, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
    return vertices, model.mesh_face[first : first + count].copy()


def _welded(vertices: Array, faces: Faces) -> tuple[Array, Faces]:
    """Merge vertices at the same place, without which edges cannot collapse across seams."""
    _, first, inverse = np.unique(np.round(vertices, 5), axis=0, return_index=True, return_inverse=True)
    faces = inverse.reshape(-1)[faces].astype(np.int32)
    proper = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return vertices[first], faces[proper]


def paint(spec: mujoco.MjSpec) -> None:
    """Paint floor and sky, light them, and hide collision shapes.

    Args:
        spec: World under construction.
    """
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.46, 0.61, 0.80],
        rgb2=[0.80, 0.86, 0.92],
        width=256,
        height=256,
    )
    spec.add_texture(
        name="tiles",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.66, 0.71, 0.76],
        rgb2=[0.56, 0.62, 0.68],
        mark=mujoco.mjtMark.mjMARK_EDGE,
        markrgb=[0.74, 0.78, 0.82],
        width=256,
        height=256,
    )
    spec.add_material(name="tiles", texrepeat=[2.0, 2.0], texuniform=True, reflectance=0.0, specular=0.1)
    spec.material("tiles").textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "tiles"
    for geom in spec.worldbody.geoms:
        if geom.name.startswith(FLOOR):
            geom.material = "tiles"
    for geom in spec.geoms:
        if geom.group == 3:
            geom.rgba = [0.0, 0.0, 0.0, 0.0]
    spec.worldbody.add_light(
        name="sun",
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[0.0, 0.0, 4.0],
        dir=SUN.tolist(),
        diffuse=[0.65, 0.65, 0.62],
        specular=[0.25, 0.25, 0.25],
        castshadow=False,
    )
    spec.visual.headlight.ambient = [0.38, 0.38, 0.40]
    spec.visual.headlight.diffuse = [0.28, 0.28, 0.30]
    spec.visual.headlight.specular = [0.05, 0.05, 0.05]
    spec.visual.rgba.haze = [0.80, 0.86, 0.92, 1.0]
    spec.visual.map.znear = 0.01
    spec.visual.map.zfar = 60.0
    spec.stat.extent = 1.5
    spec.stat.center = [0.0, 0.0, 0.2]
