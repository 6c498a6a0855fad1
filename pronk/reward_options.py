"""The words of `pronk train reward` and `pronk eval rewards`; what runs them is imported only then."""

import argparse
from pathlib import Path
from typing import Any

from pronk.terminal import open_console

BATCHES = 1500


def add_reward(commands: Any) -> None:
    """Add the commands to the command line.

    Args:
        commands: What `add_subparsers` returned.
    """
    training = commands.add_parser("train reward", help="train the process reward model; goes on where it was stopped")
    training.add_argument("--data", required=True, metavar="DIR,…", help="folders of `pronk collect`")
    training.add_argument("--budget", type=int, default=BATCHES, metavar="N", help=f"batches; default: {BATCHES}")
    training.add_argument("--seed", type=int, default=0, metavar="N", help="of weights and batches; default: 0")
    training.add_argument(
        "--out", type=Path, default=Path("results/reward"), metavar="DIR", help="default: results/reward"
    )
    training.set_defaults(run=_train)

    evaluation = commands.add_parser("eval rewards", help="judge tasks that the reward model did not learn")
    evaluation.add_argument("--data", required=True, metavar="DIR,…", help="folders of `pronk collect`, of such tasks")
    evaluation.add_argument("--weights", type=Path, metavar="FILE", help="of the model; default: the shipped ones")
    evaluation.add_argument("--methods", metavar="NAME,…", help="judges, such as goal, adapted/mean; default: all")
    evaluation.add_argument("--model-folder", type=Path, metavar="DIR", help="judge 'local': the published model there")
    evaluation.add_argument("--server-url", metavar="URL", help="judge 'served': a server of the published model")
    evaluation.add_argument("--server-model", default="", metavar="NAME", help="its name there; default: as published")
    evaluation.add_argument("--check", action="store_true", help="exit with 1 unless every target is reached")
    evaluation.add_argument("--out", type=Path, default=Path("results/rewards"), metavar="DIR", help="results")
    evaluation.set_defaults(run=_evaluate)


def _train(options: argparse.Namespace) -> int:
    from pronk.reward_commands import train_reward

    return train_reward(options, open_console())


def _evaluate(options: argparse.Namespace) -> int:
    from pronk.reward_commands import evaluate_reward

    return evaluate_reward(options, open_console())
