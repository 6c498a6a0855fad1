"""Finished trials on disk, one line each, so that a killed run goes on where it stopped."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import controllers
import sim
from controllers.errors import InvalidValue
from evaluation.results import Row, finite
from evaluation.suite import Trial

PIECE = 1 << 20


def digest_files(files: Iterable[tuple[str, Path]]) -> str:
    """Digest files with their names.

    Args:
        files: Name and file of each, in a fixed order.

    Returns:
        Hexadecimal digest.
    """
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(name.encode())
        # In pieces: published models are gigabytes.
        with path.open("rb") as file:
            while part := file.read(PIECE):
                digest.update(part)
    return digest.hexdigest()[:16]


def append_line(path: Path, entry: Mapping[str, Any]) -> None:
    """Write an entry down at once, behind those that are there.

    Args:
        path: File of one JSON object a line; made with its folder.
        entry: What is written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        # A line that was cut off by the end of an earlier run must not swallow this one.
        file.write(("\n" if torn and path.stat().st_size else "") + json.dumps(entry) + "\n")
        file.flush()


def read_lines(path: Path) -> list[str]:
    """Read the lines of such a file, torn ones included.

    Args:
        path: The file; it need not exist.

    Returns:
        Its lines.

    Raises:
        InvalidValue: It cannot be read.
    """
    if not path.exists():
        return []
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InvalidValue(f"cannot read {path}: {error.strerror}") from error


@cache
def source_digest() -> str:
    """Digest the code that a result depends on.

    Returns:
        Hexadecimal digest of the Python files of controllers, sim and evaluation.
    """
    roots = [Path(str(package)).parent for package in (controllers.__file__, sim.__file__, __file__)]
    return digest_files(
        (path.relative_to(root).as_posix(), path) for root in roots for path in sorted(root.rglob("*.py"))
    )


def fingerprint(trial: Trial) -> str:
    """Digest all that decides the outcome of a trial.

    Args:
        trial: The trial.

    Returns:
        Hexadecimal digest; another code, scenario or estimator gives another one.
    """
    scenario = trial.case.build(trial.seed)
    window = trial.case.window(scenario)
    text = f"{source_digest()} {trial.key} {trial.estimator} {window} {scenario!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Journal:
    """A file of finished trials, one JSON object a line."""

    def __init__(self, path: Path, fingerprint: Callable[[Any], str] = fingerprint) -> None:
        """Open it.

        Args:
            path: File; made with its folder when the first row comes.
            fingerprint: Digests all that decides the outcome of a trial.
        """
        self.path = path
        self.fingerprint = fingerprint

    def append(self, trial: Trial, row: Row) -> None:
        """Write a finished trial down at once.

        Args:
            trial: What was run.
            row: What came out.
        """
        entry = {
            "fingerprint": self.fingerprint(trial),
            "method": row.method,
            "case": row.case,
            "seed": row.seed,
            "metrics": finite(row.metrics),
        }
        append_line(self.path, entry)

    def finished(self, trials: Iterable[Trial]) -> dict[tuple[str, str, int], Row]:
        """Find which trials need not be run again.

        Args:
            trials: Trials that are wanted.

        Returns:
            Rows by key of those that were run with the same code, scenario and estimator.

        Raises:
            InvalidValue: The file cannot be read.
        """
        lines = read_lines(self.path)
        wanted = {self.fingerprint(trial): trial.key for trial in trials} if lines else {}
        rows = {}
        for line in lines:
            try:
                entry = json.loads(line)
                key = wanted.get(entry["fingerprint"])
                row = Row(entry["method"], entry["case"], entry["seed"], entry["metrics"])
            except (ValueError, TypeError, KeyError):
                continue
            if key is not None:
                rows[key] = row
        return rows
