"""Reading of official ROS 2 YAML launch files: the tags and keys that the local runner knows, and nothing else.

Types are as strict as in the official frontend, which does not turn a bare `true` or `0.5` into text, so that a file
that is accepted here is accepted there.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pronk_bringup.errors import LaunchError
from pronk_bringup.yaml_text import load_yaml

# Kinds of values: "text" is a string with substitutions, "flag" a boolean, "number" a number or a string,
# "any" whatever a parameter may be, a dictionary of kinds a list of such dictionaries.
_CONDITION = {"if": "text", "unless": "text"}
_PROCESS = {
    "output": "text",
    "on_exit": "text",
    "sigterm_timeout": "number",
    "sigkill_timeout": "number",
    "env": {"name!": "text", "value!": "text"},
}
TAGS: dict[str, dict[str, Any]] = {
    "arg": {
        "name!": "text",
        "default": "text",
        "description": "text",
        "choice": {"value!": "text"},
        **_CONDITION,
    },
    "let": {"name!": "text", "value!": "text", **_CONDITION},
    "set_env": {"name!": "text", "value!": "text", **_CONDITION},
    "unset_env": {"name!": "text", **_CONDITION},
    "push_ros_namespace": {"namespace!": "text", **_CONDITION},
    "include": {"file!": "text", "arg": {"name!": "text", "value!": "text"}, **_CONDITION},
    "group": {"scoped": "flag", "children!": "entities", **_CONDITION},
    "node": {
        "pkg!": "text",
        "exec!": "text",
        "name": "text",
        "namespace": "text",
        "args": "text",
        "ros_args": "text",
        "param": {"name": "text", "value": "any", "type": "text", "from": "text"},
        "remap": {"from!": "text", "to!": "text"},
        **_PROCESS,
        **_CONDITION,
    },
    "executable": {"cmd!": "text", "cwd": "text", "name": "text", **_PROCESS, **_CONDITION},
}
OUTPUTS = ("screen", "log", "both")


@dataclass(frozen=True)
class Entity:
    """One tag of a launch file.

    Attributes:
        tag: Its name.
        values: Its keys and values, checked.
        where: Its place, for errors.
    """

    tag: str
    values: dict[str, Any]
    where: str


def _keys(spec: dict[str, Any]) -> dict[str, Any]:
    return {key.rstrip("!"): kind for key, kind in spec.items()}


def _check_keys(values: Any, spec: dict[str, Any], where: str) -> None:
    if not isinstance(values, dict):
        raise LaunchError(f"{where} must be a dictionary, got {values!r}")
    known = _keys(spec)
    unknown = [str(key) for key in values if key not in known]
    if unknown:
        raise LaunchError(f"{where}: unknown key {', '.join(unknown)}; supported: {', '.join(sorted(known))}")
    missing = [key[:-1] for key in spec if key.endswith("!") and key[:-1] not in values]
    if missing:
        raise LaunchError(f"{where}: missing key {', '.join(missing)}")


def _check_value(value: Any, kind: Any, where: str) -> Any:
    if kind == "text" and not isinstance(value, str):
        shown = str(value).lower() if isinstance(value, bool) else value
        raise LaunchError(f"{where} must be a string: write '{shown}' in quotes, got {value!r}")
    if kind == "flag" and not isinstance(value, bool):
        raise LaunchError(f"{where} must be true or false without quotes, got {value!r}")
    if kind == "number":
        try:
            return float(value)
        except (TypeError, ValueError):
            raise LaunchError(f"{where} must be a number, got {value!r}") from None
    if kind == "entities":
        return _entities(value, where)
    if isinstance(kind, dict):
        if not isinstance(value, list) or not value:
            raise LaunchError(f"{where} must be a list of dictionaries, got {value!r}")
        return [_check_dictionary(item, kind, f"{where}[{i}]") for i, item in enumerate(value)]
    return value


def _check_dictionary(values: Any, spec: dict[str, Any], where: str) -> dict[str, Any]:
    _check_keys(values, spec, where)
    known = _keys(spec)
    return {key: _check_value(value, known[key], f"{where}.{key}") for key, value in values.items()}


def _check_rules(tag: str, values: dict[str, Any], where: str) -> None:
    if "if" in values and "unless" in values:
        raise LaunchError(f"{where}: 'if' and 'unless' cannot stand together")
    if values.get("on_exit", "shutdown") != "shutdown":
        raise LaunchError(f"{where}.on_exit must be 'shutdown', got '{values['on_exit']}'")
    if values.get("output", "screen") not in OUTPUTS:
        raise LaunchError(f"{where}.output must be one of: {', '.join(OUTPUTS)}; got '{values['output']}'")
    for i, parameter in enumerate(values.get("param", ()) if tag == "node" else ()):
        kinds = set(parameter) - {"type"}
        if kinds not in ({"name", "value"}, {"from"}) or ("from" in parameter and "type" in parameter):
            raise LaunchError(f"{where}.param[{i}] must have either name and value, or from; got {sorted(parameter)}")


def _entities(tree: Any, where: str) -> list[Entity]:
    if not isinstance(tree, list):
        raise LaunchError(f"{where} must be a list of tags, got {tree!r}")
    result = []
    for i, item in enumerate(tree):
        place = f"{where}[{i}]"
        if not isinstance(item, dict) or len(item) != 1:
            raise LaunchError(f"{place} must be one tag with its keys, got {item!r}")
        tag, values = next(iter(item.items()))
        if tag not in TAGS:
            raise LaunchError(f"{place}: unknown tag '{tag}'; supported: {', '.join(sorted(TAGS))}")
        place = f"{place}.{tag}"
        if tag == "group" and isinstance(values, list):
            values = {"children": values}
        checked = _check_dictionary(values, TAGS[tag], place)
        _check_rules(tag, checked, place)
        result.append(Entity(tag, checked, place))
    return result


def read_launch_file(path: Path) -> list[Entity]:
    """Read and check a launch file, without evaluating anything.

    Args:
        path: A `*.launch.yaml` file.

    Returns:
        Its tags, in order.

    Raises:
        LaunchError: The file does not exist, is not YAML, or holds a tag, key or value that is not supported.
    """
    if not path.is_file():
        raise LaunchError(f"launch file '{path}' does not exist")
    if path.suffix not in (".yaml", ".yml"):
        raise LaunchError(f"'{path}' is not a YAML launch file; only *.launch.yaml can be run without ROS 2 installed")
    tree = load_yaml(path.read_bytes(), str(path))
    if not isinstance(tree, dict) or list(tree) != ["launch"]:
        got = list(tree) if isinstance(tree, dict) else type(tree).__name__
        raise LaunchError(f"{path}: the only key at the root must be 'launch', got {got}")
    return _entities(tree["launch"], f"{path.name}: launch")
