"""Writing of bags in the layout of rosbag2: a folder with an MCAP file and `metadata.yaml`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pronk_bringup.errors import BagError
from pronk_bringup.mcap_file import McapFile

VERSION = 9


@dataclass(frozen=True)
class _Topic:
    name: str
    type: str
    type_hash: str
    qos: tuple[Mapping[str, Any], ...]


class BagWriter:
    """A bag being recorded."""

    def __init__(self, folder: Path) -> None:
        """Create the bag.

        Args:
            folder: Folder to make; it must not exist.

        Raises:
            BagError: The folder exists.
        """
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise BagError(f"'{folder}' exists already; a recording never overwrites, so choose another name") from None
        self._folder = folder
        self._path = folder / f"{folder.name}_0.mcap"
        self._file = McapFile(self._path)
        self._schemas: dict[str, int] = {}
        self._topics: dict[int, _Topic] = {}
        self._notes: dict[str, str] = {}

    def add_topic(
        self, topic: str, kind: str, definition: str, type_hash: str, qos: Collection[Mapping[str, Any]] = ()
    ) -> int:
        """Announce a topic.

        Args:
            topic: Full name.
            kind: Message type.
            definition: Its definition in the `ros2msg` format.
            type_hash: Its RIHS01 hash.
            qos: Quality of service that its publishers offer, in rosbag2's terms.

        Returns:
            Number to write its messages with.
        """
        if kind not in self._schemas:
            self._schemas[kind] = self._file.add_schema(kind, "ros2msg", definition.encode())
        row = _Topic(topic, kind, type_hash, tuple(qos))
        metadata = {
            "offered_qos_profiles": yaml.safe_dump([dict(q) for q in row.qos]) if row.qos else "",
            "topic_type_hash": type_hash,
        }
        channel = self._file.add_channel(topic, self._schemas[kind], metadata)
        self._topics[channel] = row
        return channel

    def write(self, channel: int, log_time: int, publish_time: int, data: bytes) -> None:
        """Add a message.

        Args:
            channel: Number of its topic.
            log_time: Time of receipt [ns].
            publish_time: Time of publishing [ns].
            data: Its bytes, kept as they are.
        """
        self._file.write(channel, log_time, publish_time, data)

    def note(self, name: str, values: Mapping[str, str]) -> None:
        """Add named values about the recording; they also go into `metadata.yaml` as "name.key".

        Args:
            name: What they describe.
            values: Text by key.
        """
        self._file.add_metadata(name, dict(values))
        self._notes.update({f"{name}.{key}": value for key, value in values.items()})

    def flush(self) -> None:
        """Make everything written so far safe from the end of this process."""
        self._file.end_chunk()

    @property
    def message_count(self) -> int:
        """Messages written so far."""
        return sum(self._file.message_counts.values())

    def close(self) -> None:
        """Complete the file and write `metadata.yaml`."""
        self._file.end_chunk()
        counts = self._file.message_counts

        def times() -> dict[str, Any]:
            start, duration = self._file.start_time, self._file.end_time - self._file.start_time
            return {
                "starting_time": {"nanoseconds_since_epoch": start},
                "duration": {"nanoseconds": duration},
                "message_count": self.message_count,
            }

        information = {
            "version": VERSION,
            "storage_identifier": "mcap",
            "relative_file_paths": [self._path.name],
            **times(),
            "topics_with_message_count": [
                {
                    "topic_metadata": {
                        "name": topic.name,
                        "type": topic.type,
                        "serialization_format": "cdr",
                        "offered_qos_profiles": [dict(q) for q in topic.qos],
                        "type_description_hash": topic.type_hash,
                    },
                    "message_count": counts[channel],
                }
                for channel, topic in self._topics.items()
            ],
            "compression_format": "",
            "compression_mode": "",
            "files": [{"path": self._path.name, **times()}],
            "custom_data": self._notes or None,
            "ros_distro": "kilted",
        }
        self._file.add_metadata("rosbag2", {"serialized_metadata": yaml.safe_dump(information, sort_keys=False)})
        self._file.close()
        text = yaml.safe_dump({"rosbag2_bagfile_information": information}, sort_keys=False)
        partial = self._folder / "metadata.yaml.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self._folder / "metadata.yaml")
