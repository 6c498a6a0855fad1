"""Holds the policies of SROS2 to what the nodes do: nodes are made as their launch files make them, and asked."""

import ast
import os
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from processes_asked import RUNS, what_a_stack_does

from pronk import security
from pronk_bringup.domain import free_domain
from pronk_bringup.expansion import expand

pytestmark = pytest.mark.shared

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / "launch"
SOURCES = ROOT / "ros2_ws" / "src"
TEAMS = ("multi_agent_sim", "full_stack_sim")
STACKS = ("go2_hardware", "go2_sim", *TEAMS, "video_planner_sim")
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


def rights(text, enclaves="/pronk"):
    """Full names by the enclave's path below that of the stack, and by right."""
    granted = {}
    for enclave in ElementTree.fromstring(text).iter("enclave"):
        path = enclave.get("path")
        assert path.startswith(f"{enclaves}/")
        assert path.removeprefix(f"{enclaves}/") not in granted, "two processes share an enclave"
        own = granted[path.removeprefix(f"{enclaves}/")] = {}
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


@pytest.fixture(scope="module")
def done(compiled_kernels, tmp_path_factory):
    """Tells what every node of a stack does, over all ways to start it; each different command is run once."""
    before, place = dict(os.environ), os.getcwd()
    os.environ.update(ROS_DOMAIN_ID=str(free_domain()), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    os.chdir(tmp_path_factory.mktemp("nodes"))
    known = {}
    try:
        yield cache(lambda stack: what_a_stack_does(stack, known))
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)


def needs(stack):
    if stack == "video_planner_sim":
        pytest.importorskip("metaworld", reason="metaworld is not installed")


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
    needs(stack)
    granted, found = rights(shipped(stack)), done(stack)
    assert set(granted) - PEOPLE == set(found)
    for node, endpoints in found.items():
        if node == "recorder_node":
            # It asks the nodes for their parameters when they appear.
            asked = {f"/{other}/{verb}_parameters" for other in set(found) - {node} for verb in ("get", "list")}
            endpoints = {**endpoints, "request": asked}
        assert granted[node] == {right: names for right, names in endpoints.items() if names}, node


@pytest.mark.timeout(600)
@pytest.mark.parametrize("stack", [*TEAMS, "video_planner_sim"])
def test_people_hear_everything_that_a_stack_says_and_command_only_what_it_hears(stack, done):
    needs(stack)
    granted, found = rights(shipped(stack)), done(stack)

    def every(right):
        return set().union(*(own[right] for own in found.values()))

    quiet = {name for name in every("publish") if name.endswith("/transition_event")}
    for person in ("pronk_watch", "operator"):
        assert granted[person]["subscribe"] == (every("publish") - quiet) | {"/parameter_events"}
    operator = granted["operator"]
    assert operator.get("publish", set()) - {"/diagnostics", "/rosout", "/parameter_events"} <= every("subscribe")
    assert operator["request"] <= every("reply") and operator.get("call", set()) == every("execute")


@every_stack
def test_every_process_of_a_launch_file_has_an_enclave_of_its_own(stack, tmp_path):
    paths = {e.get("path") for e in ElementTree.fromstring(shipped(stack)).iter("enclave")}
    for file, arguments in RUNS[stack]:
        every = expand(LAUNCH / f"{file}.launch.yaml", arguments, tmp_path)
        own = [process.command[process.command.index("--enclave") + 1] for process in every]
        assert own == [f"/pronk/{process.label}" for process in every]
        assert len(set(own)) == len(own) and set(own) <= paths


TEAM_ROWS = (
    ("publish", "/robot_1/motor_commands", {"robot_1/gatekeeper_node"}),
    ("publish", "/robot_1/joint_commands", {"robot_1/mpc_node"}),
    ("publish", "/robot_1/cmd_vel", {"cbf_filter_node"}),
    ("publish", "/robot_1/body_command", {"team_sim_node"}),
    ("publish", "/robot_1/joint_states", {"team_sim_node"}),
    ("publish", "/robot_1/ground_truth/odom", {"team_sim_node"}),
    ("publish", "/clock", {"team_sim_node"}),
    ("publish", "/motor_commands", set()),
    ("request", "/robot_1/arm", {"operator"}),
    ("request", "/robot_1/disarm", {"team_sim_node", "operator"}),
    ("request", "/robot_1/release", {"operator"}),
    ("reply", "/robot_1/stop", {"robot_1/gatekeeper_node"}),
)


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
        *((team, *row) for team in TEAMS for row in TEAM_ROWS),
        ("multi_agent_sim", "publish", "/robot_1/goal_pose", {"team_sim_node"}),
        ("full_stack_sim", "publish", "/robot_1/goal_pose", {"robot_1/planner_node"}),
        ("full_stack_sim", "publish", "/robot_1/task_judgement", {"robot_1/reward_node"}),
        (
            *("full_stack_sim", "publish", "/robot_1/instruction"),
            {"team_sim_node", "robot_1/planner_node", "operator"},
        ),
        ("full_stack_sim", "execute", "/robot_1/execute_task", {"robot_1/planner_node"}),
        ("full_stack_sim", "call", "/robot_1/execute_task", {"operator"}),
        ("full_stack_sim", "request", "/robot_1/planner_node/change_state", {"operator"}),
        ("video_planner_sim", "publish", "/effector_step", {"planner_node"}),
        ("video_planner_sim", "publish", "/clock", {"world_node"}),
        ("video_planner_sim", "publish", "/effector_pose", {"world_node"}),
        ("video_planner_sim", "publish", "/instruction", {"world_node", "planner_node", "operator"}),
        ("video_planner_sim", "call", "/execute_task", {"operator"}),
        ("video_planner_sim", "request", "/reset", {"operator"}),
    ],
)
def test_nobody_else_may_do_what_moves_the_motors(stack, right, name, allowed):
    assert {node for node, own in rights(shipped(stack)).items() if name in own.get(right, ())} == allowed


@pytest.mark.parametrize("stack", TEAMS)
def test_what_belongs_to_one_robot_has_no_right_at_another(stack):
    granted = rights(shipped(stack))
    robots = {path.partition("/")[0] for path in granted if "/" in path}
    assert len(robots) == {"multi_agent_sim": 4, "full_stack_sim": 2}[stack]
    for path, own in granted.items():
        robot, inside, _ = path.partition("/")
        if inside:
            others = tuple(f"/{other}/" for other in robots - {robot})
            assert not [name for names in own.values() for name in names if name.startswith(others)]


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


def later(cls):
    """Methods of a class that may run after its constructor: all but those that only the constructor calls."""
    methods = {n.name: n for n in cls.body if isinstance(n, ast.FunctionDef)}
    # Those with a lifecycle are configured in their constructor.
    managed = any(getattr(base, "id", "") == "LifecycleKitNode" for base in cls.bases)
    early = {"__init__", "configure"} if managed else {"__init__"}

    def is_own(node):
        return isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self" and node.attr in methods

    # A method that is handed on, or called in a function within a function, is called who knows when.
    uses = {name: set() for name in methods}
    for name, method in methods.items():
        inner = [n for n in ast.walk(method) if isinstance(n, ast.Lambda | ast.FunctionDef) and n is not method]
        deferred = {id(n) for function in inner for n in ast.walk(function)}
        at_once = {id(n.func) for n in ast.walk(method) if isinstance(n, ast.Call)} - deferred
        for node in filter(is_own, ast.walk(method)):
            uses[node.attr].add(name if id(node) in at_once else "handed on")
    while more := {name for name, users in uses.items() if users and users <= early} - early:
        early |= more
    return [method for name, method in methods.items() if name not in early]


def calls_outside_constructors(tree):
    """Endpoints that a node of a module makes later than its constructor, where the test above cannot see them."""
    makers = {"create_publisher", "create_subscription", "create_service", "create_client", "ActionServer"}
    for cls in (n for n in tree.body if isinstance(n, ast.ClassDef)):
        for method in later(cls):
            for call in (n for n in ast.walk(method) if isinstance(n, ast.Call)):
                called = call.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                if name in makers:
                    yield f"{method.name} calls {name}"


@pytest.mark.parametrize(
    "node",
    sorted(
        {grant.node for grants in security.GRANTS.values() for grant in grants} - PEOPLE - {"recorder_node"}
        | {"errand_desk"}
    ),
)
def test_a_node_makes_its_endpoints_in_its_constructor(node):
    (path,) = SOURCES.glob(f"*/*/{node}.py")
    assert list(calls_outside_constructors(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_later_endpoints_are_found():
    (path,) = SOURCES.glob("*/*/recorder_node.py")
    assert "_subscribe calls create_subscription" in list(calls_outside_constructors(ast.parse(path.read_text())))
    handed_on = "class N:\n def __init__(self):\n  {}\n def make(self):\n  self.create_client(T, 'x')\n"
    for text, found in (("self.make()", []), ("f(self.make)", ["make calls create_client"])):
        assert list(calls_outside_constructors(ast.parse(handed_on.format(text)))) == found
    assert list(calls_outside_constructors(ast.parse(handed_on.format("f(lambda: self.make())")))) != []


@every_stack
def test_a_stack_in_a_namespace_has_a_policy_of_its_own(stack):
    there = rights(security.policy(stack, "/lab", "/pronk/lab"), "/pronk/lab")
    fixed = {"/diagnostics", "/rosout", "/parameter_events", "/lowcmd", "/lowstate", "/clock"}
    for node, own in rights(security.policy(stack)).items():
        for right, names in own.items():
            expected = {n if n in fixed or n.startswith("/api/") or "*" in n else f"/lab{n}" for n in names}
            assert there[node][right] == expected


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
