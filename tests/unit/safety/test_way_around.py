import numpy as np
import pytest

from controllers.safety.way_around import way_around

NOTHING = np.zeros((0, 3))


def ask(goal, discs=NOTHING, walls=NOTHING):
    x, y, around = way_around(*goal, np.array(discs, dtype=float).reshape(-1, 3), np.array(walls).reshape(-1, 3))
    assert np.hypot(x, y) == pytest.approx(1.0)
    return np.arctan2(y, x), around


def test_a_free_way_is_straight():
    assert ask((3.0, 4.0), [(3.0, 0.0, 0.5)]) == (pytest.approx(np.arctan2(4.0, 3.0)), False)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_way_around_a_disc_begins_near_its_tangent_on_the_shorter_side(side):
    angle, around = ask((6.0, 0.0), [(3.0, 0.2 * side, 1.0)])
    # From the origin the disc, a little to one side, is seen under ±asin(r/d) about the direction to its centre.
    distance = np.hypot(3.0, 0.2)
    tangent = np.arctan2(0.2, 3.0) - np.arcsin(1.0 / distance)
    assert around
    # Nodes lie up to 1/cos(π/8), a tenth, outside the disc; a way may cut 2 % off it.
    widest = np.arctan2(0.2, 3.0) - np.arcsin(1.02 / np.cos(np.pi / 8.0) / distance)
    assert 1.1 * widest <= side * angle <= 0.97 * tangent < 0.0


def test_a_row_of_discs_without_room_between_is_passed_at_its_end():
    row = [(2.0, y, 0.5) for y in (-0.4, 0.4, 1.2, 2.0)]
    angle, around = ask((5.0, 0.0), row)
    # The row ends at y = −0.9 at a distance of 2 m.
    assert around and -0.8 < angle < -np.arctan2(0.85, 2.0)


def test_a_wall_on_the_shorter_side_leaves_the_longer_one():
    row = [(2.0, y, 0.5) for y in (-0.4, 0.4)]
    assert ask((5.0, 0.0), row)[0] == pytest.approx(-ask((5.0, 0.0), row, [(0.0, 1.0, -0.7)])[0], abs=0.05)
    assert ask((5.0, 0.0), row, [(0.0, 1.0, -0.7)])[0] > 0.0


def test_where_there_is_no_way_the_direction_is_straight():
    row = [(2.0, y, 0.5) for y in (-0.4, 0.4)]
    walls = [(0.0, 1.0, -0.7), (0.0, -1.0, -0.7)]
    assert ask((5.0, 0.0), row, walls) == (0.0, False)


def test_a_goal_that_is_covered_is_headed_for_all_the_same():
    assert ask((2.0, 0.0), [(2.3, 0.0, 0.6)]) == (0.0, False)


def test_a_wall_behind_whose_front_the_goal_lies_does_not_count():
    # The wall fills x ≥ 1; its goal lies beyond, so that the goal itself must have been chosen to lead around it.
    assert ask((2.0, 1.0), [], [(-1.0, 0.0, -1.0)]) == (pytest.approx(np.arctan2(1.0, 2.0)), False)
