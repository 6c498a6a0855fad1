import numpy as np
import pytest

from controllers.errors import UnknownName
from policies.rewards.plain_judges import ClockJudge
from policies.rl.setups import make_judge

pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")

from policies.rl import one_shot
from policies.rl.one_shot import OneShot, clip_of

VIEWS = ("a", "b")


def pictures(count=5):
    return {view: np.full((count, 16, 16, 3), 10 * i, dtype=np.uint8) for i, view in enumerate(("b", "a"))}


def test_a_demonstration_is_labelled_by_time_and_its_last_state_is_the_success():
    clip = clip_of(pictures(), "do it", VIEWS)
    assert clip.progress.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert clip.done == 4 and clip.success.sum() == 1 and clip.expert and clip.instruction == "do it"
    # In the order of the model's cameras.
    assert clip.images.shape == (5, 2, 16, 16, 3) and clip.images[0, 0, 0, 0, 0] == 10


def test_the_judge_is_that_of_the_adapted_model(monkeypatch):
    seen = []

    class Model:
        class config:
            views = VIEWS

    def adapted(model, clip, config):
        seen.append((model, len(clip.images)))
        return "adapted"

    monkeypatch.setattr(one_shot, "adapt", adapted)
    monkeypatch.setattr(one_shot, "LearnedJudge", lambda model: ("judge", model))
    model = Model()
    assert OneShot(model)(ClockJudge(), pictures(), "do it") == ("judge", "adapted")
    assert seen == [(model, 5)]


def test_judges_are_found_by_name():
    judge, adapt = make_judge("pixels", "arena")
    assert judge.views == ("top",) and adapt is None
    with pytest.raises(UnknownName, match="judge 'oracle'; available: clock, learned, pixels, positive"):
        make_judge("oracle", "arena")
