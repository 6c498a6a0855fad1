from dataclasses import dataclass

import mujoco
import numpy as np
import pytest

from controllers.robot.catalog import ROBOTS, load_robot
from controllers.robot.description import RobotDescription
from controllers.robot.joints import JOINT_NAMES


@dataclass
class Reference:
    """The same robot in MuJoCo, with contacts, stops and dry friction switched off."""

    robot: RobotDescription
    model: mujoco.MjModel
    data: mujoco.MjData

    def __post_init__(self) -> None:
        joints = [self.model.joint(name) for name in JOINT_NAMES]
        self.position_index = np.array([joint.qposadr[0] for joint in joints])
        self.velocity_index = np.array([joint.dofadr[0] for joint in joints])

    def place(self, joint_position: np.ndarray, orientation: np.ndarray | None = None) -> None:
        self.data.qpos[:] = 0.0
        self.data.qpos[3:7] = (1.0, 0.0, 0.0, 0.0) if orientation is None else orientation
        self.data.qpos[self.position_index] = joint_position
        self.data.qvel[:] = 0.0
        self.data.qacc[:] = 0.0
        mujoco.mj_forward(self.model, self.data)

    def base_rotation(self) -> np.ndarray:
        return self.data.body(self.robot.base_body).xmat.reshape(3, 3)

    def in_base(self, position_world: np.ndarray) -> np.ndarray:
        return self.base_rotation().T @ (position_world - self.data.body(self.robot.base_body).xpos)

    def mass_matrix(self) -> np.ndarray:
        # Column by column, because the call that gives it whole changed its signature between releases.
        n = self.model.nv
        matrix, column = np.empty((n, n)), np.empty(n)
        for i, unit in enumerate(np.eye(n)):
            mujoco.mj_mulM(self.model, self.data, column, unit)
            matrix[:, i] = column
        return matrix


@pytest.fixture(scope="session")
def references() -> dict[str, Reference]:
    found = {}
    for name in ROBOTS:
        robot = load_robot(name)
        model = mujoco.MjModel.from_xml_path(str(robot.model_path))
        off = mujoco.mjtDisableBit
        model.opt.disableflags |= off.mjDSBL_CONTACT | off.mjDSBL_LIMIT | off.mjDSBL_FRICTIONLOSS
        found[name] = Reference(robot, model, mujoco.MjData(model))
    return found


@pytest.fixture(params=sorted(ROBOTS))
def reference(request: pytest.FixtureRequest, references: dict[str, Reference]) -> Reference:
    return references[request.param]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20250717)
