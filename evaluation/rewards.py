"""Evaluates a process reward model on tasks that it did not learn, to a table, curves and `results.json`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from evaluation.results import Row, compile_results, write_json
from evaluation.reward_methods import ADAPTED, GOAL, RewardMethod
from evaluation.reward_plots import plot_curves
from evaluation.reward_trials import RewardTrial, RewardTrials
from evaluation.statistics import bootstrap_ci95
from evaluation.table import markdown_table, rich_table
from policies.rewards.accuracy import calibration_error, separation
from policies.rewards.judge import Judgements
from policies.rewards.success_filter import FilterConfig, decide, filter_quality

RESAMPLES = 500
# Means over episodes, then numbers of all episodes together.
MEANS = (
    *("order_sparse", "order_medium", "order_dense", "order_reversed", "order_any", "error"),
    *("pause_rmse", "retry", "retry_order", "misfit", "misfit_words", "bare_loop", "loop"),
)
POOLED = (
    "auc",
    "auc_last",
    "auc_progress",
    "ece",
    "ece_clear",
    "false_positives_clear",
    "false_positives",
    "recall",
    "filter_precision",
    "filter_recall",
    "filter_fpr",
)
TITLES = {
    "order_sparse": "order, sparse",
    "order_medium": "medium",
    "order_dense": "dense",
    "order_reversed": "reversed",
    "order_any": "any episode",
    "error": "error",
    "auc": "AUC",
    "auc_last": "AUC, last state",
    "auc_progress": "AUC of progress",
    "ece": "ECE",
    "ece_clear": "ECE, clear states",
    "false_positives": "false positives",
    "false_positives_clear": "false positives, clear",
    "recall": "recall",
    "pause_rmse": "pause",
    "retry": "retry",
    "retry_order": "retry order",
    "misfit": "wrong task",
    "misfit_words": "wrong words",
    "bare_loop": "loop, bare",
    "loop": "loop",
    "filter_precision": "kept: precision",
    "filter_recall": "kept: recall",
    "filter_fpr": "kept: failures",
}
# A terminal shows so many numbers beside each other.
GROUPS = {
    "Progress": ("order_sparse", "order_medium", "order_dense", "order_reversed", "order_any", "error"),
    "Success": (
        "auc",
        "auc_last",
        "auc_progress",
        "ece",
        "ece_clear",
        "false_positives",
        "false_positives_clear",
        "recall",
    ),
    "What happens in real episodes": (
        "pause_rmse",
        "retry",
        "retry_order",
        "misfit",
        "misfit_words",
        "bare_loop",
        "loop",
    ),
    "Filter of episodes": ("filter_precision", "filter_recall", "filter_fpr"),
}
EXPLANATION = (
    "Tasks of which nothing was learned. Judges know the instruction (words), also pictures of start and goal of one "
    "demonstration (goal), or have learned from that demonstration (adapted). Order: rank correlation of progress with "
    "time on an expert's episodes, of five, ten and all states, and of the episode played backwards (-1 is right). "
    "AUC: episodes with a success against others, by the greatest chance that held for two states; last state: by the "
    "last state alone; ECE, false positives and recall over all states, and without those behind a success that the "
    "world no longer counts (clear); AUC of progress: by the progress of the last state; pause: RMS change "
    "of progress while nothing moves; retry, wrong task, wrong words, loop: shares that were recognised. Means with "
    "95 % bootstrap intervals over episodes.\n\n"
)


@dataclass(frozen=True)
class RewardTarget:
    """A bound on one number of one judge.

    Attributes:
        method: Name of the judge.
        metric: Name of the number.
        limit: The bound.
        at_least: Whether it is a lower one.
    """

    method: str
    metric: str
    limit: float
    at_least: bool = True

    def holds(self, value: float | None) -> bool:
        """Compare a number with the bound.

        Args:
            value: The number; None or NaN where nothing was measured.

        Returns:
            Whether it holds.
        """
        if value is None or not np.isfinite(value):
            return False
        return value >= self.limit if self.at_least else value <= self.limit


def targets_of(method: str, adapted: bool) -> tuple[RewardTarget, ...]:
    """List what a judge of new tasks must reach.

    Args:
        method: Its name.
        adapted: Whether it has learned from a demonstration.

    Returns:
        The targets.
    """
    order, auc = (0.93, 0.95) if adapted else (0.80, 0.85)
    return (
        *(RewardTarget(method, f"order_{name}", order) for name in ("sparse", "medium", "dense")),
        RewardTarget(method, "order_reversed", -0.85, at_least=False),
        RewardTarget(method, "auc", auc),
        RewardTarget(method, "ece", 0.05, at_least=False),
        RewardTarget(method, "false_positives", 0.02, at_least=False),
        RewardTarget(method, "pause_rmse", 0.10, at_least=False),
        RewardTarget(method, "retry", 0.90),
        RewardTarget(method, "misfit", 0.90),
        RewardTarget(method, "loop", 0.90),
    )


def evaluate_rewards(
    trials: RewardTrials,
    methods: Sequence[RewardMethod],
    thresholds: Mapping[str, float],
    out: Path,
    console: Console,
    more: Mapping[str, Any] | None = None,
) -> tuple[dict[str, dict[str, Any]], bool]:
    """Ask all judges, and write down what came out.

    Args:
        trials: Judges and episodes.
        methods: The judges.
        thresholds: Chance from which on a task counts as done, by judge.
        out: Folder for `results.json`, `results.md` and `plots/`.
        console: For progress and table.
        more: What else belongs into the results.

    Returns:
        Summary by judge, of each number "mean", "ci95" and "n"; and whether all targets are reached.
    """
    found: list[RewardTrial] = []
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    total = sum(method.is_whole or clip.expert for clip in trials.clips for method in methods)
    with Progress(*columns, console=console) as bar:
        row = bar.add_task("episodes x judges", total=total)
        for trial in trials.run():
            found.append(trial)
            bar.update(row, advance=1, description=trial.task)
    summary = {
        method.name: summarise_method([t for t in found if t.method == method.name], thresholds[method.name])
        for method in methods
    }
    targets = [t for name in (GOAL, ADAPTED) if name in summary for t in targets_of(name, name == ADAPTED)]
    verdicts = [
        {**asdict(t), "measured": (value := summary[t.method].get(t.metric, {}).get("mean")), "passed": t.holds(value)}
        for t in targets
    ]
    rows = [Row(t.method, f"{t.task}/{t.behaviour}", t.seed, t.metrics) for t in found]
    write_json(out / "results.json", compile_results("rewards", rows, judges=summary, targets=verdicts, **(more or {})))
    heads, cells = summary_cells(summary)
    for title, names in GROUPS.items():
        group = summary_cells(summary, names, intervals=False)
        if group[1]:
            console.print(rich_table(f"{title}, on tasks that were not learned", *group, left=1))
    target_heads, target_cells = verdict_rows(verdicts)
    console.print(rich_table("Targets", target_heads, target_cells, left=2))
    text = EXPLANATION + markdown_table(heads, cells, left=1) + "\n" + markdown_table(target_heads, target_cells)
    (out / "results.md").write_text(text + "\n", encoding="utf-8")
    plot_curves(out / "plots", found)
    return summary, all(v["passed"] for v in verdicts)


def summarise_method(trials: Sequence[RewardTrial], threshold: float) -> dict[str, Any]:
    """Average what came out for one judge.

    Args:
        trials: Its opinions.
        threshold: Chance from which on a task counts as done.

    Returns:
        By number: "mean", "ci95" and "n", the number of episodes behind it.
    """
    found: dict[str, Any] = {}
    for name in MEANS:
        values = [value for t in trials if (value := t.metrics.get(name)) is not None and np.isfinite(value)]
        if values:
            interval = bootstrap_ci95(values)
            found[name] = {"mean": float(np.mean(values)), "ci95": interval and list(interval), "n": len(values)}
    if any(trial.behaviour != "expert" for trial in trials):
        rng, pooled = np.random.default_rng(0), pool(trials, threshold)
        drawn = [
            pool([trials[i] for i in rng.integers(0, len(trials), len(trials))], threshold) for _ in range(RESAMPLES)
        ]
        for name, value in pooled.items():
            spread = np.array([each[name] for each in drawn])
            spread = spread[np.isfinite(spread)]
            interval = [float(v) for v in np.percentile(spread, (2.5, 97.5))] if len(spread) > 1 else None
            found[name] = {"mean": value, "ci95": interval, "n": len(trials)}
    return found


def pool(trials: Sequence[RewardTrial], threshold: float) -> dict[str, float]:
    """Measure what only many episodes together have.

    Args:
        trials: Opinions of one judge.
        threshold: Chance from which on a task counts as done.

    Returns:
        Numbers by the names in `POOLED`.
    """
    last = np.array([trial.chance[-1] for trial in trials])
    success = np.array([bool(trial.done[-1]) for trial in trials])
    chance, done = np.concatenate([t.chance for t in trials]), np.concatenate([t.done for t in trials])
    seen = chance >= threshold
    config = FilterConfig(threshold=threshold)
    decided = [decide(Judgements(t.progress, t.chance, t.chance, t.confidence), config) for t in trials]
    successful = [bool(trial.done.any()) for trial in trials]
    quality = filter_quality([verdict.kept for verdict in decided], successful)
    # Behind a success there are states that the world no longer counts, though hardly anything has moved.
    clear = np.concatenate([t.done | ~np.logical_or.accumulate(t.done) for t in trials])
    mean: Callable[[np.ndarray], float] = lambda part: float(part.mean()) if len(part) else float("nan")  # noqa: E731
    return {
        "auc": separation([verdict.chance for verdict in decided], successful),
        "auc_last": separation(last, success),
        "auc_progress": separation(np.array([trial.progress[-1] for trial in trials]), success),
        "ece": calibration_error(chance, done),
        "ece_clear": calibration_error(chance[clear], done[clear]),
        "false_positives": mean(seen[~done]),
        "false_positives_clear": mean(seen[clear & ~done]),
        "recall": mean(seen[done]),
        "filter_precision": quality.precision,
        "filter_recall": quality.recall,
        "filter_fpr": quality.false_positive_rate,
    }


def summary_cells(
    summary: Mapping[str, Mapping[str, Any]], wanted: Sequence[str] = tuple(TITLES), intervals: bool = True
) -> tuple[list[str], list[list[str]]]:
    """Lay the summary out.

    Args:
        summary: By judge and number.
        wanted: Names of the numbers; those that nobody has are left out, and so are judges that have none.
        intervals: Whether they are told.

    Returns:
        Heads and rows.
    """
    names = [name for name in wanted if any(name in numbers for numbers in summary.values())]
    rows = []
    for method, numbers in summary.items():
        if not any(name in numbers for name in names):
            continue
        cells = []
        for name in names:
            entry = numbers.get(name)
            if entry is None or not np.isfinite(entry["mean"]):
                cells.append("–")
                continue
            interval = entry["ci95"]
            spread = "" if interval is None or not intervals else f" [{interval[0]:.2f}, {interval[1]:.2f}]"
            cells.append(f"{entry['mean']:.3f}{spread}")
        rows.append([method, *cells])
    return ["judge", *(TITLES[name] for name in names)], rows


def verdict_rows(verdicts: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Lay the targets out.

    Args:
        verdicts: Targets with what was measured.

    Returns:
        Heads and rows.
    """
    rows = []
    for v in verdicts:
        value, sign = v["measured"], "≥" if v["at_least"] else "≤"
        shown = "–" if value is None else f"{value:.3f}"
        outcome = "reached" if v["passed"] else "MISSED"
        rows.append([v["method"], TITLES[v["metric"]], f"{sign} {v['limit']:g}", shown, outcome])
    return ["judge", "number", "target", "measured", ""], rows
