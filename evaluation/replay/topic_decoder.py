"""Decodes the messages of one topic, many at once where they are alike."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from controllers.errors import InvalidValue
from evaluation.replay.decoding import NAMES, Names
from evaluation.replay.message_layout import Block, MessageReader, Values

T = TypeVar("T")


class TopicDecoder(Generic[T]):
    """Turns serialised messages of one topic into what the cores take.

    Messages that are alike are decoded together, in a fraction of the time; what comes out is the same to the bit.
    """

    def __init__(
        self,
        reader: MessageReader,
        convert: Callable[[Values], T],
        names: Names | None = None,
        together: Callable[[Block], list[T]] | None = None,
    ) -> None:
        """Set what is made of a message.

        Args:
            reader: Reads the fields.
            convert: Makes something of them or raises `InvalidValue`; the same whenever it is called.
            names: Order of the lists, where `convert` picks by it; None where there are no names.
            together: Does the same to several messages, already in that order; None where it is done one by one.
        """
        self._reader = reader
        self._convert = convert
        self._names = names
        self._together = together

    def one(self, data: bytes) -> T:
        """Decode one message.

        Args:
            data: Its bytes.

        Returns:
            What is made of it.

        Raises:
            InvalidValue: It is no message of this topic, or a value in it makes no sense.
        """
        return self._convert(self._reader.read(data))

    def many(self, messages: Sequence[bytes]) -> list[T] | None:
        """Decode messages together.

        Args:
            messages: Their bytes.

        Returns:
            What `one` makes of each; None where they are not alike or one of them is refused, so that each must be
            decoded by itself.
        """
        block = self._reader.read_block(messages)
        if block is not None and self._names is not None:
            block = self._names.pick_block(NAMES, block)
        if block is None:
            return None
        try:
            return list(map(self._convert, block)) if self._together is None else self._together(block)
        except InvalidValue:
            return None
