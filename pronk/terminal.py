"""What every command does with its words and its screen."""

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


def split_names(text: str | None) -> list[str] | None:
    """Take a list of names apart.

    Args:
        text: Names with commas between them; None where the word was left out.

    Returns:
        The names, or None.
    """
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
