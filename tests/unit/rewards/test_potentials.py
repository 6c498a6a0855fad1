import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from policies.rewards.potentials import expected_time_to_go_potential, progress_potential, time_to_go_potential
from policies.rewards.shaping import ShapingConfig, shaping


@given(st.floats(0.5, 0.9999), st.integers(2, 400))
def test_an_expert_is_neither_paid_nor_charged_on_its_way_under_time_to_go(discount, steps):
    value = time_to_go_potential(np.arange(steps, -1, -1), discount)
    added = shaping(ShapingConfig(discount), value[:-1], value[1:])
    assert np.abs(added).max() < 1e-15
    # The step that ends the episode is charged what its state was worth: γ.
    last = shaping(ShapingConfig(discount), value[-2], value[-1], terminated=True)
    assert last == pytest.approx(-discount)


def test_who_is_slower_than_the_expert_is_charged_under_time_to_go():
    discount, config = 0.97, ShapingConfig(0.97)
    stays, falls_back = (shaping(config, *time_to_go_potential([10, then], discount)) for then in (10, 12))
    # γ γ^10 - γ^10 and γ γ^12 - γ^10.
    assert stays == pytest.approx(0.97**11 - 0.97**10) and falls_back == pytest.approx(0.97**13 - 0.97**10)


@pytest.mark.parametrize(("discount", "steps", "share"), [(0.98, 50, 0.0), (0.98, 100, 0.5), (0.99, 300, 0.67)])
def test_progress_that_is_linear_in_time_charges_the_expert_of_a_long_task(discount, steps, share):
    # Where Φ > γ / (T (1 - γ)): published shares 0, 50 and 67 %.
    value = progress_potential(np.arange(steps + 1) / steps)
    added = shaping(ShapingConfig(discount), value[:-1], value[1:])
    assert np.mean(added < -1e-12) == pytest.approx(share, abs=0.011)


def test_chunks_of_an_expert_are_free_as_well():
    discount, durations = 0.9, np.array([5, 1, 3, 4])
    left = 13 - np.concatenate([[0], np.cumsum(durations)])
    value = time_to_go_potential(left, discount)
    assert np.abs(shaping(ShapingConfig(discount), value[:-1], value[1:], durations)).max() < 1e-15


def test_never_is_worth_nothing():
    assert time_to_go_potential([0.0, 1.0, np.inf], 0.5).tolist() == [1.0, 0.5, 0.0]
    assert time_to_go_potential([3.0, np.inf], 1.0).tolist() == [1.0, 0.0]


def test_an_uncertain_time_is_discounted_in_every_case():
    # Half at once, a quarter after two steps, never in a quarter: 0.5 + 0.25 · 0.81.
    assert expected_time_to_go_potential([0.5, 0.0, 0.25], 0.9) == pytest.approx(0.7025)
    assert expected_time_to_go_potential(np.eye(4), 0.9) == pytest.approx(0.9 ** np.arange(4))


def test_progress_stays_in_its_range():
    assert progress_potential([-0.2, 0.4, 1.3]).tolist() == [0.0, 0.4, 1.0]
    assert progress_potential(7.0, -5.0, 5.0) == 5.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: progress_potential(np.nan), "progress must be finite, got nan"),
        (lambda: progress_potential(0.5, 1.0, 1.0), "lowest must be below highest and both finite, got 1.0 and 1.0"),
        (lambda: time_to_go_potential(-1, 0.9), "remaining_steps must be 0 or more, got -1"),
        (lambda: time_to_go_potential(np.nan, 0.9), "remaining_steps must be 0 or more, got nan"),
        (lambda: time_to_go_potential(1, 1.1), r"discount must lie in \(0, 1\], got 1.1"),
        (lambda: expected_time_to_go_potential([0.6, 0.6], 0.9), "probability must sum to 1 at most, got 1.2"),
        (lambda: expected_time_to_go_potential([-0.1], 0.9), "probability must be finite and not negative"),
        (lambda: expected_time_to_go_potential(0.5, 0.9), r"shape \(…, K\)"),
    ],
)
def test_what_is_no_potential_is_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()
