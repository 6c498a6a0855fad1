"""The file `results.json`: what every suite leaves behind."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.machine import describe_machine, describe_versions
from evaluation.measurement import BINARY as LOCOMOTION_BINARY
from evaluation.statistics import bootstrap_ci95, wilson_ci95

# Metrics that are 0 or 1, whose means are shares.
BINARY = (*LOCOMOTION_BINARY, "success", "collision", "deadlock")


@dataclass(frozen=True)
class Row:
    """One trial.

    Attributes:
        method: Method that was tried.
        case: Case that it was tried on.
        seed: Which trial.
        metrics: Values by name; None or absent where a trial has none, as after a fall.
    """

    method: str
    case: str
    seed: int
    metrics: Mapping[str, float | None]


def summarise(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Average the trials of each method and case.

    A metric is averaged over the trials that have it: those that fell have no tracking errors, and the number of
    trials behind each mean stands beside it.

    Args:
        rows: Trials.

    Returns:
        For each method and case, in order of appearance: "method", "case", "n" (trials), and by name of the metric
        "mean", "ci95" (bootstrap; Wilson for 0/1), "worst" (of largest magnitude) and "n".
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.case, row.method), []).append(row)
    summary = []
    for (case, method), members in groups.items():
        entry: dict[str, Any] = {"method": method, "case": case, "n": len(members)}
        for name in dict.fromkeys(name for row in members for name in row.metrics):
            values = [v for row in members if (v := row.metrics.get(name)) is not None and math.isfinite(v)]
            if values:
                entry[name] = _describe(name, values)
        summary.append(entry)
    return summary


def _describe(name: str, values: list[float]) -> dict[str, Any]:
    ci95 = wilson_ci95(round(sum(values)), len(values)) if name in BINARY else bootstrap_ci95(values)
    return {
        "mean": float(np.mean(values)),
        "ci95": None if ci95 is None else list(ci95),
        "worst": max(values, key=abs),
        "n": len(values),
    }


def compile_results(suite: str, rows: Iterable[Row], **more: Any) -> dict[str, Any]:
    """Put a result together.

    Args:
        suite: Name of the suite.
        rows: Trials; sorted by case, method and seed in the result.
        more: Further entries, such as the claims.

    Returns:
        "suite", "created" (UTC), "versions", "machine", "rows", "summary" and the further entries.
    """
    ordered = sorted(rows, key=lambda row: (row.case, row.method, row.seed))
    return {
        "suite": suite,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": describe_versions(),
        "machine": describe_machine(),
        "rows": [asdict(row) for row in ordered],
        "summary": summarise(ordered),
        **more,
    }


def write_json(path: Path, value: Any) -> None:
    """Write JSON that every reader accepts: NaN and infinity become null.

    Args:
        path: File; replaced at once, so that a reader never sees half of it.
        value: Anything made of dictionaries, lists, numbers and text.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(finite(value), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)


def finite(value: Any) -> Any:
    """Replace what JSON cannot hold.

    Args:
        value: Anything made of mappings, sequences, numbers and text.

    Returns:
        The same with plain types, and None for NaN and infinity.
    """
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
