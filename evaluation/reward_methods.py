"""Judges that an evaluation of rewards compares, and what each of them is asked."""

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
        dummy: Name of a judge without learning; empty for the learned one.
        fusion: How the three sides become one.
        view: The only camera; empty for all.
    """

    name: str
    knowledge: str
    dummy: str = ""
    fusion: str = "inverse_variance"
    view: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether everything is asked; of variants of the fusion only order is, since that alone differs."""
        return self.fusion == "inverse_variance" and not self.view


def reward_methods(views: tuple[str, ...]) -> tuple[RewardMethod, ...]:
    """List the judges.

    Args:
        views: Cameras.

    Returns:
        Judges without learning, the learned one with more and more knowledge, its sides, and with one camera each.
    """
    found = [RewardMethod(name, GOAL, dummy=name) for name in DUMMIES]
    found += [RewardMethod(name, name) for name in KNOWLEDGE]
    for knowledge in (GOAL, ADAPTED):
        found += [RewardMethod(f"{knowledge}/{side}", knowledge, fusion=side) for side in SIDES]
        found += [RewardMethod(f"{knowledge}/{view}", knowledge, view=view) for view in views]
    return tuple(found)


def choose_methods(names: list[str] | None, views: tuple[str, ...]) -> tuple[RewardMethod, ...]:
    """Choose judges by name.

    Args:
        names: Names; None for all.
        views: Cameras.

    Returns:
        The judges.

    Raises:
        UnknownName: There is no such judge.
    """
    known = {method.name: method for method in reward_methods(views)}
    if names is None:
        return tuple(known.values())
    for name in names:
        if name not in known:
            raise UnknownName("judge", name, known)
    return tuple(known[name] for name in names)
