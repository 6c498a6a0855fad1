"""The other end of the topics and services of a process under test."""

import time

from rclpy.context import Context
from rclpy.experimental.events_executor import EventsExecutor
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile

from pronk_node_kit.stamps import stamp_from_time
from pronk_node_kit.topics import SERVICES, topic


class Peer:
    """A node in the test's own process that hears, says and calls what the test needs."""

    def __init__(self, domain, namespace=""):
        self._context = Context()
        self._context.init(domain_id=domain)
        self.node = Node("peer", context=self._context, namespace=namespace)
        self._executor = EventsExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._publishers = {}
        self._clients = {}
        self.heard = {}

    def hear(self, *names):
        """Collect the messages of topics of the table; each entry of `heard` is (time of receipt, message)."""
        for name in names:
            row, inbox = topic(name), self.heard.setdefault(name, [])
            durability = QoSDurabilityPolicy.TRANSIENT_LOCAL if row.quality.latched else QoSDurabilityPolicy.VOLATILE
            profile = QoSProfile(depth=500, reliability=row.quality.profile().reliability, durability=durability)
            self.node.create_subscription(
                row.type, name, lambda message, inbox=inbox: inbox.append((time.monotonic(), message)), profile
            )

    def newest(self, name):
        return self.heard[name][-1][1]

    def publisher(self, name):
        row = topic(name)
        if name not in self._publishers:
            self._publishers[name] = self.node.create_publisher(row.type, name, row.quality.profile())
        return self._publishers[name]

    def say(self, name, message):
        self.publisher(name).publish(message)

    def match(self, *names):
        """Wait for somebody who hears these topics: what is said but once is not to be lost."""
        for name in names:
            self.until(lambda name=name: self.publisher(name).get_subscription_count() > 0, 20.0, f"a hearer of {name}")

    def stamped(self, message, at):
        message.header.stamp = stamp_from_time(at)
        return message

    def spin(self, duration):
        end = time.monotonic() + duration
        while (left := end - time.monotonic()) > 1e-4:
            self._executor.spin_once(timeout_sec=left)

    def until(self, condition, timeout=20.0, what="the condition"):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true within {timeout} s"
            self._executor.spin_once(timeout_sec=0.05)

    def client(self, name, kind=None):
        if name not in self._clients:
            self._clients[name] = self.node.create_client(kind or SERVICES[name].type, name)
        return self._clients[name]

    def call(self, name, request=None, meanwhile=lambda: None, timeout=10.0):
        """Call a service of the table and wait for its answer; `meanwhile` runs while waiting."""
        client = self.client(name)
        self.until(client.service_is_ready, timeout, f"service '{name}'")
        future = client.call_async(request if request is not None else SERVICES[name].type.Request())
        end = time.monotonic() + timeout
        while not future.done():
            assert time.monotonic() < end, f"no answer from '{name}' within {timeout} s"
            meanwhile()
            self._executor.spin_once(timeout_sec=0.01)
        return future.result()

    def diagnostics(self, node):
        """Return level, message and values that a node last reported; None before its first report."""
        for _, message in reversed(self.heard["/diagnostics"]):
            for status in message.status:
                if status.name == node:
                    return status.level, status.message, {pair.key: pair.value for pair in status.values}
        return None

    def close(self):
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()
