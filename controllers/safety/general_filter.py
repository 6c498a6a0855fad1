"""The barrier program for general solvers: slack on the rows, or a decay rate that is a variable itself.

`planar_qp` solves the plain program thousands of times faster; this form is for comparison and for what two variables
cannot hold. Optimal decay is after Zeng, Zhang, Li and Sreenath, "Safety-Critical Control using Optimal-decay Control
Barrier Function with Guaranteed Point-wise Feasibility" (ACC 2021).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.qp import QuadraticProgram, Solution, solve
from controllers.safety.barrier import PlanarProgram

Array = npt.NDArray[np.float64]

SIDES = 32


@dataclass(frozen=True)
class GeneralConfig:
    """Which variables join the velocity.

    Attributes:
        slack_weight: Penalty on the square of a slack that all rows share; None leaves rows hard.
        decay_weight: Penalty on (ω − 1)², where ω multiplies every right-hand side; None fixes ω at one.
        solver: A name in `controllers.qp.SOLVERS`.
    """

    slack_weight: float | None = None
    decay_weight: float | None = None
    solver: str = "daqp"

    def __post_init__(self) -> None:
        """Refuse weights that are not positive.

        Raises:
            InvalidValue: Names the field.
        """
        for name in ("slack_weight", "decay_weight"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0.0):
                raise InvalidValue(f"GeneralConfig.{name} must be positive and finite, got {value}")


def general_program(program: PlanarProgram, row: int, config: GeneralConfig) -> QuadraticProgram:
    """Write one of N programs over (ux, uy, slack, ω), less the variables that are not asked for.

    Args:
        program: N programs in two variables; finite discs become the polygons of `SIDES` sides inside them.
        row: Which of them.
        config: Which variables join the velocity.

    Returns:
        The program.
    """
    c = int(program.count[row])
    extra = [config.slack_weight, config.decay_weight]
    n = 2 + sum(weight is not None for weight in extra)
    hessian, gradient = np.eye(n) * 2.0, np.zeros(n)
    gradient[:2] = -2.0 * program.target[row]
    discs = [d for d in range(2) if np.isfinite(program.radius[row, d])]
    angle = np.arange(SIDES) * (2.0 * np.pi / SIDES)
    sides = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    height = c + n + SIDES * len(discs)
    matrix = np.zeros((height, n))
    upper, lower = np.full(height, np.inf), np.full(height, -np.inf)
    matrix[:c, :2], upper[:c], matrix[c : c + n] = program.rows[row, :c], program.bound[row, :c], np.eye(n)
    for place, d in enumerate(discs):
        span = slice(c + n + SIDES * place, c + n + SIDES * (place + 1))
        matrix[span, :2] = sides
        upper[span] = sides @ program.centre[row, d] + program.radius[row, d] * np.cos(np.pi / SIDES)
    column = 2
    if config.slack_weight is not None:
        hessian[column, column] = 2.0 * config.slack_weight
        matrix[:c, column], lower[c + column] = -1.0, 0.0
        column += 1
    if config.decay_weight is not None:
        hessian[column, column], gradient[column] = 2.0 * config.decay_weight, -2.0 * config.decay_weight
        matrix[:c, column], upper[:c] = -program.bound[row, :c], 0.0
        lower[c + column] = 0.0
    return QuadraticProgram(hessian, gradient, matrix, lower, upper)


def solve_general(program: PlanarProgram, config: GeneralConfig) -> tuple[Array, list[Solution]]:
    """Solve N programs one after another by a general solver.

    Args:
        program: N programs in two variables.
        config: Which variables join the velocity, and which solver.

    Returns:
        Velocities, zero where none was found, shape (N, 2) [m/s], and the solutions.
    """
    solutions = [solve(general_program(program, row, config), config.solver) for row in range(program.target.shape[0])]
    velocity = np.array([s.x[:2] if s.found else np.zeros(2) for s in solutions]).reshape(-1, 2)
    return velocity, solutions
