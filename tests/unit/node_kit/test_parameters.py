import math
from dataclasses import dataclass, field

import pytest

pytest.importorskip("rclpy")

from rclpy.parameter import Parameter

from pronk_node_kit.parameters import ParameterError, declare, param, parameter_table


@dataclass(frozen=True)
class Inner:
    depth: int = param(2, "Depth.", ge=1, le=5)


@dataclass(frozen=True)
class Example:
    rate: float = param(100.0, "Rate [Hz].", ge=1.0, le=1000.0)
    gain: float = param(1.0, "Gain.", ge=0.0, le=10.0, read_only=False)
    floor: float = param(0.0, "Least gain.", read_only=False)
    gait: str = param("trot", "Gait.", choices=("trot", "pace"))
    weights: tuple[float, ...] = param((1.0, 2.0), "Weights.", ge=0.0)
    names: tuple[str, ...] = param((), "Names.")
    enabled: bool = param(True, "Whether to run.")
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self):
        if self.gain < self.floor:
            raise ValueError(f"gain must be >= floor, got {self.gain} < {self.floor}")


def test_defaults_hold_without_overrides(make_node):
    assert declare(make_node(), Example) == Example()


def test_overrides_reach_the_dataclass(make_node):
    node = make_node(rate=50.0, gait="pace", weights=[3.0], names=["a", "b"], enabled=False, inner__depth=4)
    expected = Example(50.0, gait="pace", weights=(3.0,), names=("a", "b"), enabled=False, inner=Inner(4))
    assert declare(node, Example) == expected


def test_ros_sees_values_descriptions_and_ranges(make_node):
    node = make_node(rate=50.0)
    declare(node, Example)
    descriptor = node.describe_parameter("rate")
    assert node.get_parameter("rate").value == 50.0
    assert descriptor.description == "Rate [Hz]."
    assert descriptor.read_only
    assert (descriptor.floating_point_range[0].from_value, descriptor.floating_point_range[0].to_value) == (1.0, 1000.0)
    assert node.describe_parameter("inner.depth").integer_range[0].to_value == 5


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"rat": 50.0},
            r"no parameter 'rat'; known: enabled, floor, gain, gait, inner.depth, names, rate, weights",
        ),
        ({"rate": 20}, r"parameter 'rate' must be a float: write 20.0, got 20"),
        ({"rate": "fast"}, r"parameter 'rate' must be of type float, got 'fast' \(str\)"),
        ({"rate": True}, r"parameter 'rate' must be of type float, got True \(bool\)"),
        ({"rate": 0.5}, r"parameter 'rate' must be >= 1.0, got 0.5"),
        ({"rate": 1e6}, r"parameter 'rate' must be <= 1000.0, got 1000000.0"),
        ({"rate": math.nan}, r"parameter 'rate' must be finite, got nan"),
        ({"rate": math.inf}, r"parameter 'rate' must be finite, got inf"),
        ({"gait": "gallop"}, r"parameter 'gait' must be one of: trot, pace; got 'gallop'"),
        ({"weights": [1, 2]}, r"parameter 'weights' must hold floats: write \[1.0, 2.0\], got \[1, 2\]"),
        ({"weights": [1.0, -1.0]}, r"parameter 'weights' must be >= 0.0, got -1.0"),
        ({"weights": [1.0, math.nan]}, r"parameter 'weights' must be finite, got nan"),
        ({"weights": 1.0}, r"parameter 'weights' must be a list of float, got 1.0"),
        ({"names": "a"}, r"parameter 'names' must be a list of str, got 'a'"),
        ({"enabled": 1}, r"parameter 'enabled' must be of type bool, got 1 \(int\)"),
        ({"inner__depth": 6}, r"parameter 'inner.depth' must be <= 5, got 6"),
        ({"gain": 1.0, "floor": 2.0}, r"gain must be >= floor, got 1.0 < 2.0"),
    ],
)
def test_bad_overrides_are_explained(make_node, overrides, message):
    with pytest.raises(ParameterError, match=message):
        declare(make_node(**overrides), Example)


def test_ros_own_parameters_are_not_unknown(make_node):
    assert declare(make_node(use_sim_time=True), Example) == Example()


def test_a_change_while_running_reaches_the_node(make_node):
    node, seen = make_node(), []
    declare(node, Example, seen.append)
    assert node.set_parameters([Parameter("gain", value=2.0)])[0].successful
    assert seen == [Example(gain=2.0)]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("gain", math.nan, "nan"),
        ("gain", 11.0, "out of range"),
        ("gain", -1.0, "out of range"),
        ("floor", 5.0, "gain must be >= floor"),
        ("floor", math.nan, "must be finite"),
        ("rate", 50.0, "read-only"),
    ],
)
def test_a_bad_change_while_running_is_refused(make_node, name, value, reason):
    node, seen = make_node(), []
    declare(node, Example, seen.append)
    result = node.set_parameters([Parameter(name, value=value)])[0]
    assert not result.successful
    assert reason in result.reason
    assert seen == []


def test_fields_must_be_described(make_node):
    @dataclass(frozen=True)
    class Bare:
        rate: float = 1.0

    with pytest.raises(TypeError, match=r"Bare.rate must be made with param"):
        declare(make_node(), Bare)


def test_the_table_lists_every_parameter():
    table = parameter_table(Example)
    assert "| `rate` | float | `100.0` | >= 1.0, <= 1000.0 | Rate [Hz]. |" in table
    assert "| `gait` | str | `trot` | `trot`, `pace` | Gait. |" in table
    assert "| `inner.depth` | int | `2` | >= 1, <= 5 | Depth. |" in table
