import dataclasses

import numpy as np
import pytest

from controllers.errors import InvalidValue, MissingModel
from policies.checkpoints import load_weights
from policies.sail.filters import KeepAll, KeepSuccesses
from policies.sail.loop import SailConfig, SailLoop
from policies.text import SentenceEncoder
from policies.video.clips import Clips
from policies.video.latent_space import fit_space
from sim.collection import Collection, collect
from sim.episodes import find_episodes, read_episode
from sim.image_world import WorldConfig
from sim.world_tasks import instruction_of

torch = pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")

from policies.sail import video_studio as module  # noqa: E402
from policies.sail.video_studio import MEAN, StudioConfig, VideoStudio  # noqa: E402
from policies.video import flow_training  # noqa: E402
from policies.video.flow_model import FlowModel, encoder_of  # noqa: E402
from policies.video.flow_network import FlowNetwork, FlowNetworkConfig  # noqa: E402
from policies.video.flow_training import FlowTrainingConfig  # noqa: E402
from policies.video.inverse_model import InverseConfig, InverseModel  # noqa: E402

TASK, SEEN = "orange-box", "red-box"
WORDS = {instruction_of("arena", task): np.eye(384, dtype=np.float32)[i] for i, task in enumerate((TASK, SEEN))}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Tiny models of the arena with random weights, and demonstrations of another task for replay."""
    folder = tmp_path_factory.mktemp("studio")
    world = WorldConfig(size=64, horizon=15)
    for _ in collect(Collection("arena", (SEEN,), 12, 1000, config=world), folder / "data"):
        pass
    episodes = [read_episode(path) for path in find_episodes(folder / "data")]
    space = fit_space([Clips(episodes[:3], "top", 2, 2)], 4)
    torch.manual_seed(0)
    network = FlowNetwork(FlowNetworkConfig(64, 2, 4, 16, 1))
    FlowModel(network.eval(), space, 2, WORDS).save(folder / "video.safetensors")
    InverseModel(InverseConfig(64, 8, 2, 0.1)).save(folder / "inverse.safetensors")
    return StudioConfig(
        folder / "video.safetensors",
        folder / "inverse.safetensors",
        (folder / "data",),
        world="arena",
        camera="top",
        horizon=6,
        video_steps=2,
        inverse_steps=2,
        imagined=4,
        imagined_frames=1,
    )


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Sentences that need no encoder, and small batches."""
    monkeypatch.setattr(
        flow_training, "SentenceEncoder", lambda known=None: SentenceEncoder({**WORDS, **(known or {})})
    )
    monkeypatch.setattr(
        module,
        "FlowTrainingConfig",
        lambda fit, **more: FlowTrainingConfig(dataclasses.replace(fit, batch=4), frames=2, **more),
    )


def loop(config, folder, keep, iterations=1):
    settings = SailConfig(TASK, iterations, rollouts=3, goals=2, batch=3, seen_tasks=(SEEN,), seen_goals=1)
    return SailLoop(VideoStudio(config), keep, settings, folder, str(config))


def test_both_models_are_trained_on_and_the_next_planner_is_made_of_them(config, tmp_path):
    run = loop(config, tmp_path, KeepAll())
    reports = list(run.run())
    assert [(r.collected, r.kept) for r in reports] == [(3, 3), (0, 0)]
    folder = run.models(1)
    video, first = FlowModel.load(folder / "video" / "video.safetensors"), FlowModel.load(config.video)
    # It knows the new instruction by heart beside the old ones.
    assert set(WORDS) <= set(video.trained) and encoder_of([video]).known
    for name, tensor in first.network.state_dict().items():
        assert video.network.state_dict()[name].shape == tensor.shape
    inverse = InverseModel.load(folder / "inverse" / "inverse.safetensors")
    images = np.stack([read_episode(path).images["top"][0] for path in run.rollouts(0)])
    assert np.isfinite(inverse.infer(images, images[::-1]).displacement).all()
    assert all(
        0.0 <= plan.confidence <= 1.0
        for plan in VideoStudio(config)
        .planner(folder)
        .plan_all(images, [instruction_of("arena", TASK)] * 3, [np.random.default_rng(i) for i in range(3)])
    )


def test_without_anything_to_learn_from_the_video_model_stays_and_inverse_dynamics_goes_on(config, tmp_path):
    run = loop(config, tmp_path, KeepSuccesses())
    reports = list(run.run())
    assert reports[0].kept == 0 and reports[0].collected == 3
    assert (run.models(1) / "video" / "video.safetensors").read_bytes() == config.video.read_bytes()
    assert (run.models(1) / "inverse" / "inverse.safetensors").read_bytes() != config.inverse.read_bytes()


def test_the_planner_is_the_mean_of_all_fine_tunings_unless_the_last_one_is_wanted(config, tmp_path):
    run = loop(config, tmp_path / "mean", KeepAll(), 2)
    list(run.run())
    one, two = (run.place(i) / "models" for i in (0, 1))
    for part, name in (("video", "video"), ("inverse", "inverse")):
        first, fresh, mean = (
            load_weights(path, "")[0]
            for path in (one / part / f"{name}.safetensors", two / part / f"{name}.safetensors", two / part / MEAN)
        )
        moved = 0
        for key, value in mean.items():
            moved += not np.array_equal(first[key], fresh[key])
            assert value == pytest.approx(0.5 * (first[key] + fresh[key]), abs=2e-3), key
        assert moved > 3
    images = np.stack([read_episode(path).images["top"][0] for path in run.rollouts(0)])
    words, rngs = [instruction_of("arena", TASK)] * 3, [np.random.default_rng(i) for i in range(3)]
    last = dataclasses.replace(config, average=False)
    by_mean, by_last = (VideoStudio(c).planner(two).plan_all(images, words, rngs) for c in (config, last))
    assert not np.array_equal(by_mean[0].displacement, by_last[0].displacement)


def test_cautious_models_are_the_video_model_from_before_with_the_new_inverse_dynamics(config, tmp_path):
    run = loop(dataclasses.replace(config, video_rate=1e-2), tmp_path, KeepAll(), 2)
    list(run.run())
    bold, cautious = run.candidates(1)
    video, inverse = "video/mean.safetensors", "inverse/mean.safetensors"
    assert (cautious / video).read_bytes() == config.video.read_bytes() != (bold / video).read_bytes()
    assert (cautious / inverse).read_bytes() == (bold / inverse).read_bytes() != config.inverse.read_bytes()
    # Of the second training it is what the better of the two imagined with.
    assert (run.candidates(2)[1] / video).read_bytes() == (run.models(1) / video).read_bytes()
    image = read_episode(run.rollouts(0)[0]).images["top"][:1]
    words, rng = [instruction_of("arena", TASK)], np.random.default_rng
    first, kept = (VideoStudio(config).planner(m).plan_all(image, words, [rng(0)])[0] for m in (None, cautious))
    assert np.array_equal(first.frames, kept.frames) and not np.array_equal(first.displacement, kept.displacement)


@pytest.fixture()
def imagined(monkeypatch):
    """What each training of the video model learns from, and what it favours."""
    seen = []

    class Training(module.FlowTraining):
        def __init__(self, episodes, *rest):
            seen.append((episodes, rest[-1]))
            super().__init__(episodes, *rest)

    monkeypatch.setattr(module, "FlowTraining", Training)
    return seen


def test_play_is_imagined_no_more_once_enough_went_straight(config, tmp_path, imagined):
    settings = SailConfig(TASK, 2, rollouts=3, goals=2, batch=3, explored=2)
    studio = VideoStudio(dataclasses.replace(config, play="play", straight=2, share=0.4))
    run = SailLoop(studio, KeepAll(), settings, tmp_path, "play")
    list(run.run())
    kinds = [[e.info.behaviour for e in episodes if e.info.task == TASK] for episodes, _ in imagined]
    collected = [[read_episode(path).info.behaviour for path in run.rollouts(i)] for i in range(2)]
    assert collected[0] == ["play", "play", "planner"] and sorted(kinds[0]) == ["planner", "play", "play"]
    straight = [kind for kind in collected[0] + collected[1] if kind != "play"]
    assert len(straight) >= 2 and sorted(kinds[1]) == sorted(straight)
    assert [favoured for _, favoured in imagined] == [(TASK, 0.4)] * 2
    with pytest.raises(InvalidValue, match=r"share must lie in \(0, 1\), got 1.0"):
        dataclasses.replace(config, share=1.0)


def test_of_play_that_succeeded_the_end_alone_is_imagined(config, tmp_path, imagined):
    settings = SailConfig(TASK, 1, rollouts=3, goals=2, batch=3, explored=2)
    studio = VideoStudio(dataclasses.replace(config, play="rummage", tail=3))
    run = SailLoop(studio, KeepAll(), settings, tmp_path, "play")
    list(run.run())
    whole = [read_episode(path) for path in run.rollouts(0)]
    assert [e.info.behaviour for e in whole] == ["rummage", "rummage", "planner"]
    assert [e.info.steps for e in whole] == [6, 6, 6]
    for episode, learned, steps in zip(whole, imagined[0][0][:3], (3, 3, 6), strict=True):
        assert learned.info.steps == steps and len(learned.images["top"]) == steps + 1
        assert np.array_equal(learned.images["top"], episode.images["top"][-steps - 1 :])
    with pytest.raises(InvalidValue, match="play must be one of play, rummage, tinker, got 'expert'"):
        dataclasses.replace(config, play="expert")
    with pytest.raises(InvalidValue, match=r"play needs no explorer, got 'play' and .*prior\.safetensors"):
        dataclasses.replace(config, play="play", explorer=tmp_path / "prior.safetensors")
    with pytest.raises(InvalidValue, match="'tinker' needs the world 'manipulation', where things move, got 'arena'"):
        dataclasses.replace(config, play="tinker")
    with pytest.raises(InvalidValue, match="tail must be at least 1, got 0"):
        dataclasses.replace(config, tail=0)


def test_what_a_planner_found_out_itself_may_be_learned_from_and_a_demonstration_of_the_new_task_may_not(
    config, tmp_path
):
    for _ in collect(Collection("arena", (TASK,), 1, 1000, config=WorldConfig(size=64, horizon=15)), tmp_path / "d"):
        pass
    cheating = dataclasses.replace(config, data=(*config.data, tmp_path / "d"))
    with pytest.raises(InvalidValue, match="'orange-box' is a novel task"):
        list(loop(cheating, tmp_path / "loop", KeepAll()).run())


def test_missing_weights_and_missing_data_are_told(config, tmp_path):
    with pytest.raises(InvalidValue, match="data of the first training for replay, got no folder"):
        dataclasses.replace(config, data=())
    with pytest.raises((InvalidValue, MissingModel), match=r"none\.safetensors"):
        VideoStudio(dataclasses.replace(config, video=tmp_path / "none.safetensors")).planner(None)


def test_an_explorer_imagines_alone_with_the_inverse_dynamics_of_the_loop(config, tmp_path):
    with pytest.raises(InvalidValue, match="rollouts that explore need the weights of an explorer, got none"):
        VideoStudio(config).planner(None, explore=True)
    other = FlowModel.load(config.video)
    torch.nn.init.normal_(other.network.leave.weight)
    other.save(tmp_path / "other.safetensors")
    studio = VideoStudio(dataclasses.replace(config, explorer=tmp_path / "other.safetensors"))
    image, words = (
        np.random.default_rng(1).integers(0, 255, (1, 64, 64, 3), dtype=np.uint8),
        (instruction_of("arena", TASK),),
    )
    own, explored, alone = (
        planner.plan_all(image, words, (np.random.default_rng(0),))[0].frames
        for planner in (
            studio.planner(None),
            studio.planner(None, explore=True),
            VideoStudio(dataclasses.replace(config, video=tmp_path / "other.safetensors")).planner(None),
        )
    )
    assert np.array_equal(explored, alone) and not np.array_equal(explored, own)
