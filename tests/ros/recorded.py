"""Reading of the bags that tests let the stack record, by a library that is not ours."""

from rosbags.highlevel import AnyReader


class Recording:
    """All messages of a bag by topic: (time of receipt [s], message)."""

    def __init__(self, folder):
        self.by_topic = {}
        with AnyReader([folder]) as reader:
            for connection, time, raw in reader.messages():
                # What is read back without error is whole: rosbags refuses bytes that are left over.
                message = reader.deserialize(raw, connection.msgtype)
                self.by_topic.setdefault(connection.topic, []).append((time * 1e-9, message))

    def messages(self, topic):
        return [message for _, message in self.by_topic.get(topic, [])]

    def numbers(self, topic, name):
        """One named number of a telemetry topic, over time."""
        return [message.position[list(message.name).index(name)] for message in self.messages(topic)]


def seconds(stamp):
    return stamp.sec + stamp.nanosec * 1e-9


def nanoseconds(stamp):
    return stamp.sec * 10**9 + stamp.nanosec
