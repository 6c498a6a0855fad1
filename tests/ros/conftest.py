import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

ROOT = Path(__file__).resolve().parents[2]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep the machine free for tests of running processes, and let one be tried twice; the summary lists those.

    Watchdogs of a few hundredths of a second do their duty when a shared computer stops a process for longer than that,
    and the test sees a robot that was stopped rightly.
    """
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.flaky(reruns=1))
            if item.get_closest_marker("shared") is None:
                item.add_marker(pytest.mark.alone)


def new_environment():
    """The environment of a test's processes: a ROS domain of its own, one thread, this repository importable."""
    from pronk_bringup.domain import free_domain

    paths = [str(ROOT), *(str(p) for p in sorted((ROOT / "ros2_ws" / "src").iterdir()) if (p / "setup.py").is_file())]
    return {
        **os.environ,
        "ROS_DOMAIN_ID": str(free_domain()),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    }


@pytest.fixture
def ros_environment():
    """An environment for the processes of one test."""
    return new_environment()


class Program:
    """A process whose output goes to a file, so that a test can wait for a line of it."""

    def __init__(self, command, environment, log, cwd=None):
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True, cwd=cwd
            )

    @property
    def text(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, text, timeout=20.0):
        end = time.monotonic() + timeout
        while text not in self.text:
            assert self.process.poll() is None, f"ended with {self.process.returncode} before '{text}':\n{self.text}"
            assert time.monotonic() < end, f"no '{text}' within {timeout} s:\n{self.text}"
            time.sleep(0.02)

    def send(self, number):
        os.kill(self.process.pid, number)

    def wait(self, timeout=20.0):
        return self.process.wait(timeout)


class Programs:
    """Starts Python modules as programs; at the end, whatever still runs is killed with its process group."""

    def __init__(self, folder, base):
        self._folder, self._environment = folder, base
        self._programs = []

    def __call__(self, *words, environment=None, cwd=None):
        log = self._folder / f"program_{len(self._programs)}.log"
        command = [sys.executable, *words]
        self._programs.append(Program(command, {**self._environment, **(environment or {})}, log, cwd))
        return self._programs[-1]

    def close(self):
        for program in self._programs:
            try:
                os.killpg(program.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            program.process.wait(5.0)


@pytest.fixture
def start(tmp_path, ros_environment):
    """Start Python modules as programs of one test."""
    programs = Programs(tmp_path, ros_environment)
    yield programs
    programs.close()


def new_peer(environment):
    """Make a node in this process, in the ROS domain of the given processes."""
    from peer import Peer

    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    return Peer(int(environment["ROS_DOMAIN_ID"]))


@pytest.fixture
def peer(ros_environment):
    """A node in this process that talks to the processes of one test."""
    node = new_peer(ros_environment)
    yield node
    node.close()


@pytest.fixture(scope="module")
def shared_processes(tmp_path_factory):
    """Programs and a peer that all tests of a module share."""
    environment = new_environment()
    programs = Programs(tmp_path_factory.mktemp("shared"), environment)
    node = new_peer(environment)
    yield programs, node
    node.close()
    programs.close()


@pytest.fixture(scope="session")
def compiled_kernels():
    """Compile the numeric kernels, as `make setup` does: no node under test is to be late because of it."""
    command = [sys.executable, "-m", "pronk.warmup"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=400.0, stdout=subprocess.DEVNULL)


@pytest.fixture
def launch_go2(compiled_kernels, start, tmp_path):
    """Launch the simulated robot with the short scenario; the bag is `tmp_path / "bag"`."""

    def run(**arguments):
        chosen = {"scenario": "short_walk", "bag": str(tmp_path / "bag"), **arguments}
        words = [f"{name}:={value}" for name, value in chosen.items()]
        file = str(ROOT / "launch" / "go2_sim.launch.yaml")
        return start("-m", "pronk_bringup.runner", file, *words, "--time-limit", "50", cwd=tmp_path)

    return run
