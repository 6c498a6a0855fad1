"""Moves the robots of many scenes at once, and tells each what it perceives. There are no pictures.

All scenes of a world have the same dynamics and control period; they may differ in everything else. Places that a
scene has no robot for are empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.barrier import VelocityBounds
from controllers.safety.graph import Neighbourhood, perceive
from controllers.safety.metrics import swept_clearance_m
from controllers.safety.obstacles import Obstacles
from sim.navigation_faults import Faults, Messages
from sim.navigation_routes import Routes
from sim.navigation_scene import Scene

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

# Clearance is measured on chords; robots that curve within a period are measured on this many.
CHORDS = 4
# Coming nearer to the goal than ever before by this share of the radius is progress.
PROGRESS = 0.1
# Ways around obstacles are looked up anew after so many periods.
ROUTE_PERIODS = 4


@dataclass
class Tally:
    """What became of the robots of S scenes with A places so far.

    Attributes:
        path: Length of the path to the last arrival, or so far where a robot is not there, shape (S, A) [m].
        arrival: When the robot came to its goal to stay; NaN while it is not there, shape (S, A) [s].
        reached: Whether it ever was there, shape (S, A).
        clearance: Least clearance so far, between samples too, shape (S, A) [m].
        idle: Time since the robot last moved at 1 % of its speed or more, shape (S, A) [s].
    """

    path: Array
    arrival: Array
    reached: BoolArray
    clearance: Array
    idle: Array


class NavigationWorld:
    """Robots of S scenes on A places."""

    def __init__(
        self,
        scenes: Sequence[Scene],
        sensing_range: float = 10.0,
        neighbours: int = 16,
        obstacles: int = 8,
        faults: Faults | None = None,
        seed: int = 0,
    ) -> None:
        """Put all robots at their starts, at rest, facing their goals.

        Args:
            scenes: The scenes.
            sensing_range: Distance within which others are seen [m].
            neighbours: Slots for neighbours.
            obstacles: Slots for obstacles.
            faults: What is wrong with what robots are told of one another; None for nothing.
            seed: Seed of the faults.

        Raises:
            InvalidValue: There are no scenes, or they differ in dynamics or control period.
        """
        if not scenes:
            raise InvalidValue("a world needs at least one scene, got none")
        first = scenes[0]
        for scene in scenes:
            if scene.motion != first.motion or scene.dt != first.dt:
                raise InvalidValue(
                    f"scenes of a world must have the same dynamics and period, got {first.motion}, {first.dt} s and "
                    f"{scene.motion}, {scene.dt} s"
                )
        self.scenes = list(scenes)
        self.dt = first.dt
        places = max(scene.agents for scene in scenes)
        self.places = places
        self.present = np.array([[place < scene.agents for place in range(places)] for scene in scenes])
        self.goal = self._padded("goal", 2)
        self.radius = self._padded("radius")
        self.speed = self._padded("speed")
        self.cooperative = np.ones_like(self.present)
        for row, scene in zip(self.cooperative, scenes, strict=True):
            row[: scene.agents] = scene.cooperative
        self.tolerance = np.array([scene.goal_tolerance for scene in scenes])
        self.limit = np.array([scene.time_limit_s for scene in scenes])
        self.dynamics = first.motion.build(self.dt, float(self.speed.max()))
        self.chords = CHORDS if first.motion.curved else 1
        self.obstacles = Obstacles.of(
            [scene.obstacles for scene in scenes],
            [scene.lower or (-np.inf, -np.inf) for scene in scenes],
            [scene.upper or (np.inf, np.inf) for scene in scenes],
        )
        self.sensing = SensingConfig(sensing_range, neighbours, obstacles, self.dt)
        start = self._padded("start", 2)
        heading = np.arctan2(self.goal[..., 1] - start[..., 1], self.goal[..., 0] - start[..., 0])
        self.state = self.dynamics.rest(start.reshape(-1, 2), heading.reshape(-1))
        self.velocity = np.zeros((*self.present.shape, 2))
        self.steps = 0
        self.number = np.arange(len(scenes))
        self.stall = np.zeros(self.present.shape)
        self.routes = Routes(scenes, places, self.obstacles)
        self.target, self.rest = self.goal.copy(), np.zeros(self.present.shape)
        self._route()
        self.nearest = self.way_left
        at_goal = self.at_goal
        self.tally = Tally(
            np.zeros(self.present.shape),
            np.where(at_goal, 0.0, np.nan),
            at_goal,
            np.full(self.present.shape, np.inf),
            np.zeros(self.present.shape),
        )
        self.faults = faults
        self.messages = None if faults is None else Messages(faults, self.dt, seed)

    def _padded(self, name: str, width: int = 0) -> Array:
        shape = (len(self.scenes), self.places, width) if width else (len(self.scenes), self.places)
        array = np.zeros(shape)
        for row, scene in zip(array, self.scenes, strict=True):
            row[: scene.agents] = getattr(scene, name)
        return array

    @property
    def time(self) -> float:
        """Time since the start [s]."""
        return self.steps * self.dt

    @property
    def position(self) -> Array:
        """Centres of the robots, shape (S, A, 2) [m]."""
        return self.dynamics.position(self.state).reshape((*self.present.shape, 2))

    @property
    def distance(self) -> Array:
        """Distances to the goals, shape (S, A) [m]."""
        return np.asarray(np.linalg.norm(self.goal - self.position, axis=2))

    @property
    def at_goal(self) -> BoolArray:
        """Whether robots are at their goals; empty places are, shape (S, A)."""
        return np.asarray((self.distance <= self.tolerance[:, None]) | ~self.present)

    @property
    def over(self) -> BoolArray:
        """Whether all robots of a scene are at their goals, or its time is up, shape (S,)."""
        return np.asarray(self.at_goal.all(axis=1) | (self.time >= self.limit - 0.5 * self.dt))

    @property
    def head_speed(self) -> Array:
        """Speed limits of the points that the filter drives, shape (S, A) [m/s]."""
        return self.speed * (self.dynamics.head_speed / float(self.speed_scale))

    @property
    def speed_scale(self) -> float:
        """Speed limit that the dynamics were made for [m/s]."""
        return float(self.dynamics.speed)  # type: ignore[attr-defined]

    @property
    def way_left(self) -> Array:
        """Lengths of the ways to the goals, around what stands still, shape (S, A) [m]."""
        return np.asarray(np.linalg.norm(self.target - self.position, axis=2) + self.rest)

    def _route(self) -> None:
        if self.routes.needed:
            place = self.dynamics.head(self.state).reshape(self.goal.shape)
            self.target, self.rest = self.routes.choose(place, self.goal, self.present, self.obstacles)

    @property
    def aim(self) -> Array:
        """Goals as robots are told them: in the direction of the way, as far off as the way is long, (S, A, 2) [m]."""
        head = self.dynamics.head(self.state).reshape(self.goal.shape)
        way = self.target - head
        length = np.linalg.norm(way, axis=2)
        longer = np.divide(length + self.rest, length, out=np.ones_like(length), where=length > 0.0)
        return np.asarray(np.where(self.rest[:, :, None] > 0.0, head + way * longer[:, :, None], self.goal))

    def preferred(self) -> Array:
        """Head for the goals, around what stands still, at the preferred speed and no farther.

        Returns:
            Velocities of the heads, shape (S·A, 2) [m/s].
        """
        way = self.aim.reshape(-1, 2) - self.dynamics.head(self.state)
        length = np.linalg.norm(way, axis=1)
        reach = np.minimum(self.speed.reshape(-1), length / self.dt)
        return np.asarray(way * np.divide(reach, length, out=np.zeros_like(length), where=length > 0.0)[:, None])

    def bounds(self) -> VelocityBounds:
        """Bound the velocities of the heads by dynamics and each robot's own speed limit.

        Returns:
            Bounds, one row for each of the S·A places.
        """
        bounds = self.dynamics.bounds(self.state)
        own = self.speed.reshape(-1)
        if np.isfinite(bounds.radius[:, 0]).all():
            radius = bounds.radius.copy()
            radius[:, 0] = np.minimum(radius[:, 0], own)
            return replace(bounds, radius=radius)
        return replace(
            bounds, lower=np.maximum(bounds.lower, -own[:, None]), upper=np.minimum(bounds.upper, own[:, None])
        )

    def agents(self) -> Agents:
        """Tell where all robots are.

        Returns:
            The robots as the filter knows them: heads, tails, and radii with what the dynamics ask for.
        """
        shape = (*self.present.shape, 2)
        return Agents(
            np.ascontiguousarray(self.dynamics.head(self.state).reshape(shape)),
            self.velocity,
            self.aim,
            self.radius + self.dynamics.radius_margin,
            self.head_speed,
            np.ascontiguousarray(self.dynamics.tail(self.state).reshape(shape)),
            self.present,
            self.cooperative,
        )

    def observe(self) -> Neighbourhood:
        """Tell each robot what it perceives.

        Returns:
            Neighbourhoods, row s·A + a for place a of scene s.
        """
        if self.messages is None:
            return perceive(self.sensing, self.agents(), self.obstacles, self.stall)
        return self.messages.observe(self.sensing, self.agents(), self.obstacles, self.stall)

    def step(self, velocity: Array) -> None:
        """Move all robots for one period.

        Movers that do not cooperate take their preferred velocity instead.

        Args:
            velocity: Velocities of the heads, shape (S·A, 2) [m/s].
        """
        straight = ~self.cooperative.reshape(-1)
        if straight.any():
            velocity = np.where(straight[:, None], self.preferred(), velocity)
        velocity = np.where(self.present.reshape(-1)[:, None], velocity, 0.0)
        command = self.dynamics.command(self.state, velocity)
        before, began = self.position, self.state
        reference = before
        moved = np.zeros(self.present.shape)
        for chord in range(1, self.chords + 1):
            self.state = self.dynamics.advance(began, command, self.dt * chord / self.chords)
            after = self.position
            clearance = swept_clearance_m(reference, after, self.radius, self.present, self.obstacles)
            self.tally.clearance = np.minimum(self.tally.clearance, clearance)
            moved += np.linalg.norm(after - reference, axis=2)
            reference = after
        self.velocity = np.ascontiguousarray((reference - before) / self.dt)
        self.steps += 1
        close = np.linalg.norm(self.target - reference, axis=2) < 2.0 * self.speed * self.dt
        if self.steps % ROUTE_PERIODS == 0 or (close & (self.rest > 0.0)).any():
            self._route()
        self._count(moved)

    def _count(self, moved: Array) -> None:
        tally, there = self.tally, self.at_goal
        tally.path += np.where(there & ~np.isnan(tally.arrival), 0.0, moved)
        tally.arrival = np.where(there, np.where(np.isnan(tally.arrival), self.time, tally.arrival), np.nan)
        tally.reached |= there
        slow = moved < 0.01 * self.speed * self.dt
        tally.idle = np.where(slow, tally.idle + self.dt, 0.0)
        # Progress is to come nearer to the goal than ever before; to circle about it, or to return, is none.
        distance = self.way_left
        nearer = distance < self.nearest - PROGRESS * self.radius
        self.nearest = np.where(nearer, distance, self.nearest)
        self.stall = np.where(nearer | there, 0.0, self.stall + self.dt)

    def keep(self, chosen: BoolArray) -> None:
        """Drop scenes that need not go on.

        Args:
            chosen: Which scenes stay, shape (S,).
        """
        flat = np.repeat(chosen, self.places)
        self.scenes = [scene for scene, stays in zip(self.scenes, chosen, strict=True) if stays]
        self.state = self.state[flat]
        for name in (
            "stall",
            "nearest",
            "target",
            "rest",
            "present",
            "goal",
            "radius",
            "speed",
            "cooperative",
            "tolerance",
            "limit",
            "velocity",
            "number",
        ):
            setattr(self, name, getattr(self, name)[chosen])
        self.routes.keep(chosen)
        tally = self.tally
        self.tally = Tally(
            tally.path[chosen],
            tally.arrival[chosen],
            tally.reached[chosen],
            tally.clearance[chosen],
            tally.idle[chosen],
        )
        self.obstacles = Obstacles(
            self.obstacles.corners[chosen],
            self.obstacles.count[chosen],
            self.obstacles.radius[chosen],
            self.obstacles.lower[chosen],
            self.obstacles.upper[chosen],
        )
        if self.messages is not None:
            self.messages.keep(chosen)
