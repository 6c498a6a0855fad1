"""Commands of the planner: collect episodes, train inverse dynamics, measure what it is worth."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from controllers.errors import InvalidValue, MissingModel
from pronk.terminal import open_bar, split_names
from pronk.video_commands import read_episodes
from sim.behaviours import Behaviour
from sim.collection import PLANNED, Collection, collect
from sim.episodes import Episode
from sim.image_world import WorldConfig
from sim.world_tasks import find_tasks

# Learning rate of a network that goes on from another.
FINE_RATE = 3e-4
IMAGINED_MOMENTS = 2400


def collect_episodes(options: argparse.Namespace, console: Console) -> int:
    """Run `pronk collect`.

    Args:
        options: Words of the command line.
        console: For the progress.

    Returns:
        Exit code.

    Raises:
        InvalidValue: Weights are told for who needs none, or as `sim.collection.collect` says.
        UnknownName: There is no such task or behaviour.
        MissingModel: A package or the planner's weights are not there.
    """
    if options.weights is not None and options.behaviour != PLANNED:
        raise InvalidValue(f"--weights are those of the behaviour '{PLANNED}', got '{options.behaviour}'")
    cameras = tuple(split_names(options.cameras) or ()) or None
    config = WorldConfig(options.size, cameras, options.horizon, not options.full, options.look, options.linger)
    names = tuple(split_names(options.tasks) or ())
    collection = Collection(
        *(options.world, names, options.episodes, options.seed, options.behaviour, options.successes, config),
        every=options.every,
        ahead=options.ahead,
    )
    recorded = successful = total = 0
    with open_bar(console) as bar:
        row = bar.add_task("episodes", total=len(find_tasks(options.world, names)) * options.episodes)
        for step in collect(collection, options.out, _planned(options) if options.behaviour == PLANNED else None):
            bar.update(row, completed=step.done, description=step.info.task)
            recorded, successful, total = recorded + step.fresh, successful + step.info.successful, total + 1
    console.print(f"{total} episodes, {recorded} of them new, {successful} successful")
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0


def _planned(options: argparse.Namespace) -> Callable[[], Behaviour]:
    """Make what makes the shipped planner act, or that of a folder."""
    try:
        from policies.video.planned_behaviour import PlannedBehaviour
        from policies.video.shipped import WEIGHTS, load_planner
    except ImportError as error:
        raise MissingModel(f"the planner needs torch ({error}): pip install 'pronk[learn]'") from error
    planner = load_planner(world=options.world, folder=options.weights or WEIGHTS)
    return lambda: PlannedBehaviour(planner)


def _torch_parts() -> tuple[Any, Any]:
    try:
        from policies.video import inverse_model, inverse_training
    except ImportError as error:
        raise MissingModel(f"inverse dynamics needs torch ({error}): pip install 'pronk[learn]'") from error
    return inverse_model, inverse_training


def train_inverse(options: argparse.Namespace, console: Console) -> int:
    """Run `pronk train inverse`.

    Args:
        options: Words of the command line.
        console: For the progress.

    Returns:
        Exit code.

    Raises:
        InvalidValue: There are no episodes.
    """
    _, training = _torch_parts()
    episodes = read_episodes(options.data, "'pronk train inverse'")
    start, imagined = None, None
    if options.start is not None:
        start = _torch_parts()[0].InverseModel.load(options.start)
    if options.imagined is not None:
        imagined = _imagine(options, episodes)
    rate = 1e-3 if start is None else FINE_RATE
    config = training.InverseTrainingConfig(steps=options.budget or 4000, seed=options.seed, rate=rate)
    command = f"pronk train inverse --data {options.data} --budget {config.steps} --seed {config.seed}"
    for name, given in (("start", options.start), ("imagined", options.imagined)):
        command += f" --{name} {given}" if given is not None else ""
    if options.single_step:
        config, command = replace(config, strides=(1, 1), reversed_share=0.0), f"{command} --single-step"
    run = training.InverseTraining(episodes, options.camera, config, options.out, command, start, imagined)
    console.print(f"{len(episodes)} episodes, {sum(e.info.steps for e in episodes)} steps")
    with open_bar(console) as bar:
        row = bar.add_task("batch", total=config.steps, completed=run.step)
        for step in run.run():
            bar.update(row, completed=step.step)
            bar.console.print(
                f"batch {step.step}: loss {step.loss:.3f}, held out: median error {100.0 * step.error_m:.2f} cm, "
                f"gripper {100.0 * step.gripper_accuracy:.1f} %; best: {100.0 * step.best_m:.2f} cm"
            )
    console.print(f"results: {(options.out / training.BEST).resolve()}", soft_wrap=True)
    return 0


def _imagine(options: argparse.Namespace, episodes: Sequence[Episode]) -> Any:
    """Imagine on from the demonstrations of tasks that the video model knows."""
    from policies.video.adaptation import IN_DOMAIN, Adaptation
    from policies.video.adapted_video import AdaptedVideo
    from policies.video.flow_model import FlowModel
    from policies.video.imagined_pairs import imagine_pairs

    model = FlowModel.load(options.imagined)
    shown = [e for e in episodes if e.info.behaviour == "expert" and e.info.instruction in model.trained]
    video = AdaptedVideo(model, None, Adaptation(IN_DOMAIN))
    return imagine_pairs(shown, options.camera, video, IMAGINED_MOMENTS, 2, options.seed)


def run_gate(options: argparse.Namespace, console: Console) -> int:
    """Run `pronk gate`.

    Args:
        options: Words of the command line.
        console: For the progress.

    Returns:
        Exit code.
    """
    from evaluation.inverse_gate import gate
    from evaluation.suite import parse_seeds

    infer = None
    if options.weights is not None:
        model, _ = _torch_parts()
        infer = model.InverseModel.load(options.weights).infer
    tasks = find_tasks(options.world, split_names(options.tasks) or ())
    gate(options.world, tasks, parse_seeds(options.seeds), infer, options.steps, options.out, console)
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0
