"""Those who watch a replay: samples for plots, and the results bag."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evaluation.replay.bag_output import BagOutput
from evaluation.replay.replay import Moment

Array = npt.NDArray[np.float64]

# Samples that a plot can show; a longer bag is sampled more rarely.
SAMPLES = 6000
RESULTS_PERIOD_S = 0.02
PREFIX = "replay"


class Trail:
    """Samples of a replay, evenly spaced and never more than `SAMPLES`.

    Attributes:
        learners: Names of the learners.
    """

    def __init__(self, learners: Sequence[str], every: int = 5) -> None:
        """Begin without samples.

        Args:
            learners: Names of the learners.
            every: Number of ticks from one sample to the next, at first.
        """
        self.learners = tuple(learners)
        self._every = every
        self._ticks = 0
        self._force = self._speed = float("nan")
        self._rows: list[tuple[float, ...]] = []

    def watch(self, moment: Moment) -> None:
        """Take a sample, if it is time.

        Args:
            moment: What a tick led to.
        """
        estimate, tick = moment.estimate, moment.tick
        # The truth is recorded more rarely than readings; the newest holds.
        if tick.true_wrench is not None:
            self._force = float(tick.true_wrench[1][2])
        if tick.truth is not None:
            self._speed = float(tick.truth.velocity_body[0])
        self._ticks += 1
        if self._ticks % self._every:
            return
        learned = {c.name: c.info.residual[2] for c in moment.candidates if c.info is not None and c.walking}
        self._rows.append(
            (
                estimate.time,
                float(estimate.velocity_body[0]),
                self._speed,
                self._force,
                *(float(learned.get(name, np.nan)) for name in self.learners),
            )
        )
        if len(self._rows) >= SAMPLES:
            self._rows = self._rows[1::2]
            self._every *= 2

    def values(self) -> dict[str, Array]:
        """Return the samples.

        Returns:
            "time" [s], "speed" and "true_speed" [m/s], "true_force" and, by learner, "force NAME" (all vertical) [N];
            NaN where there is none.
        """
        names = ("time", "speed", "true_speed", "true_force", *(f"force {name}" for name in self.learners))
        table = np.array(self._rows, dtype=np.float64).reshape(-1, len(names))
        return dict(zip(names, table.T, strict=True))


class ResultsBag:
    """Writes what the cores made of a bag into another one, some fifty times a second."""

    def __init__(self, bag: BagOutput) -> None:
        """Take the bag.

        Args:
            bag: Open for writing.
        """
        self._bag = bag
        self._next = -np.inf

    def watch(self, moment: Moment) -> None:
        """Write a moment, if it is time.

        Args:
            moment: What a tick led to.
        """
        estimate = moment.estimate
        time = estimate.time
        if time < self._next - 1e-9:
            return
        self._next = time + RESULTS_PERIOD_S
        e = estimate
        self._bag.odometry(
            f"{PREFIX}/odom", time, e.position_world, e.orientation, e.velocity_body, e.angular_velocity_body
        )
        state = moment.tick.state
        for candidate in moment.candidates:
            place = f"{PREFIX}/{candidate.name}"
            if candidate.command is None or candidate.info is None:
                continue
            self._bag.joint_command(f"{place}/joint_commands", candidate.command)
            self._bag.wrench(f"{place}/residual_wrench", time, "base_link_heading", candidate.info.residual)
            recorded = moment.tick.recorded
            if recorded is not None:
                q, dq = state.joint_position, state.joint_velocity
                difference = recorded.command().torque(q, dq) - candidate.command.torque(q, dq)
                numbers = {"torque_difference_rms_nm": float(np.sqrt(np.mean(difference**2)))}
                self._bag.numbers(f"{place}/differences", time, numbers)
