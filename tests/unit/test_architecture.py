"""Holds the borders between the parts: who may import whom, and what a source file may look like."""

import ast
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKSPACE = "ros2_ws/src"
SOLVERS = {"daqp", "osqp"}
MESSAGES = {
    *("builtin_interfaces", "diagnostic_msgs", "geometry_msgs", "nav_msgs", "pronk_msgs", "rcl_interfaces"),
    *("rosgraph_msgs", "sensor_msgs", "std_msgs", "std_srvs", "visualization_msgs", "unitree_api", "unitree_go"),
}
NODE = {"pronk_node_kit", "rclpy", "numpy", "controllers", *MESSAGES}
# What each part may import beside itself and the standard library. A name allows everything below it.
ALLOWED = {
    "controllers": {"numpy", "scipy", "numba", *SOLVERS},
    "sim": {
        # Navigation scenes move by the dynamics, obstacles and neighbourhoods that the filter is made for.
        *("controllers.robot", "controllers.errors", "controllers.rotations", "controllers.safety"),
        *("numpy", "numba", "yaml", "mujoco", "gymnasium", "PIL", "imageio", "imageio_ffmpeg", "fast_simplification"),
        "metaworld",
    },
    "policies": {
        *("controllers", "sim", "numpy", "numba", "gymnasium", "torch", "torch_geometric", "safetensors"),
        *("transformers", "diffusers", "PIL"),
    },
    "evaluation": {
        *("controllers", "sim", "policies", "numpy", "numba", "scipy", "matplotlib", "rich", "yaml"),
        *("rosbags", "mcap", "zstandard", "lz4", "imageio", "imageio_ffmpeg", "PIL", "pyrvo", "ray"),
    },
    f"{WORKSPACE}/pronk_node_kit": NODE,
    f"{WORKSPACE}/pronk_locomotion": NODE,
    f"{WORKSPACE}/pronk_navigation": {*NODE, "policies"},
    f"{WORKSPACE}/pronk_planner": {*NODE, "policies"},
    f"{WORKSPACE}/pronk_gateway": NODE,
    f"{WORKSPACE}/pronk_bringup": {*NODE, "yaml", "mcap", "zstandard", "rosbags", "rich"},
}
# The simulators' nodes, and what they make messages of, are the one place where ROS meets the simulator.
SIMULATOR_SIDE = (
    *("sim_node.py", "team_sim_node.py", "fake_go2_node.py", "ground_truth_messages.py"),
    *("world_node.py", "task_log.py", "errand_desk.py"),
)
CORES = ("controllers", "sim", "policies", "evaluation")
LINES = 450


@cache
def sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def product():
    return [path for folder in (*CORES, "pronk", "ros2_ws") for path in sources(folder)]


def name(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    """Yield the full names of all that a file imports, wherever the statement stands."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}:{node.lineno}: relative import"
            yield node.module
            # `from controllers import errors` imports controllers.errors.
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "controllers")


def permits(allowed, module):
    return any(module == entry or module.startswith(f"{entry}.") for entry in allowed)


def violations(part, allowed):
    own = part.rpartition("/")[2]
    found = []
    for path in sources(part):
        extra = {"sim"} if part.endswith("pronk_gateway") and path.name in SIMULATOR_SIDE else set()
        extra |= {"setuptools"} if path.name == "setup.py" else set()
        for module in imports(path):
            if module.partition(".")[0] in sys.stdlib_module_names or module == "controllers":
                continue
            if not permits({own, *allowed, *extra}, module):
                found.append(f"{name(path)} imports {module}")
    return found


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_a_part_imports_only_what_it_may(part):
    assert sources(part) or not (ROOT / part).exists()
    assert violations(part, ALLOWED[part]) == []


def test_every_part_of_the_repository_has_a_row_in_the_import_table():
    parts = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()}
    packages = {f"{WORKSPACE}/{path.name}" for path in (ROOT / WORKSPACE).iterdir() if (path / "setup.py").is_file()}
    # The command line puts everything together and may import everything.
    assert parts | packages <= {*ALLOWED, "pronk"} and {"controllers", "sim", "policies", "evaluation"} <= parts


def test_the_import_check_finds_what_is_forbidden():
    assert violations("sim", ALLOWED["sim"] - {"mujoco"})
    assert violations(f"{WORKSPACE}/pronk_locomotion", ALLOWED[f"{WORKSPACE}/pronk_locomotion"] - {"controllers"})


def test_controllers_cannot_see_the_simulated_payload():
    forbidden = re.compile(r"\b(import_module|__import__|ground_truth|external_wrench|payload_mass|mujoco\.)")
    for path in sources("controllers"):
        names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
        assert not [n for n in names if forbidden.search(n)], name(path)
        assert not {"sim", "mujoco"} & {module.partition(".")[0] for module in imports(path)}, name(path)


def test_nodes_of_the_control_loop_do_not_listen_to_the_ground_truth():
    for path in sources(f"{WORKSPACE}/pronk_locomotion"):
        names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
        texts = {str(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)}
        assert not {n for n in names if n.startswith("TRUE_")}, name(path)
        assert not [text for text in texts if "ground_truth/" in text], name(path)


def test_no_module_grows_beyond_its_ceiling():
    long = {name(p): n for p in product() if (n := len(p.read_text(encoding="utf-8").splitlines())) > LINES}
    assert long == {}


def test_cores_do_not_print():
    calls = (
        f"{name(path)}:{node.lineno}"
        for folder in CORES
        for path in sources(folder)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    )
    assert list(calls) == []


def test_no_error_is_caught_without_a_name():
    bare = (
        f"{name(path)}:{node.lineno}"
        for path in product()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    )
    assert list(bare) == []


def test_nothing_is_left_to_be_done():
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
    files = [*product(), *ROOT.glob("launch/**/*.yaml"), *(ROOT / "tests").rglob("*.py")]
    assert [name(path) for path in files if marks.search(path.read_text(encoding="utf-8"))] == []


def test_files_are_named_after_what_they_hold():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert [name(path) for path in product() if vague & {path.stem, *path.relative_to(ROOT).parts}] == []


def test_no_file_depends_on_the_machine_that_it_was_written_on():
    # Spelt in pieces, so that this file does not find itself.
    machine = re.compile("(?<![\\w*.])/(" + "|".join(("home", "work", "root", "tmp", "farm")) + ")/")
    files = [*product(), *ROOT.glob("launch/**/*.yaml"), *(ROOT / n for n in ("pyproject.toml", "Makefile"))]
    assert [name(path) for path in files if machine.search(path.read_text(encoding="utf-8"))] == []


def test_the_launch_folder_does_not_shadow_the_ros_package_of_its_name():
    assert list((ROOT / "launch").rglob("*.py")) == []


def public_functions():
    for path in sources("controllers"):
        for node in tree(path).body:
            body = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]
            for item in body:
                if isinstance(item, ast.FunctionDef) and (not item.name.startswith("_") or item.name == "__init__"):
                    yield path, item


def test_every_public_function_of_the_controllers_explains_its_parameters():
    unexplained = []
    for path, function in public_functions():
        text = ast.get_docstring(function) or ""
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        wanted = [a.arg for a in arguments if a.arg not in ("self", "cls")]
        place = f"{name(path)}:{function.lineno} {function.name}"
        if function.name != "__init__" and not text:
            unexplained.append(f"{place}: no docstring")
        elif "Args:" in text:
            unexplained += [f"{place}: {a}" for a in wanted if not re.search(rf"^\s+\*?{a}:", text, re.MULTILINE)]
        elif wanted and len(function.body) > 2 and function.name != "__init__":
            unexplained.append(f"{place}: no Args")
    assert not unexplained, "\n".join(unexplained)


def returns_array(function):
    annotation = function.returns
    return isinstance(annotation, ast.Name) and annotation.id in ("Array", "BoolArray", "IntArray")


def test_every_public_function_of_the_controllers_tells_the_shape_of_the_array_it_returns():
    silent = [
        f"{name(path)}:{function.lineno} {function.name}"
        for path, function in public_functions()
        if returns_array(function) and "shape" not in (ast.get_docstring(function) or "").lower()
    ]
    assert silent == []


@pytest.mark.skipif(shutil.which("ruff", path=Path(sys.executable).parent) is None, reason="ruff is not installed")
def test_docstrings_and_style_pass_the_linter():
    ruff = shutil.which("ruff", path=Path(sys.executable).parent)
    parts = [part for part in (*CORES, "pronk", "ros2_ws/src") if (ROOT / part).exists()]
    run = subprocess.run([ruff, "check", "--no-cache", *parts], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout
