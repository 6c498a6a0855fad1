from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from controllers.errors import InvalidValue, UnknownName
from pronk_node_kit.stamps import stamp_from_time
from pronk_node_kit.synchroniser import Synchroniser


def message(time, text=""):
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp_from_time(time)), text=text)


def texts(sets):
    return [tuple(m.text for m in messages) for messages in sets]


@pytest.fixture
def collected():
    sets = []
    synchroniser = Synchroniser(("a", "b"), lambda *messages: sets.append(messages), depth=3)
    return synchroniser, sets


def test_messages_of_one_stamp_come_together_in_the_order_of_the_inputs(collected):
    synchroniser, sets = collected
    synchroniser.add("b", message(0.002, "b2"))
    synchroniser.add("a", message(0.002, "a2"))
    assert texts(sets) == [("a2", "b2")]


def test_an_incomplete_set_is_dropped_when_a_newer_one_is_complete(collected):
    synchroniser, sets = collected
    synchroniser.add("a", message(0.002, "a2"))
    synchroniser.add("a", message(0.004, "a4"))
    synchroniser.add("b", message(0.004, "b4"))
    synchroniser.add("b", message(0.002, "b2"))
    assert texts(sets) == [("a4", "b4")]
    assert (synchroniser.dropped, synchroniser.late) == (1, 1)


def test_a_newer_incomplete_set_is_kept(collected):
    synchroniser, sets = collected
    for name, time in (("a", 0.004), ("a", 0.002), ("b", 0.002), ("b", 0.004)):
        synchroniser.add(name, message(time, f"{name}{time}"))
    assert texts(sets) == [("a0.002", "b0.002"), ("a0.004", "b0.004")]


def test_a_set_is_delivered_once(collected):
    synchroniser, sets = collected
    for name in ("a", "b", "a", "b"):
        synchroniser.add(name, message(0.002))
    assert len(sets) == 1


def test_the_memory_is_bounded(collected):
    synchroniser, sets = collected
    for i in range(1, 6):
        synchroniser.add("a", message(i * 0.002, f"a{i}"))
    for i in range(1, 6):
        synchroniser.add("b", message(i * 0.002, f"b{i}"))
    assert texts(sets) == [("a3", "b3"), ("a4", "b4"), ("a5", "b5")]
    assert synchroniser.dropped >= 2


def test_incomplete_sets_from_the_future_do_not_block_those_of_now_for_ever(collected):
    synchroniser, sets = collected
    for i in range(4):
        synchroniser.add("a", message(100.0 + i))
    for i in range(1, 21):
        synchroniser.add("a", message(0.002 * i, f"a{i}"))
        synchroniser.add("b", message(0.002 * i, f"b{i}"))
    assert texts(sets)[-1] == ("a20", "b20") and len(sets) > 10


def test_after_a_reset_time_may_start_again(collected):
    synchroniser, sets = collected
    for _ in range(2):
        synchroniser.add("a", message(0.002))
        synchroniser.add("b", message(0.002))
        synchroniser.reset()
    assert len(sets) == 2


def test_an_unknown_input_is_refused(collected):
    with pytest.raises(UnknownName, match="unknown input 'c'; available: a, b"):
        collected[0].add("c", message(0.0))


@pytest.mark.parametrize(("inputs", "depth"), [((), 1), (("a", "a"), 1), (("a",), 0)])
def test_a_synchroniser_needs_inputs_and_depth(inputs, depth):
    with pytest.raises(InvalidValue, match="Synchroniser"):
        Synchroniser(inputs, print, depth)
