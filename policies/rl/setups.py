"""Puts together where a learner acts and who values its states."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, MissingModel, UnknownName
from policies.rewards.judge import Judge
from policies.rewards.ledge import LEDGE, PROGRESS, ledge
from policies.rewards.plain_judges import PLAIN, make_plain_judge
from policies.rl.decisions import Decisions
from policies.rl.finite_decisions import FiniteDecisions
from policies.rl.progress import (
    JUDGED,
    NONE,
    SOURCES,
    JudgedProgress,
    NoProgress,
    OracleProgress,
    ProgressSource,
    References,
    draw_views,
)
from policies.rl.training import first_seed
from policies.rl.world_decisions import DecisionConfig, WorldDecisions
from sim.image_world import Observation, World, WorldConfig
from sim.world_tasks import ARENA, TASK_LISTS, find_tasks
from sim.worlds import make_world

Image = npt.NDArray[np.uint8]
# Given a judge and a demonstration (pictures by camera, shape (T + 1, size, size, 3), and instruction), answers a judge
# that knows the task.
Adapt = Callable[[Judge, dict[str, Image], str], Judge]

LEARNED = "learned"
JUDGES = (LEARNED, *PLAIN)

# The semantic trap as a task: going works one time in ten, and is best.
LEDGE_WORLD, LEDGE_CHANCE, LEDGE_DISCOUNT, LEDGE_LIMIT = "ledge", 0.1, 0.9, 8


@dataclass(frozen=True)
class RlSetup:
    """What is to be learned, and what progress is.

    Attributes:
        task: Name of a task of a world, or "ledge".
        progress: Who values states: "none", "oracle" (the simulator) or "judge".
        horizon: Steps after which an episode is cut.
        decisions: How long actions last and what time costs.
    """

    task: str
    progress: str = NONE
    horizon: int = 150
    decisions: DecisionConfig = field(default_factory=DecisionConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot be learned.

        Raises:
            UnknownName: There is no such task or source of progress.
        """
        if self.progress not in SOURCES:
            raise UnknownName("source of progress", self.progress, SOURCES)
        if self.task != LEDGE_WORLD:
            find_tasks(self.world, (self.task,))

    @property
    def world(self) -> str:
        """Name of the world that has the task."""
        return next((name for name, lists in TASK_LISTS.items() if self.task in lists["all"]), "manipulation")


def make_judge(name: str, world: str) -> tuple[Judge, Adapt | None]:
    """Make a judge of pictures, and what makes it know a task.

    Args:
        name: "learned", or that of a plain judge.
        world: Where it judges.

    Returns:
        The judge, and how it is adapted to a demonstration; None where it cannot be.

    Raises:
        UnknownName: There is no such judge.
        MissingModel: Torch or the weights of the learned judge are missing.
    """
    if name not in JUDGES:
        raise UnknownName("judge", name, JUDGES)
    if name != LEARNED:
        return make_plain_judge(name, ("top",) if world == ARENA else ("corner4",)), None
    try:
        from policies.rewards.learned_judge import LearnedJudge
        from policies.rewards.reward_model import RewardModel
        from policies.rl.one_shot import OneShot
    except ImportError as error:
        raise MissingModel(f"the learned judge needs torch ({error}): pip install 'pronk[learn]'") from error
    model = RewardModel.load()
    return LearnedJudge(model), OneShot(model)


def make_decisions(setup: RlSetup, seed: int, judge: Judge | None = None, adapt: Adapt | None = None) -> Decisions:
    """Make what a training acts in.

    Args:
        setup: What is to be learned.
        seed: Of the training, whose first demonstration is what the judge is shown.
        judge: Who judges, for progress from pictures.
        adapt: Makes the judge know the task, from that one demonstration; None leaves it as it is.

    Returns:
        Where to act.

    Raises:
        InvalidValue: A judge is needed and there is none.
    """
    if setup.task == LEDGE_WORLD:
        problem = ledge(LEDGE_CHANCE, LEDGE_DISCOUNT)
        return FiniteDecisions(problem, PROGRESS, LEDGE, LEDGE_DISCOUNT, LEDGE_LIMIT)
    size = judge.size if judge is not None else WorldConfig().size
    world = make_world(setup.world, setup.task, WorldConfig(size, (), setup.horizon))
    if setup.progress != JUDGED:
        source: ProgressSource = NoProgress() if setup.progress == NONE else OracleProgress()
        return WorldDecisions(world, setup.decisions, source)
    if judge is None:
        raise InvalidValue("progress from a judge needs a judge, got none")
    onlooker = Onlooker(judge.views)
    decisions = WorldDecisions(world, setup.decisions, onlooker)
    decisions.demonstrate(first_seed(seed))
    pictures = onlooker.pictures(draw_views(world, judge.views, {}))
    if adapt is not None:
        judge = adapt(judge, pictures, world.instruction)
    ends = ({view: shown[t] for view, shown in pictures.items()} for t in (-1, 0))
    decisions.progress = JudgedProgress(judge, world.instruction, References(*ends))
    return decisions


class Onlooker:
    """Keeps the pictures of all states of an episode."""

    def __init__(self, views: tuple[str, ...]) -> None:
        """Take the cameras.

        Args:
            views: Their names.
        """
        self._views = views
        self._seen: list[dict[str, Image]] = []

    def begin(self) -> None:
        """Begin an episode."""
        self._seen = []

    def value(self, world: World, observation: Observation, info: dict[str, Any]) -> float:
        """Keep the pictures of a state.

        Args:
            world: Draws them.
            observation: May hold some of them.
            info: Not used.

        Returns:
            0.
        """
        self._seen.append(draw_views(world, self._views, observation))
        return 0.0

    def pictures(self, last: dict[str, Image]) -> dict[str, Image]:
        """Put them in order.

        Args:
            last: Pictures of the success, whose value nobody asks for.

        Returns:
            By camera, shape (T + 1, size, size, 3).
        """
        shown = [*self._seen, last]
        return {view: np.stack([seen[view] for seen in shown]) for view in self._views}
