"""A judge of rollouts that knows a task by its words, or from one demonstration as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from controllers.errors import InvalidValue
from policies.rewards.adaptation import adapt
from policies.rewards.clips import make_clip
from policies.rewards.judge import Pictures
from policies.rewards.learned_judge import LearnedJudge
from policies.rewards.reward_model import RewardModel
from policies.sail.filters import JUDGED, Filter, make_filter
from sim.episodes import find_episodes, read_episode

EXPERT = "expert"


@dataclass(frozen=True)
class JudgedTask:
    """Who judges a task.

    Attributes:
        judge: Learned; adapted to a demonstration where there is one.
        goal: Pictures of the demonstration's end; None without one.
        name: What makes this filter another one.
        chosen: Filter that asks it: one of `policies.sail.filters.BY_JUDGE`.
    """

    judge: LearnedJudge
    goal: Pictures | None
    name: str
    chosen: str = JUDGED

    def filter(self) -> Filter:
        """Make the filter of a loop.

        Returns:
            It; the judge's own threshold decides.
        """
        return make_filter(self.chosen, self.judge, self.judge.threshold, self.goal)


def open_judge(
    task: str, folders: Sequence[Path] = (), model: RewardModel | None = None, chosen: str = JUDGED
) -> JudgedTask:
    """Take a reward model, and adapt it where the task is demonstrated.

    Args:
        task: Name of the task.
        folders: Of `pronk collect`, where a demonstration is looked for, the one with the lowest seed; without any the
            model stays as it is.
        model: The model; None for the shipped one.
        chosen: Filter that will ask it.

    Returns:
        The judge.

    Raises:
        MissingModel: The weights are not there.
        InvalidValue: No episode of an expert shows the task's success, or it was seen by too few cameras.
    """
    model = model or RewardModel.load()
    if not folders:
        return JudgedTask(LearnedJudge(model), None, chosen, chosen)
    there = {path: info for folder in folders for path, info in find_episodes(folder).items()}
    shown = [path for path, i in there.items() if i.task == task and i.behaviour == EXPERT and i.successful]
    if not shown:
        raise InvalidValue(
            f"the judge needs a success of the expert at '{task}' to learn from, there is none among the {len(there)} "
            f"episodes of {', '.join(map(str, folders))}"
        )
    path = min(shown, key=lambda path: there[path].seed)
    episode, views = read_episode(path), model.config.views
    adapted = adapt(model, make_clip(episode, views))
    last = int(np.flatnonzero(episode.success)[-1])
    goal = {view: episode.images[view][last] for view in views}
    return JudgedTask(LearnedJudge(adapted), goal, f"{chosen} shown {path}", chosen)
