"""What is known of an iteration of the loop."""

from dataclasses import asdict, dataclass, field
from typing import Any

from controllers.errors import InvalidValue


@dataclass(frozen=True)
class IterationReport:
    """Numbers of an iteration.

    Attributes:
        iteration: Its number; 0 is the planner that the loop begins with.
        success: Share of the evaluation goals, the same in every iteration, that the planner reaches.
        goals: Number of evaluation goals.
        reached: Which of them, in the order of their seeds.
        seen: Success on tasks that the models were trained on from demonstrations, by task; empty where not measured.
        collected: Rollouts collected with this planner; 0 in the last iteration.
        collected_success: Share of them that succeeded.
        kept: How many of them passed the filter.
        precision: Share of the kept ones that succeeded; None where nothing was kept.
        recall: Share of the successes that were kept; None where nothing succeeded.
        steps: Environment steps of all rollouts collected so far, without those of evaluations.
        seconds: Time by phase: "collect", "evaluate", "filter", "improve" [s]; what a stop lost is not in it.
        explored: How many of the collected rollouts explored.
        planner: Who plans: "first", a training's "bold" or "cautious" one, or the "same" as in the iteration before.
    """

    iteration: int
    success: float
    goals: int
    reached: tuple[bool, ...]
    seen: dict[str, float] = field(default_factory=dict)
    collected: int = 0
    collected_success: float | None = None
    kept: int = 0
    precision: float | None = None
    recall: float | None = None
    steps: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    explored: int = 0
    planner: str = "bold"

    def to_dict(self) -> dict[str, Any]:
        """Lay it out for a file.

        Returns:
            Plain values by name.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any, source: str) -> "IterationReport":
        """Read it back.

        Args:
            values: What `to_dict` gave.
            source: Named in the error.

        Returns:
            The report.

        Raises:
            InvalidValue: It is no report.
        """
        try:
            return cls(**{**values, "reached": tuple(values["reached"])})
        except (KeyError, TypeError) as error:
            raise InvalidValue(f"'{source}' holds no report of an iteration: {error}") from error
