"""ORCA as a navigation method, through the bindings `pyrvo` of RVO2 (extra `orca`).

Van den Berg, Guy, Lin and Manocha, "Reciprocal n-body Collision Avoidance" (ISRR 2011). Every robot of a scene knows
all others; radii are larger than true ones by a few per cent, because ORCA keeps no distance of itself.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull

from controllers.errors import InvalidValue
from controllers.safety.obstacles import Obstacle
from sim.navigation import NavigationWorld
from sim.navigator import Decision

Array = npt.NDArray[np.float64]

SIDES = 16


@dataclass(frozen=True)
class OrcaConfig:
    """Settings of RVO2.

    Attributes:
        horizon: Time within which robots avoid one another, and obstacles; 2 s does better than 5 s on random scenes
            of ten robots, and longer ones do better among large robots [s].
        inflation: Factor on radii.
        range: Distance within which neighbours count [m].
        neighbours: Most neighbours that count.
    """

    horizon: float = 2.0
    inflation: float = 1.05
    range: float = 10.0
    neighbours: int = 16


def outline(obstacle: Obstacle) -> Array:
    """Draw a polygon around an obstacle.

    Args:
        obstacle: The obstacle.

    Returns:
        Corners, counter-clockwise, shape (V, 2) [m]; rounded ones get `SIDES` sides around each corner.
    """
    if obstacle.radius == 0.0:
        return obstacle.corners
    angle = np.arange(SIDES) * (2.0 * np.pi / SIDES)
    ring = obstacle.radius / np.cos(np.pi / SIDES) * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    points = (obstacle.corners[:, None] + ring[None]).reshape(-1, 2)
    return np.asarray(points[ConvexHull(points).vertices], dtype=np.float64)


class Orca:
    """Velocities by ORCA; robots move as it says, whatever their dynamics can do of it."""

    def __init__(self, config: OrcaConfig | None = None) -> None:
        """Load the library.

        Args:
            config: Settings.

        Raises:
            InvalidValue: `pyrvo` is not installed.
        """
        try:
            import pyrvo
        except ImportError as error:
            raise InvalidValue("method 'orca' needs pyrvo: pip install 'pronk[orca]'") from error
        self.library: Any = pyrvo
        self.config = OrcaConfig() if config is None else config
        self.simulators: list[Any] = []

    def start(self, world: NavigationWorld) -> None:
        """Make one simulator per scene.

        Args:
            world: The scenes.

        Raises:
            InvalidValue: Robots are no single integrators.
        """
        config, tau = self.config, self.config.horizon
        self.simulators = []
        for scene in world.scenes:
            if scene.motion.kind != "single_integrator":
                raise InvalidValue(f"method 'orca' drives single integrators only, got {scene.motion.kind}")
            simulator = self.library.RVOSimulator(world.dt, config.range, config.neighbours, tau, tau, 1.0, 1.0)
            for i in range(scene.agents):
                simulator.add_agent(
                    tuple(scene.start[i]),
                    config.range,
                    config.neighbours,
                    tau,
                    tau,
                    float(scene.radius[i] * config.inflation),
                    float(scene.speed[i]),
                    (0.0, 0.0),
                )
            for obstacle in scene.obstacles:
                simulator.add_obstacle([tuple(corner) for corner in outline(obstacle)])
            simulator.process_obstacles()
            self.simulators.append(simulator)

    def decide(self, world: NavigationWorld) -> Decision:
        """Step the simulators of all scenes that go on.

        Args:
            world: Where robots are.

        Returns:
            Velocities.
        """
        preferred = world.preferred().reshape((*world.present.shape, 2))
        velocity, position, speed = np.zeros_like(preferred), world.position, world.velocity
        for row, number in enumerate(world.number):
            simulator, agents = self.simulators[number], world.scenes[row].agents
            for i in range(agents):
                simulator.set_agent_position(i, tuple(position[row, i]))
                simulator.set_agent_velocity(i, tuple(speed[row, i]))
                simulator.set_agent_pref_velocity(i, tuple(preferred[row, i]))
            simulator.do_step()
            for i in range(agents):
                chosen = simulator.get_agent_velocity(i)
                velocity[row, i] = chosen.x, chosen.y
        flat = velocity.reshape(-1, 2)
        return Decision(flat, np.zeros(len(flat), dtype=np.bool_))
