"""Definitions of message types as text, as bags carry them."""

from pathlib import Path

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from controllers.errors import UnknownName
from pronk_bringup.errors import LaunchError
from pronk_bringup.package_share import package_share


class MessageSchemas:
    """Knows the standard types and reads the others from the packages that are installed."""

    def __init__(self) -> None:
        """Start with the standard types."""
        self.typestore: Typestore = get_typestore(Stores.ROS2_KILTED)

    def definition(self, name: str) -> tuple[str, str]:
        """Describe a type.

        Args:
            name: Its name, such as "sensor_msgs/msg/JointState".

        Returns:
            Its definition (with those of the types it uses) in the `ros2msg` format, and its RIHS01 hash.

        Raises:
            UnknownName: No installed package defines it.
        """
        self.register(name)
        text, _ = self.typestore.generate_msgdef(name, ros_version=2)
        return text, self.typestore.hash_rihs01(name)

    def register(self, name: str) -> None:
        """Learn a type and those that it uses.

        Args:
            name: Its name.

        Raises:
            UnknownName: No installed package defines it.
        """
        if name in self.typestore.fielddefs:
            return
        types = get_types_from_msg(self._source(name).read_text(encoding="utf-8"), name)
        self.typestore.register(types)
        for _, fields in types.values():
            for _, (kind, detail) in fields:
                while kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
                    kind, detail = detail[0]
                if kind == Nodetype.NAME:
                    self.register(detail)

    def _source(self, name: str) -> Path:
        parts = name.split("/")
        if len(parts) == 3:
            try:
                path = package_share(parts[0]) / parts[1] / f"{parts[2]}.msg"
            except LaunchError:
                path = Path()
            if path.is_file():
                return path
        raise UnknownName("message type", name, self.typestore.fielddefs)
