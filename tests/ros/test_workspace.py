import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from pronk_bringup.launch_file import read_launch_file

pytestmark = pytest.mark.shared

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "ros2_ws" / "src"
PYTHON_PACKAGES = sorted(path.parent.name for path in SOURCES.glob("*/setup.py"))


@pytest.mark.parametrize("package", PYTHON_PACKAGES)
def test_packages_are_complete(package):
    folder = SOURCES / package
    root = ElementTree.parse(folder / "package.xml").getroot()
    assert root.findtext("name") == package
    assert root.findtext("export/build_type") == "ament_python"
    assert (folder / "resource" / package).read_bytes() == b""
    assert f"script_dir=$base/lib/{package}" in (folder / "setup.cfg").read_text()
    assert (folder / package / "__init__.py").is_file()


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*/*/*_node.py")), ids=lambda path: path.stem)
def test_nodes_can_be_started_by_the_name_of_their_module(path):
    text = path.read_text()
    assert re.search(r"^def main\(", text, re.MULTILINE)
    assert 'if __name__ == "__main__":' in text


def test_launch_files_are_found_through_the_bringup_package():
    link = SOURCES / "pronk_bringup" / "launch"
    assert os.readlink(link) == "../../../launch"
    assert link.resolve() == ROOT / "launch"


@pytest.mark.parametrize("path", sorted((ROOT / "launch").glob("*.launch.yaml")), ids=lambda path: path.name)
def test_launch_files_hold_only_what_both_launchers_understand(path):
    assert read_launch_file(path)


@pytest.mark.timeout(300)
def test_messages_are_not_built_again_without_need():
    command = [sys.executable, str(ROOT / "ros2_ws" / "build_messages.py")]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(f"{name} is up to date\n" for name in ("pronk_msgs", "unitree_go", "unitree_api"))


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"CXX": "no-such-compiler"},
            "no C++ compiler: 'no-such-compiler' is not on PATH; install it with: apt-get install g++",
        )
    ],
)
def test_the_message_build_says_what_is_missing(environment, message):
    done = subprocess.run(
        [sys.executable, str(ROOT / "ros2_ws" / "build_messages.py"), "--force"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert (done.returncode, done.stderr) == (1, f"pronk_msgs was not built: {message}\n")


@pytest.mark.timeout(120)
def test_colcon_builds_packages_that_ros2_finds(tmp_path):
    colcon = Path(sys.executable).with_name("colcon")
    if not colcon.is_file():
        pytest.skip("colcon is not installed in this environment")
    source = tmp_path / "src"
    # The interfaces are installed already; building them takes longer than everything else together.
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "pronk_msgs", "unitree_go", "unitree_api")
    shutil.copytree(SOURCES, source, ignore=ignored)
    command = [str(colcon), "--log-base", str(tmp_path / "log"), "build", "--base-paths", str(source)]
    command += ["--build-base", str(tmp_path / "build"), "--install-base", str(tmp_path / "install")]
    command += ["--packages-select", *PYTHON_PACKAGES, "--executor", "sequential"]
    environment = {**os.environ, "PATH": f"{colcon.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    install = tmp_path / "install"
    for package in PYTHON_PACKAGES:
        share = install / package / "share"
        assert (share / package / "package.xml").is_file()
        assert (share / "ament_index" / "resource_index" / "packages" / package).is_file()
        modules = sorted(path.stem for path in (SOURCES / package / package).glob("*_node.py"))
        programs = install / package / "lib" / package
        assert modules == sorted(p.name for p in programs.glob("*_node"))
        for name in modules:
            assert (programs / name).read_text().startswith("#!/usr/bin/env python3")
    launch = install / "pronk_bringup" / "share" / "pronk_bringup" / "launch"

    def files(folder):
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    # Launch files, parameters, recording profiles and views.
    assert files(launch) == files(ROOT / "launch")
