"""Judges that an evaluation of rewards compares, and what each of them is asked."""

from collections.abc import Iterable
from dataclasses import dataclass

from controllers.errors import UnknownName

DUMMIES = ("clock", "positive", "pixels")
# What a judge knows of a new task: its instruction; a demonstration's pictures; the same, and it has learned from them.
WORDS, GOAL, ADAPTED = "words", "goal", "adapted"
KNOWLEDGE = (WORDS, GOAL, ADAPTED)
SIDES = ("incremental", "forward", "backward", "mean", "consistency")


@dataclass(frozen=True)
class RewardMethod:
    """A judge.

    Attributes:
        name: As it stands in tables.
        knowledge: "words", "goal" or "adapted"; for a judge without learning what it is shown.
        dummy: Name of a judge without learning; empty for others.
        published: Whether it is the published model, which nothing is taught here.
        fusion: How the three sides become one.
        view: The only camera; empty for all.
    """

    name: str
    knowledge: str
    dummy: str = ""
    published: bool = False
    fusion: str = "inverse_variance"
    view: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether everything is asked; of variants of the fusion only order is, since that alone differs."""
        return self.fusion == "inverse_variance" and not self.view

    @property
    def is_learned(self) -> bool:
        """Whether it is one of ours, whose chance of success is calibrated."""
        return not self.dummy and not self.published


def reward_methods(views: tuple[str, ...], published: Iterable[str] = ()) -> tuple[RewardMethod, ...]:
    """List the judges.

    Args:
        views: Cameras.
        published: Names of published models that can be asked.

    Returns:
        Judges without learning, published ones, the learned one with more and more knowledge, its sides, and with one
        camera each.
    """
    found = [RewardMethod(name, GOAL, dummy=name) for name in DUMMIES]
    found += [RewardMethod(name, GOAL, published=True) for name in published]
    found += [RewardMethod(name, name) for name in KNOWLEDGE]
    for knowledge in (GOAL, ADAPTED):
        found += [RewardMethod(f"{knowledge}/{side}", knowledge, fusion=side) for side in SIDES]
        found += [RewardMethod(f"{knowledge}/{view}", knowledge, view=view) for view in views]
    return tuple(found)


def choose_methods(
    names: list[str] | None, views: tuple[str, ...], published: Iterable[str] = ()
) -> tuple[RewardMethod, ...]:
    """Choose judges by name.

    Args:
        names: Names; None for all.
        views: Cameras.
        published: Names of published models that can be asked.

    Returns:
        The judges.

    Raises:
        UnknownName: There is no such judge.
    """
    known = {method.name: method for method in reward_methods(views, published)}
    if names is None:
        return tuple(known.values())
    for name in names:
        if name not in known:
            raise UnknownName("judge", name, known)
    return tuple(known[name] for name in names)
