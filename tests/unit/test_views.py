"""Holds the layouts for Foxglove, RViz and PlotJuggler to the topics that exist and the fields that they have."""

import ast
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy")

from rosidl_parser.definition import AbstractNestedType, BasicType, NamespacedType, UnboundedString

from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES
from pronk_node_kit.topics import SERVICES, TOPICS

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ROOT / "launch" / "views"
SOURCES = ROOT / "ros2_ws" / "src"
FOXGLOVE = sorted(VIEWS.glob("*.foxglove.json"))
RVIZ = sorted(VIEWS.glob("*.rviz"))
PLOTJUGGLER = sorted(VIEWS.glob("*.plotjuggler.xml"))
# What a display or a tool of RViz reads or sends.
RVIZ_TYPES = {
    "rviz_default_plugins/Odometry": "Odometry",
    "rviz_default_plugins/MarkerArray": "MarkerArray",
    "rviz_default_plugins/Pose": "PoseStamped",
    "rviz_default_plugins/SetGoal": "PoseStamped",
}
ROBOT = re.compile(r"^/?(robot_[1-4]/)?")


def files(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


def row_of(name):
    """The row of the topic table that a full name in the default or in a robot's namespace stands for."""
    bare = ROBOT.sub("", name)
    return TOPICS[bare] if bare in TOPICS else TOPICS[f"/{bare}"]


def leaf(message, path):
    """The type at the end of a path of fields."""
    kind = NamespacedType(("x",), "x")
    for step in path:
        assert isinstance(kind, NamespacedType), f"nothing is inside {kind}"
        name, _, index = step.partition("[")
        places = dict(zip(message.get_fields_and_field_types(), message.SLOT_TYPES, strict=True))
        assert name in places, f"{message.__name__} has no field '{name}'"
        kind = places[name]
        assert isinstance(kind, AbstractNestedType) == bool(index), f"'{name}' of {message.__name__}"
        kind = kind.value_type if index else kind
        if isinstance(kind, NamespacedType):
            module = __import__(".".join(kind.namespaces), fromlist=[kind.name])
            message = getattr(module, kind.name)
    return kind


def named_numbers(path):
    """Names of the numbers that a node reports in a dictionary literal, in their order."""
    found = []
    for node in ast.walk(ast.parse((SOURCES / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict):
            names = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            found.append(names)
    return max(found, key=len)


NUMBERS = {
    "controller_state": [
        *named_numbers("pronk_locomotion/pronk_locomotion/mpc_node.py"),
        *(f"contact_{leg}" for leg in ("FL", "FR", "RL", "RR")),
    ],
    "sim_state": named_numbers("pronk_gateway/pronk_gateway/sim_node.py"),
    "safety_state": named_numbers("pronk_navigation/pronk_navigation/cbf_filter_node.py"),
    "joint_states": list(JOINT_NAMES),
    "foot_contacts": list(FOOT_NAMES),
}


def split_topic(path):
    """Split "/a/b.c.d" or "/a/b/c/d" after the longest topic that it begins with."""
    plain = path.lstrip("/")
    name = max((n for n in TOPICS if re.match(rf"{re.escape(n.lstrip('/'))}[./]", plain)), key=len, default=None)
    assert name is not None, f"'{path}' begins with no topic of the table"
    return TOPICS[name], plain[len(name.lstrip("/")) + 1 :]


def test_there_is_a_layout_for_every_viewer():
    assert FOXGLOVE and RVIZ and PLOTJUGGLER
    assert sorted(VIEWS.iterdir()) == sorted([*FOXGLOVE, *RVIZ, *PLOTJUGGLER])


def panels(path):
    return json.loads(path.read_text(encoding="utf-8"))["configById"]


@files(FOXGLOVE)
def test_every_curve_of_foxglove_is_a_number_and_every_transition_a_text(path):
    checked = 0
    for name, panel in panels(path).items():
        for curve in panel.get("paths", ()):
            row, fields = split_topic(curve["value"])
            kind = leaf(row.type, fields.split("."))
            assert isinstance(kind, UnboundedString if name.startswith("StateTransitions!") else BasicType), curve
            checked += 1
    assert checked > 10


@files(FOXGLOVE)
def test_foxglove_takes_numbers_at_the_place_where_the_node_puts_them(path):
    checked = 0
    for panel in panels(path).values():
        for curve in panel.get("paths", ()):
            row, fields = split_topic(curve["value"])
            if place := re.fullmatch(r"(?:position|effort)\[(\d+)\]", fields):
                assert NUMBERS[row.name][int(place[1])] == curve["label"]
                checked += 1
    assert checked > 5


@files(FOXGLOVE)
def test_foxglove_shows_topics_and_calls_services_that_exist(path):
    for panel in panels(path).values():
        for name in [*panel.get("topics", ()), *filter(None, [panel.get("topicToRender")])]:
            assert row_of(name)
        if "serviceName" in panel:
            assert panel["serviceName"].lstrip("/") in SERVICES
            assert SERVICES[panel["serviceName"].lstrip("/")].type.__name__ == "Trigger"
        if "publish" in panel:
            assert row_of(panel["publish"]["poseTopic"]).type.__name__ == "PoseStamped"


@files(FOXGLOVE)
def test_every_panel_of_foxglove_has_its_place_and_every_place_a_panel(path):
    def places(tree):
        return [tree] if isinstance(tree, str) else [*places(tree["first"]), *places(tree["second"])]

    document = json.loads(path.read_text(encoding="utf-8"))
    assert sorted(places(document["layout"])) == sorted(document["configById"])


@files(RVIZ)
def test_every_display_and_tool_of_rviz_has_a_topic_of_its_type(path):
    manager = yaml.safe_load(path.read_text(encoding="utf-8"))["Visualization Manager"]
    shown = [item for item in (*manager["Displays"], *manager["Tools"]) if "Topic" in item]
    assert len(shown) >= 4
    for item in shown:
        row = row_of(item["Topic"]["Value"])
        assert row.type.__name__ == RVIZ_TYPES[item["Class"]], item["Name"]
        # A display that asks for more than the publisher offers shows nothing.
        assert item["Topic"]["Durability Policy"] == ("Transient Local" if row.quality.latched else "Volatile")
        assert item["Topic"]["Reliability Policy"] == "Reliable" and row.quality.reliable


@files(RVIZ)
def test_rviz_looks_at_the_world_in_the_frame_of_the_odometry(path):
    manager = yaml.safe_load(path.read_text(encoding="utf-8"))["Visualization Manager"]
    assert manager["Global Options"]["Fixed Frame"] == "odom"


@files(PLOTJUGGLER)
def test_every_curve_of_plotjuggler_is_a_number_of_a_topic(path):
    curves = [curve.get("name") for curve in ElementTree.parse(path).getroot().iter("curve")]
    assert len(curves) > 20
    for curve in curves:
        row, fields = split_topic(curve)
        if row.type.__name__ == "JointState":
            # PlotJuggler splits joint states by name.
            name, kind = fields.split("/")
            assert name in NUMBERS[row.name] and kind in ("position", "velocity", "effort"), curve
        else:
            assert isinstance(leaf(row.type, fields.split("/")), BasicType), curve


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        ("/odo.pose.pose.position.x", "begins with no topic"),
        ("/odom.pose.position.x", "PoseWithCovariance has no field 'position'"),
        ("/odom.pose.pose.position.x.y", "nothing is inside"),
        ("/joint_states.effort", "'effort' of JointState"),
    ],
)
def test_the_check_finds_wrong_paths(curve, message):
    with pytest.raises(AssertionError, match=re.escape(message)):
        row, fields = split_topic(curve)
        leaf(row.type, fields.split("."))
