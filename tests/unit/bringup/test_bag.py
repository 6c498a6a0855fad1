import json

import pytest
import yaml

pytest.importorskip("rclpy")

from mcap.reader import make_reader
from rosbags.highlevel import AnyReader

from controllers.errors import UnknownName
from pronk_bringup.bag import BagReader, read_messages
from pronk_bringup.bag_recovery import is_complete, recover
from pronk_bringup.bag_writer import BagWriter
from pronk_bringup.errors import BagError
from pronk_bringup.message_schemas import MessageSchemas
from pronk_bringup.package_share import package_share

STRING = "std_msgs/msg/String"
COMMAND = "pronk_msgs/msg/JointCommand"


@pytest.fixture(scope="module")
def schemas():
    return MessageSchemas()


def string_bytes(schemas, text):
    return bytes(schemas.typestore.serialize_cdr(schemas.typestore.types[STRING](text), STRING))


def write_bag(folder, schemas, count=50, flush_every=10):
    writer = BagWriter(folder)
    channel = writer.add_topic("/text", STRING, *schemas.definition(STRING))
    for i in range(count):
        writer.write(channel, 1000 + i, 1000 + i, string_bytes(schemas, f"message {i}"))
        if (i + 1) % flush_every == 0:
            writer.flush()
    return writer


def test_a_closed_bag_opens_in_other_readers(tmp_path, schemas):
    writer = write_bag(tmp_path / "bag", schemas)
    writer.note("pronk", {"revision": "abc"})
    writer.close()
    with AnyReader([tmp_path / "bag"]) as reader:
        texts = [reader.deserialize(raw, c.msgtype).data for c, _, raw in reader.messages()]
        assert (reader.start_time, reader.message_count) == (1000, 50)
    assert texts == [f"message {i}" for i in range(50)]
    with (tmp_path / "bag" / "bag_0.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_summary().statistics.message_count == 50
        assert {m.name: m.metadata for m in reader.iter_metadata()}["pronk"] == {"revision": "abc"}
        assert sum(1 for _ in reader.iter_messages()) == 50


def test_bytes_come_back_as_they_were(tmp_path, schemas):
    writer = BagWriter(tmp_path / "bag")
    channel = writer.add_topic("/text", STRING, *schemas.definition(STRING))
    blobs = [bytes([i]) * i for i in range(1, 200)]
    for i, blob in enumerate(blobs):
        writer.write(channel, i, i + 5, blob)
    writer.close()
    messages = list(read_messages(tmp_path / "bag"))
    assert [m.data for m in messages] == blobs
    assert (messages[3].topic, messages[3].type, messages[3].log_time, messages[3].publish_time) == (
        "/text",
        STRING,
        3,
        8,
    )


def test_large_recordings_are_split_into_chunks(tmp_path, schemas):
    writer = BagWriter(tmp_path / "bag")
    channel = writer.add_topic("/text", STRING, *schemas.definition(STRING))
    for i in range(5):
        writer.write(channel, i, i, bytes(600_000))
    writer.close()
    with (tmp_path / "bag" / "bag_0.mcap").open("rb") as file:
        assert make_reader(file).get_summary().statistics.chunk_count == 3


def test_topics_can_be_chosen(tmp_path, schemas):
    writer = BagWriter(tmp_path / "bag")
    for number, topic in enumerate(("/a", "/b")):
        channel = writer.add_topic(topic, STRING, *schemas.definition(STRING))
        writer.write(channel, number, number, b"x")
    writer.close()
    assert [m.topic for m in read_messages(tmp_path / "bag", {"/b"})] == ["/b"]


def test_messages_that_were_flushed_survive_the_end_of_the_writer(tmp_path, schemas):
    writer = write_bag(tmp_path / "bag", schemas, count=57)
    assert not is_complete(tmp_path / "bag")
    assert len(list(read_messages(tmp_path / "bag"))) == 50
    del writer


@pytest.mark.parametrize("cut", [1, 8, 9, 40, 300])
def test_a_file_cut_anywhere_is_read_up_to_its_last_whole_chunk(tmp_path, schemas, cut):
    write_bag(tmp_path / "bag", schemas)
    path = tmp_path / "bag" / "bag_0.mcap"
    path.write_bytes(path.read_bytes()[:-cut])
    messages = list(read_messages(tmp_path / "bag"))
    assert len(messages) in (40, 50)
    assert [m.log_time for m in messages] == list(range(1000, 1000 + len(messages)))


def test_recovery_makes_a_bag_that_other_readers_open(tmp_path, schemas):
    writer = write_bag(tmp_path / "bag", schemas)
    writer.note("pronk", {"revision": "abc"})
    assert recover(tmp_path / "bag") == 50
    assert is_complete(tmp_path / "bag")
    with AnyReader([tmp_path / "bag"]) as reader:
        assert reader.message_count == 50
    information = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert information["relative_file_paths"] == ["bag_0.mcap"]
    assert information["custom_data"] == {"pronk.revision": "abc", "recovery.recovered": "true"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bag"]


def test_recovery_leaves_a_complete_bag_alone(tmp_path, schemas):
    write_bag(tmp_path / "bag", schemas).close()
    before = (tmp_path / "bag" / "bag_0.mcap").read_bytes()
    assert recover(tmp_path / "bag") == 50
    assert (tmp_path / "bag" / "bag_0.mcap").read_bytes() == before


def test_notes_are_read_back(tmp_path, schemas):
    writer = write_bag(tmp_path / "bag", schemas)
    writer.note("parameters /mpc", {"rate": "100.0"})
    reader = BagReader(tmp_path / "bag" / "bag_0.mcap")
    assert len(list(reader.messages())) == 50
    assert (reader.notes, reader.complete) == ({"parameters /mpc": {"rate": "100.0"}}, False)


def test_a_bag_is_never_overwritten(tmp_path):
    (tmp_path / "bag").mkdir()
    with pytest.raises(BagError, match=r"'.*bag' exists already; a recording never overwrites"):
        BagWriter(tmp_path / "bag")


def test_a_folder_without_a_bag_is_refused(tmp_path):
    with pytest.raises(BagError, match="holds no MCAP file"):
        list(read_messages(tmp_path))
    (tmp_path / "x.mcap").write_bytes(b"not a bag at all")
    with pytest.raises(BagError, match="is not an MCAP file"):
        list(read_messages(tmp_path))


def test_own_message_types_are_described_with_all_that_they_use(schemas):
    text, type_hash = schemas.definition(COMMAND)
    assert "float64[] stiffness" in text
    assert "MSG: std_msgs/Header" in text
    assert type_hash.startswith("RIHS01_")


def test_the_hash_of_own_types_is_that_of_ros(schemas):
    # rosidl writes the hashes that it computed beside the definition.
    described = json.loads((package_share("pronk_msgs") / "msg" / "JointCommand.json").read_text())
    expected = next(h["hash_string"] for h in described["type_hashes"] if h["type_name"] == COMMAND)
    assert schemas.definition(COMMAND)[1] == expected


def test_a_type_that_nobody_defines_is_refused(schemas):
    with pytest.raises(UnknownName, match="unknown message type 'no_such_msgs/msg/Thing'"):
        schemas.definition("no_such_msgs/msg/Thing")
