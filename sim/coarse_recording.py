"""Records every k-th state of an episode, and asks the expert how far from success each of them is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from sim.episodes import Episode, EpisodeInfo
from sim.image_world import POSE, Observation, World


def record_coarse(
    world: World,
    behaviour: str,
    act: Callable[[Observation], npt.NDArray[Any]],
    seed: int,
    begin: Callable[[], None],
    every: int,
    ahead: int,
) -> Episode:
    """Run an episode and keep every k-th state of it; only those are drawn.

    A kept action is the displacement over k steps and the last command to the gripper; a period is k times as long.

    Args:
        world: Where; where the expert is asked, its horizon must be longer than the episode by what it may need.
        behaviour: Name of who acts, for the file.
        act: Answers an observation, which has no pictures, with an action.
        seed: Of the episode.
        begin: Called after the world was reset, before the first action.
        every: k, steps between kept states.
        ahead: Steps that the expert may take from each kept state to succeed; with 0 it is not asked.

    Returns:
        The episode.

    Raises:
        InvalidValue: A number of steps is out of range.
    """
    if every < 1 or not 0 <= ahead < world.config.horizon:
        raise InvalidValue(
            f"every must be at least 1 and ahead in [0, {world.config.horizon}), got {every} and {ahead}"
        )
    cameras, horizon = world.cameras, world.config.horizon - ahead
    observation, info = world.reset(seed=seed)
    begin()
    seen, infos = [observation], [info]
    remaining = [expert_needs(world, ahead, bool(info["success"]))] if ahead else []
    actions, rewards = [], []
    step, terminated = 0, False
    try:
        while not terminated and step < horizon:
            moved, gained = np.zeros(world.action_space.shape), 0.0
            width = world.workspace.shape[1]
            for _ in range(min(every, horizon - step)):
                step += 1
                shown = step % every == 0 or step == horizon
                # Success may end the episode on any step, and an end is kept.
                world.cameras = cameras if shown or world.config.end_on_success else ()
                action = np.clip(act(observation), world.action_space.low, world.action_space.high)
                observation, reward, terminated, _, info = world.step(action)
                moved[:width] += action[:width]
                moved[width:], gained = action[width:], gained + reward
                if terminated:
                    break
            seen.append(observation)
            infos.append(info)
            actions.append(moved)
            rewards.append(gained)
            if ahead:
                world.cameras = ()
                remaining.append(0.0 if terminated else expert_needs(world, ahead, bool(info["success"])))
    finally:
        world.cameras = cameras
    success = np.array([bool(i["success"]) for i in infos])
    about = EpisodeInfo(
        *(world.name, world.task, world.instruction, seed, behaviour, world.period * every, tuple(world.pose_names)),
        steps=len(actions),
        successful=bool(success.any()) or sum(rewards) > 0.0,
        terminated=terminated,
        truncated=not terminated,
    )
    return Episode(
        about,
        {camera: np.stack([o[camera] for o in seen]) for camera in cameras},
        np.stack([o[POSE] for o in seen]).astype(np.float32),
        np.stack([i["state"] for i in infos]).astype(np.float32),
        success,
        np.stack(actions).astype(np.float32),
        np.array(rewards, dtype=np.float32),
        np.array(remaining, dtype=np.float32) if ahead else None,
    )


def expert_needs(world: World, limit: int, succeeded: bool) -> float:
    """Count the actions that the expert would need from the present moment, and come back to it.

    Args:
        world: Where; draws as much as its cameras say.
        limit: Actions after which it counts as lost.
        succeeded: Whether the present state is a success.

    Returns:
        Actions to the first success; inf where there is none.
    """
    if succeeded:
        return 0.0
    moment, cameras = world.save(), world.cameras
    world.cameras = ()
    try:
        for step in range(1, limit + 1):
            _, _, terminated, truncated, info = world.step(world.expert())
            if info["success"]:
                return float(step)
            if terminated or truncated:
                break
        return float("inf")
    finally:
        world.cameras = cameras
        world.load(moment)
