"""The mean of the weights that several fine-tunings ended with.

Fine-tunings on a few rollouts each end somewhere else around the same good place, and the mean of their weights is
nearer to it than each of them: Wortsman et al., *Model soups*, arXiv 2203.05482. One that went wrong is outvoted.
"""

from pathlib import Path

from policies.checkpoints import load_weights, save_arrays

COMMAND = "pronk train sail"
TRAININGS = "trainings"


def write_mean(before: Path, fresh: Path, mean: Path) -> None:
    """Add a fine-tuning to a mean.

    The first fine-tuning is taken as it is: what a loop begins with is no part of the mean.

    Args:
        before: Weights that the fine-tuning began with: a mean that this function wrote, or what the loop began with.
        fresh: Weights that it ended with, of the same network.
        mean: Where the new mean goes, in half precision; it may have vectors of words that `before` lacks.

    Raises:
        MissingModel: A file is not there.
        InvalidValue: A file is damaged.
        OSError: The mean cannot be written.
    """
    arrays, texts = load_weights(fresh, COMMAND)
    earlier, about = load_weights(before, COMMAND)
    trainings = 1 + int(about.get(TRAININGS, "0"))
    mixed = {
        name: earlier[name] + (array - earlier[name]) / trainings if name in earlier else array
        for name, array in arrays.items()
    }
    save_arrays(mean, mixed, {**texts, TRAININGS: str(trainings)}, kind="F16")
