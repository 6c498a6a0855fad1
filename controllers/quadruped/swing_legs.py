"""The swinging legs of one robot: where they start from, where they land and the way between."""

import numpy as np
import numpy.typing as npt

from controllers.quadruped.body import BodyState
from controllers.quadruped.footholds import FootholdConfig, foothold_offset
from controllers.quadruped.gait import Gait, GaitScheduler, LegSchedule
from controllers.quadruped.swing import swing_references

Array = npt.NDArray[np.float64]


class SwingLegs:
    """References of the swinging feet, advanced tick by tick.

    Attributes:
        targets: Landing points of swinging feet, world, shape (4, 3) [m].
        position: References of swinging feet, world, shape (4, 3) [m].
        velocity: Their rates, shape (4, 3) [m/s].
        acceleration: The rates of those, shape (4, 3) [m/s²].
        shift: Of all footholds towards a load, world, set from outside, shape (2,) [m].
    """

    def __init__(
        self,
        config: FootholdConfig,
        under_hips: Array,
        hips: Array,
        leg_length: float,
        foot_radius: float,
        landing_depth: float,
    ) -> None:
        """Begin with all feet at the origin, which no foot that swings later starts from.

        Args:
            config: Footholds.
            under_hips: Feet of the standing robot relative to its centre of mass, base axes, shape (4, 2) [m].
            hips: Hip joints relative to the centre of mass, base axes, shape (4, 3) [m].
            leg_length: Distance of a foot from its hip when the leg is straight [m].
            foot_radius: Radius of the feet [m].
            landing_depth: How far below the ground to aim [m].
        """
        self.config = config
        self._under_hips = np.ascontiguousarray(under_hips)
        self._hips = np.ascontiguousarray(hips)
        self._leg_length = config.reach * leg_length
        self._sides = np.sign(under_hips[:, 1])
        self._radius = foot_radius
        self._landing_depth = landing_depth
        self._plane_state = np.zeros((4, 2, 3))
        self._lift_height = np.zeros(4)
        self._nominal_gait: Gait | None = None
        self._nominal = self._under_hips
        self.shift = np.zeros(2)
        self.targets = np.zeros((4, 3))
        self.position = np.zeros((4, 3))
        self.velocity = np.zeros((4, 3))
        self.acceleration = np.zeros((4, 3))

    def nominal(self, gait: Gait) -> Array:
        """Tell the points that the feet of a gait return to.

        Args:
            gait: The gait.

        Returns:
            Relative to the centre of mass, heading frame, shape (4, 2) [m].
        """
        if self._nominal_gait is not gait:
            self._nominal_gait = gait
            self._nominal = self._under_hips.copy()
            self._nominal[:, 1] += (self.config.stance_width + gait.stance_width) * self._sides
        return self._nominal

    def advance(
        self,
        schedule: LegSchedule,
        was_standing: Array,
        scheduler: GaitScheduler,
        body: BodyState,
        velocity_reference: Array,
        yaw_rate: float,
        height: float,
        ground: Array,
        dt: float,
    ) -> None:
        """Move the references on by one tick.

        Args:
            schedule: Where each leg is in its cycle.
            was_standing: Scheduled contacts one tick ago, shape (4,).
            scheduler: Runs the gait.
            body: Pose, twist and feet.
            velocity_reference: Commanded velocity, world, shape (3,) [m/s].
            yaw_rate: Commanded turning rate [rad/s].
            height: Centre of mass above the ground [m].
            ground: Plane z = g₀ + g₁ x + g₂ y, shape (3,).
            dt: Time since the previous tick [s].
        """
        offset = foothold_offset(
            self.config, body.velocity, velocity_reference, yaw_rate, height, scheduler.stance_time
        )
        offset += self.shift
        swing_references(
            schedule.contact,
            was_standing,
            schedule.swing_left,
            schedule.swing_phase,
            body.feet,
            body.com,
            body.velocity,
            body.yaw,
            yaw_rate,
            self.nominal(scheduler.gait),
            self._hips,
            self._leg_length,
            offset,
            ground,
            self._radius,
            self._landing_depth,
            scheduler.gait.swing_height,
            scheduler.swing_time,
            dt,
            self._plane_state,
            self._lift_height,
            self.targets,
            self.position,
            self.velocity,
            self.acceleration,
        )
