"""Planners by name, for the planner's node; what needs torch is imported only where it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from controllers.errors import MissingModel, UnknownName
from policies.video.planner import Planner

LEARNED, PERFECT, STRAIGHT = "learned", "perfect", "straight"


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
    """

    name: str
    world: str
    task: str
    seed: int
    frames: int
    method: str = ""


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

    return StraightPlanner(shape=PlanShape(acted=choice.frames))


def _learned(choice: PlannerChoice) -> Planner:
    try:
        from policies.video.shipped import DEFAULT, load_planner
    except ImportError as error:
        raise MissingModel(f"a learned planner needs torch ({error}): pip install 'pronk[learn]'") from error
    return load_planner(choice.method or DEFAULT, choice.world)


PLANNERS: dict[str, Callable[[PlannerChoice], Planner]] = {LEARNED: _learned, PERFECT: _perfect, STRAIGHT: _straight}
