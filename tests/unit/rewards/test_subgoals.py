import numpy as np
import pytest
from toy_clips import TASKS, toy_clip, toy_sentences

from policies.rewards.hop_batches import BatchConfig, HopBatches
from policies.rewards.subgoals import EARLIEST, LATEST, NEAR, SHORT, part_of


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn(clip, reference, count=40):
    return [part_of(clip, reference, rng(seed)) for seed in range(count)]


def test_goals_lie_all_over_the_way_and_each_is_reached():
    # Steps of a hundredth: every place on the way can be told.
    clip, reference = (toy_clip(shares=np.linspace(0.0, 1.0, 101), seed=seed) for seed in (0, 1))
    ends = set()
    for part, goal in drawn(clip, reference):
        end = reference.progress[goal]
        ends.add(goal)
        assert EARLIEST <= end <= LATEST
        assert part.progress[0] == 0.0 and part.success[-1] and not part.success[0]
    assert len(ends) > 15


def test_states_that_are_nearly_there_and_those_beyond_are_left_out():
    clip, reference = (toy_clip(shares=np.linspace(0.0, 1.0, 101), seed=seed) for seed in (0, 1))
    for part, goal in drawn(clip, reference):
        end = reference.progress[goal]
        wanted = [p for p in clip.progress if abs(end - p) <= NEAR or end - p >= SHORT]
        assert part.progress == pytest.approx([min(p / end, 1.0) for p in wanted])
        assert part.success.tolist() == [abs(end - p) <= NEAR for p in wanted]


def test_who_never_came_there_has_no_part():
    short = toy_clip(shares=np.linspace(0.0, 0.2, 10), expert=False)
    assert drawn(short, toy_clip(seed=1)) == [None] * 40
    unknown = toy_clip(shares=[np.nan] * 10, expert=False)
    assert drawn(unknown, toy_clip(seed=1)) == [None] * 40
    # Nor is there one of a reference that jumps to its end.
    assert drawn(toy_clip(), toy_clip(shares=[0.0, 0.1, 1.0])) == [None] * 40


def test_parts_are_asked_with_pictures_of_the_goal_and_without_words():
    clips = [toy_clip(task, shares=np.linspace(0.0, 1.0, 40), seed=seed) for task in TASKS for seed in range(3)]
    config = BatchConfig(clips=12, misfit=1.0, no_goal=1.0, no_words=0.0, view_dropout=0.0, parts=1.0)
    batch = HopBatches(clips, toy_sentences(TASKS.values()), config).draw(rng())
    assert (batch.sentence == 0.0).all() and (batch.moments[:, 3] >= 0).all() and (batch.match == 1.0).all()
    assert 0.1 < batch.success.mean() < 0.9
    plain = HopBatches(clips, toy_sentences(TASKS.values()), config).draw(rng(), augment=False)
    assert (plain.sentence != 0.0).any(axis=1).all()
