"""Planners by name, for the planner's node; what needs torch is imported only where it is asked for."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from controllers.errors import MissingModel, UnknownName
from policies.video.open_video import OPEN
from policies.video.planner import Planner

LEARNED, PERFECT, STRAIGHT = "learned", "perfect", "straight"
# No instruction that anything was trained on, so that a rehearsal needs all that a real one may need.
REHEARSED = "rehearse what nobody has asked for yet"


@dataclass(frozen=True)
class PlannerChoice:
    """Which planner is wanted.

    Attributes:
        name: "learned", "perfect" or "straight".
        world: Whose planner it is: "manipulation" or "arena".
        task: For the perfect planner: name of the task.
        seed: For the perfect planner: of the episode.
        frames: Frames of a plan that are acted out.
        method: For the learned planner: how its models are added up; empty for the usual way.
        pipeline: For the learned planner: folder of an open video model that imagines in their place; empty for none.
        weights: For the learned planner: folder of its models, such as that of an improvement loop; empty for those
            that are shipped.
    """

    name: str
    world: str
    task: str
    seed: int
    frames: int
    method: str = ""
    pipeline: str = ""
    weights: str = ""


def make_planner(choice: PlannerChoice) -> Planner:
    """Make a planner.

    Args:
        choice: Which.

    Returns:
        The planner.

    Raises:
        UnknownName: There is no such planner, world or task.
        MissingModel: Weights or packages are missing; the message says what brings them.
    """
    if choice.name not in PLANNERS:
        raise UnknownName("planner", choice.name, PLANNERS)
    return PLANNERS[choice.name](choice)


def _perfect(choice: PlannerChoice) -> Planner:
    from policies.video.plain_planners import PerfectPlanner, PlanShape

    return PerfectPlanner(choice.world, choice.task, choice.seed, shape=PlanShape(acted=choice.frames))


def _straight(choice: PlannerChoice) -> Planner:
    from policies.video.plain_planners import PlanShape, StraightPlanner

    move = (0.1, 0.0) if choice.world == "arena" else (0.01, 0.0, 0.0)
    return StraightPlanner(move, shape=PlanShape(acted=choice.frames))


def _learned(choice: PlannerChoice) -> Planner:
    try:
        from policies.video.shipped import DEFAULT, WEIGHTS, load_planner
    except ImportError as error:
        raise MissingModel(f"a learned planner needs torch ({error}): pip install 'pronk[learn]'") from error
    usual, pipeline = (OPEN, Path(choice.pipeline)) if choice.pipeline else (DEFAULT, None)
    folder = Path(choice.weights) if choice.weights else WEIGHTS
    planner = load_planner(choice.method or usual, choice.world, folder, pipeline=pipeline)
    # The encoder of sentences takes many seconds to load. Without it, known instructions still work.
    with contextlib.suppress(MissingModel):
        rehearse(planner)
    return planner


def rehearse(planner: Planner) -> None:
    """Plan once from noise, so that the first real plan does not wait for what is loaded only when it is needed.

    Args:
        planner: The planner.

    Raises:
        MissingModel: Something that it needs for new instructions is not installed.
    """
    rng = np.random.default_rng(0)
    planner.plan(rng.integers(0, 256, (planner.size, planner.size, 3), dtype=np.uint8), REHEARSED, rng)


PLANNERS: dict[str, Callable[[PlannerChoice], Planner]] = {LEARNED: _learned, PERFECT: _perfect, STRAIGHT: _straight}
