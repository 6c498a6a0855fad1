"""Potentials of states: what shaping takes the differences of."""

import math

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]


def check_discount(discount: float, name: str = "discount") -> None:
    """Refuse what is no discount factor.

    Args:
        discount: Per elementary step.
        name: What it is called in the message.

    Raises:
        InvalidValue: It is not in (0, 1].
    """
    if not (math.isfinite(discount) and 0.0 < discount <= 1.0):
        raise InvalidValue(f"{name} must lie in (0, 1], got {discount}")


def progress_potential(progress: npt.ArrayLike, lowest: float = 0.0, highest: float = 1.0) -> Array:
    """Take estimated progress as a potential, kept inside its range.

    A clipped potential is a potential again; a clipped *reward* is no difference of potentials any more.

    Args:
        progress: Estimated progress, 0 at the start and 1 at the goal, any shape.
        lowest: Least potential.
        highest: Greatest potential.

    Returns:
        Potentials, of the same shape.

    Raises:
        InvalidValue: A progress is not finite, or the range is empty.
    """
    if not (math.isfinite(lowest) and math.isfinite(highest) and lowest < highest):
        raise InvalidValue(f"lowest must be below highest and both finite, got {lowest} and {highest}")
    value = np.asarray(progress, dtype=np.float64)
    if not np.isfinite(value).all():
        raise InvalidValue(f"progress must be finite, got {value}")
    return np.clip(value, lowest, highest)


def time_to_go_potential(remaining_steps: npt.ArrayLike, discount: float) -> Array:
    """Discount success by the time that it will take: Φ = γ^τ.

    Along an expert, whose τ falls by one each step, γ Φ(s') - Φ(s) = γ · γ^(τ-1) - γ^τ = 0: an expert is neither paid
    nor charged on its way, however long that is, and any step that is slower costs. A potential that is linear in time
    instead charges an expert of T steps wherever its progress exceeds γ / (T (1 - γ)).

    With a reward of 1 on the step that succeeds, Φ / γ is the value of the expert. If that step ends the episode, it is
    charged Φ = γ (the potential behind the end is zero), so that 1 - γ is left of the reward.

    Args:
        remaining_steps: Elementary steps to success, 0 where it is reached, inf where it never will be, any shape.
        discount: γ of the learner per elementary step.

    Returns:
        Potentials in [0, 1], of the same shape.

    Raises:
        InvalidValue: A number of steps is negative or NaN, or the discount is not in (0, 1].
    """
    check_discount(discount)
    steps = np.asarray(remaining_steps, dtype=np.float64)
    if not (steps >= 0.0).all():
        raise InvalidValue(f"remaining_steps must be 0 or more, got {steps}")
    if discount == 1.0:
        return np.where(np.isinf(steps), 0.0, 1.0)
    return np.power(discount, steps)


def expected_time_to_go_potential(probability: npt.ArrayLike, discount: float) -> Array:
    """Discount success by an uncertain time: Φ = E[γ^τ], not γ^E[τ], which is smaller.

    Args:
        probability: That success takes 0, 1, 2 … steps, shape (…, K); what is missing to 1 is the chance of never.
        discount: γ of the learner per elementary step.

    Returns:
        Potentials in [0, 1], shape (…).

    Raises:
        InvalidValue: Probabilities are negative, not finite or sum to more than 1, or the discount is not in (0, 1].
    """
    check_discount(discount)
    chance = np.asarray(probability, dtype=np.float64)
    if chance.ndim == 0 or not (np.isfinite(chance).all() and (chance >= 0.0).all()):
        raise InvalidValue(f"probability must be finite and not negative with shape (…, K), got {chance}")
    if (chance.sum(axis=-1) > 1.0 + 1e-6).any():
        raise InvalidValue(f"probability must sum to 1 at most, got {chance.sum(axis=-1).max()}")
    return np.asarray(np.minimum(chance @ np.power(discount, np.arange(chance.shape[-1])), 1.0))
