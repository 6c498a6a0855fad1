"""What inverse dynamics is worth: success with a plan that is perfect by construction.

The expert is simulated k steps ahead from the exact present moment; the picture at the end of that future is the plan.
The world goes back, inverse dynamics tells what lies between the two pictures, and the hand follows that for k steps. A
planner cannot do better than this with the same inverse dynamics, so it is measured first.

The hand *follows*: each action leads from where it is, which its joints tell, to where it should be after the step. To
repeat the same displacement blindly fails wherever something must be pushed or pressed, since the hand lags behind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from sim.image_world import POSE, World

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

# Nothing learned; displacement learned; all learned.
EXPERT, TRUE, MOVE, ALL = "expert", "true_displacement", "learned_displacement", "learned"
MODES = (EXPERT, TRUE, MOVE, ALL)


class Told(Protocol):
    """What inverse dynamics tells of B pairs."""

    displacement: Array
    closing: Array


Infer = Callable[[Image, Image], Told]


@dataclass(frozen=True)
class Plan:
    """A future that the expert would bring about.

    Attributes:
        before: The present picture, shape (size, size, 3).
        after: The picture at its end, shape (size, size, 3).
        displacement: Of hand or body, shape (D,) [m].
        command: Mean command to the gripper on the way, in [-1, 1]; 0 without a gripper.
        steps: How many it takes; fewer than asked for where success ends the episode.
    """

    before: Image
    after: Image
    displacement: Array
    command: float
    steps: int


@dataclass(frozen=True)
class Outcome:
    """How an episode went.

    Attributes:
        success: Whether it succeeded.
        steps: How many it took.
        error_m: Mean distance between told and planned displacement [m].
    """

    success: bool
    steps: int
    error_m: float


def plan_perfectly(world: World, position: Array, steps: int) -> Plan:
    """Look what the expert would do, and come back.

    Args:
        world: Where; afterwards it is where it was.
        position: Present coordinates, shape (D,) [m].
        steps: How far to look.

    Returns:
        The plan.
    """
    before, moment = world.render(), world.save()
    commands, there, taken, over = [], position, 0, False
    while taken < steps and not over:
        action = world.expert()
        observation, _, terminated, truncated, _ = world.step(action)
        commands.append(float(action[-1]) if world.has_gripper else 0.0)
        there, taken, over = observation[POSE][: len(position)].astype(np.float64), taken + 1, terminated or truncated
    after = world.render()
    world.load(moment)
    return Plan(before, after, there - position, float(np.mean(commands)), taken)


def follow(world: World, seed: int, mode: str, infer: Infer | None = None, steps: int = 5) -> Outcome:
    """Run an episode by perfect plans.

    Args:
        world: Where; it needs no cameras, pictures are drawn where they are needed.
        seed: Of the episode.
        mode: "expert" (no plans), "true_displacement" (plans without pictures), "learned_displacement" (with the plan's
            command to the gripper) or "learned".
        infer: Inverse dynamics, for the learned modes.
        steps: Steps of a plan, all of which are done before the next.

    Returns:
        How it went.

    Raises:
        UnknownName: There is no such mode.
        InvalidValue: A learned mode lacks inverse dynamics, or a plan has no step.
    """
    if mode not in MODES:
        raise UnknownName("mode of the gate", mode, MODES)
    if steps < 1:
        raise InvalidValue(f"a plan must have at least 1 step, got {steps}")
    if mode in (MOVE, ALL) and infer is None:
        raise InvalidValue(f"the mode '{mode}' needs inverse dynamics, got none")
    observation, _ = world.reset(seed=seed)
    width = world.workspace.shape[1]
    taken, over, success, errors = 0, False, False, []
    while not over:
        way: list[Array | None] = [None]
        command = 0.0
        if mode != EXPERT:
            position = observation[POSE][:width].astype(np.float64)
            plan = plan_perfectly(world, position, steps)
            move, command = plan.displacement, plan.command
            if infer is not None and mode in (MOVE, ALL):
                told = infer(plan.before[None], plan.after[None])
                move = told.displacement[0]
                command = 2.0 * float(told.closing[0]) - 1.0 if mode == ALL else command
                errors.append(float(np.linalg.norm(move - plan.displacement)))
            way = [position + move * min(i + 1, plan.steps) / plan.steps for i in range(steps)]
        for target in way:
            action = world.expert()
            if target is not None:
                step = target - observation[POSE][:width]
                action = np.append(step, command) if world.has_gripper else step
            observation, _, terminated, truncated, info = world.step(action)
            taken, success, over = taken + 1, success or bool(info["success"]), terminated or truncated
            if over:
                break
    return Outcome(success, taken, float(np.mean(errors)) if errors else 0.0)
