"""The ground as the feet feel it: a plane through the last footprints."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.plane import find_underfoot, fit_plane, refit_plane

Array = npt.NDArray[np.float64]

_UNLOADED = np.zeros(4)


@njit(cache=True)
def _follow_ground(
    feet: Array,
    standing: Array,
    contact: Array,
    load: Array,
    centre: Array,
    radius: float,
    compliance: float,
    regularisation: float,
    height_blend: float,
    slope_blend: float,
    points: Array,
    plane: Array,
) -> None:
    # A sphere touches an incline beside its lowest point; the ground right below its centre is further down.
    below = radius * math.sqrt(1.0 + plane[1] * plane[1] + plane[2] * plane[2])
    for leg in range(4):
        if standing[leg] > 0.5 and contact[leg] > 0.5:
            points[leg, 0] = feet[leg, 0]
            points[leg, 1] = feet[leg, 1]
            points[leg, 2] = feet[leg, 2] - below + compliance * max(load[leg], 0.0)
    fresh = np.empty(3)
    refit_plane(points, regularisation, plane, fresh)
    # Blend the height under the body and the slopes, not the far-away intercept.
    old = plane[0] + plane[1] * centre[0] + plane[2] * centre[1]
    # Footprints of swinging feet are up to half a cycle old, in which the odometry may have climbed: they tell slopes.
    total, count = 0.0, 0.0
    for leg in range(4):
        if standing[leg] > 0.5 and contact[leg] > 0.5:
            along = fresh[1] * (centre[0] - points[leg, 0]) + fresh[2] * (centre[1] - points[leg, 1])
            total += points[leg, 2] + along
            count += 1.0
    new = total / count if count > 0.0 else old
    plane[1] += slope_blend * (fresh[1] - plane[1])
    plane[2] += slope_blend * (fresh[2] - plane[2])
    plane[0] = old + height_blend * (new - old) - plane[1] * centre[0] - plane[2] * centre[1]


class GroundPlane:
    """Remembers where each foot last stood and keeps a smooth plane through it.

    The plane is that of the ground before it gave: a loaded foot sinks, and with it the body that is
    held at a height above the feet, so each footprint is lifted by the compliance times the load.
    """

    def __init__(
        self,
        foot_radius: float,
        time_constant: float = 0.15,
        regularisation: float = 0.01,
        compliance: float = 0.0,
        height_time_constant: float = 0.05,
    ) -> None:
        """Begin with flat ground at zero.

        Args:
            foot_radius: Radius of the feet [m].
            time_constant: Smoothing of slopes [s].
            regularisation: Squared length that weighs against changes of the slopes [m²].
            compliance: How far a foot and the ground below it give per load [m/N].
            height_time_constant: Smoothing of the height, which standing feet alone tell [s].
        """
        self._radius = foot_radius
        self._compliance = compliance
        self._time_constant = time_constant
        self._height_time_constant = height_time_constant
        self._regularisation = regularisation
        self._points = np.zeros((4, 3))
        self.plane = np.zeros(3)

    def reset(self, feet: Array) -> None:
        """Begin with the plane through all feet.

        Args:
            feet: Foot centres, world, shape (4, 3) [m].
        """
        self._points[:] = feet
        self._points[:, 2] -= self._radius
        fit_plane(self._points, self._regularisation, self.plane)

    def update(
        self, feet: Array, standing: Array, contact: Array, centre: Array, dt: float, load: Array = _UNLOADED
    ) -> None:
        """Move the footprints of standing feet and let the plane follow.

        Args:
            feet: Foot centres, world, shape (4, 3) [m].
            standing: 1 for feet that should stand, shape (4,).
            contact: 1 for feet that carry load, shape (4,).
            centre: Point below which the height must be smooth, at least shape (2,) [m].
            dt: Time since the last update [s].
            load: Normal force on each foot, shape (4,) [N].
        """
        _follow_ground(
            feet,
            standing,
            contact,
            load,
            centre,
            self._radius,
            self._compliance,
            self._regularisation,
            min(dt / self._height_time_constant, 1.0),
            min(dt / self._time_constant, 1.0),
            self._points,
            self.plane,
        )

    @property
    def underfoot(self) -> Array:
        """From the centre of a standing foot to where the ground touches it, world, shape (3,) [m]."""
        found = np.empty(3)
        find_underfoot(self.plane, self._radius, found)
        return found

    def height(self, point: Array) -> float:
        """Tell the height of the plane at a point.

        Args:
            point: World, at least shape (2,) [m].

        Returns:
            Height [m].
        """
        p = self.plane
        return float(p[0] + p[1] * point[0] + p[2] * point[1])
