from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_clips import SMALL, TASKS, VIEWS, by_view, toy_clip, toy_sentences

from controllers.errors import InvalidValue, MissingModel
from policies.rewards import reward_training
from policies.rewards.accuracy import separation
from policies.rewards.adaptation import AdaptationConfig, adapt
from policies.rewards.hop_batches import BatchConfig
from policies.rewards.learned_judge import LearnedJudge
from policies.rewards.reward_calibration import calibrate, choose_threshold, fit_chances
from policies.rewards.reward_model import Calibration, RewardModel, recalibrate
from policies.rewards.reward_training import WEIGHTS, RewardTraining, RewardTrainingConfig
from policies.rewards.reward_validation import validate
from policies.text import SentenceEncoder

BATCH = BatchConfig(clips=6, pairs=3, misfit=0.2, no_goal=0.2, parts=0.0)
CONFIG = RewardTrainingConfig(
    steps=8, rate=3e-3, every=4, validation_tasks=("slant",), network=SMALL, batch=BATCH, decay=0.0
)


def clips():
    return [toy_clip(task, seed=seed) for task in TASKS for seed in range(4)]


def encoder():
    return SentenceEncoder(toy_sentences(TASKS.values()))


def training(folder, config=CONFIG):
    return RewardTraining(clips(), encoder(), config, folder, "pronk train reward --seed 0")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    steps = list(training(folder, replace(CONFIG, steps=110, every=55)).run())
    return RewardModel.load(folder / WEIGHTS), steps


def test_a_training_that_was_stopped_ends_with_the_same_weights(tmp_path):
    whole = training(tmp_path / "whole")
    list(whole.run())
    first = training(tmp_path / "parts")
    next(iter(first.run()))
    second = training(tmp_path / "parts")
    assert second.step == 4
    list(second.run())
    one, two = whole.model.network.state_dict(), second.model.network.state_dict()
    assert all(torch.allclose(one[name], two[name], atol=1e-4) for name in one)
    assert all(torch.allclose(whole._average[name], second._average[name], atol=1e-4) for name in one)
    with pytest.raises(InvalidValue, match="holds another training"):
        training(tmp_path / "parts", replace(CONFIG, seed=1))


def test_a_loss_that_is_not_finite_ends_the_training_and_leaves_the_last_good_weights(tmp_path, monkeypatch):
    run = iter(training(tmp_path).run())
    next(run)
    good = (tmp_path / WEIGHTS).read_bytes()
    monkeypatch.setattr(reward_training, "loss_of", lambda answers, batch: answers.hop.sum() * float("nan"))
    with pytest.raises(InvalidValue, match=f"the loss is nan in step 4; {WEIGHTS} holds the last good weights"):
        next(run)
    assert (tmp_path / WEIGHTS).read_bytes() == good and RewardModel.load(tmp_path / WEIGHTS).config == SMALL


def test_training_learns_to_order_what_it_never_saw(trained):
    model, steps = trained
    assert steps[-1].loss < 0.85 * steps[0].loss
    # The task of these clips was not learned, and none of them is its own reference.
    score = validate(model, [c for c in clips() if c.task == "slant"], np.random.default_rng(1))
    assert score.order > 0.6


def test_a_model_comes_back_from_disk_in_half_precision(trained, tmp_path):
    model, _ = trained
    model.calibrated(Calibration(2.0, 0.5, 0.7)).save(tmp_path / "m.safetensors", {"command": "x"})
    back = RewardModel.load(tmp_path / "m.safetensors")
    assert back.config == model.config and back.calibration == Calibration(2.0, 0.5, 0.7)
    one = LearnedJudge(model).episode(by_view(toy_clip(seed=9)), TASKS["right"])
    two = LearnedJudge(back).episode(by_view(toy_clip(seed=9)), TASKS["right"])
    assert two.progress == pytest.approx(one.progress, abs=5e-3)
    recalibrate(tmp_path / "m.safetensors", Calibration(threshold=0.9))
    assert RewardModel.load(tmp_path / "m.safetensors").calibration.threshold == 0.9


def test_missing_and_damaged_weights_are_named(trained, tmp_path):
    with pytest.raises(MissingModel, match=r"none\.safetensors' are missing; this makes them: pronk train reward"):
        RewardModel.load(tmp_path / "none.safetensors")
    path = tmp_path / "m.safetensors"
    trained[0].save(path)
    data = bytearray(path.read_bytes())
    data[-3] ^= 0x40
    path.write_bytes(bytes(data))
    with pytest.raises(InvalidValue, match="is damaged: its hash is"):
        RewardModel.load(path)


def test_adaptation_brings_a_new_task_closer_and_leaves_the_model_as_it_was(trained):
    model, _ = trained
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    demonstration = toy_clip("slant", seed=20)
    adapted = adapt(model, demonstration, AdaptationConfig(steps=20, rate=4e-3, batch=BATCH))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.network.state_dict().items())
    # Pictures are encoded as before; only how they are compared has changed.
    assert all(torch.equal(before[n], t) for n, t in adapted.network.state_dict().items() if n.startswith("encoder"))
    others = [toy_clip("slant", seed=seed) for seed in (20, 21, 22, 23)]
    errors = [validate(m, others, np.random.default_rng(0)).error for m in (model, adapted)]
    assert errors[1] < errors[0]
    assert adapted.sentence(TASKS["slant"])[1] == 1.0


def test_what_is_no_demonstration_is_refused(trained):
    with pytest.raises(InvalidValue, match="a demonstration must begin before its success and show it"):
        adapt(trained[0], toy_clip(shares=[0.0, 0.5]))
    one = toy_clip()
    with pytest.raises(InvalidValue, match="a demonstration must show front, side, got 1 cameras"):
        adapt(trained[0], replace(one, images=one.images[:, :1]))


def test_chances_are_fitted_to_what_happened():
    rng = np.random.default_rng(0)
    logit = rng.normal(0.0, 3.0, 20000)
    # Truth: half as steep, and shifted by 1.
    happened = rng.uniform(size=len(logit)) < 1.0 / (1.0 + np.exp(-(logit - 1.0) / 2.0))
    temperature, shift = fit_chances(logit, happened)
    assert temperature == pytest.approx(2.0, rel=0.05) and shift == pytest.approx(1.0, abs=0.1)
    chance = Calibration(temperature, shift).success(logit)
    assert chance.mean() == pytest.approx(happened.mean(), abs=1e-3)


def test_even_a_perfect_detector_is_never_quite_sure_and_a_bad_one_is_made_flat():
    temperature, _ = fit_chances([-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1])
    assert 0.0 < temperature < np.inf
    temperature, _ = fit_chances([2.0, 1.0, -1.0, -2.0], [0, 0, 1, 1])
    assert temperature == pytest.approx(100.0)
    with pytest.raises(InvalidValue, match="both outcomes are needed to calibrate, got 0 successes of 2"):
        fit_chances([1.0, 2.0], [0, 0])


def test_a_threshold_lets_one_in_a_hundred_through():
    chance = np.concatenate([np.linspace(0.0, 0.8, 200), np.full(10, 0.95)])
    happened = np.arange(210) >= 200
    threshold = choose_threshold(chance, happened)
    assert (chance[:200] > threshold).sum() == 2 and threshold > 0.5
    assert choose_threshold([0.1, 0.2, 0.9], [0, 0, 1]) == 0.5


def test_calibration_makes_chances_that_come_true(tmp_path):
    list(training(tmp_path, replace(CONFIG, steps=220, every=110)).run())
    model = RewardModel.load(tmp_path / WEIGHTS)
    found = calibrate(model, clips(), np.random.default_rng(0))
    judge, chances, happened = LearnedJudge(model.calibrated(found)), [], []
    goal = {view: toy_clip("right", seed=30).images[-1, i] for i, view in enumerate(VIEWS)}
    for seed in range(31, 35):
        clip = toy_clip("right", seed=seed)
        chances.append(judge.episode(by_view(clip), TASKS["right"], goal).success)
        happened.append(clip.success)
    chance, done = np.concatenate(chances), np.concatenate(happened)
    assert chance[done].mean() > chance[~done].mean() + 0.1
    # Nearly every state in which it is done has a greater chance than nearly every other.
    assert separation(chance, done) > 0.9
    assert chance.mean() == pytest.approx(done.mean(), abs=0.15)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"steps": 0}, "steps must be at least 1, got 0"), ({"rate": float("nan")}, "rate must be finite and positive")],
)
def test_settings_that_cannot_train_are_refused(change, message):
    with pytest.raises(InvalidValue, match=rf"RewardTrainingConfig\.{message}"):
        RewardTrainingConfig(**change)
    with pytest.raises(InvalidValue, match=rf"AdaptationConfig\.{message}"):
        AdaptationConfig(**change)
