"""What a gain schedule may choose, and how its answer is made harmless.

A schedule tunes how boldly a robot approaches (gain), who of two gives way (responsibility) and where it would like to
go (turn, pace). The filter is safe for every value in range; `bounded` brings any answer into range and counts what it
had to change.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.safety.graph import Neighbourhood

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Sums of two logistic functions miss one by a few units in the last place.
SUM_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Gains:
    """What a schedule chooses for N robots with K neighbour and M obstacle slots.

    Attributes:
        gain: How fast the gap to a neighbour may be used up, in [0, 1/dt], shape (N, K) [1/s].
        responsibility: Share r_ij of the gap that this robot may use, in [0, 1], r_ij + r_ji = 1, shape (N, K). Zero
            gives way, one insists. Ignored for neighbours that do not cooperate: there the robot bears all.
        obstacle_gain: How fast the gap to an obstacle may be used up, in [0, 1/dt], shape (N, M) [1/s].
        turn: Angle by which the preferred velocity is turned to the left, in [−π, π], shape (N,) [rad].
        pace: Share of the preferred velocity that is kept (a robot that yields lowers it), in [0, 1], shape (N,).
    """

    gain: Array
    responsibility: Array
    obstacle_gain: Array
    turn: Array
    pace: Array


class GainSchedule(Protocol):
    """Tunes the filter from what each robot perceives."""

    def gains(self, neighbourhood: Neighbourhood) -> Gains:
        """Choose gains for every robot of a batch; each may depend on its own row only."""
        ...


@dataclass(frozen=True)
class FixedGains:
    """The same gain everywhere, and gaps shared equally: the usual barrier filter.

    Attributes:
        gain: Towards neighbours [1/s].
        obstacle_gain: Towards obstacles [1/s]; None takes `gain`.
    """

    gain: float
    obstacle_gain: float | None = None

    def __post_init__(self) -> None:
        """Refuse gains that are negative or not finite.

        Raises:
            InvalidValue: Names the field.
        """
        for name in ("gain", "obstacle_gain"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value >= 0.0):
                raise InvalidValue(f"FixedGains.{name} must be finite and not negative, got {value}")

    def gains(self, neighbourhood: Neighbourhood) -> Gains:
        """Return the fixed gains in the shapes of a batch.

        Args:
            neighbourhood: What N robots perceive.

        Returns:
            Gains; equal shares, no turn, full pace.
        """
        n, k = neighbourhood.valid.shape
        m = neighbourhood.obstacle_valid.shape[1]
        obstacle = self.gain if self.obstacle_gain is None else self.obstacle_gain
        return Gains(
            np.full((n, k), self.gain), np.full((n, k), 0.5), np.full((n, m), obstacle), np.zeros(n), np.ones(n)
        )


@njit(cache=True)
def _bound(value: float, low: float, high: float, otherwise: float) -> tuple[float, int]:
    """Clamp; not-a-number becomes `otherwise`. The second value tells whether anything changed."""
    if np.isnan(value):
        return otherwise, 1
    if value < low:
        return low, 1
    if value > high:
        return high, 1
    return value, 0


@njit(cache=True)
def _bound_all(
    valid: npt.NDArray[np.bool_],
    index: IntArray,
    obstacle_valid: npt.NDArray[np.bool_],
    top: float,
    given: tuple[Array, Array, Array, Array, Array],
    tolerance: float,
    out: tuple[Array, Array, Array, Array, Array],
    changed: IntArray,
) -> None:
    """Bring every value of a batch into range."""
    n, k = valid.shape
    for i in range(n):
        for j in range(k):
            if not valid[i, j]:
                continue
            a, ca = _bound(given[0][i, j], 0.0, top, 0.0)
            r, cr = _bound(given[1][i, j], 0.0, 1.0, 0.0)
            out[0][i, j], out[1][i, j] = a, r
            changed[i] += ca + cr
        for j in range(obstacle_valid.shape[1]):
            if obstacle_valid[i, j]:
                a, ca = _bound(given[2][i, j], 0.0, top, 0.0)
                out[2][i, j] = a
                changed[i] += ca
        turn, ct = _bound(given[3][i], -np.pi, np.pi, 0.0)
        pace, cp = _bound(given[4][i], 0.0, 1.0, 0.0)
        out[3][i], out[4][i] = turn, pace
        changed[i] += ct + cp
    for i in range(n):
        for j in range(k):
            other = index[i, j]
            if not valid[i, j] or other <= i or other >= n:
                continue
            for back in range(k):
                if valid[other, back] and index[other, back] == i:
                    total = out[1][i, j] + out[1][other, back]
                    if total > 1.0 + tolerance:
                        out[1][i, j] /= total
                        out[1][other, back] /= total
                        changed[i] += 1
                        changed[other] += 1
                    break


def bounded(gains: Gains, neighbourhood: Neighbourhood, dt: float) -> tuple[Gains, IntArray]:
    """Make the answer of a schedule harmless.

    Values out of range are clamped. What is not a number becomes the timid choice (gain, responsibility and pace zero,
    no turn). Two robots of the same batch whose shares of one gap sum to more than one get them scaled down to one;
    robots that run apart rely on the antisymmetry of their schedule.

    Args:
        gains: What the schedule returned.
        neighbourhood: What it was asked about.
        dt: Control period [s].

    Returns:
        Gains in range, and how many values were changed for each robot, shape (N,).

    Raises:
        InvalidValue: A shape does not fit the neighbourhood.
    """
    n, k = neighbourhood.valid.shape
    m = neighbourhood.obstacle_valid.shape[1]
    wanted = {"gain": (n, k), "responsibility": (n, k), "obstacle_gain": (n, m), "turn": (n,), "pace": (n,)}
    given = []
    for name, shape in wanted.items():
        array = np.asarray(getattr(gains, name), dtype=np.float64)
        if array.shape != shape:
            raise InvalidValue(f"Gains.{name} must have shape {shape}, got {array.shape}")
        given.append(array)
    out = (np.zeros((n, k)), np.zeros((n, k)), np.zeros((n, m)), np.zeros(n), np.zeros(n))
    changed = np.zeros(n, dtype=np.int64)
    _bound_all(
        neighbourhood.valid,
        neighbourhood.index,
        neighbourhood.obstacle_valid,
        1.0 / dt,
        (given[0], given[1], given[2], given[3], given[4]),
        SUM_TOLERANCE,
        out,
        changed,
    )
    return Gains(*out), changed
