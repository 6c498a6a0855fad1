"""Pictures of navigation: the paths of all robots of a scene, and the same as a video."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon

from controllers.errors import InvalidValue
from controllers.safety.obstacles import Obstacle
from evaluation.figure_style import new_figure, save_figure, styled
from evaluation.navigation_rollout import Outcome
from sim.navigation_scene import Scene
from sim.video import write_video

Array = npt.NDArray[np.float64]

SIZE_INCH = 5.0
VIDEO_DPI = 128
FRAMES = 400
STONE = "#BBBBBB"


def _colours(agents: int) -> Array:
    return np.asarray(colormaps["turbo"](np.linspace(0.05, 0.95, agents)), dtype=np.float64)


def _draw_obstacle(axes: Axes, obstacle: Obstacle) -> None:
    corners = obstacle.corners
    for corner in corners:
        axes.add_patch(Circle((float(corner[0]), float(corner[1])), obstacle.radius, color=STONE))
    if len(corners) > 1:
        width = 2.0 * obstacle.radius
        # A rounded polygon is the polygon and a band along its sides.
        if len(corners) > 2:
            axes.add_patch(Polygon(corners, closed=True, color=STONE))
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            along = end - start
            length = float(np.linalg.norm(along))
            if length == 0.0:
                continue
            side = 0.5 * width * np.array([-along[1], along[0]]) / length
            band = np.array([start + side, end + side, end - side, start - side])
            axes.add_patch(Polygon(band, closed=True, color=STONE, linewidth=1.0))


def _stage(figure: Figure, scene: Scene, trace: Array) -> Axes:
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    points = np.concatenate((trace.reshape(-1, 2), scene.goal, scene.start))
    low, high = points.min(axis=0) - scene.radius.max(), points.max(axis=0) + scene.radius.max()
    middle, half = 0.5 * (low + high), 0.525 * float((high - low).max())
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half, middle[1] + half)
    axes.set_xlabel("x [m]")
    axes.set_ylabel("y [m]")
    for obstacle in scene.obstacles:
        _draw_obstacle(axes, obstacle)
    return axes


def _discs(axes: Axes, position: Array, radius: Array, colours: Array, alpha: float) -> EllipseCollection:
    size = 2.0 * radius
    discs = EllipseCollection(
        size, size, np.zeros(len(radius)), units="x", offsets=position, transOffset=axes.transData, alpha=alpha
    )
    discs.set_facecolor(colours)
    axes.add_collection(discs)
    return discs


def _trace_of(outcome: Outcome) -> Array:
    if outcome.trace is None:
        raise InvalidValue(f"no positions were kept of scene '{outcome.scene.name}'")
    return outcome.trace


def plot_paths(path: Path, outcome: Outcome, title: str) -> list[Path]:
    """Draw the paths of all robots; discs show where they end, crosses where they wanted to go.

    Args:
        path: PNG file.
        outcome: A run whose positions were kept.
        title: Stands above.

    Returns:
        The files.

    Raises:
        InvalidValue: No positions were kept.
    """
    scene, trace = outcome.scene, _trace_of(outcome)
    colours = _colours(scene.agents)
    with styled():
        figure = new_figure(SIZE_INCH, SIZE_INCH)
        axes = _stage(figure, scene, trace)
        axes.set_title(title)
        axes.add_collection(LineCollection([trace[:, i] for i in range(scene.agents)], colors=colours, linewidths=1.0))
        axes.scatter(scene.goal[:, 0], scene.goal[:, 1], c=colours, marker="x", s=20.0)
        _discs(axes, trace[-1], scene.radius, colours, 0.6)
        return save_figure(figure, path, pdf=False)


def animate(path: Path, outcome: Outcome, title: str, fps: int = 25, speed_up: float = 1.0) -> int:
    """Write a video of a run.

    Args:
        path: MP4 file.
        outcome: A run whose positions were kept.
        title: Stands above.
        fps: Pictures per second.
        speed_up: How much faster than real time it is at least; long runs are shown in `FRAMES` pictures.

    Returns:
        Number of pictures.

    Raises:
        InvalidValue: No positions were kept.
    """
    trace = _trace_of(outcome)
    return write_video(path, _pictures(outcome.scene, trace, title, fps, speed_up), fps)


def _pictures(scene: Scene, trace: Array, title: str, fps: int, speed_up: float) -> Iterator[npt.NDArray[np.uint8]]:
    duration = (len(trace) - 1) * scene.dt
    count = int(min(FRAMES, max(2.0, duration * fps / speed_up)))
    colours = _colours(scene.agents)
    figure = Figure(figsize=(SIZE_INCH, SIZE_INCH), dpi=VIDEO_DPI)
    canvas = FigureCanvasAgg(figure)
    axes = _stage(figure, scene, trace)
    axes.scatter(scene.goal[:, 0], scene.goal[:, 1], c=colours, marker="x", s=20.0)
    discs = _discs(axes, trace[0], scene.radius, colours, 0.8)
    for when in np.linspace(0.0, len(trace) - 1.0, count):
        before = int(when)
        after = min(before + 1, len(trace) - 1)
        share = when - before
        discs.set_offsets((1.0 - share) * trace[before] + share * trace[after])
        axes.set_title(f"{title}   t = {when * scene.dt:5.1f} s")
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()
