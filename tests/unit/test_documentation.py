"""Holds the documentation to the code: its commands and code run, its tables are current, what it names exists."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys

import pytest
from documented import DOCS, PAGES, ROOT, blocks

every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())


@every_page
def test_the_python_code_of_a_page_runs(path, tmp_path, monkeypatch, capsys):
    program = "\n".join(block.text for block in blocks(path, "python"))
    if not program:
        pytest.skip("there is none")
    monkeypatch.chdir(tmp_path)
    exec(compile(program, str(path), "exec"), {"__name__": "documentation"})


@pytest.fixture
def place(tmp_path):
    """A folder with what the commands of the pages speak of, and `pronk` and `python` on the path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (("pronk", "-m pronk.cli "), ("python", "")):
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words}"$@"\n')
        script.chmod(0o755)
    (tmp_path / "launch").symlink_to(ROOT / "launch")
    return tmp_path


def environment(place):
    sources = [ROOT, *(p.parent for p in sorted((ROOT / "ros2_ws" / "src").glob("*/setup.py")))]
    paths = [*map(str, sources), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(paths).rstrip(os.pathsep),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }


def write_recording(folder):
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_KILTED)
    text = store.types["std_msgs/msg/String"]("armed: armed")
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/gatekeeper_state", "std_msgs/msg/String", typestore=store)
        for i in range(3):
            writer.write(connection, 10**9 * (i + 1), store.serialize_cdr(text, "std_msgs/msg/String"))


@every_page
@pytest.mark.timeout(280)
def test_the_commands_of_a_page_run(path, place):
    chosen = [(block.caption, block.text) for block in blocks(path, "bash") if block.caption in ("", "exit code 1")]
    if not chosen:
        pytest.skip("there are none")
    write_recording(place / "recording")
    for block in blocks(path, "yaml"):
        (place / "cases.yaml").write_text(block.text)
    for caption, text in chosen:
        done = subprocess.run(
            ["bash", "-e"], input=text, text=True, capture_output=True, cwd=place, env=environment(place), check=False
        )
        # The doctor may find that this machine lacks something; that is its job.
        allowed = {0, 1} if text.strip() == "pronk doctor" else {1 if caption else 0}
        assert done.returncode in allowed, f"{text}\n{done.stdout}\n{done.stderr}"


def test_the_reference_is_what_the_code_says():
    pytest.importorskip("rclpy")
    from pronk.reference import FOLDER, pages

    for name, text in pages().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "run: python -m pronk.reference"


def test_the_reference_tells_of_every_weight_how_it_was_made():
    text = (DOCS / "reference" / "weights.md").read_text(encoding="utf-8")
    files = list((DOCS.parent / "policies" / "weights").glob("*.safetensors"))
    assert len(files) >= 9
    for path in files:
        own = text.split(f"\n## {path.stem}\n")[1].split("\n## ")[0]
        assert "pronk train " in own and f"{path.stat().st_size / 1e6:.2f} MB" in own


def test_the_reference_names_every_node_and_every_topic():
    pytest.importorskip("rclpy")
    from pronk_node_kit.topics import SERVICES, TOPICS

    topics = (DOCS / "reference" / "topics.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in topics for name in (*TOPICS, *SERVICES))
    parameters = (DOCS / "reference" / "parameters.md").read_text(encoding="utf-8")
    nodes = {path.stem for path in (ROOT / "ros2_ws" / "src").glob("*/*/*_node.py")}
    assert set(re.findall(r"^## (\w+)$", parameters, re.MULTILINE)) == nodes


def test_every_test_that_the_safety_case_names_exists():
    named = re.findall(r"`(tests/[^`]+)`", (DOCS / "safety.md").read_text(encoding="utf-8"))
    assert len(named) > 30
    for name in named:
        file, _, function = name.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {function or 'test_'}" in text and (not function or f"def {function}(" in text), name


def test_every_hazard_has_a_mitigation_and_a_test():
    lines = (DOCS / "safety.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| ") and not line.startswith("| Hazard")]
    assert len(rows) >= 15
    for hazard, mitigation, tests in rows:
        assert hazard.strip() and mitigation.strip() and "tests/" in tests


def test_results_are_a_section_of_the_readme():
    options = dict(re.findall(r'^:([a-z-]+): "(.*)"$', (DOCS / "results.md").read_text(encoding="utf-8"), re.MULTILINE))
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    begin, end = lines.index(options["start-after"]), lines.index(options["end-before"])
    assert begin < end and any(line.startswith("| ") for line in lines[begin:end])


def test_troubleshooting_knows_every_finding_of_the_doctor():
    subjects = set(re.findall(r"Finding\(\s*f?\"([\w -]+)", (ROOT / "pronk" / "doctor.py").read_text(encoding="utf-8")))
    assert len(subjects) > 6
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    assert [subject for subject in sorted(subjects) if f"| `{subject.strip()}" not in text] == []


@pytest.mark.skipif(importlib.util.find_spec("furo") is None, reason="needs the extra 'docs'; make docs builds it")
@pytest.mark.timeout(200)
def test_the_site_is_built_without_warnings_and_loads_nothing_from_elsewhere(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", str(DOCS), str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?([^\s\">]+)", text)
        loaded += re.findall(r"<link[^>]*rel=\"stylesheet\"[^>]*href=\"([^\"]+)", text)
        assert loaded and not [source for source in loaded if re.match(r"(https?:)?//", source)], page
