"""Repair of bags whose recorder was killed, so that stock tools open them."""

from pathlib import Path

import yaml

from pronk_bringup.bag import BagReader, bag_files, read_messages
from pronk_bringup.bag_writer import BagWriter
from pronk_bringup.errors import BagError
from pronk_bringup.mcap_file import MAGIC


def is_complete(bag: Path) -> bool:
    """Tell whether a bag was closed by its recorder.

    Args:
        bag: Folder of a bag.

    Returns:
        False when `recover` has something to do.

    Raises:
        BagError: It is not a bag.
    """
    if not (bag / "metadata.yaml").is_file():
        return False
    for path in bag_files(bag):
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - len(MAGIC)))
            if file.read() != MAGIC:
                return False
    return True


def recover(bag: Path) -> int:
    """Make a bag whole whose recorder was killed; one that is complete is left alone.

    Args:
        bag: Folder of the bag.

    Returns:
        Messages in the bag.

    Raises:
        BagError: It is not a bag, or consists of several files.
    """
    files = bag_files(bag)
    if is_complete(bag):
        return sum(1 for _ in read_messages(bag))
    if len(files) != 1:
        raise BagError(f"'{bag}' consists of {len(files)} files; only bags of one file can be recovered")
    rescue = bag.with_name(f"{bag.name}.recovering")
    writer = BagWriter(rescue)
    reader = BagReader(files[0])
    channels: dict[str, int] = {}
    for message in reader.messages():
        if message.topic not in channels:
            source = next(c for c in reader.channels.values() if c.topic == message.topic)
            definition = reader.schemas[source.schema_id].data.decode()
            qos = yaml.safe_load(source.metadata.get("offered_qos_profiles") or "[]")
            type_hash = source.metadata.get("topic_type_hash", "")
            channels[message.topic] = writer.add_topic(message.topic, message.type, definition, type_hash, qos)
        writer.write(channels[message.topic], message.log_time, message.publish_time, message.data)
    for name, values in reader.notes.items():
        if name != "rosbag2":
            writer.note(name, values)
    writer.note("recovery", {"recovered": "true"})
    writer.close()
    (rescue / f"{rescue.name}_0.mcap").replace(files[0])
    text = (rescue / "metadata.yaml").read_text(encoding="utf-8").replace(f"{rescue.name}_0.mcap", files[0].name)
    (bag / "metadata.yaml").write_text(text, encoding="utf-8")
    (rescue / "metadata.yaml").unlink()
    rescue.rmdir()
    return writer.message_count
