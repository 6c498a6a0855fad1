"""Where packages keep their launch files, interface definitions and other data."""

import importlib.util
import os
import sys
from pathlib import Path

from pronk_bringup.errors import LaunchError


def package_share(package: str) -> Path:
    """Find the folder of a package's data.

    Args:
        package: Name of a ROS package: in AMENT_PREFIX_PATH, in this Python's environment (as wheels put it), or
            importable from its source folder.

    Returns:
        The folder.

    Raises:
        LaunchError: There is no such package.
    """
    prefixes = [prefix for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    for prefix in [*prefixes, sys.prefix]:
        folder = Path(prefix, "share", package)
        if (folder / "package.xml").is_file():
            return folder
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is not None and spec.origin is not None:
        source = Path(spec.origin).parent.parent
        if (source / "package.xml").is_file():
            return source
    raise LaunchError(f"package '{package}' not found: it is neither in AMENT_PREFIX_PATH nor importable")
