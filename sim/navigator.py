"""What drives the robots of a navigation world: one interface for every method."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sim.navigation import NavigationWorld

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """What a method decided for one period of a world with N = S·A places.

    Attributes:
        velocity: Velocities of the heads, shape (N, 2) [m/s].
        infeasible: Whether a robot's program had no solution, shape (N,).
    """

    velocity: Array
    infeasible: npt.NDArray[np.bool_]


class Navigator(Protocol):
    """A method: decides velocities from what each robot perceives."""

    def start(self, world: NavigationWorld) -> None:
        """Forget all and prepare for a world."""
        ...

    def decide(self, world: NavigationWorld) -> Decision:
        """Decide for one period. `world.number` tells which scenes are still going on."""
        ...
