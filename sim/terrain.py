"""Ground that the robot walks on. The robot starts at the origin, on a flat spot at height 0."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]

FLOOR = "floor"
FLAT_M = 1.0
CELL_M = 0.04
FIELD_X_M = (-2.0, 22.0)
FIELD_Y_M = (-4.0, 4.0)


class Terrain(Protocol):
    """A ground that can describe itself to MuJoCo."""

    def add_to(self, spec: mujoco.MjSpec) -> None:
        """Add geoms to the world body; every one is named `floor` or `floor_...`."""
        ...

    def height(self, x: float, y: float) -> float:
        """Return the height of the ground [m] at a world position [m]."""
        ...


def _add_plane(spec: mujoco.MjSpec, z: float = 0.0, name: str = FLOOR) -> None:
    spec.worldbody.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 0.05], pos=[0.0, 0.0, z])


@dataclass(frozen=True)
class Flat:
    """An endless level floor."""

    def add_to(self, spec: mujoco.MjSpec) -> None:
        """Add the floor.

        Args:
            spec: World under construction.
        """
        _add_plane(spec)

    def height(self, x: float, y: float) -> float:
        """Return the height of the ground.

        Args:
            x: World position [m].
            y: World position [m].

        Returns:
            Height [m], always 0.
        """
        return 0.0


@dataclass(frozen=True)
class HeightField:
    """Heights on a regular grid, cells split into two triangles as MuJoCo splits them.

    Attributes:
        heights: Row i at y = `FIELD_Y_M[0]` + i `CELL_M`, column j along x likewise, shape (rows, columns) [m].
    """

    heights: Array = field(repr=False)

    def add_to(self, spec: mujoco.MjSpec) -> None:
        """Add the grid and a floor below it that catches what walks over its edge.

        Args:
            spec: World under construction.
        """
        low, high = float(self.heights.min()), float(self.heights.max())
        rows, columns = self.heights.shape
        span = max(high - low, 1e-6)
        spec.add_hfield(
            name=FLOOR,
            nrow=rows,
            ncol=columns,
            size=[0.5 * (FIELD_X_M[1] - FIELD_X_M[0]), 0.5 * (FIELD_Y_M[1] - FIELD_Y_M[0]), span, 0.1],
            userdata=((self.heights - low) / span).ravel(),
        )
        spec.worldbody.add_geom(
            name=FLOOR,
            type=mujoco.mjtGeom.mjGEOM_HFIELD,
            hfieldname=FLOOR,
            pos=[0.5 * sum(FIELD_X_M), 0.5 * sum(FIELD_Y_M), low],
        )
        _add_plane(spec, low - 0.1, f"{FLOOR}_below")

    def height(self, x: float, y: float) -> float:
        """Interpolate on the triangle below a point.

        Args:
            x: World position [m].
            y: World position [m].

        Returns:
            Height [m]; beyond the edge, that of the edge.
        """
        rows, columns = self.heights.shape
        u = min(max((x - FIELD_X_M[0]) / CELL_M, 0.0), columns - 1.000001)
        v = min(max((y - FIELD_Y_M[0]) / CELL_M, 0.0), rows - 1.000001)
        j, i = int(u), int(v)
        u, v = u - j, v - i
        a, b = float(self.heights[i, j]), float(self.heights[i, j + 1])
        c, d = float(self.heights[i + 1, j]), float(self.heights[i + 1, j + 1])
        # MuJoCo cuts a cell along the diagonal from its lowest to its highest row and column.
        if u >= v:
            return a + u * (b - a) + v * (d - b)
        return a + v * (c - a) + u * (d - c)


def _grid() -> tuple[Array, Array]:
    columns = round((FIELD_X_M[1] - FIELD_X_M[0]) / CELL_M) + 1
    rows = round((FIELD_Y_M[1] - FIELD_Y_M[0]) / CELL_M) + 1
    x, y = np.meshgrid(np.linspace(*FIELD_X_M, columns), np.linspace(*FIELD_Y_M, rows))
    return x, y


def _fade(distance: Array, length: float) -> Array:
    """Rise smoothly from 0 at distance 0 to 1 at `length`."""
    t = np.clip(distance / length, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@dataclass(frozen=True)
class Slope:
    """A flat start, then an incline.

    Attributes:
        angle_deg: Inclination [degree]; positive rises.
        direction: "x" rises along the way, from x = 1 m on; "y" tilts the way sideways (rises to the left),
            the tilt growing from 0 at x = 1 m to the full angle at x = 2 m.
    """

    angle_deg: float = 10.0
    direction: str = "x"

    def __post_init__(self) -> None:
        """Refuse cliffs and unknown directions.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        if not (math.isfinite(self.angle_deg) and abs(self.angle_deg) <= 35.0):
            raise InvalidValue(f"Slope.angle_deg must lie in [-35, 35], got {self.angle_deg}")
        if self.direction not in ("x", "y"):
            raise InvalidValue(f"Slope.direction must be 'x' or 'y', got '{self.direction}'")

    @cached_property
    def _field(self) -> HeightField:
        x, y = _grid()
        return HeightField(math.tan(math.radians(self.angle_deg)) * y * _fade(x - FLAT_M, 1.0))

    def add_to(self, spec: mujoco.MjSpec) -> None:
        """Add the flat start and the incline.

        Args:
            spec: World under construction.
        """
        if self.direction == "y":
            self._field.add_to(spec)
            return
        box, angle = mujoco.mjtGeom.mjGEOM_BOX, math.radians(self.angle_deg)
        half = [10.0, 10.0, 0.5]
        spec.worldbody.add_geom(name=FLOOR, type=box, size=half, pos=[FLAT_M - half[0], 0.0, -half[2]])
        along = (math.cos(angle), math.sin(angle))
        up = (-math.sin(angle), math.cos(angle))
        spec.worldbody.add_geom(
            name=f"{FLOOR}_incline",
            type=box,
            size=half,
            pos=[FLAT_M + half[0] * along[0] - half[2] * up[0], 0.0, half[0] * along[1] - half[2] * up[1]],
            quat=[math.cos(-0.5 * angle), 0.0, math.sin(-0.5 * angle), 0.0],
        )

    def height(self, x: float, y: float) -> float:
        """Return the height of the ground.

        Args:
            x: World position [m].
            y: World position [m].

        Returns:
            Height [m].
        """
        if self.direction == "y":
            return self._field.height(x, y)
        return math.tan(math.radians(self.angle_deg)) * max(x - FLAT_M, 0.0)


@dataclass(frozen=True)
class Rough:
    """Random bumps that begin gently 0.6 m from the start.

    Attributes:
        peak_to_peak_m: Difference between the highest and the lowest point [m].
        wavelength_m: Typical distance between bumps [m].
        seed: Which bumps.
    """

    peak_to_peak_m: float = 0.06
    wavelength_m: float = 0.4
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse impossible bumps.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        if not (math.isfinite(self.peak_to_peak_m) and 0.0 < self.peak_to_peak_m <= 0.5):
            raise InvalidValue(f"Rough.peak_to_peak_m must lie in (0, 0.5], got {self.peak_to_peak_m}")
        if not (math.isfinite(self.wavelength_m) and self.wavelength_m >= 4 * CELL_M):
            raise InvalidValue(f"Rough.wavelength_m must be >= {4 * CELL_M}, got {self.wavelength_m}")

    @cached_property
    def _field(self) -> HeightField:
        x, y = _grid()
        rng = np.random.default_rng(self.seed)
        # Plane waves of one wavelength in random directions: the bumps have a size, but no lattice.
        angle, phase = rng.uniform(0.0, 2.0 * math.pi, (2, 24))
        number = 2.0 * math.pi / (self.wavelength_m * rng.uniform(0.75, 1.5, 24))
        z = np.zeros_like(x)
        for a, p, k in zip(angle, phase, number, strict=True):
            z += np.cos(k * (math.cos(a) * x + math.sin(a) * y) + p)
        z *= _fade(np.hypot(x, y) - 0.6, 0.8)
        return HeightField(z * (self.peak_to_peak_m / (z.max() - z.min())))

    def add_to(self, spec: mujoco.MjSpec) -> None:
        """Add the bumps.

        Args:
            spec: World under construction.
        """
        self._field.add_to(spec)

    def height(self, x: float, y: float) -> float:
        """Return the height of the ground.

        Args:
            x: World position [m].
            y: World position [m].

        Returns:
            Height [m].
        """
        return self._field.height(x, y)
