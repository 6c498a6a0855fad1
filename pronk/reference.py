"""Writes the reference pages of the documentation: topics, services, parameters, launch arguments, weights."""

import argparse
import dataclasses
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
HEAD = "<!-- Written by 'python -m pronk.reference'; a test fails when it is out of date. -->\n\n"


def node_classes() -> Iterator[tuple[str, type]]:
    """Find every node of the workspace.

    Yields:
        Package and class, by package and module.
    """
    from pronk_node_kit.node import KitNode

    for path in sorted((ROOT / "ros2_ws" / "src").glob("*/*/*_node.py")):
        package = path.parent.name
        module = importlib.import_module(f"{package}.{path.stem}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, KitNode) and cls.__module__ == module.__name__:
                yield package, cls


def topics_page() -> str:
    """Write the page of topics and services.

    Returns:
        Markdown.
    """
    from pronk_node_kit.topics import ACTIONS, SERVICES, TOPICS

    rows = []
    reasons: dict[str, str] = {}
    for topic in TOPICS.values():
        q = topic.quality
        kind = f"{'reliable' if q.reliable else 'best effort'}, {'latched, ' if q.latched else ''}keep {q.depth}"
        reasons.setdefault(q.reason, kind)
        rows.append((f"`{topic.name}`", f"`{_interface(topic.type)}`", kind, topic.publisher, topic.meaning))
    services = [(f"`{s.name}`", f"`{_interface(s.type)}`", s.server, s.meaning) for s in SERVICES.values()]
    actions = [(f"`{a.name}`", f"`{_interface(a.type)}`", a.server, a.meaning) for a in ACTIONS.values()]
    why = "".join(f"- {kind}: {reason}.\n" for reason, kind in reasons.items())
    return (
        f"# Topics and services\n\n{HEAD}Names are relative, so that everything works in a namespace; ROS itself fixes "
        f"those that begin with a slash.\n\n"
        f"{_table(('Topic', 'Type', 'Quality of service', 'Published by', 'Meaning'), rows)}"
        f"\n## Why these qualities of service\n\n{why}\n## Services\n\n"
        f"{_table(('Service', 'Type', 'Server', 'What a call does'), services)}"
        f"\n## Actions\n\n{_table(('Action', 'Type', 'Server', 'What a goal does'), actions)}"
    )


def _interface(cls: type) -> str:
    package, kind, *_ = cls.__module__.split(".")
    return f"{package}/{kind}/{cls.__name__}"


def parameters_page() -> str:
    """Write the page of parameters.

    Returns:
        Markdown.
    """
    parts = [
        f"# Parameters\n\n{HEAD}Every node refuses unknown names, wrong types and values out of range with a message "
        "that says what is allowed. All parameters are fixed once a node runs unless the table says otherwise.\n"
    ]
    for package, cls in node_classes():
        name = cls.__module__.rpartition(".")[2]
        parts.append(f"\n## {name}\n\nPackage `{package}`. {(inspect.getdoc(cls) or '').splitlines()[0]}\n\n")
        rows = [_parameter(cls, field) for field in dataclasses.fields(cls.Parameters)]  # type: ignore[attr-defined]
        parts.append(_table(("Parameter", "Type", "Default", "Allowed", "Meaning"), rows) if rows else "None.\n")
    return "".join(parts)


def _parameter(cls: Any, field: Any) -> tuple[str, ...]:
    limits = field.metadata["limits"]
    kind = typing.get_type_hints(cls.Parameters)[field.name]
    element = typing.get_args(kind)
    shown = f"list of {element[0].__name__}" if element else kind.__name__
    allowed = ", ".join(str(choice) for choice in limits.choices)
    if limits.ge is not None or limits.le is not None:
        low, high = ("–∞" if limits.ge is None else limits.ge), ("∞" if limits.le is None else limits.le)
        allowed = f"{low} … {high}"
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    text = limits.description + ("" if limits.read_only else " May be changed while the node runs.")
    return f"`{field.name}`", shown, f"`{default!r}`", allowed, text


def launch_page() -> str:
    """Write the page of launch files.

    Returns:
        Markdown.
    """
    from pronk_bringup.expansion import declared_arguments

    parts = [
        f"# Launch files\n\n{HEAD}`pronk launch FILE [argument:=value …]` and `ros2 launch FILE [argument:=value …]` "
        "run the same files; `--show-args` lists the arguments.\n"
    ]
    for path in sorted((ROOT / "launch").glob("*.launch.yaml")):
        rows = [
            (
                f"`{a.name}`",
                "required" if a.default is None else f"`{a.default}`" if a.default else "empty",
                a.description,
            )
            for a in declared_arguments(path)
        ]
        parts.append(f"\n## {path.name}\n\n{_table(('Argument', 'Default', 'Meaning'), rows)}")
    return "".join(parts)


def weights_page() -> str:
    """Write the page of shipped weights.

    Returns:
        Markdown.
    """
    from policies.checkpoints import load_arrays

    files = sorted((ROOT / "policies" / "weights").glob("*.safetensors"))
    whole = sum(path.stat().st_size for path in files) / 1e6
    parts = [
        f"# Shipped weights\n\n{HEAD}{len(files)} networks, {whole:.1f} MB together, trained in simulation on a CPU. "
        "Each file holds the commands that made it and a hash of its numbers: a damaged file is refused. Every command "
        "goes on where it was stopped; run them in an empty folder.\n"
    ]
    for path in files:
        arrays, texts = load_arrays(path)
        many = sum(array.size for name, array in arrays.items() if not name.startswith("sentence."))
        about = f"{path.stat().st_size / 1e6:.2f} MB, {many:,} numbers."
        # A remark in parentheses stands behind a command, as a comment.
        lines = "\n".join(re.sub(r" \((.*)\)$", r"  # \1", part.strip()) for part in texts["command"].split(";"))
        parts.append(
            f"\n## {path.stem}\n\n{about}\n\n```{{code-block}} bash\n:caption: takes minutes\n\n{lines}\n```\n"
        )
    return "".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        f"| {' | '.join(' '.join(str(c).split()).replace('|', chr(92) + '|') for c in row)} |\n" for row in lines
    )


def pages() -> dict[str, str]:
    """Write all pages.

    Returns:
        Markdown by name of the file.
    """
    return {
        "topics.md": topics_page(),
        "parameters.md": parameters_page(),
        "launch.md": launch_page(),
        "weights.md": weights_page(),
    }


def main() -> int:
    """Write the pages to the documentation.

    Returns:
        Exit code: 0.
    """
    parser = argparse.ArgumentParser(description="Write the reference pages of the documentation from the code.")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="default: docs/reference")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (out / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
