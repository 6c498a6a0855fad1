"""Words that point at one of many like things, and things that fade without passing through a token."""

import numpy as np
import pytest
from recorded_episodes import wandering

from controllers.errors import InvalidValue
from policies.text import SentenceEncoder
from policies.video.clips import Clips
from policies.video.latent_space import fit_space

torch = pytest.importorskip("torch", reason="torch is not installed")

from dataclasses import replace  # noqa: E402

from policies.video import flow_training  # noqa: E402
from policies.video.fitting import FitConfig  # noqa: E402
from policies.video.flow_model import FlowModel  # noqa: E402
from policies.video.flow_network import FlowNetwork, FlowNetworkConfig  # noqa: E402
from policies.video.flow_training import FlowTraining, FlowTrainingConfig  # noqa: E402

SIZE, RANK, FRAMES, SIDE = 32, 12, 2, 4
COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30)}
WORDS = {name: np.eye(384, dtype=np.float32)[i] for i, name in enumerate(COLOURS)}


@pytest.fixture(autouse=True)
def known_words(monkeypatch):
    """Sentences that need no encoder."""
    monkeypatch.setattr(
        flow_training, "SentenceEncoder", lambda known=None: SentenceEncoder({**WORDS, **(known or {})})
    )


def floor(places):
    """A grey floor with a patch of each colour."""
    picture = np.full((SIZE, SIZE, 3), 150, np.uint8)
    for name, (row, column) in places.items():
        picture[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = COLOURS[name]
    return picture


def told(count):
    """Episodes in which the patch of the colour that was named turns black in the end."""
    episodes = []
    for seed, base in enumerate(wandering(count, size=SIZE, steps=6)):
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(SIDE * SIDE)[: len(COLOURS)]
        places = {name: divmod(int(cell), SIDE) for name, cell in zip(COLOURS, chosen, strict=True)}
        goal = list(COLOURS)[seed % len(COLOURS)]
        images = np.repeat(floor(places)[None], 7, axis=0)
        row, column = places[goal]
        images[-1, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 0
        episodes.append(replace(base, info=replace(base.info, instruction=goal, task=goal), images={"top": images}))
    return episodes


def config(**given):
    fit = FitConfig(steps=2, batch=8, every=1, average=2, warmup=1)
    floor_like = {"pointing": 8, "square": 1, "fading": 1, "pointing_steps": 150, "turns": True}
    return FlowTrainingConfig(fit, FRAMES, 2, 16, 1, held_out=6, shift=0, **{**floor_like, **given})


def space(episodes):
    return fit_space([Clips(episodes, "top", FRAMES, 2)], RANK)


def test_words_learn_to_point_at_the_thing_that_they_name_wherever_it_is(tmp_path):
    episodes = told(36)
    training = FlowTraining(episodes, "top", space(episodes), config(), tmp_path)
    list(training.run())
    model = FlowModel.load(tmp_path / flow_training.BEST)
    assert (model.network.config.pointing, model.network.config.square, model.network.config.fading) == (8, 1, 1)
    places = {"red": (0, 3), "blue": (2, 1), "green": (3, 3)}
    seen = model.see(floor(places)[None])
    for name, (row, column) in places.items():
        scores = model.network.point(seen, torch.from_numpy(WORDS[name][None]), torch.ones(1))[0]
        assert scores.shape == (SIDE * SIDE, 1) and int(scores.argmax()) == row * SIDE + column


def test_without_words_nothing_is_preferred_by_what_they_would_mean(tmp_path):
    torch.manual_seed(0)
    network = FlowNetwork(FlowNetworkConfig(SIZE, FRAMES, RANK, 16, 1, pointing=8, square=2))
    seen, silent = network.see(torch.rand(2, 3, SIZE, SIZE)), torch.zeros(2)
    first, second = (
        network.point(seen, torch.from_numpy(np.stack([WORDS[name]] * 2)), silent) for name in ("red", "blue")
    )
    assert first.shape == (2, 4, 4) and torch.equal(first, second)


@pytest.mark.parametrize("square", [1, 2])
def test_what_may_fade_is_what_the_codec_makes_of_the_present(square):
    episodes = told(6)
    shared = space(episodes)
    network = FlowNetwork(FlowNetworkConfig(SIZE, FRAMES, RANK, 16, 1, square=square, fading=1))
    network.know(*(torch.from_numpy(part) for part in (shared.codec.mean, shared.codec.basis, shared.scale)))
    pictures = np.stack([episode.images["top"][0] for episode in episodes])
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255.0
    with torch.no_grad():
        # Nothing else is said at first, so that what fades by half is minus half of the present.
        network.fade.bias.zero_()
        out = network(
            torch.zeros(6, FRAMES * RANK, SIDE, SIDE), torch.ones(6), network.see(tensor), torch.zeros(6, 384),
            torch.ones(6),
        )  # fmt: skip
    present = shared.codec.encode(pictures) / shared.scale[:, None, None]
    for frame in range(FRAMES):
        assert out[:, frame * RANK : (frame + 1) * RANK].numpy() == pytest.approx(-0.5 * present, abs=2e-3)


def test_a_model_from_before_there_was_pointing_still_loads(tmp_path):
    episodes = told(6)
    network = FlowNetwork(FlowNetworkConfig(SIZE, FRAMES, RANK, 16, 1))
    FlowModel(network, space(episodes), 2, WORDS).save(tmp_path / "model.safetensors")
    from policies.checkpoints import load_arrays, save_arrays

    arrays, texts = load_arrays(tmp_path / "model.safetensors")
    old = {name: text for name, text in texts.items() if name not in ("pointing", "square", "fading")}
    save_arrays(tmp_path / "old.safetensors", arrays, old, kind="F16")
    assert FlowModel.load(tmp_path / "old.safetensors").network.config == network.config


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pointing": -1}, "FlowNetworkConfig.pointing must be at least 0, got -1"),
        ({"square": 0}, "FlowNetworkConfig.square must be at least 1, got 0"),
        ({"square": 3}, "FlowNetworkConfig.square must divide 8 patches, got 3"),
        ({"fading": 2}, "FlowNetworkConfig.fading must be 0 or 1, got 2"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(given, message):
    with pytest.raises(InvalidValue, match=message):
        FlowNetworkConfig(**given)
