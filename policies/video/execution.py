"""Executes plans in receding horizon: plan, act for some frames, look again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.video.camera_watch import CameraWatch
from policies.video.commitment import Commitment, CommitmentConfig
from policies.video.planner import Plan, Planner
from sim.episodes import Episode, Recorder
from sim.image_world import POSE, Observation, World

Array = npt.NDArray[np.float64]

BEHAVIOUR = "planner"


@dataclass(frozen=True)
class ExecutionConfig:
    """Settings of an execution.

    Attributes:
        commitment: For how long a plan is followed before the next one is made.
        record: Whether to keep the whole episode; the world must then have a camera in its observations.
    """

    commitment: CommitmentConfig = field(default_factory=CommitmentConfig)
    record: bool = False


@dataclass(frozen=True)
class Rollout:
    """How an execution went.

    Attributes:
        task: Name of the task.
        seed: Of the episode.
        success: Whether any state was a success.
        steps: Number of actions.
        plans: All plans, as they were made.
        made_at: Number of actions before each plan.
        episode: All that happened, where it was to be recorded.
    """

    task: str
    seed: int
    success: bool
    steps: int
    plans: tuple[Plan, ...]
    made_at: tuple[int, ...]
    episode: Episode | None


def execute(world: World, planner: Planner, seed: int, config: ExecutionConfig | None = None) -> Rollout:
    """Run an episode by plans.

    Args:
        world: Where.
        planner: Plans.
        seed: Of the episode and of the plans' chance.
        config: Settings.

    Returns:
        How it went.

    Raises:
        InvalidValue: The world cannot be recorded, its camera is frozen, or a plan does not fit it.
    """
    return execute_all([world], planner, [seed], config)[0]


def execute_all(
    worlds: Sequence[World], planner: Planner, seeds: Sequence[int], config: ExecutionConfig | None = None
) -> list[Rollout]:
    """Run an episode in each of several worlds; those that need a plan at the same time get it in one call.

    Args:
        worlds: Different ones.
        planner: Plans.
        seeds: Of the episode in each.
        config: Settings.

    Returns:
        How each went, which does not depend on the others.

    Raises:
        InvalidValue: A world is there twice or cannot be recorded, its camera is frozen, or a plan does not fit it.
    """
    if len({id(world) for world in worlds}) != len(worlds) or len(worlds) != len(seeds):
        raise InvalidValue(
            f"each seed needs a world of its own, got {len(seeds)} seeds and {len({id(w) for w in worlds})} worlds"
        )
    config = config or ExecutionConfig()
    runs = [_Run(world, seed, config) for world, seed in zip(worlds, seeds, strict=True)]
    while active := [run for run in runs if not run.over]:
        images = np.stack([run.look() for run in active])
        instructions = [run.world.instruction for run in active]
        plans = planner.plan_all(images, instructions, [run.rng for run in active])
        for run, plan in zip(active, plans, strict=True):
            run.act(plan)
    return [run.finish() for run in runs]


def way_of(plan: Plan, position: Array, frames: int) -> tuple[Array, Array]:
    """Lay a plan out in steps.

    Args:
        plan: The plan.
        position: Where hand or body is, shape (D,) [m].
        frames: How many frames of it, F; fewer where it has fewer.

    Returns:
        Where to be after each of the S steps, shape (S, D) [m], and the command to the gripper in each, in [-1, 1],
        shape (S,).
    """
    frames, n = min(frames, len(plan.displacement)), plan.steps_per_frame
    corners = position + np.concatenate([np.zeros((1, len(position))), np.cumsum(plan.displacement[:frames], axis=0)])
    shares = (np.arange(n)[:, None] + 1.0) / n
    way = np.concatenate([a + (b - a) * shares for a, b in pairwise(corners)])
    return way, np.repeat(2.0 * plan.closing[:frames] - 1.0, n)


class _Run:
    """An episode on its way."""

    def __init__(self, world: World, seed: int, config: ExecutionConfig) -> None:
        if config.record and not world.cameras:
            raise InvalidValue(f"to record '{world.task}' its world needs a camera in its observations, it has none")
        self.world, self.rng, self.over = world, np.random.default_rng(seed), False
        self._seed, self._width = seed, world.workspace.shape[1]
        self._commitment = Commitment(config.commitment)
        self._observation, info = world.reset(seed=seed)
        self._recorder = Recorder(world, BEHAVIOUR, seed, self._observation, info) if config.record else None
        self._steps, self._success = 0, False
        self._plans: list[Plan] = []
        self._made_at: list[int] = []
        self._watch = CameraWatch()

    def look(self) -> npt.NDArray[np.uint8]:
        """Take a picture for the next plan."""
        image = _picture(self.world, self._observation)
        self._watch.look(image, self._position())
        return image

    def act(self, plan: Plan) -> None:
        """Follow a plan for some frames."""
        if plan.displacement.shape[1] != self._width:
            raise InvalidValue(
                f"a plan for the world '{self.world.name}' must displace {self._width} coordinates, got "
                f"{plan.displacement.shape[1]}"
            )
        self._plans.append(plan)
        self._made_at.append(self._steps)
        place = self._position()
        way, commands = way_of(plan, place, self._commitment.begin(place))
        for target, command in zip(way, commands, strict=True):
            step = target - self._position()
            action = np.append(step, command) if self.world.has_gripper else step
            action = np.clip(action, self.world.action_space.low, self.world.action_space.high)
            self._observation, reward, terminated, truncated, info = self.world.step(action)
            if self._recorder is not None:
                self._recorder.add(action, self._observation, reward, terminated, truncated, info)
            self._steps, self._success = self._steps + 1, self._success or bool(info["success"])
            if terminated or truncated:
                self.over = True
                return

    def finish(self) -> Rollout:
        """Tell how it went."""
        episode = self._recorder.finish() if self._recorder is not None else None
        return Rollout(
            *(self.world.task, self._seed, self._success, self._steps),
            *(tuple(self._plans), tuple(self._made_at), episode),
        )

    def _position(self) -> Array:
        return self._observation[POSE][: self._width].astype(np.float64)


def _picture(world: World, observation: Observation) -> npt.NDArray[np.uint8]:
    return observation[world.cameras[0]] if world.cameras else world.render()
