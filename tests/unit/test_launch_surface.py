"""Holds all launch files to one surface: the arguments that a user may rely on, and how far they reach."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy")

from pronk_bringup.expansion import declared_arguments, expand
from pronk_bringup.launch_file import read_launch_file

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
FILES = sorted(LAUNCH.glob("*.launch.yaml"))
COMMON = {"namespace", "params_file", "record", "bag", "log_level", "seed", "discovery"}
# What joins a stack that runs already has no robot, no bag and no seed of its own.
JOINS = ("teleop.launch.yaml",)
EVERYWHERE = {"namespace", "params_file", "log_level", "discovery"}
# A Go2 is a Go2, and each of the planner's worlds has a body of its own.
ONE_ROBOT = ("go2_hardware.launch.yaml", "video_planner_sim.launch.yaml")
DISCOVERY = "ROS_AUTOMATIC_DISCOVERY_RANGE"

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def arguments(path):
    return {a.name: a for a in declared_arguments(path)}


def settings(path, name):
    return [e.values["value"] for e in read_launch_file(path) if e.tag == "set_env" and e.values["name"] == name]


@every_file
def test_a_launch_file_has_the_common_arguments(path):
    wanted = COMMON if path.name in ONE_ROBOT else {*COMMON, "robot"}
    assert (EVERYWHERE if path.name in JOINS else wanted) - set(arguments(path)) == set()


def test_only_what_joins_a_running_stack_does_without_a_recorder():
    without = {path.name for path in FILES if "exec: recorder_node" not in path.read_text(encoding="utf-8")}
    assert without == set(JOINS)


@every_file
def test_the_same_argument_means_the_same_everywhere(path):
    reference = arguments(LAUNCH / "go2_sim.launch.yaml")
    own = arguments(path)
    for name in ("log_level", "record", "seed", "bag"):
        assert name not in own or own[name].default == reference[name].default, name


@every_file
def test_a_launch_file_needs_no_screen(path):
    """No launch file starts a viewer; one that does must have the argument `headless`."""
    text = path.read_text(encoding="utf-8")
    viewers = [name for name in ("rviz2", "foxglove_bridge", "plotjuggler") if f"pkg: {name}" in text]
    assert not viewers or "headless" in arguments(path)


@every_file
def test_a_launch_file_has_a_parameter_file(path):
    default = arguments(path)["params_file"].default
    for backend in ("go2", "fake_go2") if "$(var backend)" in default else ("",):
        file = Path(default.replace("$(dirname)", str(LAUNCH)).replace("$(var backend)", backend))
        assert file.parent == LAUNCH / "params" and isinstance(yaml.safe_load(file.read_text()), dict)


@every_file
def test_every_node_lies_in_the_namespace_that_is_asked_for(path, tmp_path):
    for process in expand(path, {"namespace": "lab"}, tmp_path):
        spaces = [word.removeprefix("__ns:=") for word in process.command if word.startswith("__ns:=")]
        assert len(spaces) == 1 and (spaces[0] == "/lab" or spaces[0].startswith("/lab/")), process.command


@every_file
def test_discovery_reaches_no_other_computer_unless_told(path, monkeypatch, tmp_path):
    assert settings(path, DISCOVERY) == ["$(var discovery)"]
    monkeypatch.delenv(DISCOVERY, raising=False)
    chosen = {"backend": "fake_go2"} if "backend" in arguments(path) else {}
    for process in expand(path, chosen, tmp_path):
        assert process.environment[DISCOVERY] == "LOCALHOST"
    for process in expand(path, {**chosen, "discovery": "SUBNET"}, tmp_path):
        assert process.environment[DISCOVERY] == "SUBNET"


@every_file
def test_the_first_lines_of_a_launch_file_show_how_it_is_called(path):
    head = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert any(f"pronk launch launch/{path.name}" in line for line in head)
