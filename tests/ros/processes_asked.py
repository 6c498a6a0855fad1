"""Makes the nodes of a stack as its launch files make them, one after the other, and asks ROS what they do."""

import importlib
import inspect
import tempfile
import time
from pathlib import Path

import rclpy
from conftest import ROOT

from pronk_bringup.expansion import expand
from pronk_bringup.recorder_node import message_class
from pronk_node_kit.node import KitNode

LAUNCH = ROOT / "launch"
# Each way to start what a policy is for: launch file and arguments.
RUNS = {
    "go2_hardware": (
        ("go2_hardware", {"dry_run": "true"}),
        ("go2_hardware", {"dry_run": "false"}),
        ("teleop", {}),
    ),
    "go2_sim": (
        ("go2_sim", {}),
        ("go2_hardware", {"backend": "fake_go2"}),
        ("go2_hardware", {"backend": "fake_go2", "dry_run": "true"}),
        ("teleop", {"use_sim_time": "true"}),
    ),
    # Which planner thinks and which judge looks is no matter of topics; these load no weights.
    "multi_agent_sim": (("multi_agent_sim", {}),),
    "full_stack_sim": (("full_stack_sim", {"planner": "straight", "judge": "pixels"}),),
    "video_planner_sim": (
        ("video_planner_sim", {"planner": "straight", "judge": "clock"}),
        (
            "video_planner_sim",
            {"world": "arena", "task": "red-box", "views": "[top]", "planner": "perfect", "judge": "pixels"},
        ),
    ),
}
# What makes a node lighter and leaves its topics as they are.
LIGHTER = {"world_node": ("show_goal:=false", "size:=8")}
# Parameters that change what a node hears; a policy serves every value of them.
GO2_VARIANTS = {
    "estimator_node": (("foot_sensors:=true",),),
    "mpc_node": (("estimator:=odom",), ("estimator:=internal", "foot_sensors:=true")),
}
VARIANTS = {"go2_hardware": GO2_VARIANTS, "go2_sim": GO2_VARIANTS}
ACTION = "/_action/"
SERVICES_OF_AN_ACTION, TOPICS_OF_AN_ACTION = {"send_goal", "cancel_goal", "get_result"}, {"feedback", "status"}


def processes(stack, folder):
    """Every process of every way to start a stack; their parameters stand in files below a folder."""
    for number, (file, arguments) in enumerate(RUNS[stack]):
        own = folder / f"{stack}_{number}"
        own.mkdir()
        yield from expand(LAUNCH / f"{file}.launch.yaml", arguments, own)


def what_a_node_does(command, said=None):
    """Make a node as its process would, and ask ROS which endpoints it has.

    A recorder listens to what it finds, so it is made beside a node that publishes what the others say.
    """
    module = importlib.import_module(command[command.index("-m") + 1])
    (cls,) = [
        c
        for _, c in inspect.getmembers(module, inspect.isclass)
        if issubclass(c, KitNode) and c.__module__ == module.__name__
    ]
    rclpy.init(args=["node", *command[command.index("-m") + 2 :]])
    try:
        if said:
            others = rclpy.create_node("others", use_global_arguments=False)
            for name, kind in said.items():
                others.create_publisher(message_class(kind), name, 1)
        node = cls()
        own = (node.get_name(), node.get_namespace())
        if said:
            until = time.monotonic() + 30.0
            while any(node.count_publishers(name) == 0 for name in said) and time.monotonic() < until:
                time.sleep(0.05)
            node._discover()
        done = {
            "publish": dict(node.get_publisher_names_and_types_by_node(*own)),
            "subscribe": dict(node.get_subscriber_names_and_types_by_node(*own)),
            "reply": dict(node.get_service_names_and_types_by_node(*own)),
            "request": dict(node.get_client_names_and_types_by_node(*own)),
        }
        node.on_stop()
        node.destroy_node()
    finally:
        rclpy.shutdown()
    return node_path(*own), done


def node_path(name, namespace):
    return f"{namespace}/{name}".lstrip("/")


def with_actions(endpoints):
    """Put the right to serve an action in place of the topics and services that ROS makes of it."""
    endpoints = {right: set(names) for right, names in endpoints.items()}
    served = {name.partition(ACTION)[0] for name in endpoints["reply"] if ACTION in name}
    for action in served:
        for right, parts in (("reply", SERVICES_OF_AN_ACTION), ("publish", TOPICS_OF_AN_ACTION)):
            made = {action + ACTION + part for part in parts}
            assert made <= endpoints[right]
            endpoints[right] -= made
    return {**endpoints, "execute": served}


def ways_to_start(stack, folder):
    """Every process of a stack with every variant of it, the recorder last: all words of its command."""
    every = sorted(processes(stack, folder), key=lambda process: process.label == "recorder_node")
    for number, process in enumerate(every):
        bag = (f"output:={folder / f'{stack}_bag_{number}'}",) if process.label == "recorder_node" else ()
        for variant in ((), *VARIANTS.get(stack, {}).get(process.label, ())):
            settings = (*bag, *LIGHTER.get(process.label, ()), *variant)
            yield process, [*process.command, *(word for setting in settings for word in ("-p", setting))]


def what_a_stack_does(stack, known):
    """Names that each node of a stack has, by the node's path and by right.

    Args:
        stack: A key of RUNS.
        known: What nodes of other stacks have said, by their commands; is added to.
    """
    folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
    found, said = {}, {}
    for process, words in ways_to_start(stack, folder):
        recorder = process.label == "recorder_node"
        # Parameters stand in files.
        key = tuple(Path(word).read_text() if word.endswith(".yaml") else word for word in words)
        if key not in known:
            known[key] = what_a_node_does(words, said if recorder else None)
        path, endpoints = known[key]
        own = found.setdefault(path, {})
        said.update({name: kinds[0] for name, kinds in endpoints["publish"].items() if ACTION not in name})
        for right, names in with_actions(endpoints).items():
            own.setdefault(right, set()).update(names)
    return found
