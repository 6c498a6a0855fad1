"""Runs official ROS 2 YAML launch files on machines without `ros2 launch`."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pronk_bringup.domain import free_domain
from pronk_bringup.errors import LaunchError
from pronk_bringup.expansion import declared_arguments, expand
from pronk_bringup.supervisor import Supervisor
from pronk_node_kit import THREAD_VARIABLES

MISUSED = 2


def _default_environment() -> dict[str, str]:
    defaults = {name: "1" for name in THREAD_VARIABLES}
    # Output must not wait in a buffer: the last lines before a crash are those that matter.
    defaults["PYTHONUNBUFFERED"] = "1"
    defaults["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    return defaults


def run_launch(
    path: Path,
    arguments: Mapping[str, str],
    *,
    domain: int | None = None,
    colour: bool | None = None,
    time_limit: float | None = None,
) -> int:
    """Run a launch file until it ends.

    Args:
        path: A `*.launch.yaml` file.
        arguments: Values of its arguments by name.
        domain: ROS domain of its processes; None keeps that of the environment.
        colour: Whether to colour the log; None does so on a terminal.
        time_limit: Longest time to run [s]; None for no limit.

    Returns:
        0, or the exit code of the first process that failed (128 + n for signal n), or 124 after the time limit.

    Raises:
        LaunchError: The file or its arguments are wrong; nothing was started.
    """
    folder = Path(tempfile.mkdtemp(prefix="pronk_launch_"))
    try:
        specs = expand(path, arguments, folder)
        if not specs:
            raise LaunchError(f"{path.name} starts nothing with these arguments")
        added = {} if domain is None else {"ROS_DOMAIN_ID": str(domain)}
        specs = [replace(spec, environment={**_default_environment(), **spec.environment, **added}) for spec in specs]
        colour = sys.stdout.isatty() if colour is None else colour

        def write(text: str) -> None:
            sys.stdout.write(text)
            sys.stdout.flush()

        return Supervisor(specs, write, colour).run(time_limit)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show_arguments(path: Path) -> str:
    """Describe the arguments of a launch file.

    Args:
        path: Launch file.

    Returns:
        One paragraph per argument.

    Raises:
        LaunchError: The file is wrong.
    """
    lines = [f"arguments of {path.name} (pass them as name:=value):"]
    for argument in declared_arguments(path):
        default = "required" if argument.default is None else f"default '{argument.default}'"
        choices = f"; one of: {', '.join(argument.choices)}" if argument.choices else ""
        lines.append(f"  {argument.name}: {argument.description} ({default}{choices})")
    if len(lines) == 1:
        lines.append("  none")
    return "\n".join(lines) + "\n"


def parse_assignments(words: Sequence[str]) -> dict[str, str]:
    """Read `name:=value` words.

    Args:
        words: Words of a command line.

    Returns:
        Values by name.

    Raises:
        LaunchError: A word has another form, or a name occurs twice.
    """
    values: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition(":=")
        if not separator or not name:
            raise LaunchError(f"launch arguments have the form name:=value, got '{word}'")
        if name in values:
            raise LaunchError(f"argument '{name}' was given twice")
        values[name] = value
    return values


def _domain(text: str) -> int:
    if text == "auto":
        return free_domain()
    if not text.isdecimal() or not 0 <= int(text) <= 232:
        raise argparse.ArgumentTypeError(f"must be 'auto' or an integer from 0 to 232, got '{text}'")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words after the program's name; None for those of the process.

    Returns:
        Exit code.
    """
    parser = argparse.ArgumentParser(prog="pronk launch", description=__doc__)
    parser.add_argument("file", type=Path, help="a *.launch.yaml file")
    parser.add_argument("assignments", nargs="*", metavar="name:=value", help="arguments of the launch file")
    parser.add_argument("-s", "--show-args", action="store_true", help="describe the file's arguments and exit")
    parser.add_argument("--domain-id", type=_domain, metavar="N", help="ROS domain, or 'auto' for a free one")
    parser.add_argument("--time-limit", type=float, metavar="S", help="stop with exit code 124 after S seconds")
    options = parser.parse_args(arguments)
    try:
        if options.show_args:
            sys.stdout.write(show_arguments(options.file))
            return 0
        given = parse_assignments(options.assignments)
        return run_launch(options.file, given, domain=options.domain_id, time_limit=options.time_limit)
    except LaunchError as error:
        print(f"error: {error}", file=sys.stderr)
        return MISUSED
    finally:
        _close_broken_pipe()


def _close_broken_pipe() -> None:
    """Keep the interpreter from complaining at its end that nobody reads its output."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
