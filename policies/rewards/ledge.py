"""The semantic trap: a near miss that looks like success, and a way to success that looks like falling back.

A robot stands on a ledge that looks nearly like the goal (progress 0.9). From there it may *stay*, or *go*: climb down
(0.3), up the right way (0.6) and to the goal (1), which ends the task with the only reward. Going works with chance p;
else the robot is stuck (0.2) for good. To go is optimal whatever p > 0 is, since to stay earns nothing. But on its way
the estimated progress falls, so a learner that is paid for differences of progress stays: with p = 0.1 and any usual
discount, even with the reward of the task added.
"""

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.finite_problem import FiniteProblem
from policies.rewards.potentials import check_discount

Array = npt.NDArray[np.float64]

LEDGE, DOWN, CLIMB, GOAL, STUCK = range(5)
STAY, GO = 0, 1
PROGRESS = np.array([0.9, 0.3, 0.6, 1.0, 0.2])


def ledge(chance: float, discount: float) -> FiniteProblem:
    """Build the problem with the reward of the task.

    Args:
        chance: p, that going works, in (0, 1].
        discount: γ per step.

    Returns:
        One problem with the states LEDGE, DOWN, CLIMB, GOAL and STUCK and the actions STAY and GO.

    Raises:
        InvalidValue: A number is out of range.
    """
    check_discount(discount)
    if not 0.0 < chance <= 1.0:
        raise InvalidValue(f"chance must lie in (0, 1], got {chance}")
    move = np.zeros((1, 5, 2, 5))
    move[0, LEDGE, STAY, LEDGE] = 1.0
    move[0, LEDGE, GO, DOWN], move[0, LEDGE, GO, STUCK] = chance, 1.0 - chance
    move[0, DOWN, :, CLIMB] = move[0, CLIMB, :, GOAL] = move[0, GOAL, :, GOAL] = move[0, STUCK, :, STUCK] = 1.0
    reward = np.zeros_like(move)
    reward[0, CLIMB, :, GOAL] = 1.0
    onward = np.full_like(move, discount)
    onward[..., GOAL] = 0.0
    return FiniteProblem(move, reward, onward)
