"""The commands `pronk train rl` and `pronk eval rl`; import what they need only when they run."""

import argparse
from pathlib import Path
from typing import Any

from pronk.terminal import open_console

REWARDS = ("sparse", "shaped", "absolute", "naive")
VIDEO_PERIOD_S = 0.1


def add_rl(commands: Any) -> None:
    """Add the commands to the command line.

    Args:
        commands: What `add_subparsers` returned.
    """
    _add_train(commands)


def _add_train(commands: Any) -> None:
    parser = commands.add_parser("train rl", help="reinforcement learning from a demonstration, success and progress")
    parser.add_argument("--task", required=True, metavar="NAME", help="of manipulation or the arena, or ledge")
    parser.add_argument("--reward", default="shaped", metavar="NAME", help=f"{', '.join(REWARDS)}; default: shaped")
    _add_progress(parser)
    parser.add_argument("--demonstrations", type=int, default=1, metavar="N", help="of the expert; default: 1")
    parser.add_argument("--rollouts", type=int, default=150, metavar="N", help="in all; default: 150")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything; default: 0")
    parser.add_argument("--no-video", action="store_true", help="leave the video out")
    parser.add_argument("--out", type=Path, default=Path("results/rl"), metavar="DIR", help="default: results/rl")
    parser.set_defaults(run=_train_rl)


def _add_progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--progress", default="judge", metavar="NAME", help="judge (pictures) or oracle (simulator); default: judge"
    )
    parser.add_argument(
        "--judge", default="pixels", metavar="NAME", help="who judges pictures; pixels: their distance to the goal's"
    )


def _train_rl(options: argparse.Namespace) -> int:
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from policies.rewards.plain_judges import make_plain_judge
    from policies.rl.progress import JUDGED, NONE
    from policies.rl.reward_forms import SPARSE
    from policies.rl.setups import LEDGE_WORLD, RlSetup, make_decisions
    from policies.rl.training import CURVE, RlConfig, RlTraining
    from sim.video import write_video

    config = RlConfig(options.reward, options.demonstrations, options.rollouts, options.seed)
    progress = NONE if options.reward == SPARSE or options.task == LEDGE_WORLD else options.progress
    setup = RlSetup(options.task, progress)
    judge = make_plain_judge(options.judge, _views(setup.world)) if progress == JUDGED else None
    decisions, console = make_decisions(setup, options.seed, judge), open_console()
    try:
        name = f"{setup} {options.judge if progress == JUDGED else ''}"
        training = RlTraining(decisions, config, options.out, name)
        columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            row = bar.add_task("rollout", total=config.rollouts, completed=training.done)
            for step in training.run():
                bar.update(row, completed=step.rollouts)
                if step.evaluated is not None:
                    bar.console.print(f"{step.rollouts} rollouts: {100.0 * step.evaluated:.0f} % succeed without noise")
        if not options.no_video:
            pictures = training.record(training.evaluation_seed)
            write_video(options.out / "final.mp4", pictures, round(1.0 / VIDEO_PERIOD_S))
    finally:
        decisions.close()
    console.print(f"results: {(options.out / CURVE).resolve()}", soft_wrap=True)
    return 0


def _views(world: str) -> tuple[str, ...]:
    return ("top",) if world == "arena" else ("corner4",)
