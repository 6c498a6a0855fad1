"""Evaluates a locomotion suite from its trials to tables, plots and `results.json`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from evaluation.claims import Verdict, judge
from evaluation.plots import plot_runs, plot_summary
from evaluation.results import compile_results, write_json
from evaluation.runner import run_trials, trace_path
from evaluation.suite import Suite, Trial, plan_trials
from evaluation.suite_report import write_reports
from evaluation.table import markdown_table, rich_table, summary_cells, verdict_cells
from evaluation.trace import Trace


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
    rows = run_trials(trials, out, jobs, console, engine=engine)
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
            console.print(rich_table("targets", claim_heads, claim_cells))
    (out / "results.md").write_text(text, encoding="utf-8")
    draw(suite, trials, out, results)
    write_reports(out, results, suite)
    return verdicts


def draw(suite: Suite, trials: Sequence[Trial], out: Path, results: dict[str, Any]) -> None:
    """Draw the plots of a suite: one of all metrics, and one per case of the first seed's curves.

    Args:
        suite: The suite.
        trials: Its trials.
        out: Folder of the results; the plots go to `plots/`.
        results: What `compile_results` returned.
    """
    plot_summary(out / "plots" / "summary.png", f"suite {suite.name}", results["rows"], results["summary"])
    for case in suite.cases:
        kept = [trial for trial in trials if trial.case.name == case.name and trace_path(out, trial).exists()]
        if kept:
            title = f"{case.name}, seed {kept[0].seed}"
            plot_runs(out / "plots" / f"{case.name}.png", title, [Trace.read(trace_path(out, t)) for t in kept])
