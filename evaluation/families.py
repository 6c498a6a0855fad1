"""Which cases belong together, and how hard each is: for plots with an axis of load."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LEVEL = re.compile(r"(?<![\w.])(\d+(?:[.p]\d+)?)(kg|g|n|hz|deg|mm|cm|m|ms|mps|pc|percent)?(?![\w.])", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a case stands among others.

    Attributes:
        family: Cases that differ in their level only.
        level: How hard it is; None where it has no number.
        unit: Unit of the level; empty for none.
    """

    family: str
    level: float | None = None
    unit: str = ""


def place_of(case: str) -> Place:
    """Read the place of a case off its name: its first number is the level, the rest is the family.

    Args:
        case: Name, as "payload_8kg" or "force_down_4g".

    Returns:
        Its place.
    """
    words = case.split("_")
    for number, word in enumerate(words):
        found = LEVEL.fullmatch(word)
        if found:
            family = "_".join(words[:number] + words[number + 1 :]) or case
            return Place(family, float(found[1].replace("p", ".")), found[2] or "")
    return Place(case)


def places(cases: Iterable[str], suite: Any = None) -> dict[str, Place]:
    """Find the places of cases.

    Args:
        cases: Names.
        suite: Suite whose cases may tell their family, level and unit themselves; what they do not tell is read off
            their names.

    Returns:
        Place by name.
    """
    described = {case.name: case for case in getattr(suite, "cases", ())}
    found = {}
    for name in cases:
        read, case = place_of(name), described.get(name)
        found[name] = Place(
            getattr(case, "family", None) or read.family,
            read.level if getattr(case, "level", None) is None else float(case.level),
            getattr(case, "unit", None) or read.unit,
        )
    return found


def families(places: Mapping[str, Place]) -> dict[str, list[str]]:
    """Group cases.

    Args:
        places: Place by name of the case.

    Returns:
        By family, in order of appearance: its cases in the order of their level.
    """
    grouped: dict[str, list[str]] = {}
    for name, place in places.items():
        grouped.setdefault(place.family, []).append(name)
    for members in grouped.values():
        members.sort(key=lambda name: (places[name].level is None, places[name].level or 0.0))
    return grouped
