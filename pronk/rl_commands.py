"""The commands `pronk train rl` and `pronk eval rl`; import what they need only when they run."""

import argparse
from pathlib import Path
from typing import Any

from pronk.terminal import open_bar, open_console, split_names

REWARDS = ("sparse", "shaped", "absolute", "naive")
VIDEO_PERIOD_S = 0.1


def add_rl(commands: Any) -> None:
    """Add the commands to the command line.

    Args:
        commands: What `add_subparsers` returned.
    """
    _add_train(commands)
    _add_eval(commands)


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


def _add_eval(commands: Any) -> None:
    parser = commands.add_parser("eval rl", help="compare rewards: success, rollouts, curves; goes on where it was")
    parser.add_argument("--tasks", metavar="NAME,…", help="of manipulation or the arena, or ledge; default: all four")
    methods = "sparse, or a form and a source of progress, such as shaped:learned, shaped:oracle, absolute:oracle"
    parser.add_argument("--methods", metavar="NAME,…", help=methods)
    parser.add_argument("--seeds", default="0:3", metavar="A:B", help="seeds A … B-1, or a,b,c; default: 0:3")
    parser.add_argument("--rollouts", type=int, default=150, metavar="N", help="of each training; default: 150")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trainings at the same time")
    parser.add_argument("--engine", default="process", metavar="NAME", help="process, or ray (extra 'ray')")
    parser.add_argument("--out", type=Path, default=Path("results/eval_rl"), metavar="DIR", help="results")
    parser.set_defaults(run=_eval_rl)


def _eval_rl(options: argparse.Namespace) -> int:
    from evaluation.rl import METHODS, TASKS, evaluate_rl
    from evaluation.suite import parse_seeds

    tasks, methods = split_names(options.tasks) or TASKS, split_names(options.methods) or METHODS
    console, seeds = open_console(), parse_seeds(options.seeds)
    evaluate_rl(tasks, methods, seeds, options.rollouts, options.out, console, options.jobs, options.engine)
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0


def _add_progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--progress", default="judge", metavar="NAME", help="judge (pictures) or oracle (simulator); default: judge"
    )
    parser.add_argument(
        "--judge", default="learned", metavar="NAME", help="learned, or pixels: distance to the goal's pictures"
    )


def _train_rl(options: argparse.Namespace) -> int:
    from policies.rl.progress import JUDGED, NONE
    from policies.rl.reward_forms import SPARSE
    from policies.rl.setups import LEDGE_WORLD, RlSetup, make_decisions, make_judge
    from policies.rl.training import CURVE, RlConfig, RlTraining
    from sim.video import write_video

    config = RlConfig(options.reward, options.demonstrations, options.rollouts, options.seed)
    progress = NONE if options.reward == SPARSE or options.task == LEDGE_WORLD else options.progress
    setup = RlSetup(options.task, progress)
    judge, adapt = make_judge(options.judge, setup.world) if progress == JUDGED else (None, None)
    decisions, console = make_decisions(setup, options.seed, judge, adapt), open_console()
    try:
        name = f"{setup} {options.judge if progress == JUDGED else ''}"
        training = RlTraining(decisions, config, options.out, name)
        with open_bar(console) as bar:
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
