import dataclasses

import numpy as np
import pytest
from recorded_episodes import wandering

from controllers.errors import InvalidValue

torch = pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")

from policies.training_state import STATE  # noqa: E402
from policies.video.inverse_model import InverseConfig, InverseModel  # noqa: E402
from policies.video.inverse_training import BEST, InverseTraining, InverseTrainingConfig, split  # noqa: E402

SMALL = InverseTrainingConfig(steps=200, batch=32, rate=3e-3, every=100, channels=8, strides=(1, 5))


@pytest.fixture(scope="module")
def episodes():
    torch.set_num_threads(1)
    return wandering(40)


@pytest.fixture(scope="module")
def trained(episodes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inverse")
    training = InverseTraining(episodes, "top", SMALL, folder, "made by a test")
    return folder, list(training.run())


def test_it_learns_what_moved(trained, episodes):
    folder, progress = trained
    still = np.median([np.linalg.norm(e.pose[3:, :2] - e.pose[:-3, :2], axis=1) for e in episodes])
    assert progress[-1].best_m < 0.35 * still
    model, last = InverseModel.load(folder / BEST), episodes[9]
    told = model.infer(last.images["top"][:-4], last.images["top"][4:])
    true = last.pose[4:, :2] - last.pose[:-4, :2]
    assert np.corrcoef(told.displacement.ravel(), true.ravel())[0, 1] > 0.9
    # It knows roughly how far off it is.
    assert 0.3 < np.mean(np.abs(told.displacement - true) / told.deviation) < 3.0


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(episodes, tmp_path):
    config = dataclasses.replace(SMALL, steps=12, every=4)
    whole = InverseTraining(episodes, "top", config, tmp_path / "whole")
    numbers = [step.loss for step in whole.run()]
    cut = InverseTraining(episodes, "top", config, tmp_path / "cut").run()
    assert next(cut).loss == numbers[0]
    again = InverseTraining(episodes, "top", config, tmp_path / "cut")
    assert again.step == 4
    assert [step.loss for step in again.run()] == pytest.approx(numbers[1:], rel=1e-5)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_weights(episodes, tmp_path):
    training = InverseTraining(episodes, "top", dataclasses.replace(SMALL, steps=8, every=4), tmp_path)
    run = training.run()
    next(run)
    good = (tmp_path / BEST).read_bytes()
    with torch.no_grad():
        training.model.move.bias.fill_(torch.nan)
    with pytest.raises(InvalidValue, match=r"the loss is nan in step 4; inverse\.safetensors holds"):
        next(run)
    assert (tmp_path / BEST).read_bytes() == good


def test_another_training_in_the_same_folder_is_refused(trained, episodes):
    assert (trained[0] / STATE).exists()
    with pytest.raises(InvalidValue, match=r"holds another training .* choose another folder"):
        InverseTraining(episodes, "top", dataclasses.replace(SMALL, seed=1), trained[0])


def test_weights_come_back_and_damaged_ones_do_not(tmp_path):
    model = InverseModel(InverseConfig(32, 8, 2))
    model.save(tmp_path / "w.safetensors")
    pictures = np.random.default_rng(0).integers(0, 255, (2, 3, 32, 32, 3)).astype(np.uint8)
    first, second = model.infer(*pictures), InverseModel.load(tmp_path / "w.safetensors").infer(*pictures)
    # Half precision.
    assert first.displacement == pytest.approx(second.displacement, abs=2e-5)
    from policies.checkpoints import load_arrays, save_arrays

    arrays, texts = load_arrays(tmp_path / "w.safetensors")
    save_arrays(tmp_path / "w.safetensors", arrays, {**texts, "width": "3"})
    with pytest.raises(InvalidValue, match="holds no inverse dynamics"):
        InverseModel.load(tmp_path / "w.safetensors")


def test_pictures_of_another_size_are_refused():
    with pytest.raises(InvalidValue, match=r"pictures before must be bytes of shape \(B, 32, 32, 3\), got uint8"):
        InverseModel(InverseConfig(32, 8, 2)).infer(
            np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 16, 16, 3), np.uint8)
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: InverseConfig(size=60), "InverseConfig.size must be a multiple of 16, got 60"),
        (lambda: InverseTrainingConfig(steps=0), "InverseTrainingConfig.steps must be at least 1, got 0"),
        (lambda: InverseTrainingConfig(rate=np.nan), "InverseTrainingConfig.rate must be finite and positive, got nan"),
        (lambda: split([1, 2], 3), "at least 3 episodes are needed to keep one for validation, got 2"),
    ],
)
def test_what_cannot_be_trained_is_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()


def test_a_share_of_each_batch_is_what_a_video_model_imagined(episodes, tmp_path, monkeypatch):
    from policies.video import inverse_training
    from policies.video.frame_pairs import PairBatch

    white = np.full((40, 32, 32, 3), 255, np.uint8)
    imagined = PairBatch(white, white, np.zeros((40, 2), np.float32), np.zeros(40, np.float32), np.zeros(40, bool))
    seen, true_loss = [], inverse_training.loss_of
    monkeypatch.setattr(inverse_training, "loss_of", lambda model, batch: seen.append(batch) or true_loss(model, batch))
    config = dataclasses.replace(SMALL, steps=2, imagined_share=0.25)
    start = InverseModel(InverseConfig(32, 8, 2))
    training = InverseTraining(episodes, "top", config, tmp_path, start=start, imagined=imagined)
    for mine, theirs in zip(training.model.parameters(), start.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    list(training.run())
    # Tinted, but without any structure: no picture of the episodes is like that.
    flat = [batch.before.reshape(32, -1, 3).std(axis=1).max(axis=1) == 0.0 for batch in seen]
    assert len(seen) == 2 and all(f.sum() == 8 and f[-8:].all() for f in flat)
