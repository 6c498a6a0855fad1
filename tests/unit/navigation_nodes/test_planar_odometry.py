import numpy as np
import pytest

pytest.importorskip("rclpy")

from nav_msgs.msg import Odometry

from controllers.errors import InvalidValue
from controllers.rotations import quaternion_from_rpy
from pronk_navigation.planar_odometry import OdometryInbox, Origin, planar_reading
from pronk_node_kit.stamps import stamp_from_time


def odometry(x=0.0, y=0.0, rpy=(0.0, 0.0, 0.0), velocity=(0.0, 0.0, 0.0), at=1.0, frame="odom"):
    message = Odometry()
    message.header.frame_id, message.header.stamp = frame, stamp_from_time(at)
    pose, twist = message.pose.pose, message.twist.twist
    pose.position.x, pose.position.y = x, y
    q = pose.orientation
    q.w, q.x, q.y, q.z = quaternion_from_rpy(*rpy).tolist()
    twist.linear.x, twist.linear.y, twist.linear.z = velocity
    return message


def test_the_twist_is_turned_from_the_base_into_the_world():
    got = planar_reading(odometry(1.0, 2.0, (0.0, 0.0, np.pi / 2), (0.3, 0.1, 0.0)), 5.0)
    np.testing.assert_allclose(got.position, [1.0, 2.0])
    np.testing.assert_allclose(got.velocity, [-0.1, 0.3], atol=1e-12)
    assert got.heading == pytest.approx(np.pi / 2) and got.time == 5.0


def test_a_pitched_base_moves_forward_by_the_horizontal_part():
    got = planar_reading(odometry(rpy=(0.0, 0.5, 0.0), velocity=(1.0, 0.0, 0.0)), 0.0)
    np.testing.assert_allclose(got.velocity, [np.cos(0.5), 0.0], atol=1e-12)


def test_an_origin_places_odometry_in_the_shared_frame():
    got = planar_reading(odometry(1.0, 0.0, velocity=(0.5, 0.0, 0.0)), 0.0, Origin(3.0, 4.0, np.pi))
    np.testing.assert_allclose(got.position, [2.0, 4.0])
    np.testing.assert_allclose(got.velocity, [-0.5, 0.0], atol=1e-12)
    assert got.heading == pytest.approx(np.pi)


def test_a_quaternion_that_was_never_set_is_no_heading():
    message = odometry()
    message.pose.pose.orientation.w = 0.0
    assert np.isnan(planar_reading(message, 0.0).heading)


def test_nan_is_refused_by_name_and_kept_for_the_filter_to_stop_at_once():
    inbox = OdometryInbox("/robot_1", "odom", None)
    with pytest.raises(InvalidValue, match=r"odometry of /robot_1: position must be finite, got \[nan, 0.0\]"):
        inbox.take(odometry(float("nan")), 0.0)
    assert np.isnan(inbox.reading.position[0])


def test_odometry_of_another_frame_is_refused():
    inbox = OdometryInbox("/robot_2", "odom", None)
    with pytest.raises(InvalidValue, match=r"odometry of /robot_2 must be in frame 'odom', got 'robot_2/odom'; give"):
        inbox.take(odometry(frame="robot_2/odom"), 0.0)
    assert inbox.reading is None
    placed = OdometryInbox("/robot_2", "odom", Origin(1.0, 0.0, 0.0))
    placed.take(odometry(frame="robot_2/odom"), 0.0)
    np.testing.assert_allclose(placed.reading.position, [1.0, 0.0])


def test_a_publisher_that_repeats_itself_is_no_news():
    inbox = OdometryInbox("/robot_1", "odom", None)
    inbox.take(odometry(1.0, at=5.0), 10.0)
    for stamp in (5.0, 4.5):
        with pytest.raises(InvalidValue, match=r"stamps must increase, got .* after 5.000"):
            inbox.take(odometry(2.0, at=stamp), 11.0)
    assert inbox.reading.time == 10.0


def test_a_clock_that_was_started_anew_is_news():
    inbox = OdometryInbox("/robot_1", "odom", None)
    inbox.take(odometry(1.0, at=50.0), 10.0)
    inbox.take(odometry(2.0, at=0.1), 11.0)
    assert inbox.reading.position[0] == 2.0
