import numpy as np
import pytest

from controllers.errors import InvalidValue
from evaluation.replay.message_types import standard_types, types_of
from evaluation.replay.segments import Channel
from evaluation.view.curves import CurveReader
from evaluation.view.events import shorten
from evaluation.view.figures import roll_and_pitch, split_name
from evaluation.view.traffic import Histogram, TopicTraffic

TWIST_OF_FLOAT32 = """
geometry_msgs/Vector3 linear
geometry_msgs/Vector3 angular
================================================================================
MSG: geometry_msgs/Vector3
float32 x
float32 y
float32 z
"""


def test_bins_double_and_lose_no_message():
    histogram = Histogram(width=0.1, most=10)
    for i in range(400):
        histogram.take("/a", 0.01 * i)
    # Four seconds in at most ten bins: 0.1 s becomes 0.4 s, 40 messages each.
    assert histogram.width == pytest.approx(0.4)
    rates = histogram.rates("/a", 3.99)
    # A time that falls on an edge may be counted on either side of it.
    np.testing.assert_allclose(rates, 100.0, atol=1.01 / histogram.width)
    assert (rates * histogram.width).sum() == pytest.approx(400)


def test_bins_of_a_topic_that_came_later_are_merged_with_the_rest():
    histogram = Histogram(width=1.0, most=4)
    for time in (0.0, 1.0, 3.0):
        histogram.take("/a", time)
    histogram.take("/b", 7.0)
    assert histogram.width == 2.0
    np.testing.assert_array_equal(histogram.rates("/a", 7.0) * 2.0, [2, 1, 0, 0])
    np.testing.assert_array_equal(histogram.rates("/b", 7.0) * 2.0, [0, 0, 0, 1])


def test_a_silence_is_told_once_it_is_over():
    traffic = TopicTraffic("/a", "x")
    assert [traffic.take(0.01 * i, 10) for i in range(50)] == [0.0] * 50
    assert traffic.take(2.49, 10) == pytest.approx(2.0)
    assert (traffic.count, traffic.bytes) == (51, 510)


def test_slow_topics_are_not_called_silent():
    traffic = TopicTraffic("/a", "x")
    assert not any(traffic.take(float(i), 1) for i in range(30))


def test_messages_out_of_order_make_no_negative_gap():
    traffic = TopicTraffic("/a", "x")
    for time in (0.0, 2.0, 1.0, 3.0):
        traffic.take(time, 1)
    assert (traffic.longest_gap, traffic.last) == (2.0, 3.0)


def test_curves_are_thinned_evenly_however_long_the_bag_is(written_joints):
    reader = CurveReader("/j", "sensor_msgs/msg/JointState", standard_types(), most=50)
    for i in range(1000):
        reader.take(float(i), written_joints(i))
    curves = reader.curves()
    assert 25 <= len(curves.time) <= 50
    assert len(set(np.diff(curves.time))) == 1
    # The message number i says i.
    np.testing.assert_array_equal(curves.of("position")["a"], curves.time)


def test_what_is_not_finite_is_a_hole_in_the_curve(written_joints):
    reader = CurveReader("/j", "sensor_msgs/msg/JointState", standard_types())
    for value in (1.0, float("inf"), float("nan"), 2.0):
        reader.take(0.0, written_joints(value))
    np.testing.assert_array_equal(reader.curves().of("position")["a"], [1.0, np.nan, np.nan, 2.0])


def test_a_bag_that_defines_a_type_in_another_way_is_refused_with_what_is_wrong():
    types = types_of(Channel("/v", "geometry_msgs/msg/Twist", TWIST_OF_FLOAT32, "ros2msg"))
    reader = CurveReader("/v", "geometry_msgs/msg/Twist", types)
    with pytest.raises(InvalidValue, match="the bag defines 0 of 6 numbers as float64"):
        reader.take(0.0, b"\0\1\0\0" + b"\0" * 24)


@pytest.fixture
def written_joints():
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_KILTED)
    types = store.types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](0, 0), "")

    def write(value):
        message = types["sensor_msgs/msg/JointState"](header, ["a"], np.array([float(value)]), np.empty(0), np.empty(0))
        return bytes(store.serialize_cdr(message, message.__msgtype__))

    return write


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        ("/odom", ("", "odom")),
        ("/robot_1/ground_truth/odom", ("robot_1", "ground_truth/odom")),
        ("/lab/robot_1/imu/data", ("lab/robot_1", "imu/data")),
        ("/a/b", ("a", "b")),
    ],
)
def test_names_are_split_into_robot_and_topic(topic, parts):
    assert split_name(topic) == parts


def test_attitude_of_a_quarter_turn_about_each_axis():
    # A turn by angle a about x is the quaternion (cos a/2, sin a/2, 0, 0).
    c, s = np.cos(0.2), np.sin(0.2)
    curves = dict(zip("wxyz", np.array([[c, s, 0, 0], [c, 0, s, 0], [0, 0, 0, 0]], dtype=float).T, strict=True))
    roll, pitch = roll_and_pitch({f"orientation.{k}": v for k, v in curves.items()})
    np.testing.assert_allclose(roll, [0.4, 0.0, np.nan], atol=1e-12)
    np.testing.assert_allclose(pitch, [0.0, 0.4, np.nan], atol=1e-12)


def test_long_texts_are_cut():
    assert shorten("a\nb") == "a b"
    assert len(shorten("x" * 1000)) == 200
