"""Parts of tasks as tasks: a state on a reference's way becomes the goal, and what comes close to it a success.

A few dozen tasks have a few dozen ends, which a network knows by heart. What lies on the way has as many as states:
who is to tell whether one is reached must compare it with the picture of the goal.
"""

from dataclasses import replace

import numpy as np

from policies.rewards.clips import Clip

# Progress at which a part may end; how near counts as reached; from where on a state is not clearly short of it.
EARLIEST, LATEST, NEAR, SHORT = 0.25, 0.9, 0.04, 0.1


def part_of(clip: Clip, reference: Clip, rng: np.random.Generator) -> tuple[Clip, int] | None:
    """Cut a task short, at a state of the reference.

    Args:
        clip: States whose progress is not known are left out.
        reference: Another episode of the task.
        rng: Draws where.

    Returns:
        The clip's states that are reached or clearly short of it, with progress and success towards it, and the row of
        the reference that is the goal; None where nothing of the clip reaches it.
    """
    inside = np.isfinite(reference.progress) & (reference.progress >= EARLIEST) & (reference.progress <= LATEST)
    if not inside.any():
        return None
    goal = int(rng.choice(np.flatnonzero(inside)))
    end = float(reference.progress[goal])
    away = end - clip.progress
    reached = np.abs(away) <= NEAR
    rows = np.flatnonzero(reached | (away >= SHORT))
    # The first state is where the clip begins.
    if not reached.any() or not len(rows) or rows[0] != 0:
        return None
    part = replace(
        clip,
        images=clip.images[rows],
        elapsed=np.minimum(clip.elapsed[rows] / end, 1.0),
        progress=np.minimum(clip.progress[rows] / end, 1.0),
        success=reached[rows],
    )
    return part, goal
