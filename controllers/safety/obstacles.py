"""Obstacles that do not move: rounded convex polygons and the bounds of an arena, padded over scenes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Obstacle:
    """All points within `radius` of a convex polygon.

    One corner and a radius make a disc, one corner alone a LiDAR point, two corners a wall.

    Attributes:
        corners: Corners in order, shape (V, 2) [m].
        radius: Rounding [m].
    """

    corners: Array
    radius: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is not a convex polygon, and order corners counter-clockwise.

        Raises:
            InvalidValue: Says what is wrong with the shape.
        """
        corners = np.array(self.corners, dtype=np.float64)
        if corners.ndim != 2 or corners.shape[0] == 0 or corners.shape[1] != 2 or not np.isfinite(corners).all():
            raise InvalidValue(f"Obstacle.corners must be finite with shape (V, 2), V ≥ 1, got {corners.tolist()}")
        if not (np.isfinite(self.radius) and self.radius >= 0.0):
            raise InvalidValue(f"Obstacle.radius must be finite and not negative, got {self.radius}")
        if corners.shape[0] > 2:
            edges = np.roll(corners, -1, axis=0) - corners
            following = np.roll(edges, -1, axis=0)
            cross = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
            if (cross < 0.0).all():
                corners = corners[::-1].copy()
            elif not (cross > 0.0).all():
                raise InvalidValue(
                    "Obstacle.corners must go round a strictly convex polygon (split others into convex parts), "
                    f"got {corners.tolist()}"
                )
            turning = np.arctan2(np.abs(cross), (edges * following).sum(axis=1)).sum()
            if turning > 3.0 * np.pi:
                raise InvalidValue(f"Obstacle.corners must go round once, got {corners.tolist()}")
        object.__setattr__(self, "corners", corners)


def disc(centre: Sequence[float], radius: float) -> Obstacle:
    """Make a disc.

    Args:
        centre: Position [m].
        radius: Radius [m].

    Returns:
        The obstacle.
    """
    return Obstacle(np.array([centre], dtype=np.float64), radius)


def segment(start: Sequence[float], end: Sequence[float], radius: float = 0.0) -> Obstacle:
    """Make a wall.

    Args:
        start: One end [m].
        end: Other end [m].
        radius: Half its thickness [m].

    Returns:
        The obstacle.
    """
    return Obstacle(np.array([start, end], dtype=np.float64), radius)


def polygon(corners: Sequence[Sequence[float]], radius: float = 0.0) -> Obstacle:
    """Make a convex polygon.

    Args:
        corners: Corners in order, either way round [m].
        radius: Rounding [m].

    Returns:
        The obstacle.
    """
    return Obstacle(np.array(corners, dtype=np.float64), radius)


@dataclass(frozen=True)
class Obstacles:
    """The obstacles of S scenes, padded.

    Attributes:
        corners: Corners, counter-clockwise, shape (S, O, V, 2) [m].
        count: Corners per obstacle; 0 marks padding, shape (S, O).
        radius: Rounding, shape (S, O) [m].
        lower: Lower corner of the arena (−inf: none), shape (S, 2) [m].
        upper: Upper corner of the arena (inf: none), shape (S, 2) [m].
    """

    corners: Array
    count: IntArray
    radius: Array
    lower: Array
    upper: Array

    @classmethod
    def of(
        cls,
        scenes: Sequence[Sequence[Obstacle]],
        lower: npt.ArrayLike = -np.inf,
        upper: npt.ArrayLike = np.inf,
    ) -> "Obstacles":
        """Pack the obstacles of several scenes.

        Args:
            scenes: Obstacles of each scene.
            lower: Lower corner of the arena, broadcast to (S, 2) [m].
            upper: Upper corner of the arena, broadcast to (S, 2) [m].

        Returns:
            The packed obstacles.

        Raises:
            InvalidValue: The arena is empty.
        """
        s = len(scenes)
        o = max((len(scene) for scene in scenes), default=0)
        v = max((item.corners.shape[0] for scene in scenes for item in scene), default=1)
        corners, count, radius = np.zeros((s, o, v, 2)), np.zeros((s, o), dtype=np.int64), np.zeros((s, o))
        for i, scene in enumerate(scenes):
            for j, item in enumerate(scene):
                n = item.corners.shape[0]
                corners[i, j, :n], count[i, j], radius[i, j] = item.corners, n, item.radius
        low = np.broadcast_to(np.asarray(lower, dtype=np.float64), (s, 2)).copy()
        high = np.broadcast_to(np.asarray(upper, dtype=np.float64), (s, 2)).copy()
        if not (low < high).all():
            raise InvalidValue(f"the arena's lower corner must lie below its upper, got {low.tolist()} {high.tolist()}")
        return cls(corners, count, radius, low, high)
