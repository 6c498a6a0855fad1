"""What the safety filter of a recorded run was told: sizes, limits, obstacles, and how wishes come about."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from controllers.errors import InvalidValue, UnknownName
from controllers.safety.gains import FixedGains, GainSchedule
from controllers.safety.goal_seeking import GoalSeekingConfig
from controllers.safety.liveness import Liveness
from controllers.safety.obstacles import Obstacle, Obstacles, disc, segment
from controllers.safety.run_time_filter import RunTimeConfig

LIVENESS, FIXED = "liveness", "fixed"
SCHEDULES = (LIVENESS, FIXED)
LIMITS = tuple(f.name for f in fields(RunTimeConfig))
OTHERS = ("odom", "schedule", "gain", "cruise", "tolerance", "discs", "walls")


@dataclass(frozen=True)
class NavigationSettings:
    """Settings of the filter, as its node has them.

    Attributes:
        odom: Topic of the odometry below each robot's namespace; empty for `odom`, or else `ground_truth/odom`.
        limits: Sizes, limits and timeouts.
        schedule: "liveness" or "fixed".
        gain: Gain of the fixed schedule [1/s].
        seeking: How a goal becomes a wish where no velocity was recorded.
        discs: Round obstacles: x, y, radius [m].
        walls: Straight obstacles: x, y, x, y, half the thickness [m].
    """

    odom: str = ""
    limits: RunTimeConfig = field(default_factory=RunTimeConfig)
    schedule: str = LIVENESS
    gain: float = 1.0
    seeking: GoalSeekingConfig = field(default_factory=GoalSeekingConfig)
    discs: tuple[tuple[float, ...], ...] = ()
    walls: tuple[tuple[float, ...], ...] = ()

    def gain_schedule(self) -> GainSchedule:
        """Make a schedule; each robot needs one of its own."""
        return Liveness(self.limits.period) if self.schedule == LIVENESS else FixedGains(self.gain)

    def obstacles(self) -> Obstacles:
        """Pack what does not move."""
        items: list[Obstacle] = [disc(row[:2], row[2]) for row in self.discs]
        items += [segment(row[:2], row[2:4], row[4]) for row in self.walls]
        return Obstacles.of([items])


def parse_navigation(tree: Any) -> NavigationSettings:
    """Check the settings of a file.

    Args:
        tree: Its part about navigation; None for the defaults.

    Returns:
        The settings.

    Raises:
        InvalidValue: A value makes no sense.
        UnknownName: A key means nothing.
    """
    if tree is None:
        return NavigationSettings()
    if not isinstance(tree, dict):
        raise InvalidValue(f"navigation must hold keys and values, got {tree!r}")
    for key in tree:
        if key not in (*LIMITS, *OTHERS):
            raise UnknownName("key in navigation", str(key), (*LIMITS, *OTHERS))
    odom, schedule = tree.get("odom", ""), tree.get("schedule", LIVENESS)
    if not isinstance(odom, str):
        raise InvalidValue(f"navigation.odom must be the name of a topic, got {odom!r}")
    if schedule not in SCHEDULES:
        raise UnknownName("schedule", str(schedule), SCHEDULES)
    limits = RunTimeConfig(**{name: _number(tree, name) for name in LIMITS if name in tree})
    chosen = {"speed": "cruise", "tolerance": "tolerance"}
    seeking = {name: _number(tree, key) for name, key in chosen.items() if key in tree}
    gain = _number(tree, "gain") if "gain" in tree else 1.0
    return NavigationSettings(
        odom.strip("/"),
        limits,
        schedule,
        gain,
        GoalSeekingConfig(**{"yaw_rate": limits.yaw_rate, **seeking}),
        _rows(tree, "discs", 3),
        _rows(tree, "walls", 5),
    )


def _number(tree: Mapping[Any, Any], key: str) -> float:
    value = tree[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9:
        raise InvalidValue(f"navigation.{key} must be a number, got {value!r}")
    return float(value)


def _rows(tree: Mapping[Any, Any], key: str, width: int) -> tuple[tuple[float, ...], ...]:
    rows = tree.get(key, [])
    if not isinstance(rows, list):
        raise InvalidValue(f"navigation.{key} must be a list of obstacles, got {rows!r}")
    for row in rows:
        numbers = isinstance(row, list) and all(isinstance(v, (int, float)) and abs(v) < 1e9 for v in row)
        if not numbers or len(row) != width:
            raise InvalidValue(f"navigation.{key}: each obstacle must be {width} numbers, got {row!r}")
    return tuple(tuple(float(v) for v in row) for row in rows)
