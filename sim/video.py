"""Videos of recorded runs."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from sim.friction import Friction
from sim.overlay import annotate
from sim.render import ESTIMATE_RGBA, TRUTH_RGBA, CameraConfig, Frame, SceneRenderer
from sim.terrain import Terrain

Image = npt.NDArray[np.uint8]


def caption(frame: Frame, label: str = "") -> list[tuple[str, tuple[float, ...] | None]]:
    """Compose the text of a picture.

    Args:
        frame: What the picture shows.
        label: First line; empty for none.

    Returns:
        Lines with their colour (None for the default).
    """
    lines: list[tuple[str, tuple[float, ...] | None]] = [(label, None)] if label else []
    mass = sum(payload.mass(frame.time) or payload.mass_kg for payload in frame.payloads)
    load = f"   payload {mass:.1f} kg" if mass > 0.0 else ""
    lines.append((f"t = {frame.time:5.1f} s{load}", None))
    for name, wrench, rgba in (("true", frame.truth, TRUTH_RGBA), ("estimated", frame.estimate, ESTIMATE_RGBA)):
        if wrench is not None:
            lines.append((f"{name} force  {wrench[0]:+6.1f} {wrench[1]:+6.1f} {wrench[2]:+6.1f} N", rgba))
    return [*lines, *frame.notes]


def render_video(
    path: Path | str,
    frames: Iterable[Frame],
    robot: str = "go2",
    terrain: Terrain | None = None,
    friction: Friction | None = None,
    fps: int = 30,
    size: tuple[int, int] = (960, 540),
    label: str = "",
    camera: CameraConfig | None = None,
) -> int:
    """Write an H.264 video that every browser plays.

    Args:
        path: The MP4 file.
        frames: The pictures in order, `fps` of them per second of run for real time.
        robot: Name of the robot.
        terrain: The ground.
        friction: Drawn on the ground where it comes in patches.
        fps: Pictures per second.
        size: Width and height, both even [pixel].
        label: First line of the caption.
        camera: Where the camera stands.

    Returns:
        Number of pictures written.

    Raises:
        NoRenderer: This machine cannot make pictures.
        InvalidValue: The size is odd or there are no frames.
    """
    with SceneRenderer(robot, terrain, friction, size, camera) as renderer:
        pictures = (annotate(renderer.render(frame), caption(frame, label)) for frame in frames)
        return write_video(path, pictures, fps)


def beside(renderers: Sequence[SceneRenderer], labels: Sequence[str], frames: Sequence[Frame]) -> Image:
    """Draw one moment of several runs beside each other.

    Args:
        renderers: One per run, so that each camera follows its own robot.
        labels: First line of the caption of each run.
        frames: What each picture shows.

    Returns:
        Pixels, as wide as all pictures together, shape (height, width, 3).
    """
    parts = zip(renderers, labels, frames, strict=True)
    return np.hstack([annotate(renderer.render(frame), caption(frame, label)) for renderer, label, frame in parts])


def render_side_by_side(
    path: Path | str,
    runs: Sequence[tuple[str, Iterable[Frame]]],
    robot: str = "go2",
    terrain: Terrain | None = None,
    friction: Friction | None = None,
    fps: int = 30,
    size: tuple[int, int] = (640, 540),
    camera: CameraConfig | None = None,
) -> int:
    """Write a video of several runs beside each other; it ends with the shortest.

    Args:
        path: The MP4 file.
        runs: Label and pictures of each run, from left to right.
        robot: Name of the robot.
        terrain: The ground.
        friction: Drawn on the ground where it comes in patches.
        fps: Pictures per second.
        size: Width and height of each run, both even [pixel].
        camera: Where the cameras stand.

    Returns:
        Number of pictures written.

    Raises:
        NoRenderer: This machine cannot make pictures.
        InvalidValue: The size is odd, or there are no runs or frames.
    """
    if not runs:
        raise InvalidValue("a video needs at least one run, got none")
    renderers = [SceneRenderer(robot, terrain, friction, size, camera) for _ in runs]
    labels = [label for label, _ in runs]
    try:
        rows = zip(*(frames for _, frames in runs), strict=False)
        pictures = (beside(renderers, labels, row) for row in rows)
        return write_video(path, pictures, fps)
    finally:
        for renderer in renderers:
            renderer.close()


def write_video(path: Path | str, pictures: Iterable[Image], fps: int) -> int:
    """Encode pictures as H.264 in yuv420p.

    Args:
        path: The MP4 file; its folder is made.
        pictures: All of the same even size, shape (height, width, 3) each.
        fps: Pictures per second.

    Returns:
        Number of pictures written.

    Raises:
        InvalidValue: There are no pictures.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    writer = imageio.get_writer(
        path,
        format="FFMPEG",
        fps=fps,
        codec="libx264",
        pixelformat="yuv420p",
        quality=7,
        macro_block_size=2,
        # The default preset takes longer than drawing does.
        output_params=["-preset", "veryfast"],
    )
    with writer:
        for picture in pictures:
            writer.append_data(picture)
            count += 1
    if not count:
        raise InvalidValue(f"a video needs at least one frame, got none for {path}")
    return count
