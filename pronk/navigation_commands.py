"""`pronk train navigation`."""

import argparse
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from controllers.errors import MissingModel, UnknownName

if TYPE_CHECKING:
    from policies.navigation.training import Training

ALGORITHMS = ("evolution", "ppo")


def _make_training(options: argparse.Namespace) -> "Training":
    given = {} if options.budget is None else {"budget": options.budget}
    if options.algorithm == "evolution":
        from policies.navigation.evolution_training import EvolutionTraining, EvolutionTrainingConfig

        return EvolutionTraining(EvolutionTrainingConfig(options.variant, seed=options.seed, **given), options.out)
    if options.algorithm == "ppo":
        try:
            import torch

            from policies.navigation.ppo_training import PpoTraining, PpoTrainingConfig
        except ImportError as error:
            raise MissingModel(f"training by ppo needs torch ({error}): pip install 'pronk[learn]'") from error
        # One thread sums in one order: the same seed gives the same weights.
        torch.set_num_threads(1)
        return PpoTraining(PpoTrainingConfig(options.variant, seed=options.seed, **given), options.out)
    raise UnknownName("training algorithm", options.algorithm, ALGORITHMS)


def train_navigation(options: argparse.Namespace, console: Console) -> int:
    """Train the network that tunes the navigation filter.

    Args:
        options: Arguments of the command.
        console: Where progress is shown.

    Returns:
        Exit code.

    Raises:
        UnknownName: There is no such variant or algorithm.
        InvalidValue: The folder holds another training.
        MissingModel: PPO is asked for, and torch is not installed.
    """
    from policies.navigation.training import BEST

    training = _make_training(options)
    with Progress(console=console) as bar:
        task = bar.add_task("generation", total=training.config.budget, completed=training.generation)
        for progress in training.run():
            bar.update(task, completed=progress.generation)
            if progress.validation is not None:
                found = progress.validation
                bar.console.print(
                    f"generation {progress.generation} ({progress.agent_steps / 1e6:.1f} million agent steps): "
                    f"validation cost {found['cost_s']:.3f} s, "
                    f"success {100.0 * found['success']:.1f} %, extra time {found['extra_time_s']:.2f} s, "
                    f"SPL {found['spl']:.3f}; best: {progress.best:.3f} s in generation {progress.best_generation}"
                )
    if training.best_generation == 0:
        console.print("nothing better than the hand-made schedule was found; the weights are those of no training")
    console.print(f"results: {(options.out / BEST).resolve()}", soft_wrap=True)
    return 0
