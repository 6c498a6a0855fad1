"""Commands of the reward: train it and measure what it is worth."""

import argparse
import time

import numpy as np
import numpy.typing as npt
from rich.console import Console

from controllers.errors import InvalidValue, MissingModel
from policies.rewards.judge import Judge
from pronk.terminal import data_folders, open_bar, split_names
from sim.world_tasks import INSTRUCTIONS, MANIPULATION_NOVEL


def train_reward(options: argparse.Namespace, console: Console) -> int:
    """Run `pronk train reward`.

    Args:
        options: Words of the command line.
        console: For the progress.

    Returns:
        Exit code.

    Raises:
        InvalidValue: There are no episodes.
        MissingModel: torch or the sentence encoder is not installed.
    """
    try:
        import torch

        from policies.rewards.clips import load_clips
        from policies.rewards.reward_calibration import calibrate
        from policies.rewards.reward_model import RewardModel, recalibrate
        from policies.rewards.reward_training import WEIGHTS, RewardTraining, RewardTrainingConfig
        from policies.text import SentenceEncoder
    except ImportError as error:
        raise MissingModel(f"the reward needs torch ({error}): pip install 'pronk[learn]'") from error
    folders = data_folders(options.data, "'pronk train reward'")
    # One thread sums in one order: the same seed gives the same weights.
    torch.set_num_threads(1)
    config = RewardTrainingConfig(steps=options.budget, seed=options.seed)
    # What is judged as novel is never learned from, whatever the folders hold.
    clips = load_clips(folders, config.network.views, MANIPULATION_NOVEL)
    console.print(f"{len(clips)} episodes of {len({clip.task for clip in clips})} tasks")
    command = f"pronk train reward --data {options.data} --budget {config.steps} --seed {config.seed}"
    run = RewardTraining(clips, SentenceEncoder(), config, options.out, command, tuple(INSTRUCTIONS.values()))
    with open_bar(console) as bar:
        row = bar.add_task("batch", total=config.steps, completed=run.step)
        for step in run.run():
            bar.update(row, completed=step.step)
            bar.console.print(
                f"batch {step.step}: loss {step.loss:.3f}, tasks that are not learned: order {step.score.order:.3f}, "
                f"success {step.score.success:.3f}, error {step.score.error:.3f}"
            )
    kept = [clip for clip in clips if clip.task in config.validation_tasks]
    if kept:
        path = options.out / WEIGHTS
        found = calibrate(RewardModel.load(path), kept, np.random.default_rng(config.seed))
        recalibrate(path, found)
        console.print(f"calibrated: {found}")
    console.print(f"results: {(options.out / WEIGHTS).resolve()}", soft_wrap=True)
    return 0


def evaluate_reward(options: argparse.Namespace, console: Console) -> int:
    """Run `pronk eval rewards`.

    Args:
        options: Words of the command line.
        console: For progress and table.

    Returns:
        Exit code: 1 where a check was asked for and a target is missed.

    Raises:
        InvalidValue: There are no episodes, or some are of tasks that the network has learned.
        MissingModel: torch, the weights or the published model are not there.
    """
    try:
        import torch

        from evaluation.published_judges import find_published
        from evaluation.reward_methods import choose_methods
        from evaluation.reward_trials import RewardTrials, digest_of
        from evaluation.rewards import evaluate_rewards
        from policies.checkpoints import load_weights
        from policies.rewards.clips import load_clips
        from policies.rewards.learned_judge import LearnedJudge
        from policies.rewards.reward_model import COMMAND, WEIGHTS, RewardModel
    except ImportError as error:
        raise MissingModel(f"the reward needs torch ({error}): pip install 'pronk[learn]'") from error
    folders = data_folders(options.data, "'pronk eval rewards'")
    torch.set_num_threads(1)
    weights = options.weights or WEIGHTS
    model, (_, texts) = RewardModel.load(weights), load_weights(weights, COMMAND)
    clips = load_clips(folders, model.config.views)
    learned = sorted({clip.task for clip in clips} & set(texts.get("tasks", "").split(",")))
    if learned:
        raise InvalidValue(f"the network has learned {', '.join(learned)}: only tasks that are new to it may be judged")
    chosen = split_names(options.methods)
    views, size = model.config.views, model.config.size
    published = find_published(options.model_folder, options.server_url, options.server_model, views, size)
    methods = choose_methods(None if chosen is None else list(chosen), views, published)
    trials = RewardTrials(model, clips, methods, options.out, digest_of(weights, clips), published)
    thresholds = {m.name: model.calibration.threshold if m.is_learned else 0.5 for m in methods}
    speed = _step_ms(LearnedJudge(model), clips[0].images, clips[0].instruction)
    console.print(f"{len(clips)} episodes; {speed:.1f} ms per state on one thread of this machine")
    _, reached = evaluate_rewards(
        trials, methods, thresholds, options.out, console, {"step_ms": speed, "weights": dict(texts)}
    )
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return int(options.check and not reached)


def _step_ms(judge: Judge, images: npt.NDArray[np.uint8], instruction: str) -> float:
    """Median time of a step with all cameras and a goal [ms]."""
    shown = [{view: state[i] for i, view in enumerate(judge.views)} for state in images]
    judge.begin(shown[0], instruction, shown[-1])
    times = []
    for state in shown[1:]:
        begin = time.perf_counter()
        judge.step(state)
        times.append(time.perf_counter() - begin)
    return float(1e3 * np.median(times))
