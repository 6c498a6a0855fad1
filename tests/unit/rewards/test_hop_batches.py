import dataclasses

import numpy as np
import pytest
import torch
from toy_clips import SIZE, SMALL, TASKS, VIEWS, toy_clip, toy_sentences

from controllers.errors import InvalidValue
from policies.rewards.hop_batches import BatchConfig, HopBatches, phrasings
from policies.rewards.hop_network import NONE, Comparison, HopConfig, HopNetwork
from policies.rewards.hops import hop
from policies.rewards.picture_jitter import draw_jitter
from policies.text import WIDTH
from sim.world_tasks import MANIPULATION_NOVEL

SENTENCES = toy_sentences(TASKS.values())
PLAIN = BatchConfig(clips=6, pairs=3, own_start=0.0, no_goal=0.0, no_words=0.0, misfit=0.0, view_dropout=0.0)


def share_of(picture):
    """Where the square is: the column of its left edge, as a share of the way."""
    red = (picture[0] > 0.7) & (picture[1] < 0.3)
    return np.flatnonzero(red.any(axis=0))[0] / (SIZE - 5)


def toy_clips():
    return [toy_clip(task, seed=seed) for task in TASKS for seed in range(3)]


def test_labels_are_the_hops_between_what_the_pictures_show():
    clips = [toy_clip("right", seed=seed) for seed in range(3)]
    batch = HopBatches(clips, SENTENCES, PLAIN).draw(np.random.default_rng(0), augment=False)
    assert (batch.hop_weight == 1.0).all() and (batch.match == 1.0).all()
    places = np.array([share_of(picture) for picture in batch.pictures])
    for row, question in zip(batch.moments, batch.question, strict=True):
        before, after, start, goal = places[row]
        # Places are whole pixels: off by half of one in eleven, and hops magnify near the goal.
        assert start == 0.0 and goal == 1.0
        assert batch.hop[question] == pytest.approx(float(hop(before, after)), abs=0.25)
        assert batch.success[question] == float(after == 1.0)
    # Half of the questions are anchored at least: from the start, and from the goal.
    anchored = (batch.moments[:, 0] == batch.moments[:, 2]) | (batch.moments[:, 0] == batch.moments[:, 3])
    assert anchored.mean() >= 2.0 / 3.0


def test_references_come_from_other_episodes_of_the_same_look():
    first, second = toy_clip("right", seed=1), toy_clip("right", seed=2)
    strange = toy_clip("right", seed=3)
    strange = type(strange)(**{**vars(strange), "look": "7"})
    batches = HopBatches([first, second, strange], SENTENCES, PLAIN)
    rng = np.random.default_rng(0)
    assert all(batches.reference(first, rng).clip is second for _ in range(20))
    # Alone in its look it has nobody else.
    assert batches.reference(strange, rng).clip is strange


def test_what_does_not_fit_is_no_success_and_has_no_hop_but_towards_words_alone():
    config = BatchConfig(clips=20, misfit=1.0, no_goal=0.5, no_words=0.0, view_dropout=0.0, parts=0.0)
    batch = HopBatches(toy_clips(), SENTENCES, config).draw(np.random.default_rng(0))
    assert (batch.match == 0.0).all() and (batch.success[batch.success_weight > 0.0] == 0.0).all()
    known = batch.hop_weight > 0.0
    assert known.any() and (batch.hop[known] == 0.0).all()
    goals = np.zeros(len(batch.hop), dtype=bool)
    goals[batch.question[batch.moments[:, 3] != NONE]] = True
    assert not (known & goals).any()


def test_states_of_no_known_worth_teach_success_alone():
    lost = toy_clip("right", shares=[np.nan] * 6, expert=False)
    config = BatchConfig(clips=30, misfit=0.0)
    batches = HopBatches([toy_clip("right", seed=1), lost], SENTENCES, config)
    batches._by_task = {"right": [lost]}
    batch = batches.draw(np.random.default_rng(0))
    assert (batch.hop_weight == 0.0).all() and (batch.success_weight > 0.0).any() and (batch.success == 0.0).all()


def test_where_only_success_is_known_what_came_before_it_is_shown_as_often_as_it_lasted():
    clips = [toy_clip("right", seed=seed) for seed in range(2)]
    done = clips[0].success
    unknown = np.where(done, 1.0, np.nan)
    bare = [dataclasses.replace(c, expert=False, seed=9, elapsed=unknown, progress=unknown) for c in clips]
    # References alone are experts, and they are hardly drawn.
    batches = HopBatches([*clips[:1], *bare * 20], SENTENCES, PLAIN)
    shares = [batches.draw(np.random.default_rng(seed), augment=False).success.mean() for seed in range(40)]
    # Three of twelve states are successes; a success is shown in addition in 3 of 10 clips, as one of three pairs.
    assert done.mean() == 0.25 and 0.2 < np.mean(shares) < 0.45


def test_cameras_words_and_goals_are_missing_now_and_then_but_never_all():
    config = BatchConfig(clips=60, no_goal=0.5, no_words=0.5, misfit=0.0, view_dropout=0.7)
    batch = HopBatches(toy_clips(), SENTENCES, config).draw(np.random.default_rng(1))
    seen = np.bincount(batch.question, minlength=len(batch.hop))
    assert seen.min() == 1 and seen.max() == len(VIEWS)
    silent = (batch.sentence == 0.0).all(axis=1)
    blind = np.zeros(len(seen), dtype=bool)
    blind[batch.question[batch.moments[:, 3] == NONE]] = True
    assert silent.any() and blind.any() and not (silent & blind).any()


def test_batches_depend_on_the_generator_alone():
    batches = HopBatches(toy_clips(), SENTENCES)
    one, two, other = (batches.draw(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one.pictures, two.pictures) and np.array_equal(one.hop, two.hop)
    assert one.pictures.shape != other.pictures.shape or not np.array_equal(one.pictures, other.pictures)


def test_a_jitter_treats_all_pictures_of_an_episode_alike():
    rng = np.random.default_rng(3)
    jitter = draw_jitter(rng)
    picture = np.full((3, SIZE, SIZE), 0.4, dtype=np.float32)
    told = np.stack([jitter.apply(picture, rng).mean(axis=(1, 2)) for _ in range(8)])
    # Noise and a square that hides a 25th of some pictures are all that differs.
    assert np.median(np.abs(told - np.median(told, axis=0))) < 0.01
    assert jitter.another(rng).mirrored == jitter.mirrored and jitter.another(rng).order == jitter.order


def test_clips_without_a_success_or_a_sentence_are_refused():
    with pytest.raises(InvalidValue, match="none of 1 clips is of a task of which an expert's success is shown"):
        HopBatches([toy_clip("right", shares=[0.0, 0.5])], SENTENCES)
    with pytest.raises(InvalidValue, match="the sentence 'go and slide to the right' has no vector"):
        HopBatches([toy_clip("right")], {"slide to the right": np.zeros(WIDTH, dtype=np.float32)})
    assert phrasings("push")[0] == "push"


def asked(rows, views, questions, sentence=None):
    count = max(questions) + 1
    words = torch.zeros(count, WIDTH) if sentence is None else sentence
    return Comparison(torch.tensor(rows), torch.tensor(views), torch.tensor(questions), words)


def network():
    torch.manual_seed(0)
    made = HopNetwork(SMALL)
    # No goal must be something else than a dark goal.
    torch.nn.init.normal_(made.nothing)
    return made.eval()


def test_questions_do_not_disturb_one_another():
    made, pictures = network(), torch.rand(6, 3, SIZE, SIZE)
    with torch.no_grad():
        encoded = made.encode(pictures)
        both = made(encoded, asked([[0, 1, 0, 2], [3, 4, 3, 5], [3, 5, 3, -1]], [0, 1, 0], [0, 1, 2]))
        one = made(encoded, asked([[3, 4, 3, 5]], [1], [0]))
    assert float(both.hop[1]) == pytest.approx(float(one.hop[0]), abs=1e-6)
    assert float(both.success[1]) == pytest.approx(float(one.success[0]), abs=1e-6)


def test_cameras_count_alike_and_their_order_does_not_matter():
    made, pictures = network(), torch.rand(4, 3, SIZE, SIZE)
    with torch.no_grad():
        encoded = made.encode(pictures)
        one = made(encoded, asked([[0, 2, 0, -1], [1, 3, 1, -1]], [0, 1], [0, 0]))
        two = made(encoded, asked([[1, 3, 1, -1], [0, 2, 0, -1]], [1, 0], [0, 0]))
        alone = made(encoded, asked([[0, 2, 0, -1]], [0], [0]))
        elsewhere = made(encoded, asked([[0, 2, 0, -1]], [1], [0]))
    assert float(one.hop[0]) == pytest.approx(float(two.hop[0]), abs=1e-6)
    assert float(alone.hop[0]) != float(one.hop[0]) and float(alone.hop[0]) != float(elsewhere.hop[0])


def test_all_that_is_asked_has_a_say():
    made, pictures = network(), torch.rand(5, 3, SIZE, SIZE)
    with torch.no_grad():
        encoded = made.encode(pictures)
        base = float(made(encoded, asked([[0, 1, 2, 3]], [0], [0])).hop[0])
        for role in range(4):
            row = [0, 1, 2, 3]
            row[role] = 4
            assert float(made(encoded, asked([row], [0], [0])).hop[0]) != pytest.approx(base, abs=1e-7)
            row[role] = NONE
            assert float(made(encoded, asked([row], [0], [0])).hop[0]) != pytest.approx(base, abs=1e-7)
        words = torch.ones(1, WIDTH)
        assert float(made(encoded, asked([[0, 1, 2, 3]], [0], [0], words)).hop[0]) != pytest.approx(base, abs=1e-7)


def test_sizes_that_cannot_be_built_are_refused():
    with pytest.raises(InvalidValue, match=r"HopConfig\.size must be a multiple of 16, got 20"):
        HopConfig(size=20)
    with pytest.raises(InvalidValue, match=r"HopConfig\.views must name at least one camera, each once"):
        HopConfig(("front", "front"))
    with pytest.raises(InvalidValue, match=r"HopConfig\.channels must be a multiple of 8, got 12"):
        HopConfig(channels=12)
    with pytest.raises(InvalidValue, match=r"BatchConfig\.misfit must lie in \[0, 1\], got 2"):
        BatchConfig(misfit=2)


def test_no_novel_task_decides_which_weights_are_kept():
    from policies.rewards.reward_training import RewardTrainingConfig

    assert not set(RewardTrainingConfig().validation_tasks) & set(MANIPULATION_NOVEL)
