import numpy as np
import pytest

from controllers.safety.obstacles import disc, polygon, segment
from sim.navigation import NavigationWorld
from sim.navigation_scene import Scene

RADIUS = 0.2


def world(*obstacles, start=(0.0, 0.0), goal=(4.0, 0.0)):
    return NavigationWorld([Scene("x", [start], [goal], [1.0], [RADIUS], obstacles)])


def test_a_free_way_is_straight():
    free = world(disc((2.0, 3.0), 0.5))
    assert free.way_left[0, 0] == pytest.approx(4.0) and free.preferred()[0] == pytest.approx([1.0, 0.0])


def test_the_way_around_a_disc_is_little_longer_than_the_tangents():
    around = world(disc((2.0, 0.0), 0.5))
    # Two tangents to the grown disc, and the arc between their ends.
    grown = 0.5 + RADIUS
    tangent, angle = np.sqrt(4.0 - grown**2), np.arcsin(grown / 2.0)
    shortest = 2.0 * tangent + 2.0 * angle * grown
    assert 0.98 * shortest < around.way_left[0, 0] < 1.08 * shortest


def test_the_way_around_a_wall_leads_past_its_nearer_end():
    around = world(segment((2.0, -5.0), (2.0, 1.0)))
    assert around.preferred()[0, 1] > 0.0
    # Past the end with the radius to spare: at least the length over the wall's end itself.
    over = 2.0 * np.hypot(2.0, 1.0)
    assert over < around.way_left[0, 0] < over + 4.0 * RADIUS


def test_a_robot_that_is_too_wide_for_a_gap_does_not_take_it():
    walls = [segment((2.0, y - 5.0), (2.0, y)) for y in (-0.15, 5.15)]
    narrow = world(*walls)
    assert narrow.way_left[0, 0] > 10.0
    walls = [segment((2.0, y - 5.0), (2.0, y)) for y in (-0.3, 5.3)]
    assert world(*walls).way_left[0, 0] == pytest.approx(4.0)


def test_without_a_way_the_robot_heads_straight_for_its_goal():
    box = [(3.0, -1.0), (5.0, -1.0), (5.0, 1.0), (3.0, 1.0)]
    walls = [segment(a, b) for a, b in zip(box, box[1:] + box[:1], strict=True)]
    shut = world(*walls)
    assert shut.way_left[0, 0] == pytest.approx(4.0) and shut.preferred()[0] == pytest.approx([1.0, 0.0])


def test_a_robot_walks_around_a_box_and_arrives():
    box = polygon([[1.5, -1.0], [2.5, -1.0], [2.5, 1.2], [1.5, 1.2]])
    scene = world(box)
    for _ in range(80):
        scene.step(scene.preferred())
    assert scene.distance[0, 0] < 0.1
    assert scene.tally.clearance[0, 0] > -0.03 * RADIUS
