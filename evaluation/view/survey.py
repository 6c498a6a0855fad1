"""One pass over a bag that gathers all that a page about it shows."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from controllers.errors import InvalidValue
from evaluation.replay.message_layout import Fields
from evaluation.replay.message_types import types_of
from evaluation.replay.recording import Recording
from evaluation.replay.segments import Channel
from evaluation.view.curves import CurveReader, Curves
from evaluation.view.events import Event, EventLog, Health
from evaluation.view.traffic import Histogram, TopicTraffic

FELL = "fell"


@dataclass
class Survey:
    """What is in a bag.

    Attributes:
        path: The bag.
        start_ns: Time of the first message [ns].
        duration: Time from the first to the last message [s].
        topics: Messages by topic.
        histogram: When they came.
        curves: Curves by topic, for the types that have some.
        events: What happened, by time.
        events_left_out: Events beyond those that are kept.
        health: What the nodes reported of themselves, by name.
        damages: What is damaged or missing.
        notes: What the recorder noted, such as parameters.
    """

    path: Path
    start_ns: int = 0
    duration: float = 0.0
    topics: dict[str, TopicTraffic] = field(default_factory=dict)
    histogram: Histogram = field(default_factory=Histogram)
    curves: dict[str, Curves] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    events_left_out: int = 0
    health: dict[str, Health] = field(default_factory=dict)
    damages: list[str] = field(default_factory=list)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)


def survey_bag(path: Path) -> Survey:
    """Read a bag, whole or damaged.

    Args:
        path: Folder of a bag, or one of its files.

    Returns:
        What is in it.

    Raises:
        InvalidValue: There is nothing that can be read.
    """
    result = Survey(path)
    log = EventLog()
    types: dict[Channel, dict[str, Fields]] = {}
    readers: dict[str, CurveReader] = {}
    start: int | None = None
    with Recording(path) as recording:
        for channel in recording.channels:
            # Topics without messages are shown, too.
            result.topics.setdefault(channel.topic, TopicTraffic(channel.topic, channel.type))
        for log_time, channel, data in recording.messages():
            start = log_time if start is None else start
            time = (log_time - start) * 1e-9
            topic, traffic = channel.topic, result.topics[channel.topic]
            before = traffic.last
            if silent := traffic.take(time, len(data)):
                log.add(Event(before, topic, f"silent for {silent:.2f} s", "warn"))
            result.histogram.take(topic, time)
            result.duration = max(result.duration, time)
            try:
                if channel not in types:
                    types[channel] = types_of(channel)
                if EventLog.can_read(channel.type):
                    log.take(time, topic, channel.type, types[channel], data)
                elif CurveReader.can_read(channel.type):
                    if topic not in readers:
                        readers[topic] = CurveReader(topic, channel.type, types[channel])
                    readers[topic].take(time, data)
            except InvalidValue:
                traffic.unreadable += 1
        result.damages, result.notes = list(recording.damages), dict(recording.notes)
    result.start_ns = start or 0
    result.curves = {topic: reader.curves() for topic, reader in readers.items()}
    for curves in result.curves.values():
        _note_fall(curves, log)
    for traffic in result.topics.values():
        if traffic.unreadable:
            result.damages.append(f"{traffic.topic}: {traffic.unreadable} messages are no {traffic.type}")
    result.events = sorted(log.events, key=lambda event: event.time)
    result.events_left_out, result.health = log.left_out, log.health
    return result


def _note_fall(curves: Curves, log: EventLog) -> None:
    """Note when a simulator reported that its robot had fallen."""
    fell = curves.of("position").get(FELL)
    if fell is not None and np.any(fell > 0.0):
        log.add(Event(float(curves.time[np.argmax(fell > 0.0)]), curves.topic, "the robot fell", "error"))
