"""The base of nodes that load weights or cause motion: they are configured and activated before they act.

`ros2 lifecycle set /planner_node activate` and managers such as nav2's drive such a node; with `autostart` it goes
through both transitions by itself. rclpy holds back publishers of an inactive node only, so subclasses ask `active`.
"""

import traceback
from dataclasses import dataclass
from typing import Any

from rclpy.lifecycle.node import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn

from controllers.errors import ControlError
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import param


@dataclass(frozen=True)
class LifecycleParameters:
    """Parameters of every node with a lifecycle."""

    autostart: bool = param(True, "Configure and activate at once; else wait for a lifecycle manager.")


class LifecycleKitNode(LifecycleNodeMixin, KitNode):
    """A kit node that is also a managed node of ROS 2.

    Attributes:
        active: Whether it may act.
    """

    Parameters = LifecycleParameters

    def __init__(self, name: str, **options: Any) -> None:
        """Declare parameters and offer the transitions.

        Args:
            name: Name of the node, unless it is remapped.
            options: Passed on to rclpy's node.

        Raises:
            ParameterError: A parameter is unknown or not allowed.
        """
        KitNode.__init__(self, name, **options)
        self.active = False
        self._failure: ControlError | None = None
        LifecycleNodeMixin.__init__(self)
        self.diagnostics.value("lifecycle", lambda: self._state_machine.current_state[1])

    def start(self) -> None:
        """Go through the first transitions where nobody else manages this node; the last line of a constructor.

        Raises:
            ControlError: It cannot be configured.
        """
        if not self.parameters.autostart:
            self.get_logger().info("waits to be configured and activated")
            return
        if self.trigger_configure() != TransitionCallbackReturn.SUCCESS:
            raise self._failure or ControlError(f"node '{self.get_name()}' cannot be configured")
        self.trigger_activate()

    # What subclasses do.

    def configure(self) -> None:
        """Load what is needed to act.

        Raises:
            ControlError: It is missing or damaged.
        """

    def activate(self) -> None:
        """Begin to act."""

    def deactivate(self) -> None:
        """Cease to act."""

    def clean_up(self) -> None:
        """Give back what `configure` loaded."""

    # What rclpy calls.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure; a node that cannot be stays unconfigured and says why."""
        try:
            self.configure()
        except ControlError as error:
            self._failure = error
            self.get_logger().error(f"cannot be configured: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception:
            # rclpy would keep the reason to itself.
            self.get_logger().error(f"cannot be configured:\n{traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate."""
        self.active = True
        self.activate()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate."""
        self._cease()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give back what was loaded."""
        self.clean_up()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End the process."""
        self._cease()
        self.finish()
        return super().on_shutdown(state)

    def on_stop(self) -> None:
        """Leave nothing running when the process ends."""
        self._cease()
        self.clean_up()

    def _cease(self) -> None:
        if self.active:
            self.active = False
            self.deactivate()
