"""Neighbourhoods: who is seen, in which order, and how far away."""

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.graph import perceive
from controllers.safety.obstacles import Obstacles, disc, polygon, segment

SENSE = SensingConfig(5.0, neighbours=4, obstacles=4, dt=0.1)


def agents(position, radius=0.2, **more):
    place = np.asarray([position], dtype=float)
    return Agents.of(place, place, radius, more.pop("speed", 1.0), **more)


def test_neighbours_come_by_gap_with_normals_that_point_to_the_robot():
    seen = perceive(SENSE, agents([(0, 0), (3, 0), (0, 2)], radius=[[0.2, 1.5, 0.2]]))
    assert seen.index[0].tolist() == [1, 2, -1, -1] and seen.valid[0].tolist() == [True, True, False, False]
    assert seen.gap[0, :2] == pytest.approx([1.3, 1.6])
    assert seen.normal[0, :2] == pytest.approx(np.array([[-1.0, 0.0], [0.0, -1.0]]))
    assert seen.relative_position[0, 0].tolist() == [3.0, 0.0]


def test_a_robot_alone_has_no_neighbours():
    seen = perceive(SENSE, agents([(0, 0)]))
    assert not seen.valid.any() and not seen.crowded.any()


def test_scenes_do_not_see_one_another_and_rows_are_numbered_over_the_batch():
    place = np.array([[[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [2.0, 0.0]]])
    seen = perceive(SENSE, Agents.of(place, place, 0.1, 1.0))
    assert seen.index[:, 0].tolist() == [1, 0, 3, 2] and not seen.valid[:, 1:].any()


def test_absent_robots_are_not_seen_and_those_beyond_range_neither():
    crowd = agents([(0, 0), (1, 0), (6, 0)], present=[[True, False, True]])
    assert not perceive(SENSE, crowd).valid.any()


def test_a_robot_without_slots_for_all_in_reach_is_crowded_and_one_with_distant_others_is_not():
    ring = [(0, 0), *(0.5 * np.stack((np.cos(a := np.arange(6)), np.sin(a)), axis=1))]
    assert perceive(SENSE, agents(ring)).crowded[0]
    wide = [(0, 0), *(3.0 * np.stack((np.cos(a), np.sin(a)), axis=1))]
    assert not perceive(SENSE, agents(wide)).crowded[0]


def test_a_neighbour_in_reach_but_out_of_range_makes_a_robot_crowded():
    short = SensingConfig(1.0, dt=1.0)
    assert perceive(short, agents([(0, 0), (1.5, 0)])).crowded.tolist() == [True, True]


def test_swept_robots_measure_from_the_nearest_points_of_their_segments():
    # One robot's segment runs from (0, 0) to (0, 2), the other's from (3, 1) to (1, 1).
    crowd = agents([(0, 0), (3, 1)], tail=[[[0.0, 2.0], [-2.0, 0.0]]])
    seen = perceive(SENSE, crowd)
    assert seen.gap[:, 0] == pytest.approx([0.6, 0.6])
    assert seen.normal[0, 0] == pytest.approx([-1.0, 0.0])
    # The second robot's head lies two metres farther away than its tail, which is nearest.
    assert seen.slack[:, 0] == pytest.approx([0.0, 2.0])


def test_gaps_of_random_segments_are_what_sampling_them_finds():
    rng = np.random.default_rng(0)
    share = np.linspace(0.0, 1.0, 401)
    for _ in range(100):
        head, tail = rng.uniform(-2, 2, (2, 2)), rng.uniform(-2, 2, (2, 2))
        seen = perceive(SensingConfig(20.0), agents(head, 0.0, tail=tail[None]))
        points = head[:, None] + share[None, :, None] * tail[:, None]
        sampled = np.linalg.norm(points[0][:, None] - points[1][None], axis=2).min()
        assert seen.gap[0, 0] <= sampled + 1e-12 and sampled - seen.gap[0, 0] < 0.02
        assert seen.gap[0, 0] == pytest.approx(seen.gap[1, 0], abs=1e-12)


def test_coincident_robots_get_opposite_normals_and_a_negative_gap():
    seen = perceive(SENSE, agents([(1, 1), (1, 1)]))
    assert seen.gap[:, 0] == pytest.approx([-0.4, -0.4]) and seen.normal[:, 0].tolist() == [[1.0, 0.0], [-1.0, 0.0]]


@pytest.mark.parametrize(
    ("obstacle", "gap", "normal"),
    [
        (disc((2.0, 0.0), 0.5), 1.3, (-1.0, 0.0)),
        (disc((0.0, -1.0), 0.0), 0.8, (0.0, 1.0)),
        (segment((-1.0, 2.0), (1.0, 2.0), 0.1), 1.7, (0.0, -1.0)),
        (segment((3.0, 4.0), (6.0, 8.0)), 4.8, (-0.6, -0.8)),
        (polygon([(1, -1), (3, -1), (3, 1), (1, 1)]), 0.8, (-1.0, 0.0)),
        (polygon([(1, -1), (1, 1), (3, 1), (3, -1)]), 0.8, (-1.0, 0.0)),
        (polygon([(3, 4), (5, 4), (5, 6), (3, 6)]), 4.8, (-0.6, -0.8)),
        (polygon([(-1, -2), (3, -2), (3, 2), (-1, 2)]), -1.2, (-1.0, 0.0)),
    ],
)
def test_obstacles_have_the_distance_and_direction_of_plane_geometry(obstacle, gap, normal):
    seen = perceive(SENSE, agents([(0, 0)]), Obstacles.of([[obstacle]]))
    assert seen.obstacle_valid[0].tolist() == [True, False, False, False]
    assert seen.obstacle_gap[0, 0] == pytest.approx(gap)
    assert seen.obstacle_normal[0, 0] == pytest.approx(normal)
    # The nearest point lies against the normal, at the gap plus the own radius.
    assert seen.obstacle_point[0, 0] == pytest.approx(-np.array(normal) * (gap + 0.2))


def test_arena_sides_are_obstacles_and_a_tail_may_be_what_is_nearest():
    crowd = agents([(0.0, 0.0)], tail=[[[0.0, 0.5]]])
    seen = perceive(SENSE, crowd, Obstacles.of([[]], lower=(-np.inf, -1.0), upper=(np.inf, 1.0)))
    assert seen.obstacle_valid[0].sum() == 2
    assert seen.obstacle_gap[0, :2] == pytest.approx([0.3, 0.8])
    assert seen.obstacle_normal[0, 0].tolist() == [0.0, -1.0] and seen.obstacle_slack[0, 0] == pytest.approx(0.5)


def test_a_segment_that_crosses_a_wall_overlaps_it():
    crowd = agents([(0.0, 0.0)], tail=[[[2.0, 0.0]]])
    seen = perceive(SENSE, crowd, Obstacles.of([[segment((1.0, -1.0), (1.0, 1.0))]]))
    assert seen.obstacle_gap[0, 0] == pytest.approx(-0.2)


def test_rows_of_some_robots_can_be_taken():
    seen = perceive(SENSE, agents([(0, 0), (3, 0), (0, 2)]))
    assert seen.rows([2]).gap.tolist() == seen.gap[2:].tolist()


def test_one_robot_alone_builds_only_its_own_row():
    crowd = agents([(0, 0), (3, 0), (0, 2)])
    seen, own = perceive(SENSE, crowd), perceive(SENSE, crowd, egos=1)
    assert own.gap.tolist() == seen.gap[:1].tolist() and (own.index == -1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position": np.zeros((3, 2))}, r"position must have shape \(S, A, 2\), got \(3, 2\)"),
        ({"position": np.full((1, 2, 2), np.nan)}, "position must be finite"),
        ({"radius": [[-1.0, 1.0]]}, "radius must not be negative, got -1.0"),
        ({"speed": [[1.0, 1.0, 1.0]]}, r"speed must broadcast to shape \(1, 2\), got \(1, 3\)"),
    ],
)
def test_agents_refuse_what_makes_no_sense(change, message):
    given = {"position": np.zeros((1, 2, 2)), "goal": 0.0, "radius": 0.1, "speed": 1.0, **change}
    with pytest.raises(InvalidValue, match=message):
        Agents.of(**given)


def test_values_of_absent_robots_are_not_judged():
    place = np.array([[[np.nan, np.nan], [0.0, 0.0]]])
    crowd = Agents.of(place, 0.0, 0.1, 1.0, present=[[False, True]])
    assert not perceive(SENSE, crowd).valid.any()


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        ([(0, 0), (2, 0), (1, 0.5), (2, 2)], "strictly convex"),
        ([(0, 0), (1, 0), (2, 0)], "strictly convex"),
        ([(np.cos(a), np.sin(a)) for a in np.arange(5) * 4 * np.pi / 5], "go round once"),
        ([], "finite with shape"),
    ],
)
def test_shapes_that_are_not_convex_polygons_are_refused(corners, message):
    with pytest.raises(InvalidValue, match=message):
        polygon(corners)


def test_an_empty_arena_and_other_numbers_of_scenes_are_refused():
    with pytest.raises(InvalidValue, match="lower corner must lie below"):
        Obstacles.of([[]], lower=1.0, upper=0.0)
    with pytest.raises(InvalidValue, match="for 1 scenes, got 2"):
        perceive(SENSE, agents([(0, 0)]), Obstacles.of([[], []]))


@pytest.mark.parametrize("change", [{"sensing_range": 0.0}, {"neighbours": -1}, {"obstacles": -1}, {"dt": 0.0}])
def test_sensing_refuses_values_out_of_range(change):
    with pytest.raises(InvalidValue, match=next(iter(change))):
        SensingConfig(**{"sensing_range": 1.0, **change})
