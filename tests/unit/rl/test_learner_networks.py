import numpy as np
import pytest

from controllers.errors import InvalidValue
from policies.rl.networks import Adam, Networks
from policies.rl.soft_actor_critic import Drawn, draw, slope_of_draw


def networks(members=3, seed=0):
    return Networks(members, 4, 6, 2, np.random.default_rng(seed), np.float64)


def numerical(function, vector, step=1e-6):
    slope = np.zeros_like(vector)
    for i in range(len(vector)):
        kept = vector[i]
        vector[i] = kept + step
        above = function()
        vector[i] = kept - step
        slope[i] = (above - function()) / (2.0 * step)
        vector[i] = kept
    return slope


def test_gradients_by_parameters_are_those_of_finite_differences():
    rng = np.random.default_rng(1)
    nets, seen, weight = networks(), rng.normal(size=(5, 4)), rng.normal(size=(3, 5, 2))
    _, tape = nets.forward(seen)
    told = nets.backward(tape, weight)
    found = numerical(lambda: float((weight * nets.forward(seen)[0]).sum()), nets.parameters)
    assert told == pytest.approx(found, abs=1e-7)


def test_gradients_by_inputs_are_those_of_finite_differences():
    rng = np.random.default_rng(2)
    nets, seen, weight = networks(), rng.normal(size=(5, 4)), rng.normal(size=(3, 5, 2))
    told = nets.backward_to_inputs(nets.forward(seen)[1], weight).sum(axis=0)
    flat = seen.reshape(-1)
    found = numerical(lambda: float((weight * nets.forward(seen)[0]).sum()), flat)
    assert told.reshape(-1) == pytest.approx(found, abs=1e-7)


def test_members_compute_what_torch_computes_of_the_same_weights():
    torch = pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
    nets, seen = networks(), np.random.default_rng(3).normal(size=(5, 4))
    told, _ = nets.forward(seen)
    for member in range(3):
        hidden = torch.from_numpy(seen)
        for layer, (weight, bias) in enumerate(nets.views(nets.parameters)):
            hidden = hidden @ torch.from_numpy(weight[member]) + torch.from_numpy(bias[member])
            if layer < 2:
                hidden = torch.relu(torch.nn.functional.layer_norm(hidden, (6,)))
        assert told[member] == pytest.approx(hidden.numpy(), abs=1e-12)


def test_the_optimiser_does_what_that_of_torch_does():
    torch = pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
    rng = np.random.default_rng(4)
    ours, theirs = rng.normal(size=7), None
    theirs = torch.tensor(ours.copy(), requires_grad=True)
    adam, other = Adam(ours, 0.01, np.inf), torch.optim.Adam([theirs], lr=0.01)
    for _ in range(20):
        gradient = rng.normal(size=7)
        theirs.grad = torch.from_numpy(gradient.copy())
        other.step()
        adam.descend(gradient, "test")
    assert ours == pytest.approx(theirs.detach().numpy(), rel=1e-6)


def test_a_gradient_is_cut_to_its_largest_norm():
    # The first step of Adam is the rate times the sign, whatever the norm; its memory holds the cut gradient.
    adam = Adam(np.zeros(2), 0.1, 5.0)
    adam.descend(np.array([30.0, 40.0]), "test")
    assert adam.first == pytest.approx([0.3, 0.4])


def test_a_gradient_that_is_not_finite_is_refused_and_changes_nothing():
    adam = Adam(np.ones(2), 0.1, 5.0)
    with pytest.raises(InvalidValue, match="gradient of the critics is nan; the last good state is kept"):
        adam.descend(np.array([1.0, np.nan]), "critics")
    assert adam.parameters.tolist() == [1.0, 1.0] and adam.steps == 0


def test_the_density_of_drawn_actions_is_that_of_a_squashed_gaussian():
    rng = np.random.default_rng(5)
    output, noise = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
    drawn = draw(output, noise)
    inner = np.arctanh(drawn.action)
    gauss = np.exp(-0.5 * ((inner - drawn.mean) / drawn.deviation) ** 2) / (drawn.deviation * np.sqrt(2.0 * np.pi))
    # A density changes with its variable: p(a) = p(u) / |da / du|.
    assert drawn.density == pytest.approx(np.log(gauss / (1.0 - drawn.action**2)).sum(axis=1))
    assert (drawn.deviation > np.exp(-4.0)).all() and (drawn.deviation < np.exp(0.5)).all()


def test_the_density_of_far_actions_stays_finite():
    drawn = draw(np.array([[400.0, 0.0]]), np.zeros((1, 1)))
    assert isinstance(drawn, Drawn) and np.isfinite(drawn.density).all()


def test_gradients_lead_back_through_drawn_actions():
    rng = np.random.default_rng(6)
    output, noise, weight = rng.normal(size=(3, 4)), rng.normal(size=(3, 2)), rng.normal(size=(3, 2))

    def loss():
        drawn = draw(output, noise)
        return float((weight * drawn.action).sum() + 0.7 * drawn.density.sum())

    told = slope_of_draw(draw(output, noise), noise, weight, 0.7)
    assert told.reshape(-1) == pytest.approx(numerical(loss, output.reshape(-1)), abs=1e-7)
