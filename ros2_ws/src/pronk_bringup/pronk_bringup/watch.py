"""Live dashboard in the terminal: `pronk watch`. It only listens."""

import time
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from std_msgs.msg import String

from pronk_bringup.watch_board import Board
from pronk_node_kit.topics import DIAGNOSTICS, GATEKEEPER_STATE, TOPICS, Topic, create_subscription

DRAW_PERIOD_S = 0.25
LOOK_PERIOD_S = 1.0
COLOURS = {"ok": "green", "warn": "yellow"}


def row_of(name: str) -> Topic | None:
    """Find the row of the topic table that a full name stands for, in whatever namespace.

    Args:
        name: Full name.

    Returns:
        The row; None for topics that are not in the table.
    """
    fitting = [row for key, row in TOPICS.items() if name == key or name.endswith(f"/{key.lstrip('/')}")]
    return max(fitting, key=lambda row: len(row.name), default=None)


class Watcher(Node):
    """Subscribes to every topic of the table that somebody publishes.

    Attributes:
        board: What it has heard.
    """

    def __init__(self, namespace: str = "", **options: Any) -> None:
        """Start to listen.

        Args:
            namespace: Robot to watch; empty for everything.
            options: Passed on to rclpy's node.
        """
        super().__init__("pronk_watch", **options)
        self.board = Board()
        self._space = f"/{namespace.strip('/')}/" if namespace.strip("/") else "/"
        self._heard: set[str] = set()
        self._next_look = 0.0

    def look(self, now: float) -> None:
        """Subscribe to what is new.

        Args:
            now: Present time [s].
        """
        if now < self._next_look:
            return
        self._next_look = now + LOOK_PERIOD_S
        for name, types in self.get_topic_names_and_types():
            row = row_of(name)
            wanted = name.startswith(self._space) or name.lstrip("/") in ("diagnostics", "clock")
            if row is not None and wanted and name not in self._heard and self.count_publishers(name):
                if _type_name(row) in types:
                    self._heard.add(name)
                    self._listen(name, row)

    def _listen(self, name: str, row: Topic) -> None:
        meter = self.board.add(name)
        here = Topic(name, row.type, row.quality, row.publisher, row.meaning)

        def count(message: Any) -> None:
            meter.take(time.monotonic())
            if row is DIAGNOSTICS:
                self._take_health(message)
            elif row is GATEKEEPER_STATE:
                self._take_state(name, message)

        # Bytes suffice for counting, and cost little at 500 Hz.
        raw = row not in (DIAGNOSTICS, GATEKEEPER_STATE)
        create_subscription(self, here, count, raw=raw, best_effort=not row.quality.latched)

    def _take_state(self, name: str, message: String) -> None:
        self.board.states[name] = message.data

    def _take_health(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.startswith(self._space):
                level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
                self.board.report(status.name, level, status.message, time.monotonic())


def _type_name(row: Topic) -> str:
    package, _, _ = row.type.__module__.partition(".")
    return f"{package}/msg/{row.type.__name__}"


def draw(board: Board, now: float) -> Group:
    """Draw the board.

    Args:
        board: What was heard.
        now: Present time [s].

    Returns:
        What `rich` shows.
    """
    topics = Table(title="topics")
    for column in ("topic", "rate [Hz]", "age [s]"):
        topics.add_column(column, justify="left" if column == "topic" else "right", no_wrap=True)
    for name, rate, age, late in board.traffic(now):
        topics.add_row(name, f"{rate:.1f}", f"{age:.2f}", style="red" if late else "")
    nodes = Table(title="diagnostics")
    for column in ("node", "level", "says"):
        nodes.add_column(column, overflow="fold")
    for node, level, message in board.health(now):
        nodes.add_row(node, level, message, style=COLOURS.get(level, "red"))
    states = Table(title="gatekeeper")
    states.add_column("topic")
    states.add_column("state", overflow="fold")
    for name, text in sorted(board.states.items()):
        states.add_row(name, text, style="green" if text.startswith("armed") else "yellow")
    return Group(states, nodes, topics)


def watch(namespace: str, time_limit: float | None, console: Console) -> int:
    """Show the dashboard until Ctrl-C, or for a time.

    Args:
        namespace: Robot to watch; empty for everything.
        time_limit: How long [s]; None for ever.
        console: Where; without a terminal the last picture is printed at the end.

    Returns:
        Exit code: 0, or 1 where nothing was heard at all.
    """
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = Watcher(namespace)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    start = time.monotonic()
    next_picture = start
    try:
        with Live(console=console, auto_refresh=False) as live:
            while time_limit is None or time.monotonic() - start < time_limit:
                now = time.monotonic()
                node.look(now)
                if now >= next_picture:
                    next_picture = now + DRAW_PERIOD_S
                    live.update(draw(node.board, now), refresh=True)
                executor.spin_once(timeout_sec=0.05)
    except KeyboardInterrupt:
        pass
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    if not node.board.meters:
        console.print("nothing was heard: does a stack run, with the same ROS_DOMAIN_ID? 'pronk doctor' looks closer")
        return 1
    return 0
