import shutil
import sqlite3
import struct
import tracemalloc

import pytest
from written_bags import COMPRESSIONS, MCAP, SQLITE, by_rosbags, read, write

from controllers.errors import InvalidValue
from evaluation.replay.recording import Recording
from evaluation.replay.segments import Channel, RawMessage, merge
from pronk_bringup.bag_writer import BagWriter

EVERY_KIND = [(MCAP, c) for c in COMPRESSIONS] + [(SQLITE, c) for c in COMPRESSIONS if c != "storage"]


def only_file(folder):
    return next(path for path in folder.iterdir() if path.name != "metadata.yaml")


@pytest.mark.parametrize(("plugin", "compression"), EVERY_KIND)
def test_every_kind_of_bag_gives_the_messages_that_rosbags_reads(tmp_path, plugin, compression):
    folder = write(tmp_path / "bag", plugin=plugin, compression=compression)
    with Recording(folder) as recording:
        assert read(recording) == by_rosbags(folder)
        assert recording.damages == []
        assert {c.topic for c in recording.channels} == {"/joint_states", "/cmd_vel"}
        assert recording.counts == {"/joint_states": 200, "/cmd_vel": 40}


def test_a_bag_can_be_read_twice(tmp_path):
    with Recording(write(tmp_path / "bag")) as recording:
        assert read(recording) == read(recording)


def test_a_single_file_is_a_bag(tmp_path):
    folder = write(tmp_path / "bag", plugin=SQLITE)
    with Recording(only_file(folder)) as recording:
        assert len(read(recording)) == 240


def test_only_the_wanted_topics_come(tmp_path):
    with Recording(write(tmp_path / "bag")) as recording:
        found = read(recording, lambda channel: channel.topic == "/cmd_vel")
    assert {topic for _, topic, _ in found} == {"/cmd_vel"} and len(found) == 40


@pytest.mark.parametrize("plugin", [MCAP, SQLITE])
def test_a_split_bag_is_read_in_the_order_of_time(tmp_path, plugin):
    first, second = write(tmp_path / "a", plugin=plugin), write(tmp_path / "b", plugin=plugin, period_ns=3_000_000)
    whole = sorted(by_rosbags(first) + by_rosbags(second), key=lambda row: row[0])
    folder = tmp_path / "split"
    folder.mkdir()
    # The file with the larger number comes first in time as often as not.
    only_file(first).rename(folder / f"split_10{only_file(first).suffix}")
    only_file(second).rename(folder / f"split_9{only_file(second).suffix}")
    with Recording(folder) as recording:
        found = read(recording)
        assert [row[0] for row in found] == [row[0] for row in whole]
        assert sorted(found) == sorted(whole)
        assert recording.damages == ["metadata.yaml is missing: the recorder was killed, or the file was lost"]


def test_a_bag_of_our_own_recorder_that_was_never_closed_gives_all_its_chunks(tmp_path):
    writer = BagWriter(tmp_path / "bag")
    channel = writer.add_topic("/text", "std_msgs/msg/String", "string data", "RIHS01_0")
    for i in range(10):
        writer.write(channel, i, i, b"\0\1\0\0" + struct.pack("<I", 2) + b"a\0")
        if i in (3, 7):
            writer.flush()
    writer._file._file.flush()
    with Recording(tmp_path / "bag") as recording:
        assert [m.log_time for m in recording.messages()] == list(range(8))
        assert any("did not close it" in text for text in recording.damages)
        assert any("metadata.yaml is missing" in text for text in recording.damages)


def test_a_chunk_that_was_cut_gives_what_is_in_its_first_part(tmp_path):
    folder = write(tmp_path / "bag", count=2000, compression="storage")
    file = only_file(folder)
    whole = by_rosbags(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 5])
    with Recording(folder) as recording:
        found = read(recording)
        assert 100 < len(found) < len(whole)
        assert found == whole[: len(found)]
        assert any("was not finished" in text for text in recording.damages)
        promised = [text for text in recording.damages if "promises" in text]
        assert promised and promised[0].startswith("/joint_states: metadata.yaml promises 2000 messages, ")


def test_damage_in_one_chunk_costs_that_chunk_only(tmp_path):
    folder = write(tmp_path / "bag", count=6000)
    whole, file = by_rosbags(folder), only_file(folder)
    data = bytearray(file.read_bytes())
    # The length of the first chunk; the index tells where the next one begins.
    assert data[8 + 9 :].find(b"\x06") >= 0
    start = 8 + 9 + int.from_bytes(data[9:17], "little")
    assert data[start] == 6
    data[start + 1 : start + 9] = b"\xff" * 8
    file.write_bytes(bytes(data))
    with Recording(folder) as recording:
        found = read(recording)
        assert found and found == whole[-len(found) :]
        assert any("cannot be read" in text for text in recording.damages)


def test_a_chunk_with_a_wrong_checksum_is_left_out(tmp_path):
    writer = BagWriter(tmp_path / "bag")
    channel = writer.add_topic("/text", "std_msgs/msg/String", "string data", "RIHS01_0")
    writer.write(channel, 5, 5, b"\0\1\0\0" + struct.pack("<I", 2) + b"a\0")
    writer.close()
    file = only_file(tmp_path / "bag")
    data = bytearray(file.read_bytes())
    place = data.find(b"zstd") - 8
    assert data[place + 4 : place + 8] == struct.pack("<I", 4)
    data[place] ^= 0xFF
    file.write_bytes(bytes(data))
    with Recording(tmp_path / "bag") as recording:
        assert list(recording.messages()) == []
        assert any("wrong checksum" in text for text in recording.damages)


def test_a_database_that_was_cut_gives_the_rows_that_are_left(tmp_path):
    folder = write(tmp_path / "bag", count=3000, plugin=SQLITE)
    whole, file = by_rosbags(folder), only_file(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with Recording(folder) as recording:
        found = read(recording)
        assert 500 < len(found) < len(whole)
        assert set(found) <= set(whole)
        assert [row[0] for row in found] == sorted(row[0] for row in found)
        assert any("the file was cut" in text for text in recording.damages)
        assert any("lost" in text for text in recording.damages)


def test_messages_in_the_log_of_a_killed_recorder_are_read(tmp_path):
    folder = write(tmp_path / "bag", count=10, plugin=SQLITE)
    file = only_file(folder)
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (1, 99999999999, x'00010000')")
    database.commit()
    # As it is while the recorder runs, and after a kill: the last rows are in the log beside the file.
    copy = tmp_path / "killed"
    shutil.copytree(folder, copy)
    database.close()
    assert (copy / f"{file.name}-wal").exists()
    with Recording(copy) as recording:
        assert read(recording)[-1] == (99999999999, "/joint_states", b"\0\1\0\0")


def test_a_bag_without_definitions_as_humble_writes_it_is_read(tmp_path):
    folder = write(tmp_path / "bag", count=10, plugin=SQLITE)
    database = sqlite3.connect(only_file(folder))
    database.execute("DROP TABLE message_definitions")
    database.commit()
    database.close()
    with Recording(folder) as recording:
        assert [channel.definition for channel in recording.channels] == ["", ""]
        assert len(read(recording)) == 12


def test_a_compressed_file_that_was_cut_gives_its_beginning(tmp_path):
    folder = write(tmp_path / "bag", count=3000, plugin=MCAP, compression="file")
    file = only_file(folder)
    whole = by_rosbags(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with Recording(folder) as recording:
        found = read(recording)
        assert len(found) > 300 and found == whole[: len(found)]
        assert any("compressed content was cut" in text for text in recording.damages)


def test_a_file_that_the_metadata_lists_and_that_is_gone_is_named(tmp_path):
    folder = write(tmp_path / "bag")
    path = folder / "metadata.yaml"
    path.write_text(path.read_text().replace("- bag.mcap", "- bag.mcap\n  - bag_1.mcap"))
    with Recording(folder) as recording:
        assert len(read(recording)) == 240
        assert "bag_1.mcap, which metadata.yaml lists, is missing" in recording.damages


@pytest.mark.parametrize("text", ["", "[", "rosbag2_bagfile_information: 3", "\x00", "a: 2001-99-99"])
def test_damaged_metadata_is_reported_and_not_needed(tmp_path, text):
    folder = write(tmp_path / "bag", count=10)
    (folder / "metadata.yaml").write_text(text)
    with Recording(folder) as recording:
        assert len(read(recording)) == 12
        assert recording.damages[0].startswith("metadata.yaml is damaged and not used")


def test_what_is_no_bag_is_refused_with_the_reason(tmp_path):
    with pytest.raises(InvalidValue, match="does not exist"):
        Recording(tmp_path / "nothing")
    with pytest.raises(InvalidValue, match=r"no file named \*\.mcap"):
        Recording(tmp_path)
    (tmp_path / "a.mcap").write_bytes(b"")
    with pytest.raises(InvalidValue, match=r"a\.mcap: it is empty"):
        Recording(tmp_path)
    (tmp_path / "a.mcap").write_bytes(b"hello")
    with pytest.raises(InvalidValue, match="neither MCAP nor SQLite"):
        Recording(tmp_path / "a.mcap")


class Piece:
    def __init__(self, name, times, log):
        self.start = times[0]
        self.name, self.times, self.log = name, times, log

    def messages(self, wanted):
        self.log.append(self.name)
        yield from (RawMessage(time, Channel(self.name, ""), b"") for time in self.times)


def test_segments_are_merged_in_order_and_opened_when_their_time_comes():
    opened = []
    pieces = [Piece("a", [1, 4, 9], opened), Piece("c", [20, 21], opened), Piece("b", [3, 4, 5], opened)]
    stream = merge(pieces, lambda channel: True)
    found = [next(stream) for _ in range(6)]
    assert [(m.log_time, m.channel.topic) for m in found] == [
        (1, "a"),
        (3, "b"),
        (4, "a"),
        (4, "b"),
        (5, "b"),
        (9, "a"),
    ]
    assert opened == ["a", "b"]
    assert [m.log_time for m in stream] == [20, 21]


def test_memory_does_not_grow_with_the_bag(tmp_path):
    folder = write(tmp_path / "bag", count=25000)
    assert only_file(folder).stat().st_size > 10e6
    with Recording(folder) as recording:
        tracemalloc.start()
        assert sum(1 for _ in recording.messages()) == 30000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # A chunk of a megabyte, its messages, and those of its neighbour.
    assert peak < 6e6
