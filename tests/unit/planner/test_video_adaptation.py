from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue, UnknownName
from policies.video.adaptation import (
    FORMS,
    IN_DOMAIN,
    IPA,
    PA,
    PRIOR,
    UNIT_SUM,
    Adaptation,
    clean_of,
    noise_of,
    published_mixture,
)

ANY = {"alpha": st.floats(0.0, 8.0), "gamma": st.floats(0.0, 3.0)}


@given(**ANY)
def test_published_weights_sum_to_one_and_a_product_more(alpha, gamma):
    for form in (PA, IPA):
        assert Adaptation(form, alpha, gamma).weights.total == pytest.approx(1.0 + alpha * gamma)


@given(**ANY, prior_leads=st.booleans())
def test_all_other_weights_sum_to_one(alpha, gamma, prior_leads):
    for form in (UNIT_SUM, IN_DOMAIN, PRIOR):
        assert Adaptation(form, alpha, gamma, prior_leads).weights.total == pytest.approx(1.0)


def test_the_settings_of_the_published_planner_over_scale_the_noise_by_more_than_two():
    # Luo et al. plan with alpha 2.5 and gamma 0.5.
    assert Adaptation(IPA, 2.5, 0.5).weights.total == pytest.approx(2.25)


def test_forms_are_those_of_their_equations():
    d, dc, p, pc = 1.0, 2.0, 5.0, 11.0
    a, g = 2.5, 0.5

    def added(form, prior_leads=False):
        w = Adaptation(form, a, g, prior_leads).weights
        return w.in_domain * d + w.in_domain_told * dc + w.prior * p + w.prior_told * pc

    assert added(PA) == pytest.approx(d + a * (dc + g * pc - d))
    assert added(IPA) == pytest.approx(p + a * (pc + g * dc - p))
    assert added(UNIT_SUM) == pytest.approx(d + a * ((dc + g * pc) / (1.0 + g) - d))
    assert added(UNIT_SUM, prior_leads=True) == pytest.approx(p + a * ((pc + g * dc) / (1.0 + g) - p))
    assert added(IN_DOMAIN) == pytest.approx(d + a * (dc - d)) and added(PRIOR) == pytest.approx(p + a * (pc - p))


@given(time=st.floats(0.05, 0.95), seed=st.integers(0, 99))
def test_noise_and_clean_answers_tell_the_same(time, seed):
    rng = np.random.default_rng(seed)
    clean, noise = rng.normal(size=(2, 5))
    noisy = (1.0 - time) * clean + time * noise
    assert noise_of(clean, noisy, time) == pytest.approx(noise, abs=1e-4)
    assert clean_of(noise, noisy, time) == pytest.approx(clean, abs=1e-4)


@given(time=st.floats(0.1, 0.9), seed=st.integers(0, 99))
def test_a_published_sum_of_noises_has_the_clean_answer_of_the_closed_form(time, seed):
    rng = np.random.default_rng(seed)
    noisy, *answers = rng.normal(size=(4, 6))
    weights = (-1.5, 2.5, 1.25)
    by_noise = sum(w * noise_of(x, noisy, time) for w, x in zip(weights, answers, strict=True))
    mixed = sum(w * x for w, x in zip(weights, answers, strict=True))
    assert published_mixture(sum(weights), mixed, noisy, time) == pytest.approx(
        clean_of(by_noise, noisy, time), abs=2e-3
    )


def test_sums_of_unit_weight_need_no_detour():
    noisy, mixed = np.ones(3, np.float32), np.arange(3.0, dtype=np.float32)
    assert np.array_equal(published_mixture(1.0, mixed, noisy, 0.5), mixed)


def test_the_product_of_two_gaussians_is_sampled_by_the_mean_of_their_answers():
    """Two Gaussians N(a, 1) and N(b, 1): their normalised product with exponents 1/2 is N((a + b) / 2, 1).

    The clean answer of N(m, 1) at x_t = (1 - t) x + t e is m + (1 - t) (x_t - (1 - t) m) / ((1 - t)**2 + t**2), which
    is affine in m: the mean of answers is the answer for the mean. Sums with another weight miss the spread.
    """
    a, b = -1.0, 3.0

    def answer(mean, x, t):
        return mean + (1.0 - t) * (x - (1.0 - t) * mean) / ((1.0 - t) ** 2 + t**2)

    def sample(total):
        x, times = np.random.default_rng(0).standard_normal(20_000), np.linspace(1.0, 0.0, 201)
        for t, after in pairwise(times):
            mixed = 0.5 * total * (answer(a, x, t) + answer(b, x, t))
            clean = published_mixture(total, mixed, x, min(t, 1.0 - 0.5 / 200)) if total != 1.0 else mixed
            x = x + (after - t) / t * (x - clean)
        return x

    right, wrong = sample(1.0), sample(1.5)
    assert right.mean() == pytest.approx(1.0, abs=0.03) and right.std() == pytest.approx(1.0, abs=0.03)
    assert abs(wrong.std() - 1.0) > 0.2


def test_forms_and_strengths_that_do_not_exist_are_refused():
    with pytest.raises(UnknownName, match="unknown form of adaptation 'sum'; available: in_domain, ipa"):
        Adaptation("sum")
    with pytest.raises(InvalidValue, match=r"Adaptation\.gamma must be finite and at least 0, got -1"):
        Adaptation(UNIT_SUM, gamma=-1.0)
    assert len(FORMS) == 5
