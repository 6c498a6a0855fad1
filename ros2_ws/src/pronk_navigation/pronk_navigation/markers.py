"""What the filter thinks, drawn for RViz and Foxglove."""

import math

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from controllers.safety.reading import Reading
from controllers.safety.run_time_filter import RELAXATION, STOPPED, RunTimeInfo

Array = npt.NDArray[np.float64]

FREE, ACTS, RELAXES, STANDS = (0.2, 0.8, 0.3), (1.0, 0.8, 0.1), (1.0, 0.45, 0.0), (0.9, 0.1, 0.1)
WANTED, COMMANDED = (0.6, 0.6, 0.6), (0.1, 0.4, 1.0)
# Barriers are drawn for gaps below this [m]; they turn from green to red.
DRAWN_GAP = 2.0
# A correction below this is none [m/s].
TOUCH = 0.01


def _colour(rgb: tuple[float, float, float], alpha: float = 1.0) -> ColorRGBA:
    return ColorRGBA(r=rgb[0], g=rgb[1], b=rgb[2], a=alpha)


def _blend(gap: float) -> tuple[float, float, float]:
    near = min(max(1.0 - gap / DRAWN_GAP, 0.0), 1.0)
    return tuple(near * a + (1.0 - near) * b for a, b in zip(STANDS, FREE, strict=True))  # type: ignore[return-value]


class FilterMarkers:
    """Draws one robot: its disc, velocities, and the barriers to others."""

    def __init__(self, robot: str, frame: str, radius: float) -> None:
        """Keep what does not change.

        Args:
            robot: Name of the robot; begins the names of its markers.
            frame: Frame that all robots share.
            radius: Radius of its disc [m].
        """
        self._robot, self._frame, self._radius = robot, frame, radius

    def draw(self, own: Reading | None, info: RunTimeInfo, stamp: Time) -> MarkerArray:
        """Draw one period.

        Args:
            own: Where the robot is; nothing but the removal of old markers is drawn where that is not known.
            info: What the filter did.
            stamp: Time of the markers.

        Returns:
            Disc (its colour tells the mode), wanted and commanded velocity, lines to the others, text.
        """
        try:
            if own is None:
                return self._nothing(stamp)
            own.validate()
        except ValueError:
            return self._nothing(stamp)
        x, y = own.position.tolist()
        disc = self._marker("disc", Marker.CYLINDER, stamp)
        disc.pose.position.x, disc.pose.position.y, disc.pose.position.z = x, y, 0.01
        disc.scale.x = disc.scale.y = 2.0 * self._radius
        disc.scale.z = 0.02
        disc.color = _colour(self._state_colour(info), 0.5)
        wanted = self._arrow("wanted", own, info.wanted, WANTED, stamp)
        commanded = self._arrow("commanded", own, info.velocity, COMMANDED, stamp)
        lines = self._marker("barriers", Marker.LINE_LIST, stamp)
        lines.scale.x = 0.03
        for barrier in info.barriers:
            if barrier.gap < DRAWN_GAP:
                bx, by = barrier.position.tolist()
                lines.points += [Point(x=x, y=y, z=0.05), Point(x=bx, y=by, z=0.05)]
                lines.colors += [_colour(_blend(barrier.gap))] * 2
        if not lines.points:
            lines.action = Marker.DELETE
        text = self._marker("text", Marker.TEXT_VIEW_FACING, stamp)
        text.pose.position.x, text.pose.position.y, text.pose.position.z = x, y, 0.6
        text.scale.z = 0.15
        text.color = _colour((1.0, 1.0, 1.0))
        gap = f"h {info.least_gap:+.2f} m" if math.isfinite(info.least_gap) else "h -"
        text.text = "\n".join((gap, info.mode, *info.reasons))
        return MarkerArray(markers=[disc, wanted, commanded, lines, text])

    def _nothing(self, stamp: Time) -> MarkerArray:
        markers = [self._marker(part, Marker.CYLINDER, stamp) for part in _PARTS]
        for marker in markers:
            marker.action = Marker.DELETE
        return MarkerArray(markers=markers)

    def _state_colour(self, info: RunTimeInfo) -> tuple[float, float, float]:
        if info.mode == STOPPED:
            return STANDS
        if info.mode == RELAXATION:
            return RELAXES
        return ACTS if info.correction > TOUCH else FREE

    def _marker(self, part: str, kind: int, stamp: Time) -> Marker:
        marker = Marker(ns=f"{self._robot}/{part}", id=0, type=kind, action=Marker.ADD)
        marker.header.frame_id, marker.header.stamp = self._frame, stamp
        marker.pose.orientation.w = 1.0
        # A filter that died must not leave its last picture standing.
        marker.lifetime = Duration(sec=1)
        return marker

    def _arrow(self, part: str, own: Reading, velocity: Array, rgb: tuple[float, float, float], stamp: Time) -> Marker:
        arrow = self._marker(part, Marker.ARROW, stamp)
        if not float(np.linalg.norm(velocity)) > TOUCH:
            arrow.action = Marker.DELETE
            return arrow
        (x, y), (vx, vy) = own.position.tolist(), velocity.tolist()
        # One second of motion.
        arrow.points = [Point(x=x, y=y, z=0.1), Point(x=x + vx, y=y + vy, z=0.1)]
        arrow.scale.x, arrow.scale.y, arrow.scale.z = 0.04, 0.08, 0.1
        arrow.color = _colour(rgb)
        return arrow


_PARTS = ("disc", "wanted", "commanded", "barriers", "text")
