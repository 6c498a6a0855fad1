"""The main function of every node: start, spin, end with a meaningful exit code."""

import contextlib
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import ExternalShutdownException
from rclpy.experimental.events_executor import EventsExecutor
from rclpy.signals import SignalHandlerOptions

from controllers.errors import ControlError
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import ParameterError

# The events executor handles signals only when it waits with a time limit; this one is eleven days.
LONG = 1e6
REALTIME_VARIABLE = "PRONK_REALTIME_PRIORITY"
CRASHED, MISUSED = 1, 2
# Time for the middleware to shut down [s]; less than the time between SIGINT and SIGTERM of a launch.
PATIENCE = 3.0
_MISUSES = (ParameterError, InvalidParameterTypeException, InvalidParameterValueException, ControlError)


def ask_for_realtime() -> None:
    """Ask for round-robin real-time scheduling at the priority in PRONK_REALTIME_PRIORITY, where it is set and allowed.

    A control loop that shares its cores with other work is otherwise delayed by whole time slices. Without the
    right to it (root, or an rtprio limit) the process goes on as it is.
    """
    wanted = os.environ.get(REALTIME_VARIABLE, "0")
    if not wanted.isdigit() or not 0 < int(wanted) < 100 or not hasattr(os, "sched_setscheduler"):
        return
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(int(wanted)))


def run_node(factory: Callable[[], KitNode], arguments: Sequence[str] | None = None, realtime: bool = False) -> int:
    """Run a node until it finishes, fails, or SIGINT or SIGTERM comes.

    Args:
        factory: Makes the node.
        arguments: Command line without the program's name; None for that of the process.
        realtime: Whether the node is part of a control loop and may ask for real-time scheduling.

    Returns:
        0 after SIGINT or SIGTERM, the code given to `KitNode.finish`, 1 after an exception in a callback,
        2 when parameters or other settings are not allowed.
    """
    if realtime:
        # Before the middleware starts its threads, which inherit it.
        ask_for_realtime()
    runner = _Runner()
    # rclpy's own handlers would shut the context down at once, and the last messages of a node could not be sent.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, runner.on_signal)
    command_line = None if arguments is None else [sys.argv[0], *arguments]
    try:
        rclpy.init(args=command_line, signal_handler_options=SignalHandlerOptions.NO)
    except RCLError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return MISUSED
    code = runner.run(factory)
    runner.clean_up(code)
    return code


class _Runner:
    """One node and its executor."""

    def __init__(self) -> None:
        self._stopped = False
        self._node: KitNode | None = None
        self._executor: EventsExecutor | None = None

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopped = True
        if self._node is not None:
            self._node.finish(0)

    def run(self, factory: Callable[[], KitNode]) -> int:
        try:
            self._executor = EventsExecutor()
            self._node = node = factory()
            if self._stopped:
                node.finish(0)
            self._executor.add_node(node)
            gc.collect()
            gc.freeze()
            self._executor.spin_until_future_complete(node.finished, timeout_sec=LONG)
            node.on_stop()
            return int(node.finished.result() or 0) if node.finished.done() else CRASHED
        except _MISUSES as error:
            if self._node is None:
                print(f"error: {error}", file=sys.stderr, flush=True)
                return MISUSED
            traceback.print_exc()
            return CRASHED
        except ExternalShutdownException:
            return 0
        except Exception:
            traceback.print_exc()
            return CRASHED

    def clean_up(self, code: int) -> None:
        # The middleware's own threads have been seen to keep a process from ending; what it is to report is known by
        # now, so it ends all the same.
        guard = threading.Timer(PATIENCE, _leave, (code,))
        guard.daemon = True
        guard.start()
        if self._node is not None and self._executor is not None:
            self._executor.remove_node(self._node)
            self._node.destroy_node()
        rclpy.try_shutdown()
        guard.cancel()
        # From here on nothing is left that a launcher's SIGTERM could interrupt.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(code: int) -> None:
    print("error: the middleware did not shut down; leaving it behind", file=sys.stderr, flush=True)
    os._exit(code)
