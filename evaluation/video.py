"""Videos of runs, drawn by several processes."""

import multiprocessing
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from controllers.errors import ControlError
from controllers.quadruped.metrics import cycle_average
from evaluation.recorded import turn
from sim.disturbances import Payload
from sim.overlay import annotate
from sim.render import Frame, SceneRenderer
from sim.scenarios import Scenario
from sim.video import caption, write_video

Array = npt.NDArray[np.float64]

FRAMES_PER_SECOND = 20
SIZE = (640, 480)
# The camera follows with a lag; a part of a video starts early enough for it to be where the part before left it.
LEAD_IN_S = 1.0


def frames_of(values: Mapping[str, Array], scenario: Scenario, fps: int = FRAMES_PER_SECOND) -> list[Frame]:
    """Take the pictures out of a run.

    The learned wrench swings with the gait, too fast for an eye: what is drawn is its average over a cycle.

    Args:
        values: Arrays as in `evaluation.rollout.RunLog`.
        scenario: What was run; says what the payloads look like.
        fps: Pictures per second.

    Returns:
        The pictures in order.
    """
    time = values["time"]
    moments = np.arange(time[0], time[-1], 1.0 / fps)
    index = np.clip(np.searchsorted(time, moments), 0, len(time) - 1)
    payloads = [d for d in scenario.disturbances if isinstance(d, Payload)]
    yaw = values["yaw"][index]
    learned = np.column_stack([cycle_average(time, column) for column in values["residual"].T])
    wrenches = {"residual": learned[index], "true_wrench": values["true_wrench"][index]}
    worlds = {
        name: np.concatenate((turn(wrench[:, :3], yaw), turn(wrench[:, 3:], yaw)), axis=1)
        for name, wrench in wrenches.items()
    }
    frames = []
    for number, i in enumerate(index):
        now = float(time[i])
        on_robot = [p for p in payloads if values["payload_mass"][i] > 0.0 and p.mass(now) > 0.0]
        frames.append(
            Frame(
                now,
                values["position_world"][i],
                values["orientation"][i],
                values["joint_position"][i],
                on_robot,
                worlds["residual"][number],
                worlds["true_wrench"][number],
            )
        )
    return frames


def render_part(path: Path, frames: Sequence[Frame], lead_in: int, scenario: Scenario, label: str, fps: int) -> int:
    """Draw one part of a video.

    Args:
        path: MP4 file of the part.
        frames: Its pictures.
        lead_in: Number of pictures at the beginning that only move the camera.
        scenario: What was run.
        label: First line of the caption.
        fps: Pictures per second.

    Returns:
        Number of pictures in the file.

    Raises:
        NoRenderer: This machine cannot make pictures.
    """
    with SceneRenderer(scenario.robot, scenario.terrain, scenario.friction, SIZE) as renderer:
        for frame in frames[:lead_in]:
            renderer.render(frame)
        pictures = (annotate(renderer.render(frame), caption(frame, label)) for frame in frames[lead_in:])
        return write_video(path, pictures, fps)


def start_video(
    pool: Executor, folder: Path, frames: Sequence[Frame], scenario: Scenario, label: str, parts: int, fps: int
) -> list[tuple[Path, Future[int]]]:
    """Hand the parts of a video to other processes.

    Args:
        pool: Where they run.
        folder: For the files of the parts.
        frames: All pictures.
        scenario: What was run.
        label: First line of the caption.
        parts: Number of parts.
        fps: Pictures per second.

    Returns:
        File and result of each part, in order.
    """
    bounds = np.linspace(0, len(frames), min(parts, len(frames)) + 1).astype(int)
    lead = int(LEAD_IN_S * fps)
    jobs = []
    for number, (first, last) in enumerate(pairwise(bounds)):
        begin = max(0, int(first) - lead)
        path = folder / f"part_{number}.mp4"
        future = pool.submit(render_part, path, frames[begin:last], int(first) - begin, scenario, label, fps)
        jobs.append((path, future))
    return jobs


def finish_video(path: Path, jobs: Sequence[tuple[Path, Future[int]]]) -> int:
    """Wait for the parts and join them without encoding them again.

    Args:
        path: MP4 file.
        jobs: What `start_video` returned.

    Returns:
        Number of pictures.

    Raises:
        NoRenderer: This machine cannot make pictures.
        VideoError: The parts cannot be joined.
    """
    count = sum(future.result() for _, future in jobs)
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(jobs) == 1:
        path.write_bytes(jobs[0][0].read_bytes())
        return count
    listing = jobs[0][0].with_name("parts.txt")
    listing.write_text("".join(f"file '{part.name}'\n" for part, _ in jobs), encoding="utf-8")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-f", "concat", "-i", str(listing)]
    command += ["-c", "copy", "-movflags", "+faststart", str(path.resolve())]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise VideoError(f"ffmpeg could not join the parts of {path}: {result.stderr.strip()}")
    return count


class VideoError(ControlError, RuntimeError):
    """The encoder failed."""


def write_run_video(
    path: Path, values: Mapping[str, Array], scenario: Scenario, label: str, jobs: int = 2, fps: int = FRAMES_PER_SECOND
) -> int:
    """Write the video of a run.

    Args:
        path: MP4 file.
        values: Arrays as in `evaluation.rollout.RunLog`.
        scenario: What was run.
        label: First line of the caption.
        jobs: Number of processes.
        fps: Pictures per second.

    Returns:
        Number of pictures.

    Raises:
        NoRenderer: This machine cannot make pictures.
    """
    frames = frames_of(values, scenario, fps)
    plain = replace(scenario, disturbances=())
    with TemporaryDirectory() as folder, ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        return finish_video(path, start_video(pool, Path(folder), frames, plain, label, jobs, fps))
