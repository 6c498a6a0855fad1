"""A scene of multi-robot navigation: who starts where, wants to go where, and what stands in the way."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from controllers.safety.dynamics import DoubleIntegrator, Dynamics, LaggedVelocity, SingleIntegrator
from controllers.safety.obstacles import Obstacle
from controllers.safety.unicycle import Unicycle

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

KINDS = ("single_integrator", "double_integrator", "unicycle", "lagged_velocity")


@dataclass(frozen=True)
class Motion:
    """How the robots of a scene move; fields that a kind does not know are ignored.

    Attributes:
        kind: One of `KINDS`.
        acceleration: Limit of a double integrator [m/s²].
        per_axis: Whether limits of a double integrator hold for each axis.
        euler: Whether a double integrator moves as explicit Euler says.
        turn_rate: Limit of a unicycle [rad/s].
        look_ahead: From a unicycle's axle to the point that the filter drives [m].
        time_constant: Lag of a robot that follows velocity commands [s].
    """

    kind: str = "single_integrator"
    acceleration: float = 2.0
    per_axis: bool = False
    euler: bool = False
    turn_rate: float = 3.0
    look_ahead: float = 0.2
    time_constant: float = 0.3

    def __post_init__(self) -> None:
        """Refuse a kind that does not exist.

        Raises:
            UnknownName: Lists those that exist.
        """
        if self.kind not in KINDS:
            raise UnknownName("dynamics", self.kind, KINDS)

    def build(self, dt: float, speed: float) -> Dynamics:
        """Make the dynamics.

        Args:
            dt: Control period [s].
            speed: Largest speed limit of the robots [m/s].

        Returns:
            The dynamics.
        """
        if self.kind == "double_integrator":
            return DoubleIntegrator(dt, speed, self.acceleration, self.per_axis, self.euler)
        if self.kind == "unicycle":
            return Unicycle(dt, speed, self.turn_rate, self.look_ahead)
        if self.kind == "lagged_velocity":
            return LaggedVelocity(dt, speed, self.time_constant)
        return SingleIntegrator(dt, speed)

    @property
    def curved(self) -> bool:
        """Whether robots leave the straight line between two samples."""
        return self.kind != "single_integrator" and not (self.kind == "double_integrator" and self.euler)


@dataclass(frozen=True)
class Scene:
    """One scene with A robots.

    Attributes:
        name: Name.
        start: Where robots start, at rest, shape (A, 2) [m].
        goal: Where they want to go, shape (A, 2) [m].
        speed: Preferred speeds, which are their limits too, shape (A,) [m/s].
        radius: Radii, shape (A,) [m].
        obstacles: What does not move.
        lower: Lower corner of the arena [m]; None for no bounds.
        upper: Upper corner of the arena [m]; None for no bounds.
        motion: How robots move.
        time_limit_s: When the scene is over [s].
        dt: Control period [s].
        goal_tolerance: A robot this near to its goal is there [m].
        cooperative: False for movers that run straight to their goals without a filter, shape (A,); None for all True.
    """

    name: str
    start: Array
    goal: Array
    speed: Array
    radius: Array
    obstacles: tuple[Obstacle, ...] = ()
    lower: tuple[float, float] | None = None
    upper: tuple[float, float] | None = None
    motion: Motion = field(default_factory=Motion)
    time_limit_s: float = 60.0
    dt: float = 0.1
    goal_tolerance: float = 0.1
    cooperative: BoolArray | None = None

    def __post_init__(self) -> None:
        """Refuse shapes and values that make no sense.

        Raises:
            InvalidValue: Names the scene and the field.
        """
        start = np.asarray(self.start, dtype=np.float64)
        if start.ndim != 2 or start.shape[1] != 2 or start.shape[0] == 0:
            raise InvalidValue(f"scene '{self.name}': start must have shape (A, 2), A ≥ 1, got {start.shape}")
        a = start.shape[0]
        for name, shape in (("start", (a, 2)), ("goal", (a, 2)), ("speed", (a,)), ("radius", (a,))):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != shape:
                raise InvalidValue(f"scene '{self.name}': {name} must have shape {shape}, got {array.shape}")
            if not np.isfinite(array).all():
                raise InvalidValue(f"scene '{self.name}': {name} must be finite, got {array.tolist()}")
            if name in ("speed", "radius") and not (array > 0.0).all():
                raise InvalidValue(f"scene '{self.name}': {name} must be positive, got {array.min()}")
            object.__setattr__(self, name, array)
        for name in ("time_limit_s", "dt", "goal_tolerance"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise InvalidValue(f"scene '{self.name}': {name} must be positive and finite, got {value}")
        friendly = np.ones(a, dtype=np.bool_) if self.cooperative is None else np.array(self.cooperative, np.bool_)
        if friendly.shape != (a,):
            raise InvalidValue(f"scene '{self.name}': cooperative must have shape ({a},), got {friendly.shape}")
        object.__setattr__(self, "cooperative", friendly)

    @property
    def agents(self) -> int:
        """Number of robots A."""
        return int(self.start.shape[0])

    @property
    def shortest(self) -> Array:
        """Length of the straight way to within the goal tolerance, shape (A,) [m]; no path is shorter."""
        distance = np.linalg.norm(self.goal - self.start, axis=1)
        return np.maximum(distance - self.goal_tolerance, 0.0)

    @property
    def clearance(self) -> float:
        """Least distance between the discs of two robots at the start, negative where they overlap [m]."""
        gap = np.linalg.norm(self.start[:, None] - self.start[None], axis=2) - self.radius[:, None] - self.radius
        gap[np.diag_indices(self.agents)] = np.inf
        return float(gap.min())


def moved_by(scene: Scene, motion: Motion) -> Scene:
    """Give the robots of a scene other dynamics.

    Args:
        scene: The scene.
        motion: How its robots are to move.

    Returns:
        The scene.
    """
    return replace(scene, motion=motion)


def with_uncooperative(scene: Scene, who: Iterable[int]) -> Scene:
    """Let some robots of a scene run straight to their goals without a filter.

    Args:
        scene: The scene.
        who: Their numbers.

    Returns:
        The scene.

    Raises:
        InvalidValue: There is no robot of such a number.
    """
    friendly = np.array(scene.cooperative, dtype=np.bool_)
    for number in who:
        if not 0 <= number < scene.agents:
            raise InvalidValue(f"scene '{scene.name}' has robots 0 … {scene.agents - 1}, got {number}")
        friendly[number] = False
    return replace(scene, cooperative=friendly)
