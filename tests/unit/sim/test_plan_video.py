import numpy as np
import pytest

from controllers.errors import InvalidValue
from sim.plan_video import CURVE, MARGIN, SIDE, Judged, PlanShown, TaskShown, draw_curve, draw_task, imagined_at
from sim.plan_video import write_task_video as write


def frames(*values):
    return np.stack([np.full((8, 8, 3), value, np.uint8) for value in values])


PLANS = (PlanShown(1.0, frames(0, 10, 20), 0.5, 0.4), PlanShown(3.0, frames(100, 110), 0.5, 0.9))


def test_what_was_imagined_for_a_moment_is_the_nearest_frame_of_the_newest_plan():
    assert imagined_at(PLANS, 0.5) == (None, 0.0)
    shades = [int(imagined_at(PLANS, time)[0][0, 0, 0]) for time in (1.0, 1.2, 1.3, 2.0, 2.9, 3.0, 3.4)]
    # Half a frame later the next one is nearer; behind its last frame a plan goes no further.
    assert shades == [0, 0, 10, 20, 20, 100, 110]
    assert imagined_at(PLANS, 3.0)[1] == 0.9


def is_curve(picture, x, y):
    return (picture[y - 1 : y + 2, x - 1 : x + 2] == CURVE).all(axis=2).any()


def test_the_curve_goes_through_what_was_judged_so_far():
    judged = [Judged(0.0, 0.0, 0.0), Judged(1.0, 0.5, 0.1), Judged(2.0, 1.0, 0.0)]
    middle, room = SIDE // 2, SIDE - 2 * MARGIN
    early, late = draw_curve(judged, 1.0, 0.0, 2.0), draw_curve(judged, 2.0, 0.0, 2.0)
    quarter, three = MARGIN + room // 4, MARGIN + 3 * room // 4
    for picture, there in ((early, False), (late, True)):
        # Progress is as long as time here: a straight line from the lower left to the upper right.
        assert is_curve(picture, quarter, SIDE - quarter) and is_curve(picture, three, SIDE - three) is np.bool_(there)
    assert late[middle, middle].tolist() == list(CURVE)


def shown(count):
    times = [0.5 * i for i in range(count)]
    return TaskShown("go", times, [frames(50 + i)[0] for i in range(count)], PLANS, [], 1.0)


def test_every_moment_becomes_a_picture_of_three_parts():
    pictures = list(draw_task(shown(4)))
    assert len(pictures) == 4 and {p.shape for p in pictures} == {(376, 968, 3)}
    # The middle part is what was; the left one is blank before the first plan.
    assert pictures[1][-5, 484].tolist() == [51] * 3 and pictures[1][-5, 5].tolist() == [245] * 3
    assert pictures[3][-5, 5].tolist() == [10] * 3


def test_a_video_stays_at_its_end_and_needs_a_picture(tmp_path):
    assert write(tmp_path / "run.mp4", shown(3), fps=10) == 13
    with pytest.raises(InvalidValue, match="a video needs at least one frame"):
        write(tmp_path / "none.mp4", shown(0))
