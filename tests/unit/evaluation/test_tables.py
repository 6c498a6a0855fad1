import io

import pytest
from made_runs import row
from rich.console import Console

from evaluation.claims import Claim, judge
from evaluation.relative_claims import RelativeClaim
from evaluation.results import summarise
from evaluation.table import markdown_table, rich_table, summary_cells, verdict_cells


def test_falls_stand_beside_the_error_of_those_that_did_not_fall():
    heads, rows = summary_cells(summarise([row(0, fell=0.0, height_rmse_m=0.004), row(1, fell=1.0)]))
    assert heads == ["case", "method", "fell", "height RMSE [mm]"]
    assert rows == [["quiet", "none", "1/2", "4.0"]]


def test_an_interval_follows_the_mean():
    rows = summary_cells(summarise([row(s, height_rmse_m=0.004) for s in range(3)]))[1]
    assert rows[0][3] == "4.0 [4.0, 4.0]"


@pytest.mark.parametrize(
    ("rows", "measured", "word"),
    [
        ([row(0, height_rmse_m=0.004)], "4 mm", "reached"),
        ([row(0, height_rmse_m=0.009)], "9 mm", "MISSED"),
        ([row(0, fell=1.0)], "no trial completed", "MISSED"),
        ([], "not run", "–"),
    ],
)
def test_every_claim_shows_target_value_and_verdict(rows, measured, word):
    claim = Claim("height", "quiet", "none", "height_rmse_m", 0.006, unit="mm", scale=1e3)
    assert verdict_cells(judge([claim], rows))[1] == [
        ["height", "none", "≤ 6 mm", measured, str(len(rows) if "mm" in measured else 0), word]
    ]


def test_units_in_brackets_are_no_markup():
    console = Console(file=io.StringIO(), width=80)
    console.print(rich_table("times [s]", ["height [mm]"], [["[bold]"]], left=1))
    text = console.file.getvalue()
    for words in ("times [s]", "height [mm]", "[bold]"):
        assert words in text


def test_markdown_escapes_bars_and_aligns_numbers_right():
    assert markdown_table(["a", "b", "n"], [["|x|", "y", "1"]]) == (
        "| a | b | n |\n| --- | --- | ---: |\n| \\|x\\| | y | 1 |\n"
    )


def test_a_comparison_with_others_is_not_shown_as_missed():
    claim = Claim("rival", "quiet", "none", "survived", 1.0, at_least=True, binding=False)
    assert verdict_cells(judge([claim], [row(0, survived=0.0)]))[1][0][-1] == "below"


def test_half_the_interval_stands_behind_the_mean_where_room_is_short():
    summary = summarise([row(0, height_rmse_m=0.003), row(1, height_rmse_m=0.005)])
    assert summary_cells(summary, intervals=False)[1][0][3] == "4.0 ±1.0"


def test_a_comparison_shows_rival_interval_and_falls():
    claim = RelativeClaim("better", "quiet", "ours", "height_rmse_m")
    rows = [row(s, m, fell=0.0, height_rmse_m=h) for m, h in (("ours", 0.5), ("bias", 1.0)) for s in range(2)]
    rows += [row(2, "ours", fell=0.0, height_rmse_m=0.5), row(2, "bias", fell=1.0)]
    verdicts = judge([claim], rows)
    shown = [
        "better",
        "ours against bias",
        "≤ -30 %, interval < 0",
        "-50 % [-50, -50] (fell 0 and 1 of 3)",
        "2",
        "reached",
    ]
    assert verdict_cells(verdicts)[1] == [shown]
    assert verdict_cells(verdicts, details=False)[1][0][3] == "-50 % [-50, -50]"
