from types import SimpleNamespace

import numpy as np

from policies.video.planner import Plan, check_request


def textured(size=64, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)


def made_plan(displacement, closing=None, steps_per_frame=5, confidence=1.0, size=8):
    displacement = np.atleast_2d(np.asarray(displacement, float))
    count = len(displacement)
    closing = np.zeros(count) if closing is None else np.asarray(closing, float)
    frames = np.zeros((count + 1, size, size, 3), np.uint8)
    return Plan(frames, displacement, np.zeros_like(displacement), closing, steps_per_frame, confidence)


class Steady:
    """Plans to go on by the same displacement, whatever it sees."""

    size = 64

    def __init__(self, displacement, frames=4, closing=0.0, steps_per_frame=5):
        self._plan = made_plan([displacement] * frames, [closing] * frames, steps_per_frame, size=self.size)
        self.asked = []

    def plan(self, image, instruction, rng):
        return self.plan_all(image[None], (instruction,), (rng,))[0]

    def plan_all(self, images, instructions, rngs):
        check_request(images, instructions, rngs, self.size)
        self.asked.append(tuple(instructions))
        return [self._plan] * len(images)


class Seer:
    """Knows where the goal of an arena is, and plans straight to it."""

    size = 64

    def __init__(self, world, frames=4):
        self._world, self._frames = world, frames

    def plan_all(self, images, instructions, rngs):
        away = self._world.layout.places[0] - self._world._robot[:2]
        step = away * min(1.0, 0.3 / np.linalg.norm(away))
        return [made_plan([step] * self._frames, size=self.size)]


class Brightening:
    """A video model whose every frame is brighter than the last by one."""

    size, steps_per_frame = 64, 3

    def imagine(self, images, instructions, rngs):
        return np.stack([images + np.uint8(i + 1) for i in range(4)], axis=1)

    def familiarity(self, instruction):
        return 1.0 if instruction == "go" else 0.1


class BrightnessTells:
    """Inverse dynamics that takes a change of brightness for centimetres along the first axis."""

    def infer(self, before, after):
        change = (after.astype(float) - before).mean(axis=(1, 2, 3))
        displacement = np.stack([0.01 * change, np.zeros_like(change)], axis=1)
        return SimpleNamespace(
            displacement=displacement, deviation=np.full_like(displacement, 0.01), closing=np.full(len(change), 0.25)
        )
