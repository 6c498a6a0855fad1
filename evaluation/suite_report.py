"""What a suite leaves beside `results.json`: tables, comparisons with tests, and figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controllers.errors import InvalidValue
from evaluation.box_plots import plot_boxes
from evaluation.comparison import (
    METRICS,
    Comparison,
    SurvivalComparison,
    choose_ours,
    compare,
    compare_survival,
    comparison_cells,
    comparisons_json,
    pairs_needed,
    survival_cells,
)
from evaluation.families import Place, families, places
from evaluation.figure_style import ordered
from evaluation.forest_plots import plot_forest
from evaluation.latex import PREAMBLE, latex_matrix, latex_table
from evaluation.matrix import matrices, matrix_cells
from evaluation.regret import COMPARATORS, RegretSummary, regret_cells, regret_json, summarise_regret
from evaluation.regret_plots import plot_regret
from evaluation.results import Row, summarise, write_json
from evaluation.survival_plots import plot_survival
from evaluation.table import COLUMNS, MAIN_COLUMNS, markdown_table

BOXED = ("height_rmse_m", "wrench_rmse_n")
FOREST = ("height_rmse_m", "vx_rmse_mps")


@dataclass(frozen=True)
class SuiteReport:
    """What was written.

    Attributes:
        ours: Method that was compared with the others; None for none.
        comparisons: Its comparisons by metric.
        survival: Its comparisons of survival.
        files: The files.
    """

    ours: str | None
    comparisons: Sequence[Comparison] = ()
    survival: Sequence[SurvivalComparison] = ()
    files: Sequence[Path] = field(default_factory=list)


def read_rows(results: Mapping[str, Any]) -> list[Row]:
    """Take the trials out of a result.

    Args:
        results: Contents of a `results.json`.

    Returns:
        The trials.

    Raises:
        InvalidValue: It is not a result.
    """
    try:
        return [Row(row["method"], row["case"], row["seed"], row["metrics"]) for row in results["rows"]]
    except (KeyError, TypeError) as error:
        raise InvalidValue(f"results need 'rows' of method, case, seed and metrics, got none with {error}") from error


def read_results(folder: Path) -> dict[str, Any]:
    """Read the result of a suite.

    Args:
        folder: Where it was written.

    Returns:
        Contents of its `results.json`.

    Raises:
        InvalidValue: There is none, or it cannot be read.
    """
    path = folder / "results.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidValue(f"{folder} has no results.json; it must be the folder of a finished suite") from None
    except ValueError as error:
        raise InvalidValue(f"{path} is no JSON: {error}") from error
    return dict(results)


def write_reports(folder: Path, results: Mapping[str, Any], suite: Any = None, ours: str | None = None) -> SuiteReport:
    """Write tables, comparisons and figures of a result.

    Args:
        folder: Gets `tables.md`, `tables.tex`, `tables/*.tex`, `comparison.json` and `plots/`; regret is computed
            from the costs of the trials that it holds.
        results: Contents of a `results.json`.
        suite: The suite, whose cases may tell family, level and unit; None reads these off the cases' names.
        ours: Method that is compared with all others; None for `pronk`, or `random_features` where that was not run.

    Returns:
        What was written.

    Raises:
        InvalidValue: The result has no rows of the known form, or no trial of the method that is to be compared.
    """
    rows, where = _arranged(read_rows(results), suite)
    chosen = choose_ours(rows, ours)
    if ours is not None and chosen is None:
        known = ", ".join(dict.fromkeys(row.method for row in rows))
        raise InvalidValue(f"the results have no trial of method '{ours}'; they have {known}")
    regret = summarise_regret(rows, folder)
    comparisons = [] if chosen is None else compare(rows, chosen, METRICS)
    survival = [] if chosen is None else compare_survival(rows, chosen)
    files = _write_tables(folder, results.get("suite", ""), summarise(rows), comparisons, survival, regret)
    document = {"ours": chosen, **comparisons_json(comparisons, survival), "regret": regret_json(regret)}
    write_json(folder / "comparison.json", document)
    files.append(folder / "comparison.json")
    columns = {column.metric: column for column in (*COLUMNS, *MAIN_COLUMNS)}
    plots = folder / "plots"
    for metric in BOXED:
        files += plot_boxes(plots / "boxes", rows, columns[metric], where)
    for comparator in COMPARATORS:
        files += plot_regret(plots / f"regret_{comparator}", rows, folder, comparator)
    files += plot_survival(plots / "survival.png", rows, where, chosen)
    for metric in FOREST:
        members = [c for c in comparisons if c.metric == metric]
        files += plot_forest(plots / f"comparison_{metric}.png", members, columns[metric].title)
    return SuiteReport(chosen, comparisons, survival, files)


def _arranged(rows: Sequence[Row], suite: Any) -> tuple[list[Row], dict[str, Place]]:
    """Put cases of one family together in the order of their level, and methods into the order of legends."""
    where = places(dict.fromkeys(row.case for row in rows), suite)
    cases = [case for members in families(where).values() for case in members]
    methods = ordered(row.method for row in rows)
    key = {name: number for number, name in enumerate(cases)}
    ranked = sorted(rows, key=lambda row: (key[row.case], methods.index(row.method), row.seed))
    return ranked, {case: where[case] for case in cases}


def _write_tables(
    folder: Path,
    name: str,
    summary: Sequence[Mapping[str, Any]],
    comparisons: Sequence[Comparison],
    survival: Sequence[SurvivalComparison],
    regret: Sequence[RegretSummary],
) -> list[Path]:
    titles = {c.metric: (c.title, c.scale, c.digits) for c in (*COLUMNS, *MAIN_COLUMNS)}
    text = f"# Suite {name}: tables\n\n{EXPLANATION}"
    sources = {}
    for matrix in matrices(summary, MAIN_COLUMNS):
        text += f"\n## {matrix.title[:1].upper()}{matrix.title[1:]}\n\n{markdown_table(*matrix_cells(matrix), left=1)}"
        sources[matrix.name] = latex_matrix(matrix)
    if survival:
        cells = survival_cells(survival)
        text += f"\n## Survival of {survival[0].ours} against the others\n\n{markdown_table(*cells)}"
        sources["survival_comparison"] = latex_table(*cells, "Survival, paired over seeds", "survival-comparison")
    tests = max(sum(c.metric == m and c.p_holm is not None for c in comparisons) for m in METRICS)
    if tests:
        text += f"\nWith {tests} tests in a table, {pairs_needed(tests)} pairs are the fewest that can pass at 5 %.\n"
    for metric in dict.fromkeys(c.metric for c in comparisons):
        members = [c for c in comparisons if c.metric == metric]
        cells = comparison_cells(members, titles)
        title = titles.get(metric, (metric, 1.0, 3))[0]
        text += f"\n## {members[0].ours} against the others: {title}\n\n{markdown_table(*cells, left=3)}"
        sources[f"{metric}_comparison"] = latex_table(*cells, f"Paired comparison: {title}", f"{metric}-comparison", 3)
    for comparator in dict.fromkeys(entry.comparator for entry in regret):
        cells = regret_cells([entry for entry in regret if entry.comparator == comparator])
        text += f"\n## Regret against the {comparator}\n\n{REGRET_EXPLANATION}\n{markdown_table(*cells)}"
        caption = f"Empirical dynamic regret against the {comparator}"
        sources[f"regret_{comparator}"] = latex_table(*cells, caption, f"regret-{comparator}")
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    files = []
    for name, source in sources.items():
        files.append(folder / "tables" / f"{name}.tex")
        files[-1].write_text(PREAMBLE + source, encoding="utf-8")
    (folder / "tables.tex").write_text(PREAMBLE + "\n".join(sources.values()), encoding="utf-8")
    (folder / "tables.md").write_text(text, encoding="utf-8")
    return [folder / "tables.md", folder / "tables.tex", *files]


EXPLANATION = (
    "Mean over the trials that did not fall, with the 95 % interval of the mean (percentile bootstrap over seeds; "
    "Wilson for shares). Where trials fell, (survived/run) follows. Bold: the best of the methods that completed as "
    "many trials as any; oracle and clairvoyant are told the truth and do not compete.\n\n"
    'Comparisons are paired over seeds; pairs in which either fell are left out and counted under "out". '
    "Difference: ratio of the means less 1, with a bootstrap interval over pairs. p: Wilcoxon's signed-rank test, "
    "for survival McNemar's exact test, two-sided; Holm's correction counts all cases and methods of one table "
    "but those that are told the truth.\n"
)
REGRET_EXPLANATION = (
    "Stage cost (tracking error under the state weights of the MPC) beyond that of the comparator in the same trial, "
    "averaged over the steps while the walking robot is disturbed; trials in which either fell are left out. Slope: of "
    "log regret over log time in the second half (below 1: sublinear), median of the trials whose regret is positive "
    "throughout it. Falls: trials whose regret per step is less over the whole run than over its first half. Not "
    "worse: trials in which it is not positive in the end; the comparator is told the truth, but is no optimum.\n"
)
