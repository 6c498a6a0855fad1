"""What messages are decoded to together is what each is decoded to by itself."""

import struct
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from controllers.robot.joints import JOINT_NAMES
from evaluation.replay import ticks
from evaluation.replay.decoding import CommandDecoder, reader_of
from evaluation.replay.readings import examined
from evaluation.replay.recording import Recording
from evaluation.replay.remapping import IMU, JOINT_COMMANDS, JOINT_STATES, TRUE_ODOM, Remapping, assign
from evaluation.replay.ticks import TickFeed
from evaluation.replay.topic_decoder import TopicDecoder

BAG = Path(__file__).resolve().parents[2] / "data/go2_walk_with_load"


def same(one, other):
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if is_dataclass(one):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return one == other


class Altered:
    """The committed bag with some of its messages spoilt."""

    def __init__(self, recording, spoil):
        self.channels = recording.channels
        self._recording = recording
        self._spoil = spoil

    def messages(self, wanted):
        for number, message in enumerate(self._recording.messages(wanted)):
            yield message._replace(data=self._spoil(number, message.channel.topic, message.data))


def ticks_of(monkeypatch, spoil, size):
    monkeypatch.setattr(ticks, "BLOCK_MESSAGES", size)
    with Recording(BAG) as recording:
        feed = TickFeed(Altered(recording, spoil), assign(recording.channels, Remapping()), Remapping())
        return list(feed), feed.refused, feed.incomplete, feed.pairing


def cut(number, topic, data):
    return data[: 40 + number % 300] if number % 37 == 5 else data


def not_finite(number, topic, data):
    if number % 41 != 3:
        return data
    # The last eight bytes of these types are a number of type float64.
    return data[:-8] + struct.pack("<d", [np.nan, np.inf, 1e200][number % 3])


def renamed(number, topic, data):
    return data.replace(b"base_link", b"base_lynk") if number % 5 else data


def untouched(number, topic, data):
    return data


@pytest.mark.parametrize("spoil", [untouched, cut, not_finite, renamed])
def test_the_size_of_blocks_changes_nothing(monkeypatch, spoil):
    found = [ticks_of(monkeypatch, spoil, size) for size in (1, 7, 512)]
    assert len(found[0][0]) > 300
    assert bool(found[0][1]) == (spoil in (cut, not_finite))
    for other in found[1:]:
        assert other[1:] == found[0][1:]
        assert len(other[0]) == len(found[0][0]) and all(map(same, other[0], found[0][0]))


def test_arrays_are_those_for_which_the_kernels_are_compiled(monkeypatch):
    # For arrays with gaps, or read-only ones, every kernel would be compiled anew.
    for tick in ticks_of(monkeypatch, untouched, 512)[0]:
        state = tick.state
        for array in (state.joint_position, state.joint_velocity, state.angular_velocity_body, tick.recorded.values):
            assert array.flags.c_contiguous and array.flags.writeable and array.flags.aligned


def test_readings_of_the_imu_are_marked_only_where_all_are_sound():
    channel, messages = serialised(IMU)
    reader = reader_of(channel)
    layout = reader.read(messages[0]).layout
    assert all(values.layout is not layout for values in examined(reader.read_block(messages)))
    block = reader.read_block(messages)
    block.numbers[3, 0] += 0.02
    assert all(values.layout is layout for values in examined(block))
    block = reader.read_block(messages)
    block.numbers[5, 9] = np.nan
    assert all(values.layout is layout for values in examined(block))


def serialised(role):
    with Recording(BAG) as recording:
        channel = assign(recording.channels, Remapping())[role]
        return channel, [m.data for m in recording.messages(lambda c: c == channel)]


def test_joint_commands_in_another_order_are_brought_into_the_wanted_one_together():
    channel, messages = serialised(JOINT_COMMANDS)
    commands = CommandDecoder(JOINT_NAMES[::-1])
    decoder = TopicDecoder(reader_of(channel), commands.decode, commands.names, commands.decode_block)
    assert decoder.many(messages) is None, "no message has been met yet"
    alone = [decoder.one(data) for data in messages]
    assert all(map(same, decoder.many(messages), alone))
    canonical = CommandDecoder(JOINT_NAMES).decode(reader_of(channel).read(messages[0]))
    np.testing.assert_array_equal(alone[0].effort, canonical.effort[::-1])


@pytest.mark.parametrize("role", [IMU, JOINT_STATES, TRUE_ODOM])
def test_fields_are_the_same_together(role):
    channel, messages = serialised(role)
    decoder = TopicDecoder(reader_of(channel), lambda values: values[:2])
    alone = [decoder.one(data) for data in messages]
    assert len(alone) > 50 and all(map(same, decoder.many(messages), alone))


def test_large_messages_make_blocks_of_few():
    class Message:
        data = bytes(ticks.BLOCK_BYTES // 3)

    assert [len(block) for block in ticks._blocks(iter([Message()] * 10))] == [4, 4, 2]
