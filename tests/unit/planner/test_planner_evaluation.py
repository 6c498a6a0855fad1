import io
import json
from types import SimpleNamespace

import imageio.v2 as imageio
import numpy as np
import pytest
from rich.console import Console
from scripted_planners import Steady, made_plan

from controllers.errors import InvalidValue, UnknownName
from policies.video.execution import ExecutionConfig, execute
from sim.coloured_arena import ArenaWorld
from sim.image_world import WorldConfig

pytest.importorskip("torch", reason="torch is not installed")

from evaluation import planner as evaluation
from evaluation.planner import PlannerSuite, cells, measure
from evaluation.planner_pictures import plan_strip, side_by_side, write_side_by_side, write_strip

TASKS = ("red-box", "blue-ball")


def suite(tmp_path, **changes):
    given = {"world": "arena", "tasks": TASKS, "methods": ("expert", "in_domain"), "seeds": (1000, 1001), "horizon": 60}
    return PlannerSuite(**{**given, "weights": tmp_path, **changes})


@pytest.fixture
def asked(monkeypatch):
    """Planners that stand still; which were loaded is noted."""
    found = []

    def load(method, world, folder, pipeline=None):
        found.append(method)
        return Steady([0.0, 0.0])

    monkeypatch.setattr(evaluation, "load_planner", load)
    return found


def run(plan, out):
    output = io.StringIO()
    return measure(plan, out, Console(file=output, width=200)), output.getvalue()


def test_methods_are_compared_on_the_same_episodes_and_a_table_tells_success(tmp_path, asked):
    rows, text = run(suite(tmp_path), tmp_path / "out")
    assert [(row.method, row.case, row.seed) for row in rows] == [
        (method, task, seed) for task in TASKS for method in ("expert", "in_domain") for seed in (1000, 1001)
    ]
    assert all(row.metrics["success"] == float(row.method == "expert") for row in rows)
    assert "red-box: expert 100 %, in_domain 0 %" in text and asked == ["in_domain"]
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["suite"] == "planner" and len(results["rows"]) == 8
    assert all(row.metrics["plan_time_s"] >= 0.0 for row in rows if row.method == "in_domain")


def test_an_interrupted_run_goes_on_and_other_weights_begin_anew(tmp_path, asked):
    out = tmp_path / "out"
    run(suite(tmp_path, tasks=TASKS[:1]), out)
    asked.clear()
    run(suite(tmp_path, tasks=TASKS[:1]), out)
    assert asked == []
    # A line that was cut off counts for nothing.
    journal = out / "trials.jsonl"
    journal.write_text(journal.read_text()[:-20])
    run(suite(tmp_path, tasks=TASKS[:1]), out)
    assert asked == ["in_domain"]
    asked.clear()
    (tmp_path / "planner_arena_inverse.safetensors").write_bytes(b"other")
    run(suite(tmp_path, tasks=TASKS[:1]), out)
    assert asked == ["in_domain"]


def test_intervals_are_those_of_their_definitions():
    rows = [
        SimpleNamespace(method="in_domain", case=task, seed=seed, metrics={"success": float(good), "plan_time_s": 0.05})
        for task, good in (("red-box", True), ("blue-ball", False))
        for seed in range(4)
    ]
    row = cells(rows, PlannerSuite("arena", TASKS, ("in_domain",), tuple(range(4))))[0]
    # Wilson (1927) for 4 of 8: 0.2152 … 0.7848; two tasks with 1 and 0 may be drawn as any mean between.
    assert row == ["in_domain", "100 %", "0 %", "50.0 %", "0 … 100", "22 … 78", "50"]


def test_suites_that_cannot_be_run_are_refused(tmp_path):
    with pytest.raises(UnknownName, match="unknown method of the planner 'best'; available: cloning, expert"):
        suite(tmp_path, methods=("best",))
    with pytest.raises(InvalidValue, match=r"PlannerSuite\.seeds must name at least one, got none"):
        suite(tmp_path, seeds=())


def rollout(record=True):
    return execute(
        ArenaWorld("red-box", WorldConfig(horizon=12)), Steady([0.05, 0.0]), 1000, ExecutionConfig(record=record)
    )


def test_a_strip_has_a_row_for_each_plan_and_a_column_for_each_frame(tmp_path):
    plans = [made_plan([[0.0, 0.0]] * 3, size=8)] * 2
    plans[0].frames[2] = 255
    strip = plan_strip(plans, enlarged=2)
    assert strip.shape == (2 * (2 * 8 + 4), 4 * (2 * 8 + 4), 3)
    assert (strip[2:18, 2 * 20 + 2 : 2 * 20 + 18] == 255).all() and not strip[2:18, 2:18].any()
    write_strip(tmp_path / "new" / "strip.png", rollout())
    assert imageio.imread(tmp_path / "new" / "strip.png").shape[2] == 3
    with pytest.raises(InvalidValue, match="a strip needs at least one plan, got none"):
        plan_strip([])


def test_what_was_imagined_stands_beside_what_was(tmp_path):
    found = rollout()
    pictures = list(side_by_side(found, "top", "red box"))
    assert len(pictures) == found.steps + 1
    # Frames of this planner are black; on the right is the camera's picture, five times as large.
    assert not pictures[3][72:, :320].any()
    assert np.array_equal(pictures[3][72::5, 324::5], found.episode.images["top"][3])
    assert write_side_by_side(tmp_path / "v.mp4", found, "top", "red box") == found.steps + 1 + 20
    with pytest.raises(InvalidValue, match="'red-box' with seed 1000 was not recorded"):
        list(side_by_side(rollout(record=False), "top", ""))


def test_an_open_video_model_is_measured_where_one_is_named(tmp_path, asked):
    with pytest.raises(InvalidValue, match=r"'open' and PlannerSuite\.pipeline, .* each other; got open and None"):
        suite(tmp_path, methods=("open",))
    with pytest.raises(InvalidValue, match=r"got expert, prior and .*model"):
        suite(tmp_path, methods=("expert", "prior"), pipeline=tmp_path / "model")
    rows, _ = run(suite(tmp_path, methods=("open",), pipeline=tmp_path / "model"), tmp_path / "out")
    assert {row.method for row in rows} == {"open"} and asked == ["open"]


def test_results_of_one_open_video_model_are_not_those_of_another(tmp_path):
    marks = {suite(tmp_path).fingerprint()}
    for name, weights in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        part = tmp_path / name / "vae"
        part.mkdir(parents=True)
        (part / "weights.safetensors").write_bytes(weights)
        marks.add(suite(tmp_path, methods=("open",), pipeline=tmp_path / name).fingerprint())
    # None, the same twice, and another.
    assert len(marks) == 3
