"""Whatever stands in a launch file, a recording profile or a parameter, only our own errors come of it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from fuzzing import WORDS, damaged, many, scalars, spoilt, trees
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from pronk_bringup.errors import LaunchError
from pronk_bringup.expansion import declared_arguments, expand
from pronk_bringup.recorder_node import RecorderParameters, read_profile
from pronk_bringup.substitutions import Scope, split_command_line, substitute
from pronk_gateway.gatekeeper_node import GatekeeperParameters
from pronk_gateway.teleop_node import TeleopParameters
from pronk_node_kit.parameters import ParameterError, declare

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
SHIPPED = yaml.safe_load((LAUNCH / "go2_sim.launch.yaml").read_text(encoding="utf-8"))
SMALL = {
    "launch": [
        {"arg": {"name": "a", "default": "1", "description": "A.", "choice": [{"value": "1"}, {"value": "2"}]}},
        {"let": {"name": "b", "value": "$(var a)"}},
        {"set_env": {"name": "X", "value": "$(env HOME /)"}},
        {
            "group": [
                {"push_ros_namespace": {"namespace": "$(if $(equals $(var a) 1) one two)"}},
                {
                    "node": {
                        **{"pkg": "pronk_gateway", "exec": "gatekeeper_node", "name": "g", "if": "$(var a)"},
                        **{"args": "--x '$(dirname)'", "output": "screen", "sigterm_timeout": "3"},
                        "param": [
                            {"name": "damping", "value": "$(var b)", "type": "float"},
                            {"name": "l", "value": [1]},
                        ],
                        "remap": [{"from": "x", "to": "y"}],
                        "env": [{"name": "Y", "value": "1"}],
                    }
                },
                {"executable": {"cmd": "true $(var b)", "cwd": "$(dirname)"}},
            ]
        },
    ]
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def read(folder, text, arguments):
    path = folder / "x.launch.yaml"
    path.write_bytes(text)
    for attempt in (lambda: declared_arguments(path), lambda: expand(path, arguments, folder)):
        try:
            attempt()
        except LaunchError as error:
            assert str(error)


@many()
@given(tree=spoilt(SMALL) | spoilt(SHIPPED), value=st.sampled_from(WORDS))
def test_a_launch_file_with_something_wrong_is_expanded_or_refused(folder, tree, value):
    read(folder, yaml.safe_dump(tree, allow_unicode=True).encode(), {"a": value})


@many()
@given(damaged(yaml.safe_dump(SMALL).encode()) | st.binary(max_size=60))
def test_a_damaged_launch_file_is_expanded_or_refused(folder, text):
    read(folder, text, {})


@many(300)
@given(st.lists(st.sampled_from([*WORDS, "$(not ", "$(dirname)", "$(if true ", "'", '"', " ", "\\"]), max_size=8))
def test_any_text_is_substituted_or_refused(pieces):
    scope = Scope(Path("x"), {"x": "1"}, {})
    for attempt in (substitute, split_command_line):
        try:
            attempt("".join(pieces), scope)
        except LaunchError as error:
            assert str(error)


@many()
@given(spoilt({"topics": ["joint_states", "odom"]}).map(lambda tree: yaml.safe_dump(tree).encode()) | st.binary())
def test_any_recording_profile_is_read_or_refused(folder, text):
    path = folder / "profile.yaml"
    path.write_bytes(text)
    try:
        assert all(isinstance(name, str) for name in read_profile(path))
    except ParameterError as error:
        assert str(error)


class Declared:
    """As much of a node as the declaration of parameters touches."""

    def __init__(self, overrides):
        self._parameter_overrides = {name: SimpleNamespace(value=value) for name, value in overrides.items()}

    def get_name(self):
        return "node"

    def declare_parameter(self, name, default, descriptor):
        assert descriptor.name == name


CLASSES = (GatekeeperParameters, TeleopParameters, RecorderParameters)


@many(300)
@given(data=st.data(), cls=st.sampled_from(CLASSES))
def test_any_value_of_a_parameter_is_taken_or_refused(data, cls):
    names = st.sampled_from([*cls.__dataclass_fields__, "use_sim_time", "nonsense"]) | st.text(max_size=5)
    overrides = data.draw(st.dictionaries(names, scalars | st.lists(scalars, max_size=3) | trees, max_size=4))
    try:
        values = declare(Declared(overrides), cls)
    except ParameterError as error:
        assert str(error)
    else:
        assert all(
            getattr(values, name) == value or isinstance(value, list)
            for name, value in overrides.items()
            if name in cls.__dataclass_fields__
        )


def test_an_empty_mapping_does_not_pass_for_an_empty_list():
    with pytest.raises(ParameterError, match=r"parameter 'topics' must be a list of str, got {}"):
        declare(Declared({"topics": {}}), RecorderParameters)
