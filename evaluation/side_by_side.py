"""Videos of several runs of the same trial beside each other, with their height errors below."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from controllers.errors import InvalidValue
from evaluation.figure_style import style_of
from evaluation.height_strip import HeightStrip
from evaluation.measurement import fall_time
from evaluation.rollout import RunLog
from evaluation.trace import Trace
from evaluation.video import FRAMES_PER_SECOND, LEAD_IN_S, finish_video, frames_of
from sim.render import Frame, SceneRenderer
from sim.scenarios import Scenario
from sim.video import beside, write_video

SIZE = (640, 480)
STRIP_HEIGHT = 180
MOST_RUNS = 3
FALLEN_RGB = (0.90, 0.10, 0.10)


@dataclass(frozen=True)
class Shown:
    """One run of a video.

    Attributes:
        method: Its method.
        log: The run to its end, also where the robot fell.
        trace: Its curves up to the fall.
    """

    method: str
    log: RunLog
    trace: Trace


def noted_frames(run: Shown, fps: int = FRAMES_PER_SECOND) -> list[Frame]:
    """Take the pictures out of a run, with height error and fall in the caption.

    Args:
        run: The run.
        fps: Pictures per second.

    Returns:
        The pictures in order; without an arrow of the estimate where the method has none.
    """
    values, down = run.log.values, fall_time(run.log)
    error = 1e3 * (values["height"] - values["height_reference"])
    frames = []
    for frame in frames_of(values, run.log.scenario, fps):
        place = min(int(np.searchsorted(values["time"], frame.time)), len(error) - 1)
        note: tuple[str, tuple[float, ...] | None] = (f"height error  {error[place]:+6.1f} mm", None)
        if down is not None and frame.time >= down:
            note = (f"fell at {down:.1f} s", FALLEN_RGB)
        estimate = None if run.method == "none" else frame.estimate
        frames.append(replace(frame, estimate=estimate, notes=(note,)))
    return frames


def render_part(
    path: Path,
    runs: Sequence[Sequence[Frame]],
    lead_in: int,
    scenario: Scenario,
    methods: Sequence[str],
    traces: Sequence[Trace],
    fps: int,
) -> int:
    """Draw one part of a video.

    Args:
        path: MP4 file of the part.
        runs: Pictures of each run, from left to right.
        lead_in: Number of pictures at the beginning that only move the cameras.
        scenario: What was run.
        methods: Their methods.
        traces: Their curves, for the strip.
        fps: Pictures per second.

    Returns:
        Number of pictures in the file.

    Raises:
        NoRenderer: This machine cannot make pictures.
    """
    strip = HeightStrip(traces, (SIZE[0] * len(runs), STRIP_HEIGHT), scenario.duration_s)
    titles = [style_of(method).label for method in methods]
    with ExitStack() as stack:
        renderers = [
            stack.enter_context(SceneRenderer(scenario.robot, scenario.terrain, scenario.friction, SIZE)) for _ in runs
        ]
        for row in zip(*(frames[:lead_in] for frames in runs), strict=True):
            for renderer, frame in zip(renderers, row, strict=True):
                renderer.render(frame)
        rows = zip(*(frames[lead_in:] for frames in runs), strict=True)
        pictures = (np.vstack((beside(renderers, titles, row), strip.at(row[0].time))) for row in rows)
        return write_video(path, pictures, fps)


def start_comparison(
    pool: Executor, folder: Path, runs: Sequence[Shown], parts: int, fps: int = FRAMES_PER_SECOND
) -> list[tuple[Path, Future[int]]]:
    """Hand the parts of a video to other processes; `evaluation.video.finish_video` joins them.

    Args:
        pool: Where they run.
        folder: For the files of the parts.
        runs: The runs, from left to right, all of the same trial.
        parts: Number of parts.
        fps: Pictures per second.

    Returns:
        File and result of each part, in order.

    Raises:
        InvalidValue: There are too many runs or none.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise InvalidValue(f"a video shows 1 to {MOST_RUNS} runs beside each other, got {len(runs)}")
    # The pictures carry what they show of the disturbances.
    plain = replace(runs[0].log.scenario, disturbances=())
    frames = [noted_frames(run, fps) for run in runs]
    count = min(len(pictures) for pictures in frames)
    bounds = np.linspace(0, count, min(parts, count) + 1).astype(int)
    lead = int(LEAD_IN_S * fps)
    jobs = []
    for number, (first, last) in enumerate(pairwise(bounds)):
        begin = max(0, int(first) - lead)
        path = folder / f"part_{number}.mp4"
        share = [pictures[begin:last] for pictures in frames]
        methods, traces = [run.method for run in runs], [run.trace for run in runs]
        arguments = (path, share, int(first) - begin, plain, methods, traces, fps)
        jobs.append((path, pool.submit(render_part, *arguments)))
    return jobs


def write_comparison(path: Path, runs: Sequence[Shown], jobs: int = 2, fps: int = FRAMES_PER_SECOND) -> int:
    """Write the video of several runs.

    Args:
        path: MP4 file.
        runs: The runs, from left to right, all of the same trial.
        jobs: Number of processes.
        fps: Pictures per second.

    Returns:
        Number of pictures.

    Raises:
        NoRenderer: This machine cannot make pictures.
        InvalidValue: There are too many runs or none.
    """
    with TemporaryDirectory() as folder, ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        return finish_video(path, start_comparison(pool, Path(folder), runs, jobs, fps))
