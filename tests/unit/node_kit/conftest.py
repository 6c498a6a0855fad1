import itertools
import os

import pytest

pytest.importorskip("rclpy")


@pytest.fixture(scope="session")
def ros_context():
    """A ROS context in a domain of its own."""
    from rclpy.context import Context

    from pronk_bringup.domain import free_domain

    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    context = Context()
    context.init(domain_id=free_domain())
    yield context
    context.try_shutdown()


@pytest.fixture
def make_node(ros_context):
    """Make nodes that are destroyed after the test; keyword arguments are parameter overrides."""
    from rclpy.node import Node
    from rclpy.parameter import Parameter

    nodes = []
    numbers = itertools.count()

    def make(cls=Node, **overrides):
        parameters = [Parameter(name.replace("__", "."), value=value) for name, value in overrides.items()]
        node = cls(f"node_{next(numbers)}", context=ros_context, parameter_overrides=parameters)
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        node.destroy_node()
