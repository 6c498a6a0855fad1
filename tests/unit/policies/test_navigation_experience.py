from dataclasses import replace

import numpy as np
import pytest
from neighbourhoods import SENSING, crowd, look, trained

from controllers.errors import InvalidValue
from policies.navigation.curriculum import FIRST_SEED
from policies.navigation.experience import Deviation, Experience, Exploring, Recorder, advantages, projected
from policies.navigation.features import extract
from policies.navigation.navigator import VARIANTS, Learned
from policies.navigation.network import Network, NetworkConfig, initial
from policies.navigation.rollout import measure
from policies.navigation.training import SIZES
from sim.navigation import NavigationWorld
from sim.navigation_scenes import scene_maker


def deviation(sizes, value):
    edges = np.full(sizes.edge_answers, value)
    return Deviation(np.full(sizes.node_answers, value), edges, edges, value)


def exploring(told, seed=0):
    """A network that explores in one scene of six robots, as `crowd` makes them."""
    network = Exploring(trained(), told, np.random.default_rng(seed))
    network.begin(1, 6, SENSING.neighbours, SENSING.obstacles)
    return network


def explore(variant="pronk", scenes=None, noise=0.1, seed=0, hold=1):
    sizes = SIZES[variant]
    network = Exploring(initial(sizes, 1), deviation(sizes, noise), np.random.default_rng(seed))
    scenes = [scene_maker("random_4")(FIRST_SEED + i) for i in range(3)] if scenes is None else scenes
    recorder = Recorder(VARIANTS[variant](network), network, scenes, hold)
    costs = measure(scenes, recorder)
    return scenes, costs, recorder.experience(costs)


def test_the_noise_of_a_pair_has_opposite_signs_and_obstacles_have_none():
    features = extract(look(*crowd(9)))
    network = exploring(deviation(NetworkConfig(), 0.5))
    share, quiet = network.evaluate(features).share, Network(trained()).evaluate(features).share
    edges = {(int(r), int(s)): e for e, (r, s) in enumerate(zip(features.receiver, features.sender, strict=True))}
    for (receiver, sender), e in edges.items():
        if sender >= 0:
            assert share[e] == pytest.approx(-share[edges[sender, receiver]]) and abs(share[e] - quiet[e]) > 1e-6
    walls = features.sender < 0
    assert walls.any() and np.array_equal(share[walls], quiet[walls])


def test_noise_is_as_large_as_it_is_told_to_be_and_nobodys_tells_that_of_another():
    features = extract(look(*crowd(9)))
    told = Deviation(np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.3, 0.2, 0.1]), np.zeros(4), 0.5)
    network, quiet = exploring(told, 3), Network(trained()).evaluate(features)
    node, edge, share = [], [], []
    for _ in range(2000):
        network.draw()
        answers = network.evaluate(features)
        node.append((answers.node - quiet.node) / told.node)
        edge.append((answers.edge - quiet.edge) / told.edge)
        share.append(((answers.share - quiet.share) / told.share)[features.sender >= 0])
    for noise in (node, edge, share):
        assert np.std(noise, axis=0) == pytest.approx(np.ones_like(noise[0]), rel=0.1)
    both = np.concatenate((np.array(node).reshape(2000, -1), np.array(edge).reshape(2000, -1)), axis=1)
    assert np.abs(np.corrcoef(both.T) - np.eye(both.shape[1])).max() < 0.12


def test_a_part_of_the_noise_of_edges_is_the_same_for_all_of_a_robot():
    features = extract(look(*crowd(9)))
    common = np.array([0.1, 0.2, 0.3, 0.4])
    network = exploring(Deviation(np.zeros(3), np.zeros(4), common, 0.0))
    quiet, drawn = Network(trained()).evaluate(features), []
    for _ in range(2000):
        network.draw()
        noise = network.evaluate(features).edge - quiet.edge
        begins = noise[features.first[:-1]]
        assert noise == pytest.approx(begins[features.receiver])
        drawn.append(begins)
    assert np.std(drawn, axis=0) == pytest.approx(np.tile(common, (6, 1)), rel=0.1)


def test_noise_stays_with_a_robot_until_it_is_drawn_anew_even_where_a_scene_before_its_own_is_over():
    features = extract(look(*crowd(9)))
    network = exploring(deviation(NetworkConfig(), 1.0))
    network.begin(2, 6, SENSING.neighbours, SENSING.obstacles)
    network.scenes = np.array([1])
    before = network.evaluate(features)
    network.scenes = np.array([0])
    network.draw()
    other = network.evaluate(features)
    network.scenes = np.array([1])
    after = network.evaluate(features)
    network.draw()
    fresh = network.evaluate(features)
    for name in ("node", "edge", "share"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
        assert not np.isclose(getattr(other, name), getattr(before, name)).all()
        assert not np.isclose(getattr(fresh, name), getattr(before, name)).all()


def test_what_cannot_be_explored_is_refused():
    features = extract(look(*crowd(1)))
    with pytest.raises(InvalidValue, match="one network explores at a time, got numbers of several"):
        exploring(deviation(NetworkConfig(), 0.1)).evaluate(features, np.zeros(6, dtype=np.int64))
    with pytest.raises(InvalidValue, match="every neighbour must be known by its row, got one that is not"):
        exploring(deviation(NetworkConfig(), 0.1)).evaluate(replace(features, sender=np.full_like(features.sender, -1)))


@pytest.mark.parametrize("hold", [1, 7])
@pytest.mark.parametrize("variant", VARIANTS)
def test_rewards_of_a_robot_add_up_to_what_its_scene_cost(variant, hold):
    scenes, costs, found = explore(variant, hold=hold)
    world = NavigationWorld(scenes)
    shortest = np.stack([scene.shortest for scene in scenes])
    begin = projected(world, shortest)
    total = np.bincount(found.robot, found.reward, 12).reshape(3, 4)
    assert total == pytest.approx(begin - np.stack(costs.robots), abs=1e-9)
    team = np.bincount(found.robot, found.team, 12).reshape(3, 4)
    assert team == pytest.approx(np.repeat(total.mean(axis=1)[:, None], 4, axis=1), abs=1e-9)


@pytest.mark.parametrize("hold", [1, 7])
def test_every_robot_has_a_row_for_every_decision_until_its_scene_is_over(hold):
    scenes = [scene_maker("random_2")(FIRST_SEED), scene_maker("random_4")(FIRST_SEED)]
    _, costs, found = explore(scenes=scenes, hold=hold)
    assert set(found.robot) == {0, 1, 4, 5, 6, 7}
    for robot in set(found.robot):
        mine = found.period[found.robot == robot]
        assert np.array_equal(mine, hold * np.arange(len(mine)))
    if hold == 1:
        assert len(found.robot) == costs.agent_steps
    assert len(found.first) == len(found.robot) + 1 and found.first[-1] == len(found.edge) == len(found.answers_share)


def test_without_noise_what_is_recorded_is_what_the_network_says():
    scenes, costs, found = explore(noise=0.0)
    plain = measure(scenes, Learned(Network(initial(SIZES["pronk"], 1))))
    assert costs.cost == pytest.approx(plain.cost)
    assert not found.answers_node.any() and not found.answers_share.any()


def test_a_robot_at_its_goal_is_projected_to_cost_what_it_has():
    scene = scene_maker("random_2")(FIRST_SEED)
    world = NavigationWorld([scene])
    navigator = Learned(Network(initial(SIZES["pronk"], 1)))
    navigator.start(world)
    while not world.over.all():
        world.step(navigator.decide(world).velocity)
    costs = measure([scene], navigator)
    assert costs.success.all()
    assert projected(world, scene.shortest[None])[0] == pytest.approx(costs.robots[0])


def test_advantages_are_discounted_sums_of_surprises():
    rng = np.random.default_rng(2)
    # Two robots, three and two periods, in the order of the periods.
    robot, period = np.array([0, 1, 0, 1, 0]), np.array([0, 0, 1, 1, 2])
    reward, value = rng.standard_normal(5), rng.standard_normal(5)
    nothing = np.zeros(0)
    rows = Experience(*[nothing] * 10, robot=robot, period=period, reward=reward, team=reward)
    discount, trace = 0.9, 0.7
    got, returns = advantages(rows, reward, value, discount, trace)
    first = [reward[0] + 0.9 * value[2] - value[0], reward[2] + 0.9 * value[4] - value[2], reward[4] - value[4]]
    second = [reward[1] + 0.9 * value[3] - value[1], reward[3] - value[3]]
    assert got[0] == pytest.approx(first[0] + 0.63 * first[1] + 0.63**2 * first[2])
    assert got[2] == pytest.approx(first[1] + 0.63 * first[2]) and got[4] == pytest.approx(first[2])
    assert got[1] == pytest.approx(second[0] + 0.63 * second[1]) and got[3] == pytest.approx(second[1])
    assert returns == pytest.approx(got + value)
