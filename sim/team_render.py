"""Pictures of a team from above, with what its filters see."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.robot.catalog import load_robot
from sim.canvas import Canvas
from sim.coloured_arena import THING_HALF_M, colour_of
from sim.overlay import annotate
from sim.render_model import paint
from sim.team_scenarios import TeamScenario
from sim.team_world import OBSTACLES, build_team, prefix_of
from sim.video import write_video

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

COLOURS = ((0.13, 0.45, 0.85), (0.90, 0.45, 0.05), (0.10, 0.60, 0.30), (0.65, 0.20, 0.65), (0.75, 0.65, 0.1))
POST_RGBA = (0.35, 0.38, 0.42, 1.0)
CLEAR, TIGHT = (0.2, 0.75, 0.3), (0.9, 0.1, 0.1)
# Lines are drawn between robots whose discs are nearer than this [m].
DRAWN_GAP_M = 1.0
GOAL_RADIUS_M = 0.08
# Between what planners imagine, and the edge of the picture [pixel].
STRIP_GAP = 8


@dataclass(frozen=True)
class TeamFrame:
    """What one picture shows.

    Attributes:
        time: Shown in the caption [s].
        qpos: Coordinates of the world, shape (nq,).
        barriers: Least gap that each robot's filter sees, NaN where there is none [m].
        corrections: How far each filter changes the wanted velocity [m/s].
        modes: What each filter does: filtered, relaxed or stopped; empty where there is none.
        plans: What each robot's planner imagines: present and later pictures in a row, shape (S, (K + 1) S, 3); None
            before its first plan.
        progress: What each robot's judge says, from 0 to 1; NaN where there is none.
    """

    time: float
    qpos: Array
    barriers: Sequence[float] = field(default_factory=tuple)
    corrections: Sequence[float] = field(default_factory=tuple)
    modes: Sequence[str] = field(default_factory=tuple)
    plans: Sequence[Image | None] = field(default_factory=tuple)
    progress: Sequence[float] = field(default_factory=tuple)


class TeamRenderer:
    """Draws the robots of a scenario from above."""

    def __init__(self, scenario: TeamScenario, radius: float, size: tuple[int, int] = (960, 640)) -> None:
        """Build a painted copy of the world.

        Args:
            scenario: Robots, obstacles and goals.
            radius: Radius of the discs that are kept apart [m].
            size: Width and height of the pictures, both even [pixel].

        Raises:
            NoRenderer: This machine cannot make pictures.
        """
        self._scenario, self._radius, self.size = scenario, radius, size
        robot = load_robot(scenario.robot)
        spec = build_team(robot, scenario.places, scenario.obstacles, 1.0, 0.002)
        paint(spec)
        for geom in spec.geoms:
            for place, colour in zip(scenario.places, _cycled(len(scenario.places)), strict=True):
                if geom.name.startswith(prefix_of(place.name)) or geom.parent.name.startswith(prefix_of(place.name)):
                    geom.rgba = [*colour, 1.0]
            if geom.parent.name == OBSTACLES:
                geom.rgba = list(POST_RGBA)
        spec.visual.global_.offwidth, spec.visual.global_.offheight = size
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._bases = [
            int(self._model.jnt_qposadr[self._model.body_jntadr[self._model.body_rootid[joint.bodyid[0]]]])
            for joint in (self._model.joint(f"{prefix_of(p.name)}FL_hip_joint") for p in scenario.places)
        ]
        self._canvas = Canvas(self._model, *size)
        self._scene = mujoco.MjvScene(self._model, maxgeom=2000)
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 1
        self._view = mujoco.MjvCamera()
        self._view.azimuth, self._view.elevation = 90.0, -89.9
        self._things = []
        errands = scenario.errands
        if errands is not None:
            for thing, place in zip(errands.things, errands.places, strict=True):
                colour, _, shape = thing.partition("-")
                self._things.append((place, shape, [part / 255.0 for part in colour_of(colour)]))
        points = np.array([*((p.x, p.y) for p in scenario.places), *scenario.goals])
        points = points if errands is None else np.concatenate([points, errands.places])
        middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
        # Half the field of view is 22.5 degrees; robots that make way walk beyond starts and goals.
        reach = 0.5 * float((points.max(axis=0) - points.min(axis=0)).max()) + 1.5
        self._view.distance = reach / math.tan(math.radians(22.5))
        # The robots move on the right of the picture, the caption stands on the left.
        spare = max(reach * (size[0] / size[1] - 1.0), 0.0)
        self._view.lookat[:] = (middle[0] - spare, middle[1], 0.0)

    def close(self) -> None:
        """Free the context; calling it twice is harmless."""
        self._canvas.close()

    def render(self, frame: TeamFrame) -> Image:
        """Draw one picture.

        Args:
            frame: What it shows.

        Returns:
            Pixels, shape (height, width, 3).
        """
        self._data.qpos[:] = frame.qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self._model, self._data, self._option, None, self._view, everything, self._scene)
        centres = [frame.qpos[q : q + 2] for q in self._bases]
        colours = _cycled(len(centres))
        for place, shape, rgb in self._things:
            self._mark(place, shape, rgb)
        for centre, goal, colour in zip(centres, self._scenario.goals, colours, strict=True):
            self._disc(centre, self._radius, 0.004, (*colour, 0.25))
            self._disc(np.array(goal), GOAL_RADIUS_M, 0.006, (*colour, 1.0))
        for i, first in enumerate(centres):
            for second in centres[i + 1 :]:
                gap = float(np.linalg.norm(first - second)) - 2.0 * self._radius
                if gap < DRAWN_GAP_M:
                    near = min(max(1.0 - gap / DRAWN_GAP_M, 0.0), 1.0)
                    rgba = [near * t + (1.0 - near) * c for t, c in zip(TIGHT, CLEAR, strict=True)]
                    self._line(first, second, (*rgba, 1.0))
        picture = annotate(self._canvas.draw(self._scene)[::-1], self._caption(frame))
        return self._imagined(picture, frame)

    def _imagined(self, picture: Image, frame: TeamFrame) -> Image:
        """Put what each planner imagines along the lower left, a row per robot: present, then every other frame."""
        picture = picture.copy()
        bottom = picture.shape[0] - STRIP_GAP
        for plan, colour in reversed(list(zip(frame.plans, _cycled(len(frame.plans)), strict=True))):
            if plan is None:
                continue
            side = plan.shape[0]
            shown = [plan[:, i : i + side] for i in range(0, plan.shape[1] - side + 1, 2 * side)]
            strip = np.concatenate(shown, axis=1)
            edge = np.empty((side + 6, strip.shape[1] + 6, 3), dtype=np.uint8)
            edge[:] = [int(255 * part) for part in colour]
            edge[3:-3, 3:-3] = strip
            edge = edge[:bottom, : picture.shape[1] - STRIP_GAP]
            top = bottom - len(edge)
            picture[top:bottom, STRIP_GAP : STRIP_GAP + edge.shape[1]] = edge
            bottom = top - STRIP_GAP
        return picture

    def _caption(self, frame: TeamFrame) -> list[tuple[str, tuple[float, ...] | None]]:
        lines: list[tuple[str, tuple[float, ...] | None]] = [(f"t = {frame.time:5.2f} s", None)]
        shown = zip(self._scenario.places, _cycled(len(self._bases)), frame.barriers, strict=False)
        for i, (place, colour, gap) in enumerate(shown):
            text = f"{place.name}  h {gap:+.2f} m" if math.isfinite(gap) else f"{place.name}  h -"
            if i < len(frame.corrections):
                text += f"  change {frame.corrections[i]:.2f}"
            if i < len(frame.modes) and frame.modes[i] not in ("", "filtered"):
                text += f"  {frame.modes[i]}"
            lines.append((text, colour))
            if self._scenario.errands is not None:
                told = self._scenario.errands.instructions[i]
                known = i < len(frame.progress) and math.isfinite(frame.progress[i])
                lines.append((f"  {told}" + (f": {100.0 * frame.progress[i]:.0f} %" if known else ""), colour))
        return lines

    def _geom(self) -> mujoco.MjvGeom | None:
        if self._scene.ngeom >= self._scene.maxgeom:
            return None
        self._scene.ngeom += 1
        return self._scene.geoms[self._scene.ngeom - 1]

    def _disc(self, centre: Array, radius: float, height: float, rgba: Sequence[float]) -> None:
        geom = self._geom()
        if geom is not None:
            size, place = np.array([radius, radius, 0.001]), np.array([*centre, height])
            colour = np.array(rgba, dtype=np.float32)
            mujoco.mjv_initGeom(geom, mujoco.mjtGeom.mjGEOM_CYLINDER, size, place, np.eye(3).ravel(), colour)

    def _mark(self, place: Array, shape: str, rgb: Sequence[float]) -> None:
        geom = self._geom()
        if geom is not None:
            box = shape == "box"
            kind = mujoco.mjtGeom.mjGEOM_BOX if box else mujoco.mjtGeom.mjGEOM_CYLINDER
            size = np.array([THING_HALF_M, THING_HALF_M if box else 0.001, 0.001])
            colour = np.array([*rgb, 1.0], dtype=np.float32)
            mujoco.mjv_initGeom(geom, kind, size, np.array([*place, 0.002]), np.eye(3).ravel(), colour)

    def _line(self, first: Array, second: Array, rgba: Sequence[float]) -> None:
        geom = self._geom()
        if geom is not None:
            kind, colour = mujoco.mjtGeom.mjGEOM_CAPSULE, np.array(rgba, dtype=np.float32)
            mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.eye(3).ravel(), colour)
            mujoco.mjv_connector(geom, kind, 0.015, np.array([*first, 0.45]), np.array([*second, 0.45]))


def _cycled(count: int) -> list[tuple[float, float, float]]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def render_team_video(
    path: Path | str, scenario: TeamScenario, frames: Iterable[TeamFrame], radius: float, fps: int
) -> int:
    """Make a video from above.

    Args:
        path: The MP4 file; its folder is made.
        scenario: Robots, obstacles and goals.
        frames: What the pictures show, at a steady rate.
        radius: Radius of the discs that are kept apart [m].
        fps: Pictures per second.

    Returns:
        Number of pictures written.

    Raises:
        NoRenderer: This machine cannot make pictures.
        InvalidValue: There are no frames.
    """
    renderer = TeamRenderer(scenario, radius)
    try:
        return write_video(path, (renderer.render(frame) for frame in frames), fps)
    finally:
        renderer.close()
