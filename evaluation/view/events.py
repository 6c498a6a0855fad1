"""What happened in a recorded run: changes of states, of health and of what was asked for, and silences."""

from dataclasses import dataclass, field
from typing import Any

from rosbags.typesys import Stores, get_typestore

from controllers.errors import InvalidValue
from evaluation.replay.message_layout import Fields, MessageReader

STRING = "std_msgs/msg/String"
BODY_COMMAND = "pronk_msgs/msg/BodyCommand"
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"
# Fields whose changes are events.
TEXTS = {STRING: "data", BODY_COMMAND: "gait"}
LEVELS = ("ok", "warn", "error", "stale")
LONGEST_TEXT = 200
MOST_EVENTS = 300


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        time: Since the start of the bag [s].
        source: Topic or node.
        text: What.
        level: "ok", "warn", "error" or "stale".
    """

    time: float
    source: str
    text: str
    level: str = "ok"


@dataclass
class Health:
    """What a node reported of itself.

    Attributes:
        name: Full name of the node.
        reports: Number of reports by level.
        level: Last level.
        message: Last message.
        values: Last values by name.
    """

    name: str
    reports: dict[str, int] = field(default_factory=dict)
    level: str = ""
    message: str = ""
    values: dict[str, str] = field(default_factory=dict)


@dataclass
class EventLog:
    """Collects events.

    Attributes:
        events: In the order of recording; no more than `MOST_EVENTS`.
        left_out: Events beyond that.
        health: By name of the node.
    """

    events: list[Event] = field(default_factory=list)
    left_out: int = 0
    health: dict[str, Health] = field(default_factory=dict)
    _last: dict[str, str] = field(default_factory=dict)
    _readers: dict[str, MessageReader] = field(default_factory=dict)
    _store: Any = field(default_factory=lambda: get_typestore(Stores.ROS2_KILTED))

    @staticmethod
    def can_read(kind: str) -> bool:
        """Tell whether messages of a type can be events.

        Args:
            kind: Message type.

        Returns:
            Whether they can.
        """
        return kind in TEXTS or kind == DIAGNOSTICS

    def add(self, event: Event) -> None:
        """Note an event.

        Args:
            event: The event.
        """
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)
        else:
            self.left_out += 1

    def take(self, time: float, topic: str, kind: str, types: dict[str, Fields], data: bytes) -> None:
        """Take a message.

        Args:
            time: Time of recording since the start of the bag [s].
            topic: Its topic.
            kind: Its type.
            types: Definitions of the type and those that it uses.
            data: Its bytes.

        Raises:
            InvalidValue: The bytes are no message of the type.
        """
        if kind == DIAGNOSTICS:
            self._take_health(time, data)
            return
        if topic not in self._readers:
            self._readers[topic] = MessageReader(types, kind, [TEXTS[kind]])
        text = str(self._readers[topic].read(data).plain[0])
        if self._last.get(topic) != text:
            self._last[topic] = text
            self.add(Event(time, topic, shorten(text)))

    def _take_health(self, time: float, data: bytes) -> None:
        try:
            message = self._store.deserialize_cdr(data, DIAGNOSTICS)
            reports = [
                (str(s.name), _level(s.level), str(s.message), {str(v.key): str(v.value) for v in s.values})
                for s in message.status
            ]
        except Exception as error:  # The decoder raises whatever damaged bytes lead it to.
            raise InvalidValue(f"no {DIAGNOSTICS}: {type(error).__name__}") from error
        for name, level, text, values in reports:
            health = self.health.setdefault(name, Health(name))
            if level != health.level and (health.level or level != "ok"):
                before = health.level or "start"
                self.add(Event(time, name, shorten(f"{before} → {level}: {text}"), level))
            health.reports[level] = health.reports.get(level, 0) + 1
            health.level, health.message, health.values = level, text, values


def _level(value: Any) -> str:
    number = value[0] if isinstance(value, bytes | bytearray) else int(value)
    return LEVELS[number] if 0 <= number < len(LEVELS) else f"level {number}"


def shorten(text: str) -> str:
    """Cut a text that is too long for a table.

    Args:
        text: Any text.

    Returns:
        One line of at most `LONGEST_TEXT` characters.
    """
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"
