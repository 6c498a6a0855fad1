"""What every command does with its words and its screen."""

from pathlib import Path
from typing import Any

LOG_WIDTH = 140


def open_console() -> Any:
    """Make the console; a log file has no width, and tables that are squeezed into 80 columns cannot be read there.

    Returns:
        A `rich` console, which is imported only now.
    """
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, LOG_WIDTH))


def open_bar(console: Any) -> Any:
    """Make a bar that counts, for work of known length.

    Args:
        console: Where it is shown.

    Returns:
        A `rich` bar, which is imported only now.
    """
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    return Progress(*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn(), console=console)


def data_folders(text: str | None, asker: str) -> list[Path]:
    """Take the folders of recorded episodes apart.

    Args:
        text: Folders with commas between them; None where the word was left out.
        asker: Who needs them, for the message.

    Returns:
        The folders.

    Raises:
        InvalidValue: There are none.
    """
    from controllers.errors import InvalidValue

    names = split_names(text)
    if not names:
        raise InvalidValue(f"{asker} needs --data: folders that 'pronk collect' has filled")
    return [Path(name) for name in names]


def split_names(text: str | None) -> list[str] | None:
    """Take a list of names apart.

    Args:
        text: Names with commas between them; None where the word was left out.

    Returns:
        The names, or None.
    """
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
