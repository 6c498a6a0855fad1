import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from controllers.errors import InvalidValue, MissingModel, UnknownName
from policies.text import WIDTH, SentenceEncoder
from policies.video.open_video import OPEN, OpenVideo, OpenVideoConfig, cut_picture, fit_picture
from policies.video.shipped import load_planner

SIZE = 32


def smooth(level=0.0, size=SIZE):
    """A picture without fine detail, which survives resizing."""
    rows, columns = np.meshgrid(np.linspace(0.0, 1.0, size), np.linspace(0.0, 1.0, size), indexing="ij")
    return np.rint(40.0 + 100.0 * np.stack([rows, columns, rows * columns], axis=-1) + 60.0 * level).astype(np.uint8)


class Fading:
    """Makes videos of its picture that grow brighter from frame to frame; remembers what it was told."""

    def __init__(self):
        self.asked = []

    def __call__(
        self,
        prompt,
        image,
        negative_prompt=None,
        height=48,
        width=80,
        num_frames=17,
        num_inference_steps=50,
        guidance_scale=7.0,
        generator=None,
        output_type="pil",
    ):
        self.asked.append({name: value for name, value in locals().items() if name != "self"})
        first = np.asarray(image, dtype=np.float32) / 255.0
        assert first.shape == (height, width, 3)
        frames = first + 0.2 * np.linspace(0.0, 1.0, num_frames)[:, None, None, None]
        return SimpleNamespace(frames=self.change(np.clip(frames, 0.0, 1.0)[None]))

    def change(self, frames):
        return frames


class Noisy(Fading):
    """Half of its noise is of the generator that it is given, half of torch's own."""

    def __call__(self, prompt, image, num_frames=17, num_inference_steps=5, generator=None, output_type="pil"):
        own, usual = (torch.rand((1, num_frames, *image.size, 3), generator=g) for g in (generator, None))
        return SimpleNamespace(frames=(0.5 * (own + usual)).numpy())


def video(pipeline=None, **given):
    return OpenVideo(pipeline or Fading(), OpenVideoConfig(**{"size": SIZE, "frames": 4, **given}))


def rngs(*seeds):
    return [np.random.default_rng(seed) for seed in seeds]


def test_frames_are_picked_evenly_behind_the_present_and_come_back_in_our_size():
    found = video().imagine(smooth()[None], ["fade"], rngs(0))
    assert found.shape == (1, 4, SIZE, SIZE, 3) and found.dtype == np.uint8
    # Of frames 0 … 16 those are 4, 8, 12, 16: a quarter, a half, three quarters and all of 0.2 of the range.
    for frame, share in zip(found[0], (0.25, 0.5, 0.75, 1.0), strict=True):
        inner = (frame.astype(float) - smooth().astype(float))[3:-3, 3:-3]
        assert np.abs(inner - 255.0 * 0.2 * share).max() < 2.5


def test_frames_that_cannot_be_even_are_the_nearest():
    pipeline = Fading()
    found = video(pipeline, produced=6, frames=2).imagine(smooth()[None], ["fade"], rngs(0))
    # Of frames 0 … 5 the middle would be 2.5; the last is always there.
    assert pipeline.asked[0]["num_frames"] == 6
    brighter = (found[0].astype(float) - smooth())[:, 5:-5, 5:-5].mean(axis=(1, 2, 3))
    assert brighter[1] == pytest.approx(51.0, abs=1.0) and brighter[0] / brighter[1] in (
        pytest.approx(0.4, abs=0.03),
        pytest.approx(0.6, abs=0.03),
    )


def test_a_pipeline_is_told_what_the_settings_say():
    pipeline = Fading()
    settings = {"steps": 3, "guidance": 2.5, "avoided": "blur", "template": "a robot arm: {instruction}!"}
    video(pipeline, **settings, height=64, width=96).imagine(smooth()[None], ["open it"], rngs(0))
    told = pipeline.asked[0]
    assert (told["num_inference_steps"], told["guidance_scale"], told["negative_prompt"]) == (3, 2.5, "blur")
    assert told["prompt"] == "a robot arm: open it!" and told["output_type"] == "np"
    assert told["image"].size == (96, 64)


def test_what_the_settings_leave_open_is_the_pipelines_own():
    pipeline = Fading()
    video(pipeline).imagine(smooth()[None], ["open it"], rngs(0))
    told = pipeline.asked[0]
    assert (told["guidance_scale"], told["negative_prompt"], told["num_frames"]) == (7.0, None, 17)
    assert (told["height"], told["width"]) == (48, 80)


def test_a_future_depends_on_its_own_generator_alone():
    model = OpenVideo(Noisy(), OpenVideoConfig(size=16, frames=4, height=16, width=16))
    pictures = np.stack([smooth(size=16), smooth(0.5, size=16)])
    both = model.imagine(pictures, ["a", "b"], rngs(1, 2))
    torch.manual_seed(99)
    alone = model.imagine(pictures[1:], ["b"], rngs(2))
    assert np.array_equal(both[1], alone[0])
    assert not np.array_equal(alone, model.imagine(pictures[1:], ["b"], rngs(3)))


def test_imagining_leaves_chance_elsewhere_alone():
    model = OpenVideo(Noisy(), OpenVideoConfig(size=16, frames=4, height=16, width=16))
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    model.imagine(smooth(size=16)[None], ["a"], rngs(1))
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.parametrize("shape", [(64, 96), (96, 64), (64, 64), (33, 50)])
def test_a_picture_that_was_put_into_another_is_cut_out_again(shape):
    wide = fit_picture(smooth(), *shape)
    assert wide.shape == (*shape, 3)
    assert np.abs(cut_picture(wide, SIZE).astype(float) - smooth())[2:-2, 2:-2].max() <= 3.0


def test_nothing_is_distorted_and_edges_go_on():
    wide = fit_picture(smooth(), 32, 64)
    assert np.array_equal(wide[:, 16:48], smooth())
    assert (wide[:, :16] == smooth()[:, :1]).all() and (wide[:, 48:] == smooth()[:, -1:]).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: np.where(f > 0.9 * f.max(), np.nan, f), r"not finite \(NaN\), which nobody can follow"),
        (lambda f: 3.0 * f, r"must answer with brightness in \[0, 1\], got"),
        (lambda f: f[:, :4], r"4 frames cannot be picked out of the 4 .*: set OpenVideoConfig.produced"),
        (lambda f: f[:, :, :-8], r"must answer with numbers of shape \(1, frames, 48, 80, 3\), got float.* 40, 80, 3"),
        (lambda f: (255 * f).astype(np.uint8), "must answer with numbers of shape .*, got uint8"),
        (lambda f: np.repeat(f, 2, axis=0), r"got float.* \(2, 17, 48, 80, 3\)"),
    ],
)
def test_nonsense_is_refused(change, reason):
    pipeline = Fading()
    pipeline.change = change
    with pytest.raises(InvalidValue, match=reason):
        video(pipeline).imagine(smooth()[None], ["fade"], rngs(0))


def test_what_a_pipeline_refuses_is_passed_on():
    pipeline = Fading()

    def refuse(frames):
        raise ValueError("`height` must be divisible by 32\nand more")

    pipeline.change = refuse
    with pytest.raises(InvalidValue, match=r"Fading cannot imagine: `height` must be divisible by 32$"):
        video(pipeline).imagine(smooth()[None], ["fade"], rngs(0))


def test_requests_that_are_none_are_refused():
    with pytest.raises(InvalidValue, match="the picture shows nothing"):
        video().imagine(np.zeros((1, SIZE, SIZE, 3), dtype=np.uint8), ["go"], rngs(0))
    with pytest.raises(InvalidValue, match=r"must be bytes of shape \(32, 32, 3\)"):
        video().imagine(smooth(size=64)[None], ["go"], rngs(0))
    with pytest.raises(InvalidValue, match="an instruction must say what is to be done"):
        video().imagine(smooth()[None], [" "], rngs(0))


class NoWords:
    def __call__(self, image, num_frames=14, num_inference_steps=25, generator=None, output_type="pil"): ...


class NoPicture:
    def __call__(self, prompt, num_frames=14, num_inference_steps=25, generator=None, output_type="pil"): ...


class NoVideo:
    def __call__(self, prompt, image, num_inference_steps=25, generator=None, output_type="pil"): ...


class Depth(Fading):
    def __call__(
        self, prompt, image, depth, num_frames=14, num_inference_steps=25, generator=None, output_type="pil"
    ): ...


@pytest.mark.parametrize(
    ("pipeline", "reason"),
    [
        (NoWords, "NoWords does not make a video of a picture and words: it takes no prompt$"),
        (NoPicture, "it takes no image$"),
        (NoVideo, "it takes no num_frames$"),
        (Depth, "Depth needs more than a picture and words: depth$"),
        (Noisy, "Noisy does not say how large its pictures are: set OpenVideoConfig.height"),
    ],
)
def test_pipelines_of_another_kind_are_refused(pipeline, reason):
    with pytest.raises(InvalidValue, match=reason):
        video(pipeline())


def test_familiarity_is_that_of_what_the_model_was_finetuned_on():
    east, north = np.eye(WIDTH, dtype=np.float32)[:2]
    between = (0.6 * east + 0.8 * north).astype(np.float32)
    encoder = SentenceEncoder({"open the drawer": east, "pull the drawer": between, "sing": -east})
    model = OpenVideo(Fading(), OpenVideoConfig(known=["open  the drawer"]), encoder)
    assert model.familiarity(" open the drawer") == 1.0
    assert model.familiarity("pull the drawer") == pytest.approx(0.6)
    assert model.familiarity("sing") == 0.0


def test_a_model_of_which_nothing_is_known_is_not_familiar_with_anything():
    assert video().familiarity("open the drawer") == 0.0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"size": 4}, "size must be a whole number of at least 8, got 4"),
        ({"frames": 0}, "frames must be a whole number of at least 1, got 0"),
        ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
        ({"steps": 101}, "steps must be at most 100, got 101"),
        ({"height": -8}, "height must be a whole number of at least 0, got -8"),
        ({"produced": 8}, r"produced must be more than frames \(8\)"),
        ({"guidance": float("nan")}, r"guidance must lie in \[0, 100\], got nan"),
        ({"template": "a robot"}, r"template must hold '\{instruction\}', got 'a robot'"),
        ({"known": (" ",)}, "known must be sentences"),
    ],
)
def test_settings_that_cannot_be_are_refused(given, reason):
    with pytest.raises(InvalidValue, match=reason):
        OpenVideoConfig(**given)


def test_settings_are_read_from_beside_the_model(tmp_path):
    assert OpenVideoConfig.read(tmp_path) == OpenVideoConfig()
    (tmp_path / "pronk.json").write_text(json.dumps({"steps": 4, "guidance": 1, "known": ["open the drawer"]}))
    assert OpenVideoConfig.read(tmp_path) == OpenVideoConfig(steps=4, guidance=1, known=("open the drawer",))


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("{", InvalidValue, r"pronk.json' cannot be read"),
        ("[]", InvalidValue, "must hold one object, got list"),
        ('{"step": 4}', UnknownName, "unknown setting in '.*pronk.json' 'step'; available: avoided, device"),
        ('{"steps": "four"}', InvalidValue, "steps must be a whole number of at least 1, got 'four'"),
        ('{"guidance": "strong"}', InvalidValue, "holds a setting of the wrong kind"),
        ('{"device": "abacus"}', UnknownName, "unknown device 'abacus'; available: auto, cpu, cuda"),
        ('{"kind": "int3"}', UnknownName, "unknown precision of weights 'int3'"),
    ],
)
def test_bad_settings_beside_a_model_are_named(tmp_path, text, kind, reason):
    (tmp_path / "pronk.json").write_text(text)
    with pytest.raises(kind, match=reason):
        OpenVideoConfig.read(tmp_path)


def test_a_folder_without_a_pipeline_is_named(tmp_path):
    with pytest.raises(MissingModel, match=r"no pipeline of a video model in '.*none' \(no model_index.json\)"):
        OpenVideo.load(tmp_path / "none")


def test_without_diffusers_the_command_that_brings_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanImageToVideoPipeline"}')
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingModel, match=r"open video models need diffusers .*: pip install 'pronk\[video\]'"):
        OpenVideo.load(tmp_path)


@pytest.mark.parametrize(
    ("method", "folder", "reason"),
    [(OPEN, None, "got 'open' and none"), ("prior", Path("/models/wan"), "got 'prior' and '/models/wan'")],
)
def test_the_method_of_an_open_model_and_its_folder_need_each_other(method, folder, reason):
    with pytest.raises(InvalidValue, match=reason):
        load_planner(method, pipeline=folder)
