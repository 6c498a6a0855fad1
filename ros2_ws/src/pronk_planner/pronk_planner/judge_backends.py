"""Judges by name, for the reward's node; what needs torch is imported only where it is asked for."""

from dataclasses import dataclass
from pathlib import Path

from controllers.errors import MissingModel, UnknownName
from policies.rewards.asked_judge import VIEWS
from policies.rewards.judge import Judge
from policies.rewards.local_judge import LOCAL, LocalJudge
from policies.rewards.plain_judges import PLAIN, make_plain_judge
from policies.rewards.served_judge import SERVED, ServedJudge, server_config

LEARNED = "learned"
JUDGES = (LEARNED, LOCAL, SERVED, *PLAIN)
# What plain judges look through where nothing else is said.
USUAL_VIEW = "corner4"


@dataclass(frozen=True)
class PublishedModel:
    """Where the published reward model is.

    Attributes:
        folder: For the judge "local": where it lies.
        url: For the judge "served": address of its server; empty for the usual one.
        name: For the judge "served": its name there; empty for the published one.
    """

    folder: str = ""
    url: str = ""
    name: str = ""


def make_judge(
    name: str,
    views: tuple[str, ...],
    size: int,
    world: str = "manipulation",
    published: PublishedModel | None = None,
) -> Judge:
    """Make a judge.

    Args:
        name: "learned", "local", "served", "pixels", "clock" or "positive".
        views: Cameras to look through; empty for all that it knows.
        size: Of the pictures of a judge that takes any [pixel].
        world: For the learned judge: "manipulation" or "arena".
        published: Where the published model is.

    Returns:
        The judge.

    Raises:
        UnknownName: There is no such judge or camera.
        MissingModel: Weights or packages are missing; the message says what brings them.
        InvalidValue: The published model cannot be had like this.
    """
    if name not in JUDGES:
        raise UnknownName("judge", name, JUDGES)
    model = published or PublishedModel()
    if name == SERVED:
        return ServedJudge(server_config(model.url, model.name), views or VIEWS, size)
    if name == LOCAL:
        asked = LocalJudge(Path(model.folder), views or VIEWS, size)
        # So that who starts it hears at once what is wrong, and the first judgement does not wait for gigabytes.
        asked.model.load()
        return asked
    if name != LEARNED:
        return make_plain_judge(name, views or (USUAL_VIEW,), size)
    try:
        from policies.rewards.floor_judge import FloorJudge
        from policies.rewards.learned_judge import LearnedJudge
    except ImportError as error:
        raise MissingModel(f"a learned judge needs torch ({error}): pip install 'pronk[learn]'") from error
    judge: Judge = FloorJudge(views=views or None) if world == "arena" else LearnedJudge(views=views or None)
    return judge
