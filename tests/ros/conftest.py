import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ros_environment():
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


@pytest.fixture
def start(tmp_path, ros_environment):
    """Start Python modules as programs; whatever still runs after the test is killed with its process group."""
    programs = []

    def run(*words, environment=None, cwd=None):
        log = tmp_path / f"program_{len(programs)}.log"
        command = [sys.executable, *words]
        programs.append(Program(command, {**ros_environment, **(environment or {})}, log, cwd))
        return programs[-1]

    yield run
    for program in programs:
        try:
            os.killpg(program.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        program.process.wait(5.0)
