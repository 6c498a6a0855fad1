"""A strip below a video: the height error of all runs over time, up to the moment that is shown."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg

from evaluation.figure_style import new_figure, style_of, styled
from evaluation.trace import Trace

Array = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

# A robot that falls leaves the picture; the errors of those that walk set its scale.
LOWEST_MM, HIGHEST_MM = -120.0, 80.0
# Of a video, whose text is smaller than that of a printed figure.
DOTS_PER_INCH = 100
UPRIGHT_MM = -5.0
CURSOR = (40, 40, 40)
FADED = 0.75


class HeightStrip:
    """Curves that are uncovered as time goes on.

    Args:
        traces: The runs; a run that fell ends in a cross.
        size: Width and height [pixel].
        duration: Right end of the axis of time [s].
    """

    def __init__(self, traces: Sequence[Trace], size: tuple[int, int], duration: float) -> None:
        width, height = size
        with styled():
            figure = new_figure(width / DOTS_PER_INCH, height / DOTS_PER_INCH)
            figure.set_dpi(DOTS_PER_INCH)
            axes = figure.subplots()
            errors = []
            for trace in traces:
                v, style = trace.values, style_of(trace.label)
                error = 1e3 * (v["height"] - v["height_reference"])
                begin, end = trace.attention
                watched = (v["time"] >= begin) & (v["time"] <= end)
                errors.append(error[watched])
                # While it rises or lies down, a robot is far below what is asked for.
                error = np.where(watched | (error > UPRIGHT_MM), error, np.nan)
                axes.plot(v["time"], error, color=style.colour, lw=1.5, label=style.label)
                if trace.fell:
                    axes.plot(v["time"][-1], max(error[-1], LOWEST_MM), "x", color=style.colour, ms=7, mew=2, zorder=4)
            seen = np.concatenate([*errors, [-10.0, 10.0]])
            low, high = max(float(seen.min()), LOWEST_MM), min(float(seen.max()), HIGHEST_MM)
            axes.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
            axes.set_xlim(0.0, duration)
            axes.axhline(0.0, color="black", lw=0.8)
            if traces[0].load is not None:
                axes.axvspan(*traces[0].load, color="0.5", alpha=0.12, lw=0)
            axes.set_ylabel("height\nerror [mm]")
            axes.set_xlabel("time [s]")
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.97), frameon=False, ncols=len(traces))
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            self._picture = np.asarray(canvas.buffer_rgba())[:height, :width, :3].copy()
            (left, _), (right, _) = axes.transData.transform([(0.0, 0.0), (duration, 0.0)])
            box = axes.get_window_extent()
        self._columns = (float(left), float(right))
        self._rows = (height - int(box.y1), height - int(box.y0))
        self._duration = duration

    def at(self, time: float) -> Pixels:
        """Draw the strip at one moment.

        Args:
            time: The moment [s].

        Returns:
            Pixels, shape (height, width, 3).
        """
        picture = self._picture.copy()
        (left, right), (top, bottom) = self._columns, self._rows
        column = round(left + (right - left) * min(max(time / self._duration, 0.0), 1.0))
        later = picture[top:bottom, column + 1 : round(right)]
        later[:] = (255.0 - (1.0 - FADED) * (255.0 - later)).astype(np.uint8)
        picture[top:bottom, column : column + 2] = CURSOR
        return picture
