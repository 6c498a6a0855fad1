import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName

pytest.importorskip("torch", reason="torch is not installed")

from policies.rewards.floor_judge import HIDDEN_PX, FloorJudge

RNG = np.random.default_rng(0)
PICTURE = {"top": RNG.integers(0, 255, (64, 64, 3), dtype=np.uint8)}


class Ways:
    """A model that tells one length after the other."""

    size = 64

    def __init__(self, *told):
        self.told = list(told)

    def left(self, image, instruction):
        return self.told.pop(0)


def judged(*told):
    judge = FloorJudge(Ways(*told))
    return [judge.begin(PICTURE, "go"), *(judge.step(PICTURE) for _ in told[1:])]


def test_progress_is_the_share_of_the_way_that_is_behind():
    told = judged((40.0, 0.9), (30.0, 0.8), (10.0, 0.95))
    assert [j.progress for j in told] == pytest.approx([0.0, 0.25, 0.75])
    assert [j.confidence for j in told] == [0.9, 0.8, 0.95]
    assert told[0].deviation == pytest.approx(0.05)


def test_what_is_hidden_below_it_has_been_reached():
    for end in (None, 50.0):
        told = judged((40.0, 0.9), (HIDDEN_PX - 1.0, 0.9), (end, 0.1))
        assert told[2].progress == 1.0 and told[2].success > 0.99 and told[2].confidence == 0.9


def test_success_is_near_certain_only_where_it_is_near():
    near, far = judged((40.0, 1.0), (3.0, 1.0))[1], judged((40.0, 1.0), (9.0, 1.0))[1]
    assert near.success == pytest.approx(1.0 / (1.0 + np.exp(-2.0))) and far.success < 0.05


def test_a_goal_that_is_lost_far_away_leaves_progress_and_takes_confidence():
    told = judged((40.0, 0.9), (30.0, 0.8), (None, 0.1))
    assert told[2].progress == pytest.approx(0.25) and told[2].confidence == 0.1 and told[2].success < 0.01


def test_going_away_makes_the_way_longer_and_never_a_negative_progress():
    told = judged((20.0, 0.9), (40.0, 0.9), (20.0, 0.9))
    assert [j.progress for j in told] == pytest.approx([0.0, 0.0, 0.5])


def test_words_that_point_at_nothing_are_no_progress():
    first, later = judged((None, 0.05), (20.0, 0.7))
    assert (first.progress, first.success, first.confidence) == (0.0, 0.0, 0.05)
    assert (later.progress, later.confidence) == (0.0, 0.7)


def test_what_cannot_be_judged_is_refused():
    judge = FloorJudge(Ways())
    with pytest.raises(InvalidValue, match="an episode must begin before its next state is judged"):
        judge.step(PICTURE)
    with pytest.raises(InvalidValue, match="an instruction must say what is to be done, got an empty one"):
        judge.begin(PICTURE, " ")
    with pytest.raises(UnknownName, match="unknown camera of the judge of floors 'corner4'; available: top"):
        FloorJudge(Ways(), views=("corner4",))
    with pytest.raises(InvalidValue, match="top"):
        judge.begin({}, "go")
