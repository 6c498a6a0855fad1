"""Whatever is done to a bag or to a remapping file, reading ends in messages, complaints, or our own error."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_bags import MCAP, SQLITE, write

from controllers.errors import ControlError
from evaluation.replay.message_layout import MessageReader
from evaluation.replay.message_types import standard_types, types_of
from evaluation.replay.recording import Recording
from evaluation.replay.remapping import parse_remapping, read_remapping

FIELDS = ["header.stamp.sec", "name", "position", "velocity", "effort"]
QUIET = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KINDS = [(MCAP, "plain"), (MCAP, "storage"), (SQLITE, "plain"), (SQLITE, "message"), (MCAP, "file")]


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    base = tmp_path_factory.mktemp("bags")
    found = {}
    for plugin, compression in KINDS:
        folder = write(base / f"{plugin.name}_{compression}", 60, plugin, compression)
        found[plugin, compression] = {file.name: file.read_bytes() for file in folder.iterdir()}
    return found


def exhaust(folder):
    """Read all that can be read, decoding joint states."""
    try:
        with Recording(folder) as recording:
            for message in recording.messages():
                try:
                    MessageReader(types_of(message.channel), message.channel.type, FIELDS).read(message.data)
                except ControlError:
                    pass
            assert all(isinstance(text, str) and text for text in recording.damages)
    except ControlError as error:
        assert str(error)


@QUIET
@given(
    kind=st.sampled_from(KINDS),
    cut=st.none() | st.floats(0.0, 1.0),
    flips=st.lists(st.tuples(st.floats(0.0, 1.0, exclude_max=True), st.integers(1, 255)), max_size=20),
    metadata=st.sampled_from(["kept", "lost", "damaged"]),
)
def test_a_damaged_bag_never_ends_in_a_foreign_error(originals, tmp_path_factory, kind, cut, flips, metadata):
    folder = tmp_path_factory.mktemp("fuzz")
    for name, content in originals[kind].items():
        data = bytearray(content)
        is_metadata = name == "metadata.yaml"
        if is_metadata and metadata == "lost":
            continue
        if not is_metadata or metadata == "damaged":
            for place, change in flips:
                data[int(place * len(data))] ^= change
            if cut is not None:
                data = data[: int(cut * len(data))]
        (folder / name).write_bytes(bytes(data))
    exhaust(folder)


@QUIET
@given(st.binary(max_size=400))
def test_bytes_are_never_taken_for_a_message_without_checks(data):
    chosen = MessageReader(standard_types(), "sensor_msgs/msg/JointState", FIELDS)
    try:
        values = chosen.read(b"\0\1\0\0" + data)
    except ControlError:
        return
    assert 8 * len(values.numbers) <= len(data)


@QUIET
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_a_remapping_file_of_any_content_is_read_or_refused(tmp_path, content):
    path = tmp_path / "map.yaml"
    path.write_bytes(content)
    try:
        read_remapping(path)
    except ControlError as error:
        assert "map.yaml" in str(error)


KEYS = st.sampled_from(["topics", "joints", "feet", "pairing", "gait", "odom", "FL_hip_joint", "FL_foot"])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.integers(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_a_remapping_of_any_shape_is_read_or_refused(tree):
    try:
        parse_remapping(tree)
    except ControlError as error:
        assert str(error)
