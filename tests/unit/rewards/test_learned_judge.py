from itertools import pairwise

import numpy as np
import pytest
import torch
from toy_clips import SIZE, SMALL, TASKS, VIEWS, by_view, toy_clip, toy_sentences

from controllers.errors import InvalidValue, UnknownName
from policies import text
from policies.rewards.fusion import METHODS, FusionConfig
from policies.rewards.hop_network import HopNetwork
from policies.rewards.judge import Judgement, Judgements, judge_episode
from policies.rewards.latched_judge import LatchedJudge, turning_points
from policies.rewards.learned_judge import LearnedJudge
from policies.rewards.plain_judges import PixelJudge, PlainJudge
from policies.rewards.reward_model import RewardModel
from policies.rewards.success_filter import FilterConfig, decide, filter_episode, filter_quality
from policies.text import SentenceEncoder

GO = TASKS["right"]


def model():
    torch.manual_seed(1)
    network = HopNetwork(SMALL)
    for part in network.parameters():
        part.data += 0.05 * torch.randn_like(part)
    return RewardModel(network.eval(), SentenceEncoder({t: v for t, v in toy_sentences([GO]).items() if t == GO}))


def end(clip, state):
    return {view: clip.images[state, i] for i, view in enumerate(VIEWS)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("references", ["none", "goal", "both"])
def test_a_whole_episode_is_judged_as_state_after_state(method, references):
    clip, other = toy_clip(seed=1), toy_clip(seed=2)
    shown = {} if references == "none" else {"goal": end(other, -1)}
    shown |= {"start": end(other, 0)} if references == "both" else {}
    judge = LearnedJudge(model(), fusion=FusionConfig(method))
    at_once, in_turn = judge.episode(by_view(clip), GO, **shown), judge_episode(judge, by_view(clip), GO, **shown)
    for name in ("progress", "deviation", "success", "confidence"):
        assert getattr(at_once, name) == pytest.approx(getattr(in_turn, name), abs=1e-5)
    if references != "both":
        assert at_once.progress[0] == 0.0


def test_an_episode_leaves_nothing_behind_for_the_next():
    judge, clip = LearnedJudge(model()), toy_clip(seed=1)
    first = judge.episode(by_view(clip), GO)
    judge.episode(by_view(toy_clip("down", seed=3)), GO)
    assert np.array_equal(judge.episode(by_view(clip), GO).progress, first.progress)


def test_cameras_that_a_judge_does_not_use_are_not_looked_at():
    clip, judge = toy_clip(seed=1), LearnedJudge(model(), ("side",))
    images = by_view(clip) | {"front": np.zeros_like(clip.images[:, 0])}
    assert np.isfinite(judge.episode(images, GO).progress).all()
    with pytest.raises(UnknownName, match="unknown camera of the reward 'top'; available: front, side"):
        LearnedJudge(model(), ("top",))
    with pytest.raises(InvalidValue, match="needs at least one camera, got none"):
        LearnedJudge(model(), ())


def test_bad_pictures_are_refused_wherever_they_come():
    clip, judge = toy_clip(seed=1), LearnedJudge(model())
    with pytest.raises(InvalidValue, match=r"step\(\) must come after begin\(\)"):
        judge.step(end(clip, 0))
    black = {view: np.zeros((SIZE, SIZE, 3), dtype=np.uint8) for view in VIEWS}
    with pytest.raises(InvalidValue, match="pictures of the goal: the picture of camera 'front' shows nothing"):
        judge.begin(end(clip, 0), GO, goal=black)
    with pytest.raises(InvalidValue, match="pictures of the start: the picture of camera 'front' shows nothing"):
        judge.begin(end(clip, 0), GO, start=black)
    judge.begin(end(clip, 0), GO)
    with pytest.raises(InvalidValue, match="pictures of side are missing; got front"):
        judge.step({"front": clip.images[1, 0]})
    images = by_view(clip)
    images["side"] = images["side"].copy()
    images["side"][5] = 0
    with pytest.raises(InvalidValue, match="camera 'side' shows nothing"):
        judge.episode(images, GO)


def test_an_instruction_that_says_nothing_is_shown_as_low_confidence(monkeypatch):
    monkeypatch.setattr(text, "PACKAGE", "a_package_that_nobody_has")
    judge, clip = LearnedJudge(model()), toy_clip(seed=1)
    known = judge.begin(end(clip, 0), GO).confidence
    assert known > 0.0
    # Neither words nor goal: nothing is known of the task. New words cannot be read here.
    for words in ("", "  ", "something that was never said"):
        assert judge.begin(end(clip, 0), words).confidence == 0.0
        with_goal = judge.begin(end(clip, 0), words, end(clip, -1)).confidence
        assert 0.0 < with_goal <= 0.5


def test_a_camera_that_hangs_takes_the_confidence():
    clip, judge = toy_clip(shares=np.linspace(0.0, 1.0, 16), seed=1), LearnedJudge(model())
    images = by_view(clip)
    images["side"] = np.repeat(images["side"][:1], 16, axis=0)
    told = judge.episode(images, GO)
    assert told.confidence[5] > 0.0 and told.confidence[-1] == 0.0


def loop_demonstration(seed=1):
    """Right and back again: the end looks like the beginning."""
    return toy_clip(shares=np.concatenate([np.linspace(0.0, 1.0, 12), np.linspace(1.0, 0.0, 12)[1:]]), seed=seed)


def column(images):
    """Left edge of the square."""
    picture = images["front"]
    return np.flatnonzero(((picture[..., 0] > 200) & (picture[..., 1] < 80)).any(axis=0))[0]


class Tape(PlainJudge):
    """Measures the way from start to goal, as a model that has learned it would."""

    def _reset(self, images, goal, start):
        super()._reset(images, goal, start)
        self._ends = column(start or images), column(goal)

    def _first(self, images):
        return self._next(images)

    def _next(self, images):
        begin, finish = self._ends
        return float(np.clip((column(images) - begin) / max(finish - begin, 1e-9), 0.0, 1.0))


class Ruler(PixelJudge):
    """Distance of pixels, and success where nothing is left."""

    def _told(self, progress):
        self._progress = progress
        return Judgement(progress, 0.1, float(progress > 0.9), 1.0)


def test_a_task_that_ends_where_it_began_is_judged_by_its_stages():
    demonstration, clip = loop_demonstration(), loop_demonstration()
    ends = turning_points(demonstration.images, 2)
    assert ends.tolist() == [11, 22]
    judge = LatchedJudge(Tape(VIEWS, SIZE), [end(demonstration, state) for state in (0, *ends)], enough=0.95)
    told = judge.episode(by_view(clip), "there and back")
    bare = Ruler(VIEWS, SIZE).episode(by_view(clip), "", end(demonstration, -1), end(demonstration, 0))
    # The bare one takes the beginning for the end.
    assert bare.progress[11] < 0.1 or bare.success[0] == 1.0
    assert told.progress[0] == 0.0 and 0.4 <= told.progress[11] <= 0.6 and told.progress[-1] == 1.0
    assert (told.success[:-2] == 0.0).all() and told.success[-1] == 1.0 and judge.stage == 2
    # Only half of the way is half of the task, however long one stays.
    half = {
        view: np.concatenate([images[:12], np.repeat(images[11:12], 12, axis=0)])
        for view, images in by_view(clip).items()
    }
    stays = judge.episode(half, "there and back")
    assert stays.progress[-1] < 0.6 and (stays.success == 0.0).all()


def test_stages_that_are_none_are_refused():
    with pytest.raises(InvalidValue, match="the end of at least one stage are needed, got 1 moments"):
        LatchedJudge(Ruler(VIEWS, SIZE), [end(toy_clip(), 0)])
    with pytest.raises(InvalidValue, match="12 stages need more states than that, got 12"):
        turning_points(toy_clip().images, 12)


def told(success, progress=None, confidence=1.0):
    chance = np.asarray(success, dtype=np.float64)
    way = chance if progress is None else np.full_like(chance, progress)
    return Judgements(way, 0.0 * chance, chance, np.full_like(chance, confidence))


@pytest.mark.parametrize(
    ("chances", "kept", "state"),
    [
        ([0.1, 0.9, 0.1, 0.1], False, -1),
        ([0.1, 0.9, 0.8, 0.1], True, 2),
        ([0.1, 0.1, 0.1, 0.9], True, 3),
        ([0.9], True, 0),
    ],
)
def test_success_must_hold_unless_the_episode_ends_with_it(chances, kept, state):
    found = decide(told(chances), FilterConfig(threshold=0.5, stable=2))
    # Where it was nearly as high as it ever was for two states, by hand.
    held = [min(pair) for pair in pairwise(chances)] + [chances[-1]]
    first = next(i for i, chance in enumerate(held) if chance >= 0.9 * max(held))
    assert found.peak == min(first + 1, len(chances) - 1)
    assert (found.kept, found.state) == (kept, state)


def test_success_without_progress_or_confidence_counts_for_nothing():
    config = FilterConfig(least_progress=0.6, least_confidence=0.5)
    assert decide(told([0.9, 0.9], progress=0.7), config).kept
    assert not decide(told([0.9, 0.9], progress=0.5), config).kept
    assert not decide(told([0.9, 0.9], progress=0.7, confidence=0.4), config).kept


def test_an_episode_is_filtered_by_its_pictures_alone():
    from toy_clips import toy_episode

    done, undone = toy_episode(np.linspace(0.0, 1.0, 11)), toy_episode(np.linspace(0.0, 0.5, 11))
    goal = {view: images[-1] for view, images in done.images.items()}
    judge = Ruler(VIEWS, SIZE)
    assert filter_episode(judge, done, FilterConfig(every=3), goal).state == 10
    assert not filter_episode(judge, undone, FilterConfig(every=3), goal).kept
    with pytest.raises(InvalidValue, match="the episode has no pictures of top, which the judge needs"):
        filter_episode(Ruler(("front", "top"), SIZE), done, None, goal)


def test_quality_of_a_filter():
    quality = filter_quality([True, True, True, False, False], [True, True, False, True, False])
    assert (quality.precision, quality.recall, quality.false_positive_rate) == pytest.approx((2 / 3, 2 / 3, 1 / 2))
    assert np.isnan(filter_quality([False], [False]).precision)
