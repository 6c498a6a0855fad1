from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy")

from pronk_bringup.errors import LaunchError
from pronk_bringup.expansion import declared_arguments, expand
from pronk_bringup.runner import parse_assignments, show_arguments

RECORDER = "{pkg: pronk_bringup, exec: recorder_node}"


@pytest.fixture
def launch(tmp_path):
    """Write a launch file and expand it."""

    def run(text, name="main.launch.yaml", **arguments):
        path = tmp_path / name
        path.write_text(text)
        return expand(path, arguments, tmp_path)

    return run


def parameters(process):
    """Merge what the parameter files of a process say."""
    merged = {}
    command = process.command
    for i, word in enumerate(command):
        if word == "--params-file":
            for node, content in yaml.safe_load(Path(command[i + 1]).read_text()).items():
                merged.setdefault(node, {}).update(content["ros__parameters"])
    return merged


def test_a_node_becomes_a_module_of_the_same_name(launch):
    (process,) = launch(f"launch:\n- node: {RECORDER}")
    assert process.command[1:] == ("-m", "pronk_bringup.recorder_node", "--ros-args")
    assert (process.label, process.ends_launch) == ("recorder_node", False)


def test_names_namespaces_remappings_and_arguments_become_ros_arguments(launch):
    (process,) = launch("""
launch:
- arg: {name: robot, default: go2}
- push_ros_namespace: {namespace: outer}
- node:
    pkg: pronk_bringup
    exec: recorder_node
    name: rec
    namespace: $(var robot)
    args: --verbose
    ros_args: --log-level debug
    on_exit: shutdown
    remap:
    - {from: odom, to: $(var robot)/odom}
""")
    expected = "--verbose --ros-args --log-level debug --ros-args -r __node:=rec -r __ns:=/outer/go2 -r odom:=go2/odom"
    assert " ".join(process.command[3:]) == expected
    assert (process.label, process.ends_launch) == ("outer/go2/rec", True)


def test_an_absolute_namespace_leaves_the_pushed_one(launch):
    (process,) = launch("""
launch:
- push_ros_namespace: {namespace: outer}
- node: {pkg: pronk_bringup, exec: recorder_node, namespace: /inner}
""")
    assert process.command[-1] == "__ns:=/inner"


def test_parameters_take_the_types_that_yaml_gives_them(launch):
    (process,) = launch("""
launch:
- arg: {name: rate, default: '50.0'}
- arg: {name: name, default: '007'}
- node:
    pkg: pronk_bringup
    exec: recorder_node
    name: rec
    namespace: a
    param:
    - {name: rate, value: $(var rate)}
    - {name: count, value: 3}
    - {name: whole, value: '3', type: float}
    - {name: enabled, value: 'true'}
    - {name: label, value: $(var name), type: str}
    - {name: empty, value: ''}
    - {name: weights, value: [1.0, 2.0]}
    - {name: topics, value: [odom, $(var name)x]}
""")
    assert parameters(process) == {
        "/a/rec": {
            "rate": 50.0,
            "count": 3,
            "whole": 3.0,
            "enabled": True,
            "label": "007",
            "empty": "",
            "weights": [1.0, 2.0],
            "topics": ["odom", "007x"],
        }
    }


def test_parameter_files_are_passed_on_in_order(launch, tmp_path):
    (tmp_path / "p.yaml").write_text("/**: {ros__parameters: {rate: 1.0}}")
    (process,) = launch("""
launch:
- node:
    pkg: pronk_bringup
    exec: recorder_node
    param:
    - {from: $(dirname)/p.yaml}
    - {name: rate, value: 2.0}
""")
    assert process.command[-4:-1] == ("--params-file", str(tmp_path / "p.yaml"), "--params-file")
    assert parameters(process) == {"/**": {"rate": 2.0}}


def test_conditions_choose_what_starts(launch):
    text = """
launch:
- arg: {name: record, default: 'false'}
- node: {pkg: pronk_bringup, exec: recorder_node, name: yes, if: $(var record)}
- node: {pkg: pronk_bringup, exec: recorder_node, name: no, unless: $(var record)}
""".replace("yes", "'yes'").replace("name: no", "name: 'no'")
    assert [p.label for p in launch(text)] == ["no"]
    assert [p.label for p in launch(text, record="1")] == ["yes"]


def test_groups_keep_their_changes_to_themselves(launch):
    first, second, third = launch("""
launch:
- let: {name: x, value: outside}
- group:
  - let: {name: x, value: inside}
  - set_env: {name: COLOUR, value: red}
  - push_ros_namespace: {namespace: g}
  - executable: {cmd: echo $(var x)}
- executable: {cmd: echo $(var x)}
- group:
    scoped: false
    if: 'true'
    children:
    - let: {name: x, value: leaked}
- executable: {cmd: echo $(var x)}
""")
    assert [p.command[1] for p in (first, second, third)] == ["inside", "outside", "leaked"]
    assert first.environment.get("COLOUR") == "red"
    assert "COLOUR" not in second.environment


def test_environment_is_set_per_launch_and_per_process(launch):
    first, second = launch("""
launch:
- set_env: {name: A, value: '1'}
- executable: {cmd: echo, env: [{name: B, value: '2'}]}
- unset_env: {name: A}
- executable: {cmd: echo}
""")
    assert (first.environment["A"], first.environment["B"]) == ("1", "2")
    assert not {"A", "B"} & second.environment.keys()


def test_includes_get_arguments_and_their_own_folder(launch, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "part.launch.yaml").write_text("""
launch:
- arg: {name: robot, description: Which robot.}
- executable: {cmd: 'echo $(var robot) $(dirname)'}
""")
    first, second = launch("""
launch:
- include:
    file: $(dirname)/inner/part.launch.yaml
    arg:
    - {name: robot, value: go1}
- executable: {cmd: echo $(dirname)}
""")
    assert first.command[1:] == ("go1", str(inner))
    assert second.command[1:] == (str(tmp_path),)


def test_arguments_of_includes_are_declared_too(launch, tmp_path):
    (tmp_path / "part.launch.yaml").write_text("launch: [{arg: {name: robot, default: go2}}]")
    (process,) = launch(
        "launch: [{include: {file: $(dirname)/part.launch.yaml}}, {executable: {cmd: echo $(var robot)}}]", robot="go1"
    )
    assert process.command[1] == "go1"


def test_timeouts_are_taken_over(launch):
    (process,) = launch("launch: [{executable: {cmd: echo, sigterm_timeout: 1.5, sigkill_timeout: '2'}}]")
    assert (process.sigterm_timeout, process.sigkill_timeout) == (1.5, 2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("launch: [{timer: {}}]", r"launch\[0\]: unknown tag 'timer'; supported: arg, executable, group, include, let"),
        ("launch: [{node: {pkg: a, exec: b, respawn: 'true'}}]", r"launch\[0\].node: unknown key respawn; supported:"),
        ("launch: [{node: {pkg: a}}]", r"launch\[0\].node: missing key exec"),
        ("launch: [{node: {pkg: a, exec: b, if: true}}]", r"node.if must be a string: write 'true' in quotes"),
        ("launch: [{arg: {name: a, default: 0.5}}]", r"arg.default must be a string: write '0.5' in quotes"),
        ("launch: [{group: {scoped: 'no', children: []}}]", r"group.scoped must be true or false without quotes"),
        ("launch: [{node: {pkg: a, exec: b, on_exit: respawn}}]", r"on_exit must be 'shutdown', got 'respawn'"),
        ("launch: [{node: {pkg: a, exec: b, output: file}}]", r"output must be one of: screen, log, both; got 'file'"),
        ("launch: [{node: {pkg: a, exec: b, remap: {}}}]", r"node.remap must be a list of dictionaries"),
        ("launch: [{node: {pkg: a, exec: b, param: [{name: x}]}}]", r"param\[0\] must have either name and value"),
        ("launch: [{node: {pkg: a, exec: b, if: '1', unless: '1'}}]", r"'if' and 'unless' cannot stand together"),
        ("launch: [{executable: {cmd: echo, sigterm_timeout: soon}}]", r"sigterm_timeout must be a number, got 'soon'"),
        ("launch: [{node: {pkg: no_such, exec: b}}]", r"launch\[0\].node: package 'no_such' not found"),
        (
            "launch: [{node: {pkg: pronk_bringup, exec: b}}]",
            r"package 'pronk_bringup' has no executable 'b'; it has: .*recorder_node",
        ),
        ("launch: [{executable: {cmd: echo, if: perhaps}}]", r"executable.if: a condition must be one of true, 1"),
        ("launch: [{executable: {cmd: $(var x)}}]", r"launch\[0\].executable: unknown launch variable 'x'"),
        ("launch: [{arg: {name: x, description: The x.}}]", r"argument 'x' must be given: x:=VALUE \(The x.\)"),
        ("launch: [{include: {file: /no/such.launch.yaml}}]", r"launch file '/no/such.launch.yaml' does not exist"),
        ("launch: [echo]", r"launch\[0\] must be one tag with its keys, got 'echo'"),
        ("launch: {}", r"launch must be a list of tags"),
        ("nodes: []", r"the only key at the root must be 'launch', got \['nodes'\]"),
        ("launch: [", r"not valid YAML"),
    ],
)
def test_a_wrong_file_is_explained(launch, text, message):
    with pytest.raises(LaunchError, match=message):
        launch(text)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{name: x, value: null}", r"param\[0\] 'x' must be a bool, int, float, str or a list"),
        ("{name: x, value: '{a: 1}'}", r"for text that YAML reads otherwise add 'type: str'"),
        ("{name: x, value: []}", r"or a list of one of these, got \[\]"),
        ("{name: x, value: [1, a]}", r"or a list of one of these, got \[1, 'a'\]"),
        ("{name: x, value: 'abc', type: int}", r"must be of type int, got 'abc'"),
        ("{name: x, value: 'abc', type: text}", r"type must be one of: str, int, float, bool; got 'text'"),
        ("{from: /no/such.yaml}", r"parameter file '/no/such.yaml' does not exist"),
    ],
)
def test_a_wrong_parameter_is_explained(launch, value, message):
    with pytest.raises(LaunchError, match=message):
        launch(f"launch: [{{node: {{pkg: pronk_bringup, exec: recorder_node, param: [{value}]}}}}]")


def test_an_unknown_argument_lists_the_declared_ones(launch):
    with pytest.raises(LaunchError, match=r"main.launch.yaml has no argument robto; declared: rate, robot"):
        launch("launch: [{arg: {name: robot, default: a}}, {arg: {name: rate, default: b}}]", robto="go2")


def test_an_unknown_argument_of_an_include_lists_the_declared_ones(launch, tmp_path):
    (tmp_path / "part.launch.yaml").write_text("launch: [{arg: {name: robot, default: go2}}]")
    with pytest.raises(LaunchError, match=r"part.launch.yaml has no argument robto; declared: robot"):
        launch("launch: [{include: {file: $(dirname)/part.launch.yaml, arg: [{name: robto, value: a}]}}]")


def test_a_value_outside_the_choices_lists_them(launch):
    with pytest.raises(LaunchError, match=r"argument 'robot' must be one of: go1, go2; got 'spot'"):
        launch("launch: [{arg: {name: robot, choice: [{value: go1}, {value: go2}]}}]", robot="spot")


def test_arguments_are_described(tmp_path):
    path = tmp_path / "a.launch.yaml"
    path.write_text("""
launch:
- arg: {name: robot, default: go2, description: Which robot., choice: [{value: go1}, {value: go2}]}
- arg: {name: case}
""")
    text = show_arguments(path)
    assert "robot: Which robot. (default 'go2'; one of: go1, go2)" in text
    assert "case: no description (required)" in text
    assert [argument.name for argument in declared_arguments(path)] == ["robot", "case"]


def test_assignments_are_read():
    assert parse_assignments(["a:=1", "b:=x:=y", "c:="]) == {"a": "1", "b": "x:=y", "c": ""}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a=1"], r"have the form name:=value, got 'a=1'"),
        ([":=1"], r"have the form"),
        (["a:=1", "a:=2"], r"'a' was given twice"),
    ],
)
def test_bad_assignments_are_explained(words, message):
    with pytest.raises(LaunchError, match=message):
        parse_assignments(words)


def test_installed_programs_are_preferred_to_modules(launch, tmp_path, monkeypatch):
    program = tmp_path / "lib" / "pronk_bringup" / "recorder_node"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    (process,) = launch(f"launch:\n- node: {RECORDER}")
    assert process.command == (str(program), "--ros-args")
