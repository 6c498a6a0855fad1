import numpy as np
import pytest
from neighbourhoods import POWER, crowd, look, trained

from controllers.errors import InvalidValue
from policies.navigation.features import extract
from policies.navigation.network import Network, NetworkConfig, config_of, flatten, initial, unflatten


def by_hand(p, f):
    """The network as its docstring tells it, edge by edge."""
    relu = lambda x: np.maximum(x, 0.0)  # noqa: E731
    node, edge, share = [], np.zeros((len(f.edge), len(p["edge.bias"]))), np.zeros(len(f.edge))
    for i, own in enumerate(f.node):
        mine = np.flatnonzero(f.receiver == i)
        messages = [relu(p["message.weight"] @ np.r_[f.edge[e], own] + p["message.bias"]) for e in mine]
        total, most = (np.sum(messages, 0) / 8.0, np.max(messages, 0)) if messages else (np.zeros(16), np.zeros(16))
        hidden = relu(p["update.weight"] @ np.r_[own, total, most] + p["update.bias"])
        if "node.weight" in p:
            node.append(p["node.weight"] @ hidden + p["node.bias"])
        for e, message in zip(mine, messages, strict=True):
            edge[e] = p["edge.weight"] @ np.r_[message, hidden] + p["edge.bias"]
            if "pair.weight" in p:
                seen = [relu(p["pair.weight"] @ view[e] + p["pair.bias"]) for view in (f.pair, f.reverse)]
                share[e] = (p["share.weight"] @ (seen[0] - seen[1]))[0]
    return np.array(node), edge, share


@pytest.mark.parametrize("config", [NetworkConfig(), POWER])
def test_the_compiled_network_answers_as_the_formula_says(config):
    parameters = trained(config)
    position, goal, velocity, discs = crowd(2)
    # One robot is out of sight of all.
    position[0] += 100.0
    features = extract(look(position, goal, velocity, discs))
    answers, (node, edge, share) = Network(parameters).evaluate(features), by_hand(parameters, features)
    if config.node_answers:
        assert answers.node == pytest.approx(node, abs=1e-12)
    assert answers.edge == pytest.approx(edge, abs=1e-12) and answers.share == pytest.approx(share, abs=1e-12)
    assert np.abs(answers.edge).max() > 0.1


def test_it_answers_as_the_model_in_torch():
    pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
    pytest.importorskip("torch_geometric", reason="torch-geometric (extra 'learn') is not installed")
    from policies.navigation.model import TunerModel

    for config in (NetworkConfig(), POWER):
        parameters, features = trained(config), extract(look(*crowd(4)))
        model = TunerModel.of(parameters)
        node, edge, share = (tensor.detach().numpy() for tensor in model.ask(features))
        answers = Network(parameters).evaluate(features)
        assert answers.node == pytest.approx(node, abs=1e-6)
        assert answers.edge == pytest.approx(edge, abs=1e-6) and answers.share == pytest.approx(share, abs=1e-6)
        back = model.parameters_by_name()
        assert all(np.array_equal(back[name], value) for name, value in parameters.items())
    # A new model answers zero as well.
    assert all(not tensor.any() for tensor in TunerModel().ask(extract(look(*crowd(4)))))


def test_an_untrained_network_answers_zero():
    answers = Network(initial(NetworkConfig(), 5)).evaluate(extract(look(*crowd(1))))
    assert not answers.node.any() and not answers.edge.any() and not answers.share.any()


def test_every_robot_asks_the_network_of_its_number():
    first, second, features = trained(seed=1), trained(seed=2), extract(look(*crowd(3)))
    member = np.array([0, 1, 1, 0, 1, 0])
    both = Network(first, second).evaluate(features, member)
    alone = [Network(parameters).evaluate(features) for parameters in (first, second)]
    for i, number in enumerate(member):
        assert np.array_equal(both.node[i], alone[number].node[i])
    chosen = member[features.receiver]
    assert np.array_equal(both.edge, np.where(chosen[:, None] == 0, alone[0].edge, alone[1].edge))


def test_parameters_survive_being_written_into_one_vector():
    parameters = trained()
    back = unflatten(NetworkConfig(), flatten(parameters))
    assert back.keys() == parameters.keys()
    assert all(np.array_equal(back[name], value) for name, value in parameters.items())


def test_the_shares_of_a_pair_are_antisymmetric():
    features = extract(look(*crowd(9)[:3]))
    share = Network(trained()).evaluate(features).share
    for e in range(len(share)):
        partner = np.flatnonzero(np.abs(features.away + features.away[e]).max(axis=1) < 1e-9)
        assert share[partner] == pytest.approx([-share[e]], abs=1e-9)
    assert np.abs(share).max() > 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("edge.bias"), "parameters must be message.weight, .*; got "),
        (lambda p: p.update({"edge.bias": np.zeros(3)}), r"parameter 'edge.bias' must have shape \(4,\), got \(3,\)"),
        (lambda p: p["edge.bias"].fill(np.nan), "parameter 'edge.bias' must be finite"),
    ],
)
def test_wrong_parameters_are_refused(change, message):
    parameters = trained()
    change(parameters)
    with pytest.raises(InvalidValue, match=message):
        config_of(parameters)


def test_networks_of_different_sizes_cannot_be_asked_together():
    with pytest.raises(InvalidValue, match="all of the same sizes, got 2 sizes"):
        Network(trained(), trained(POWER))
    with pytest.raises(InvalidValue, match="must be at least one"):
        Network()


def test_sizes_that_make_no_sense_are_refused():
    with pytest.raises(InvalidValue, match=r"NetworkConfig\.message must be at least 1, got 0"):
        NetworkConfig(message=0)
