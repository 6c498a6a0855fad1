import dataclasses

import numpy as np
import pytest

from controllers.errors import InvalidValue, MissingModel
from policies.sail.filters import KeepAll, KeepSuccesses
from policies.sail.loop import SailConfig, SailLoop
from policies.text import SentenceEncoder
from sim.collection import Collection, collect
from sim.episodes import find_episodes, read_episode
from sim.image_world import WorldConfig
from sim.world_tasks import instruction_of

torch = pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")

from policies.sail import cloning_studio as module  # noqa: E402
from policies.sail.cloning_studio import CloningStudio, CloningStudioConfig  # noqa: E402
from policies.video import cloning  # noqa: E402
from policies.video.cloning import Cloner, CloningNetwork  # noqa: E402

TASK, SEEN = "orange-box", "red-box"
WORDS = {instruction_of("arena", task): np.eye(384, dtype=np.float32)[i] for i, task in enumerate((TASK, SEEN))}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A policy of the arena with random weights, and demonstrations of another task for replay."""
    folder = tmp_path_factory.mktemp("studio")
    world = WorldConfig(size=64, horizon=15)
    for _ in collect(Collection("arena", (SEEN,), 12, 1000, config=world), folder / "data"):
        pass
    torch.manual_seed(0)
    Cloner(CloningNetwork(64, 2, 2), 5, WORDS).save(folder / "policy.safetensors")
    data = (folder / "data",)
    return CloningStudioConfig(folder / "policy.safetensors", data, steps=2, world="arena", camera="top", horizon=6)


@pytest.fixture(autouse=True)
def trainings(monkeypatch):
    """Sentences that need no encoder; and what each training learns from, goes on from and favours."""
    monkeypatch.setattr(cloning, "SentenceEncoder", lambda known=None: SentenceEncoder({**WORDS, **(known or {})}))
    seen = []

    class Training(cloning.CloningTraining):
        def __init__(self, episodes, camera, config, folder, command, start, favoured, own):
            seen.append((episodes, start, favoured))
            super().__init__(episodes, camera, config, folder, command, start, favoured, own)

    monkeypatch.setattr(module, "CloningTraining", Training)
    return seen


def loop(config, folder, keep, iterations=2, **more):
    settings = SailConfig(TASK, iterations, rollouts=3, goals=2, batch=3, frames=1, **more)
    return SailLoop(CloningStudio(config), keep, settings, folder, str(config))


def weights(path):
    return Cloner.load(path).network.state_dict()


def test_a_policy_acts_and_clones_all_that_was_kept_beside_the_demonstrations(config, tmp_path, trainings):
    run = loop(config, tmp_path, KeepAll())
    reports = list(run.run())
    assert [(r.collected, r.kept, r.planner) for r in reports[:2]] == [(3, 3, "first"), (3, 3, "bold")]
    learned = [[e.info.task for e in episodes] for episodes, _, _ in trainings]
    assert [(tasks.count(TASK), tasks.count(SEEN)) for tasks in learned] == [(3, 12), (6, 12)]
    assert [favoured for _, _, favoured in trainings] == [(TASK, config.share)] * 2
    path = CloningStudio(config).files(run.models(2))["cloning"]
    assert path.parent == run.models(2) and set(WORDS) <= set(Cloner.load(path).trained)


def test_every_training_begins_with_the_first_policy(config, tmp_path, trainings):
    list(loop(config, tmp_path, KeepAll()).run())
    first = weights(config.policy)
    assert len(trainings) == 2
    for _, start, _ in trainings:
        assert all(torch.equal(value, first[name]) for name, value in start.network.state_dict().items())


def test_where_nothing_was_kept_the_first_policy_stays(config, tmp_path, trainings):
    run = loop(config, tmp_path, KeepSuccesses(), 1)
    assert [report.kept for report in run.run()] == [0, 0] and not trainings
    after, first = weights(CloningStudio(config).files(run.models(1))["cloning"]), weights(config.policy)
    assert all(torch.equal(value, first[name]) for name, value in after.items())


def test_of_play_the_end_is_cloned(config, tmp_path, trainings):
    run = loop(dataclasses.replace(config, play="rummage", tail=3), tmp_path, KeepAll(), 1, explored=2)
    list(run.run())
    own = [e for e in trainings[0][0] if e.info.task == TASK]
    assert sorted((e.info.behaviour, e.info.steps) for e in own) == [("planner", 6), ("rummage", 3), ("rummage", 3)]


def test_a_demonstration_of_the_new_task_is_not_cloned(config, tmp_path):
    for _ in collect(Collection("arena", (TASK,), 1, 1000, config=WorldConfig(size=64, horizon=15)), tmp_path / "d"):
        pass
    cheating = dataclasses.replace(config, data=(*config.data, tmp_path / "d"))
    with pytest.raises(InvalidValue, match="'orange-box' is a novel task"):
        list(loop(cheating, tmp_path / "loop", KeepAll()).run())


def test_a_camera_that_a_judge_looks_through_as_well_is_there_once(config):
    world = CloningStudio(dataclasses.replace(config, views=("top",))).world(TASK, goes_on=True)
    assert world.cameras == ("top",)
    world.close()


def test_rollouts_of_a_policy_are_files_like_any_others(config, tmp_path):
    run = loop(config, tmp_path, KeepAll(), 1)
    list(run.run())
    found = [read_episode(path) for path in find_episodes(run.place(0) / "rollouts")]
    assert [(e.info.behaviour, e.info.task) for e in found] == [("planner", TASK)] * 3


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"data": ()}, "data of the first training for replay, got no folder"),
        ({"steps": 0}, "CloningStudioConfig.steps must be at least 1, got 0"),
        ({"rate": np.nan}, "CloningStudioConfig.rate must be finite and positive, got nan"),
        ({"share": 1.0}, r"CloningStudioConfig.share must lie in \(0, 1\), got 1.0"),
        ({"play": "expert"}, "CloningStudioConfig.play must be one of play, rummage, tinker, got 'expert'"),
        (
            {"play": "tinker", "world": "arena"},
            "CloningStudioConfig.play 'tinker' needs the world 'manipulation', where things move, got 'arena'",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(config, given, reason):
    with pytest.raises(InvalidValue, match=reason):
        dataclasses.replace(config, **given)


def test_missing_weights_name_the_command_that_makes_them(config, tmp_path):
    with pytest.raises(MissingModel, match=r"none\.safetensors.*pronk train cloning"):
        CloningStudio(dataclasses.replace(config, policy=tmp_path / "none.safetensors")).planner(None)
