r"""Probabilistic adaptation: two video models imagine together.

A *prior* p knows much of how tasks look when they are done, and nothing of this camera; an *in-domain* model d knows
this camera, and few tasks. Their answers are added up while sampling. With \epsilon for the noise that a model tells,
without and with the instruction c, scale \alpha and strength \gamma, the published forms are

- probabilistic adaptation, where the in-domain model leads (Yang et al. 2023, arXiv 2306.01872, as implemented by Luo
  et al. 2025, github.com/brown-palm/adapt2act):
  \epsilon = \epsilon_d + \alpha (\epsilon_d(c) + \gamma \epsilon_p(c) - \epsilon_d);
- inverse probabilistic adaptation, where the prior leads (Luo et al. 2025; used by SAIL, arXiv 2506.06658):
  \epsilon = \epsilon_p + \alpha (\epsilon_p(c) + \gamma \epsilon_d(c) - \epsilon_p).

Their weights sum to 1 + \alpha \gamma: where all models agree on the noise, the sum is too large by that factor. The
*unit-sum* form takes the mean of the two conditional answers with weights 1 and \gamma instead,

- \epsilon = \epsilon_l + \alpha ((\epsilon_l(c) + \gamma \epsilon_o(c)) / (1 + \gamma) - \epsilon_l), l leads,

so that models that agree are not changed. In a rectified flow, x_t = (1 - t) x + t \epsilon, the clean x, the noise
\epsilon and the velocity \epsilon - x that a model tells are affine in each other with the same coefficients for every
model. Sums with unit weight can therefore be taken of any of the three and come to the same; the published ones cannot,
and are taken of the noise, as published.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName

Array = npt.NDArray[np.float32]
Number = TypeVar("Number", float, Array)

PA, IPA, UNIT_SUM, IN_DOMAIN, PRIOR = "pa", "ipa", "unit_sum", "in_domain", "prior"
FORMS = (PA, IPA, UNIT_SUM, IN_DOMAIN, PRIOR)


@dataclass(frozen=True)
class Adaptation:
    """How two models are added up.

    Attributes:
        form: "pa", "ipa", "unit_sum", or "in_domain" and "prior" for one model with classifier-free guidance.
        alpha: Scale of what the instruction changes.
        gamma: Strength of the model that does not lead.
        prior_leads: Which model leads in the unit-sum form.
    """

    form: str = UNIT_SUM
    alpha: float = 1.0
    gamma: float = 0.5
    prior_leads: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be added up.

        Raises:
            UnknownName: There is no such form.
            InvalidValue: A number is out of range.
        """
        if self.form not in FORMS:
            raise UnknownName("form of adaptation", self.form, FORMS)
        for name in ("alpha", "gamma"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise InvalidValue(f"Adaptation.{name} must be finite and at least 0, got {value}")

    @property
    def weights(self) -> "Weights":
        """What each answer is multiplied with."""
        a, g = self.alpha, self.gamma
        if self.form == PA:
            return Weights(1.0 - a, a, 0.0, a * g)
        if self.form == IPA:
            return Weights(0.0, a * g, 1.0 - a, a)
        if self.form == IN_DOMAIN:
            return Weights(1.0 - a, a, 0.0, 0.0)
        if self.form == PRIOR:
            return Weights(0.0, 0.0, 1.0 - a, a)
        leader, other = a / (1.0 + g), a * g / (1.0 + g)
        return Weights(0.0, other, 1.0 - a, leader) if self.prior_leads else Weights(1.0 - a, leader, 0.0, other)


@dataclass(frozen=True)
class Weights:
    """What each answer is multiplied with.

    Attributes:
        in_domain: That of the in-domain model without the instruction.
        in_domain_told: That with it.
        prior: That of the prior without the instruction.
        prior_told: That with it.
    """

    in_domain: float
    in_domain_told: float
    prior: float
    prior_told: float

    @property
    def total(self) -> float:
        """Sum of all: 1 + alpha * gamma in the published forms, else 1."""
        return self.in_domain + self.in_domain_told + self.prior + self.prior_told


def noise_of(clean: Array, noisy: Array, time: float) -> Array:
    """Tell the noise from a clean answer: x_t = (1 - t) x + t epsilon.

    Args:
        clean: x.
        noisy: x_t.
        time: t, above 0.

    Returns:
        Epsilon.
    """
    return np.asarray((noisy - (1.0 - time) * clean) / time, dtype=np.float32)


def clean_of(noise: Array, noisy: Array, time: float) -> Array:
    """Tell the clean answer from the noise; the inverse of `noise_of`.

    Args:
        noise: Epsilon.
        noisy: x_t.
        time: t, below 1.

    Returns:
        x.
    """
    return np.asarray((noisy - time * noise) / (1.0 - time), dtype=np.float32)


def published_mixture(total: float, mixed: Array, noisy: Array, time: float) -> Array:
    """Tell the clean answer of a sum of *noises* whose weights do not sum to one.

    With w_i for the weights, S for their sum and x_i for clean answers, the sum of noises w_i (x_t - (1 - t) x_i) / t
    has the clean answer sum w_i x_i - (S - 1) x_t / (1 - t).

    Args:
        total: S.
        mixed: Sum of w_i x_i.
        noisy: x_t.
        time: t, below 1.

    Returns:
        x.
    """
    return np.asarray(mixed - (total - 1.0) / (1.0 - time) * noisy, dtype=np.float32)
