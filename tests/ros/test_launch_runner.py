import os
import re
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.timeout(60)

NODE = """
import os, signal, subprocess, sys, time
behaviour = sys.argv[1]
if behaviour == "stubborn":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif behaviour == "polite":
    signal.signal(signal.SIGINT, lambda *_: (print("good bye"), sys.exit(0)))
elif behaviour == "parent":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print("pid", child.pid)
print("pid", os.getpid(), "domain", os.environ.get("ROS_DOMAIN_ID"), "threads", os.environ.get("OMP_NUM_THREADS"))
if behaviour == "crash":
    time.sleep(0.3)
    sys.exit(7)
if behaviour == "finish":
    time.sleep(0.3)
    sys.exit(0)
if behaviour == "abort":
    os.abort()
time.sleep(60)
"""


@pytest.fixture
def launch(tmp_path, start, ros_environment):
    """Launch one node per behaviour; the first ends the launch when it ends."""
    package = tmp_path / "package" / "fake_robot"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "fake_node.py").write_text(NODE)

    def run(*behaviours, options=()):
        lines = ["launch:"]
        for i, behaviour in enumerate(behaviours):
            lines.append(f"- node: {{pkg: fake_robot, exec: fake_node, name: n{i}, args: {behaviour},")
            lines.append("    sigterm_timeout: 0.5, sigkill_timeout: 0.5" + (", on_exit: shutdown}" if i == 0 else "}"))
        path = tmp_path / "fake.launch.yaml"
        path.write_text("\n".join(lines))
        paths = os.pathsep.join([str(package.parent), ros_environment["PYTHONPATH"]])
        return start("-m", "pronk_bringup.runner", str(path), *options, environment={"PYTHONPATH": paths})

    return run


def pids(program):
    return [int(pid) for pid in re.findall(r"pid (\d+)", program.text)]


def wait_for_pids(program, count, timeout=20.0):
    end = time.monotonic() + timeout
    while len(pids(program)) < count:
        assert time.monotonic() < end, program.text
        time.sleep(0.02)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_all_end(numbers, timeout=8.0):
    end = time.monotonic() + timeout
    while any(alive(pid) for pid in numbers):
        assert time.monotonic() < end, f"still running: {[pid for pid in numbers if alive(pid)]}"
        time.sleep(0.05)


def test_the_launch_ends_with_success_when_the_node_that_ends_it_finishes(launch):
    program = launch("finish", "polite")
    assert program.wait() == 0
    assert "n0 has finished" in program.text
    assert "[n1] good bye" in program.text
    assert_all_end(pids(program))


def test_a_crash_ends_the_launch_with_its_exit_code(launch):
    program = launch("polite", "crash")
    assert program.wait() == 7
    assert "n1 failed with exit code 7" in program.text
    assert_all_end(pids(program))


def test_a_crash_by_signal_ends_the_launch_with_128_and_its_number(launch):
    program = launch("polite", "abort")
    assert program.wait() == 128 + signal.SIGABRT
    assert "n1 was killed by SIGABRT" in program.text


def test_a_node_that_does_not_end_the_launch_may_finish(launch):
    program = launch("polite", "finish")
    program.wait_for("pid", 10.0)
    time.sleep(1.0)
    assert program.process.poll() is None
    program.send(signal.SIGINT)
    assert program.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_all_nodes_politely(launch, number):
    program = launch("polite", "polite")
    wait_for_pids(program, 2)
    program.send(number)
    assert program.wait() == 0
    assert program.text.count("good bye") == 2
    assert_all_end(pids(program))


def test_a_stubborn_node_is_killed_in_the_end_and_that_is_a_failure(launch):
    program = launch("polite", "stubborn")
    wait_for_pids(program, 2)
    program.send(signal.SIGINT)
    assert program.wait() == 128 + signal.SIGKILL
    for text in ("sending SIGTERM", "sending SIGKILL", "n1 was killed by SIGKILL"):
        assert text in program.text
    assert_all_end(pids(program))


def test_children_of_nodes_do_not_outlive_the_launch(launch):
    program = launch("finish", "parent")
    assert program.wait() == 0
    assert len(pids(program)) == 3
    assert_all_end(pids(program))


def test_nothing_outlives_a_runner_that_was_killed(launch):
    program = launch("polite", "parent", "stubborn")
    wait_for_pids(program, 4)
    program.send(signal.SIGKILL)
    program.wait()
    assert_all_end(pids(program))


def test_the_time_limit_ends_the_launch(launch):
    program = launch("polite", options=("--time-limit", "0.5"))
    assert program.wait() == 124
    assert "stopping: time limit reached" in program.text


def test_nodes_get_the_domain_that_was_asked_for_and_one_thread(launch):
    program = launch("finish", options=("--domain-id", "42"))
    assert program.wait() == 0
    assert "domain 42 threads 1" in program.text


def test_a_domain_can_be_chosen_automatically(launch):
    program = launch("finish", options=("--domain-id", "auto"))
    assert program.wait() == 0
    assert 1 <= int(re.search(r"domain (\d+)", program.text)[1]) <= 101


def test_a_reader_that_goes_away_ends_the_launch(tmp_path, ros_environment):
    (tmp_path / "talk.py").write_text("import time\nwhile True:\n    print('talk')\n    time.sleep(0.02)\n")
    path = tmp_path / "talk.launch.yaml"
    path.write_text(f"launch: [{{executable: {{cmd: {sys.executable} {tmp_path / 'talk.py'}}}}}]")
    runner = subprocess.Popen(
        [sys.executable, "-m", "pronk_bringup.runner", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ros_environment,
    )
    assert b"talk" in runner.stdout.readline()
    runner.stdout.close()
    assert runner.wait(20.0) == 0
    assert runner.stderr.read() == b""


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("no.launch.yaml",), 2, "error: launch file 'no.launch.yaml' does not exist"),
        (("fake.launch.yaml", "x:=1"), 2, "error: fake.launch.yaml has no argument x; declared: robot"),
        (("fake.launch.yaml", "x=1"), 2, "error: launch arguments have the form name:=value, got 'x=1'"),
        (("fake.launch.yaml", "--domain-id", "999"), 2, "must be 'auto' or an integer from 0 to 232, got '999'"),
        (("fake.launch.yaml", "--show-args"), 0, "robot: Which one. (default 'go2')"),
        (("fake.launch.yaml",), 2, "error: fake.launch.yaml starts nothing with these arguments"),
    ],
)
def test_the_command_line_explains_itself(start, tmp_path, words, code, text):
    (tmp_path / "fake.launch.yaml").write_text("launch: [{arg: {name: robot, default: go2, description: Which one.}}]")
    program = start("-m", "pronk_bringup.runner", *words, cwd=tmp_path)
    assert (program.wait(), text in program.text) == (code, True), program.text
