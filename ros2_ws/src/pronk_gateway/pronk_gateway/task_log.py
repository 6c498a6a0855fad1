"""What is kept of a run of the planner's world: for the table, the results and the video."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sim.plan_video import Judged, PlanShown, TaskShown, write_task_video

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PlanNote:
    """A plan.

    Attributes:
        time: When it was asked for [s].
        frames: The present and the imagined, shape (K + 1, size, size, 3).
        steps_per_frame: Steps between frames.
        confidence: Of the plan.
        duration: How long it took [s].
    """

    time: float
    frames: Image
    steps_per_frame: float
    confidence: float
    duration: float


@dataclass
class TaskLog:
    """A run from its first picture to its end.

    Attributes:
        task: Name of the task.
        instruction: What was to be done.
        seed: Of the episode.
        period: Duration of a step [s].
        steps: Steps so far.
        success_at: When the task first succeeded [s]; None where it did not.
        plans: In order of time.
        judgements: Named numbers by time.
        plan_states: Numbers of plans whose pictures have not come, by time.
        plan_rows: Pictures of plans whose numbers have not come, by time.
    """

    task: str
    instruction: str
    seed: int
    period: float
    steps: int = 0
    success_at: float | None = None
    plans: list[PlanNote] = field(default_factory=list)
    judgements: dict[float, dict[str, float]] = field(default_factory=dict)
    plan_states: dict[float, dict[str, float]] = field(default_factory=dict)
    plan_rows: dict[float, Image] = field(default_factory=dict)
    _pictures: list[tuple[float, Image]] = field(default_factory=list)

    def begin(self, time: float, picture: Image) -> None:
        """Forget everything, since the world was reset.

        Args:
            time: Now [s].
            picture: First picture.
        """
        self.steps, self.success_at = 0, None
        for kept in (self.plans, self._pictures):
            kept.clear()
        for named in (self.judgements, self.plan_states, self.plan_rows):
            named.clear()
        self.see(time, picture, False)

    def see(self, time: float, picture: Image, success: bool) -> None:
        """Note a moment.

        Args:
            time: Now [s].
            picture: What the planner's camera sees.
            success: Whether the task is done.
        """
        self._pictures.append((time, picture))
        if success and self.success_at is None:
            self.success_at = time

    def judge(self, time: float, values: dict[str, float]) -> None:
        """Note a judgement.

        Args:
            time: Of the state that it is about [s].
            values: Named numbers.
        """
        # One of before a reset is about another run.
        if time >= self._pictures[0][0] - 1e-9:
            self.judgements[time] = values

    def results(self, failure: str) -> dict[str, object]:
        """Tell how it went.

        Args:
            failure: Why it ended without success; empty with it.

        Returns:
            Numbers and texts by name, with units in the names.
        """
        last = self.judgements[max(self.judgements)] if self.judgements else {}
        times = [plan.duration for plan in self.plans]
        return {
            "task": self.task,
            "instruction": self.instruction,
            "seed": self.seed,
            "success": self.success_at is not None,
            "failure": failure,
            "steps": self.steps,
            "elapsed_s": round(self._pictures[-1][0] - self._pictures[0][0], 6),
            "plans": len(self.plans),
            "plan_time_mean_s": float(np.mean(times)) if times else None,
            "plan_time_max_s": max(times, default=None),
            "confidence_mean": float(np.mean([plan.confidence for plan in self.plans])) if self.plans else None,
            "judgements": len(self.judgements),
            "progress": last.get("progress"),
            "judged_success": last.get("success"),
            "judge_confidence": last.get("confidence"),
        }

    def table(self, failure: str) -> str:
        """Write how it went as a table.

        Args:
            failure: Why it ended without success; empty with it.

        Returns:
            Markdown.
        """
        rows = [f"| {name} | {_shown(value)} |" for name, value in self.results(failure).items() if value != ""]
        return "\n".join(["| | |", "|---|---|", *rows])

    def write(self, folder: Path, failure: str) -> None:
        """Write table and results.

        Args:
            folder: Where; it is made.
            failure: Why it ended without success; empty with it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.md").write_text(self.table(failure) + "\n", encoding="utf-8")
        text = json.dumps(self.results(failure), indent=2, allow_nan=False)
        (folder / "results.json").write_text(text + "\n", encoding="utf-8")

    def write_video(self, path: Path, fps: int) -> int:
        """Write what was imagined, what was, and the progress.

        Args:
            path: An MP4 file.
            fps: Pictures per second.

        Returns:
            Number of pictures.
        """
        plans = [
            PlanShown(plan.time, plan.frames, plan.steps_per_frame * self.period, plan.confidence)
            for plan in sorted(self.plans, key=lambda plan: plan.time)
        ]
        judged = [
            Judged(time, values.get("progress", 0.0), values.get("deviation", 0.0))
            for time, values in sorted(self.judgements.items())
        ]
        times, pictures = zip(*self._pictures, strict=True)
        label = f"{self.task}: {self.instruction}"
        return write_task_video(path, TaskShown(label, times, pictures, plans, judged, self.success_at), fps)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
