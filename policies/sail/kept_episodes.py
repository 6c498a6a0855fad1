"""What is learned of rollouts that were kept: what went straight, and of the rest what led to success."""

from collections.abc import Sequence
from pathlib import Path

from controllers.errors import InvalidValue
from policies.video.execution import BEHAVIOUR
from sim.episodes import Episode, find_episodes, last_actions, read_episode
from sim.retrace import NAME as RETRACE
from sim.tinker import NAME as TINKER
from sim.world_tasks import MANIPULATION

PLAY = ("play", "rummage", TINKER)
# Behaviours of a robot that found out by itself what it knows of a new task.
OWN = (BEHAVIOUR, RETRACE, *PLAY)


def check_play(owner: str, play: str, world: str) -> None:
    """Refuse play that a loop does not know, or that its world has no use for.

    Args:
        owner: Whose setting it is.
        play: Behaviour that explores; empty for none.
        world: Name of the world.

    Raises:
        InvalidValue: It is none of `PLAY`, or goes back to what moved where nothing moves.
    """
    if play and play not in PLAY:
        raise InvalidValue(f"{owner}.play must be one of {', '.join(PLAY)}, got '{play}'")
    if play == TINKER and world != MANIPULATION:
        raise InvalidValue(
            f"{owner}.play '{TINKER}' needs the world '{MANIPULATION}', where things move, got '{world}'"
        )


def find_own(task: str, data: Sequence[Path]) -> list[Path]:
    """List what data hold of a new task: play, some of which may have succeeded.

    Args:
        task: The task.
        data: Folders of episodes.

    Returns:
        The episodes that nobody demonstrated.
    """
    there = [item for place in data for item in find_episodes(place).items()]
    return [path for path, info in there if info.task == task and info.behaviour in OWN]


def read_kept(kept: Sequence[Path], tail: int, tries: int, straight: int) -> list[Episode]:
    """Read what is to be done again: what went straight, or as long as that is little, ends of play, too.

    Args:
        kept: Files of the episodes.
        tail: How many last actions of play count.
        tries: How many of those that tried again what was kept.
        straight: Number of episodes that are no play from which on play is left out: most of it is aimless, and a
            future that may be anything is no plan.

    Returns:
        The episodes.
    """
    limits = {**dict.fromkeys(PLAY, tail), RETRACE: tries}
    found = [read_episode(path) for path in kept]
    others = [episode for episode in found if episode.info.behaviour not in PLAY]
    if len(others) >= straight:
        found = others
    return [last_actions(e, limits.get(e.info.behaviour, e.info.steps)) for e in found]
