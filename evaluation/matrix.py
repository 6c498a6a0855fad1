"""Tables of one metric: a row per case, a column per method, the best in bold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.privileged import PRIVILEGED
from evaluation.table import Column

MISSING = "–"


@dataclass(frozen=True)
class Cell:
    """One entry.

    Attributes:
        text: The number.
        detail: Its interval and what else qualifies it; empty for nothing.
        best: Whether it is the best of its row.
    """

    text: str
    detail: str = ""
    best: bool = False


@dataclass(frozen=True)
class Matrix:
    """One table.

    Attributes:
        name: Short name, for files and labels.
        title: What it shows, with the unit.
        methods: Heads of the columns.
        rows: Case and its cells, one per method.
    """

    name: str
    title: str
    methods: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def survivors(entry: Mapping[str, Any]) -> int:
    """Count the trials that did not end in a fall.

    Args:
        entry: Summary of a case and method.

    Returns:
        Their number; all trials where falls were not counted.
    """
    fell = entry.get("fell")
    return int(entry["n"]) if fell is None else int(fell["n"]) - round(fell["mean"] * fell["n"])


def _layout(summary: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str], dict[tuple[str, str], Any]]:
    cases = list(dict.fromkeys(entry["case"] for entry in summary))
    methods = list(dict.fromkeys(entry["method"] for entry in summary))
    return cases, methods, {(entry["case"], entry["method"]): entry for entry in summary}


def metric_matrix(summary: Sequence[Mapping[str, Any]], column: Column) -> Matrix:
    """Lay one metric out.

    The best of a case is the smallest mean among the methods that completed as many of its trials as any did; those
    that are told the truth do not compete.

    Args:
        summary: Entries as `evaluation.results.summarise` makes them.
        column: Metric and how it is shown.

    Returns:
        The table; where trials fell, their share that did not stands behind the number.
    """
    cases, methods, entries = _layout(summary)
    rows = []
    for case in cases:
        shown = {method: entries.get((case, method)) for method in methods}
        having = {m: e for m, e in shown.items() if e is not None and column.metric in e}
        rivals = {m: e for m, e in having.items() if m not in PRIVILEGED}
        most = max((e[column.metric]["n"] for e in rivals.values()), default=0)
        means = {m: abs(e[column.metric]["mean"]) for m, e in rivals.items() if e[column.metric]["n"] == most}
        best = min(means, key=lambda m: means[m], default=None)
        rows.append((case, tuple(_cell(shown[m], column, m == best) for m in methods)))
    return Matrix(column.metric, column.title, tuple(methods), tuple(rows))


def _cell(entry: Mapping[str, Any] | None, column: Column, best: bool) -> Cell:
    if entry is None:
        return Cell(MISSING)
    fraction = f"{survivors(entry)}/{entry['n']}"
    if column.metric not in entry:
        return Cell(MISSING, f"({fraction})" if survivors(entry) < entry["n"] else "")
    value = entry[column.metric]
    details = []
    if value["ci95"] is not None:
        low, high = (end * column.scale for end in value["ci95"])
        details.append(f"[{low:.{column.digits}f}, {high:.{column.digits}f}]")
    if survivors(entry) < entry["n"]:
        details.append(f"({fraction})")
    return Cell(f"{value['mean'] * column.scale:.{column.digits}f}", " ".join(details), best)


def survival_matrix(summary: Sequence[Mapping[str, Any]]) -> Matrix:
    """Lay survival out.

    Args:
        summary: Entries as `evaluation.results.summarise` makes them.

    Returns:
        The table: trials survived of all, with Wilson's interval in per cent; all that survived most are best.
    """
    cases, methods, entries = _layout(summary)
    rows = []
    for case in cases:
        shown = {m: entries.get((case, m)) for m in methods}
        shares = {m: survivors(e) / e["n"] for m, e in shown.items() if e is not None and m not in PRIVILEGED}
        most = max(shares.values(), default=0.0)
        cells = []
        for method in methods:
            entry = shown[method]
            if entry is None:
                cells.append(Cell(MISSING))
                continue
            fell = entry.get("fell")
            detail = "" if fell is None else f"[{100 * (1 - fell['ci95'][1]):.0f}, {100 * (1 - fell['ci95'][0]):.0f}] %"
            cells.append(Cell(f"{survivors(entry)}/{entry['n']}", detail, shares.get(method) == most > 0.0))
        rows.append((case, tuple(cells)))
    return Matrix("survival", "trials survived of all [95 % interval of the share]", tuple(methods), tuple(rows))


def matrices(summary: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[Matrix]:
    """Lay survival and all metrics out that were measured.

    Args:
        summary: Entries as `evaluation.results.summarise` makes them.
        columns: Metrics.

    Returns:
        The tables.
    """
    measured = [column for column in columns if any(column.metric in entry for entry in summary)]
    return [survival_matrix(summary), *(metric_matrix(summary, column) for column in measured)]


def markdown_cell(cell: Cell) -> str:
    """Write a cell for a Markdown file.

    Args:
        cell: The cell.

    Returns:
        Its text.
    """
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} {cell.detail}".rstrip()


def matrix_cells(matrix: Matrix) -> tuple[list[str], list[list[str]]]:
    """Lay a table out for `evaluation.table.markdown_table`.

    Args:
        matrix: The table.

    Returns:
        Heads of the columns and the rows of texts.
    """
    return ["case", *matrix.methods], [[case, *(markdown_cell(cell) for cell in cells)] for case, cells in matrix.rows]
