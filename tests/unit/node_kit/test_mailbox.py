import threading

import pytest

pytest.importorskip("rclpy")

from pronk_node_kit.mailbox import Mailbox


def test_the_reader_gets_the_newest_value_once():
    box = Mailbox()
    box.put(1)
    box.put(2)
    assert (box.take(), box.take(), box.overwritten) == (2, None, 1)


def test_a_waiting_reader_wakes_on_a_value():
    box = Mailbox()
    got = []
    reader = threading.Thread(target=lambda: got.append(box.take(5.0)))
    reader.start()
    box.put("x")
    reader.join(5.0)
    assert got == ["x"]


def test_closing_wakes_a_waiting_reader_without_a_value():
    box = Mailbox()
    got = []
    reader = threading.Thread(target=lambda: got.append(box.take(None)))
    reader.start()
    box.close()
    reader.join(5.0)
    assert got == [None]
