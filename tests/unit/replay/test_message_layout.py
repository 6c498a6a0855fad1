from pathlib import Path

import numpy as np
import pytest
from rosbags.typesys import get_types_from_msg
from written_bags import STORE, joints, twist

from controllers.errors import InvalidValue
from evaluation.replay.message_layout import MessageReader
from evaluation.replay.message_types import PRONK_MESSAGES, standard_types, types_of
from evaluation.replay.segments import Channel

JOINTS = "sensor_msgs/msg/JointState"
FIELDS = ("header.stamp.nanosec", "name", "velocity", "header.stamp.sec", "effort", "position", "header.frame_id")
MESSAGES = Path(__file__).resolve().parents[3] / "ros2_ws/src/pronk_msgs/msg"


def reader(name=JOINTS, fields=FIELDS):
    return MessageReader(standard_types(), name, fields)


def data(message, little=True):
    return bytes(STORE.serialize_cdr(message, message.__msgtype__, little_endian=little))


@pytest.mark.parametrize("little", [True, False])
def test_fields_are_those_that_rosbags_decodes(little):
    chosen = reader()
    for i in range(5):
        raw = data(joints(3_000_000_007 + i, i), little)
        expected = STORE.deserialize_cdr(raw, JOINTS)
        plain, numbers, layout = chosen.read(raw)
        assert plain == (7 + i, expected.name, 3, "base")
        assert layout.lengths == (12, 0, 12)
        np.testing.assert_array_equal(numbers, np.concatenate((expected.velocity, expected.position)))


def test_texts_and_lists_that_change_their_length_are_found_anew():
    chosen = reader()
    for frame in ("a", "a longer frame", "", "a", "b"):
        raw = data(joints(1, 2, frame))
        assert chosen.read(raw).plain[-1] == frame
        np.testing.assert_array_equal(chosen.read(raw).numbers[12:], STORE.deserialize_cdr(raw, JOINTS).position)


def test_scalars_without_a_header_are_read():
    name = "geometry_msgs/msg/Twist"
    assert reader(name, ("angular.z", "linear.x")).read(data(twist(4))).numbers.tolist() == [-0.25, 4.0]


def test_stray_bytes_behind_a_message_do_no_harm():
    raw = data(joints(1, 2)) + b"\0" * 12
    expected = STORE.deserialize_cdr(data(joints(1, 2)), JOINTS)
    np.testing.assert_array_equal(reader().read(raw).numbers, np.concatenate((expected.velocity, expected.position)))


def test_a_field_that_does_not_exist_is_named():
    with pytest.raises(InvalidValue, match=r"JointState has no field 'speed'"):
        reader(fields=("speed",)).read(data(joints(1, 2)))


@pytest.mark.parametrize("cut", [0, 3, 4, 10, 30, 200, 290])
def test_a_message_that_was_cut_is_refused(cut):
    chosen = reader()
    raw = data(joints(1, 2))
    chosen.read(raw)
    with pytest.raises(InvalidValue):
        chosen.read(raw[:cut])


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("fields", [FIELDS, ("effort",), ("header.stamp.sec", "position", "velocity")])
def test_messages_of_one_layout_are_read_together_as_they_are_one_by_one(little, fields):
    chosen = reader(fields=fields)
    messages = [data(joints(3_000_000_007 + i, i), little) for i in range(7)]
    assert chosen.read_block(messages) is None, "no layout has been met yet"
    alone = [chosen.read(raw) for raw in messages]
    together = list(chosen.read_block(messages))
    assert len(together) == len(alone)
    for one, other in zip(together, alone, strict=True):
        assert one.plain == other.plain and one.layout is other.layout and one.numbers.dtype == np.float64
        np.testing.assert_array_equal(one.numbers, other.numbers)


@pytest.mark.parametrize(
    "odd",
    [
        data(joints(1, 2, "bass")),  # As long, but called otherwise.
        data(joints(1, 2, "another frame")),
        data(joints(1, 2), little=False),
        data(joints(1, 2))[:-1],
        b"",
    ],
)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_messages_that_are_not_alike_are_not_read_together(odd, place):
    chosen = reader()
    messages = [data(joints(i, i)) for i in range(4)]
    chosen.read(messages[0])
    messages.insert(place, odd)
    assert chosen.read_block(messages) is None


def test_a_message_of_unknown_type_is_refused():
    with pytest.raises(InvalidValue, match=r"/x: the bag does not define a/msg/B, and it is no standard type"):
        types_of(Channel("/x", "a/msg/B"))


def test_the_definition_of_the_bag_goes_before_the_standard_one():
    types = types_of(Channel("/x", JOINTS, "float32 only", "ros2msg"))
    assert MessageReader(types, JOINTS, ["only"]).read(b"\0\1\0\0\0\0\x80?").plain == (1.0,)


@pytest.mark.parametrize("name", sorted(PRONK_MESSAGES))
def test_our_own_messages_are_those_of_the_package(name):
    text = (MESSAGES / f"{name.rpartition('/')[2]}.msg").read_text()
    assert get_types_from_msg(text, name) == get_types_from_msg(PRONK_MESSAGES[name], name)
