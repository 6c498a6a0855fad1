"""Makes the learned judge know a task from the one demonstration that the learner gets, too."""

from dataclasses import dataclass, field

import numpy as np

from policies.rewards.adaptation import AdaptationConfig, adapt
from policies.rewards.clips import Clip
from policies.rewards.judge import Judge, Pictures
from policies.rewards.learned_judge import LearnedJudge
from policies.rewards.reward_model import RewardModel


@dataclass(frozen=True)
class OneShot:
    """A `policies.rl.setups.Adapt`: adapts a model and judges by the result.

    Attributes:
        model: What is adapted; it is left as it is.
        config: Settings of the adaptation.
    """

    model: RewardModel
    config: AdaptationConfig = field(default_factory=AdaptationConfig)

    def __call__(self, judge: Judge, pictures: Pictures, instruction: str) -> Judge:
        """Adapt.

        Args:
            judge: Of the model as it was; its cameras are kept.
            pictures: Of all states of a demonstration by camera, shape (T + 1, size, size, 3) each; the last one shows
                the success.
            instruction: What was done.

        Returns:
            A judge that knows the task.
        """
        return LearnedJudge(adapt(self.model, clip_of(pictures, instruction, self.model.config.views), self.config))


def clip_of(pictures: Pictures, instruction: str, views: tuple[str, ...]) -> Clip:
    """Label a demonstration by time: an expert's progress is taken to be even.

    Args:
        pictures: By camera, shape (T + 1, size, size, 3) each.
        instruction: What was done.
        views: Cameras in the order of the model.

    Returns:
        The clip, whose last state alone is a success.
    """
    images = np.stack([np.asarray(pictures[view]) for view in views], axis=1)
    share = np.linspace(0.0, 1.0, len(images))
    return Clip("demonstration", "usual", instruction, 0, True, images, share, share, share == 1.0)
