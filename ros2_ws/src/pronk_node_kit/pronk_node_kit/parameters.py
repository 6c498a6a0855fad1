"""Parameters of a node, declared from a frozen dataclass.

One field is one parameter: its default, description and limits stand together, and a value that a user got wrong ends
the node with a message that says what is allowed. ROS itself ignores misspelt names in a parameter file.
"""

import dataclasses
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

T = TypeVar("T")

# Parameters that rclpy declares itself.
BUILT_IN = ("use_sim_time", "start_type_description_service")
_TYPES = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
    tuple[bool, ...]: Parameter.Type.BOOL_ARRAY,
    tuple[int, ...]: Parameter.Type.INTEGER_ARRAY,
    tuple[float, ...]: Parameter.Type.DOUBLE_ARRAY,
    tuple[str, ...]: Parameter.Type.STRING_ARRAY,
}


class ParameterError(Exception):
    """A parameter has an unknown name, a wrong type or a value that is not allowed."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a parameter may be.

    Attributes:
        description: What it does, with its unit.
        ge: Least value, or None.
        le: Greatest value, or None.
        choices: Allowed values; empty for any.
        read_only: Whether it is fixed once the node runs.
    """

    description: str
    ge: float | None = None
    le: float | None = None
    choices: tuple[Any, ...] = ()
    read_only: bool = True


def param(
    default: Any,
    description: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    choices: Sequence[Any] = (),
    read_only: bool = True,
) -> Any:
    """Make a dataclass field that is a parameter.

    Args:
        default: Default value.
        description: What it does, with its unit.
        ge: Least value allowed (of every element, for an array).
        le: Greatest value allowed.
        choices: Allowed values; empty for any.
        read_only: Whether it is fixed once the node runs.

    Returns:
        The field.
    """
    return dataclasses.field(
        default=default, metadata={"limits": Limits(description, ge, le, tuple(choices), read_only)}
    )


@dataclasses.dataclass(frozen=True)
class _Row:
    name: str
    kind: Any
    default: Any
    limits: Limits

    def check(self, value: Any) -> Any:
        if self.kind is float and type(value) is int:
            raise ParameterError(f"parameter '{self.name}' must be a float: write {float(value)}, got {value}")
        if get_origin(self.kind) is tuple:
            element = get_args(self.kind)[0]
            values = self._elements(value, element)
        else:
            element, values = self.kind, (value,)
        for v in values:
            self._check_element(v, element)
        return values if get_origin(self.kind) is tuple else value

    def _elements(self, value: Any, element: type) -> tuple[Any, ...]:
        # A mapping can be iterated over, too, and an empty one would pass for an empty list.
        if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
            raise ParameterError(f"parameter '{self.name}' must be a list of {element.__name__}, got {value!r}")
        values = tuple(value)
        if element is float and values and all(type(v) is int for v in values):
            correct = ", ".join(str(float(v)) for v in values)
            raise ParameterError(f"parameter '{self.name}' must hold floats: write [{correct}], got {list(values)}")
        return values

    def _check_element(self, value: Any, element: type) -> None:
        limits, name = self.limits, self.name
        if type(value) is not element:
            kind = type(value).__name__
            raise ParameterError(f"parameter '{name}' must be of type {element.__name__}, got {value!r} ({kind})")
        if element is float and not math.isfinite(value):
            raise ParameterError(f"parameter '{name}' must be finite, got {value}")
        if limits.ge is not None and value < limits.ge:
            raise ParameterError(f"parameter '{name}' must be >= {limits.ge}, got {value}")
        if limits.le is not None and value > limits.le:
            raise ParameterError(f"parameter '{name}' must be <= {limits.le}, got {value}")
        if limits.choices and value not in limits.choices:
            allowed = ", ".join(str(c) for c in limits.choices)
            raise ParameterError(f"parameter '{name}' must be one of: {allowed}; got {value!r}")

    def descriptor(self) -> ParameterDescriptor:
        limits = self.limits
        result = ParameterDescriptor(name=self.name, description=limits.description, read_only=limits.read_only)
        if limits.choices:
            result.additional_constraints = "one of: " + ", ".join(str(c) for c in limits.choices)
        if limits.ge is not None or limits.le is not None:
            if self.kind is float:
                low = -sys.float_info.max if limits.ge is None else float(limits.ge)
                high = sys.float_info.max if limits.le is None else float(limits.le)
                result.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
            elif self.kind is int:
                low = -(2**63) if limits.ge is None else int(limits.ge)
                high = 2**63 - 1 if limits.le is None else int(limits.le)
                result.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
        return result


def _rows(cls: type, prefix: str = "") -> Iterator[_Row]:
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        name, kind = prefix + field.name, hints[field.name]
        if dataclasses.is_dataclass(kind):
            yield from _rows(kind, name + ".")
            continue
        if "limits" not in field.metadata:
            raise TypeError(f"{cls.__name__}.{field.name} must be made with param(...)")
        if kind not in _TYPES:
            known = ", ".join(
                str(getattr(t, "__name__", t)) if t in (bool, int, float, str) else str(t) for t in _TYPES
            )
            raise TypeError(f"{cls.__name__}.{field.name} has type {kind}; parameters may be: {known}")
        yield _Row(name, kind, field.default, field.metadata["limits"])


def _build(cls: type[T], values: dict[str, Any], prefix: str = "") -> T:
    hints = get_type_hints(cls)
    arguments = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        name, kind = prefix + field.name, hints[field.name]
        nested = dataclasses.is_dataclass(kind)
        arguments[field.name] = _build(kind, values, name + ".") if nested else values[name]
    try:
        return cls(**arguments)
    except ParameterError:
        raise
    except ValueError as error:
        raise ParameterError(str(error)) from error


def declare(node: Node, cls: type[T], on_change: Callable[[T], None] | None = None) -> T:
    """Declare one parameter per field and return their values.

    Args:
        node: Node to declare them on.
        cls: Frozen dataclass whose fields are made with `param`, or are dataclasses of such fields ("outer.inner").
        on_change: Called with the new values when a parameter that is not read-only was set while the node runs.

    Returns:
        The values in force.

    Raises:
        ParameterError: Unknown name, wrong type, NaN, out of range, or refused by the dataclass itself.
    """
    rows = {row.name: row for row in _rows(cls)}
    overrides = {name: override.value for name, override in node._parameter_overrides.items()}
    unknown = sorted(n for n in overrides if n not in rows and n not in BUILT_IN and not n.startswith("qos_overrides."))
    if unknown:
        known = ", ".join(sorted(rows)) or "none"
        raise ParameterError(
            f"node '{node.get_name()}' has no parameter {', '.join(repr(n) for n in unknown)}; known: {known}"
        )
    values = {name: row.check(overrides.get(name, row.default)) for name, row in rows.items()}
    current = _build(cls, values)
    for name, row in rows.items():
        descriptor = row.descriptor()
        descriptor.type = _TYPES[row.kind].value
        if row.default == ():
            # ROS cannot tell the type of an empty list; such a parameter stays unset until somebody sets it.
            node.declare_parameter(name, _TYPES[row.kind], descriptor)
        else:
            default = list(row.default) if isinstance(row.default, tuple) else row.default
            node.declare_parameter(name, default, descriptor)
    if on_change is not None:
        _follow_changes(node, cls, rows, values, on_change)
    return current


def _follow_changes(
    node: Node, cls: type[T], rows: dict[str, _Row], values: dict[str, Any], on_change: Callable[[T], None]
) -> None:
    def proposed(parameters: list[Parameter]) -> dict[str, Any]:
        changes = {p.name: rows[p.name].check(p.value) for p in parameters if p.name in rows}
        return {**values, **changes}

    def check(parameters: list[Parameter]) -> SetParametersResult:
        try:
            _build(cls, proposed(parameters))
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def follow(parameters: list[Parameter]) -> None:
        values.update(proposed(parameters))
        on_change(_build(cls, values))

    node.add_on_set_parameters_callback(check)
    node.add_post_set_parameters_callback(follow)


def parameter_table(cls: type) -> str:
    """Describe the parameters of a node for its documentation.

    Args:
        cls: Dataclass of parameters.

    Returns:
        A Markdown table: name, type, default, allowed values, meaning.
    """
    lines = ["| Parameter | Type | Default | Allowed | Meaning |", "|---|---|---|---|---|"]
    for row in _rows(cls):
        limits = row.limits
        kind = row.kind.__name__ if isinstance(row.kind, type) and get_origin(row.kind) is None else str(row.kind)
        if limits.choices:
            allowed = ", ".join(f"`{c}`" for c in limits.choices)
        else:
            bounds = [f">= {limits.ge}"] if limits.ge is not None else []
            bounds += [f"<= {limits.le}"] if limits.le is not None else []
            allowed = ", ".join(bounds) or "any"
        default = "[" + ", ".join(str(v) for v in row.default) + "]" if isinstance(row.default, tuple) else row.default
        lines.append(f"| `{row.name}` | {kind} | `{default}` | {allowed} | {limits.description} |")
    return "\n".join(lines) + "\n"
