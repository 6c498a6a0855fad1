"""Finished trials on disk, one line each, so that a killed run goes on where it stopped."""

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import controllers
import sim
from controllers.errors import InvalidValue
from evaluation.results import Row, finite
from evaluation.suite import Trial


@cache
def source_digest() -> str:
    """Digest the code that a result depends on.

    Returns:
        Hexadecimal digest of the Python files of controllers, sim and evaluation.
    """
    digest = hashlib.sha256()
    for package in (controllers.__file__, sim.__file__, __file__):
        root = Path(str(package)).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


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
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            # A line that was cut off by the end of an earlier run must not swallow this one.
            file.write(("\n" if torn and self.path.stat().st_size else "") + json.dumps(entry) + "\n")
            file.flush()

    def finished(self, trials: Iterable[Trial]) -> dict[tuple[str, str, int], Row]:
        """Find which trials need not be run again.

        Args:
            trials: Trials that are wanted.

        Returns:
            Rows by key of those that were run with the same code, scenario and estimator.

        Raises:
            InvalidValue: The file cannot be read.
        """
        if not self.path.exists():
            return {}
        wanted = {self.fingerprint(trial): trial.key for trial in trials}
        rows = {}
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise InvalidValue(f"cannot read {self.path}: {error.strerror}") from error
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
