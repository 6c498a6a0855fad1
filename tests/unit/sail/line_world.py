"""A world of one dimension, a planner of one number, and a training that is a count: a loop that can be told by hand.

A point must get from 0 to 1. The planner's skill is the size of its steps; with skill 0.05 it gets there within the
horizon only from where the seed puts it near. Training adds to the skill for each kept rollout that moved.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import numpy as np

from controllers.errors import InvalidValue
from policies.sail.rollouts import CAUTIOUS
from policies.video.planner import Plan
from sim.episodes import read_episode
from sim.image_world import POSE, WorldConfig

SIZE, HORIZON, SKILL = 16, 12, "skill.json"


class LineWorld:
    name, period, pose_names, has_gripper = "line", 0.1, ("x_m",), False
    instruction = "go to the end"
    cameras = ("side",)
    workspace = np.array([[0.0], [1.0]])
    action_space = gymnasium.spaces.Box(-0.5, 0.5, (1,), np.float64)

    def __init__(self, task="line", goes_on=False):
        self.task, self.config = task, WorldConfig(size=SIZE, horizon=HORIZON, end_on_success=not goes_on)

    def reset(self, *, seed=None, options=None):
        self.x, self.left = 0.75 * np.random.default_rng(seed).uniform(), HORIZON
        return self._observe(), self._info()

    def step(self, action):
        self.x = float(np.clip(self.x + action[0], 0.0, 1.0))
        self.left -= 1
        success = self.x >= 0.999
        done = success and self.config.end_on_success
        return self._observe(), float(success), done, self.left == 0 and not done, self._info()

    def render(self):
        picture = np.zeros((SIZE, SIZE, 3), np.uint8)
        picture[:, : 1 + int(self.x * (SIZE - 1))] = 200
        # A pixel tells the place finely: a picture that stays the same is that of a frozen camera.
        picture[0, 0] = round(200 * self.x)
        return picture

    def close(self):
        pass

    def _observe(self):
        return {"side": self.render(), POSE: np.array([self.x], np.float32)}

    def _info(self):
        return {"success": self.x >= 0.999, "instruction": self.instruction, "state": np.array([self.x])}


# Skill of a planner that explores.
EXPLORER = 0.3


class StepPlanner:
    size = SIZE

    def __init__(self, skill):
        self.skill = skill

    def plan_all(self, images, instructions, rngs):
        move, none = np.full((2, 1), self.skill), np.zeros((2, 1))
        return [Plan(np.stack([image] * 3), move, none, none[:, 0], 1, 0.5) for image in images]


@dataclass(frozen=True)
class LineStudio:
    """Skill grows by `gain` for each kept rollout; with `cautious`, cautious models have that skill instead."""

    gain: float = 0.01
    log: Path | None = None
    cautious: float | None = None
    play: str = ""
    camera = "side"

    def world(self, task, goes_on=False):
        return LineWorld(task, goes_on)

    def planner(self, models, explore=False):
        self._note(f"planner {models.parent.name if models else 'first'}")
        return StepPlanner(EXPLORER if explore else self.skill(models))

    def improve(self, models, kept, rollouts, folder, seed):
        self._note(f"improve {len(kept)} of {len(rollouts)} from {self.skill(models):.3f}")
        yield "half of the training"
        lengths = [read_episode(path).info.steps for path in kept]
        skill = self.skill(models) + self.gain * len(lengths)
        if not np.isfinite(skill):
            raise InvalidValue("the loss is nan in step 3; skill.json holds the last good weights")
        skills = {folder: skill} | ({} if self.cautious is None else {folder / CAUTIOUS: self.cautious})
        for place, value in skills.items():
            place.mkdir(parents=True, exist_ok=True)
            draft = place / "draft"
            draft.write_text(json.dumps(value))
            os.replace(draft, place / SKILL)
        yield "trained"

    @staticmethod
    def skill(models):
        return 0.05 if models is None else json.loads((models / SKILL).read_text())

    def _note(self, text):
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(text + "\n")


def reached(seed, skill, horizon=HORIZON):
    """What the world does, by hand."""
    return 0.75 * np.random.default_rng(seed).uniform() + horizon * skill >= 0.999
