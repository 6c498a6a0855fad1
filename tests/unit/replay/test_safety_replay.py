"""The safety filter on recorded robots that meet, against the filter called by hand."""

import math

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.rotations import quaternion_from_rpy
from controllers.safety.reading import Observation, Reading, Wish
from controllers.safety.run_time_filter import RunTimeConfig, RunTimeFilter
from evaluation.replay.bag_output import BagOutput
from evaluation.replay.decoding import Motion
from evaluation.replay.navigation_settings import parse_navigation
from evaluation.replay.recording import Recording
from evaluation.replay.remapping import parse_remapping
from evaluation.replay.replay import ReplayConfig
from evaluation.replay.replay_report import ReplayOptions, replay_bag, show
from evaluation.replay.safety import SafetyReplay
from pronk.terminal import open_console

SETTINGS = {"schedule": "fixed", "gain": 1.0, "radius": 0.4, "neighbour_radius": 0.4}
SPEED, APART, PERIOD = 0.5, 3.0, 0.02


def position(name, time):
    """Two robots that walk towards each other along x, whatever a filter would say."""
    return -0.5 * APART + SPEED * time if name == "a" else 0.5 * APART - SPEED * time


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    folder = tmp_path_factory.mktemp("meeting") / "meeting"
    with BagOutput(folder, "test") as out:
        for k in range(75):
            time = 5.0 + PERIOD * k
            for name, yaw in (("a", 0.0), ("b", math.pi)):
                place = np.array((position(name, PERIOD * k), 0.0, 0.3))
                velocity = np.array((SPEED, 0.0, 0.0))
                out.velocity_command(f"{name}/cmd_vel_nominal", time, (SPEED, 0.0), 0.0)
                out.velocity_command(f"{name}/cmd_vel", time, (SPEED, 0.0), 0.0)
                out.odometry(f"{name}/odom", time, place, quaternion_from_rpy(0.0, 0.0, yaw), velocity, np.zeros(3))
    return folder


def by_hand():
    """Call the filter of robot a each 50 ms with the newest odometry of that time."""
    config = RunTimeConfig(radius=0.4, neighbour_radius=0.4)
    settings = parse_navigation(SETTINGS)
    chosen = RunTimeFilter("/a", settings.gain_schedule(), config, settings.obstacles())
    gaps, commands = [], []
    for step in range(1, 29):
        now = 5.0 + 0.05 * step
        k = math.floor((now - 5.0) / PERIOD + 1e-6)
        time = 5.0 + PERIOD * k

        def read(name, sign, time=time, k=k):
            return Reading(
                time,
                np.array((position(name, PERIOD * k), 0.0)),
                0.0 if sign > 0.0 else math.pi,
                np.array((sign * SPEED, 0.0)),
            )

        wish = Wish(time, np.array((SPEED, 0.0)))
        command, info = chosen.step(Observation(now, read("a", 1.0), {"/b": read("b", -1.0)}, wish))
        gaps.append(info.least_gap)
        commands.append(command.velocity)
    return np.array(gaps), np.array(commands)


def test_barriers_and_commands_are_those_of_the_filter_called_by_hand(bag):
    seen = []
    with Recording(bag) as recording:
        safety = SafetyReplay(recording.channels, parse_navigation(SETTINGS))
        assert safety.neighbours == ("/a", "/b") and list(safety.robots) == ["/a", "/b"]
        safety.run(recording, lambda name, time, command, info: seen.append((name, info.least_gap, command.velocity)))
    gaps, commands = by_hand()
    own = [row for row in seen if row[0] == "/a"][: len(gaps)]
    np.testing.assert_allclose([row[1] for row in own], gaps[: len(own)], atol=1e-6)
    np.testing.assert_allclose([row[2] for row in own], commands[: len(own)], atol=1e-6)
    metrics = safety.robots["/a"].metrics()
    assert len(own) >= 28
    assert metrics["least_gap_m"] < 0.75 and 0.2 < metrics["intervention_fraction"] < 1.0
    assert metrics["velocity_difference_max_mps"] > 0.1


def test_a_bag_of_navigation_alone_is_reported_without_a_robots_readings(bag, tmp_path, capsys):
    options = ReplayOptions(ReplayConfig(), parse_remapping({"navigation": SETTINGS}))
    report = replay_bag(bag, tmp_path, options)
    assert [row.method for row in report.rows] == ["safety filter of /a", "safety filter of /b"]
    show(report, open_console())
    assert "least barrier" in capsys.readouterr().out
    with Recording(tmp_path / "bag") as recording:
        assert {c.topic for c in recording.channels} >= {"/replay/a/cmd_vel", "/replay/b/safety_state"}


def test_odometry_that_goes_backwards_or_jumps_is_refused(bag):
    with Recording(bag) as recording:
        safety = SafetyReplay(recording.channels, parse_navigation(SETTINGS))

    def hear(time):
        unit = np.array((1.0, 0.0, 0.0, 0.0))
        safety._on_odometry("/a", Motion(time, "odom", np.zeros(3), unit, np.zeros(3), np.zeros(3)), None)

    hear(5.0)
    for time, message in ((5.0, "must increase"), (4.0, "must increase"), (1.7e9, "jumps")):
        with pytest.raises(InvalidValue, match=message):
            hear(time)
    hear(5.02)
