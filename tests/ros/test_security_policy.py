"""Holds the policies of SROS2 to what the nodes do: nodes are made as their launch files make them, and asked."""

import ast
import importlib
import inspect
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
import rclpy

from pronk import security
from pronk_bringup.domain import free_domain
from pronk_bringup.expansion import expand
from pronk_node_kit.node import KitNode

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / "launch"
SOURCES = ROOT / "ros2_ws" / "src"
STACKS = ("go2_hardware", "go2_sim")
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
}
# Parameters that change what a node hears; a policy serves every value of them.
VARIANTS = {
    "estimator_node": (("foot_sensors:=true",),),
    "mpc_node": (("estimator:=odom",), ("estimator:=internal", "foot_sensors:=true")),
}
# Enclaves for programs that no launch file starts.
PEOPLE = {"joy_node", "pronk_watch", "operator"}
RIGHTS = {
    "topics": ("topic", ("publish", "subscribe")),
    "services": ("service", ("reply", "request")),
    "actions": ("action", ("call", "execute")),
}

every_stack = pytest.mark.parametrize("stack", STACKS)


def shipped(stack):
    return (LAUNCH / "security" / f"{stack}.policy.xml").read_text(encoding="utf-8")


def complaints(text):
    """What a policy has that the format 0.2.0 does not know, or lacks what it wants."""
    root, found = ElementTree.fromstring(text), []

    def check(element, tag, attributes, optional=()):
        if element.tag != tag:
            found.append(f"<{element.tag}> where <{tag}> belongs")
        missing, extra = set(attributes) - set(element.attrib), set(element.attrib) - set(attributes) - set(optional)
        found.extend(f"<{tag}> without {name}" for name in missing)
        found.extend(f"<{tag}> with {name}" for name in extra)
        if element.tag != tag or tag in ("topic", "service", "action"):
            return ()
        if not len(element):
            found.append(f"<{tag}> is empty")
        return element

    if root.get("version") != "0.2.0":
        found.append(f"version {root.get('version')}")
    (enclaves,) = check(root, "policy", ["version"]) or ([],)
    for enclave in check(enclaves, "enclaves", []):
        for profiles in check(enclave, "enclave", ["path"]):
            for profile in check(profiles, "profiles", []):
                for rules in check(profile, "profile", ["ns", "node"]):
                    if rules.tag not in RIGHTS:
                        found.append(f"<{rules.tag}> in a profile")
                        continue
                    item, rights = RIGHTS[rules.tag]
                    if not rules.attrib or set(rules.attrib.values()) - {"ALLOW", "DENY"}:
                        found.append(f"<{rules.tag}> with {rules.attrib}")
                    for expression in check(rules, rules.tag, [], rights):
                        check(expression, item, [])
                        if not (expression.text or "").strip():
                            found.append(f"<{item}> without a name")
    return found


def rights(text):
    """Full names by enclave's last part and right."""
    granted = {}
    for enclave in ElementTree.fromstring(text).iter("enclave"):
        own = granted.setdefault(enclave.get("path").rpartition("/")[2], {})
        for profile in enclave.iter("profile"):
            base = profile.get("ns").rstrip("/")
            for rules in profile:
                for right, qualifier in rules.attrib.items():
                    assert qualifier == "ALLOW"
                    for expression in rules:
                        name = expression.text
                        if name.startswith("~"):
                            name = f"{base}/{profile.get('node')}{name[1:]}"
                        own.setdefault(right, set()).add(name if name.startswith("/") else f"{base}/{name}")
    return granted


def processes(stack, folder):
    for file, arguments in RUNS[stack]:
        yield from expand(LAUNCH / f"{file}.launch.yaml", arguments, folder)


def what_a_node_does(command):
    """Make a node as its process would, and ask ROS which endpoints it has."""
    module = importlib.import_module(command[command.index("-m") + 1])
    (cls,) = [
        c
        for _, c in inspect.getmembers(module, inspect.isclass)
        if issubclass(c, KitNode) and c.__module__ == module.__name__
    ]
    rclpy.init(args=["node", *command[command.index("-m") + 2 :]])
    try:
        node = cls()
        own = (node.get_name(), node.get_namespace())
        done = {
            "publish": node.get_publisher_names_and_types_by_node(*own),
            "subscribe": node.get_subscriber_names_and_types_by_node(*own),
            "reply": node.get_service_names_and_types_by_node(*own),
            "request": node.get_client_names_and_types_by_node(*own),
        }
        node.on_stop()
        node.destroy_node()
    finally:
        rclpy.shutdown()
    return own[0], {right: {name for name, _ in found} for right, found in done.items()}


@pytest.fixture(scope="module")
def done(compiled_kernels, tmp_path_factory):
    """What every node of every stack does, over all ways to start it; each different command is run once."""
    folder = tmp_path_factory.mktemp("nodes")
    before, place = dict(os.environ), os.getcwd()
    os.environ.update(ROS_DOMAIN_ID=str(free_domain()), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    os.chdir(folder)
    found, known = {stack: {} for stack in STACKS}, {}
    try:
        for stack in STACKS:
            for number, process in enumerate(processes(stack, folder)):
                bag = [f"output:={folder / f'{stack}_{number}'}"] if process.label == "recorder_node" else []
                for variant in ((), *VARIANTS.get(process.label, ())):
                    words = [*process.command, *(word for setting in (*bag, *variant) for word in ("-p", setting))]
                    # Parameters stand in files that every expansion writes anew.
                    key = tuple(Path(word).read_text() if word.endswith(".yaml") else word for word in words)
                    if key not in known:
                        known[key] = what_a_node_does(words)
                    name, endpoints = known[key]
                    own = found[stack].setdefault(name, {})
                    for right, names in endpoints.items():
                        own.setdefault(right, set()).update(names)
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)
    return found


@every_stack
def test_a_policy_is_what_the_table_of_grants_says(stack):
    assert shipped(stack) == security.policy(stack), "run: python -m pronk.security"


@every_stack
def test_a_policy_has_the_structure_of_the_format(stack):
    assert complaints(shipped(stack)) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('version="0.2.0"', 'version="0.1.0"', "version 0.1.0"),
        ("enclave path=", "enclave name=", "<enclave> without path"),
        ('publish="ALLOW"', 'publish="allow"', "<topics> with {'publish': 'allow'}"),
        ('publish="ALLOW"', 'reply="ALLOW"', "<topics> with reply"),
        ("<topic>odom</topic>", "<topic></topic>", "<topic> without a name"),
        ("<topic>odom</topic>", "<service>odom</service>", "<service> where <topic> belongs"),
    ],
)
def test_the_check_of_the_structure_finds_what_is_wrong(old, new, complaint):
    text = shipped("go2_sim")
    assert old in text and complaint in complaints(text.replace(old, new))


@pytest.mark.timeout(600)
@every_stack
def test_every_node_may_do_what_it_does_and_nothing_else(stack, done):
    granted = rights(shipped(stack))
    assert set(granted) - PEOPLE == set(done[stack])
    for node, endpoints in done[stack].items():
        if node == "recorder_node":
            # It asks the nodes for their parameters when they appear.
            asked = {f"/{other}/{verb}_parameters" for other in set(done[stack]) - {node} for verb in ("get", "list")}
            endpoints = {**endpoints, "request": asked}
        assert granted[node] == {right: names for right, names in endpoints.items() if names}, node


@every_stack
def test_every_process_of_a_launch_file_has_an_enclave_of_its_own(stack, tmp_path):
    paths = {e.get("path") for e in ElementTree.fromstring(shipped(stack)).iter("enclave")}
    for process in processes(stack, tmp_path):
        enclave = process.command[process.command.index("--enclave") + 1]
        assert enclave in paths and enclave.endswith(f"/{process.label}")


@pytest.mark.parametrize(
    ("stack", "right", "name", "allowed"),
    [
        ("go2_hardware", "publish", "/motor_commands", {"gatekeeper_node"}),
        ("go2_hardware", "publish", "/joint_commands", {"mpc_node"}),
        ("go2_hardware", "publish", "/lowcmd", {"go2_node"}),
        ("go2_hardware", "publish", "/api/motion_switcher/request", {"go2_node"}),
        ("go2_hardware", "publish", "/joint_states", {"go2_node"}),
        ("go2_hardware", "publish", "/imu/data", {"go2_node"}),
        ("go2_hardware", "publish", "/odom", {"estimator_node"}),
        ("go2_hardware", "publish", "/foot_contacts", {"estimator_node"}),
        ("go2_hardware", "publish", "/lowstate", set()),
        ("go2_hardware", "publish", "/clock", set()),
        ("go2_hardware", "publish", "/cmd_vel", {"teleop_node", "operator"}),
        ("go2_hardware", "publish", "/body_command", {"teleop_node", "operator"}),
        ("go2_hardware", "request", "/arm", {"teleop_node", "operator"}),
        ("go2_hardware", "request", "/release", {"operator"}),
        ("go2_hardware", "request", "/stop", {"go2_node", "teleop_node", "operator"}),
        ("go2_hardware", "request", "/go2_node/take", {"operator"}),
        ("go2_hardware", "reply", "/arm", {"gatekeeper_node"}),
        ("go2_hardware", "reply", "/stop", {"gatekeeper_node"}),
        ("go2_sim", "publish", "/motor_commands", {"gatekeeper_node"}),
        ("go2_sim", "publish", "/joint_commands", {"mpc_node"}),
        ("go2_sim", "publish", "/clock", {"sim_node"}),
        ("go2_sim", "publish", "/lowstate", {"fake_go2_node"}),
    ],
)
def test_nobody_else_may_do_what_moves_the_motors(stack, right, name, allowed):
    assert {node for node, own in rights(shipped(stack)).items() if name in own.get(right, ())} == allowed


@every_stack
def test_nobody_may_change_parameters_and_wildcards_only_name_the_tools_of_ros(stack):
    for own in rights(shipped(stack)).values():
        assert not [name for name in own.get("request", ()) if "set_parameters" in name]
        for right, names in own.items():
            wild = [name for name in names if set("*?[") & set(name)]
            assert right == "reply" or not wild
            assert all(name.startswith(("/_ros2cli_*/", "/rviz*/", "/foxglove_bridge*/", "/rqt_*/")) for name in wild)


def test_the_governance_of_a_go2_opens_the_topics_of_the_vendor_and_no_other_ones():
    text = (LAUNCH / "security" / "go2.governance.xml").read_text(encoding="utf-8")
    assert text == security.governance(), "run: python -m pronk.security"
    (rule,) = ElementTree.fromstring(text).iter("domain_rule")
    assert rule.findtext("enable_join_access_control") == "true"
    assert rule.findtext("discovery_protection_kind") == "ENCRYPT"
    *opened, rest = rule.iter("topic_rule")
    services = {f"rt/api/{name}/{way}" for name in ("sport", "motion_switcher") for way in ("request", "response")}
    assert {one.findtext("topic_expression") for one in opened} == {"rt/lowstate", "rt/lowcmd", *services}
    assert {child.text for one in opened for child in one[1:]} == {"false", "NONE"}
    assert [child.text for child in rest] == ["*", *["true"] * 4, *["ENCRYPT"] * 2]


def calls_outside_constructors(tree):
    """Endpoints that a node of a module makes later than its constructor, where the test above cannot see them."""
    makers = {"create_publisher", "create_subscription", "create_service", "create_client"}
    for cls in (n for n in tree.body if isinstance(n, ast.ClassDef)):
        for method in (n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name != "__init__"):
            for call in (n for n in ast.walk(method) if isinstance(n, ast.Call)):
                called = call.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                if name in makers:
                    yield f"{method.name} calls {name}"


@pytest.mark.parametrize(
    "node", sorted({grant.node for grants in security.GRANTS.values() for grant in grants} - PEOPLE - {"recorder_node"})
)
def test_a_node_makes_its_endpoints_in_its_constructor(node):
    (path,) = SOURCES.glob(f"*/*/{node}.py")
    assert list(calls_outside_constructors(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_later_endpoints_are_found():
    (path,) = SOURCES.glob("*/*/recorder_node.py")
    assert "_subscribe calls create_subscription" in list(calls_outside_constructors(ast.parse(path.read_text())))


def test_a_stack_in_a_namespace_has_a_policy_of_its_own():
    here, there = security.policy("go2_hardware"), security.policy("go2_hardware", "/robot_1", "/pronk/robot_1")
    assert 'enclave path="/pronk/robot_1/mpc_node"' in there
    fixed = {"/diagnostics", "/rosout", "/parameter_events", "/lowcmd", "/lowstate", "/clock"}
    for node, own in rights(here).items():
        for right, names in own.items():
            expected = {n if n in fixed or n.startswith("/api/") or "*" in n else f"/robot_1{n}" for n in names}
            assert rights(there)[node][right] == expected


@pytest.mark.parametrize("namespace", ["robot_1", "/robot-1", "/a//b", "", "/*"])
def test_a_namespace_that_ros_does_not_allow_is_refused(namespace, capsys, tmp_path):
    assert security.main([f"--namespace={namespace}", f"--out={tmp_path / 'out'}"]) == 2
    assert capsys.readouterr().err == (
        f"error: namespace must be '/' or names that begin with '/', such as '/robot_1'; got '{namespace}'\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.timeout(200)
def test_a_node_that_is_to_be_secured_does_not_run_without_its_keys(start, tmp_path):
    secured = {
        "ROS_SECURITY_ENABLE": "true",
        "ROS_SECURITY_STRATEGY": "Enforce",
        "ROS_SECURITY_KEYSTORE": str(tmp_path / "keystore"),
    }
    words = ("-m", "pronk_locomotion.estimator_node", "--ros-args", "--enclave", "/pronk/estimator_node")
    node = start(*words, environment=secured)
    assert node.wait(120.0) == 2
    assert f"SECURITY ERROR: directory '{tmp_path}/keystore/enclaves/pronk/estimator_node' does not exist" in node.text
    assert "ready" not in node.text
