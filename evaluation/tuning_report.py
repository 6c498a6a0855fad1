"""What tuning leaves behind: a table of all settings, `tuned.json`, and the presets as a module."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from controllers.residual.tuned import TUNED
from evaluation.machine import describe_machine, describe_versions
from evaluation.results import write_json
from evaluation.table import markdown_table, rich_table
from evaluation.tuning import Candidate, Plan, winners
from evaluation.tuning_cost import FALL_RATIO, SCALES
from evaluation.tuning_spaces import SPACES

HEADS = ("method", "chosen", "mean cost", "runs", "fell", "setting")
CHOSEN = {(False, False): "", (True, False): "finalist", (True, True): "winner"}

PRESETS_HEAD = '''"""Settings of the tuned learners, by name: the preset that each starts from and what differs.

`pronk tune locomotion` makes them anew: it draws equally many settings of every learner, runs them on cases and seeds
that no suite reports, and writes this file as `tuned.py` into the folder of its results.
"""

from typing import Any

TUNED: dict[str, tuple[str, dict[str, Any]]] = {
'''


def write_report(candidates: Sequence[Candidate], plan: Plan, out: Path, console: Console | None = None) -> None:
    """Write `tuned.json`, `tuning.md` and `tuned.py`, and show the table.

    Args:
        candidates: All candidates with their runs.
        plan: How much was tried.
        out: Folder of the results.
        console: Where the table is shown; None for nowhere.
    """
    chosen = winners(candidates)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "tuned.json", tuned(candidates, plan))
    rows = table_rows(candidates)
    if console is not None:
        table = rich_table("all settings; cost = ln of the weighted error", HEADS, rows)
        table.columns[-1].justify = "left"
        console.print(table)
    text = f"# Tuning\n\n{_explanation(plan)}\n\n{markdown_table(HEADS, rows)}"
    (out / "tuning.md").write_text(text, encoding="utf-8")
    presets = {**TUNED, **{name: (c.setting.preset, c.setting.values) for name, c in chosen.items()}}
    (out / "tuned.py").write_text(presets_module(presets), encoding="utf-8")


def tuned(candidates: Sequence[Candidate], plan: Plan) -> dict[str, Any]:
    """Gather all that was found.

    Args:
        candidates: All candidates with their runs.
        plan: How much was tried.

    Returns:
        "winners" by method, all "settings", and what they were found with.
    """
    methods = list(dict.fromkeys(candidate.method for candidate in candidates))
    return {
        "winners": {name: _describe(candidate) for name, candidate in winners(candidates).items()},
        "settings": [_describe(candidate) for candidate in candidates],
        "spaces": {name: asdict(SPACES[name]) for name in methods if name in SPACES},
        "budget": plan.budget,
        "finalists": plan.finalists,
        "cases": [case.name for case in plan.cases],
        "first_seeds": plan.first_seeds,
        "final_seeds": plan.final_seeds,
        "cost": {"scales": SCALES, "fall_ratio": FALL_RATIO},
        "versions": describe_versions(),
        "machine": describe_machine(),
    }


def _describe(candidate: Candidate) -> dict[str, Any]:
    return {
        "method": candidate.method,
        "number": candidate.number,
        "preset": candidate.setting.preset,
        "values": candidate.setting.values,
        "cost": candidate.cost,
        "runs": len(candidate.rows),
        "falls": candidate.falls,
        "final": candidate.final,
        "cost_by_case": candidate.cost_by_case(),
    }


def table_rows(candidates: Sequence[Candidate]) -> list[list[str]]:
    """Lay the settings out.

    Args:
        candidates: All candidates with their runs.

    Returns:
        Rows of texts under `HEADS`: of each method first those with runs on all seeds, cheapest first, since costs
        compare only between settings with the same runs.
    """
    order = {name: index for index, name in enumerate(dict.fromkeys(c.method for c in candidates))}
    best = winners(candidates)
    rows = []
    for c in sorted(candidates, key=lambda c: (order[c.method], not c.final, c.cost, c.number)):
        word = CHOSEN[c.final, best.get(c.method) is c]
        rows.append([c.label, word, f"{c.cost:.3f}", str(len(c.rows)), str(c.falls), str(c.setting)])
    return rows


def _explanation(plan: Plan) -> str:
    scales = ", ".join(f"{name} / {scale:.3g}" for name, scale in SCALES.items())
    return (
        f"Each method had {plan.budget} settings, run on {len(plan.cases)} cases with the seeds {plan.first_seeds}; "
        f"its best {plan.finalists} ran with {plan.final_seeds} as well. "
        f"J is the root of the mean square of {scales}; the cost is the mean of ln J over cases and seeds, "
        f"and a fall costs ln {FALL_RATIO:g}. Finalists have more runs than the others, so compare them with each "
        "other only."
    )


def presets_module(presets: Mapping[str, tuple[str, Mapping[str, Any]]]) -> str:
    """Write presets as Python.

    Args:
        presets: By learner the preset that it starts from and what differs.

    Returns:
        Text of the module `controllers.residual.tuned`.
    """
    lines = [PRESETS_HEAD]
    for name, (preset, values) in presets.items():
        lines.append(f'    "{name}": (\n        "{preset}",\n        {{\n')
        lines += [f'            "{key}": {value!r},\n' for key, value in values.items()]
        lines.append("        },\n    ),\n")
    return "".join((*lines, "}\n"))
