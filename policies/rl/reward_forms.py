"""What a learner is paid: success alone, shaped progress, or progress in the two ways that are known to go wrong.

All forms give the reward of the task on top, see the same values and the same ends, and differ in nothing else:

- *sparse*: the reward of the task, r;
- *shaped*: r + γ^k Φ' - Φ, zero behind an end (policies.rewards.shaping), which leaves the optimum alone;
- *absolute*: r + Φ'. To be near the goal for ever is worth Φ / (1 - γ^k), to be done only 1, so to be done is a loss;
- *naive*: r + Φ' - Φ, without discount and without a zero behind an end: a hidden wage of (1 - γ^k) Φ' for waiting.
"""

from dataclasses import replace

import numpy as np

from controllers.errors import UnknownName
from policies.rewards.shaped_episodes import ShapedEpisode
from policies.rewards.shaping import ShapingConfig

SPARSE, SHAPED, ABSOLUTE, NAIVE = "sparse", "shaped", "absolute", "naive"
FORMS = (SPARSE, SHAPED, ABSOLUTE, NAIVE)


def pay(episode: ShapedEpisode, form: str, config: ShapingConfig) -> tuple[ShapedEpisode, ShapingConfig]:
    """Put an episode and its shaping into the form that is learned from.

    Args:
        episode: As it was stored, with the reward of the task.
        form: One of `FORMS`.
        config: Settings of shaping.

    Returns:
        The episode with what the form pays for each decision, and settings whose shaping adds what is missing.

    Raises:
        UnknownName: There is no such form.
    """
    if form not in FORMS:
        raise UnknownName("form of reward", form, FORMS)
    if form == SHAPED:
        return episode, config
    quiet = replace(config, scale=0.0)
    if form == SPARSE:
        return episode, quiet
    potential = config.potential(episode.value)
    extra = potential[1:] if form == ABSOLUTE else np.diff(potential)
    return replace(episode, reward=episode.reward + extra), quiet
