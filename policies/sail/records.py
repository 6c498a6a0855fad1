"""What a loop writes down: files of plain values, each whole or not there."""

import json
from pathlib import Path
from typing import Any

from controllers.errors import InvalidValue


def write_json(path: Path, value: Any) -> None:
    """Write a file whole or not at all.

    Args:
        path: The file; its folder is made.
        value: Plain values.

    Raises:
        OSError: It cannot be written; what was there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """Read such a file.

    Args:
        path: The file.

    Returns:
        What it holds; None where there is none.

    Raises:
        InvalidValue: It is damaged.
    """
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidValue(f"'{path}' cannot be read: {error}") from error
