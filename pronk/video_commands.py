"""The commands of the video planner: train its parts, `pronk gate`, `pronk eval planner`, `pronk demo-planner`.

They import what they need only when they run.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from pronk.terminal import data_folders, open_bar, open_console, split_names

TRAINING = "this training"
SPACE, CODEC = "space.safetensors", "codec"
VARIANTS = (CODEC, "in_domain", "prior", "union")
BUDGET = 2400
# Learning rate of a network from random weights, and of one that goes on from another.
RATE, FINE_RATE, FLOOR_RATE = 1e-3, 7e-4, 2e-3
# Worlds of a prior look different from one another; one that shall bear that sees each clip in other colours.
PRIOR_TINT = 0.3


def add_video(commands: Any) -> None:
    """Add the commands to the command line.

    Args:
        commands: What `add_subparsers` returned.
    """
    for subject, run, default in (("video", train_video, BUDGET), ("cloning", train_cloning, BUDGET)):
        text = {"video": "train a video model", "cloning": "clone demonstrations, to compare planners with"}[subject]
        parser = commands.add_parser(f"train {subject}", help=f"{text}; goes on where it was stopped")
        if subject == "video":
            parser.add_argument("--variant", default="in_domain", choices=VARIANTS, help="default: in_domain")
            parser.add_argument("--start", type=Path, metavar="FILE", help="a video model to go on from")
            parser.add_argument("--codec", type=Path, metavar="FILE", help="of --variant codec; a --start has its own")
        parser.add_argument("--data", metavar="DIR,…", help="folders of `pronk collect`")
        parser.add_argument("--camera", default="corner4", metavar="NAME", help="pictures; default: corner4")
        parser.add_argument("--budget", type=int, default=default, metavar="N", help=f"batches; default: {default}")
        parser.add_argument("--seed", type=int, default=0, metavar="N", help="of weights and batches; default: 0")
        _add_out(parser, f"results/{subject}")
        parser.set_defaults(run=run)
    _add_gate(commands.add_parser("gate", help="success of perfect plans with learned inverse dynamics"))
    _add_eval(commands.add_parser("eval planner", help="success of planners, split into imagining and acting"))
    _add_demo(commands.add_parser("demo-planner", help="imagine a task from an instruction, and do it"))


def _add_out(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--out", type=Path, default=Path(default), metavar="DIR", help=f"default: {default}")


def _add_gate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("world", choices=("manipulation", "arena"), help="where")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="inverse dynamics; none: only what is not learned")
    parser.add_argument("--tasks", default="novel", metavar="NAME,…", help="tasks, or train, novel, prior, all")
    parser.add_argument("--seeds", default="0:10", metavar="A:B", help="seeds A … B-1, or a,b,c; default: 0:10")
    parser.add_argument("--steps", type=int, default=5, metavar="K", help="of a plan; default: 5")
    _add_out(parser, "results/gate")
    parser.set_defaults(run=_gate)


def _gate(options: argparse.Namespace) -> int:
    from pronk.planner_commands import run_gate

    return run_gate(options, open_console())


def _add_eval(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--world", default="manipulation", choices=("manipulation", "arena"), help="which body")
    parser.add_argument("--tasks", default="train", metavar="NAME,…", help="tasks, or train, novel; default: train")
    parser.add_argument("--methods", metavar="NAME,…", help="default: all whose weights are shipped")
    parser.add_argument("--pipeline", type=Path, metavar="DIR", help="method 'open': a video model of diffusers")
    parser.add_argument("--seeds", default="0:10", metavar="A:B", help="seeds A … B-1, or a,b,c; default: 0:10")
    parser.add_argument("--frames", type=int, default=1, metavar="K", help="of a plan that are acted out; default: 1")
    parser.add_argument(
        "--stalled-frames", type=int, default=4, metavar="K", help="of it where a hand stands still; default: 4"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="default: those that are shipped")
    _add_out(parser, "results/planner")
    parser.set_defaults(run=evaluate_planner)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", default="plate-slide-side", metavar="NAME", help="default: plate-slide-side")
    parser.add_argument("--instruction", metavar="TEXT", help="in your own words; default: that of the task")
    parser.add_argument("--method", metavar="NAME", help="default: in_domain, or open with a pipeline")
    parser.add_argument("--pipeline", type=Path, metavar="DIR", help="method 'open': a video model of diffusers")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the episode; default: 0")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="default: those that are shipped")
    _add_out(parser, "results/demo-planner")
    parser.set_defaults(run=demo_planner)


def read_episodes(data: str | None, asker: str = TRAINING) -> list[Any]:
    """Read all episodes of folders.

    Args:
        data: Folders that `pronk collect` has filled, with commas between them.
        asker: Who needs them, for the message.

    Returns:
        Episodes in the order of their names.

    Raises:
        InvalidValue: There are none.
    """
    from controllers.errors import InvalidValue
    from sim.episodes import find_episodes, read_episode

    folders = data_folders(data, asker)
    episodes = [read_episode(path) for folder in folders for path in find_episodes(folder)]
    if not episodes:
        raise InvalidValue(f"there are no episodes in {', '.join(map(str, folders))}")
    return episodes


def train_video(options: argparse.Namespace) -> int:
    """Run `pronk train video`.

    Args:
        options: Words of the command line.

    Returns:
        Exit code.

    Raises:
        InvalidValue: There is nothing to learn from, or nothing that may be learned from.
    """
    from controllers.errors import InvalidValue
    from sim.world_tasks import ARENA

    console = open_console()
    if options.variant == CODEC:
        return _fit_space(options, console)
    training, fitting = _torch_parts()
    episodes = read_episodes(options.data)
    if episodes[0].info.world == ARENA:
        return _train_floor(options, episodes, console)
    from policies.video.flow_model import FlowModel
    from policies.video.latent_space import LatentSpace

    start = None if options.start is None else FlowModel.load(options.start)
    rate = RATE if start is None else FINE_RATE
    if options.codec is not None:
        space = LatentSpace.load(options.codec)
    elif start is not None:
        space = start.space
    else:
        raise InvalidValue(
            "'pronk train video' needs --codec, a file that 'pronk train video --variant codec' made, or --start, "
            "whose model brings its own"
        )
    config = training.FlowTrainingConfig(
        fit=fitting.FitConfig(steps=options.budget, seed=options.seed, rate=rate),
        tint=PRIOR_TINT if options.variant == "prior" else 0.1,
    )
    command = (
        f"pronk train video --variant {options.variant} --data {options.data} --budget {config.fit.steps} "
        f"--seed {config.fit.seed}"
    )
    command += f" --codec {options.codec}" if options.codec is not None else ""
    command += f" --start {options.start}" if start is not None else ""
    run = training.FlowTraining(episodes, options.camera, space, config, options.out, command, start)
    console.print(f"{len(episodes)} episodes, {sum(e.info.steps for e in episodes)} steps")
    watch(run, config.fit.steps, console)
    console.print(f"results: {(options.out / training.BEST).resolve()}", soft_wrap=True)
    return 0


def train_cloning(options: argparse.Namespace) -> int:
    """Run `pronk train cloning`.

    Args:
        options: Words of the command line.

    Returns:
        Exit code.
    """
    _, fitting = _torch_parts()
    from policies.video import cloning

    console = open_console()
    episodes = read_episodes(options.data)
    config = cloning.CloningConfig(fit=fitting.FitConfig(steps=options.budget, batch=64, seed=options.seed))
    command = f"pronk train cloning --data {options.data} --budget {config.fit.steps} --seed {config.fit.seed}"
    run = cloning.CloningTraining(episodes, options.camera, config, options.out, command)
    watch(run, config.fit.steps, console)
    console.print(f"results: {(options.out / cloning.BEST).resolve()}", soft_wrap=True)
    return 0


def watch(run: Any, steps: int, console: Any) -> None:
    """Run a training and tell how it goes.

    Args:
        run: The training.
        steps: Batches at its end.
        console: For the progress.
    """
    with open_bar(console) as bar:
        row = bar.add_task("batch", total=steps, completed=run.step)
        for step in run.run():
            bar.update(row, completed=step.step)
            bar.console.print(
                f"batch {step.step}: loss {step.loss:.4f}, held out: {step.error:.5f}, best: {step.best:.5f}"
            )


def evaluate_planner(options: argparse.Namespace) -> int:
    """Run `pronk eval planner`.

    Args:
        options: Words of the command line.

    Returns:
        Exit code.
    """
    _torch_parts()
    from evaluation.planner import REFERENCES, PlannerSuite, measure
    from evaluation.suite import parse_seeds
    from policies.video.commitment import CommitmentConfig
    from policies.video.open_video import OPEN
    from policies.video.shipped import SHIPPED_IN
    from sim.world_tasks import find_tasks

    given: dict[str, Any] = {"methods": (*REFERENCES, *SHIPPED_IN[options.world])}
    given |= {"weights": options.weights} if options.weights is not None else {}
    if options.methods is not None:
        given["methods"] = tuple(split_names(options.methods) or ())
    elif options.pipeline is not None:
        given["methods"] = (*given["methods"], OPEN)
    tasks, seeds = find_tasks(options.world, split_names(options.tasks) or ()), tuple(parse_seeds(options.seeds))
    given["commitment"] = CommitmentConfig(options.frames, stalled_frames=options.stalled_frames)
    suite = PlannerSuite(options.world, tasks, seeds=seeds, pipeline=options.pipeline, **given)
    console = open_console()
    measure(suite, options.out, console)
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0


def demo_planner(options: argparse.Namespace) -> int:
    """Run `pronk demo-planner`.

    Args:
        options: Words of the command line.

    Returns:
        Exit code: 1 where the task did not succeed.
    """
    _torch_parts()
    from evaluation.planner_pictures import write_side_by_side, write_strip
    from policies.video.execution import ExecutionConfig, execute
    from policies.video.open_video import OPEN
    from policies.video.shipped import DEFAULT, WEIGHTS, load_planner
    from sim.image_world import WorldConfig
    from sim.world_tasks import MANIPULATION
    from sim.worlds import make_world

    console = open_console()
    method = options.method or (DEFAULT if options.pipeline is None else OPEN)
    planner = load_planner(method, MANIPULATION, options.weights or WEIGHTS, pipeline=options.pipeline)
    world = make_world(MANIPULATION, options.task, WorldConfig())
    if options.instruction is not None:
        world.instruction = options.instruction
    console.print(f"'{world.instruction}' on {options.task}, planned by {method}")
    try:
        rollout = execute(world, planner, options.seed, ExecutionConfig(record=True))
    finally:
        world.close()
    label = f"{options.task}: {world.instruction}"
    write_side_by_side(options.out / "imagined_and_real.mp4", rollout, world.cameras[0], label)
    write_strip(options.out / "plans.png", rollout)
    mean = sum(plan.confidence for plan in rollout.plans) / len(rollout.plans)
    found = "success" if rollout.success else "no success"
    console.print(f"{found} after {rollout.steps} steps and {len(rollout.plans)} plans, mean confidence {mean:.2f}")
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0 if rollout.success else 1


def _train_floor(options: argparse.Namespace, episodes: list[Any], console: Any) -> int:
    """Train the model of a floor seen from above: it needs no codec, and there is but one kind of it.

    Who goes on from a model that has seen many tasks looks at those that were demonstrated half of the time.
    """
    from controllers.errors import InvalidValue
    from policies.video.fitting import FitConfig
    from policies.video.floor_training import BEST, FloorTraining, FloorTrainingConfig

    if options.variant != "in_domain" or options.codec is not None:
        raise InvalidValue("for the arena 'pronk train video' knows the variant in_domain only, and needs no codec")
    start, config = None, FloorTrainingConfig(FitConfig(steps=options.budget, seed=options.seed, rate=FLOOR_RATE))
    command = f"pronk train video --data {options.data} --camera {options.camera} --budget {config.fit.steps}"
    if options.start is not None:
        from policies.video.floor_model import FloorModel

        start = FloorModel.load(options.start)
        config = replace(config, fit=replace(config.fit, rate=FINE_RATE), demonstrated=0.5)
        command += f" --start {options.start}"
    command += f" --seed {config.fit.seed}"
    run = FloorTraining(episodes, options.camera, config, options.out, command, start)
    console.print(f"{len(episodes)} episodes, {sum(e.info.steps for e in episodes)} steps")
    watch(run, config.fit.steps, console)
    console.print(f"results: {(options.out / BEST).resolve()}", soft_wrap=True)
    return 0


def _fit_space(options: argparse.Namespace, console: Any) -> int:
    from policies.video.clips import Clips, refuse_novel
    from policies.video.latent_space import fit_space

    many = []
    for folder in data_folders(options.data, TRAINING):
        episodes = read_episodes(str(folder))
        refuse_novel(episode.info for episode in episodes)
        many.append(Clips(episodes, options.camera, frames=8, steps_per_frame=5))
    command = f"pronk train video --variant codec --data {options.data} --seed {options.seed}"
    fit_space(many, seed=options.seed).save(options.out / SPACE, command)
    console.print(f"results: {(options.out / SPACE).resolve()}", soft_wrap=True)
    return 0


def _torch_parts() -> tuple[Any, Any]:
    from controllers.errors import MissingModel

    try:
        from policies.video import fitting, flow_training
    except ImportError as error:
        raise MissingModel(f"video models need torch ({error}): pip install 'pronk[learn]'") from error
    return flow_training, fitting
