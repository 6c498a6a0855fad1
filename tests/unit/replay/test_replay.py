"""A replay of a recorded simulation agrees with the simulator's own log, and with itself."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from short_walk import SCENARIO

from controllers.errors import InvalidValue
from evaluation.replay.recording import Recording
from evaluation.replay.remapping import Remapping, assign
from evaluation.replay.replay import Replay, ReplayConfig
from evaluation.replay.replay_report import ReplayOptions, replay_bag, replay_bags
from evaluation.replay.rollout_bag import record_rollout
from evaluation.replay.ticks import TickFeed
from pronk.cli import main
from pronk.terminal import open_console


def replayed(bag, config, by_torque=False, watch=None):
    with Recording(bag) as recording:
        feed = TickFeed(recording, assign(recording.channels, Remapping()), Remapping())
        replay = Replay(config, by_torque)
        replay.run(feed, watch)
    return replay


@pytest.fixture(scope="module")
def seen(recorded):
    """The replay with the learner that was recorded, and what it led to at each tick."""
    moments = []

    def watch(moment):
        c = moment.candidates[0]
        moments.append((moment.tick, moment.estimate, c.command, c.info, None if c.forces is None else c.forces.copy()))

    return replayed(recorded.bag, ReplayConfig(learners=("pronk", "none")), watch=watch), moments


def test_readings_estimates_and_commands_are_those_of_the_simulators_own_log(recorded, seen):
    assert len(seen[1]) == len(recorded.log)
    for live, (tick, estimate, command, info, _) in zip(recorded.log, seen[1], strict=True):
        assert tick.state.time == live.state.time
        np.testing.assert_array_equal(tick.state.joint_position, live.state.joint_position)
        for name in ("position_world", "orientation", "velocity_body", "angular_velocity_body", "foot_force"):
            np.testing.assert_allclose(getattr(estimate, name), getattr(live.estimate, name), atol=1e-6, rtol=0)
        for name in ("position", "velocity", "effort", "stiffness", "damping"):
            np.testing.assert_allclose(getattr(command, name), getattr(live.wanted, name), atol=1e-6, rtol=0)
        np.testing.assert_allclose(info.residual, live.info.residual, atol=1e-6, rtol=0)
        assert info.mode == live.info.mode


def test_errors_of_the_estimate_are_those_of_the_log(recorded, seen):
    # The truth is recorded every fifth tick.
    log = recorded.log[::5]
    errors = [t.estimate.velocity_body - t.truth.velocity_body for t in log]
    assert seen[0].truth.velocity.norm_rms == pytest.approx(math.sqrt(np.mean(np.square(errors).sum(axis=1))), abs=1e-6)
    spins = [t.estimate.angular_velocity_body - t.truth.angular_velocity_body for t in log]
    assert seen[0].truth.spin.worst == pytest.approx(np.abs(spins).max(), abs=1e-6)


def test_errors_of_the_learned_wrench_are_those_of_the_log(recorded, seen):
    walking = [t for t in recorded.log[::5] if t.info.mode == "walking"]
    # The walk turns by few hundredths of a radian; the load pulls straight down.
    errors = [t.info.residual[2] - t.truth.external_wrench_world[2] for t in walking]
    found = seen[0].wrench["pronk"].force
    assert found.count == len(walking)
    assert found.worst >= np.abs(errors).max() - 1e-6


def test_the_same_learner_commands_the_same_and_the_nominal_model_does_not(seen):
    same, nominal = (candidate.command_differences() for candidate in seen[0].candidates)
    assert same["same_command_fraction"] == 1.0 and same["torque_difference_max_nm"] < 1e-6
    assert nominal["same_command_fraction"] < 0.9 and nominal["torque_difference_rms_nm"] > 0.05


def test_forces_of_the_feet_are_found_from_the_recorded_commands_by_another_controller(recorded):
    # The nominal controller finds the forces that the recorded controller, which had learned, commanded.
    forces = []
    replayed(
        recorded.bag,
        ReplayConfig(learners=("none",)),
        watch=lambda m: forces.append((m.candidates[0].forces, m.candidates[0].carrying)),
    )
    compared = 0
    for live, (found, carrying) in zip(recorded.log, forces, strict=True):
        if live.info.mode == "walking" and found is not None:
            np.testing.assert_array_equal(carrying, live.info.contact)
            standing = carrying > 0.5
            np.testing.assert_allclose(found[standing], live.info.forces[standing], atol=0.05)
            compared += 1
    assert compared > 400


def test_learning_foretells_momentum_better_than_the_nominal_model(tmp_path):
    # Long enough that the load is there for most of the walk.
    record_rollout(replace(SCENARIO, duration_s=4.5), tmp_path / "walk")
    errors = replayed(tmp_path / "walk", ReplayConfig(learners=("pronk", "none"))).foresight.errors
    assert errors["none"].count == errors["pronk"].count > 200
    for learned, nominal in zip(errors["pronk"].velocity_rmse(), errors["none"].velocity_rmse(), strict=True):
        assert learned < 0.8 * nominal


def test_two_replays_are_the_same_to_the_bit(recorded, tmp_path):
    options = ReplayOptions(ReplayConfig(learners=("rff_published",), seed=3))
    first, second = (replay_bag(recorded.bag, tmp_path / name, options) for name in "ab")
    assert repr(first.rows) == repr(second.rows) and first.about == second.about
    bags = [(tmp_path / name / "bag" / "bag.mcap").read_bytes() for name in "ab"]
    assert bags[0] == bags[1]


def test_a_robot_that_walks_already_is_taken_over_at_a_step(tmp_path, recorded):
    # Without what went before the controller cannot know all, but its steps and its targets soon agree.
    bag = tmp_path / "late"
    record_rollout(SCENARIO, bag, start=1.9)
    replay = replayed(bag, ReplayConfig(learners=("none", "pronk")))
    assert replay.onset.taken_over
    assert replay.candidates[1].command_differences()["position_difference_rms_rad"] < 0.05
    errors = replay.foresight.errors
    assert errors["pronk"].count > 20
    assert errors["pronk"].velocity_rmse()[0] < errors["none"].velocity_rmse()[0]


def test_measured_torques_stand_in_for_commands_that_were_not_recorded(recorded):
    replay = replayed(recorded.bag, ReplayConfig(learners=("none",)), by_torque=True)
    found = replay.foresight.errors["none"]
    by_command = replayed(recorded.bag, ReplayConfig(learners=("none",))).foresight.errors["none"]
    assert found.count > 50
    assert found.velocity_rmse()[-1] == pytest.approx(by_command.velocity_rmse()[-1], rel=0.6)


def test_the_results_bag_opens_elsewhere_and_holds_what_was_found(recorded, tmp_path):
    replay_bags([recorded.bag], tmp_path / "out", ReplayOptions(ReplayConfig(learners=("none",))), open_console())
    with Reader(tmp_path / "out" / "bag") as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
    assert counts["/replay/odom"] == pytest.approx(0.1 * len(recorded.log), abs=2)
    assert counts["/replay/none/joint_commands"] == counts["/replay/none/residual_wrench"] == counts["/replay/odom"]
    assert (tmp_path / "out" / "replay.png").stat().st_size > 10_000


def test_the_command_writes_results_beside_the_bag_and_says_that_they_are_open_loop(recorded, capsys):
    assert main(["replay", str(recorded.bag), "--no-control", "--no-bag"]) == 0
    folder = recorded.bag.with_name("walk_replay")
    results = json.loads((folder / "results.json").read_text())
    assert results["suite"] == "replay" and results["open_loop"] is True
    (row,) = results["rows"]
    assert (row["method"], row["case"]) == ("estimator", "walk") and row["metrics"]["velocity_rmse_mps"] < 0.02
    assert results["bags"]["walk"]["readings"] == len(recorded.log)
    text = capsys.readouterr().out
    assert "times real time" in text and "track" not in text.lower() and not (folder / "bag").exists()


def test_misuse_is_explained(recorded, tmp_path, capsys):
    (tmp_path / "map.yaml").write_text("gait: gallop")
    for words, message in (
        ([str(recorded.bag), "--remap", str(tmp_path / "map.yaml")], "map.yaml: unknown gait 'gallop'"),
        ([str(tmp_path / "none")], "does not exist"),
        ([str(recorded.bag), "--learners", "l2"], "unknown residual learner 'l2'; available: bias"),
        ([str(recorded.bag), "--robot", "cat"], "unknown robot 'cat'"),
        ([str(recorded.bag), "--seed", "-1"], "seed must be >= 0, got -1"),
        ([str(recorded.bag), str(recorded.bag), "--out", str(tmp_path)], "bags of one name"),
        ([str(recorded.bag), "--namespace", "b"], "the bag has no topic joint_states and no imu/data"),
    ):
        assert main(["replay", *words]) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(InvalidValue, match="one or more different names, got none, none"):
        ReplayConfig(learners=("none", "none"))


def test_a_folder_of_somebody_else_is_not_replaced(recorded, tmp_path):
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / "precious.txt").write_text("data")
    with pytest.raises(InvalidValue, match="exists and is no bag of 'pronk replay'"):
        replay_bag(recorded.bag, tmp_path, ReplayOptions(ReplayConfig(control=False)))
    assert (tmp_path / "bag" / "precious.txt").read_text() == "data"


def test_several_bags_give_a_folder_each_and_one_file_of_results(tmp_path):
    bags = [tmp_path / name for name in ("walk", "again")]
    for bag in bags:
        record_rollout(replace(SCENARIO, duration_s=0.1), bag)
    options = ReplayOptions(ReplayConfig(control=False), bag=False)
    replay_bags(bags, tmp_path / "out", options, open_console())
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["rows"]
    assert [row["case"] for row in rows] == ["again", "walk"]
    assert rows[0]["metrics"] == rows[1]["metrics"]
    assert (tmp_path / "out" / "again" / "replay.png").exists()
