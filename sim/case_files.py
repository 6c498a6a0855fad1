"""Reads scenarios from YAML case files."""

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from controllers.errors import InvalidValue, UnknownName
from controllers.robot.catalog import ROBOTS
from controllers.robot.interface import LocomotionCommand
from sim.disturbances import Disturbance, Drag, Payload, PeriodicWrench, Wrench
from sim.friction import Friction, FrictionPatches, FrictionSchedule, UniformFriction
from sim.quadruped_backend import HEALTHY, SimConfig
from sim.scenarios import Scenario, TimedCommand
from sim.sensors import SensorConfig
from sim.terrain import Flat, Rough, Slope, Terrain

T = TypeVar("T")

TERRAINS: dict[str, type] = {"flat": Flat, "slope": Slope, "rough": Rough}
FRICTIONS: dict[str, type] = {"uniform": UniformFriction, "schedule": FrictionSchedule, "patches": FrictionPatches}
COMMAND_KEYS = {
    "vx": "velocity_x",
    "vy": "velocity_y",
    "yaw_rate": "yaw_rate",
    "gait": "gait",
    "body_height": "body_height",
    "roll": "roll",
    "pitch": "pitch",
}
# PyYAML's own constructors fall over impossible dates, tags without a value and endless nesting with errors of Python.
YAML_FAILURES = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)
CASE_KEYS = (
    "name",
    "robot",
    "duration_s",
    "command",
    "payload",
    "wrench",
    "periodic",
    "drag",
    "terrain",
    "friction",
    "sensors",
    "leg_strength",
    "initial_pose",
    "seed",
)


def load_cases(path: Path | str) -> list[Scenario]:
    """Read a case file.

    Args:
        path: YAML file with a list of cases.

    Returns:
        One scenario per case.

    Raises:
        InvalidValue: The file is missing or no list of cases; or a case has an unknown key (the message lists the
            known ones), a missing one, or a value that is not allowed. Names the file and the case.
    """
    path = Path(path)
    try:
        cases = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidValue(f"cannot read the case file {path}: {error.strerror}") from error
    except YAML_FAILURES as error:
        raise InvalidValue(f"{path} is not valid YAML: {error}") from error
    if not isinstance(cases, list) or not cases:
        raise InvalidValue(f"{path} must hold a list of at least one case, got {type(cases).__name__}")
    scenarios: list[Scenario] = []
    for number, case in enumerate(cases, start=1):
        name = case.get("name", "?") if isinstance(case, Mapping) else "?"
        try:
            scenario = parse_case(case)
            if any(scenario.name == other.name for other in scenarios):
                raise InvalidValue("name occurs twice")
        except (InvalidValue, UnknownName) as error:
            raise InvalidValue(f"{path}, case {number} ('{name}'): {error}") from error
        scenarios.append(scenario)
    return scenarios


def parse_case(case: object) -> Scenario:
    """Turn one case into a scenario.

    Args:
        case: Mapping as in a case file.

    Returns:
        The scenario.

    Raises:
        InvalidValue: A key is unknown or missing, or a value is not allowed.
        UnknownName: There is no such robot, terrain or friction.
    """
    case = _mapping("case", case, CASE_KEYS)
    for key in ("name", "duration_s", "command"):
        if key not in case:
            raise InvalidValue(f"case lacks the key '{key}'")
    robot = _convert("robot", case.get("robot", "go2"), str)
    if robot not in ROBOTS:
        raise UnknownName("robot", str(robot), ROBOTS)
    disturbances: list[Disturbance] = [_build("payload", Payload, item) for item in _items("payload", case)]
    disturbances += [_build("wrench", Wrench, item) for item in _items("wrench", case)]
    disturbances += [_build("periodic", PeriodicWrench, item) for item in _items("periodic", case)]
    disturbances += [_build("drag", Drag, item) for item in _items("drag", case)]
    return Scenario(
        name=_convert("name", case["name"], str),
        robot=robot,
        duration_s=_convert("duration_s", case["duration_s"], float),
        commands=tuple(_command(item) for item in _items("command", case)),
        disturbances=tuple(disturbances),
        terrain=_terrain(case.get("terrain", {"kind": "flat"})),
        friction=_friction(case.get("friction", {"kind": "uniform"})),
        sensors=_build("sensors", SensorConfig, case.get("sensors", {})),
        leg_strength=_leg_strength(case.get("leg_strength", list(HEALTHY))),
        seed=_convert("seed", case.get("seed", 0), int),
        initial_pose=_convert("initial_pose", case.get("initial_pose", "stand"), str),
    )


def _leg_strength(value: object) -> tuple[float, float, float, float]:
    strength: tuple[float, float, float, float] = _convert("leg_strength", value, tuple[float, float, float, float])
    SimConfig(leg_strength=strength)
    return strength


def _terrain(value: object) -> Terrain:
    return _variant("terrain", value, TERRAINS)


def _friction(value: object) -> Friction:
    return _variant("friction", value, FRICTIONS)


def _variant(what: str, value: object, kinds: Mapping[str, type]) -> Any:
    if not isinstance(value, Mapping) or "kind" not in value:
        raise InvalidValue(f"{what} must be a mapping with the key 'kind' ({', '.join(kinds)}), got {value!r}")
    if str(value["kind"]) not in kinds:
        raise UnknownName(f"{what} kind", str(value["kind"]), kinds)
    rest = {key: item for key, item in value.items() if key != "kind"}
    return _build(f"{what} {value['kind']}", kinds[str(value["kind"])], rest)


def _command(item: object) -> TimedCommand:
    item = _mapping("command", item, ("at_s", *COMMAND_KEYS))
    values = {COMMAND_KEYS[key]: value for key, value in item.items() if key in COMMAND_KEYS}
    return TimedCommand(
        _convert("command.at_s", item.get("at_s", 0.0), float),
        _build("command", LocomotionCommand, {"gait": "trot", **values}),
    )


def _items(key: str, case: Mapping[str, Any]) -> list[Any]:
    items = case.get(key, [])
    if not isinstance(items, list):
        raise InvalidValue(f"{key} must be a list, got {type(items).__name__}")
    return items


def _mapping(what: str, value: object, known: typing.Iterable[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidValue(f"{what} must be a mapping, got {type(value).__name__}")
    for key in value:
        if key not in known:
            raise InvalidValue(f"{what} has the unknown key '{key}'; known: {', '.join(known)}")
    return value


def _build(what: str, kind: type[T], value: object) -> T:
    """Make a dataclass of a mapping of its fields, types checked."""
    hints = typing.get_type_hints(kind)
    known = [f.name for f in fields(kind)]
    value = _mapping(what, value, known)
    for f in fields(kind):
        if f.default is MISSING and f.default_factory is MISSING and f.name not in value:
            raise InvalidValue(f"{what} lacks the key '{f.name}'")
    return kind(**{key: _convert(f"{what}.{key}", item, hints[key]) for key, item in value.items()})


def _convert(what: str, value: object, hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None and type(None) in typing.get_args(hint):
            return None
        hint = next(arg for arg in typing.get_args(hint) if arg is not type(None))
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)
        count = None if inner[-1] is Ellipsis else len(inner)
        if not isinstance(value, list) or (count is not None and len(value) != count):
            raise InvalidValue(f"{what} must be a list of {count or 'any number of'} numbers, got {value!r}")
        return tuple(_convert(what, item, inner[0]) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise InvalidValue(f"{what} must be of type {hint.__name__}, got {value!r}")
    return value
