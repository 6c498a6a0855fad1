import numpy as np
import pytest

pytest.importorskip("rclpy")

from controllers.errors import InvalidValue, MissingModel, UnknownName
from policies.rewards.plain_judges import ClockJudge, PixelJudge
from pronk_node_kit.parameters import ParameterError
from pronk_node_kit.topics import CAMERA_IMAGE
from pronk_planner.judge_backends import PublishedModel, make_judge
from pronk_planner.judging import Episode, Judging, Moment, PictureSet
from pronk_planner.reward_node import RewardParameters, view_topic


def textured(seed, size=16):
    return np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)


START, GOAL = textured(0), textured(1)
BETWEEN = ((START.astype(float) + GOAL) / 2.0).astype(np.uint8)


def episode(number=1, goal=GOAL):
    return Episode(number, "go", {"top": START}, {"top": goal}) if goal is not None else Episode(number, "go", {}, {})


def moment(picture, of, time=0.0):
    return Moment(of, {"top": picture}, time)


def test_the_first_moment_that_comes_begins_an_episode_and_another_begins_anew():
    judging = Judging(PixelJudge(("top",), 16))
    first = episode()
    assert judging(moment(BETWEEN, first)).progress == pytest.approx(0.5, abs=0.01)
    assert judging(moment(GOAL, first)).progress == 1.0
    # Towards the start as goal, the goal has got nowhere.
    assert judging(moment(GOAL, Episode(2, "back", {"top": GOAL}, {"top": START}))).progress == 0.0


def test_a_goal_that_is_missing_is_told_until_it_is_there():
    judging = Judging(PixelJudge(("top",), 16))
    without = episode(goal=None)
    for _ in range(2):
        with pytest.raises(InvalidValue, match="distance of pixels needs pictures of the goal, got none"):
            judging(moment(START, without))
    assert judging(moment(START, episode(2))).progress == 0.0


def test_a_camera_that_stands_still_is_trusted_less():
    judging, of = Judging(ClockJudge(("top",), 16)), episode()
    told = [judging(moment(START, of)).confidence for _ in range(12)]
    assert told[0] == 1.0 and told[-1] == 0.5


def test_pictures_of_one_moment_are_joined_once():
    joined = PictureSet(("a", "b"), 0.02)
    assert joined.add("a", START, 1.0) is None
    pictures, time = joined.add("b", GOAL, 1.01)
    assert time == 1.01 and pictures["a"] is START and pictures["b"] is GOAL
    assert joined.add("b", GOAL, 1.01) is None
    assert joined.add("a", START, 1.5) is None and joined.add("b", GOAL, 1.5) is not None
    joined.begin()
    assert joined.add("a", START, 0.0) is None and joined.add("b", GOAL, 0.0) is not None


@pytest.mark.parametrize(
    ("act", "kind", "reason"),
    [
        (lambda: PictureSet((), 0.0), InvalidValue, "cameras must be named, each once, got none"),
        (lambda: PictureSet(("a", "a"), 0.0), InvalidValue, "each once, got a, a"),
        (lambda: PictureSet(("a",), -1.0), InvalidValue, "slack must not be negative, got -1.0"),
        (
            lambda: make_judge("oracle", (), 64),
            UnknownName,
            "unknown judge 'oracle'; available: clock, learned, local, pixels, positive, served",
        ),
        (
            lambda: RewardParameters(judge="local"),
            ParameterError,
            "'local', which needs the parameter 'model_folder' too, got ''",
        ),
        (
            lambda: make_judge("local", (), 64, published=PublishedModel("/nowhere")),
            MissingModel,
            r"there is no model in '/nowhere' .*hf download NAME",
        ),
        (
            lambda: make_judge("served", (), 64, published=PublishedModel(url="localhost")),
            InvalidValue,
            "must begin with http:// or https://, got 'localhost'",
        ),
        (
            lambda: RewardParameters(views=("a", "b"), image_topics=("x",)),
            ParameterError,
            "'image_topics' must name one topic for each of the 2 views, got 1",
        ),
    ],
)
def test_what_cannot_be_is_refused(act, kind, reason):
    with pytest.raises(kind, match=reason):
        act()


def test_cameras_have_topics_of_their_own_unless_the_user_names_others():
    names = [view_topic(CAMERA_IMAGE, (), i, view).name for i, view in enumerate(("corner4", "corner"))]
    assert names == ["camera/image", "camera/corner/image"]
    assert view_topic(CAMERA_IMAGE, ("left", "right"), 1, "corner").name == "right"
