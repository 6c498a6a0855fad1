"""A run thinned to what a plot needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.quadruped.metrics import heading_velocity
from evaluation.measurement import fall_time
from evaluation.rollout import RunLog
from evaluation.windows import Window, load

Array = npt.NDArray[np.float64]

KEPT = ("time", "height", "height_reference", "velocity_reference", "residual", "true_wrench", "roll", "pitch")
# Runs that were recorded elsewhere have no uncertainty.
OPTIONAL = ("residual_std",)
SPACING_S = 0.01


@dataclass(frozen=True)
class Trace:
    """Curves of one run.

    Attributes:
        label: What is written beside its curves.
        fell: Whether the run ended in a fall.
        window: Where tracking is measured [s].
        load: When the payload or push acts [s]; None for never.
        values: By name, time first: those in `KEPT`, those in `OPTIONAL` that the run has, and
            "velocity_heading" (T, 3).
        solve_time: Times of the plans, shape (P,) [s].
    """

    label: str
    fell: bool
    window: Window
    load: Window | None
    values: Mapping[str, Array]
    solve_time: Array

    @property
    def attention(self) -> Window:
        """When there is something to look at: load and window with a second around them, without rising and lying."""
        spans = [self.window, *([] if self.load is None else [self.load])]
        return min(begin for begin, _ in spans) - 1.0, max(end for _, end in spans) + 1.0

    @classmethod
    def of(cls, log: RunLog, label: str, window: Window) -> "Trace":
        """Thin a run.

        Args:
            log: The run.
            label: What is written beside its curves.
            window: Where tracking is measured [s].

        Returns:
            Its trace.
        """
        time = log.values["time"]
        every = max(1, round(SPACING_S * (len(time) - 1) / max(time[-1] - time[0], SPACING_S)))
        kept = (*KEPT, *(name for name in OPTIONAL if name in log.values))
        thin = {name: log.values[name][::every] for name in kept}
        thin["velocity_heading"] = heading_velocity(
            log.values["velocity_body"][::every], log.values["orientation"][::every]
        )
        solve = log.values["solve_time"]
        return cls(label, fall_time(log) is not None, window, load(log.scenario), thin, solve[np.isfinite(solve)])

    def save(self, path: Path) -> None:
        """Write it to a file.

        Args:
            path: NumPy archive; its folder is made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {f"value_{name}": array.astype(np.float32) for name, array in self.values.items()}
        arrays["label"], arrays["fell"], arrays["solve_time"] = self.label, self.fell, self.solve_time
        arrays["window"] = np.array(self.window)
        arrays["load"] = np.full(2, np.nan) if self.load is None else np.array(self.load)
        np.savez_compressed(path, **arrays)

    @classmethod
    def read(cls, path: Path) -> "Trace":
        """Read a file that `save` wrote.

        Args:
            path: NumPy archive.

        Returns:
            The trace.
        """
        with np.load(path) as archive:
            window, loaded = archive["window"].tolist(), archive["load"].tolist()
            values = {
                name.removeprefix("value_"): archive[name].astype(np.float64)
                for name in archive.files
                if name.startswith("value_")
            }
            return cls(
                str(archive["label"]),
                bool(archive["fell"]),
                (window[0], window[1]),
                None if np.isnan(loaded[0]) else (loaded[0], loaded[1]),
                values,
                archive["solve_time"],
            )
