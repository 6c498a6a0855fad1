from functools import cache

import numpy as np
import pytest
from recorded_episodes import wandering

from controllers.errors import InvalidValue, MissingModel
from policies.text import SentenceEncoder
from policies.video.adaptation import IN_DOMAIN, IPA, PA, UNIT_SUM, Adaptation
from policies.video.clips import Clips
from policies.video.latent_space import fit_space

torch = pytest.importorskip("torch", reason="torch is not installed")

from dataclasses import replace  # noqa: E402

from policies.video import flow_training  # noqa: E402
from policies.video.adapted_video import AdaptedVideo  # noqa: E402
from policies.video.fitting import FitConfig  # noqa: E402
from policies.video.flow_model import FlowModel  # noqa: E402
from policies.video.flow_network import FlowNetwork, FlowNetworkConfig  # noqa: E402
from policies.video.flow_training import FlowTraining, FlowTrainingConfig  # noqa: E402
from policies.video.planner import check_request  # noqa: E402
from pronk.cli import main  # noqa: E402
from sim.episodes import write_episode  # noqa: E402

SIZE, RANK, FRAMES = 32, 6, 3
WORDS = {"do": np.eye(384, dtype=np.float32)[0], "other": np.eye(384, dtype=np.float32)[1]}


@pytest.fixture(autouse=True)
def known_words(monkeypatch):
    """Sentences that need no encoder."""
    monkeypatch.setattr(
        flow_training, "SentenceEncoder", lambda known=None: SentenceEncoder({**WORDS, **(known or {})})
    )


@cache
def drifting(count=12, steps=20):
    """Episodes in which a spot goes to the right at a constant speed."""
    episodes = wandering(count, size=SIZE, steps=steps)
    edge = (np.arange(SIZE) + 0.5) / SIZE
    for seed, episode in enumerate(episodes):
        rng = np.random.default_rng(seed)
        x = rng.uniform(0.1, 0.3) + 0.025 * np.arange(steps + 1)
        y = np.full(steps + 1, rng.uniform(0.2, 0.8))
        spot = np.exp(-((edge - x[:, None])[:, None] ** 2 + (edge - y[:, None])[:, :, None] ** 2) / (2 * 0.08**2))
        episode.images["top"] = np.repeat((200.0 * spot).astype(np.uint8)[..., None], 3, axis=3)
    return episodes


@cache
def shared_space():
    return fit_space([Clips(drifting(3), "top", FRAMES, 2)], RANK)


def config(steps=20, **fit):
    fitting = FitConfig(**{"steps": steps, "batch": 8, "every": 10, "average": 10, "rate": 3e-3, "warmup": 5, **fit})
    return FlowTrainingConfig(fitting, FRAMES, 2, width=32, depth=1, tint=0.0, shift=0, held_out=4)


def model(seed=0, known=None):
    torch.manual_seed(seed)
    network = FlowNetwork(FlowNetworkConfig(SIZE, FRAMES, RANK, 32, 1))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return FlowModel(network.eval(), shared_space(), 2, WORDS if known is None else known)


def images(count=2):
    return np.stack([episode.images["top"][5] for episode in drifting(count)])


def rngs(count=2):
    return [np.random.default_rng(i) for i in range(count)]


def test_a_network_learns_where_things_go(tmp_path):
    episodes = drifting()
    training = FlowTraining(episodes, "top", shared_space(), config(120, every=60), tmp_path)
    first, last = training.run()
    video = AdaptedVideo(FlowModel.load(tmp_path / flow_training.BEST), None, Adaptation(IN_DOMAIN))
    now = episodes[3].images["top"][2:3]
    imagined = video.imagine(now, ["do"], rngs(1))[0].astype(float)
    true = episodes[3].images["top"][[4, 6, 8]].astype(float)
    # Nearer to what came than the present is, which a model that imagines nothing would show.
    assert np.square(imagined - true).mean() < 0.5 * np.square(now.astype(float) - true).mean()
    assert last.error <= first.error and last.best == min(first.error, last.error)


def test_a_training_that_was_stopped_ends_as_one_that_was_not(tmp_path):
    episodes = drifting(6)
    whole = FlowTraining(episodes, "top", shared_space(), config(), tmp_path / "whole")
    wanted = list(whole.run())
    stopped = FlowTraining(episodes, "top", shared_space(), config(), tmp_path / "parts")
    next(stopped.run())
    resumed = FlowTraining(episodes, "top", shared_space(), config(), tmp_path / "parts")
    assert resumed.step == 10
    found = list(resumed.run())
    assert found[-1].error == pytest.approx(wanted[-1].error, rel=1e-4)
    with pytest.raises(InvalidValue, match="holds another training"):
        FlowTraining(episodes, "top", shared_space(), config(30), tmp_path / "parts")


def test_a_loss_that_is_not_finite_stops_the_training_and_keeps_the_last_weights(tmp_path, monkeypatch):
    episodes = drifting(6)
    training = FlowTraining(episodes, "top", shared_space(), config(), tmp_path)
    run = training.run()
    next(run)
    kept = (tmp_path / flow_training.BEST).read_bytes()
    with torch.no_grad():
        training.model.network.leave.bias.fill_(float("nan"))
    with pytest.raises(InvalidValue, match="the loss is nan in step 10; the last good weights are kept"):
        next(run)
    assert (tmp_path / flow_training.BEST).read_bytes() == kept


def test_novel_tasks_are_refused_but_for_what_a_planner_found_out_itself(tmp_path):
    episodes = drifting(6)
    for behaviour in ("expert", "planner"):
        info = replace(episodes[0].info, world="manipulation", task="drawer-close", behaviour=behaviour)
        mixed = [replace(episodes[0], info=info), *episodes[1:]]
        own = replace(config(), own=("planner",))
        if behaviour == "planner":
            FlowTraining(mixed, "top", shared_space(), own, tmp_path)
            own = config()
        with pytest.raises(InvalidValue, match="'drawer-close' is a novel task"):
            FlowTraining(mixed, "top", shared_space(), own, tmp_path)


def test_a_training_goes_on_from_a_model(tmp_path):
    episodes, start = drifting(6), model()
    training = FlowTraining(episodes, "top", start.space, config(), tmp_path, start=start)
    for mine, theirs in zip(training.model.network.parameters(), start.network.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert set(training.model.trained) == {"do", "other"}


def test_the_command_needs_a_codec_unless_it_goes_on_from_a_model(tmp_path, capsys):
    for number, episode in enumerate(wandering(12, size=SIZE, steps=45)):
        write_episode(tmp_path / "data" / f"{number}.safetensors", episode)
    space = fit_space([Clips(wandering(2, size=SIZE, steps=45), "top", 8, 5)], RANK)
    network = FlowNetwork(FlowNetworkConfig(SIZE, 8, RANK, 32, 1))
    FlowModel(network.eval(), space, 5, WORDS).save(tmp_path / "first")
    words = f"train video --data {tmp_path / 'data'} --camera top --budget 1 --out {tmp_path / 'out'}".split()
    assert main(words) == 2
    assert "needs --codec" in capsys.readouterr().err
    assert main([*words, "--start", str(tmp_path / "first")]) == 0
    trained = FlowModel.load(tmp_path / "out" / "video.safetensors")
    for name, mine in trained.space.arrays().items():
        assert np.array_equal(mine, FlowModel.load(tmp_path / "first").space.arrays()[name])


def test_a_model_comes_back_from_its_file(tmp_path):
    first = model()
    first.save(tmp_path / "m", {"command": "by hand"})
    second = FlowModel.load(tmp_path / "m")
    told = [
        AdaptedVideo(m, None, Adaptation(IN_DOMAIN)).imagine(images(), ["do"] * 2, rngs()).astype(int)
        for m in (first, second)
    ]
    # Half precision changes hardly anything.
    assert np.abs(told[0] - told[1]).mean() < 1.0
    with pytest.raises(MissingModel, match="pronk train video"):
        FlowModel.load(tmp_path / "none")


def test_a_future_does_not_depend_on_who_else_imagines():
    video = AdaptedVideo(model(), None, Adaptation(IN_DOMAIN))
    together = video.imagine(images(3), ["do", "other", "do"], rngs(3)).astype(int)
    alone = video.imagine(images(3)[1:2], ["other"], rngs(3)[1:2]).astype(int)
    assert np.abs(together[1] - alone[0]).max() <= 1
    assert video.imagine(images(1), ["do"], rngs(1)).shape == (1, FRAMES, SIZE, SIZE, 3)


def test_a_model_added_to_itself_with_unit_weights_is_not_changed_and_with_published_ones_is():
    one = model()

    def imagined(adaptation, prior=None):
        return AdaptedVideo(one, prior, adaptation).imagine(images(), ["do"] * 2, rngs()).astype(int)

    alone = imagined(Adaptation(IN_DOMAIN))
    assert np.abs(imagined(Adaptation(UNIT_SUM, 1.0, 0.7), one) - alone).max() <= 1
    for form in (PA, IPA):
        assert np.abs(imagined(Adaptation(form, 1.0, 0.5), one) - alone).max() > 1


def test_another_prior_and_another_instruction_change_the_future():
    def imagined(prior, words="do", gamma=1.0):
        video = AdaptedVideo(model(), prior, Adaptation(UNIT_SUM, 1.0, gamma))
        return video.imagine(images(), [words] * 2, rngs()).astype(int)

    one = imagined(model(1))
    assert np.abs(one - imagined(model(2))).max() > 2 and not np.array_equal(one, imagined(model(1), "other"))
    random = FlowModel.random(model(), seed=0)
    assert np.abs(imagined(random) - imagined(FlowModel.random(model(), seed=1))).max() > 2


def test_a_cold_sampler_always_imagines_the_same_and_a_warm_one_does_not():
    def imagined(temperature, seed):
        video = AdaptedVideo(model(), None, Adaptation(IN_DOMAIN), temperature=temperature)
        return video.imagine(images(1), ["do"], [np.random.default_rng(seed)]).astype(int)

    assert np.array_equal(imagined(0.0, 0), imagined(0.0, 1))
    spread = [np.abs(imagined(t, 0) - imagined(t, 1)).mean() for t in (0.3, 1.0)]
    assert 0.0 < spread[0] < spread[1]
    with pytest.raises(InvalidValue, match=r"temperature of a sampler must lie in \[0, 1\], got 1.5"):
        imagined(1.5, 0)


def test_familiar_is_what_was_trained_on():
    video = AdaptedVideo(model(known={"do": WORDS["do"]}), None, Adaptation(IN_DOMAIN), encoder=SentenceEncoder(WORDS))
    assert video.familiarity("do") == pytest.approx(1.0) and video.familiarity("other") == pytest.approx(0.0)


def test_models_that_do_not_go_together_are_refused():
    other = model()
    other = FlowModel(other.network, replace(other.space, scale=2.0 * other.space.scale), 2, {})
    cases = [
        (
            lambda: AdaptedVideo(model(), other, Adaptation(UNIT_SUM)),
            "must have the same sizes, frames and latent",
        ),
        (lambda: AdaptedVideo(model(), None, Adaptation(UNIT_SUM)), "'unit_sum' needs the prior, got none"),
        (lambda: AdaptedVideo(None, model(), Adaptation(IN_DOMAIN)), "'in_domain' needs the in-domain model, got none"),
        (lambda: AdaptedVideo(model(), None, Adaptation(IN_DOMAIN), steps=9), "takes 1 to 8 steps, got 9"),
        (lambda: FlowModel(model().network, model().space, 0, {}), "steps_per_frame must be at least 1, got 0"),
        (lambda: FlowNetworkConfig(size=20), "FlowNetworkConfig.size must be a multiple of 16, got 20"),
        (lambda: check_request(images(), ["do"], rngs(), SIZE), "2 pictures, 1 instructions"),
        (lambda: FitConfig(batch=1), "FitConfig.batch must be at least 2, got 1"),
    ]
    for call, message in cases:
        with pytest.raises(InvalidValue, match=message):
            call()
