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
            values = future.result().values
            if len(values) == len(names):
                texts = (str(parameter_value_to_python(value)) for value in values)
                self._found(full_name, dict(zip(names, texts, strict=True)))
            else:
                # A node answers nothing at all when one of them, such as an empty list, was never set.
                one_by_one(names, {})

        def one_by_one(names: list[str], texts: dict[str, str]) -> None:
            if len(texts) == len(names):
                self._found(full_name, texts)
                return
            name = names[len(texts)]

            def answered(future: Future) -> None:
                values = future.result().values
                text = str(parameter_value_to_python(values[0])) if values else "not set"
                one_by_one(names, {**texts, name: text})

            getter.call_async(GetParameters.Request(names=[name])).add_done_callback(answered)

        lister.call_async(ListParameters.Request()).add_done_callback(listed)
