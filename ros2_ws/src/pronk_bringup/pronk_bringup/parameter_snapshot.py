"""Asks every node of the graph once for its parameters, without waiting for the answers."""

from collections.abc import Callable

from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.task import Future


class ParameterSnapshot:
    """Collects the parameters of nodes as they appear."""

    def __init__(self, node: Node, found: Callable[[str, dict[str, str]], None]) -> None:
        """Prepare.

        Args:
            node: The node that asks.
            found: Called with the full name of a node and its parameters as text.
        """
        self._node = node
        self._found = found
        self._asked: set[str] = set()

    def look(self) -> None:
        """Ask those nodes that were not there before and whose services are ready."""
        own = self._node.get_fully_qualified_name()
        for name, namespace in self._node.get_node_names_and_namespaces():
            full_name = f"{namespace.rstrip('/')}/{name}"
            if full_name != own and full_name not in self._asked:
                self._ask(full_name)

    def _ask(self, full_name: str) -> None:
        lister = self._node.create_client(ListParameters, f"{full_name}/list_parameters")
        getter = self._node.create_client(GetParameters, f"{full_name}/get_parameters")
        if not (lister.service_is_ready() and getter.service_is_ready()):
            self._node.destroy_client(lister)
            self._node.destroy_client(getter)
            return
        self._asked.add(full_name)

        def listed(future: Future) -> None:
            names = list(future.result().result.names)
            request = GetParameters.Request(names=names)
            getter.call_async(request).add_done_callback(lambda answer: received(names, answer))

        def received(names: list[str], future: Future) -> None:
            values = (parameter_value_to_python(value) for value in future.result().values)
            self._found(full_name, {name: str(value) for name, value in zip(names, values, strict=True)})

        lister.call_async(ListParameters.Request()).add_done_callback(listed)
