import numpy as np
import pytest

from controllers.errors import InvalidValue
from sim.coloured_arena import ARRIVED_M, HALF_M
from sim.errands import ErrandMap, Errands
from sim.team_log import TeamLog
from sim.team_scenarios import crossing, errands, get_team_scenario
from sim.world_tasks import COLOURS

TWO = Errands(("red-box", "blue-ball"), np.array([[1.0, 0.0], [-1.0, 1.0]]), (0, 1), ("go there", "and there"))
POSTS = np.array([[0.0, 0.9, 0.2]])
POSES = np.array([[-1.0, -1.0, 0.0], [1.5, 1.5, 1.0]])


def pixel(picture, x, y):
    """The pixel at a place of the floor; x to the right, y up."""
    side = len(picture)
    return picture[round((HALF_M - y) / (2 * HALF_M) * side - 0.5), round((x + HALF_M) / (2 * HALF_M) * side - 0.5)]


@pytest.mark.parametrize("seed", range(20))
def test_robots_start_and_stand_in_the_end_with_room_between_them(seed):
    scenario = errands(seed=seed)
    starts, goals = np.array([(p.x, p.y) for p in scenario.places]), np.array(scenario.goals)
    for points in (starts, goals):
        # Two discs of 0.45 m, and some room.
        assert np.linalg.norm(points[0] - points[1]) > 1.2
        for post in scenario.obstacles:
            assert np.linalg.norm(points - post.corners[0], axis=1).min() - post.radius > 0.6
    assert np.linalg.norm(goals - starts, axis=1).min() >= 1.5
    assert (np.abs(np.concatenate([starts, goals])) < HALF_M).all()


def test_errands_are_the_same_for_the_same_seed_only():
    def numbers(seed):
        scenario = errands(seed=seed)
        return scenario.goals, scenario.errands.things, [(p.x, p.y, p.yaw) for p in scenario.places]

    assert numbers(2) == numbers(2) != numbers(3)


def test_what_robots_are_told_names_the_thing_at_their_goal():
    scenario = errands(seed=1)
    for text, goal in zip(scenario.errands.instructions, scenario.goals, strict=True):
        thing = scenario.errands.things[scenario.errands.meant(text)]
        assert text == f"go to the {thing.replace('-', ' ')}"
        assert goal == tuple(scenario.errands.places[scenario.errands.things.index(thing)])


def test_other_words_send_a_robot_elsewhere():
    told = TWO.told(["", "Walk over to the RED thing, please."])
    assert told.targets == (0, 0) and told.instructions == ("go there", "Walk over to the RED thing, please.")
    assert told.goals() == ((1.0, 0.0), (1.0, 0.0))
    scenario = get_team_scenario("errands", seed=1)
    other = scenario.errands.things[3]
    assert scenario.told([other.replace("-", " "), ""]).goals[0] == tuple(scenario.errands.places[3])
    assert scenario.told(["", ""]) is scenario


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TWO.told(["go to the green box"]), "must name exactly one colour of the things on the floor: red box"),
        (lambda: TWO.told(["red or blue"]), "'red or blue' must name exactly one colour"),
        (lambda: TWO.told(["red"] * 3), "there are 2 robots, got 3 instructions"),
        (lambda: Errands(("red-box",), np.zeros((2, 2)), (0,), ("a",)), "each of 1 things needs a place"),
        (lambda: Errands(("red-box",), np.zeros((1, 2)), (0,), ()), "got 1 targets and 0 instructions"),
        (lambda: Errands(("red-box",), np.zeros((1, 2)), (1,), ("a",)), r"targets must lie in \[0, 0\], got \(1,\)"),
        (lambda: crossing().told(["go"]), "in the scenario 'crossing' robots are not told where to go"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()


def test_a_planner_sees_things_its_own_robot_and_the_others_as_posts():
    picture = ErrandMap(TWO, POSTS, 128).draw(POSES, 0)
    assert pixel(picture, 1.0, 0.0).tolist() == list(COLOURS["red"])
    assert pixel(picture, -1.0, 1.0).tolist() == list(COLOURS["blue"])
    post = pixel(picture, 0.0, 0.9)
    assert pixel(picture, 1.5, 1.5).tolist() == post.tolist()
    # The white head of the own robot, which looks along x.
    assert pixel(picture, -1.0 + 0.38 * 0.65, -1.0).min() > 200
    assert pixel(ErrandMap(TWO, POSTS, 128).draw(POSES, 1), -1.0, -1.0).tolist() == post.tolist()


def test_the_picture_of_what_is_done_shows_the_robot_at_its_thing():
    done = ErrandMap(TWO, POSTS, 128).draw_done(POSES, 0)
    assert pixel(done, 1.0 + 0.38 * 0.65, 0.0).min() > 200 and pixel(done, -1.0, -1.0).min() > 180


def test_the_log_tells_what_was_said_imagined_and_judged():
    log = TeamLog(errands(seed=0))
    log.note_errand("robot_2", 7, 0.5)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in log.table().splitlines()]
    assert rows[0][-3:] == ["instruction", "plans", "judged progress"]
    assert [row[-2:] for row in rows[2:]] == [["0", "-"], ["7", "0.50"]]
    assert rows[2][-3] == errands(seed=0).errands.instructions[0]
    assert "plans" not in TeamLog(crossing()).table() and log.scenario.goal_tolerance_m == ARRIVED_M
