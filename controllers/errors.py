"""Exceptions that tell a caller of their misuse.

A solver that finds no solution is a value (`found=False`), never one of these.
"""

from collections.abc import Iterable


class ControlError(Exception):
    """Base of every error that Pronk's cores raise on purpose."""


class UnknownName(ControlError, KeyError):
    """A name was given that does not exist; the message lists those that do."""

    def __init__(self, kind: str, got: str, available: Iterable[str]) -> None:
        """Build the message.

        Args:
            kind: What was looked up, such as "gait".
            got: The name that was given.
            available: The names that exist.
        """
        self.message = f"unknown {kind} '{got}'; available: {', '.join(sorted(available))}"
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the message itself (KeyError would print its repr)."""
        return self.message


class InvalidValue(ControlError, ValueError):
    """A value has the wrong shape, is not finite, or lies outside its range."""


class MissingModel(ControlError, FileNotFoundError):
    """A robot model or weight file is not where its package should have put it."""
