"""The ground as the feet feel it: a plane through the last footprints."""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True)
def fit_plane(points: Array, centre: Array, regularisation: float, plane: Array) -> None:
    """Fit z = g₀ + g₁ x + g₂ y to four points, the slopes held towards zero.

    Args:
        points: Footprints, shape (4, 3) [m].
        centre: Point about which the slopes are regularised, at least shape (2,) [m].
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


class GroundPlane:
    """Remembers where each foot last stood and keeps a smooth plane through it."""

    def __init__(self, foot_radius: float, time_constant: float = 0.15, regularisation: float = 0.01) -> None:
        """Begin with flat ground at zero.

        Args:
            foot_radius: Radius of the feet [m].
            time_constant: Smoothing of height and slopes [s].
            regularisation: Squared length that weighs against slopes [m²].
        """
        self._radius = foot_radius
        self._time_constant = time_constant
        self._regularisation = regularisation
        self._points = np.zeros((4, 3))
        self._fresh = np.empty(3)
        self.plane = np.zeros(3)

    def reset(self, feet: Array) -> None:
        """Begin with the plane through all feet.

        Args:
            feet: Foot centres, world, shape (4, 3) [m].
        """
        self._points[:] = feet
        self._points[:, 2] -= self._radius
        fit_plane(self._points, feet[0], self._regularisation, self.plane)

    def update(self, feet: Array, standing: Array, centre: Array, dt: float) -> None:
        """Move the footprints of standing feet and let the plane follow.

        Args:
            feet: Foot centres, world, shape (4, 3) [m].
            standing: 1 for feet that carry load, shape (4,).
            centre: Point below which the height must be smooth, at least shape (2,) [m].
            dt: Time since the last update [s].
        """
        for leg in range(4):
            if standing[leg] > 0.5:
                self._points[leg] = feet[leg]
                self._points[leg, 2] -= self._radius
        fit_plane(self._points, centre, self._regularisation, self._fresh)
        blend = min(dt / self._time_constant, 1.0)
        # Blend heights under the body and slopes, not the far-away intercept.
        old = self.height(centre)
        new = self._fresh[0] + self._fresh[1] * centre[0] + self._fresh[2] * centre[1]
        height = old + blend * (new - old)
        self.plane[1:] += blend * (self._fresh[1:] - self.plane[1:])
        self.plane[0] = height - self.plane[1] * centre[0] - self.plane[2] * centre[1]

    def height(self, point: Array) -> float:
        """Height of the plane at a point, at least shape (2,) [m]."""
        return float(self.plane[0] + self.plane[1] * point[0] + self.plane[2] * point[1])
