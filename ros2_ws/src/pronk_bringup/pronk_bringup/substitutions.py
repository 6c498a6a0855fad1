"""Substitutions of ROS 2 launch files: `$(var x)`, `$(env HOME)`, `$(find-pkg-share p)` and a few more."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pronk_bringup.errors import LaunchError
from pronk_bringup.package_share import package_share

TRUE, FALSE = ("true", "1"), ("false", "0")


@dataclass
class Scope:
    """What substitutions can see.

    Attributes:
        file: Launch file being read.
        variables: Launch configurations by name.
        environment: Environment of the processes to come.
    """

    file: Path
    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))


def truth(text: str, where: str) -> bool:
    """Read a condition.

    Args:
        text: Its text after substitution.
        where: Place in the launch file, for errors.

    Returns:
        Its value.

    Raises:
        LaunchError: It is neither true nor false.
    """
    word = text.strip().lower()
    if word not in TRUE + FALSE:
        raise LaunchError(f"{where}: a condition must be one of {', '.join(TRUE + FALSE)}; got '{text}'")
    return word in TRUE


def _var(scope: Scope, name: str, default: str | None = None) -> str:
    value = scope.variables.get(name, default)
    if value is None:
        known = ", ".join(sorted(scope.variables)) or "none"
        raise LaunchError(f"unknown launch variable '{name}'; known here: {known}")
    return value


def _env(scope: Scope, name: str, default: str | None = None) -> str:
    value = scope.environment.get(name, default)
    if value is None:
        raise LaunchError(f"environment variable '{name}' is not set; give a default: $(env {name} value)")
    return value


def _equal(left: str, right: str) -> bool:
    booleans = TRUE + FALSE
    if left.lower() in booleans and right.lower() in booleans:
        return (left.lower() in TRUE) == (right.lower() in TRUE)
    try:
        return math.isclose(float(left), float(right))
    except ValueError:
        return left == right


def _word(value: bool) -> str:
    return "true" if value else "false"


@dataclass(frozen=True)
class _Function:
    least: int
    most: int
    evaluate: Callable[..., str]


_FUNCTIONS = {
    "var": _Function(1, 2, _var),
    "env": _Function(1, 2, _env),
    "dirname": _Function(0, 0, lambda scope: str(scope.file.parent)),
    "filename": _Function(0, 0, lambda scope: str(scope.file)),
    "find-pkg-share": _Function(1, 1, lambda scope, package: str(package_share(package))),
    "not": _Function(1, 1, lambda scope, a: _word(not truth(a, "$(not)"))),
    "and": _Function(2, 2, lambda scope, a, b: _word(truth(a, "$(and)") and truth(b, "$(and)"))),
    "or": _Function(2, 2, lambda scope, a, b: _word(truth(a, "$(or)") or truth(b, "$(or)"))),
    "equals": _Function(2, 2, lambda scope, a, b: _word(_equal(a, b))),
    "not-equals": _Function(2, 2, lambda scope, a, b: _word(not _equal(a, b))),
    "if": _Function(2, 3, lambda scope, c, a, b="": a if truth(c, "$(if)") else b),
}
SUPPORTED = tuple(sorted(_FUNCTIONS))


class _Reader:
    """Evaluates while it reads; the grammar is that of the `launch` frontend, arguments parted by one space."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.at = 0

    def error(self, message: str) -> LaunchError:
        return LaunchError(f"{message} in '{self.text}'")

    def template(self, quote: str = "") -> str:
        result = []
        while self.at < len(self.text):
            if quote and self.text[self.at] == quote:
                self.at += 1
                return "".join(result)
            result.append(self.piece())
        if quote:
            raise self.error(f"missing closing {quote}")
        return "".join(result)

    def piece(self) -> str:
        if self.text.startswith("$(", self.at):
            return self.substitution()
        if self.text[self.at] == "\\" and self.at + 1 < len(self.text):
            self.at += 1
        self.at += 1
        return self.text[self.at - 1]

    def argument(self) -> str:
        if self.at < len(self.text) and self.text[self.at] in "'\"":
            self.at += 1
            return self.template(self.text[self.at - 1])
        result = []
        while self.at < len(self.text) and self.text[self.at] not in " )'\"(":
            result.append(self.piece())
        if not result:
            raise self.error("an argument is missing (arguments are parted by exactly one space)")
        return "".join(result)

    def substitution(self) -> str:
        self.at += 2
        begin = self.at
        while self.at < len(self.text) and (self.text[self.at].isalnum() or self.text[self.at] in "_-"):
            self.at += 1
        name = self.text[begin : self.at]
        arguments = []
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1
            arguments.append(self.argument())
        if self.at >= len(self.text) or self.text[self.at] != ")":
            raise self.error("missing closing parenthesis")
        self.at += 1
        function = _FUNCTIONS.get(name)
        if function is None:
            raise self.error(f"unknown substitution '$({name})'; supported: {', '.join(SUPPORTED)};")
        if not function.least <= len(arguments) <= function.most:
            allowed = f"{function.least}" if function.least == function.most else f"{function.least}-{function.most}"
            raise self.error(f"'$({name})' takes {allowed} arguments, got {len(arguments)}")
        return function.evaluate(self.scope, *arguments)


def substitute(text: str, scope: Scope) -> str:
    """Replace every substitution of a text.

    Args:
        text: Text of a launch file.
        scope: What substitutions can see.

    Returns:
        The text that it stands for.

    Raises:
        LaunchError: Unknown substitution or variable, or bad syntax.
    """
    return _Reader(text, scope).template()


def split_command_line(text: str, scope: Scope) -> list[str]:
    """Split a command line at spaces, then replace substitutions, so that their results are never split.

    Args:
        text: Command line of a launch file.
        scope: What substitutions can see.

    Returns:
        Arguments.

    Raises:
        LaunchError: Unknown substitution or variable, or bad syntax.
    """
    arguments: list[str] = []
    current: list[str] | None = None
    reader = _Reader(text, scope)
    while reader.at < len(text):
        character = text[reader.at]
        if character.isspace():
            reader.at += 1
            if current is not None:
                arguments.append("".join(current))
            current = None
            continue
        current = [] if current is None else current
        if character in "'\"":
            reader.at += 1
            current.append(reader.template(character))
        else:
            current.append(reader.piece())
    if current is not None:
        arguments.append("".join(current))
    return arguments
