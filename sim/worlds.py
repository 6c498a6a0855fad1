"""Worlds of the planner by name."""

from collections.abc import Callable

from controllers.errors import UnknownName
from sim.coloured_arena import ArenaWorld
from sim.image_world import World, WorldConfig
from sim.manipulation import ManipulationWorld
from sim.world_tasks import ARENA, MANIPULATION

WORLDS: dict[str, Callable[[str, WorldConfig | None], World]] = {
    MANIPULATION: ManipulationWorld,
    ARENA: ArenaWorld,
}


def make_world(name: str, task: str, config: WorldConfig | None = None) -> World:
    """Make a world.

    Args:
        name: "manipulation" or "arena".
        task: Name of the task.
        config: Settings.

    Returns:
        The world, before its first episode.

    Raises:
        UnknownName: There is no such world, task or camera.
        MissingModel: A package that it needs is not installed.
    """
    if name not in WORLDS:
        raise UnknownName("world", name, WORLDS)
    return WORLDS[name](task, config)
