import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.judge import Judgement, StillnessWatch, check_pictures, judge_episode
from policies.rewards.plain_judges import make_plain_judge

VIEWS = ("front", "wrist")


def picture(seed, size=16):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def pictures(seed):
    return {view: picture(100 * seed + i) for i, view in enumerate(VIEWS)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wrist": None}, "pictures of wrist are missing; got front"),
        ({"wrist": picture(0, 8)}, r"'wrist' must be uint8 with shape \(16, 16, 3\), got uint8 with \(8, 8, 3\)"),
        ({"front": picture(0).astype(np.float32)}, "'front' must be uint8 .*, got float32"),
        ({"front": np.zeros((16, 16, 3), dtype=np.uint8)}, "'front' shows nothing .mean 0, spread 0.0."),
        ({"front": np.full((16, 16, 3), 128, dtype=np.uint8)}, "'front' shows nothing .mean 128"),
    ],
)
def test_pictures_that_nothing_can_be_judged_by_are_refused(change, message):
    images = {view: p for view, p in (pictures(1) | change).items() if p is not None}
    with pytest.raises(InvalidValue, match=message):
        check_pictures(images, VIEWS, 16)
    check_pictures(pictures(1) | {"another": np.zeros(3)}, VIEWS, 16)


@pytest.mark.parametrize("value", [float("nan"), 1.1, -0.1])
@pytest.mark.parametrize("place", [0, 2, 3])
def test_a_judgement_out_of_range_is_refused(value, place):
    numbers = [0.5, 0.1, 0.5, 0.5]
    numbers[place] = value
    with pytest.raises(InvalidValue, match=r"Judgement\.(progress|success|confidence) must lie in \[0, 1\]"):
        Judgement(*numbers)


def test_one_camera_that_hangs_while_another_lives_takes_all_trust():
    watch = StillnessWatch(VIEWS, patience=3)
    trust = [watch.see({"front": picture(i), "wrist": picture(99)}) for i in range(5)]
    # The first picture repeats nothing; the third repetition is the fourth picture.
    assert trust == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert watch.see(pictures(3)) == 1.0


def test_a_robot_at_rest_before_noiseless_cameras_is_a_doubt_only():
    watch = StillnessWatch(VIEWS, patience=2)
    assert [watch.see(pictures(0)) for _ in range(4)] == [1.0, 1.0, 0.5, 0.5]


def test_a_camera_that_reuses_its_buffer_does_not_seem_to_hang():
    watch, buffer = StillnessWatch(("front",), patience=1), picture(0)
    assert watch.see({"front": buffer}) == 1.0
    buffer[:] = picture(1)
    assert watch.see({"front": buffer}) == 1.0


def test_distance_of_pixels_falls_along_a_straight_way_through_the_colours():
    start, goal = np.full((16, 16, 3), 50.0), np.full((16, 16, 3), 150.0)
    pattern = np.random.default_rng(0).integers(-40, 40, (16, 16, 3))
    shares = np.array([0.0, 0.25, 0.5, 1.0])
    clip = np.stack([((1 - s) * start + s * goal + pattern) for s in shares]).astype(np.uint8)
    judge = make_plain_judge("pixels", ("front",), 16)
    told = judge.episode({"front": clip}, "", goal={"front": clip[-1]}, start={"front": clip[0]})
    assert told.progress == pytest.approx(shares, abs=0.01)
    with pytest.raises(InvalidValue, match="needs pictures of the goal, got none"):
        judge.begin({"front": clip[0]}, "")


@pytest.mark.parametrize("name", ["clock", "positive"])
def test_blind_judges_say_the_same_of_an_episode_and_of_its_reverse(name):
    clip = {view: np.stack([picture(10 * i + t) for t in range(6)]) for i, view in enumerate(VIEWS)}
    back = {view: images[::-1] for view, images in clip.items()}
    judge = make_plain_judge(name, VIEWS, 16)
    told = judge_episode(judge, clip, "do it").progress
    assert (np.diff(told) > 0.0).all() and np.array_equal(told, judge_episode(judge, back, "do it").progress)


def test_cameras_with_different_numbers_of_pictures_are_refused():
    clip = {"front": np.stack([picture(0)] * 3), "wrist": np.stack([picture(1)] * 2)}
    with pytest.raises(InvalidValue, match=r"same number of pictures, got \{'front': 3, 'wrist': 2\}"):
        make_plain_judge("clock", VIEWS, 16).episode(clip, "do it")


def test_an_unknown_plain_judge_is_refused():
    with pytest.raises(UnknownName, match="unknown plain judge 'clocks'; available: clock, pixels, positive"):
        make_plain_judge("clocks")
