"""Evaluates a locomotion suite from its trials to tables, plots and `results.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from evaluation.claims import Verdict, judge
from evaluation.plots import plot_runs, plot_summary
from evaluation.regret import with_regret
from evaluation.results import compile_results, write_json
from evaluation.runner import perform, run_trials, trace_path
from evaluation.suite import Suite, plan_trials
from evaluation.suite_report import read_rows, write_reports
from evaluation.table import markdown_table, rich_table, summary_cells, verdict_cells
from evaluation.trace import Trace
from evaluation.wrench_plots import plot_wrench


def evaluate(
    suite: Suite,
    out: Path,
    methods: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    estimator: str = "kalman",
    jobs: int = 1,
    console: Console | None = None,
    engine: str = "process",
) -> list[Verdict]:
    """Run a suite and write down what came out.

    Args:
        suite: The suite.
        out: Folder for `results.json`, `results.md`, `plots/` and the journal `rows.jsonl`.
        methods: Learners; None for those of the suite.
        seeds: Seeds; None for those of the suite.
        estimator: "kalman" or "ground_truth".
        jobs: How many trials run at the same time.
        console: Where progress and tables are shown; None for nowhere.
        engine: Where they run, see `evaluation.runner.run_trials`.

    Returns:
        The claims of the suite with what was measured.
    """
    trials = plan_trials(suite, methods, seeds, estimator)
    rows = with_regret(run_trials(trials, out, jobs, console, partial(perform, out=out), engine=engine), out)
    verdicts = judge(suite.claims, rows)
    claims = [
        {
            **asdict(verdict.claim),
            "method": verdict.claim.method,
            "target": verdict.claim.target,
            **{name: getattr(verdict, name) for name in ("measured", "n", "passed", "against", "ci95", "detail")},
        }
        for verdict in verdicts
    ]
    results = compile_results(suite.name, rows, estimator=estimator, claims=claims)
    write_json(out / "results.json", results)
    heads, cells = summary_cells(results["summary"])
    text = f"# Suite {suite.name}, estimator {estimator}\n\n" + markdown_table(heads, cells)
    if console is not None:
        title = f"suite {suite.name}, estimator {estimator}: mean ± half of the 95 % interval"
        console.print(rich_table(title, *summary_cells(results["summary"], intervals=False)))
    if verdicts:
        claim_heads, claim_cells = verdict_cells(verdicts)
        text += "\n## Targets\n\n" + markdown_table(claim_heads, claim_cells)
        if console is not None:
            console.print(rich_table("targets", *verdict_cells(verdicts, details=False)))
    (out / "results.md").write_text(text, encoding="utf-8")
    draw(out, results)
    write_reports(out, results, suite)
    return verdicts


def draw(out: Path, results: Mapping[str, Any]) -> None:
    """Draw the plots of a suite: all metrics, and of the runs whose curves were kept, curves and wrenches.

    Args:
        out: Folder of the results with the curves; the plots go to `plots/`.
        results: What `compile_results` returned.
    """
    plots = out / "plots"
    rows = read_rows(results)
    plot_summary(plots / "summary.png", f"suite {results['suite']}", results["rows"], results["summary"])
    for case in dict.fromkeys(row.case for row in rows):
        kept = [(row, path) for row in rows if row.case == case and (path := trace_path(out, row)).exists()]
        if not kept:
            continue
        seed = min(row.seed for row, _ in kept)
        traces = [Trace.read(path) for row, path in kept if row.seed == seed]
        plot_runs(plots / f"{case}.png", f"{case}, seed {seed}", traces)
        for trace in traces:
            plot_wrench(plots / "wrench" / f"{case}__{trace.label}.png", f"{case}, seed {seed}", trace, pdf=False)
