import time

import numpy as np

from policies.checkpoints import load_weights
from policies.rewards.learned_judge import LearnedJudge
from policies.rewards.reward_model import COMMAND, WEIGHTS, RewardModel
from sim.world_tasks import INSTRUCTIONS, MANIPULATION_NOVEL


def test_nothing_of_the_novel_tasks_was_learned_and_the_command_that_makes_the_weights_is_told():
    _, texts = load_weights(WEIGHTS, COMMAND)
    learned = set(texts["tasks"].split(","))
    assert len(learned) >= 24 and learned <= set(INSTRUCTIONS) and not learned & set(MANIPULATION_NOVEL)
    *collecting, command = texts["command"].split("; ")
    assert command.startswith("pronk train reward --data ")
    assert len(collecting) == 4 and all(each.startswith("pronk collect manipulation ") for each in collecting)


def test_the_weights_are_small_and_read_every_instruction_without_the_encoder():
    assert WEIGHTS.stat().st_size < 6_000_000
    model = RewardModel.load()
    assert set(INSTRUCTIONS.values()) <= set(model.encoder.known)


def test_a_state_is_judged_in_time():
    rng = np.random.default_rng(0)
    judge = LearnedJudge()
    shown = [{view: rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for view in judge.views} for _ in range(8)]
    judge.begin(shown[0], INSTRUCTIONS["drawer-close"], shown[-1])
    times = []
    for images in shown[1:]:
        begin = time.perf_counter()
        told = judge.step(images)
        times.append(time.perf_counter() - begin)
        assert 0.0 <= told.progress <= 1.0
    # About 10 ms on one idle core; the machine that runs tests may be slow and shared.
    assert min(times) < 0.1
    assert np.isfinite(told.deviation)
