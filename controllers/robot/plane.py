"""A plane through footprints."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True)
def fit_plane(points: Array, regularisation: float, plane: Array) -> None:
    """Fit z = g₀ + g₁ x + g₂ y to four points, the slopes held towards zero.

    Args:
        points: Footprints, shape (4, 3) [m].
        regularisation: Squared length that weighs against slopes [m²].
        plane: Output, g₀, g₁, g₂, shape (3,).
    """
    mean_x = mean_y = mean_z = 0.0
    for i in range(4):
        mean_x += 0.25 * points[i, 0]
        mean_y += 0.25 * points[i, 1]
        mean_z += 0.25 * points[i, 2]
    xx = yy = xy = xz = yz = 0.0
    for i in range(4):
        dx, dy, dz = points[i, 0] - mean_x, points[i, 1] - mean_y, points[i, 2] - mean_z
        xx += dx * dx
        yy += dy * dy
        xy += dx * dy
        xz += dx * dz
        yz += dy * dz
    xx += regularisation
    yy += regularisation
    det = xx * yy - xy * xy
    gx = (yy * xz - xy * yz) / det
    gy = (xx * yz - xy * xz) / det
    plane[0] = mean_z - gx * mean_x - gy * mean_y
    plane[1] = gx
    plane[2] = gy


@njit(cache=True)
def refit_plane(points: Array, regularisation: float, plane: Array, fresh: Array) -> None:
    """Fit a plane to four points, the slopes held towards those of another plane.

    Held towards level ground, an incline would lose a share of its slope for good.

    Args:
        points: Footprints, shape (4, 3) [m].
        regularisation: Squared length that weighs against changes of the slopes [m²].
        plane: The plane so far, g₀, g₁, g₂, shape (3,).
        fresh: Output, shape (3,).
    """
    rest = points.copy()
    for i in range(4):
        rest[i, 2] -= plane[1] * points[i, 0] + plane[2] * points[i, 1]
    fit_plane(rest, regularisation, fresh)
    fresh[1] += plane[1]
    fresh[2] += plane[2]


@njit(cache=True)
def find_underfoot(plane: Array, radius: float, underfoot: Array) -> None:
    """Find where a plane touches a round foot that stands on it.

    Args:
        plane: z = g₀ + g₁ x + g₂ y, shape (3,).
        radius: Of the foot [m].
        underfoot: Output, from the centre of the foot to there, shape (3,) [m].
    """
    depth = radius / math.sqrt(1.0 + plane[1] * plane[1] + plane[2] * plane[2])
    underfoot[0], underfoot[1], underfoot[2] = depth * plane[1], depth * plane[2], -depth
