"""The control periods of a recorded run: each reading with what was asked, commanded and true at its time."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from controllers.errors import InvalidValue
from controllers.quadruped.command_inbox import CommandInbox, effective_time
from controllers.robot.interface import LocomotionCommand, RobotState
from evaluation.replay.decoding import Array, CommandDecoder, Motion, RecordedCommand, reader_of, time_of, wrench_of
from evaluation.replay.message_layout import Values
from evaluation.replay.readings import ReadingJoiner, examined
from evaluation.replay.recording import Recording
from evaluation.replay.remapping import (
    BODY_COMMAND,
    CMD_VEL,
    FOOT_SENSORS,
    IMU,
    JOINT_COMMANDS,
    JOINT_STATES,
    LATEST,
    MOTOR_COMMANDS,
    ODOM,
    RESIDUAL_WRENCH,
    TRUE_ODOM,
    TRUE_WRENCH,
    Remapping,
)
from evaluation.replay.segments import Channel, RawMessage
from evaluation.replay.topic_decoder import TopicDecoder

T = TypeVar("T")
Timed = TypeVar("Timed", RecordedCommand, Motion)

# Readings that are held back, so that the command that answers each is known, however late it was recorded.
LOOK_AHEAD = 5
# Messages that are decoded together; large ones make a block full sooner.
BLOCK_MESSAGES, BLOCK_BYTES = 512, 1 << 20
# Stamps that differ by less belong to one moment [s]; the second holds where topics do not share stamps.
SAME, CLOSE = 1e-7, 3e-3
# The motors hold a command no longer than this [s].
LONGEST_HOLD = 0.05
SENSORS = (JOINT_STATES, IMU, FOOT_SENSORS)
STAMPED = (JOINT_COMMANDS, MOTOR_COMMANDS, RESIDUAL_WRENCH, TRUE_ODOM, TRUE_WRENCH, ODOM)
WALKING = "trot"


@dataclass
class Tick:
    """One control period.

    Attributes:
        state: The reading.
        asked: What was asked of the legs.
        recorded: The controller's recorded answer to this reading; None where there is none.
        followed: The controller's command that the motors followed from now on; None where they did not, or where that
            is not known. The controller accounts with its command, not with what limits made of it.
        truth: True motion, at the times at which it was recorded.
        true_wrench: Frame and true disturbance.
        residual: Frame and recorded estimate of the disturbance.
        odometry: Recorded estimate of the motion.
    """

    state: RobotState
    asked: LocomotionCommand
    recorded: RecordedCommand | None = None
    followed: RecordedCommand | None = None
    truth: Motion | None = None
    true_wrench: tuple[str, Array] | None = None
    residual: tuple[str, Array] | None = None
    odometry: Motion | None = None


class _Stamped(Generic[T]):
    """Values by time, of which the past is forgotten."""

    def __init__(self) -> None:
        self._queue: deque[tuple[float, T]] = deque()
        self._held: tuple[float, T] | None = None

    def add(self, item: tuple[float, T]) -> None:
        queue = self._queue
        queue.append(item)
        if len(queue) > 1:
            if queue[-2][0] > item[0]:
                self._queue = deque(sorted(queue, key=lambda item: item[0]))
            # Values far ahead of all readings are of another clock.
            if len(queue) > 1000:
                self._queue.popleft()

    def advance(self, time: float, tolerance: float) -> T | None:
        """Go on to a time and return the value of that time."""
        queue, held = self._queue, self._held
        if queue and queue[0][0] <= time + tolerance:
            while queue and queue[0][0] <= time + tolerance:
                held = queue.popleft()
            self._held = held
        return held[1] if held is not None and held[0] >= time - tolerance else None

    def newest(self, time: float, most_age: float) -> T | None:
        """Return the newest value that is not too old, after `advance`."""
        return self._held[1] if self._held is not None and time - self._held[0] <= most_age else None


class TickFeed:
    """Decodes a recording and cuts it into control periods.

    Attributes:
        refused: Number of messages that were refused and the first reason, by topic.
        assumed: What had to be assumed because the bag does not tell.
    """

    def __init__(self, recording: Recording, topics: Mapping[str, Channel], remapping: Remapping) -> None:
        """Prepare the decoders.

        Args:
            recording: The bag.
            topics: Topics by Pronk's names of them.
            remapping: The bag's names of joints and feet.

        Raises:
            InvalidValue: The bag lacks what an estimate needs, or a definition cannot be read.
        """
        missing = [role for role in (JOINT_STATES, IMU) if role not in topics]
        if missing:
            there = ", ".join(sorted({channel.topic for channel in recording.channels}))
            raise InvalidValue(f"the bag has no topic {' and no '.join(missing)} (remap it?); it has: {there}")
        self._recording = recording
        self._topics = topics
        self._roles = {channel: role for role, channel in topics.items()}
        feet = remapping.foot_names() if FOOT_SENSORS in topics else None
        self._joiner = ReadingJoiner(remapping.joint_names(), feet, remapping.pairing)
        self._decoders = {channel: self._decoder(role, channel, remapping) for role, channel in topics.items()}
        self.assumed: list[str] = []
        gait = remapping.gait or ("rest" if BODY_COMMAND in topics else WALKING)
        if BODY_COMMAND not in topics and not remapping.gait:
            self.assumed.append(f"no body_command was recorded: the gait is taken to be '{gait}'")
        if CMD_VEL not in topics:
            self.assumed.append("no cmd_vel was recorded: the velocity asked for is taken to be zero")
        self._inbox = CommandInbox(gait)
        self._stamped: dict[str, _Stamped[Any]] = {role: _Stamped() for role in STAMPED if role in topics}
        self._waiting: deque[RobotState] = deque()
        self._now: float | None = None
        self.refused: dict[str, tuple[int, str]] = {}

    @property
    def pairing(self) -> str:
        """How readings were joined."""
        return self._joiner.pairing

    @property
    def incomplete(self) -> int:
        """Joint states without a partner."""
        return self._joiner.incomplete

    def __iter__(self) -> Iterator[Tick]:
        """Read the bag.

        Yields:
            Control periods in rising order of time.
        """
        # Comparing channels takes longer than reading a message; those of one file are the same objects.
        lines: dict[int, _Line] = {}
        waiting, join = self._waiting, self._joiner.add
        for block in _blocks(self._recording.messages(self._roles.__contains__)):
            order = []
            for _, channel, data in block:
                line = lines.get(id(channel))
                if line is None:
                    line = lines[id(channel)] = self._line(channel)
                line.messages.append(data)
                order.append(line)
            for line in lines.values():
                line.decode()
            for line, message in zip(order, block, strict=True):
                try:
                    item = next(line.items, None)
                    if item is None:
                        item = line.decoder.one(message.data)
                    if line.take is not None:
                        line.take(item)
                        continue
                    state = join(line.role, item)
                except InvalidValue as error:
                    self._refuse(message.channel.topic, str(error))
                    continue
                if state is not None:
                    self._now = state.time
                    waiting.append(state)
                    if len(waiting) > LOOK_AHEAD:
                        yield self._tick(waiting.popleft())
        while waiting:
            yield self._tick(waiting.popleft())

    def _refuse(self, topic: str, reason: str) -> None:
        count, first = self.refused.get(topic, (0, reason))
        self.refused[topic] = count + 1, first

    def _line(self, channel: Channel) -> "_Line":
        role = self._roles[channel]
        take = None if role in SENSORS else self._take(role)
        return _Line(channel, role, self._decoders[channel], take)

    def _decoder(self, role: str, channel: Channel, remapping: Remapping) -> TopicDecoder[Any]:
        reader = reader_of(channel)
        if role == JOINT_STATES:
            return TopicDecoder(reader, _as_read, self._joiner.joints, list)
        if role in (JOINT_COMMANDS, MOTOR_COMMANDS):
            commands = CommandDecoder(remapping.joint_names())
            return TopicDecoder(
                reader,
                lambda values: _timed(commands.decode(values)),
                commands.names,
                lambda block: list(map(_timed, commands.decode_block(block))),
            )
        if role in (TRUE_ODOM, ODOM):
            return TopicDecoder(reader, lambda values: _timed(Motion.of(values)))
        if role in (RESIDUAL_WRENCH, TRUE_WRENCH):
            return TopicDecoder(reader, lambda values: (time_of(values), wrench_of(values)))
        return TopicDecoder(reader, _as_read, together=examined if role == IMU else list)

    def _take(self, role: str) -> Callable[[Any], None]:
        if role == CMD_VEL:
            return self._on_velocity
        if role == BODY_COMMAND:
            return self._on_posture
        return self._stamped[role].add if role in self._stamped else lambda item: None

    def _effective(self, stamp: float) -> float:
        return stamp if self._now is None else effective_time(stamp, self._now)

    def _on_velocity(self, message: Values) -> None:
        stamp = time_of(message) if message.plain else 0.0
        self._inbox.take_velocity(self._effective(stamp), *message.numbers.tolist())

    def _on_posture(self, message: Values) -> None:
        gait, posture = message.plain[2], message.numbers.tolist()
        self._inbox.take_posture(self._effective(time_of(message)), gait, *posture)

    def _tick(self, state: RobotState) -> Tick:
        time = state.time
        tolerance = CLOSE if self._joiner.pairing == LATEST else SAME
        now: dict[str, Any] = {}
        for role, series in self._stamped.items():
            now[role] = series.advance(time, tolerance)
        return Tick(
            state=state,
            asked=self._inbox.asked(time),
            recorded=now.get(JOINT_COMMANDS) or now.get(MOTOR_COMMANDS),
            followed=self._followed(time),
            truth=now.get(TRUE_ODOM),
            true_wrench=now.get(TRUE_WRENCH),
            residual=now.get(RESIDUAL_WRENCH),
            odometry=now.get(ODOM),
        )

    def _followed(self, time: float) -> RecordedCommand | None:
        motors, wanted = self._held(MOTOR_COMMANDS, time), self._held(JOINT_COMMANDS, time)
        if motors is not None and not motors.pushes:
            # The gatekeeper damps the robot whatever the controller says.
            return None
        return wanted or motors

    def _held(self, role: str, time: float) -> RecordedCommand | None:
        series = self._stamped.get(role)
        return None if series is None else series.newest(time, LONGEST_HOLD)


@dataclass
class _Line:
    """One topic on its way from messages to what is made of them."""

    channel: Channel
    role: str
    decoder: TopicDecoder[Any]
    # None for sensors, which are joined into readings.
    take: Callable[[Any], None] | None
    messages: list[bytes] = field(default_factory=list)
    # What the messages of this block were decoded to together; empty where that cannot be done.
    items: Iterator[Any] = field(default_factory=lambda: iter(()))

    def decode(self) -> None:
        """Decode the messages of a block."""
        self.items = iter(self.decoder.many(self.messages) or ())
        self.messages.clear()


def _timed(item: Timed) -> tuple[float, Timed]:
    return item.time, item


def _as_read(values: Values) -> Values:
    return values


def _blocks(messages: Iterator[RawMessage]) -> Iterator[list[RawMessage]]:
    """Cut a stream of messages into lists of bounded size."""
    block: list[RawMessage] = []
    size = 0
    for message in messages:
        block.append(message)
        size += len(message.data)
        if len(block) >= BLOCK_MESSAGES or size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block
