"""Takes whatever a schedule returns and hands on gains that robots with clocks of their own may use.

The theorem of `barrier` lets gains be as high as 1/dt because all robots sample at the same instants. Robots that run
apart sample when they like: within one's period the other still acts on a gap that it saw up to a period earlier. With
gains of c/dt the gap falls no faster than g' ≥ −(c/dt) sup g over the last period. While that supremum is at most e g,
c = 1/e gives g' ≥ −g/dt, so over one period the gap falls by the factor e at most, and the supremum stays at most e g:
the gap stays positive. Higher gains let it overshoot (c > 1/e is where solutions of x' = −(c/dt) x(t − dt) oscillate).
This holds for normals that do not turn within a period; that they do is of second order, and (2 v dt)²/(r_i + r_j)
belongs into the margin for it.
"""

import math

import numpy as np

from controllers.safety.gains import Gains, GainSchedule
from controllers.safety.graph import Neighbourhood

UNALIGNED = 1.0 / math.e


class GuardedGains:
    """Wraps a schedule: an answer of the wrong kind or shape becomes the timid choice, gains are capped."""

    def __init__(self, schedule: GainSchedule, dt: float) -> None:
        """Wrap.

        Args:
            schedule: Chooses gains; may return anything.
            dt: Control period [s].
        """
        self.schedule = schedule
        self.top = 1.0 / dt
        self.cap = UNALIGNED / dt
        self.clamped = 0
        self.refused = 0

    def gains(self, neighbourhood: Neighbourhood) -> Gains:
        """Ask the schedule.

        Args:
            neighbourhood: What N robots perceive.

        Returns:
            Its answer with gains towards neighbours of at most 1/(e dt), other values as they are (`bounded` looks at
            them); `clamped` counts gains above 1/dt. Where the answer has the wrong kind or shape, gains and pace are
            zero, so that robots stand, and `refused` counts it.
        """
        n, k = neighbourhood.valid.shape
        m = neighbourhood.obstacle_valid.shape[1]
        shapes = {"gain": (n, k), "responsibility": (n, k), "obstacle_gain": (n, m), "turn": (n,), "pace": (n,)}
        answer = self.schedule.gains(neighbourhood)
        arrays = {}
        for name, shape in shapes.items():
            try:
                array = np.array(getattr(answer, name, None), dtype=np.float64)
            except (TypeError, ValueError):
                array = np.empty(0)
            if array.shape != shape:
                self.refused += 1
                return Gains(**{field: np.zeros(size) for field, size in shapes.items()})
            arrays[name] = array
        gain = arrays["gain"]
        # Beyond the theorem's own limit is garbage and counted; below it the cap is no news.
        self.clamped += int(((gain > self.top) & neighbourhood.valid).sum())
        gain[gain > self.cap] = self.cap
        return Gains(**arrays)
