"""Draws the arena from above with numpy alone: shapes with smooth edges on a tiled floor."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

OBSTACLE, WALL, BODY, HEAD = (70, 74, 82), (40, 42, 48), (30, 32, 36), (250, 250, 250)
FLOOR = ((214, 210, 200), (204, 200, 190))
TILE_M = 0.5


class ArenaView:
    """A square of floor, seen from above; x to the right, y up."""

    def __init__(self, half: float, size: int, look: int | None = None) -> None:
        """Lay the floor.

        Args:
            half: Half the side of the square [m].
            size: Width and height of the pictures [pixel].
            look: Seed of another floor and light; None for the usual ones.
        """
        edge = (np.arange(size) + 0.5) / size * 2.0 * half - half
        self._x, self._y = np.meshgrid(edge, -edge)
        self._pixel = 2.0 * half / size
        rng = None if look is None else np.random.default_rng(look)
        colours = np.array(FLOOR, dtype=np.float64)
        tile, self._light, self._tint = TILE_M, 1.0, np.ones(3)
        if rng is not None:
            colours = rng.uniform(90.0, 235.0, 3) + rng.uniform(-12.0, 12.0, (2, 1))
            tile, self._light, self._tint = rng.uniform(0.25, 1.0), rng.uniform(0.75, 1.1), rng.uniform(0.9, 1.05, 3)
        odd = (np.floor(self._x / tile) + np.floor(self._y / tile)).astype(np.int64) % 2
        self._floor = colours[odd]

    def draw(
        self,
        obstacles: Array,
        marks: Sequence[tuple[Array, float, str, tuple[int, int, int]]],
        robot: Array,
        length: float,
        width: float,
    ) -> Image:
        """Draw one moment.

        Args:
            obstacles: Centre and radius of each disc, shape (O, 3) [m].
            marks: Centre [m], half the size [m], "box" or "ball", and colour of everything that may be a goal.
            robot: Place and heading, shape (3,) [m, rad].
            length: Of the robot [m].
            width: Of the robot [m].

        Returns:
            Pixels, shape (size, size, 3).
        """
        picture = self._floor.copy()
        for centre, half, shape, colour in marks:
            dx, dy = self._x - centre[0], self._y - centre[1]
            distance = np.maximum(np.abs(dx), np.abs(dy)) if shape == "box" else np.hypot(dx, dy)
            self._fill(picture, distance - half, np.array(colour) * 0.7)
            self._fill(picture, distance - 0.82 * half, np.array(colour))
        for x, y, radius in obstacles:
            distance = np.hypot(self._x - x, self._y - y)
            self._fill(picture, distance - radius, np.array(WALL))
            self._fill(picture, distance - 0.85 * radius, np.array(OBSTACLE))
        self._robot(picture, robot, length, width)
        return np.clip(picture * self._light * self._tint + 0.5, 0.0, 255.0).astype(np.uint8)

    def _robot(self, picture: Array, robot: Array, length: float, width: float) -> None:
        """A trunk, four feet and a white head that shows where it looks."""
        c, s = np.cos(robot[2]), np.sin(robot[2])
        along = (self._x - robot[0]) * c + (self._y - robot[1]) * s
        across = -(self._x - robot[0]) * s + (self._y - robot[1]) * c
        for foot in ((0.7, 1.0), (0.7, -1.0), (-0.7, 1.0), (-0.7, -1.0)):
            distance = np.hypot(along - foot[0] * 0.5 * length, across - foot[1] * 0.5 * width)
            self._fill(picture, distance - 0.16 * width, np.array(BODY))
        trunk = np.hypot(along - np.clip(along, -0.35 * length, 0.35 * length), across)
        self._fill(picture, trunk - 0.36 * width, np.array(BODY) + 25.0)
        self._fill(picture, np.hypot(along - 0.38 * length, across) - 0.3 * width, np.array(HEAD))

    def _fill(self, picture: Array, distance: Array, colour: npt.NDArray[np.floating]) -> None:
        """Paint where the signed distance is negative; a pixel on the edge in part."""
        share = np.clip(0.5 - distance / self._pixel, 0.0, 1.0)[..., None]
        picture += share * (colour - picture)
