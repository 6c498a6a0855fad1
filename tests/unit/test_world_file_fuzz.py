"""Whatever stands in a case file or in a scene file, only our own errors come of it."""

import json

import pytest
import yaml
from fuzzing import damaged, many, spoilt
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from sim.case_files import load_cases
from sim.navigation_files import load_scenes

CASES = [
    {
        **{"name": "everything", "robot": "go1", "duration_s": 12, "initial_pose": "lie", "seed": 7},
        "command": [{"at_s": 0, "vx": 0.5}, {"at_s": 5.0, "vx": 0, "gait": "pace", "body_height": 0.28, "roll": 0.05}],
        "payload": [{"at_s": 2, "until_s": 6, "mass_kg": 5, "offset_m": [-0.1, 0, 0.1]}],
        "wrench": [{"at_s": 7, "until_s": 8, "force_n": [0, 40, 0], "torque_nm": [0, 0, 2], "frame": "body"}],
        "periodic": [{"at_s": 8, "until_s": 9, "force_n": [0, 0, 30], "period_s": 0.44}],
        "leg_strength": [1, 1, 0.85, 1],
        "drag": [{"at_s": 9, "linear": [0, 60, 0], "quadratic": [120, 0, 0]}],
        "terrain": {"kind": "rough", "peak_to_peak_m": 0.04, "seed": 2},
        "friction": {"kind": "patches", "width_m": 0.3, "values": [0.6, 0.3]},
        "sensors": {"delay_ticks": 2, "foot_sensors": False},
    },
    {"name": "small", "duration_s": 3.0, "command": [{"vx": 0.3}]},
]
SCENES = [
    {
        **{"name": "swap", "dynamics": "single_integrator", "time_limit_s": 60.0, "dt_s": 0.05},
        "goal_tolerance_m": 0.1,
        "arena": [[-5, -5], [5, 5]],
        "agents": [
            {"start": [0, 0], "goal": [3, 0], "speed": 1.0, "radius": 0.3, "cooperative": True},
            {"start": [3, 1], "goal": [0, 1], "speed": 1.0, "radius": 0.3},
        ],
        "obstacles": [
            {"disc": [1, 3, 0.5]},
            {"polygon": [[-1, -3], [1, -3], [0, -2]]},
            {"segment": [[-2, -4], [2, -4]], "radius": 0.05},
        ],
    },
    {
        "dynamics": {"kind": "unicycle"},
        "agents": [{"start": [0, 0], "goal": [1, 1], "speed": 1.0, "radius": 0.3}],
    },
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


def read(file, load, content):
    file.write_bytes(content)
    try:
        assert load(file)
    except InvalidValue as error:
        assert str(file) in str(error)


def test_the_files_that_are_spoilt_are_good_to_begin_with(file):
    file.write_text(yaml.safe_dump(CASES))
    assert len(load_cases(file)) == 2
    file.write_text(json.dumps(SCENES))
    assert len(load_scenes(file)) == 2


AWKWARD = ["2001-99-99", "!!bool x", "!!int ''", "!!timestamp x", "[" * 3000, "{" * 3000, "\x00", "&a [*a]"]


@pytest.mark.parametrize("load", [load_cases, load_scenes])
@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_what_libraries_fall_over_is_refused(file, load, text):
    file.write_text(text)
    with pytest.raises(InvalidValue, match="file"):
        load(file)


@many()
@given(spoilt(CASES))
def test_a_case_file_with_something_wrong_is_read_or_refused(file, tree):
    read(file, load_cases, yaml.safe_dump(tree, allow_unicode=True).encode())


@many()
@given(damaged(yaml.safe_dump(CASES[1:]).encode()) | st.binary(max_size=60))
def test_a_damaged_case_file_is_read_or_refused(file, content):
    read(file, load_cases, content)


@many()
@given(spoilt(SCENES))
def test_a_scene_file_with_something_wrong_is_read_or_refused(file, tree):
    read(file, load_scenes, json.dumps(tree, default=str).encode())


@many()
@given(damaged(json.dumps(SCENES).encode()) | st.binary(max_size=60))
def test_a_damaged_scene_file_is_read_or_refused(file, content):
    read(file, load_scenes, content)
