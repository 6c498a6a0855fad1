import json

import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from evaluation.navigation import compare_success, evaluate_navigation
from evaluation.navigation_methods import METHODS, fixed, known_methods, make_navigator, register
from evaluation.navigation_plots import animate
from evaluation.navigation_rollout import Outcome, run
from evaluation.navigation_runner import perform_batch, plan_batches
from evaluation.navigation_suites import SUITES, get_navigation_suite, only_cases, suite_of_scenes
from evaluation.navigation_tuning import search_gain
from evaluation.results import Row
from policies.navigation.navigator import weights_file
from pronk.cli import NAVIGATION_SUITES
from sim.navigation_files import save_scenes
from sim.navigation_scene import Scene
from sim.navigation_scenes import scene_maker
from sim.navigator import Decision


def outcome(arrival, path, clearance, idle=(0.0, 0.0), **more):
    scene = Scene("s", [[0.0, 0.0], [0.0, 5.0]], [[4.1, 0.0], [8.1, 5.0]], [1.0, 2.0], [0.2, 0.2], **more)
    arrival = np.array(arrival)
    return Outcome(
        scene, arrival, ~np.isnan(arrival), np.array(path), np.array(clearance), np.array(idle), 6.0, 0, 0.5, 1e-6
    )


def test_metrics_of_a_scene_that_went_well():
    found = outcome([5.0, 6.0], [4.0, 10.0], [0.3, 0.2]).metrics()
    assert found["success"] == 1.0 and found["collision"] == 0.0 and found["deadlock"] == 0.0
    assert found["min_clearance_m"] == 0.2 and found["makespan_s"] == 6.0
    # Straight ways are 4 and 8 m within the tolerance of 0.1 m, at 1 and 2 m/s.
    assert found["spl"] == pytest.approx(0.5 * (1.0 + 0.8))
    assert found["extra_time_s"] == pytest.approx(0.5 * (1.0 + 2.0))
    assert found["percent_speed"] == pytest.approx(0.5 * (100.0 * 4.0 / 5.0 + 100.0 * 10.0 / 12.0))
    assert found["makespan_ratio"] == pytest.approx(6.0 / 4.0)


def test_a_robot_that_was_touched_has_not_succeeded():
    found = outcome([5.0, 6.0], [4.0, 8.0], [-0.01, -0.01]).metrics()
    assert found["collision"] == 1.0 and found["success"] == 0.0 and found["agent_success"] == 0.0
    assert found["spl"] == 0.0 and found["extra_time_s"] is None and found["makespan_s"] is None


@pytest.mark.parametrize(("idle", "deadlock"), [(9.0, 1.0), (0.4, 0.0)])
def test_standing_still_before_the_goal_is_a_deadlock_and_moving_is_not(idle, deadlock):
    found = outcome([5.0, np.nan], [4.0, 3.0], [0.3, 0.2], (0.0, idle)).metrics()
    assert found["deadlock"] == deadlock and found["success"] == 0.0 and found["agent_success"] == 0.5


def test_movers_that_do_not_cooperate_are_not_judged():
    found = outcome([5.0, np.nan], [4.0, 3.0], [0.3, -0.2], cooperative=[True, False]).metrics()
    assert found["success"] == 1.0 and found["min_clearance_m"] == 0.3


def test_scenes_end_one_by_one_and_keep_their_places():
    near, far = (Scene("s", [[0.0, 0.0]], [[d, 0.0]], [1.0], [0.2]) for d in (1.05, 3.05))
    found = run([far, near, far], fixed(1.0), record=True)
    assert [o.duration for o in found] == pytest.approx([3.0, 1.0, 3.0])
    assert [len(o.trace) for o in found] == [31, 11, 31]
    assert found[1].trace[:, 0, 0] == pytest.approx(np.arange(11) * 0.1)


def test_programs_without_solution_are_counted():
    class Hopeless:
        def start(self, world):
            pass

        def decide(self, world):
            n = world.present.size
            return Decision(np.zeros((n, 2)), np.ones(n, dtype=bool))

    scene = Scene("s", [[0.0, 0.0]], [[3.0, 0.0]], [1.0], [0.2], time_limit_s=1.0)
    (found,) = run([scene], Hopeless())
    assert found.infeasible == 10 and found.metrics()["deadlock"] == 0.0
    assert found.correction == pytest.approx(1.0)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"orca"}))
def test_every_method_leads_two_robots_past_each_other(method):
    scene = Scene("s", [[0.0, 0.0], [4.0, 0.4]], [[4.0, 0.0], [0.0, 0.4]], [1.0, 1.0], [0.3, 0.3])
    (found,) = run([scene], make_navigator(method))
    assert found.metrics()["success"] == 1.0


def test_orca_leads_two_robots_past_each_other():
    pytest.importorskip("pyrvo")
    scene = Scene("s", [[0.0, 0.0], [4.0, 0.1]], [[4.0, 0.0], [0.0, 0.1]], [1.0, 1.0], [0.3, 0.3])
    (found,) = run([scene], make_navigator("orca"))
    assert found.metrics()["success"] == 1.0


def test_orca_refuses_robots_with_momentum():
    pytest.importorskip("pyrvo")
    with pytest.raises(InvalidValue, match="drives single integrators only, got double_integrator"):
        run([scene_maker("arena_2")(1000)], make_navigator("orca"))


def test_a_circle_that_stops_the_plain_filter_does_not_stop_the_lively_one():
    scene = scene_maker("circle_8")(0)
    plain, lively = (run([scene], make_navigator(name))[0].metrics() for name in ("fixed_best", "liveness"))
    assert plain["success"] == 0.0 and plain["deadlock"] == 1.0 and plain["collision"] == 0.0
    assert lively["success"] == 1.0 and lively["min_clearance_m"] >= 0.0


def test_methods_can_be_registered_and_unknown_ones_list_the_known():
    register("mine", lambda: fixed(1.0))
    try:
        assert make_navigator("mine") and "mine" in known_methods()
    finally:
        del METHODS["mine"]
    with pytest.raises(UnknownName, match="unknown navigation method 'mine'; available: "):
        make_navigator("mine")
    with pytest.raises(InvalidValue, match="must have the form fixed:NUMBER"):
        make_navigator("fixed:fast")


def test_weights_of_ones_own_are_a_method(tmp_path):
    shipped = weights_file("pronk")
    file = tmp_path / "mine.safetensors"
    file.write_bytes(shipped.read_bytes())
    suite = only_cases(get_navigation_suite("random"), ["random_4"])
    rows = []
    for method in ("pronk", f"pronk:{file}"):
        (batch,) = plan_batches(suite, [method], range(2))
        rows.append([row.metrics["extra_time_s"] for row in perform_batch(batch).rows])
    assert rows[0] == rows[1]
    with pytest.raises(InvalidValue, match="the network must answer zeta, eta for every edge and nothing else"):
        make_navigator(f"paper:{file}")
    with pytest.raises(InvalidValue, match=r"nothing\.safetensors"):
        make_navigator(f"pronk:{tmp_path / 'nothing.safetensors'}")
    with pytest.raises(UnknownName, match="unknown navigation method 'liveness:x'; available: "):
        make_navigator("liveness:x")


def test_the_oracle_is_at_least_as_good_as_every_gain_on_every_seed():
    suite = only_cases(get_navigation_suite("random"), ["random_4"])
    (oracle,) = plan_batches(suite, ["fixed_oracle"], range(6))
    (plain,) = plan_batches(suite, ["fixed:2.0"], range(6))
    for best, other in zip(perform_batch(oracle).rows, perform_batch(plain).rows, strict=True):
        assert best.metrics["agent_success"] >= other.metrics["agent_success"]


def test_the_search_finds_the_gain_that_is_in_less_of_a_hurry_to_stop():
    # Alone with a wall beside the goal, a small gain only costs time.
    assert search_gain([scene_maker("random_2")(seed) for seed in range(1000, 1004)], (0.05, 3.0)) == 3.0


def test_suites_name_cases_that_exist_and_seeds_of_tuning_are_refused():
    for suite in SUITES.values():
        assert {claim.case for claim in suite.claims} <= {case.name for case in suite.cases}
    with pytest.raises(InvalidValue, match="seeds must be < 1000, got 1000"):
        plan_batches(get_navigation_suite("smoke"), None, [1000])
    with pytest.raises(UnknownName, match="unknown navigation suite 'all'; available: arena, crowd, full"):
        get_navigation_suite("all")
    with pytest.raises(UnknownName, match="unknown case of suite 'smoke' 'x'"):
        only_cases(get_navigation_suite("smoke"), ["x"])


def test_the_command_line_names_the_suites_that_exist():
    assert set(NAVIGATION_SUITES) == set(SUITES)


def test_success_is_compared_in_pairs():
    rows = [
        Row(method, "c", seed, {"success": float(good)})
        for method, outcomes in (("a", (1, 1, 1, 0)), ("b", (1, 0, 0, 1)))
        for seed, good in enumerate(outcomes)
    ]
    (found,) = compare_success(rows, "a")
    # Of three pairs that differ two went one way: p = P(at least as uneven of 3 fair coins) = 1.
    assert (found["only_ours"], found["only_other"], found["p_value"]) == (2, 1, 1.0)


def test_a_scene_file_is_evaluated_to_tables_pictures_and_json(tmp_path):
    save_scenes(tmp_path / "mine.json", [scene_maker("circle_4")(3), scene_maker("doorway_2")(3)])
    suite = suite_of_scenes(tmp_path / "mine.json", ("fixed_best", "liveness"))
    assert evaluate_navigation(suite, tmp_path / "out") == []
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [(row["case"], row["method"]) for row in results["rows"]] == [
        ("circle_4", "fixed_best"),
        ("circle_4", "liveness"),
        ("doorway", "fixed_best"),
        ("doorway", "liveness"),
    ]
    entry = next(e for e in results["summary"] if (e["case"], e["method"]) == ("circle_4", "liveness"))
    # One of one: Wilson's interval does not shrink to a point.
    assert entry["success"]["mean"] == 1.0 and 0.2 < entry["success"]["ci95"][0] < 0.21
    assert "| circle_4 | liveness | 1 | 100.0 [20.7, 100.0]" in (tmp_path / "out" / "results.md").read_text("utf-8")
    assert (tmp_path / "out" / "plots" / "doorway__liveness.png").stat().st_size > 5000


def test_a_run_becomes_a_video(tmp_path):
    (found,) = run([scene_maker("doorway_2")(1000)], make_navigator("liveness"), record=True)
    # As many pictures as the run has tenths of seconds times fps / speed-up.
    pictures = animate(tmp_path / "run.mp4", found, "doorway", fps=10, speed_up=5.0)
    assert pictures == int(found.duration * 2.0 + 1e-9) and (tmp_path / "run.mp4").stat().st_size > 2000
    with pytest.raises(InvalidValue, match="no positions were kept of scene 'doorway'"):
        animate(tmp_path / "none.mp4", run([scene_maker("doorway_2")(1000)], fixed(1.0))[0], "doorway")
