import json
import shutil
import socket

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_pipeline import make_pipeline

from controllers.errors import InvalidValue
from policies.video.open_pipeline import check_pipeline
from policies.video.open_video import OPEN, OpenVideo, OpenVideoConfig
from policies.video.shipped import load_planner

diffusers = pytest.importorskip("diffusers", reason="the extra 'video' is not installed")
pytest.importorskip("accelerate", reason="the extra 'video' is not installed")
pytest.importorskip("ftfy", reason="the extra 'video' is not installed")

SETTINGS = {"height": 32, "width": 48, "produced": 5, "frames": 2, "steps": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pipeline")
    make_pipeline().save_pretrained(place)
    (place / "pronk.json").write_text(json.dumps(SETTINGS))
    return place


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def model(folder):
    return OpenVideo.load(folder)


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def imagine(model, *seeds, words="open the drawer"):
    rngs = [np.random.default_rng(seed) for seed in seeds]
    return model.imagine(np.stack([picture()] * len(seeds)), [words] * len(seeds), rngs)


def index_of(folder, **changes):
    path = folder / "model_index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_pipeline_imagines_frames_that_its_seed_decides(model):
    both = imagine(model, 0, 1)
    assert both.shape == (2, 2, 64, 64, 3) and both.dtype == np.uint8
    assert np.array_equal(both[1], imagine(model, 1)[0]) and not np.array_equal(both[0], both[1])


def test_words_and_picture_reach_the_pipeline(model):
    usual = imagine(model, 0)
    assert not np.array_equal(usual, imagine(model, 0, words="close the window and sing"))
    other = model.imagine(picture(1)[None], ["open the drawer"], [np.random.default_rng(0)])
    assert not np.array_equal(usual, other)


def test_loading_and_imagining_do_not_go_on_the_network(folder, monkeypatch):
    def refuse(*_):
        raise AssertionError("somebody goes on the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert imagine(OpenVideo.load(folder), 0).shape == (1, 2, 64, 64, 3)


def test_an_open_model_and_our_inverse_dynamics_make_a_planner(folder):
    planner = load_planner(OPEN, pipeline=folder)
    plan = planner.plan(picture(), "open the drawer", np.random.default_rng(0))
    assert plan.frames.shape == (3, 64, 64, 3) and plan.displacement.shape == (2, 3)
    assert np.array_equal(plan.frames[0], picture()) and plan.confidence == 0.0


def test_damaged_weights_do_not_lead_to_a_plan(folder):
    broken = OpenVideo.load(folder)
    with torch.no_grad():
        next(iter(broken._pipeline.vae.decoder.parameters())).fill_(float("nan"))
    with pytest.raises(InvalidValue, match=r"WanImageToVideoPipeline imagined something that is not finite \(NaN\)"):
        imagine(broken, 0)


def test_a_size_that_the_pipeline_does_not_take_is_named(folder):
    model = OpenVideo.load(folder, OpenVideoConfig(**{**SETTINGS, "height": 33}))
    with pytest.raises(InvalidValue, match=r"WanImageToVideoPipeline cannot imagine: .*divisible by 16"):
        imagine(model, 0)


def test_weights_that_are_cut_off_are_refused(copy):
    path = copy / "transformer" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InvalidValue, match="holds no whole pipeline"):
        OpenVideo.load(copy)


@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_part_that_is_missing_is_refused(copy, part):
    shutil.rmtree(copy / part)
    with pytest.raises(InvalidValue, match="holds no whole pipeline"):
        OpenVideo.load(copy)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("text_encoder", r"text_encoder' lacks 1 of the weights of the model, such as encoder\.block"),
        ("transformer", "holds no whole pipeline"),
    ],
)
def test_weights_that_are_missing_are_not_made_up(copy, part, reason):
    path = next((copy / part).glob("*.safetensors"))
    kept = load_file(path)
    del kept[sorted(kept)[len(kept) // 2]]
    save_file(kept, path, {"format": "pt"})
    with pytest.raises(InvalidValue, match=reason):
        OpenVideo.load(copy)


def test_pickled_weights_are_not_read(copy):
    path = copy / "transformer" / "diffusion_pytorch_model.safetensors"
    path.unlink()
    torch.save({}, path.with_suffix(".bin"))
    with pytest.raises(InvalidValue, match="holds no whole pipeline"):
        OpenVideo.load(copy)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("StableVideoDiffusionPipeline", "makes? a video of a picture and words: it takes no prompt"),
        ("WanPipeline", "it takes no image"),
        ("StableDiffusionImg2ImgPipeline", "it takes no num_frames"),
        ("WanVACEPipeline", "it takes no image"),
        ("SingingPipeline", r"is of the pipeline SingingPipeline, which diffusers .* does not have"),
        (["pipeline.py", "Own"], "code beside weights is not run"),
    ],
)
def test_pipelines_of_another_kind_are_refused_before_their_weights_are_read(copy, name, reason):
    shutil.rmtree(copy / "transformer")
    index_of(copy, _class_name=name)
    with pytest.raises(InvalidValue, match=reason):
        OpenVideo.load(copy)


def test_an_index_that_tells_nothing_is_named(copy):
    (copy / "model_index.json").write_text("{}")
    with pytest.raises(InvalidValue, match="does not tell what pipeline it is of"):
        OpenVideo.load(copy)


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("WanImageToVideoPipeline", "image"),
        ("LTXImageToVideoPipeline", "image"),
        ("CogVideoXImageToVideoPipeline", "image"),
        ("HunyuanVideoImageToVideoPipeline", "image"),
        ("SkyReelsV2ImageToVideoPipeline", "image"),
        ("I2VGenXLPipeline", "image"),
        ("AnimateDiffSparseControlNetPipeline", "conditioning_frames"),
    ],
)
def test_the_families_that_make_videos_of_pictures_and_words_are_taken(name, takes):
    assert check_pipeline(getattr(diffusers, name))[0] == takes
