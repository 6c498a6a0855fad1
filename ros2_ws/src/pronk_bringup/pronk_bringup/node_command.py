"""What a node of a launch file is started with: its program, its name, its parameters."""

import importlib.util
import os
import pkgutil
import sys
from pathlib import Path
from typing import Any

import yaml

from pronk_bringup.errors import LaunchError
from pronk_bringup.substitutions import Scope, substitute
from pronk_bringup.yaml_text import load_yaml

NAMESPACE = "ros_namespace"
_TYPES = {"str": str, "int": int, "float": float, "bool": bool}


def find_executable(package: str, executable: str) -> list[str]:
    """Find what runs a node: a module of this Python, or a program of an installed ROS package.

    Args:
        package: ROS package.
        executable: Name of its executable.

    Returns:
        Beginning of a command line.

    Raises:
        LaunchError: There is no such package or executable.
    """
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        program = Path(prefix, "lib", package, executable)
        if prefix and os.access(program, os.X_OK) and program.is_file():
            return [str(program)]
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or spec.submodule_search_locations is None:
        raise LaunchError(f"package '{package}' not found: it is neither in AMENT_PREFIX_PATH nor importable")
    if executable.isidentifier() and importlib.util.find_spec(f"{package}.{executable}") is not None:
        return [sys.executable, "-m", f"{package}.{executable}"]
    modules = sorted(m.name for m in pkgutil.iter_modules(spec.submodule_search_locations))
    nodes = [name for name in modules if name.endswith("_node")] or modules
    raise LaunchError(f"package '{package}' has no executable '{executable}'; it has: {', '.join(nodes) or 'none'}")


def full_namespace(scope: Scope, name: str | None) -> str | None:
    """Put a namespace into the one that was pushed before.

    Args:
        scope: What substitutions can see.
        name: Namespace as written, or None.

    Returns:
        Absolute namespace, or None when there is none at all.
    """
    base = scope.variables.get(NAMESPACE)
    if not name:
        joined = base
    elif not base or name.startswith("/"):
        joined = name
    else:
        joined = f"{base.rstrip('/')}/{name}"
    if joined is None:
        return None
    return "/" + joined.strip("/")


def parameter_file(parameter: dict[str, Any], node: str, where: str, scope: Scope, new: Path) -> str:
    """Return the file that carries a parameter to its node.

    Args:
        parameter: One entry of `param`: name and value, or from.
        node: Full name of the node, or "/**".
        where: Place in the launch file, for errors.
        scope: What substitutions can see.
        new: File to write when the value stands in the launch file.

    Returns:
        Path of the file.

    Raises:
        LaunchError: The file does not exist, or the value cannot be a parameter.
    """
    if "from" in parameter:
        path = Path(substitute(parameter["from"], scope))
        if not path.is_file():
            raise LaunchError(f"{where}: parameter file '{path}' does not exist")
        return str(path)
    name = substitute(parameter["name"], scope)
    value = _parameter_value(parameter["value"], parameter.get("type"), f"{where} '{name}'", scope)
    new.write_text(yaml.safe_dump({node: {"ros__parameters": {name: value}}}), encoding="utf-8")
    return str(new)


def _parameter_value(value: Any, kind: str | None, where: str, scope: Scope) -> Any:
    if kind is not None and kind not in _TYPES:
        raise LaunchError(f"{where}: type must be one of: {', '.join(_TYPES)}; got '{kind}'")
    if isinstance(value, list):
        value = [load_yaml(substitute(v, scope), where) if isinstance(v, str) else v for v in value]
    elif isinstance(value, str):
        text = substitute(value, scope)
        if kind == "str" or not text:
            return text
        value = load_yaml(text, where)
        if kind == "float" and type(value) is int:
            value = float(value)
    if kind is not None and type(value) is not _TYPES[kind]:
        raise LaunchError(f"{where} must be of type {kind}, got {value!r}")
    elements = value if isinstance(value, list) else [value]
    if not elements or type(elements[0]) not in _TYPES.values() or len({type(v) for v in elements}) != 1:
        raise LaunchError(
            f"{where} must be a bool, int, float, str or a list of one of these, got {value!r}; "
            "for text that YAML reads otherwise add 'type: str'"
        )
    return value
