"""Holds the shipped launch files to what the nodes and the topic table really offer."""

import dataclasses
import importlib
import inspect
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy")

from pronk_bringup.expansion import declared_arguments, expand
from pronk_bringup.launch_file import read_launch_file
from pronk_node_kit.node import KitNode
from pronk_node_kit.parameters import BUILT_IN
from pronk_node_kit.topics import TOPICS
from sim.team_scenarios import crossing, errands

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
FILES = sorted(LAUNCH.glob("*.launch.yaml"))
PROFILES = sorted((LAUNCH / "recording").glob("*.yaml"))

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def nodes(entities):
    for entity in entities:
        if entity.tag == "node":
            yield entity.values
        elif entity.tag == "group":
            yield from nodes(entity.values["children"])


def parameters_of(package, executable):
    """Names of the parameters that a node declares."""
    module = importlib.import_module(f"{package}.{executable}")
    assert callable(module.main)
    own = [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, KitNode) and cls.__module__ == module.__name__
    ]
    (node,) = own
    return {field.name for field in dataclasses.fields(node.Parameters)} | set(BUILT_IN)


def test_there_are_launch_files_and_profiles():
    assert FILES and PROFILES


@every_file
def test_a_launch_file_is_accepted_by_the_strict_parser_and_expands_with_its_defaults(path, tmp_path):
    required = {a.name: "x" for a in declared_arguments(path) if a.default is None}
    every = list(nodes(read_launch_file(path)))
    conditional = [node for node in every if "if" in node or "unless" in node]
    assert len(every) - len(conditional) <= len(expand(path, required, tmp_path)) <= len(every)


@pytest.mark.parametrize(
    ("backend", "fakes", "dry", "reach"), [("go2", 0, True, "SUBNET"), ("fake_go2", 1, False, "LOCALHOST")]
)
def test_only_the_backend_makes_the_difference_between_a_robot_and_a_fake(backend, fakes, dry, reach, tmp_path):
    processes = expand(LAUNCH / "go2_hardware.launch.yaml", {"backend": backend}, tmp_path)
    labels = [process.label for process in processes]
    assert labels.count("fake_go2_node") == fakes and len(labels) == 5 + fakes
    driver = next(process for process in processes if process.label == "go2_node")
    given = {}
    for word in driver.command:
        if word.endswith(".yaml"):
            tree = yaml.safe_load(Path(word).read_text(encoding="utf-8"))
            given.update(tree.get("/go2_node", tree.get("go2_node", {})).get("ros__parameters", {}))
    assert given["dry_run"] is dry
    assert {process.environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] for process in processes} == {reach}


def test_a_robot_is_never_armed_by_a_parameter_file():
    tree = yaml.safe_load((LAUNCH / "params" / "go2.yaml").read_text(encoding="utf-8"))
    assert tree["/**/gatekeeper_node"]["ros__parameters"]["auto_arm"] is False
    assert "dry_run" not in tree["/**/go2_node"]["ros__parameters"]


@every_file
def test_a_launch_file_sets_only_parameters_that_its_nodes_declare(path):
    for node in nodes(read_launch_file(path)):
        known = parameters_of(node["pkg"], node["exec"])
        for parameter in node.get("param", ()):
            assert "from" in parameter or parameter["name"] in known, (node["exec"], parameter)


@every_file
def test_every_launch_argument_has_a_description(path):
    for argument in declared_arguments(path):
        assert argument.description.endswith(".") and argument.description != "no description", argument.name


@every_file
def test_every_launch_argument_is_used(path):
    text = path.read_text(encoding="utf-8")
    assert [a.name for a in declared_arguments(path) if f"$(var {a.name})" not in text] == []


@every_file
def test_a_launch_file_shuts_down_with_the_nodes_that_the_loop_needs(path):
    ending = {node["exec"] for node in nodes(read_launch_file(path)) if "on_exit" in node}
    others = {node["exec"] for node in nodes(read_launch_file(path))} - {"recorder_node"}
    assert ending == others


@pytest.mark.parametrize("path", sorted((LAUNCH / "params").glob("*.yaml")), ids=lambda path: path.name)
def test_a_parameter_file_names_only_nodes_and_parameters_that_exist(path):
    programs = {n["name"]: (n["pkg"], n["exec"]) for file in FILES for n in nodes(read_launch_file(file))}
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    for pattern, content in tree.items():
        name = pattern.rpartition("/")[2]
        assert name in programs, f"{pattern} matches no node of any launch file"
        # With the wildcard the file also serves launches in a namespace.
        assert pattern == f"/**/{name}"
        assert set(content) == {"ros__parameters"}
        assert set(content["ros__parameters"]) <= parameters_of(*programs[name]), pattern


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize(("file", "make"), [("multi_agent_sim", crossing), ("full_stack_sim", errands)])
def test_the_filter_of_a_team_knows_its_robots_and_the_posts_of_the_scenario(file, make, seed):
    tree = yaml.safe_load((LAUNCH / "params" / f"{file}.yaml").read_text(encoding="utf-8"))
    told = tree["/**/cbf_filter_node"]["ros__parameters"]
    scenario = make(seed=seed)
    assert told["robots"] == [place.name for place in scenario.places]
    posts = [(*post.corners[0].tolist(), post.radius) for post in scenario.obstacles]
    assert [tuple(told["discs"][i : i + 3]) for i in range(0, len(told["discs"]), 3)] == posts


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_a_recording_profile_names_only_topics_of_the_table_and_each_once(path):
    topics = yaml.safe_load(path.read_text(encoding="utf-8"))["topics"]
    assert set(topics) <= set(TOPICS) and len(set(topics)) == len(topics)
