"""Checks of settings that several configurations share."""

from typing import Any

import numpy as np

from controllers.errors import InvalidValue


def refuse_negative(config: Any) -> None:
    """Refuse a configuration with a field that is negative or not finite.

    Args:
        config: A dataclass all of whose fields are numbers.

    Raises:
        InvalidValue: Names class and field.
    """
    for name in config.__dataclass_fields__:
        value = getattr(config, name)
        if not (np.isfinite(value) and value >= 0.0):
            raise InvalidValue(f"{type(config).__name__}.{name} must be finite and not negative, got {value}")
