"""Judges by name, for the reward's node; what needs torch is imported only where it is asked for."""

from controllers.errors import MissingModel, UnknownName
from policies.rewards.judge import Judge
from policies.rewards.plain_judges import PLAIN, make_plain_judge

LEARNED = "learned"
JUDGES = (LEARNED, *PLAIN)
# What plain judges look through where nothing else is said.
USUAL_VIEW = "corner4"


def make_judge(name: str, views: tuple[str, ...], size: int, world: str = "manipulation") -> Judge:
    """Make a judge.

    Args:
        name: "learned", "pixels", "clock" or "positive".
        views: Cameras to look through; empty for all that it knows.
        size: Of the pictures of a plain judge [pixel].
        world: For the learned judge: "manipulation" or "arena".

    Returns:
        The judge.

    Raises:
        UnknownName: There is no such judge or camera.
        MissingModel: Weights or packages are missing; the message says what brings them.
    """
    if name not in JUDGES:
        raise UnknownName("judge", name, JUDGES)
    if name != LEARNED:
        return make_plain_judge(name, views or (USUAL_VIEW,), size)
    try:
        from policies.rewards.learned_judge import LearnedJudge
        from policies.rewards.reward_model import RewardModel, weights_of
    except ImportError as error:
        raise MissingModel(f"a learned judge needs torch ({error}): pip install 'pronk[learn]'") from error
    judge: Judge = LearnedJudge(RewardModel.load(weights_of(world)), views=views or None)
    return judge
