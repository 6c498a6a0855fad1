"""What a fault drill found: verdicts, the file that keeps them, and the table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from evaluation.drill_cases import DrillCase
from evaluation.journal import append_line, read_lines
from evaluation.results import Row, compile_results, finite, write_json

SUITE = "drill"
METHOD = "stack"


@dataclass(frozen=True)
class Verdict:
    """What came of one case.

    Attributes:
        case: Name of the case.
        passed: Whether it ended as expected, within its time, with all checks met.
        found: What was seen.
        faults: What was not as expected; empty when passed.
        delay_s: Time from the last good message to damping, on the gatekeeper's clock [s]; None where nothing damps.
        allowed_s: Longest time allowed [s]; None where none is promised.
        unsafe_commands: Motor commands beyond a limit.
        commands: Motor commands seen.
        bag_silence_s: Time from the newest message in the bag to the end of the case [s].
    """

    case: str
    passed: bool
    found: str
    faults: tuple[str, ...]
    delay_s: float | None
    allowed_s: float | None
    unsafe_commands: int
    commands: int
    bag_silence_s: float | None


class DrillJournal:
    """Verdicts on disk, one line each, so that a stopped drill goes on where it was."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        """Open it.

        Args:
            path: File, made when the first verdict comes.
            fingerprint: Digest of the code under test; verdicts on other code do not count.
        """
        self._path = path
        self._fingerprint = fingerprint

    def append(self, case: DrillCase, verdict: Verdict) -> None:
        """Write a verdict down at once.

        Args:
            case: What was tried.
            verdict: What came of it.
        """
        expected = {"fingerprint": self._fingerprint, "expected": repr(case)}
        append_line(self._path, {**expected, **finite(asdict(verdict))})

    def passed(self, cases: Sequence[DrillCase]) -> dict[str, Verdict]:
        """Find the cases that need not be run again: those that passed with this code and this expectation.

        Args:
            cases: Cases that are wanted.

        Returns:
            Verdicts by name of the case.

        Raises:
            InvalidValue: The file cannot be read.
        """
        wanted = {case.name: repr(case) for case in cases}
        found = {}
        for line in read_lines(self._path):
            try:
                entry: dict[str, Any] = json.loads(line)
                known = entry.pop("fingerprint") == self._fingerprint
                known = entry.pop("expected") == wanted.get(entry["case"]) and known
                verdict = Verdict(**{**entry, "faults": tuple(entry["faults"])})
            except (ValueError, TypeError, KeyError, AttributeError):
                # A line that was cut off when an earlier drill was killed.
                continue
            if known and verdict.passed:
                found[verdict.case] = verdict
        return found


def drill_table(cases: Sequence[DrillCase], verdicts: Mapping[str, Verdict]) -> Table:
    """Lay the verdicts out for a terminal.

    Args:
        cases: Cases in order.
        verdicts: By name of the case.

    Returns:
        The table.
    """
    table = Table(title="Fault drill", title_justify="left", header_style="bold")
    for head in ("case", "expected", "found", "damps after [ms]", "allowed [ms]", "beyond limits", "verdict"):
        table.add_column(head, justify="right" if "[" in head or head == "beyond limits" else "left")
    for case in cases:
        verdict = verdicts.get(case.name)
        if verdict is None:
            table.add_row(escape(case.name), case.outcome.value, "–", "–", "–", "–", "not run")
            continue
        times = ("–" if t is None else f"{1e3 * t:.0f}" for t in (verdict.delay_s, verdict.allowed_s))
        unsafe = f"{verdict.unsafe_commands}/{verdict.commands}"
        word = "passed" if verdict.passed else "FAILED: " + "; ".join(verdict.faults)
        cells = (escape(case.name), case.outcome.value, escape(verdict.found), *times, unsafe, escape(word))
        table.add_row(*cells, style=None if verdict.passed else "red")
    return table


def write_drill(path: Path, cases: Sequence[DrillCase], verdicts: Mapping[str, Verdict]) -> None:
    """Write `results.json`.

    Args:
        path: File.
        cases: Cases in order.
        verdicts: By name of the case.
    """
    rows = [
        Row(
            METHOD,
            verdict.case,
            0,
            {
                "passed": float(verdict.passed),
                "delay_s": verdict.delay_s,
                "allowed_s": verdict.allowed_s,
                "unsafe_commands": float(verdict.unsafe_commands),
                "commands": float(verdict.commands),
                "bag_silence_s": verdict.bag_silence_s,
            },
        )
        for verdict in verdicts.values()
    ]
    expected = [{**asdict(case), "name": case.name, "outcome": case.outcome.value} for case in cases]
    details = [{"case": v.case, "found": v.found, "faults": list(v.faults)} for v in verdicts.values()]
    write_json(path, compile_results(SUITE, rows, expected=expected, details=details))
