import numpy as np
import pytest
from recorded_episodes import wandering

from controllers.errors import InvalidValue, MissingModel
from policies.text import SentenceEncoder

pytest.importorskip("torch", reason="torch is not installed")

from dataclasses import replace

from policies.video import cloning
from policies.video.cloning import Cloner, CloningConfig, CloningTraining, changed
from policies.video.fitting import FitConfig
from policies.video.shipped import load_planner, weights_of

WORDS = {"do": np.eye(384, dtype=np.float32)[0]}


@pytest.fixture(autouse=True)
def known_words(monkeypatch):
    """Sentences that need no encoder."""
    monkeypatch.setattr(cloning, "SentenceEncoder", lambda known=None: SentenceEncoder({**WORDS, **(known or {})}))


def homing(count=12, steps=12):
    """Episodes in which a spot goes to the middle, by a tenth of the way each step."""
    episodes = wandering(count, steps=steps)
    edge = (np.arange(32) + 0.5) / 32
    for seed, episode in enumerate(episodes):
        away = np.random.default_rng(seed).uniform(-0.1, 0.1, 2)
        episode.pose[:, :2] = 0.5 + away * 0.9 ** np.arange(steps + 1)[:, None]
        x, y = edge - episode.pose[:, :1], edge - episode.pose[:, 1:2]
        spot = np.exp(-(x[:, None, :] ** 2 + y[:, :, None] ** 2) / (2.0 * 0.06**2))
        episode.images["top"] = np.repeat((200.0 * spot).astype(np.uint8)[..., None], 3, axis=3)
    return episodes


def config(steps, every=40):
    fit = FitConfig(steps=steps, batch=16, every=every, average=10, rate=1e-3, warmup=5)
    return CloningConfig(fit, frames=2, steps_per_frame=3, tint=0.0, shift=0, held_out=4)


def test_a_cloned_policy_does_as_it_was_shown(tmp_path):
    episodes = homing()
    list(CloningTraining(episodes, "top", config(100, every=50), tmp_path).run())
    policy = Cloner.load(tmp_path / cloning.BEST)
    images = np.stack([episode.images["top"][0] for episode in episodes])
    plans = policy.plan_all(images, ["do"] * 12, [np.random.default_rng(0)] * 12)
    # The first three steps go by 1 - 0.9**3 of what is left, the next by 0.9**3 of that.
    share = 1.0 - 0.9**3
    wanted = np.stack([(0.5 - e.pose[0, :2]) * np.array([[share], [share * 0.9**3]]) for e in episodes])
    told = np.stack([plan.displacement for plan in plans])
    assert np.corrcoef(told.ravel(), wanted.ravel())[0, 1] > 0.8
    assert plans[0].steps_per_frame == 3 and plans[0].confidence == pytest.approx(1.0, abs=1e-3)
    assert np.array_equal(plans[0].frames[2], images[0])


def test_novel_tasks_are_not_cloned_and_black_pictures_refused(tmp_path):
    episodes = homing(6)
    info = replace(episodes[0].info, world="manipulation", task="drawer-close", behaviour="expert")
    with pytest.raises(InvalidValue, match="'drawer-close' is a novel task"):
        CloningTraining([replace(episodes[0], info=info), *episodes[1:]], "top", config(2), tmp_path)
    training = CloningTraining(episodes, "top", config(2), tmp_path)
    with pytest.raises(InvalidValue, match="the camera is covered or dead"):
        training.model.plan(np.zeros((32, 32, 3), np.uint8), "do", np.random.default_rng(0))


def test_a_favoured_task_is_drawn_as_often_as_it_is_told(tmp_path):
    episodes = homing(8)
    # The task of one in eight; the first is not held out.
    episodes[0] = replace(episodes[0], info=replace(episodes[0].info, task="new"))
    training = CloningTraining(episodes, "top", config(2), tmp_path, favoured=("new", 0.8))
    drawn = []
    training._compare = lambda data, chosen, rng: drawn.extend(data.task[chosen])
    rng = np.random.default_rng(0)
    for _ in range(100):
        training._loss(rng)
    # 1600 draws: five standard deviations are 0.05.
    assert np.mean(np.array(drawn) == "new") == pytest.approx(0.8, abs=0.05)


def test_a_policy_is_gone_on_from_if_it_fits(tmp_path):
    episodes = homing(6)
    first = CloningTraining(episodes, "top", config(2), tmp_path / "a").model
    on = CloningTraining(episodes, "top", replace(config(2), fit=replace(config(2).fit, seed=5)), tmp_path, start=first)
    for name, value in on.model.network.state_dict().items():
        assert value.equal(first.network.state_dict()[name])
    with pytest.raises(
        InvalidValue, match=r"must tell 1 intervals of 3 steps .*, got \(2, 2, 32, 3\), need \(1, 2, 32"
    ):
        CloningTraining(episodes, "top", replace(config(2), frames=1), tmp_path / "b", start=first)


def test_pictures_are_changed_one_by_one():
    images = np.repeat(np.random.default_rng(0).integers(0, 200, (1, 8, 8, 3), dtype=np.uint8), 30, axis=0)
    assert np.array_equal(changed(images, np.random.default_rng(0), 0.0, 0), images)
    moved = changed(images, np.random.default_rng(0), 0.0, 1)
    # One of nine shifts each.
    assert 5 <= len({image.tobytes() for image in moved}) <= 9


def test_missing_weights_name_the_command_that_makes_them(tmp_path):
    with pytest.raises(MissingModel, match="pronk train cloning"):
        load_planner("cloning", folder=tmp_path)
    with pytest.raises(MissingModel, match="pronk train video --variant in_domain"):
        load_planner("in_domain", folder=tmp_path)
    assert weights_of("inverse", "arena", tmp_path).name == "planner_arena_inverse.safetensors"
