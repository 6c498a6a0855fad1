import base64
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from controllers.errors import InvalidValue
from evaluation.view.page import write_page
from pronk import cli

STORE = get_typestore(Stores.ROS2_KILTED)
T = STORE.types
HOSTILE = '"><script src="https://evil.example/x.js"></script>'
VOID = {"meta", "img", "br", "hr", "link", "input"}


def header(time):
    nanoseconds = round(time * 1e9)
    return T["std_msgs/msg/Header"](T["builtin_interfaces/msg/Time"](nanoseconds // 10**9, nanoseconds % 10**9), "odom")


def vector(x, y, z):
    return T["geometry_msgs/msg/Vector3"](float(x), float(y), float(z))


def odometry(time, height):
    pose = T["geometry_msgs/msg/Pose"](
        T["geometry_msgs/msg/Point"](0.0, 0.0, height), T["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0)
    )
    twist = T["geometry_msgs/msg/Twist"](vector(0.5, 0.0, 0.0), vector(0.0, 0.0, 0.0))
    zeros = np.zeros(36)
    return T["nav_msgs/msg/Odometry"](
        header(time),
        "base_link",
        T["geometry_msgs/msg/PoseWithCovariance"](pose, zeros),
        T["geometry_msgs/msg/TwistWithCovariance"](twist, zeros),
    )


def numbers(time, values):
    return T["sensor_msgs/msg/JointState"](
        header(time), list(values), np.array(list(values.values()), dtype=float), np.empty(0), np.empty(0)
    )


def health(time, name, level, message):
    entry = T["diagnostic_msgs/msg/KeyValue"](key="misses", value="3")
    status = T["diagnostic_msgs/msg/DiagnosticStatus"](
        level=level, name=name, message=message, hardware_id="pronk", values=[entry]
    )
    return T["diagnostic_msgs/msg/DiagnosticArray"](header(time), [status])


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """Ten seconds in which odometry is silent for two, a node fails, the gatekeeper trips and the robot falls."""
    folder = tmp_path_factory.mktemp("run") / "walk"
    rows = []
    for i in range(200):
        time = 0.05 * i
        if not 4.0 < time < 6.0:
            rows.append((time, "/robot_1/ground_truth/odom", odometry(time, 0.3)))
        rows.append((time, "/robot_1/sim_state", numbers(time, {"real_time_factor": 1.0, "fell": float(time >= 8.0)})))
    for time, text in ((0.0, "disarmed"), (1.0, "armed"), (2.0, "armed"), (7.0, f"stopped: {HOSTILE}")):
        rows.append((time, "/robot_1/gatekeeper_state", T["std_msgs/msg/String"](text)))
    for time, level, message in ((0.5, 0, "running"), (1.5, 0, "running"), (2.5, 2, "robot is stale")):
        rows.append((time, "/diagnostics", health(time, "/robot_1/mpc_node", level, message)))
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {}
        for time, topic, message in sorted(rows, key=lambda row: row[0]):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connections[topic], 10**18 + round(time * 1e9), STORE.serialize_cdr(message, kind))
    return folder


class Page(HTMLParser):
    """Collects what a test looks for and checks that every element is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.figures, self.cells, self.sections = [], [], {}, [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.sources += [values[name] for name in ("src", "href") if name in values]
        if tag == "img":
            self.figures[values["alt"]] = values["src"]
        if tag == "section":
            self.sections.append(values["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "summary", "code", "span", "h1"):
            self.cells.append(data)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the figures out where a test is about something else."""
    monkeypatch.setattr("evaluation.view.page.draw", lambda survey: [])


@pytest.fixture(scope="module")
def written(bag, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "walk.html"
    return write_page(bag, out), out


@pytest.fixture(scope="module")
def page(written):
    return Page(written[1].read_text(encoding="utf-8"))


def test_the_page_loads_nothing_from_anywhere(page, written):
    assert page.sources and all(source.startswith(("data:", "#")) for source in page.sources)
    assert "script" not in re.findall(r"<(\w+)", written[1].read_text(encoding="utf-8"))


def test_the_page_forbids_the_browser_to_load_or_run_anything(written):
    assert "default-src 'none'" in written[1].read_text(encoding="utf-8")


def test_text_of_the_bag_is_shown_and_never_becomes_markup(page):
    assert any(HOSTILE in cell for cell in page.cells)


def test_every_figure_is_a_drawing_with_its_labels(page):
    assert list(page.figures) == ["messages over time", "robot_1: motion", "robot_1: sim_state"]
    for source in page.figures.values():
        svg = base64.b64decode(source.removeprefix("data:image/svg+xml;base64,"))
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert b"http" not in re.sub(rb'(xmlns(:\w+)?|rdf:\w+)="[^"]*"', b"", svg.partition(b"<defs")[2])
    motion = base64.b64decode(page.figures["robot_1: motion"].partition(",")[2]).decode()
    assert all(label in motion for label in ("forward [m/s]", "height [m]", "ground_truth/odom"))


def test_events_are_changes_of_state_and_health_silences_and_falls(written):
    survey, _ = written
    told = [(round(e.time, 2), e.source, e.text.partition(":")[0], e.level) for e in survey.events]
    assert told == [
        (0.0, "/robot_1/gatekeeper_state", "disarmed", "ok"),
        (1.0, "/robot_1/gatekeeper_state", "armed", "ok"),
        (2.5, "/robot_1/mpc_node", "ok → error", "error"),
        (4.0, "/robot_1/ground_truth/odom", "silent for 2.00 s", "warn"),
        (7.0, "/robot_1/gatekeeper_state", "stopped", "ok"),
        (8.0, "/robot_1/sim_state", "the robot fell", "error"),
    ]


def test_topics_are_listed_with_count_rate_and_longest_gap(page, written):
    topics = written[0].topics
    # 200 messages at 20 Hz.
    assert (topics["/robot_1/sim_state"].count, round(topics["/robot_1/sim_state"].rate, 6)) == (200, 20.0)
    assert topics["/robot_1/ground_truth/odom"].longest_gap == pytest.approx(2.0)
    place = page.cells.index("/robot_1/sim_state", page.cells.index("/robot_1/gatekeeper_state", 40))
    assert page.cells[place + 1 : place + 4] == ["sensor_msgs/msg/JointState", "200", "20.0"]


def test_health_tells_last_level_and_values(page):
    assert {"/robot_1/mpc_node", "error", "misses", "3"} <= set(page.cells)
    assert any("2 × ok, 1 × error" in cell for cell in page.cells)


def test_a_whole_bag_has_no_section_about_damage(page):
    assert page.sections == ["summary", "events", "health", "topics", "figures", "recording"]


def test_the_same_bag_gives_the_same_page(bag, written, tmp_path):
    write_page(bag, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == written[1].read_bytes()


def test_a_video_beside_the_bag_is_held_when_it_is_small(bag, tmp_path, undrawn):
    copy = tmp_path / "run" / "walk"
    shutil.copytree(bag, copy)
    (copy.parent / "run.mp4").write_bytes(b"film")
    write_page(copy, tmp_path / "page.html")
    held = f"data:video/mp4;base64,{base64.b64encode(b'film').decode()}"
    assert held in Page((tmp_path / "page.html").read_text(encoding="utf-8")).sources


def test_a_large_video_is_linked_relative_to_the_page(bag, tmp_path, monkeypatch, undrawn):
    monkeypatch.setattr("evaluation.view.page.LARGEST_VIDEO", 3)
    film = tmp_path / "a film.mp4"
    film.write_bytes(b"film")
    write_page(bag, tmp_path / "pages" / "page.html", film)
    assert "../a%20film.mp4" in Page((tmp_path / "pages" / "page.html").read_text(encoding="utf-8")).sources


def test_a_cut_bag_is_shown_with_what_is_missing(bag, tmp_path, undrawn):
    (file,) = bag.glob("*.mcap")
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    survey = write_page(cut, tmp_path / "cut.html")
    assert survey.damages
    assert "damages" in Page((tmp_path / "cut.html").read_text(encoding="utf-8")).sections


def test_messages_that_are_none_of_their_type_are_counted(tmp_path, undrawn):
    with Writer(tmp_path / "bad", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for topic, kind in (("/imu", "sensor_msgs/msg/Imu"), ("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")):
            connection = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connection, 1, b"\0\1\0\0nonsense")
    survey = write_page(tmp_path / "bad", tmp_path / "bad.html")
    assert survey.damages == [
        "/imu: 1 messages are no sensor_msgs/msg/Imu",
        "/diagnostics: 1 messages are no diagnostic_msgs/msg/DiagnosticArray",
    ]


def test_a_video_that_does_not_exist_is_refused(bag, tmp_path):
    with pytest.raises(InvalidValue, match=r"there is no video 'none.mp4'"):
        write_page(bag, tmp_path / "x.html", Path("none.mp4"))


def test_the_command_says_where_the_page_is(bag, tmp_path, capsys, undrawn):
    assert cli.main(["view", str(bag), "--out", str(tmp_path / "x.html")]) == 0
    assert capsys.readouterr().out == f"page: {tmp_path / 'x.html'}\n"


def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), "")


@pytest.mark.skipif(not browser(), reason="no Chromium here; the other tests read the page by html.parser")
def test_a_browser_shows_every_figure_and_needs_no_network(written, tmp_path):
    # The page forbids scripts, so the picture tells.
    picture = tmp_path / "page.png"
    command = [browser(), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1000,3000", f"--screenshot={picture}"]
    done = subprocess.run([*command, written[1].as_uri()], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "Refused to" not in done.stderr
    from PIL import Image

    image = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    # The traffic figure is drawn in the colour map cividis: yellow and blue, which the page itself never uses.
    saturated = np.abs(image[..., 2] - image[..., 0]) > 60
    assert saturated.sum() > 5000
