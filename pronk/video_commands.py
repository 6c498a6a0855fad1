"""Commands of the video planner: train what it consists of."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from controllers.errors import InvalidValue, MissingModel
from pronk.terminal import split_names
from sim.episodes import Episode, find_episodes, read_episode

SPACE, CODEC = "space.safetensors", "codec"
VARIANTS = (CODEC, "in_domain", "prior", "union")
BUDGET = 2400
# Worlds of a prior look different from one another; one that shall bear that sees each clip in other colours.
PRIOR_TINT = 0.3


def read_episodes(data: str | None) -> list[Episode]:
    """Read all episodes of folders.

    Args:
        data: Folders that `pronk collect` has filled, with commas between them.

    Returns:
        Episodes in the order of their names.

    Raises:
        InvalidValue: There are none.
    """
    folders = split_names(data)
    if not folders:
        raise InvalidValue("this training needs --data: folders that 'pronk collect' has filled")
    episodes = [read_episode(path) for folder in folders for path in find_episodes(Path(folder))]
    if not episodes:
        raise InvalidValue(f"there are no episodes in {', '.join(folders)}")
    return episodes


def train_video(options: argparse.Namespace, console: Console) -> int:
    """Run `pronk train video`.

    Args:
        options: Words of the command line.
        console: For the progress.

    Returns:
        Exit code.

    Raises:
        InvalidValue: There is nothing to learn from, or nothing that may be learned from.
    """
    if options.variant == CODEC:
        return _fit_space(options, console)
    if options.codec is None:
        raise InvalidValue("'pronk train video' needs --codec: a file that 'pronk train video --variant codec' made")
    training, fitting = _torch_parts()
    from policies.video.latent_space import LatentSpace

    space = LatentSpace.load(options.codec)
    episodes = read_episodes(options.data)
    config = training.FlowTrainingConfig(
        fit=fitting.FitConfig(steps=options.budget or BUDGET, seed=options.seed),
        tint=PRIOR_TINT if options.variant == "prior" else 0.1,
    )
    command = (
        f"pronk train video --variant {options.variant} --data {options.data} --codec {options.codec} "
        f"--budget {config.fit.steps} --seed {config.fit.seed}"
    )
    run = training.FlowTraining(episodes, options.camera, space, config, options.out, command)
    console.print(f"{len(episodes)} episodes, {sum(e.info.steps for e in episodes)} steps")
    watch(run, config.fit.steps, console)
    console.print(f"results: {(options.out / training.BEST).resolve()}", soft_wrap=True)
    return 0


def train_cloning(options: argparse.Namespace, console: Console) -> int:
    """Run `pronk train cloning`.

    Args:
        options: Words of the command line.
        console: For the progress.

    Returns:
        Exit code.
    """
    _, fitting = _torch_parts()
    from policies.video import cloning

    episodes = read_episodes(options.data)
    config = cloning.CloningConfig(fit=fitting.FitConfig(steps=options.budget or BUDGET, batch=64, seed=options.seed))
    command = f"pronk train cloning --data {options.data} --budget {config.fit.steps} --seed {config.fit.seed}"
    run = cloning.CloningTraining(episodes, options.camera, config, options.out, command)
    watch(run, config.fit.steps, console)
    console.print(f"results: {(options.out / cloning.BEST).resolve()}", soft_wrap=True)
    return 0


def watch(run: Any, steps: int, console: Console) -> None:
    """Run a training and tell how it goes.

    Args:
        run: The training.
        steps: Batches at its end.
        console: For the progress.
    """
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        row = bar.add_task("batch", total=steps, completed=run.step)
        for step in run.run():
            bar.update(row, completed=step.step)
            bar.console.print(
                f"batch {step.step}: loss {step.loss:.4f}, held out: {step.error:.5f}, best: {step.best:.5f}"
            )


def _fit_space(options: argparse.Namespace, console: Console) -> int:
    from policies.video.clips import Clips, refuse_novel
    from policies.video.latent_space import fit_space

    many = []
    for folder in split_names(options.data) or ():
        episodes = read_episodes(folder)
        refuse_novel(episode.info for episode in episodes)
        many.append(Clips(episodes, options.camera, frames=8, steps_per_frame=5))
    if not many:
        raise InvalidValue("this training needs --data: folders that 'pronk collect' has filled")
    command = f"pronk train video --variant codec --data {options.data} --seed {options.seed}"
    fit_space(many, seed=options.seed).save(options.out / SPACE, command)
    console.print(f"results: {(options.out / SPACE).resolve()}", soft_wrap=True)
    return 0


def _torch_parts() -> tuple[Any, Any]:
    try:
        from policies.video import fitting, flow_training
    except ImportError as error:
        raise MissingModel(f"video models need torch ({error}): pip install 'pronk[learn]'") from error
    return flow_training, fitting
