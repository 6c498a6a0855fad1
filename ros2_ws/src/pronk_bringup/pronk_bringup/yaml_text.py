"""Reading of YAML in which anything may stand."""

from typing import Any

import yaml

from pronk_bringup.errors import LaunchError

# PyYAML's own constructors fall over impossible dates, tags without a value and endless nesting with errors of Python.
FAILURES = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)


def load_yaml(text: str | bytes, where: str) -> Any:
    """Read YAML without making anything but plain values.

    Args:
        text: The text, or UTF-8.
        where: Where it stands, for errors.

    Returns:
        What it says.

    Raises:
        LaunchError: It is not YAML.
    """
    try:
        return yaml.safe_load(text if isinstance(text, str) else text.decode("utf-8"))
    except FAILURES as error:
        raise LaunchError(f"{where}: not valid YAML: {error}") from None
