"""Evaluates a navigation suite from its trials to tables, pictures and `results.json`."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from evaluation.claims import Verdict, judge
from evaluation.comparison import Comparison, compare, comparison_cells, comparisons_json, show_p
from evaluation.navigation_methods import ORACLE
from evaluation.navigation_plots import animate, plot_paths
from evaluation.navigation_rollout import Outcome
from evaluation.navigation_runner import plan_batches, run_batches
from evaluation.navigation_suites import NavigationSuite
from evaluation.results import Row, compile_results, write_json
from evaluation.statistics import holm, mcnemar_p
from evaluation.table import Column, markdown_table, rich_table, verdict_cells

COLUMNS = (
    Column("success", "success [%]", 100.0, 1),
    Column("collision", "collision [%]", 100.0, 1),
    Column("deadlock", "deadlock [%]", 100.0, 1),
    Column("agent_success", "robots [%]", 100.0, 1),
    Column("spl", "SPL", 1.0, 3),
    Column("extra_time_s", "extra time [s]", 1.0, 2),
    Column("percent_speed", "speed [%]", 1.0, 0),
    Column("makespan_s", "makespan [s]", 1.0, 1),
    Column("correction_mps", "correction [m/s]", 1.0, 2),
    Column("step_time_s", "time [µs]", 1e6, 1),
)
# The method that comparisons are about: the first that was run.
OURS = ("pronk", "liveness")
COMPARED = ("extra_time_s", "makespan_s")
EXPLANATION = (
    "A scene is a success when all robots are at their goals at the same time, and none has touched anything before, "
    "between samples included. Means with 95 % intervals (Wilson for shares, percentile bootstrap otherwise). Extra "
    "time, speed and correction are over robots that arrived unharmed, SPL counts others as zero, the makespan is over "
    "successful scenes. Clearance: the least of all trials. Time: computing per robot and period, scenes in "
    "batches.\n\n"
)


def evaluate_navigation(
    suite: NavigationSuite,
    out: Path,
    methods: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    jobs: int = 1,
    console: Console | None = None,
    videos: bool = False,
) -> list[Verdict]:
    """Run a suite and write down what came out.

    Args:
        suite: The suite.
        out: Folder for `results.json`, `results.md`, `comparison.json`, `plots/` and `videos/`.
        methods: Methods; None for those of the suite.
        seeds: Seeds; None for those of the suite.
        jobs: Number of processes.
        console: Where progress and tables are shown; None for nowhere.
        videos: Whether to write a video of the first seed of every case and method.

    Returns:
        The claims of the suite with what was measured.
    """
    batches = plan_batches(suite, methods, seeds)
    rows: list[Row] = []
    for result in run_batches(batches, jobs, console):
        rows += result.rows
        row, outcome = result.rows[0], result.first
        if outcome.trace is not None:
            _picture(out, row, outcome, videos)
    order = {case.name: place for place, case in enumerate(suite.cases)}
    ranked = list(dict.fromkeys(batch.method for batch in batches))
    rows.sort(key=lambda row: (order[row.case], ranked.index(row.method), row.seed))
    verdicts = judge(suite.claims, rows)
    claims = [
        {**asdict(v.claim), "target": v.claim.target, "measured": v.measured, "n": v.n, "passed": v.passed}
        for v in verdicts
    ]
    results = compile_results(suite.name, rows, claims=claims)
    write_json(out / "results.json", results)
    ours = next((name for name in OURS if any(row.method == name for row in rows)), None)
    comparisons = [] if ours is None else compare(rows, ours, COMPARED)
    shares = [] if ours is None else compare_success(rows, ours)
    write_json(
        out / "comparison.json",
        {"ours": ours, "success": shares, "comparisons": comparisons_json(comparisons, [])["comparisons"]},
    )
    _report(suite.name, out, results["summary"], rows, verdicts, comparisons, shares, console)
    return verdicts


def _picture(out: Path, row: Row, outcome: Outcome, video: bool) -> None:
    # A method may be named by a file.
    method = re.sub(r"[^\w.-]+", "_", row.method)
    name, title = f"{row.case}__{method}", f"{row.case}, {row.method}, seed {row.seed}"
    plot_paths(out / "plots" / f"{name}.png", outcome, title)
    if video:
        animate(out / "videos" / f"{name}.mp4", outcome, title)


def compare_success(rows: Sequence[Row], ours: str) -> list[dict[str, Any]]:
    """Compare how often a method succeeds with every other, paired over seeds.

    Args:
        rows: Trials.
        ours: Method that is compared.

    Returns:
        By case and other method: "case", "ours", "other", "n", "ours_success", "other_success", "only_ours",
        "only_other", "p_value" (McNemar, exact, two-sided) and "p_holm", corrected for all cases and rivals; None
        against the oracle.
    """
    known = {(row.case, row.method, row.seed): row.metrics["success"] == 1.0 for row in rows}
    found: list[dict[str, Any]] = []
    for case, method in dict.fromkeys((row.case, row.method) for row in rows if row.method != ours):
        pairs = [
            (known[case, ours, seed], success)
            for (place, name, seed), success in known.items()
            if (place, name) == (case, method) and (case, ours, seed) in known
        ]
        if not pairs:
            continue
        only_ours, only_other = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
        found.append(
            {
                "case": case,
                "ours": ours,
                "other": method,
                "n": len(pairs),
                "ours_success": sum(a for a, _ in pairs),
                "other_success": sum(b for _, b in pairs),
                "only_ours": only_ours,
                "only_other": only_other,
                "p_value": mcnemar_p(only_ours, only_other),
            }
        )
    adjusted = holm([None if entry["other"] == ORACLE else entry["p_value"] for entry in found])
    return [{**entry, "p_holm": p} for entry, p in zip(found, adjusted, strict=True)]


def navigation_cells(
    summary: Sequence[Mapping[str, Any]], rows: Sequence[Row], intervals: bool = True
) -> tuple[list[str], list[list[str]]]:
    """Lay the summary out.

    Args:
        summary: Entries as `evaluation.results.summarise` makes them.
        rows: The trials, of which the least clearance and the number of infeasible programs are taken.
        intervals: Whether to write 95 % intervals.

    Returns:
        Heads of the columns and the rows of texts.
    """
    heads = ["case", "method", "n", *(c.title for c in COLUMNS[:3]), "clearance [m]", "infeasible"]
    heads += [c.title for c in COLUMNS[3:]]
    lines = []
    for entry in summary:
        members = [row for row in rows if (row.case, row.method) == (entry["case"], entry["method"])]
        clearances = [value for row in members if (value := row.metrics.get("min_clearance_m")) is not None]
        infeasible = sum(row.metrics.get("infeasible_count") or 0.0 for row in members)
        cells = [_cell(entry.get(column.metric), column, intervals) for column in COLUMNS]
        middle = [f"{min(clearances):.2g}" if clearances else "–", f"{infeasible:.0f}"]
        lines.append([entry["case"], entry["method"], str(entry["n"]), *cells[:3], *middle, *cells[3:]])
    return heads, lines


def _cell(value: Mapping[str, Any] | None, column: Column, intervals: bool) -> str:
    if value is None or not math.isfinite(value["mean"]):
        return "–"
    text = f"{value['mean'] * column.scale:.{column.digits}f}"
    if value["ci95"] is None or not intervals or column.metric == "step_time_s":
        return text
    low, high = (end * column.scale for end in value["ci95"])
    return f"{text} [{low:.{column.digits}f}, {high:.{column.digits}f}]"


def _report(
    name: str,
    out: Path,
    summary: Sequence[Mapping[str, Any]],
    rows: Sequence[Row],
    verdicts: Sequence[Verdict],
    comparisons: Sequence[Comparison],
    shares: Sequence[Mapping[str, Any]],
    console: Console | None,
) -> None:
    text = f"# Navigation suite {name}\n\n{EXPLANATION}" + markdown_table(*navigation_cells(summary, rows))
    if console is not None:
        console.print(rich_table(f"navigation suite {name}", *navigation_cells(summary, rows, intervals=False)))
    if verdicts:
        text += "\n## Targets\n\n" + markdown_table(*verdict_cells(verdicts))
        if console is not None:
            console.print(rich_table("targets", *verdict_cells(verdicts)))
    if shares:
        heads = ["case", "against", "ours", "other", "n", "only ours", "only other", "p", "p (Holm)"]
        keys = ("case", "other", "ours_success", "other_success", "n", "only_ours", "only_other")
        cells = [
            [*(str(entry[key]) for key in keys), show_p(entry["p_value"]), show_p(entry["p_holm"])] for entry in shares
        ]
        text += f"\n## Success of {shares[0]['ours']} against the others\n\n" + markdown_table(heads, cells)
    titles = {column.metric: (column.title, column.scale, column.digits) for column in COLUMNS}
    for metric in dict.fromkeys(c.metric for c in comparisons):
        members = [c for c in comparisons if c.metric == metric]
        text += f"\n## {titles[metric][0]} of {members[0].ours} against the others, scenes that both solved\n\n"
        text += markdown_table(*comparison_cells(members, titles), left=3)
    (out / "results.md").write_text(text, encoding="utf-8")
