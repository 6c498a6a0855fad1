"""The base of Pronk's nodes."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from rclpy.node import Node
from rclpy.task import Future

from pronk_node_kit.diagnostics import Diagnostics
from pronk_node_kit.parameters import declare


@dataclass(frozen=True)
class NoParameters:
    """Parameters of a node that has none."""


class KitNode(Node):
    """A node with checked parameters, diagnostics and an orderly end.

    Attributes:
        Parameters: Dataclass of the node's parameters; subclasses set their own.
        parameters: Values in force.
        diagnostics: Health of the node.
    """

    Parameters: ClassVar[type] = NoParameters

    def __init__(self, name: str, **options: Any) -> None:
        """Declare the parameters and start the diagnostics.

        Args:
            name: Name of the node, unless it is remapped.
            options: Passed on to rclpy's node.

        Raises:
            ParameterError: A parameter is unknown or not allowed.
        """
        super().__init__(name, **options)
        self.finished: Future = Future()
        self.parameters: Any = declare(self, self.Parameters, self.on_parameters)
        self.diagnostics = Diagnostics(self)

    def finish(self, exit_code: int = 0) -> None:
        """End the process after the current callback.

        Args:
            exit_code: Exit code of the process.
        """
        if not self.finished.done():
            self.finished.set_result(exit_code)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Have the executor call something between other callbacks; may be called from any thread.

        Args:
            callback: What to call. It is not called where the node does not spin; an exception of it ends the process.
        """

        def call() -> None:
            try:
                callback()
            except Exception:
                # The events executor does not survive exceptions of tasks.
                traceback.print_exc()
                self.finish(1)

        # The events executor knows no guard conditions.
        if self.executor is not None and not self.finished.done():
            self.executor.create_task(call)

    def on_parameters(self, parameters: Any) -> None:
        """Take parameters that were changed while the node runs; subclasses with such parameters override this.

        Args:
            parameters: The new values.
        """
        self.parameters = parameters

    def on_stop(self) -> None:
        """Do last things, such as a last message; called once, while publishers still work."""
