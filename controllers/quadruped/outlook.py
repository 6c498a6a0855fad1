"""Describes the horizon to the force MPC and to the learner."""

import numpy as np
import numpy.typing as npt

from controllers.quadruped.body import BodyState
from controllers.quadruped.centroidal import GRAVITY
from controllers.quadruped.footholds import foothold_offset
from controllers.quadruped.gait import GaitScheduler
from controllers.quadruped.horizon import fill_horizon, preview
from controllers.quadruped.mpc import MpcConfig, MpcInput
from controllers.quadruped.reference import MotionReference
from controllers.quadruped.swing_legs import SwingLegs
from controllers.residual.learner import LearnerInputs

Array = npt.NDArray[np.float64]


class Outlook:
    """Grid, contacts, levers and references of the horizon that begins now."""

    def __init__(self, mpc: MpcConfig, velocity_decay: float, follow_slope: float, foot_radius: float) -> None:
        """Take the settings.

        Args:
            mpc: Force MPC.
            velocity_decay: Time constant with which the preview lets velocity errors vanish [s].
            follow_slope: Fraction of the ground's slope that the body's attitude follows.
            foot_radius: Radius of the feet [m].
        """
        self.config = mpc
        self._velocity_decay = velocity_decay
        self._follow_slope = follow_slope
        self._radius = foot_radius

    def intervals(self, scheduler: GaitScheduler) -> Array:
        """Lay the grid: whole fractions of the gait's half cycle, the first interval up to the next line.

        Contacts then switch on grid lines (for a duty factor of one half), so the plan sees no foot that
        stands for half an interval.

        Args:
            scheduler: The gait and its phase.

        Returns:
            Lengths of the intervals, shape (N,) [s].
        """
        c, gait = self.config, scheduler.gait
        if gait.duty >= 1.0:
            return np.full(c.horizon, c.interval)
        per_cycle = 2 * max(round(0.5 * scheduler.period / c.interval), 1)
        interval = scheduler.period / per_cycle
        first = (1.0 - scheduler.phase * per_cycle % 1.0) * interval
        intervals = np.full(c.horizon, interval)
        intervals[0] = first + interval if first < 0.25 * interval else first
        return intervals

    def describe(
        self,
        scheduler: GaitScheduler,
        standing: Array,
        swing: SwingLegs,
        body: BodyState,
        inertia_body: Array,
        reference: MotionReference,
        velocity_reference: Array,
        height: float,
        ground: Array,
        previous_forces: Array | None,
    ) -> tuple[MpcInput, LearnerInputs]:
        """Predict what the plan and the learner need to know.

        Args:
            scheduler: The gait and its phase.
            standing: Scheduled contacts now, shape (4,).
            swing: Landing points and footholds.
            body: Pose, twist and feet.
            inertia_body: About the centre of mass, base axes, shape (3, 3) [kg·m²].
            reference: The motion asked for.
            velocity_reference: Commanded velocity, world, shape (3,) [m/s].
            height: Centre of mass above the ground [m].
            ground: Plane z = g₀ + g₁ x + g₂ y, shape (3,).
            previous_forces: Forces of the previous plan, heading frame, shape (N, 4, 3) [N]; None without one.

        Returns:
            Input of the MPC, its residual still to be filled, and that of the learner.
        """
        n = self.config.horizon
        gait = scheduler.gait
        intervals = self.intervals(scheduler)
        contacts = scheduler.horizon(intervals)
        contacts[0] = standing
        levers = np.empty((n, 4, 3))
        offset = foothold_offset(
            swing.config, velocity_reference, velocity_reference, reference.yaw_rate, height, scheduler.stance_time
        )
        offset += swing.shift
        preview(
            intervals,
            contacts,
            body.com,
            body.velocity,
            velocity_reference,
            body.yaw,
            reference.yaw_rate,
            self._velocity_decay,
            body.feet,
            swing.targets,
            1.0 - standing,
            swing.nominal(gait),
            offset,
            swing.config.capture_gain * float(np.sqrt(max(height, 0.05) / GRAVITY)),
            ground,
            self._radius,
            levers,
        )
        inputs = MpcInput(
            intervals=intervals,
            contacts=contacts,
            levers=levers,
            position=np.empty(6),
            velocity=np.empty(6),
            position_reference=np.empty((n, 6)),
            velocity_reference=np.empty((n, 6)),
            residual=np.empty((n, 6)),
            inertia=np.empty((n, 3, 3)),
        )
        learner = LearnerInputs(np.empty((n, 9)), np.empty((n, 6)), contacts, np.empty(n))
        fill_horizon(
            intervals,
            body.rotation,
            body.yaw,
            body.com,
            height,
            body.velocity,
            body.spin,
            inertia_body,
            velocity_reference,
            reference.yaw_rate,
            reference.yaw - body.yaw,
            reference.position - body.com[:2],
            np.array([reference.roll, reference.pitch]),
            reference.height + float(body.com[2] - body.base_position[2]),
            ground,
            self._follow_slope,
            self._velocity_decay,
            levers,
            np.zeros((n, 4, 3)) if previous_forces is None else previous_forces,
            inputs.position,
            inputs.velocity,
            inputs.position_reference,
            inputs.velocity_reference,
            inputs.inertia,
            learner.state,
            learner.contact_wrench,
        )
        learner.gait_phase[0] = scheduler.phase
        learner.gait_phase[1:] = (scheduler.phase + np.cumsum(intervals)[:-1] / scheduler.period) % 1.0
        return inputs, learner
