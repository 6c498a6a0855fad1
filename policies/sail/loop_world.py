"""Worlds of a loop: what planners look at comes first, and what a judge looks at is recorded, too."""

from sim.image_world import World, WorldConfig
from sim.worlds import make_world


def open_world(name: str, task: str, cameras: tuple[str, ...], horizon: int, goes_on: bool) -> World:
    """Make a world of a loop.

    Args:
        name: Which body.
        task: Name of the task.
        cameras: Whose pictures are in its observations, the planner's first; one that is named twice is there once.
        horizon: Actions of an episode at most.
        goes_on: Whether episodes go on to the horizon after success, as where nobody tells that it is one.

    Returns:
        The world.
    """
    settings = WorldConfig(cameras=tuple(dict.fromkeys(cameras)), horizon=horizon, end_on_success=not goes_on)
    return make_world(name, task, settings)
