import numpy as np
import pytest

pytest.importorskip("rclpy")

from builtin_interfaces.msg import Time
from visualization_msgs.msg import Marker

from controllers.safety.reading import Reading
from controllers.safety.run_time_filter import Barrier, RunTimeInfo
from pronk_navigation.markers import FilterMarkers

OWN = Reading(0.0, np.array([1.0, 2.0]), 0.0, np.zeros(2))


def draw(own=OWN, **values):
    chosen = {"mode": "filtered", "reasons": (), "wanted": np.array([0.5, 0.0]), "velocity": np.array([0.2, 0.1])}
    chosen["correction"] = float(np.linalg.norm(chosen["wanted"] - chosen["velocity"]))
    info = RunTimeInfo(**{**chosen, **values})
    message = FilterMarkers("/a", "map", 0.45).draw(own, info, Time(sec=3))
    return {marker.ns.rpartition("/")[2]: marker for marker in message.markers}


def test_disc_and_velocities_are_drawn_where_the_robot_is():
    drawn = draw()
    assert (drawn["disc"].scale.x, drawn["disc"].pose.position.x, drawn["disc"].pose.position.y) == (0.9, 1.0, 2.0)
    start, end = drawn["commanded"].points
    assert (start.x, start.y, end.x, end.y) == (1.0, 2.0, 1.2, 2.1)
    assert {marker.header.frame_id for marker in drawn.values()} == {"map"}
    assert all(marker.header.stamp.sec == 3 and marker.lifetime.sec == 1 for marker in drawn.values())


def test_only_near_barriers_are_drawn_and_the_nearer_the_redder():
    others = [
        Barrier(n, np.array([x, 0.0]), 0.5, gap, False) for n, x, gap in (("b", 2, 0.1), ("c", 3, 1.5), ("d", 9, 7))
    ]
    lines = draw(barriers=tuple(others), least_gap=0.1)["barriers"]
    assert [point.x for point in lines.points] == [1.0, 2.0, 1.0, 3.0]
    assert lines.colors[0].r > lines.colors[2].r and lines.colors[0].g < lines.colors[2].g


def test_the_text_tells_the_least_gap_and_why_it_stands():
    assert draw(least_gap=0.123)["text"].text == "h +0.12 m\nfiltered"
    stopped = draw(mode="stopped", reasons=("odometry of b is 2.00 s old",))
    assert stopped["text"].text == "h -\nstopped\nodometry of b is 2.00 s old"
    assert stopped["disc"].color.r > 0.8 > draw()["disc"].color.b


@pytest.mark.parametrize("own", [None, Reading(0.0, np.array([np.nan, 0.0]), 0.0, np.zeros(2))])
def test_a_robot_that_does_not_know_where_it_is_is_not_drawn(own):
    assert {marker.action for marker in draw(own).values()} == {Marker.DELETE}


def test_a_robot_that_stands_has_no_arrow():
    assert draw(velocity=np.zeros(2))["commanded"].action == Marker.DELETE
