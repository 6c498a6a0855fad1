"""From a launch file and its arguments to the processes to start."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pronk_bringup.errors import LaunchError
from pronk_bringup.launch_file import Entity, read_launch_file
from pronk_bringup.node_command import NAMESPACE, find_executable, full_namespace, parameter_file
from pronk_bringup.substitutions import Scope, split_command_line, substitute, truth


@dataclass(frozen=True)
class Argument:
    """An argument that a launch file declares.

    Attributes:
        name: Its name.
        default: Default as written, or None when a value must be given.
        description: What it is for.
        choices: Allowed values; empty for any.
    """

    name: str
    default: str | None
    description: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class ProcessSpec:
    """A process to start.

    Attributes:
        label: Its name in the log.
        command: Command line.
        environment: Whole environment.
        directory: Working directory, or None for that of the runner.
        ends_launch: Whether everything stops when it ends.
        sigterm_timeout: Time from SIGINT to SIGTERM [s].
        sigkill_timeout: Time from SIGTERM to SIGKILL [s].
    """

    label: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str | None = None
    ends_launch: bool = False
    sigterm_timeout: float = 5.0
    sigkill_timeout: float = 5.0


@dataclass
class _Expansion:
    given: dict[str, str]
    folder: Path
    processes: list[ProcessSpec] = field(default_factory=list)
    files: int = 0


def declared_arguments(path: Path) -> list[Argument]:
    """List the arguments of a launch file and of the files that it includes by a path free of variables.

    Args:
        path: Launch file.

    Returns:
        Arguments in order of declaration, each name once.

    Raises:
        LaunchError: A file is wrong.
    """
    found: dict[str, Argument] = {}

    def visit(entities: list[Entity], file: Path) -> None:
        for entity in entities:
            values = entity.values
            if entity.tag == "arg" and values["name"] not in found:
                choices = tuple(choice["value"] for choice in values.get("choice", ()))
                description = values.get("description", "no description")
                found[values["name"]] = Argument(values["name"], values.get("default"), description, choices)
            elif entity.tag == "group":
                visit(values["children"], file)
            elif entity.tag == "include" and "$(var" not in values["file"]:
                included = Path(substitute(values["file"], Scope(file)))
                visit(read_launch_file(included), included)

    visit(read_launch_file(path), path.resolve())
    return list(found.values())


def expand(path: Path, arguments: Mapping[str, str], folder: Path | None = None) -> list[ProcessSpec]:
    """Evaluate a launch file.

    Args:
        path: Launch file.
        arguments: Values of its arguments by name.
        folder: Where to write parameter files; None for a new temporary folder.

    Returns:
        Processes to start, in order.

    Raises:
        LaunchError: The file is wrong, an argument is unknown or missing, or a package cannot be found.
    """
    declared = {argument.name: argument for argument in declared_arguments(path)}
    unknown = sorted(set(arguments) - set(declared))
    if unknown:
        known = ", ".join(sorted(declared)) or "none"
        raise LaunchError(f"{path.name} has no argument {', '.join(unknown)}; declared: {known}")
    folder = Path(tempfile.mkdtemp(prefix="pronk_launch_")) if folder is None else folder
    expansion = _Expansion(dict(arguments), folder)
    _run(read_launch_file(path), Scope(path.resolve(), dict(arguments)), expansion)
    return expansion.processes


def _run(entities: list[Entity], scope: Scope, expansion: _Expansion) -> None:
    for entity in entities:
        values = entity.values
        try:
            if "if" in values and not truth(substitute(values["if"], scope), f"{entity.where}.if"):
                continue
            if "unless" in values and truth(substitute(values["unless"], scope), f"{entity.where}.unless"):
                continue
            _ACTIONS[entity.tag](entity, scope, expansion)
        except LaunchError as error:
            text = str(error)
            raise LaunchError(text if ": launch[" in text else f"{entity.where}: {text}") from None


def _argument(entity: Entity, scope: Scope, expansion: _Expansion) -> None:
    values, name = entity.values, entity.values["name"]
    if name not in scope.variables:
        if "default" not in values:
            raise LaunchError(f"argument '{name}' must be given: {name}:=VALUE ({values.get('description', '')})")
        scope.variables[name] = substitute(values["default"], scope)
    choices = [choice["value"] for choice in values.get("choice", ())]
    if choices and scope.variables[name] not in choices:
        raise LaunchError(f"argument '{name}' must be one of: {', '.join(choices)}; got '{scope.variables[name]}'")


def _let(entity: Entity, scope: Scope, expansion: _Expansion) -> None:
    scope.variables[substitute(entity.values["name"], scope)] = substitute(entity.values["value"], scope)


def _set_env(entity: Entity, scope: Scope, expansion: _Expansion) -> None:
    scope.environment[substitute(entity.values["name"], scope)] = substitute(entity.values["value"], scope)


def _unset_env(entity: Entity, scope: Scope, expansion: _Expansion) -> None:
    scope.environment.pop(substitute(entity.values["name"], scope), None)


def _push_namespace(entity: Entity, scope: Scope, expansion: _Expansion) -> None:
    pushed = full_namespace(scope, substitute(entity.values["namespace"], scope))
    if pushed is not None:
        scope.variables[NAMESPACE] = pushed


def _group(entity: Entity, scope: Scope, expansion: _Expansion) -> None:
    if entity.values.get("scoped", True):
        scope = Scope(scope.file, dict(scope.variables), dict(scope.environment))
    _run(entity.values["children"], scope, expansion)


def _include(entity: Entity, scope: Scope, expansion: _Expansion) -> None:
    path = Path(substitute(entity.values["file"], scope))
    given = {substitute(item["name"], scope): substitute(item["value"], scope) for item in entity.values.get("arg", ())}
    declared = {argument.name for argument in declared_arguments(path)}
    unknown = sorted(set(given) - declared)
    if unknown:
        known = ", ".join(sorted(declared)) or "none"
        raise LaunchError(f"{path.name} has no argument {', '.join(unknown)}; declared: {known}")
    # As in the official launch system, an include shares the variables of the including file: nothing is scoped.
    scope.variables.update(given)
    _run(read_launch_file(path), Scope(path.resolve(), scope.variables, scope.environment), expansion)


def _node(entity: Entity, scope: Scope, expansion: _Expansion) -> None:
    values = entity.values
    package, executable = substitute(values["pkg"], scope), substitute(values["exec"], scope)
    name = substitute(values["name"], scope) if "name" in values else None
    given = substitute(values["namespace"], scope) if "namespace" in values else None
    namespace = full_namespace(scope, given)
    command = [*find_executable(package, executable), *split_command_line(values.get("args", ""), scope)]
    if "ros_args" in values:
        command += ["--ros-args", *split_command_line(values["ros_args"], scope)]
    command.append("--ros-args")
    if name is not None:
        command += ["-r", f"__node:={name}"]
    if namespace is not None:
        command += ["-r", f"__ns:={namespace}"]
    full_name = "/**" if name is None else f"{(namespace or '').rstrip('/')}/{name}"
    for i, parameter in enumerate(values.get("param", ())):
        new = expansion.folder / f"parameters_{expansion.files}.yaml"
        expansion.files += 1
        command += ["--params-file", parameter_file(parameter, full_name, f"param[{i}]", scope, new)]
    for rule in values.get("remap", ()):
        command += ["-r", f"{substitute(rule['from'], scope)}:={substitute(rule['to'], scope)}"]
    label = name or executable
    if namespace not in (None, "/"):
        label = f"{namespace.lstrip('/')}/{label}"
    expansion.processes.append(_process(entity, scope, label, command))


def _executable(entity: Entity, scope: Scope, expansion: _Expansion) -> None:
    values = entity.values
    command = split_command_line(values["cmd"], scope)
    if not command:
        raise LaunchError("cmd must not be empty")
    label = substitute(values["name"], scope) if "name" in values else Path(command[0]).name
    expansion.processes.append(_process(entity, scope, label, command))


def _process(entity: Entity, scope: Scope, label: str, command: list[str]) -> ProcessSpec:
    values = entity.values
    environment = dict(scope.environment)
    for item in values.get("env", ()):
        environment[substitute(item["name"], scope)] = substitute(item["value"], scope)
    return ProcessSpec(
        label=label,
        command=tuple(command),
        environment=environment,
        directory=substitute(values["cwd"], scope) if "cwd" in values else None,
        ends_launch="on_exit" in values,
        sigterm_timeout=values.get("sigterm_timeout", 5.0),
        sigkill_timeout=values.get("sigkill_timeout", 5.0),
    )


_ACTIONS = {
    "arg": _argument,
    "let": _let,
    "set_env": _set_env,
    "unset_env": _unset_env,
    "push_ros_namespace": _push_namespace,
    "group": _group,
    "include": _include,
    "node": _node,
    "executable": _executable,
}
