"""Results as tables: for a terminal and for a Markdown file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from evaluation.claims import Verdict


@dataclass(frozen=True)
class Column:
    """One column of the summary.

    Attributes:
        metric: Name in the summary.
        title: Head of the column.
        scale: Factor from the metric's unit to the shown one.
        digits: Digits after the point.
    """

    metric: str
    title: str
    scale: float
    digits: int


DEGREE = 57.29577951308232
MISSED = "MISSED"
COLUMNS = (
    Column("height_rmse_m", "height RMSE [mm]", 1e3, 1),
    Column("vx_mean_error_mps", "mean vx error [m/s]", 1.0, 3),
    Column("roll_rmse_rad", "roll RMS [°]", DEGREE, 2),
    Column("pitch_rmse_rad", "pitch RMS [°]", DEGREE, 2),
    Column("settle_time_s", "settles [s]", 1.0, 2),
    Column("wrench_rmse_n", "force RMSE [N]", 1.0, 1),
    Column("solve_time_p50_s", "solve p50 [µs]", 1e6, 0),
    Column("solve_time_p99_s", "solve p99 [µs]", 1e6, 0),
    Column("cpu_realtime_factor", "× real time (CPU)", 1.0, 1),
)
# What a paper would show: of all these less is better.
MAIN_COLUMNS = (
    Column("height_rmse_m", "height RMSE [mm]", 1e3, 1),
    Column("vx_rmse_mps", "vx RMSE [mm/s]", 1e3, 0),
    Column("vy_rmse_mps", "vy RMSE [mm/s]", 1e3, 0),
    Column("roll_rmse_rad", "roll RMSE [°]", DEGREE, 2),
    Column("pitch_rmse_rad", "pitch RMSE [°]", DEGREE, 2),
    Column("transient_height_rmse_m", "height RMSE after a change [mm]", 1e3, 1),
    Column("steady_height_rmse_m", "height RMSE, settled [mm]", 1e3, 1),
    Column("settle_time_s", "settles [s]", 1.0, 2),
    Column("wrench_rmse_n", "force RMSE [N]", 1.0, 1),
    Column("wrench_rmse_nm", "moment RMSE [N·m]", 1.0, 2),
    Column("wrench_rise_s", "63 % of a step learned after [s]", 1.0, 2),
    Column("wrench_steady_error", "steady error of a step [%]", 1e2, 1),
)


def summary_cells(summary: Sequence[Mapping[str, Any]], intervals: bool = True) -> tuple[list[str], list[list[str]]]:
    """Lay the summary out.

    Args:
        summary: Entries as `evaluation.results.summarise` makes them.
        intervals: Whether to write 95 % confidence intervals out; otherwise half their width stands behind the mean.

    Returns:
        Heads of the columns and the rows of texts. Falls stand beside the means, in which no trial that fell counts.
    """
    columns = [column for column in COLUMNS if any(column.metric in entry for entry in summary)]
    rows = []
    for entry in summary:
        fell = entry.get("fell")
        falls = "–" if fell is None else f"{round(fell['mean'] * fell['n'])}/{fell['n']}"
        cells = (_cell(entry.get(column.metric), column, intervals) for column in columns)
        rows.append([entry["case"], entry["method"], falls, *cells])
    return ["case", "method", "fell", *(column.title for column in columns)], rows


def _cell(value: Mapping[str, Any] | None, column: Column, intervals: bool) -> str:
    if value is None:
        return "–"
    text = f"{value['mean'] * column.scale:.{column.digits}f}"
    if value["ci95"] is None:
        return text
    low, high = (end * column.scale for end in value["ci95"])
    if intervals:
        return f"{text} [{low:.{column.digits}f}, {high:.{column.digits}f}]"
    return f"{text} ±{0.5 * (high - low):.{column.digits}f}"


def verdict_cells(verdicts: Sequence[Verdict], details: bool = True) -> tuple[list[str], list[list[str]]]:
    """Lay the verdicts out.

    Args:
        verdicts: Claims with what was measured.
        details: Whether to write behind the value what else a reader should know.

    Returns:
        Heads of the columns and the rows of texts.
    """
    rows = []
    for verdict in verdicts:
        claim = verdict.claim
        if verdict.measured is None:
            measured = "not run" if verdict.passed is None else "no trial completed"
        else:
            measured = f"{verdict.measured * claim.scale:.4g} {claim.unit}".rstrip()
        if verdict.ci95 is not None:
            low, high = (end * claim.scale for end in verdict.ci95)
            measured += f" [{low:.3g}, {high:.3g}]"
        if details and verdict.detail:
            measured += f" ({verdict.detail})"
        word = {True: "reached", False: MISSED if claim.binding else "below", None: "–"}[verdict.passed]
        method = claim.method if verdict.against is None else f"{claim.method} against {verdict.against}"
        rows.append([claim.text, method, claim.target, measured, str(verdict.n), word])
    return ["claim", "method", "target", "measured", "n", "verdict"], rows


def rich_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 2) -> Table:
    """Make a table for a terminal.

    Args:
        title: Stands above it.
        heads: Heads of the columns.
        rows: Texts.
        left: Number of columns from the left that hold words; the others are aligned right.

    Returns:
        The table.
    """
    table = Table(title=escape(title), title_justify="left", header_style="bold")
    for number, head in enumerate(heads):
        table.add_column(escape(head), justify="left" if number < left else "right", no_wrap=number < left)
    for row in rows:
        style = "red" if MISSED in row else None
        table.add_row(*(escape(cell) for cell in row), style=style)
    return table


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 2) -> str:
    """Make a table for a Markdown file.

    Args:
        heads: Heads of the columns.
        rows: Texts.
        left: Number of columns from the left that hold words; the others are aligned right.

    Returns:
        Lines that end with a line break.
    """
    rule = ["---" if number < left else "---:" for number in range(len(heads))]
    lines = [heads, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
