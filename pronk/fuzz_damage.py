"""Damages bytes in the ways in which files and messages get damaged, and in those that parsers dislike."""

import random
from collections.abc import Sequence

# Where a parser expects something else: numbers at their ends, other types, brackets that never close, odd text.
TOKENS = (
    *(
        b"",
        b"0",
        b"-1",
        b"1e999",
        b"nan",
        b".inf",
        b"null",
        b"true",
        b"~",
        b"''",
        b"[]",
        b"{}",
        b"9" * 40,
        b"0x7f",
        b"1_0",
    ),
    *(
        b"2001-99-99",
        b"!!bool x",
        b"!!int ''",
        b"!!timestamp x",
        b"&a [*a]",
        b"*b",
        b"<<: x",
        b"- ",
        b": ",
        b"? ",
        b"%",
    ),
    *(b"$(", b"$(var ", b"$(env", b")", b"'", b'"', b"\\", b"\n", b"\t", b"[" * 300, b"{" * 300, b"\x00", b"\xff\xfe"),
    *("ü".encode(), b"\xed\xa0\x80", b"../", b"/dev/null", b"\xff\xff\xff\xff", b"\x00\x00\xc0\x7f", b"\x00" * 8),
)
MOST_CHANGES = 6


def damage(rng: random.Random, examples: Sequence[bytes]) -> bytes:
    """Damage a good input.

    Args:
        rng: All chance comes from it.
        examples: Good inputs; one of them is damaged, another may lend a piece.

    Returns:
        What became of it; now and then nothing but noise.
    """
    if rng.random() < 0.02:
        return rng.randbytes(rng.randrange(200))
    data = bytearray(rng.choice(examples))
    # Mostly few: what is damaged in one place gets past the first checks.
    for _ in range(min(1 + int(rng.expovariate(0.7)), MOST_CHANGES)):
        rng.choice(_CHANGES)(rng, data, examples)
    return bytes(data)


def _flip(rng: random.Random, data: bytearray, examples: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, data: bytearray, examples: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _overwrite(rng: random.Random, data: bytearray, examples: Sequence[bytes]) -> None:
    if data:
        at = rng.randrange(len(data))
        token = rng.choice(TOKENS)[: len(data) - at]
        data[at : at + len(token)] = token


def _insert(rng: random.Random, data: bytearray, examples: Sequence[bytes]) -> None:
    at = rng.randint(0, len(data))
    data[at:at] = rng.choice(TOKENS)


def _lose(rng: random.Random, data: bytearray, examples: Sequence[bytes]) -> None:
    at = rng.randint(0, len(data))
    del data[at : at + rng.randint(1, 16)]


def _cut(rng: random.Random, data: bytearray, examples: Sequence[bytes]) -> None:
    if rng.random() < 0.3:
        del data[rng.randint(0, len(data)) :]


def _borrow(rng: random.Random, data: bytearray, examples: Sequence[bytes]) -> None:
    other = rng.choice(examples)
    start, length = rng.randint(0, len(other)), rng.randint(1, 64)
    at = rng.randint(0, len(data))
    data[at : at + rng.choice((0, length))] = other[start : start + length]


_CHANGES = (_flip, _set, _overwrite, _insert, _lose, _cut, _borrow)
