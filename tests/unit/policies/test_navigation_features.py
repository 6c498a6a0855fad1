import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbourhoods import crowd, look, rotation

from policies.navigation.features import extract

INVARIANT = ("node", "edge", "receiver", "slot", "near", "pair", "reverse")
coordinate = st.floats(-50.0, 50.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.floats(-3.1, 3.1), coordinate, coordinate)
def test_features_do_not_depend_on_where_the_map_lies_and_how_it_is_turned(seed, angle, x, y):
    position, goal, velocity, discs = crowd(seed)
    turn, shift = rotation(angle), np.array([x, y])
    here = extract(look(position, goal, velocity, discs))
    there = extract(look(position @ turn.T + shift, goal @ turn.T + shift, velocity @ turn.T, discs @ turn.T + shift))
    for name in INVARIANT:
        assert getattr(there, name) == pytest.approx(getattr(here, name), abs=1e-8), name
    assert there.away == pytest.approx(here.away @ turn.T, abs=1e-8)


def test_the_order_of_robots_does_not_matter():
    position, goal, velocity, discs = crowd(7)
    order = np.random.default_rng(0).permutation(len(position))
    here, there = (
        extract(look(position, goal, velocity, discs)),
        extract(look(position[order], goal[order], velocity[order], discs)),
    )
    assert there.node == pytest.approx(here.node[order])
    for new, old in enumerate(order):
        one, other = slice(*there.first[new : new + 2]), slice(*here.first[old : old + 2])
        # Slots are sorted by gap, not by number.
        assert there.edge[one] == pytest.approx(here.edge[other])


def test_a_neighbour_straight_ahead_of_the_goal_direction_lies_on_the_first_axis():
    features = extract(look(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[6.0, 0.0], [2.0, 0.0]]), np.zeros((2, 2))))
    ahead = features.edge[0]
    # Two discs of radius 0.3 at 2 m: the gap is 1.4 m = 2.333 sums of radii, so that it is not near.
    assert ahead[:4] == pytest.approx([1.0, 0.0, 0.0, 1.0 / (1.0 + 1.4 / 0.6)])
    assert ahead[11] == 1.0 and features.away[0] == pytest.approx([-1.0, 0.0])


def test_both_robots_of_an_encounter_know_the_same_of_it():
    features = extract(look(*crowd(11)[:3]))
    assert len(features.edge) == 30
    for e, away in enumerate(features.away):
        # The one edge that points the other way is the same encounter.
        (partner,) = np.flatnonzero(np.abs(features.away + away).max(axis=1) < 1e-9)
        assert features.reverse[partner] == pytest.approx(features.pair[e], abs=1e-9)


def test_features_are_finite_at_the_goal_and_for_coincident_robots():
    position = np.array([[1.0, 1.0], [1.0, 1.0]])
    features = extract(look(position, position, np.zeros((2, 2)), [[1.0, 1.0]]))
    assert all(np.isfinite(getattr(features, name)).all() for name in INVARIANT)
    # No goal, no frame: nothing has a direction.
    assert (features.edge[:, :2] == 0.0).all()


def test_a_robot_alone_has_no_edges():
    features = extract(look(np.zeros((1, 2)), np.ones((1, 2)), np.zeros((1, 2))))
    assert features.edge.shape == (0, 15) and features.first.tolist() == [0, 0]


def test_edges_name_the_row_of_the_neighbour_and_of_no_obstacle():
    position, goal, velocity, discs = crowd(5)
    features = extract(look(position, goal, velocity, discs))
    robots = features.sender >= 0
    assert robots.sum() == 6 * 5 and (~robots).sum() == 6 * 3
    toward = position[features.sender[robots]] - position[features.receiver[robots]]
    toward /= np.linalg.norm(toward, axis=1)[:, None]
    assert toward == pytest.approx(-features.away[robots])
