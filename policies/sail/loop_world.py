"""Worlds of a loop: what planners look at comes first, and what a judge looks at is recorded, too."""

from typing import Protocol

from sim.image_world import World, WorldConfig
from sim.worlds import make_world


class Surroundings(Protocol):
    """Settings that say where a loop happens; see `policies.sail.video_studio.StudioConfig`."""

    @property
    def world(self) -> str:
        """Which body."""
        ...

    @property
    def camera(self) -> str:
        """Which pictures planners look at."""
        ...

    @property
    def views(self) -> tuple[str, ...]:
        """Cameras of a judge."""
        ...

    @property
    def horizon(self) -> int:
        """Actions of an episode at most."""
        ...

    @property
    def play(self) -> str:
        """Behaviour whose episodes explore; empty where a planner does."""
        ...


class InWorld:
    """What a `policies.sail.rollouts.Studio` knows of worlds, whatever it trains.

    Attributes:
        config: Its settings.
    """

    config: Surroundings

    @property
    def camera(self) -> str:
        """Which pictures planners look at."""
        return self.config.camera

    @property
    def play(self) -> str:
        """Behaviour whose episodes explore."""
        return self.config.play

    def world(self, task: str, goes_on: bool = False) -> World:
        """Make a world.

        Args:
            task: Name of the task.
            goes_on: Whether episodes go on to the horizon after success, as where nobody tells that it is one.

        Returns:
            It, with the camera in its observations; one that is named twice is there once.
        """
        config = self.config
        cameras = tuple(dict.fromkeys((config.camera, *config.views)))
        settings = WorldConfig(cameras=cameras, horizon=config.horizon, end_on_success=not goes_on)
        return make_world(config.world, task, settings)
