"""What the player reads, without running it."""

import struct
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from pronk_bringup.bag import read_messages
from pronk_bringup.errors import BagError
from pronk_bringup.player_node import read_wanted, stamp_of

BAG = Path(__file__).resolve().parents[2] / "data" / "go2_walk_with_load"


def test_only_the_wanted_topics_are_read_in_the_order_of_the_recording():
    wanted = {"/joint_states": "joint_states", "/cmd_vel": "cmd_vel"}
    expected = [m for m in read_messages(BAG) if m.topic in wanted]
    assert list(read_wanted(BAG, wanted)) == expected
    assert {m.topic for m in expected} == set(wanted)


def test_a_bag_without_the_topics_is_refused_with_what_it_holds():
    with pytest.raises(BagError, match=r"holds none of /lab/joint_states; it holds .*/imu/data.*recorded_namespace"):
        next(read_wanted(BAG, {"/lab/joint_states": "joint_states"}))


def test_the_stamp_is_that_of_the_header():
    stamp = stamp_of(bytes([0, 1, 0, 0]) + struct.pack("<iI", 12, 345_000_000) + b"rest")
    assert (stamp.sec, stamp.nanosec) == (12, 345_000_000)


def test_a_message_without_room_for_a_header_is_refused():
    with pytest.raises(BagError, match="at least 12 bytes, got 7"):
        stamp_of(bytes(7))
