r"""Shaping that cannot change which policy is best.

The learner maximises :math:`E \sum_i \gamma^{t_i} r_i` over decisions i, the i-th taken at the elementary step
:math:`t_i` and lasting :math:`k_i = t_{i+1} - t_i` steps (one, or more for action chunks and frame skips; rewards
inside a chunk are discounted to its beginning). Shaping adds

.. math:: F_i = \gamma^{k_i} \Phi_{i+1} - \Phi_i,

where :math:`\Phi_i` is *the* value held for the i-th state of the episode (Ng, Harada and Russell 1999; with values
that change over time Devlin and Kudenko 2012; for the end of episodes Grześ 2017).

**Proof.** :math:`\gamma^{t_i} F_i = \gamma^{t_{i+1}} \Phi_{i+1} - \gamma^{t_i} \Phi_i`, so the sum over the decisions
of an episode telescopes to :math:`\gamma^{t_n} \Phi_n - \Phi_0`. The first term vanishes: where the task ends, because
:math:`\Phi_n := 0` there; where it goes on for ever, because :math:`|\Phi| \le c` (clipped) and :math:`\gamma < 1`.
What is left, :math:`-\Phi_0`, is fixed before the first action. The same holds from any later state on, with any past
h: every policy loses the same, :math:`Q_F(h, a) = Q(h, a) - \Phi(h)`, and both have the same best actions. Nothing asks
where :math:`\Phi` comes from: it may depend on the whole past of the episode, as fused progress does. ∎

What the proof uses, and what breaks it (each is tested on random finite problems):

- *one value for each state of an episode*, used as "after" of one decision and as "before" of the next. So values are
  stored, one per state; estimating the difference anew for each pair, or relabelling one side, breaks it;
- *the learner's discount*, to the power of the duration. A plain difference :math:`\Phi' - \Phi` is shaping plus a
  hidden wage of :math:`(1 - \gamma^k) \Phi'` for being somewhere;
- *zero behind an end*. If the potential of a terminal state stays, ending there is paid;
- *time limits*: a limit that is no part of the task cuts the episode, the learner bootstraps from the value of the last
  state, which already holds :math:`-\Phi_n`, and :math:`\Phi_n` must stay. If the learner takes the limit for the end
  (no bootstrap), :math:`\Phi_n := 0` as at any end;
- *bounded potentials*: they are clipped. Clipping or normalising the shaped reward itself breaks it.

The theorem is about what is optimal. How fast a learner finds it, and learners that do not maximise this sum
(normalised advantages, entropy bonuses), are outside of it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.potentials import check_discount, progress_potential

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BOOTSTRAP, END = "bootstrap", "end"
TIME_LIMITS = (BOOTSTRAP, END)


@dataclass(frozen=True)
class ShapingConfig:
    """Settings of shaping.

    Attributes:
        discount: γ of the learner per elementary step; below 1, or equal to it where every episode ends.
        scale: Multiplies every potential.
        offset: Added to every potential before it is multiplied, but not to the zero behind an end: it moves the level
            at which a learner that starts from zero values looks around.
        lowest: Least potential, before offset and scale.
        highest: Greatest potential, before offset and scale.
        time_limit: What the learner does at a time limit: "bootstrap" from the value of the last state, or take it for
            the "end" of the task.
    """

    discount: float
    scale: float = 1.0
    offset: float = 0.0
    lowest: float = 0.0
    highest: float = 1.0
    time_limit: str = BOOTSTRAP

    def __post_init__(self) -> None:
        """Refuse what cannot shape.

        Raises:
            InvalidValue: A number is out of range, or the time limit is none of the two.
        """
        check_discount(self.discount, "ShapingConfig.discount")
        for name, least in (("scale", 0.0), ("offset", -np.inf)):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= least):
                bound = " and not negative" if least == 0.0 else ""
                raise InvalidValue(f"ShapingConfig.{name} must be finite{bound}, got {value}")
        progress_potential(0.0, self.lowest, self.highest)
        if self.time_limit not in TIME_LIMITS:
            raise InvalidValue(
                f"ShapingConfig.time_limit must be one of {', '.join(TIME_LIMITS)}, got '{self.time_limit}'"
            )

    def potential(self, value: npt.ArrayLike) -> Array:
        """Clip, shift and scale what a model says of states.

        Args:
            value: Progress, time-to-go potential or whatever lies between `lowest` and `highest`, any shape.

        Returns:
            Potentials, of the same shape.

        Raises:
            InvalidValue: A value is not finite.
        """
        return self.scale * (progress_potential(value, self.lowest, self.highest) + self.offset)


def continuation(
    config: ShapingConfig, duration: npt.ArrayLike, terminated: npt.ArrayLike, truncated: npt.ArrayLike
) -> Array:
    """Tell by how much the learner must multiply the value of the state after each decision.

    Args:
        config: Settings.
        duration: Elementary steps that each decision lasted, whole and at least 1, shape (N,) or ().
        terminated: Whether the task ended with it, shape (N,) or ().
        truncated: Whether a time limit cut the episode after it, shape (N,) or ().

    Returns:
        γ^k where the learner bootstraps and 0 where it does not, shape (N,) or ().

    Raises:
        InvalidValue: A duration is no whole number of at least 1.
    """
    steps = np.asarray(duration, dtype=np.float64)
    if not (np.isfinite(steps).all() and (steps >= 1.0).all() and (steps == np.floor(steps)).all()):
        raise InvalidValue(f"a duration must be a whole number of steps, at least 1, got {steps}")
    over = np.asarray(terminated, dtype=bool)
    if config.time_limit == END:
        over = over | np.asarray(truncated, dtype=bool)
    return np.where(over, 0.0, np.power(config.discount, steps))


def shaping(
    config: ShapingConfig,
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    duration: npt.ArrayLike = 1,
    terminated: npt.ArrayLike = False,
    truncated: npt.ArrayLike = False,
) -> Array:
    """Compute what shaping adds to the rewards of decisions: γ^k Φ' - Φ, with Φ' = 0 behind an end.

    Args:
        config: Settings.
        before: What the model said of the state before, unclipped, shape (N,) or ().
        after: What it said of the state after, *when it was seen*; anything where the learner does not bootstrap,
            shape (N,) or ().
        duration: Elementary steps that each decision lasted, shape (N,) or ().
        terminated: Whether the task ended with it, shape (N,) or ().
        truncated: Whether a time limit cut the episode after it, shape (N,) or ().

    Returns:
        Additions, shape (N,) or ().

    Raises:
        InvalidValue: A value that is used is not finite, or a duration is no whole number of at least 1.
    """
    factor = continuation(config, duration, terminated, truncated)
    # Behind an end the model is not asked: whatever it says, even NaN, does not count.
    following = config.potential(np.where(factor == 0.0, config.lowest, np.asarray(after, dtype=np.float64)))
    return np.asarray(factor * following - config.potential(before))
