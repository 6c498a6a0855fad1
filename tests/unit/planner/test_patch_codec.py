from dataclasses import replace

import numpy as np
import pytest
from recorded_episodes import wandering

from controllers.errors import InvalidValue, MissingModel
from policies.video.clips import Clips, refuse_novel, turned
from policies.video.latent_space import LatentSpace, fit_space
from policies.video.patch_codec import PatchCodec, fit_codec, from_patches, to_patches
from sim.episodes import EpisodeInfo


def pictures(count=6, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def clips(count=6, frames=4):
    return Clips(wandering(count, size=32), "top", frames, steps_per_frame=2)


def test_patches_come_back_and_each_is_a_square_of_the_picture():
    images = pictures()
    patches = to_patches(images, 8)
    assert np.array_equal(from_patches(patches, 8), images)
    assert patches[2, 1, 0].reshape(8, 8, 3) == pytest.approx(images[2, 8:, :8] / 255.0)


def test_all_directions_lose_nothing_and_few_lose_least():
    images = pictures(20, 16)
    whole = fit_codec([images], rank=48, patch=4)
    assert np.abs(whole.decode(whole.encode(images)).astype(int) - images).max() <= 1
    # Of smooth pictures few directions keep nearly all.
    smooth = np.repeat(np.repeat(pictures(20, 4), 4, axis=1), 4, axis=2)
    few = fit_codec([smooth], rank=3, patch=4)
    assert np.abs(few.decode(few.encode(smooth)).astype(int) - smooth).max() <= 1


def test_directions_are_orthonormal_and_explain_what_the_covariance_says():
    images = pictures(30)
    codec = fit_codec([images[:10], images[10:]], rank=5, patch=4)
    assert codec.basis.T @ codec.basis == pytest.approx(np.eye(5), abs=1e-5)
    patches = to_patches(images, 4).reshape(-1, 48)
    variances = np.sort(np.linalg.eigvalsh(np.cov(patches.T, bias=True)))[::-1][:5]
    coded = np.moveaxis(codec.encode(images), 1, -1).reshape(-1, 5)
    assert coded.var(axis=0) == pytest.approx(variances, rel=1e-2)


def test_what_does_not_change_is_drawn_as_the_codec_draws_it():
    space = fit_space([clips()], rank=8)
    images = wandering(1)[0].images["top"][:3]
    still = space.frames(images, np.zeros((3, 4 * 8, 4, 4), np.float32))
    assert np.array_equal(still[:, 2], space.codec.decode(space.codec.encode(images)))


def test_changes_and_frames_tell_the_same():
    space = fit_space([clips()], rank=12)
    frames = clips().draw(5, np.random.default_rng(0)).frames
    drawn = space.frames(frames[:, 0].astype(np.uint8), space.changes(frames))
    wanted = space.codec.decode(space.codec.encode(frames[:, 1:]))
    assert np.abs(drawn.astype(int) - wanted).max() <= 1


def test_a_space_comes_back_from_its_file(tmp_path):
    space = fit_space([clips()], rank=8)
    space.save(tmp_path / "space.safetensors", "by hand")
    frames = clips().draw(2, np.random.default_rng(0)).frames
    assert np.array_equal(LatentSpace.load(tmp_path / "space.safetensors").changes(frames), space.changes(frames))
    with pytest.raises(MissingModel, match="this makes them: pronk train video --variant codec"):
        LatentSpace.load(tmp_path / "none")


def test_a_clip_is_evenly_spaced_and_stays_at_the_end_of_its_episode():
    episodes = wandering(2, steps=9)
    for i, episode in enumerate(episodes):
        episode.images["top"][:] = (100 * i + np.arange(10))[:, None, None, None]
    drawn = Clips(episodes, "top", 3, steps_per_frame=4).draw(200, np.random.default_rng(0))
    number = drawn.frames[:, :, 0, 0, 0]
    first = number[:, 0] - 100 * drawn.episode
    # The first frame after the present is always a true one: nobody learns to stop before the end.
    assert first.min() == 0 and first.max() == 5
    wanted = np.minimum(first[:, None] + [0, 4, 8, 12], 9)
    assert np.array_equal(number - 100 * drawn.episode[:, None], wanted)


@pytest.mark.parametrize(("favoured", "wanted"), [(None, 1.0 / 3.0), (("b", 0.6), 0.6)])
def test_tasks_have_even_shares_whatever_their_episodes_unless_one_is_favoured(favoured, wanted):
    episodes = wandering(9, steps=9)
    tasks = ["a"] * 6 + ["b"] + ["c"] * 2
    episodes = [replace(e, info=replace(e.info, task=task)) for e, task in zip(episodes, tasks, strict=True)]
    drawn = Clips(episodes, "top", 1, 1, favoured).draw(6000, np.random.default_rng(0)).episode
    shares = [np.isin(drawn, np.flatnonzero(np.array(tasks) == task)).mean() for task in "abc"]
    assert shares == pytest.approx([0.5 * (1.0 - wanted), wanted, 0.5 * (1.0 - wanted)], abs=0.02)
    # Within a task all episodes have the same chance.
    assert np.bincount(drawn)[:6] == pytest.approx(np.full(6, 6000 * shares[0] / 6), rel=0.2)


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        (0, [[0, 1], [2, 3]]),
        # The right column becomes the upper row.
        (1, [[1, 3], [0, 2]]),
        (2, [[3, 2], [1, 0]]),
        (3, [[2, 0], [3, 1]]),
        (4, [[1, 0], [3, 2]]),
        (5, [[3, 1], [2, 0]]),
    ],
)
def test_a_floor_is_turned_by_quarters_and_mirrored(how, wanted):
    picture = np.repeat(np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1), 3, axis=3)
    assert turned(picture, how)[0, :, :, 0].tolist() == wanted


def test_all_frames_of_a_clip_are_turned_alike_and_in_all_ways():
    still = Clips(wandering(1, steps=30), "top", 2, 1)
    still.images[:] = still.images[0]
    drawn = still.draw(100, np.random.default_rng(0), turns=True).frames
    assert (drawn == drawn[:, :1]).all() and len({clip.tobytes() for clip in drawn}) == 8


def test_clips_are_tinted_and_shifted_as_a_whole():
    drawn = clips().draw(50, np.random.default_rng(0), tint=0.5, shift=2).frames
    plain = clips().draw(50, np.random.default_rng(0)).frames
    assert drawn.shape == plain.shape and not np.array_equal(drawn, plain)
    still = Clips(wandering(1, steps=30), "top", 2, 1)
    still.images[:] = still.images[0]
    moved = still.draw(20, np.random.default_rng(0), tint=0.5, shift=2).frames
    assert np.array_equal(moved[:, 0], moved[:, 2])


def info(task, behaviour="expert", world="manipulation"):
    return EpisodeInfo(world, task, "do", 0, behaviour, 0.1, ("x_m",), 1, True, True, False)


def test_nobody_learns_from_demonstrations_of_novel_tasks():
    refuse_novel([info("drawer-open"), info("assembly"), info("red-box", world="arena")])
    for item in (info("drawer-close"), info("orange-box", world="arena")):
        with pytest.raises(InvalidValue, match=f"'{item.task}' is a novel task .* by 'expert' before it is tested"):
            refuse_novel([item])
    with pytest.raises(InvalidValue, match="allowed here: play"):
        refuse_novel([info("drawer-close")], ("play",))
    refuse_novel([info("drawer-close", "play")], ("play",))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: to_patches(pictures(1, 18), 8), r"S a multiple of 8, got \(18, 18, 3\)"),
        (lambda: fit_codec([]), "a codec needs pictures, got none"),
        (lambda: fit_codec([pictures()], rank=0), r"the rank of a codec must lie in \[1, 192\], got 0"),
        (lambda: PatchCodec(2, np.zeros(12), np.zeros((9, 2))), r"got \(12,\) and \(9, 2\)"),
        (lambda: PatchCodec(2, np.full(12, np.nan), np.zeros((12, 2))), "must be finite, got NaN"),
        (lambda: LatentSpace(fit_codec([pictures()], 2), np.zeros(2, np.float32)), "2 finite, positive units"),
        (lambda: Clips([], "top", 1, 1), "at least one episode, got none"),
        (lambda: Clips(wandering(1), "top", 1, 1, ("t", 1.0)), r"the share of 't' .* must lie in \(0, 1\), got 1.0"),
        (lambda: Clips(wandering(1), "side", 1, 1), "camera 'side' was not recorded in 't'; recorded: top"),
    ],
)
def test_what_cannot_be_coded_is_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()
