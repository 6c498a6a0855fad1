"""Gaits as periodic contact schedules, and the scheduler that runs and switches them.

Each leg carries a phase in [0, 1): it stands while the phase is below the duty factor and swings
above it. Leg phases are the gait's phase plus a constant offset per leg.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue, UnknownName

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gait:
    """A periodic contact schedule.

    Attributes:
        name: Name by which it is commanded.
        period: Length of a cycle [s].
        duty: Fraction of the cycle that each foot stands; 1 for standing.
        offsets: Phase lead of FL, FR, RL, RR in [0, 1).
        swing_height: Apex of the swing foot above its lift-off height [m].
        stance_width: Sideways distance of each foot from the point under its hip, outward [m].
    """

    name: str
    period: float
    duty: float
    offsets: tuple[float, float, float, float]
    swing_height: float = 0.07
    stance_width: float = 0.0

    def __post_init__(self) -> None:
        """Refuse schedules that cannot be run.

        Raises:
            InvalidValue: Names the attribute, what was got and what is allowed.
        """
        if not 0.1 <= self.period <= 5.0:
            raise InvalidValue(f"Gait.period must lie in [0.1, 5] s, got {self.period}")
        if not 0.2 <= self.duty <= 1.0:
            raise InvalidValue(f"Gait.duty must lie in [0.2, 1], got {self.duty}")
        if len(self.offsets) != 4 or not all(0.0 <= o < 1.0 for o in self.offsets):
            raise InvalidValue(f"Gait.offsets must be four numbers in [0, 1), got {self.offsets}")

    @property
    def stance_time(self) -> float:
        """Time that a foot stands in each cycle [s]."""
        return self.duty * self.period

    @property
    def swing_time(self) -> float:
        """Time that a foot swings in each cycle [s]."""
        return (1.0 - self.duty) * self.period


GAITS: dict[str, Gait] = {
    gait.name: gait
    for gait in (
        Gait("stand", period=0.5, duty=1.0, offsets=(0.0, 0.0, 0.0, 0.0)),
        Gait("trot", period=0.44, duty=0.5, offsets=(0.0, 0.5, 0.5, 0.0)),
        Gait("walking_trot", period=0.5, duty=0.6, offsets=(0.0, 0.5, 0.5, 0.0)),
        Gait("pace", period=0.36, duty=0.5, offsets=(0.0, 0.5, 0.0, 0.5), swing_height=0.05, stance_width=-0.08),
        Gait("crawl", period=1.0, duty=0.8, offsets=(0.0, 0.5, 0.25, 0.75), swing_height=0.05),
    )
}

# Gaits that stand on two feet alone, where only friction gives a moment about the line between them, and what takes
# their place on ice.
SURE_FOOTED = {"trot": "walking_trot"}


def get_gait(name: str) -> Gait:
    """Look a gait up.

    Args:
        name: One of the names in `GAITS`.

    Returns:
        The gait.

    Raises:
        UnknownName: No such gait; the message lists those that exist.
    """
    if name not in GAITS:
        raise UnknownName("gait", name, GAITS)
    return GAITS[name]


def _lift_offs(gait: Gait) -> Array:
    """Phases of the gait at which each leg lifts: just before that its own phase is at the duty factor."""
    return np.array([(gait.duty - o) % 1.0 for o in gait.offsets])


def first_to_lift(gait: Gait) -> int:
    """Find the leg with whose lift-off a scheduler begins a gait, so that as many others as possible stand.

    Args:
        gait: The gait.

    Returns:
        Index of the leg.
    """
    offsets = np.array(gait.offsets)
    standing = [int(np.sum((c + offsets - 1e-9) % 1.0 < gait.duty)) for c in _lift_offs(gait)]
    return int(np.argmax(standing))


@njit(cache=True)
def contact_table(
    phase: float, period: float, duty: float, offsets: Array, intervals: Array, held: Array, contacts: Array
) -> None:
    """Predict which feet stand in each interval of a horizon.

    Args:
        phase: Gait phase at the start of the horizon, in [0, 1).
        period: Cycle time [s].
        duty: Duty factor.
        offsets: Phase offset of each leg, shape (4,).
        intervals: Length of each interval, shape (N,) [s].
        held: Time for which each leg stands on, whatever its phase says, shape (4,) [s].
        contacts: Output, 1 where the foot stands at the middle of the interval, shape (N, 4).
    """
    time = 0.0
    for k in range(intervals.shape[0]):
        middle = time + 0.5 * intervals[k]
        for leg in range(4):
            leg_phase = (phase + offsets[leg] + middle / period) % 1.0
            contacts[k, leg] = 1.0 if (leg_phase < duty or middle < held[leg]) else 0.0
        time += intervals[k]


@njit(cache=True)
def leg_schedule(
    phase: float,
    period: float,
    duty: float,
    offsets: Array,
    held: Array,
    landing: Array,
    switching: bool,
    contact: Array,
    swing_phase: Array,
    swing_left: Array,
    stance_left: Array,
) -> tuple[bool, bool]:
    """Tell where each leg is in its cycle.

    Args:
        phase: Gait phase in [0, 1).
        period: Cycle time [s].
        duty: Duty factor.
        offsets: Phase offset of each leg, shape (4,).
        held: Time for which each leg stands on, whatever its phase says, shape (4,) [s].
        landing: 1 for legs that still have to land before the gait may change; updated, shape (4,).
        switching: Whether a change of gait waits: legs that have landed then stay down.
        contact: In: contacts of the previous tick; out: contacts now, shape (4,).
        swing_phase: Output, shape (4,).
        swing_left: Output, shape (4,) [s].
        stance_left: Output, shape (4,) [s].

    Returns:
        Whether any contact changed, and whether all feet stand.
    """
    changed, all_stand = False, True
    for leg in range(4):
        p = (phase + offsets[leg]) % 1.0
        stands = duty >= 1.0 or p < duty or held[leg] > 0.0
        if switching:
            if stands:
                landing[leg] = 0.0
            stands = stands or landing[leg] < 0.5
        value = 1.0 if stands else 0.0
        changed = changed or value != contact[leg]
        all_stand = all_stand and stands
        contact[leg] = value
        swing_phase[leg] = 0.0
        swing_left[leg] = 0.0
        stance_left[leg] = 0.0
        if not stands:
            swing_left[leg] = (1.0 - p) * period
            swing_phase[leg] = (p - duty) / (1.0 - duty)
        elif duty >= 1.0:
            stance_left[leg] = np.inf
        else:
            stance_left[leg] = ((duty - p) if p < duty else (1.0 - p + duty)) * period
    return changed, all_stand


@dataclass
class LegSchedule:
    """Where each leg is in its cycle.

    Attributes:
        contact: 1 where the leg is scheduled to stand, shape (4,).
        swing_phase: Progress through the swing in [0, 1], 0 for standing legs, shape (4,).
        swing_left: Time until touchdown, 0 for standing legs, shape (4,) [s].
        stance_left: Time until lift-off (infinite when standing still), 0 for swinging legs, shape (4,) [s].
        switched: Whether any leg changed between stance and swing since the previous tick.
    """

    contact: Array
    swing_phase: Array
    swing_left: Array
    stance_left: Array
    switched: bool


class GaitScheduler:
    """Runs a gait and switches to another while walking.

    A switch lets every swinging leg land first; then all feet stand, and the new gait begins at
    the phase in which a leg is about to lift. That costs at most one swing time and needs no
    blending of schedules.

    Attributes:
        gait: The running gait.
        phase: Its phase in [0, 1).
        cadence: Pace, as a multiple of the gait's own; may be set at any time.
    """

    def __init__(self, gait: Gait) -> None:
        """Start standing, about to enter a gait.

        Args:
            gait: First gait.
        """
        self._requested = gait
        self.cadence = 1.0
        self._held = np.zeros(4)
        self._landing = np.zeros(4)
        self._schedule = LegSchedule(np.ones(4), np.zeros(4), np.zeros(4), np.zeros(4), False)
        self._enter(gait)

    def _enter(self, gait: Gait) -> None:
        self.gait = gait
        self.offsets = np.array(gait.offsets)
        self.phase = self._entry_phase(gait)
        # Feet that the entry phase would have in the air stay down until their own next lift-off.
        self._held[:] = self._until_stance()

    def _until_stance(self) -> Array:
        """Time until each leg's own phase has it stand, 0 where it already does, shape (4,) [s].

        A nanosecond is added, so that rounding leaves no gap between the hold and the stance.
        """
        leg_phase = (self.phase + self.offsets) % 1.0
        return np.where(leg_phase >= self.gait.duty, (1.0 - leg_phase) * self.gait.period + 1e-9, 0.0)

    @staticmethod
    def _entry_phase(gait: Gait) -> float:
        """Phase at which the next lift-off is imminent and as many legs as possible stand."""
        if gait.duty >= 1.0:
            return 0.0
        return float((_lift_offs(gait)[first_to_lift(gait)] - 1e-9) % 1.0)

    def request(self, gait: Gait) -> None:
        """Ask for another gait; it starts when the swinging legs have landed.

        Args:
            gait: The gait to change to; asking again for the same one changes nothing.
        """
        if gait is self._requested:
            return
        self._requested = gait
        self._landing[:] = self._schedule.contact < 0.5
        if gait is self.gait:
            # Taken back half-way: legs that the switch kept down must not lift in mid-swing.
            self._held[:] = np.where(self._schedule.contact > 0.5, self._until_stance(), 0.0)

    @property
    def period(self) -> float:
        """Length of a cycle at the present pace [s]."""
        return self.gait.period / self.cadence

    @property
    def stance_time(self) -> float:
        """Time that a foot stands in each cycle at the present pace [s]."""
        return self.gait.stance_time / self.cadence

    @property
    def swing_time(self) -> float:
        """Time that a foot swings in each cycle at the present pace [s]."""
        return self.gait.swing_time / self.cadence

    @property
    def switching(self) -> bool:
        """Whether a requested gait has not started yet."""
        return self._requested is not self.gait

    def advance(self, dt: float) -> LegSchedule:
        """Let time pass and return the schedule of the legs.

        Args:
            dt: Time since the previous call [s].

        Returns:
            The schedule at the new time; its arrays are overwritten by the next call.
        """
        schedule = self._schedule
        self.phase = (self.phase + dt / self.period) % 1.0
        # Told as time at the gait's own pace, so that it ends with the phase whatever the pace does.
        self._held -= dt * self.cadence
        changed, all_stand = self._update(self.switching)
        if self.switching and all_stand:
            self._enter(self._requested)
            changed = self._update(False)[0] or changed
        schedule.switched = changed
        return schedule

    def land(self, legs: Array) -> LegSchedule:
        """Let legs stand from now on until their own next lift-off, because they are down already.

        Args:
            legs: 1 for these legs, shape (4,).

        Returns:
            The schedule; what `advance` returned, with these legs standing.
        """
        self._held[:] = np.where(legs > 0.5, self._until_stance(), self._held)
        changed = self._update(self.switching)[0]
        self._schedule.switched = self._schedule.switched or changed
        return self._schedule

    def _update(self, switching: bool) -> tuple[bool, bool]:
        s = self._schedule
        changed, all_stand = leg_schedule(
            self.phase,
            self.period,
            self.gait.duty,
            self.offsets,
            self._held,
            self._landing,
            switching,
            s.contact,
            s.swing_phase,
            s.swing_left,
            s.stance_left,
        )
        return bool(changed), bool(all_stand)

    def horizon(self, intervals: Array) -> Array:
        """Predict the contacts over a horizon that starts now.

        Args:
            intervals: Length of each interval, shape (N,) [s].

        Returns:
            1 where a foot stands, shape (N, 4).
        """
        contacts = np.empty((len(intervals), 4))
        held = self._held
        if self.switching:
            # Until the new gait starts, legs that have landed stay down.
            held = np.where(self._landing < 0.5, np.inf, self._held)
        held = held / self.cadence
        contact_table(self.phase, self.period, self.gait.duty, self.offsets, intervals, held, contacts)
        if self.switching:
            # A leg that lands during the switch stays down as well.
            np.maximum.accumulate(contacts, axis=0, out=contacts)
        return contacts
