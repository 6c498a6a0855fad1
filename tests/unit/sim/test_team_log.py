import math
from types import SimpleNamespace

import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.safety.obstacles import disc
from sim.disturbances import Payload
from sim.team_log import TeamLog
from sim.team_scenarios import CIRCLE_M, TeamScenario, crossing, get_team_scenario
from sim.team_world import Place

SCENARIO = TeamScenario(
    "two",
    "go2",
    (Place("a", 0.0, 0.0, payloads=(Payload(mass_kg=2.0),)), Place("b", 5.0, 0.0)),
    ((3.0, 4.0), (5.0, 0.0)),
    (disc([0.0, -2.0], 0.5),),
    time_limit_s=20.0,
)


def truth(x, y, roll=0.0):
    return SimpleNamespace(
        position_world=np.array([x, y, 0.3]), roll=roll, pitch=0.0, has_stood=True, trunk_contact=False, height=0.3
    )


def follow(log, places, times, touches=()):
    for (a, b), time in zip(places, times, strict=True):
        log.observe(SimpleNamespace(elapsed=time, touches=frozenset(touches)), [truth(*a), truth(*b)])


def test_a_robot_has_arrived_when_it_has_stayed_for_a_second():
    log = TeamLog(SCENARIO)
    there, home = (3.0, 4.1), (5.0, 0.0)
    follow(log, [(there, home), ((3.0, 3.0), home), (there, home), (there, home)], [4.0, 4.5, 6.0, 6.9])
    assert math.isnan(log.robots[0].arrival_s) and log.robots[1].arrival_s == 4.0 and not log.over
    follow(log, [(there, home)], [7.0])
    assert log.robots[0].arrival_s == 6.0 and log.over and log.success


def test_path_and_distances_are_measured():
    log = TeamLog(SCENARIO)
    follow(log, [((0.0, 0.0), (5.0, 0.0)), ((0.0, -1.0), (3.0, 0.0)), ((0.0, 1.0), (3.0, 0.0))], [1.0, 2.0, 3.0])
    a, b = log.robots
    # There and back by 1 m, then 1 m on; straight it is 3-4-5.
    assert (a.straight_m, a.path_m, a.payload_kg) == (5.0, pytest.approx(3.0), 2.0)
    # At the second sample a is 1 m from the post's centre, less its radius.
    assert a.nearest_obstacle_m == pytest.approx(0.5)
    assert a.nearest_robot_m == b.nearest_robot_m == pytest.approx(np.hypot(3.0, 1.0))


def test_touching_and_falling_spoil_a_run():
    log = TeamLog(SCENARIO)
    follow(log, [((3.0, 4.0), (5.0, 0.0))] * 2, [4.0, 6.0], [("a", "obstacles")])
    assert log.over and not log.success and log.robots[0].touched == ("obstacles",) and log.robots[1].touched == ()
    fallen = TeamLog(SCENARIO)
    fallen.observe(SimpleNamespace(elapsed=4.0, touches=frozenset()), [truth(0.0, 0.0, 1.5), truth(5.0, 0.0)])
    assert fallen.over and not fallen.success and fallen.robots[0].fell


def test_time_runs_out():
    log = TeamLog(SCENARIO)
    follow(log, [((0.0, 0.0), (5.0, 0.0))], [20.0])
    assert log.over and not log.success


def test_what_the_filter_reports_is_summed_up_on_the_way_only():
    log = TeamLog(SCENARIO)
    follow(log, [((0.0, 0.0), (5.0, 0.0))], [4.0])
    for gap, correction in ((0.5, 0.1), (0.2, 0.3), (math.nan, 0.2)):
        log.note_filter("a", {"least_gap_m": gap, "correction_mps": correction})
        log.note_filter("b", {"least_gap_m": gap, "correction_mps": correction})
    a, b = log.robots
    assert (a.least_barrier_m, a.mean_correction_mps) == (0.2, pytest.approx(0.2))
    # b is at its goal from the start.
    assert b.least_barrier_m == 0.2 and math.isnan(b.mean_correction_mps)


def test_the_table_has_a_row_for_every_robot():
    log = TeamLog(SCENARIO)
    follow(log, [((0.0, 0.0), (5.0, 0.0))], [4.0], [("a", "b")])
    lines = log.table().splitlines()
    assert len(lines) == 4 and lines[0].startswith("| robot | load [kg] ")
    assert [cell.strip() for cell in lines[2].split("|")[1:5]] == ["a", "2.00", "-", "0.00"]
    assert [cell.strip() for cell in lines[3].split("|")[-3:-1]] == ["a", "no"]


def test_a_crossing_is_the_same_for_the_same_seed_only():
    def numbers(seed):
        scenario = crossing(seed=seed)
        return [(place.x, place.y, place.payloads[0].mass_kg) for place in scenario.places], scenario.goals

    assert numbers(3) == numbers(3) != numbers(4)


@pytest.mark.parametrize("seed", range(20))
def test_robots_of_a_crossing_swap_sides_and_start_and_end_clear_of_everything(seed):
    scenario = crossing(seed=seed)
    starts, goals = np.array([(p.x, p.y) for p in scenario.places]), np.array(scenario.goals)
    for points in (starts, goals):
        apart = np.linalg.norm(points[:, None] - points[None], axis=2)[np.triu_indices(4, 1)]
        assert apart.min() > 2.0
        for post in scenario.obstacles:
            assert np.linalg.norm(points - post.corners[0], axis=1).min() - post.radius > 0.6
    assert np.linalg.norm(goals - starts, axis=1).min() > 1.8 * CIRCLE_M - 0.6
    for place, goal in zip(scenario.places, goals, strict=True):
        facing = np.arctan2(goal[1] - place.y, goal[0] - place.x)
        assert place.yaw == pytest.approx(facing)


def test_unknown_scenarios_and_robots_without_goals_are_refused():
    with pytest.raises(UnknownName, match="unknown team scenario 'dance'; available: crossing, errands"):
        get_team_scenario("dance")
    with pytest.raises(InvalidValue, match="every robot needs a goal, got 1 robots and 0 goals"):
        TeamScenario("none", "go2", (Place("a", 0.0, 0.0),), ())


def test_robots_rise_then_trot():
    assert [SCENARIO.command(t).gait for t in (0.0, 1.0, 2.6)] == ["rest", "stand", "trot"]
