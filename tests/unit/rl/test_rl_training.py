import dataclasses
import errno
import json
import math

import numpy as np
import pytest
from small_problems import STATES, Corridor

from controllers.errors import InvalidValue, UnknownName
from policies.rl import training as module
from policies.rl.soft_actor_critic import LearnerConfig
from policies.rl.training import CURVE, STATE, RlConfig, RlTraining, RolloutProgress, rollouts_to
from sim.tensor_file import read_tensors

SMALL = RlConfig(
    rollouts=6,
    every=3,
    episodes=4,
    save_every=2,
    learner=LearnerConfig(hidden=16, critics=2, batch=16, updates=1, repeats=1, pretraining=5),
)


def test_it_learns_the_corridor_from_no_demonstration_and_keeps_its_curve(tmp_path):
    config = dataclasses.replace(
        SMALL,
        demonstrations=0,
        rollouts=40,
        every=20,
        learner=LearnerConfig(hidden=32, critics=2, repeats=1, rate=3e-3),
    )
    curve = list(RlTraining(Corridor(), config, tmp_path).run())
    assert [p.rollouts for p in curve] == list(range(41))
    assert curve[-1].evaluated == 1.0
    assert [p.rollouts for p in curve if p.evaluated is not None] == [0, 20, 40]
    kept = json.loads((tmp_path / CURVE).read_text())["curve"]
    assert [entry["steps"] for entry in kept] == [p.steps for p in curve]


def test_a_training_that_was_killed_makes_the_same_of_itself(tmp_path):
    whole = list(RlTraining(Corridor(), SMALL, tmp_path / "whole").run())
    run = RlTraining(Corridor(), SMALL, tmp_path / "cut").run()
    for _ in range(6):
        next(run)
    # Five rollouts were made, four of them saved.
    again = RlTraining(Corridor(), SMALL, tmp_path / "cut")
    assert again.done == 4
    assert [dataclasses.asdict(p) for p in again.run()] == [dataclasses.asdict(p) for p in whole[5:]]
    first, second = (read_tensors(tmp_path / name / STATE)[0] for name in ("whole", "cut"))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_networks_begin_anew_where_they_are_told_to_and_keep_what_was_stored(tmp_path):
    config = dataclasses.replace(SMALL, resets=(3,), relearning=0)
    training, kept = (RlTraining(Corridor(), c, tmp_path / str(c.resets)) for c in (config, SMALL))
    moved = []
    for one in (training, kept):
        run = one.run()
        for _ in range(3):
            next(run)
        before = one.learner.critics.parameters.copy()
        next(run)
        moved.append(np.abs(one.learner.critics.parameters - before).mean())
    # Some steps of a small rate hardly move what went on; what began anew is other weights.
    assert training.done == kept.done == 3 and len(training.replay.rollouts) == 3
    assert moved[0] > 10.0 * moved[1] > 0.0
    assert np.array_equal(training.learner.scaling.mean, kept.learner.scaling.mean)


def test_a_training_that_is_killed_after_a_reset_makes_the_same_of_itself(tmp_path):
    # Saves come after two rollouts, the reset after three.
    config = dataclasses.replace(SMALL, resets=(3,), relearning=4)
    whole = list(RlTraining(Corridor(), config, tmp_path / "whole").run())
    run = RlTraining(Corridor(), config, tmp_path / "cut").run()
    for _ in range(4):
        next(run)
    assert [dataclasses.asdict(p) for p in RlTraining(Corridor(), config, tmp_path / "cut").run()] == [
        dataclasses.asdict(p) for p in whole[3:]
    ]
    first, second = (read_tensors(tmp_path / name / STATE)[0] for name in ("whole", "cut"))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_finished_training_has_nothing_left_to_do(tmp_path):
    list(RlTraining(Corridor(), SMALL, tmp_path).run())
    assert list(RlTraining(Corridor(), SMALL, tmp_path).run()) == []


def test_rollouts_are_stored_with_what_was_said_of_each_state_when_it_was_seen(tmp_path):
    training = RlTraining(Corridor(), SMALL, tmp_path)
    list(training.run())
    for rollout in (*training.replay.demonstrations, *training.replay.rollouts):
        place = rollout.observation.argmax(axis=1)
        assert rollout.shaped.value == pytest.approx(place / (STATES - 1.0))
        moved = np.clip(place[:-1] + np.where(rollout.action[:, 0] > 0.0, 1, -1), 0, STATES - 1)
        assert np.array_equal(moved, place[1:])


def test_no_goal_of_an_evaluation_is_ever_rolled_out(tmp_path):
    seeds = []

    class Watched(Corridor):
        def reset(self, seed):
            seeds.append((self.valued, seed))
            return super().reset(seed)

    training = RlTraining(Watched(), SMALL, tmp_path)
    list(training.run())
    evaluated = {seed for valued, seed in seeds if not valued}
    others = {seed for valued, seed in seeds if valued}
    assert len(evaluated) == SMALL.episodes and not evaluated & others


def test_what_is_not_finite_stops_it_and_keeps_the_last_good_state(tmp_path):
    training = RlTraining(Corridor(), SMALL, tmp_path)
    run = training.run()
    for _ in range(3):
        next(run)
    good = (tmp_path / STATE).read_bytes()
    training.learner.critics.parameters[:] = np.nan
    with pytest.raises(InvalidValue, match="the gradient of the critics is nan; the last good state is kept"):
        list(run)
    assert (tmp_path / STATE).read_bytes() == good


def test_a_full_disk_stops_it_and_keeps_the_last_good_state(tmp_path, monkeypatch):
    run = RlTraining(Corridor(), SMALL, tmp_path).run()
    for _ in range(3):
        next(run)
    good = (tmp_path / STATE).read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_tensors", full)
    with pytest.raises(OSError, match="No space left"):
        list(run)
    assert (tmp_path / STATE).read_bytes() == good
    monkeypatch.undo()
    assert list(RlTraining(Corridor(), SMALL, tmp_path).run())[-1].rollouts == SMALL.rollouts


def test_another_training_in_the_same_folder_is_refused(tmp_path):
    list(RlTraining(Corridor(), SMALL, tmp_path, "red-box").run())
    with pytest.raises(InvalidValue, match="holds another training"):
        RlTraining(Corridor(), SMALL, tmp_path, "blue-box")


def test_a_video_shows_every_state_of_an_episode(tmp_path):
    training = RlTraining(Corridor(), SMALL, tmp_path)
    pictures = training.record(1)
    assert pictures[0][0, 0, 0] == 10 and 2 <= len(pictures) <= 13


def test_rollouts_to_a_share_are_those_of_the_first_evaluation_that_reaches_it():
    curve = [RolloutProgress(n, False, n, e, {}) for n, e in ((0, 0.1), (1, None), (2, 0.8), (3, 0.5))]
    assert rollouts_to(curve) == 2.0 and rollouts_to(curve, 0.9) == math.inf


def test_settings_that_cannot_be_trained_are_refused():
    with pytest.raises(UnknownName, match="form of reward 'dense'"):
        RlConfig(reward="dense")
    with pytest.raises(InvalidValue, match=r"RlConfig\.rollouts must be at least 1, got 0"):
        RlConfig(rollouts=0)
    with pytest.raises(InvalidValue, match=r"RlConfig\.resets must each come after at least 1 rollout, got \(60, 0\)"):
        RlConfig(resets=(60, 0))
