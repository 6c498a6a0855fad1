"""Figures of a surveyed bag, as SVG."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from evaluation.figure_style import BLACK, OTHERS, new_figure, styled
from evaluation.view.curves import IMU, INERTIA, ODOMETRY, TWIST, TWIST_STAMPED, WRENCH, Array, Curves
from evaluation.view.survey import Survey

WIDTH = 11.0
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", *OTHERS)
# Topics that have a slash in their own name; the rest of a full name is the robot's namespace.
SLASHED = ("ground_truth/odom", "ground_truth/wrench", "ground_truth/payload", "imu/data")
MOST_NUMBERS = 24
MOST_LEGEND = 16


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        title: What it shows.
        svg: The picture.
    """

    title: str
    svg: bytes


def split_name(topic: str) -> tuple[str, str]:
    """Split a full name.

    Args:
        topic: Full name of a topic.

    Returns:
        Namespace ("" for none) and name within it.
    """
    bare = topic.lstrip("/")
    for name in SLASHED:
        if bare == name or bare.endswith(f"/{name}"):
            return bare.removesuffix(name).strip("/"), name
    space, _, name = bare.rpartition("/")
    return space, name


def draw(survey: Survey) -> list[Picture]:
    """Draw all that a bag has curves for.

    Args:
        survey: The bag.

    Returns:
        The figures, robot by robot.
    """
    pictures = [_traffic(survey)]
    spaces: dict[str, list[Curves]] = {}
    for topic in sorted(survey.curves):
        curves = survey.curves[topic]
        if len(curves.time) and curves.values:
            spaces.setdefault(split_name(topic)[0], []).append(curves)
    for space, group in sorted(spaces.items()):
        pictures += _draw_space(f"{space}: " if space else "", group, survey.duration)
    return pictures


def _draw_space(head: str, group: Sequence[Curves], duration: float) -> list[Picture]:
    pictures = []
    moving = [c for c in group if c.type in (ODOMETRY, TWIST, TWIST_STAMPED)]
    if moving:
        pictures.append(_motion(f"{head}motion", moving, duration))
    wrenches = [c for c in group if c.type == WRENCH]
    if wrenches:
        axes = [f"{kind}.{axis}" for kind in ("force", "torque") for axis in "xyz"]
        units = {"force": "N", "torque": "N·m"}
        labels = {name: f"{name.replace('.', ' ')} [{units[name.partition('.')[0]]}]" for name in axes}
        pictures.append(_overlay(f"{head}wrenches", wrenches, labels, duration))
    for curves in group:
        name = split_name(curves.topic)[1]
        if curves.type == IMU:
            pictures.append(_imu(f"{head}{name}", curves, duration))
        elif curves.type == INERTIA:
            pictures.append(_overlay(f"{head}{name}", [curves], {"mass": "mass [kg]"}, duration))
        elif "data" in curves.values:
            pictures.append(_overlay(f"{head}{name}", [curves], {"data": name}, duration))
        elif curves.of("velocity") or curves.of("effort"):
            pictures.append(_joints(f"{head}{name}", curves, duration))
        elif curves.of("position"):
            pictures.append(_numbers(f"{head}{name}", curves, duration))
    return pictures


def _finish(figure: Figure, title: str, axes: Iterable[Axes], duration: float) -> Picture:
    for panel in axes:
        panel.set_xlim(0.0, max(duration, 1e-3))
    return _save(figure, title)


def _save(figure: Figure, title: str) -> Picture:
    buffer = io.BytesIO()
    # The same bag shall give the same page.
    with rc_context({"svg.hashsalt": "pronk", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Title": title})
    return Picture(title, buffer.getvalue())


def _traffic(survey: Survey) -> Picture:
    names = [name for name in sorted(survey.topics) if survey.topics[name].count > 1]
    rows = []
    for name in names:
        rates = survey.histogram.rates(name, survey.duration)
        usual = survey.topics[name].rate
        rows.append(np.minimum(rates / usual, 2.0) if np.isfinite(usual) else np.zeros(len(rates)))
    with styled():
        figure = new_figure(WIDTH, 1.2 + 0.22 * max(len(rows), 1))
        axes = figure.subplots()
        axes.grid(False)
        if rows:
            end = survey.histogram.width * len(rows[0])
            image = axes.imshow(
                np.array(rows),
                aspect="auto",
                interpolation="nearest",
                cmap="cividis",
                vmin=0.0,
                vmax=2.0,
                extent=(0.0, end, len(rows) - 0.5, -0.5),
            )
            figure.colorbar(image, ax=axes, label="rate / mean rate")
        axes.set_yticks(range(len(names)), [_plain(name) for name in names], fontsize=8)
        axes.set_xlabel("time [s]")
        return _finish(figure, "messages over time", [axes], survey.duration)


def _plain(text: str) -> str:
    """Keep names that a bag brings along from being read as formulae."""
    return text.replace("$", r"\$")


def _motion(title: str, group: Sequence[Curves], duration: float) -> Picture:
    with styled():
        figure = new_figure(WIDTH, 10.0)
        panels = figure.subplots(6, 1, sharex=True)
        for curves, colour in zip(group, cycle(COLOURS), strict=False):
            v, label = curves.values, _plain(split_name(curves.topic)[1])
            lines = [v.get("linear.x"), v.get("linear.y"), v.get("angular.z"), v.get("position.z")]
            for axes, line in zip(panels, lines, strict=False):
                if line is not None:
                    axes.plot(curves.time, line, color=colour, lw=1.0, label=label)
            if "orientation.w" in v:
                for axes, angle in zip(panels[4:], roll_and_pitch(v), strict=True):
                    axes.plot(curves.time, np.degrees(angle), color=colour, lw=1.0, label=label)
        names = ("forward [m/s]", "sideways [m/s]", "turning [rad/s]", "height [m]", "roll [°]", "pitch [°]")
        for axes, name in zip(panels, names, strict=True):
            axes.set_ylabel(name)
        panels[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.04), frameon=False)
        panels[-1].set_xlabel("time [s]")
        figure.align_ylabels()
        return _finish(figure, title, panels, duration)


def roll_and_pitch(values: Mapping[str, Array]) -> tuple[Array, Array]:
    """Convert attitudes.

    Args:
        values: Curves "orientation.w" to "orientation.z" of a quaternion, each of shape (T,).

    Returns:
        Roll and pitch, each of shape (T,) [rad]; NaN where the quaternion has no length.
    """
    q = np.array([values[f"orientation.{axis}"] for axis in "wxyz"])
    length = np.linalg.norm(q, axis=0)
    w, x, y, z = q / np.where(length > 1e-9, length, np.nan)
    roll = np.arctan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2.0 * (w * y - x * z), -1.0, 1.0))
    return roll, pitch


def _overlay(title: str, group: Sequence[Curves], labels: Mapping[str, str], duration: float) -> Picture:
    with styled():
        figure = new_figure(WIDTH, 1.0 + 1.5 * len(labels))
        panels = figure.subplots(len(labels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, label) in zip(panels, labels.items(), strict=True):
            for curves, colour in zip(group, cycle(COLOURS), strict=False):
                if name in curves.values:
                    axes.plot(
                        curves.time,
                        curves.values[name],
                        color=colour,
                        lw=1.0,
                        label=_plain(split_name(curves.topic)[1]),
                    )
            axes.set_ylabel(label)
        panels[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.04), frameon=False)
        panels[-1].set_xlabel("time [s]")
        figure.align_ylabels()
        return _finish(figure, title, panels, duration)


def _imu(title: str, curves: Curves, duration: float) -> Picture:
    kinds = {"linear_acceleration": "specific force [m/s²]", "angular_velocity": "angular velocity [rad/s]"}
    lines = {label: {axis: curves.values[f"{kind}.{axis}"] for axis in "xyz"} for kind, label in kinds.items()}
    return _panels(title, curves.time, lines, duration)


def _joints(title: str, curves: Curves, duration: float) -> Picture:
    # Feet report 0/1 and newtons by the same type, hence no units.
    lines = {kind: curves.of(kind) for kind in ("position", "velocity", "effort")}
    return _panels(title, curves.time, {kind: values for kind, values in lines.items() if values}, duration)


def _panels(title: str, time: Array, lines: Mapping[str, Mapping[str, Array]], duration: float) -> Picture:
    with styled():
        figure = new_figure(WIDTH, 0.8 + 2.2 * len(lines))
        panels = figure.subplots(len(lines), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (label, values) in zip(panels, lines.items(), strict=True):
            for (name, line), colour in zip(values.items(), cycle(COLOURS), strict=False):
                axes.plot(time, line, color=colour, lw=0.8, label=_plain(name))
            axes.set_ylabel(label)
        if len(next(iter(lines.values()))) <= MOST_LEGEND:
            panels[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.04), frameon=False, fontsize=7)
        panels[-1].set_xlabel("time [s]")
        figure.align_ylabels()
        return _finish(figure, title, panels, duration)


def _numbers(title: str, curves: Curves, duration: float) -> Picture:
    values = curves.of("position")
    shown = dict(list(values.items())[:MOST_NUMBERS])
    rows = -(-len(shown) // 3)
    with styled():
        figure = new_figure(WIDTH, 0.6 + 1.5 * rows)
        panels = figure.subplots(rows, 3, sharex=True, squeeze=False).ravel()
        for axes, (name, line) in zip(panels, shown.items(), strict=False):
            axes.plot(curves.time, line, color=BLACK, lw=0.8)
            axes.set_title(_plain(name), fontsize=9)
        for axes in panels[len(shown) :]:
            axes.set_axis_off()
        for axes in panels[-3:]:
            axes.set_xlabel("time [s]")
        return _finish(figure, title, panels, duration)
