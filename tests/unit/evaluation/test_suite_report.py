import json
import re
from types import SimpleNamespace

import imageio.v2 as imageio
import numpy as np
import pytest
from made_runs import row

from controllers.errors import InvalidValue
from evaluation.families import families, place_of, places
from evaluation.latex import escape_latex, latex_matrix, latex_table
from evaluation.matrix import matrix_cells, metric_matrix, survival_matrix
from evaluation.results import compile_results, summarise, write_json
from evaluation.suite_report import read_results, write_reports
from evaluation.table import Column

HEIGHT = Column("height_rmse_m", "height RMSE [mm]", 1e3, 1)


def made_rows():
    rows = []
    for level in (2, 8):
        for method, error in (("nominal", 0.010), ("pronk", 0.004), ("oracle", 0.002)):
            for seed in range(4):
                if method == "nominal" and level == 8 and seed > 1:
                    metrics = {"fell": 1.0}
                else:
                    metrics = {"fell": 0.0, "height_rmse_m": error * (1 + 0.1 * seed), "wrench_rmse_n": 5.0 + seed}
                rows.append(row(seed, method, f"force_down_{level}g", **metrics))
    return rows


def is_drawn(path):
    picture = imageio.imread(path)[..., :3]
    return len(np.unique(picture.reshape(-1, 3), axis=0)) > 50 and (picture < 250).any(axis=2).mean() > 0.005


def test_every_character_with_a_meaning_is_escaped():
    assert escape_latex("a_b & 5 % of $x^2$ #1 {y} ~ \\z") == (
        r"a\_b \& 5 \% of \$x\textasciicircum{}2\$ \#1 \{y\} \textasciitilde{} \textbackslash{}z"
    )
    assert escape_latex("2 ° ± 1 × < 3") == r"2 $^{\circ}$ $\pm$ 1 $\times$ $<$ 3"


def test_every_row_of_a_latex_table_has_as_many_cells_as_its_head():
    matrix = metric_matrix(summarise(made_rows()), HEIGHT)
    source = latex_matrix(matrix)
    counts = {len(re.findall(r"(?<!\\)&", line)) for line in source.splitlines() if line.endswith(r"\\")}
    assert counts == {3}
    assert r"\begin{tabular}{lrrr}" in source
    assert source.count("{") == source.count("}")
    assert [source.count(rf"\{rule}rule") for rule in ("top", "mid", "bottom")] == [1, 1, 1]


def test_text_tables_align_words_left():
    source = latex_table(["case", "n"], [["a_b", "1"]], "50 % of all", "x_y", left=1)
    for part in (r"\begin{tabular}{lr}", r"a\_b & 1 \\", r"\caption{50 \% of all}", r"\label{tab:x-y}"):
        assert part in source


def test_the_best_rival_is_bold_and_the_oracle_does_not_compete():
    heads, rows = matrix_cells(metric_matrix(summarise(made_rows()), HEIGHT))
    assert heads == ["case", "nominal", "pronk", "oracle"]
    assert rows[0][2].startswith("**4.6** [")
    assert rows[0][3].startswith("2.3 [")


def test_a_method_that_fell_more_often_is_not_the_best_for_the_rest_of_its_trials():
    rows = [row(s, "pronk", fell=0.0, height_rmse_m=0.004) for s in range(3)]
    rows += [row(0, "bias", fell=0.0, height_rmse_m=0.001), *(row(s, "bias", fell=1.0) for s in (1, 2))]
    cells = matrix_cells(metric_matrix(summarise(rows), HEIGHT))[1][0]
    assert cells == ["quiet", "**4.0** [4.0, 4.0]", "1.0 (1/3)"]


def test_survival_is_written_as_trials_of_trials():
    rows = matrix_cells(survival_matrix(summarise(made_rows())))[1]
    assert rows[1][1].startswith("2/4 [")
    assert rows[1][2].startswith("**4/4** [")


@pytest.mark.parametrize(
    ("case", "family", "level", "unit"),
    [
        ("force_down_12g", "force_down", 12.0, "g"),
        ("payload_8kg", "payload", 8.0, "kg"),
        ("rough_0.25m_8kg", "rough_8kg", 0.25, "m"),
        ("speed_1p2", "speed", 1.2, ""),
        ("walk_go2", "walk_go2", None, ""),
    ],
)
def test_family_and_level_are_read_off_the_name(case, family, level, unit):
    place = place_of(case)
    assert (place.family, place.level, place.unit) == (family, level, unit)


def test_a_suite_may_tell_families_and_levels_itself():
    told = SimpleNamespace(name="odd", family="load", level=3, unit="kg")
    place = places(["odd", "payload_1kg"], SimpleNamespace(cases=(told,)))
    assert (place["odd"].family, place["odd"].level) == ("load", 3.0)
    assert families(places(["p_10kg", "p_2kg", "q"])) == {"p": ["p_2kg", "p_10kg"], "q": ["q"]}


def test_a_report_has_tables_comparisons_and_figures(tmp_path):
    results = compile_results("tiny", made_rows())
    report = write_reports(tmp_path, results)
    assert report.ours == "pronk"
    comparison = json.loads((tmp_path / "comparison.json").read_text())
    against = {(c["case"], c["other"]): c for c in comparison["comparisons"] if c["metric"] == "height_rmse_m"}
    assert against["force_down_8g", "nominal"]["n"] == 2
    assert against["force_down_8g", "nominal"]["fallen"] == 2
    assert against["force_down_2g", "nominal"]["relative"] == pytest.approx(-0.6)
    assert "| force_down_2g | nominal | height RMSE [mm] | 4.6 | 11.5 | -60.0 |" in (tmp_path / "tables.md").read_text()
    assert (tmp_path / "tables.tex").read_text().count(r"\begin{table*}") == len(list((tmp_path / "tables").iterdir()))
    for name in ("boxes/height_rmse_m__force_down", "survival", "comparison_height_rmse_m"):
        assert is_drawn(tmp_path / "plots" / f"{name}.png"), name
        assert (tmp_path / "plots" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert all(path.exists() for path in report.files)


def test_a_report_of_one_trial_needs_no_comparison(tmp_path):
    report = write_reports(tmp_path, compile_results("one", [row(0, fell=1.0)]))
    assert report.ours is None
    assert "| quiet | 0/1 " in (tmp_path / "tables.md").read_text()


def test_a_method_that_was_not_run_cannot_be_compared(tmp_path):
    with pytest.raises(InvalidValue, match="no trial of method 'l1'; they have none"):
        write_reports(tmp_path, compile_results("one", [row(0, fell=0.0)]), ours="l1")


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match=r"has no results\.json; it must be the folder of a finished suite"):
        read_results(tmp_path)
    write_json(tmp_path / "results.json", {"suite": "s"})
    assert read_results(tmp_path) == {"suite": "s"}
    with pytest.raises(InvalidValue, match="results need 'rows' of method, case, seed and metrics"):
        write_reports(tmp_path, {"suite": "s"})


def test_the_response_to_a_step_has_tables_of_its_own(tmp_path):
    rows = [
        row(s, m, fell=0.0, **more) for s in (0, 1) for m, more in (("none", {}), ("pronk", {"wrench_rise_s": 0.2}))
    ]
    write_reports(tmp_path, compile_results("s", rows))
    text = (tmp_path / "tables.md").read_text()
    section = text[text.index("## 63 % of a step learned after [s]") :]
    assert "| quiet | – | **0.20** [0.20, 0.20] |" in section
