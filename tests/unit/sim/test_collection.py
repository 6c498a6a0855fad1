import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces

from controllers.errors import InvalidValue, UnknownName
from sim.behaviours import Play, make_behaviour
from sim.collection import SETTINGS, Collection, collect, episode_path
from sim.coloured_arena import REACH_M, ArenaWorld
from sim.episodes import find_episodes, first_actions, last_actions, read_episode, read_info, record, write_episode
from sim.image_world import POSE, WorldConfig
from sim.tensor_file import read_tensors, write_tensors

SMALL = WorldConfig(size=16)
ROOT = Path(__file__).resolve().parents[3]


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_an_episode_comes_back_from_disk_as_it_was_run(tmp_path):
    world = ArenaWorld("red-box", SMALL)
    expert = make_behaviour("expert")
    episode = record(world, "expert", expert.act, 1000, lambda: expert.begin(world, np.random.default_rng(0)))
    write_episode(tmp_path / "e.safetensors", episode)
    back = read_episode(tmp_path / "e.safetensors")
    assert back.info == episode.info == read_info(tmp_path / "e.safetensors")
    for name in ("pose", "state", "success", "action", "reward"):
        assert np.array_equal(getattr(back, name), getattr(episode, name))
    assert np.array_equal(back.images["top"], episode.images["top"])
    # The world run again shows the same.
    observation, _ = world.reset(seed=1000)
    assert np.array_equal(observation["top"], back.images["top"][0])
    for action, pose in zip(back.action, back.pose[1:], strict=True):
        observation, *_ = world.step(action)
        assert observation["pose"] == pytest.approx(pose, abs=1e-5)
    assert back.info.successful and back.info.terminated and back.success.tolist()[-1] and back.reward[-1] == 1.0
    assert back.images["top"].dtype == np.uint8 and len(back.pose) == back.info.steps + 1


def test_the_beginning_of_an_episode_is_an_episode_that_nothing_ended():
    world, expert = ArenaWorld("red-box", SMALL), make_behaviour("expert")
    whole = record(world, "expert", expert.act, 1000, lambda: expert.begin(world, np.random.default_rng(0)))
    start = first_actions(whole, 5)
    assert whole.info.successful and whole.info.terminated
    about = dataclasses.replace(whole.info, steps=5, successful=False, terminated=False)
    assert start.info == about
    for name, rows in (("pose", 6), ("state", 6), ("success", 6), ("action", 5), ("reward", 5)):
        assert np.array_equal(getattr(start, name), getattr(whole, name)[:rows]) and len(getattr(start, name)) == rows
    assert len(start.images["top"]) == 6
    assert first_actions(whole, whole.info.steps) is whole


def test_the_end_of_an_episode_is_an_episode_of_its_own(tmp_path):
    world = ArenaWorld("red-box", SMALL)
    play = Play()
    begin = partial(play.begin, world, np.random.default_rng(0))
    whole = record(world, "play", play.act, 0, begin)
    end = last_actions(whole, 5)
    assert end.info == dataclasses.replace(whole.info, steps=5)
    for name, rows in (("pose", 6), ("state", 6), ("success", 6), ("action", 5), ("reward", 5)):
        assert np.array_equal(getattr(end, name), getattr(whole, name)[-rows:]) and len(getattr(end, name)) == rows
    assert np.array_equal(end.images["top"], whole.images["top"][-6:])
    write_episode(tmp_path / "end.safetensors", end)
    assert read_episode(tmp_path / "end.safetensors").info.steps == 5
    assert last_actions(whole, whole.info.steps) is whole


def test_a_collection_counts_and_a_second_call_adds_only_what_is_new(tmp_path):
    steps = list(collect(Collection("arena", ("red-box", "blue-ball"), 2, 1000, config=SMALL), tmp_path))
    assert [(s.info.task, s.info.seed, s.fresh, s.done) for s in steps] == [
        *(("red-box", 1000, True, 1), ("red-box", 1001, True, 2)),
        *(("blue-ball", 1000, True, 3), ("blue-ball", 1001, True, 4)),
    ]
    more = list(collect(Collection("arena", ("red-box",), 3, 1000, config=SMALL), tmp_path))
    assert [s.fresh for s in more] == [False, False, True]
    assert sorted(find_episodes(tmp_path)) == sorted(
        [*(s.path for s in steps), episode_path(tmp_path, "red-box", 1002)]
    )


def command(folder, episodes):
    words = ["collect", "arena", "--tasks", "red-box", "--episodes", str(episodes), "--seed", "1000"]
    return [
        sys.executable,
        "-m",
        "pronk.cli",
        *words,
        "--size",
        "32",
        "--full",
        "--horizon",
        "60",
        "--out",
        str(folder),
    ]


def test_nothing_is_lost_by_a_kill_and_the_collection_ends_up_the_same(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(command(killed, 400), env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60.0
    while len(list(killed.rglob("*.safetensors"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10.0) == -signal.SIGKILL
    left = find_episodes(killed)
    assert 4 <= len(left) < 400 and [info.seed for info in left.values()] == list(range(1000, 1000 + len(left)))
    assert all(len(read_episode(path).pose) == 61 for path in left)
    wanted = len(left) + 2
    run = subprocess.run(command(killed, wanted), env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert f"{wanted} episodes, 2 of them new" in run.stdout
    config = WorldConfig(size=32, horizon=60, end_on_success=False)
    list(collect(Collection("arena", ("red-box",), wanted, 1000, config=config), whole))
    assert digests(killed) == digests(whole)


def test_a_draft_that_a_kill_left_behind_is_no_episode_and_is_replaced(tmp_path):
    tmp_path.joinpath("red-box").mkdir()
    tmp_path.joinpath("red-box", "001000.safetensors.part").write_bytes(b"half")
    assert find_episodes(tmp_path) == {}
    list(collect(Collection("arena", ("red-box",), 1, 1000, config=SMALL), tmp_path))
    assert sorted(digests(tmp_path)) == [SETTINGS, "red-box/001000.safetensors"]


def test_other_settings_in_the_same_folder_are_refused(tmp_path):
    list(collect(Collection("arena", ("red-box",), 1, 1000, config=SMALL), tmp_path))
    other = Collection("arena", ("red-box",), 2, 1000, "mixed", config=WorldConfig(size=32))
    with pytest.raises(InvalidValue, match=r"other settings \(behaviour, size\); choose another folder"):
        next(collect(other, tmp_path))
    (tmp_path / SETTINGS).write_text("{")
    with pytest.raises(InvalidValue, match="cannot be read"):
        next(collect(other, tmp_path))


def test_a_damaged_episode_stops_the_collection_with_its_name(tmp_path):
    collection = Collection("arena", ("red-box",), 1, 1000, config=SMALL)
    (step,) = collect(collection, tmp_path)
    step.path.write_bytes(step.path.read_bytes()[:-1])
    with pytest.raises(InvalidValue, match=r"red-box/001000.safetensors' is no safetensors file.*cut off"):
        next(collect(collection, tmp_path))


def test_only_successes_count_where_they_should_and_failures_stay(tmp_path):
    short = WorldConfig(size=16, horizon=15)
    collection = Collection("arena", ("red-box",), 3, 1000, successes=True, config=short)
    steps = list(collect(collection, tmp_path))
    assert sum(s.info.successful for s in steps) == steps[-1].done == 3 and len(steps) > 3
    assert len(find_episodes(tmp_path)) == len(steps)
    never = Collection("arena", ("red-box",), 1, 1000, "play", True, WorldConfig(size=16, horizon=1))
    with pytest.raises(InvalidValue, match="only 0 of 4 episodes of 'red-box' succeeded, 1 are wanted"):
        list(collect(never, tmp_path / "never"))


def test_files_that_hold_something_else_are_no_episodes(tmp_path):
    write_tensors(tmp_path / "a.safetensors", {"x": np.zeros(2)})
    with pytest.raises(InvalidValue, match=r"a\.safetensors' is no episode: 'episode'"):
        find_episodes(tmp_path)
    (step,) = collect(Collection("arena", ("red-box",), 1, 1000, config=SMALL), tmp_path / "c")
    tensors, texts = read_tensors(step.path)
    write_tensors(step.path, {**tensors, "action": tensors["action"][:-1]}, texts)
    with pytest.raises(InvalidValue, match=r"is no episode: 'action' must have \d+ rows, got \d+"):
        read_episode(step.path)


def test_play_visits_the_workspace_and_does_not_care_for_the_task():
    world = ArenaWorld("red-box", WorldConfig(cameras=(), horizon=400, end_on_success=False))
    play = Play()
    first = record(world, "play", play.act, 1000, lambda: play.begin(world, np.random.default_rng(5)))
    spread = first.pose[:, :2].max(axis=0) - first.pose[:, :2].min(axis=0)
    assert (spread > 2.0).all() and np.abs(first.action).max() <= REACH_M + 1e-6
    again = record(world, "play", play.act, 1000, lambda: play.begin(world, np.random.default_rng(5)))
    assert np.array_equal(first.action, again.action)


class Tray:
    """A workspace of a metre in which a hand jumps where it is told; it counts nothing else."""

    workspace = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    action_space = spaces.Box(-1.0, 1.0, (4,))
    has_gripper = True


def test_rummaging_is_low_and_half_of_the_time_begins_with_a_closed_gripper():
    closed, heights = 0, []
    for seed in range(200):
        rummage, rng, here = make_behaviour("rummage"), np.random.default_rng(seed), np.full(3, 0.5)
        rummage.begin(Tray(), rng)
        for step in range(40):
            action = rummage.act({POSE: here})
            if step == 0:
                closed += action[3] > 0.0
            here = here + action[:3]
        heights.append(here[2])
    assert 70 <= closed <= 130
    # Even heights would have a median of 0.5, their squares of 0.25.
    assert 0.1 < np.median(heights) < 0.35


def test_mixed_acts_at_random_seven_times_in_ten():
    world, mixed = (
        ArenaWorld("red-box", WorldConfig(cameras=(), horizon=400, end_on_success=False)),
        make_behaviour("mixed"),
    )
    world.reset(seed=1000)
    mixed.begin(world, np.random.default_rng(0))
    expert = 0
    for _ in range(400):
        wanted, action = world.expert(), mixed.act({})
        expert += np.array_equal(wanted, action)
        world.step(action)
    assert 0.2 < expert / 400 < 0.4


def grazed(seed):
    """Where the hand is in each state while it grazes, and where the expert goes in the same scene."""
    world, graze = ArenaWorld("red-box", WorldConfig(cameras=(), end_on_success=False)), make_behaviour("graze")
    observation, _ = world.reset(seed=1000)
    here, expert = [observation[POSE][:2]], [observation[POSE][:2]]
    graze.begin(world, np.random.default_rng(seed))
    for _ in range(200):
        here.append(world.step(graze.act({POSE: here[-1]}))[0][POSE][:2])
    world.reset(seed=1000)
    done = False
    while not done:
        observation, *_, info = world.step(world.expert())
        expert.append(observation[POSE][:2])
        done = info["success"]
    return np.array(here), np.array(expert)


def test_who_grazes_has_lost_no_step_by_looking_at_the_expert():
    world = ArenaWorld("red-box", WorldConfig(cameras=(), horizon=50, end_on_success=False))
    world.reset(seed=1000)
    moment = world.save()
    make_behaviour("graze").begin(world, np.random.default_rng(0))
    for before, after in zip(moment, world.save(), strict=True):
        assert np.array_equal(before, after)


def test_who_grazes_stays_beside_where_the_expert_goes():
    nearest, ends = [], []
    for seed in range(20):
        here, expert = grazed(seed)
        # Every state from the first arrival at the way on is about the way; most of them are not on it.
        away = np.linalg.norm(here[:, None] - expert[None], axis=2).min(axis=1)[20:]
        nearest.append(away.max())
        ends.append(np.linalg.norm(here - expert[-1], axis=1).min())
    assert max(nearest) < 0.5
    # Shifts of up to 6 cm along each axis: all of them come to the end of the way but for such a shift.
    assert max(ends) < 0.15 and np.median(ends) > 0.002


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": ("red-cone",)}, "unknown task of the world 'arena' 'red-cone'"),
        ({"behaviour": "human"}, "unknown behaviour 'human'; available: expert, graze, mixed, planner, play"),
        ({"episodes": 0}, "Collection.episodes must be at least 1, got 0"),
        ({"seed": -1}, "Collection.seed must be at least 0, got -1"),
    ],
)
def test_what_cannot_be_collected_is_refused(settings, message):
    with pytest.raises((InvalidValue, UnknownName), match=message):
        Collection(**{"world": "arena", "tasks": ("red-box",), "episodes": 1, **settings})


def test_a_planner_must_be_handed_over(tmp_path):
    collection = Collection("arena", ("red-box",), 1, behaviour="planner")
    with pytest.raises(InvalidValue, match="behaviour 'planner' needs a planner, got none"):
        next(collect(collection, tmp_path))


def test_a_planner_that_is_handed_over_acts_in_every_episode_anew(tmp_path):
    collection = Collection("arena", ("red-box",), 2, seed=1000, behaviour="planner", config=SMALL)
    made = []

    def planned():
        made.append(make_behaviour("expert"))
        return made[-1]

    steps = list(collect(collection, tmp_path, planned))
    assert len(made) == 2 and [step.info.behaviour for step in steps] == ["planner"] * 2
    assert all(step.info.successful for step in steps)
