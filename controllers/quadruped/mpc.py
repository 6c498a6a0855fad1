"""Convex model predictive control of the foot forces (Di Carlo et al., IROS 2018, eq. 12-26).

`build_qp` turns the state, the reference, the planned contacts and the learned residual into a
quadratic program in the stance forces; `solve` solves it. Failure is a value: the previous plan,
shifted to the present, is used and counted.
"""

import math
import time as clock
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue, UnknownName
from controllers.qp import SOLVERS, QuadraticProgram
from controllers.qp import solve as solve_qp
from controllers.quadruped.centroidal import GRAVITY, assemble
from controllers.quadruped.friction_qp import SOLVED, solve_friction_qp

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ACTIVE_SET = "active_set"
MPC_SOLVERS: tuple[str, ...] = (ACTIVE_SET, *SOLVERS)


@dataclass(frozen=True)
class MpcConfig:
    """Tuning of the force MPC; weights are for a body of `mass` scaled out (see `force_weight`).

    Attributes:
        horizon: Number of intervals N.
        interval: Nominal length of an interval [s].
        orientation_weight: Weights on roll, pitch, yaw.
        position_weight: Weights on x, y, z.
        angular_velocity_weight: Weights on the angular velocity.
        velocity_weight: Weights on the linear velocity.
        force_weight: Weight on each squared force relative to the body weight, 1/(m g)².
        friction: Friction coefficient of the pyramid.
        min_normal_force: Lower bound of a stance foot's normal force [N].
        max_normal_force: Upper bound of a stance foot's normal force, in body weights.
        solver: "active_set" (own, fastest), "daqp" or "osqp".
        max_iterations: Bound on active-set changes.
    """

    horizon: int = 10
    interval: float = 0.04
    orientation_weight: tuple[float, float, float] = (100.0, 100.0, 40.0)
    position_weight: tuple[float, float, float] = (10.0, 10.0, 2000.0)
    angular_velocity_weight: tuple[float, float, float] = (0.3, 0.3, 0.6)
    velocity_weight: tuple[float, float, float] = (8.0, 8.0, 4.0)
    force_weight: float = 0.02
    friction: float = 0.5
    min_normal_force: float = 5.0
    max_normal_force: float = 1.6
    solver: str = ACTIVE_SET
    max_iterations: int = 400

    def __post_init__(self) -> None:
        """Refuse settings that give no sensible program.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
            UnknownName: The solver does not exist.
        """
        if not 1 <= self.horizon <= 60:
            raise InvalidValue(f"MpcConfig.horizon must lie in [1, 60], got {self.horizon}")
        if not 0.005 <= self.interval <= 0.2:
            raise InvalidValue(f"MpcConfig.interval must lie in [0.005, 0.2] s, got {self.interval}")
        if not 0.05 <= self.friction <= 2.0:
            raise InvalidValue(f"MpcConfig.friction must lie in [0.05, 2], got {self.friction}")
        for name in ("orientation_weight", "position_weight", "angular_velocity_weight", "velocity_weight"):
            weights = getattr(self, name)
            if len(weights) != 3 or not all(0.0 <= w < np.inf for w in weights):
                raise InvalidValue(f"MpcConfig.{name} must be three finite numbers >= 0, got {weights}")
        if not 0.0 < self.force_weight < np.inf:
            raise InvalidValue(f"MpcConfig.force_weight must be finite and > 0, got {self.force_weight}")
        if not 0.0 <= self.min_normal_force < np.inf:
            raise InvalidValue(f"MpcConfig.min_normal_force must be finite and >= 0 N, got {self.min_normal_force}")
        if not 0.0 < self.max_normal_force < np.inf:
            raise InvalidValue(f"MpcConfig.max_normal_force must be finite and > 0, got {self.max_normal_force}")
        if self.max_iterations < 1:
            raise InvalidValue(f"MpcConfig.max_iterations must be >= 1, got {self.max_iterations}")
        if self.solver not in MPC_SOLVERS:
            raise UnknownName("MPC solver", self.solver, MPC_SOLVERS)


@dataclass
class MpcInput:
    """Everything that one solve depends on; heading frame throughout.

    Attributes:
        intervals: Lengths of the intervals, shape (N,) [s].
        contacts: 1 where a foot stands, shape (N, 4).
        levers: From the predicted centre of mass to where the ground touches a foot, shape (N, 4, 3) [m].
        position: Rotation vector and position of the centre of mass now, shape (6,).
        velocity: Angular and linear velocity now, shape (6,).
        position_reference: Reference at the end of each interval, shape (N, 6).
        velocity_reference: Reference at the end of each interval, shape (N, 6).
        residual: Learned wrench in each interval, force then moment, shape (N, 6) [N, N·m].
        inertia: Rotational inertia in each interval, shape (N, 3, 3) [kg·m²].
    """

    intervals: Array
    contacts: Array
    levers: Array
    position: Array
    velocity: Array
    position_reference: Array
    velocity_reference: Array
    residual: Array
    inertia: Array


@dataclass
class ForceQp:
    """The condensed program.

    Attributes:
        hessian: Shape (n, n).
        gradient: Shape (n,).
        friction: Friction coefficient.
        low: Lower bounds of the normal forces, shape (n / 3,) [N].
        high: Upper bounds of the normal forces, shape (n / 3,) [N].
        contact_step: Interval of each contact, shape (n / 3,).
        contact_leg: Leg of each contact, shape (n / 3,).
    """

    hessian: Array
    gradient: Array
    friction: float
    low: Array
    high: Array
    contact_step: IntArray
    contact_leg: IntArray

    def general(self) -> QuadraticProgram:
        """Write the friction pyramids out as rows, for general-purpose solvers."""
        count = len(self.low)
        n = 3 * count
        matrix = np.zeros((5 * count, n))
        contact = np.arange(count)
        for row, (axis, sign) in enumerate(((0, -1.0), (0, 1.0), (1, -1.0), (1, 1.0))):
            matrix[5 * contact + row, 3 * contact + axis] = sign
            matrix[5 * contact + row, 3 * contact + 2] = self.friction
        matrix[5 * contact + 4, 3 * contact + 2] = 1.0
        lower = np.zeros(5 * count)
        upper = np.full(5 * count, np.inf)
        lower[4::5] = self.low
        upper[4::5] = self.high
        return QuadraticProgram(self.hessian, self.gradient, matrix, lower, upper)


@dataclass
class ForcePlan:
    """Foot forces over the horizon.

    Attributes:
        forces: Ground reaction forces on the feet, heading frame of `yaw`, shape (N, 4, 3) [N].
        intervals: Lengths of the intervals, shape (N,) [s].
        time: Time at which the horizon starts [s].
        yaw: Yaw of the heading frame [rad].
        found: Whether the solver found a solution; if not, this is the previous plan, shifted.
        iterations: Solver iterations.
        solve_time: Wall time of building and solving [s].
    """

    forces: Array
    intervals: Array
    time: float
    yaw: float
    found: bool
    iterations: int
    solve_time: float

    def index(self, time: float) -> int:
        """Find the interval that holds a time.

        Args:
            time: Time [s].

        Returns:
            Its number; N beyond the horizon.
        """
        elapsed = time - self.time
        end = 0.0
        for k, interval in enumerate(self.intervals.tolist()):
            end += interval
            if elapsed < end - 1e-9:
                return k
        return len(self.intervals)

    def at(self, time: float) -> Array:
        """Look the planned foot forces up.

        Args:
            time: Time [s].

        Returns:
            Forces, heading frame of the plan, shape (4, 3) [N]; zero beyond the horizon.
        """
        k = self.index(time)
        return np.asarray(self.forces[k]) if k < len(self.forces) else np.zeros((4, 3))


# Warm starts are looked up leg by leg and step by step, for stance feet change between plans. Compiled, because numpy
# takes as long for each of these as for a tenth of the program.
@njit(cache=True)
def _recall(guess: npt.NDArray[np.bool_], step: IntArray, leg: IntArray, out: IntArray) -> int:
    """List the constraints, six of each contact, that were active in the previous plan; their number."""
    count = 0
    for contact in range(len(step)):
        for kind in range(6):
            if guess[step[contact], leg[contact], kind]:
                out[count] = 6 * contact + kind
                count += 1
    return count


@njit(cache=True)
def _remember(guess: npt.NDArray[np.bool_], step: IntArray, leg: IntArray, active: IntArray, count: int) -> None:
    """Note which constraints are active."""
    guess[:] = False
    for k in range(count):
        contact, kind = active[k] // 6, active[k] % 6
        guess[step[contact], leg[contact], kind] = True


class ConvexMpc:
    """Force MPC for one robot."""

    def __init__(self, config: MpcConfig, mass: float) -> None:
        """Allocate.

        Args:
            config: Tuning.
            mass: Nominal mass [kg].

        Raises:
            InvalidValue: The mass is not positive.
        """
        if not mass > 0.0:
            raise InvalidValue(f"mass must be > 0 kg, got {mass}")
        self.config = config
        self.mass = mass
        self.failures = 0
        self._position_weight = np.array(config.orientation_weight + config.position_weight)
        self._velocity_weight = np.array(config.angular_velocity_weight + config.velocity_weight)
        self._force_weight = config.force_weight / (mass * GRAVITY) ** 2
        self._plan: ForcePlan | None = None
        self._guess = np.full((config.horizon, 4, 6), False)
        largest = 12 * config.horizon
        self._hessian = np.empty(largest * largest)
        self._factor = np.empty(largest * largest)
        self._basis = np.empty(largest * largest)
        self._triangle = np.empty((largest + 1) ** 2)
        self._gradient = np.empty(largest)
        self._low = np.empty(largest // 3)
        self._high = np.empty(largest // 3)
        self._contact_step = np.empty(largest // 3, dtype=np.int64)
        self._contact_leg = np.empty(largest // 3, dtype=np.int64)
        self._active = np.empty(largest, dtype=np.int64)
        self._recalled = np.empty(24 * config.horizon, dtype=np.int64)
        self._multipliers = np.empty(largest)

    def reset(self) -> None:
        """Forget the previous plan and its active constraints."""
        self._plan = None
        self._guess[:] = False

    def build_qp(
        self, inputs: MpcInput, max_normal_force: float | None = None, friction: float | None = None
    ) -> ForceQp:
        """Build the condensed program.

        Args:
            inputs: State, reference, contacts and residual over the horizon.
            max_normal_force: Upper bound of each normal force [N]; default from the config.
            friction: Friction coefficient; default from the config.

        Returns:
            The program; its arrays are views of buffers that the next call overwrites.
        """
        count = assemble(
            inputs.contacts,
            inputs.levers,
            inputs.inertia,
            self.mass,
            inputs.intervals,
            inputs.position,
            inputs.velocity,
            inputs.position_reference,
            inputs.velocity_reference,
            inputs.residual,
            self._position_weight,
            self._velocity_weight,
            self._force_weight,
            self._hessian,
            self._gradient,
            self._contact_step,
            self._contact_leg,
        )
        n = 3 * count
        high = self.config.max_normal_force * self.mass * GRAVITY if max_normal_force is None else max_normal_force
        self._low[:count] = self.config.min_normal_force
        self._high[:count] = high
        return ForceQp(
            self._hessian[: n * n].reshape(n, n),
            self._gradient[:n],
            self.config.friction if friction is None else friction,
            self._low[:count],
            self._high[:count],
            self._contact_step[:count],
            self._contact_leg[:count],
        )

    def solve(self, qp: ForceQp) -> tuple[bool, Array, int]:
        """Solve the program.

        Args:
            qp: Result of `build_qp`.

        Returns:
            Whether a solution was found, the stacked forces, shape (n,) [N], and the iterations.
        """
        n = len(qp.gradient)
        if n == 0:
            return True, np.zeros(0), 0
        # One sum instead of n² tests: it is finite only if every entry is.
        if not math.isfinite(qp.gradient.sum() + qp.hessian.sum()):
            return False, np.zeros(n), 0
        if self.config.solver != ACTIVE_SET:
            solution = solve_qp(qp.general(), self.config.solver)
            return solution.found, solution.x, solution.iterations
        count = _recall(self._guess, qp.contact_step, qp.contact_leg, self._recalled)
        x = np.empty(n)
        status, count, iterations = solve_friction_qp(
            qp.hessian,
            qp.gradient,
            qp.friction,
            qp.low,
            qp.high,
            self._recalled,
            count,
            self.config.max_iterations,
            self._factor[: n * n].reshape(n, n),
            self._basis[: n * n].reshape(n, n),
            self._triangle[: (n + 1) ** 2].reshape(n + 1, n + 1),
            x,
            self._active,
            self._multipliers,
        )
        found = status == SOLVED and math.isfinite(x.sum())
        _remember(self._guess, qp.contact_step, qp.contact_leg, self._active, count if found else 0)
        return found, x, iterations

    def plan(
        self,
        inputs: MpcInput,
        time: float,
        yaw: float,
        max_normal_force: float | None = None,
        friction: float | None = None,
    ) -> ForcePlan:
        """Build and solve; fall back on the previous plan when the solver fails.

        Args:
            inputs: State, reference, contacts and residual over the horizon.
            time: Time at which the horizon starts [s].
            yaw: Yaw of the heading frame [rad].
            max_normal_force: Upper bound of each normal force [N]; default from the config.
            friction: Friction coefficient; default from the config.

        Returns:
            The plan, with `found` false when it is the old one.
        """
        start = clock.perf_counter()
        qp = self.build_qp(inputs, max_normal_force, friction)
        found, x, iterations = self.solve(qp)
        forces = np.zeros((self.config.horizon, 4, 3))
        if found:
            forces[qp.contact_step, qp.contact_leg] = x.reshape(-1, 3)
            plan = ForcePlan(forces, inputs.intervals, time, yaw, True, iterations, 0.0)
        else:
            self.failures += 1
            plan = self._shifted(inputs, time, yaw, iterations)
        self._plan = plan
        plan.solve_time = clock.perf_counter() - start
        return plan

    def _shifted(self, inputs: MpcInput, time: float, yaw: float, iterations: int) -> ForcePlan:
        forces = np.zeros((self.config.horizon, 4, 3))
        middle = time + np.cumsum(inputs.intervals) - 0.5 * inputs.intervals
        feet = np.maximum(inputs.contacts.sum(axis=1), 1.0)
        for k in range(self.config.horizon):
            old = self._plan.at(float(middle[k])) if self._plan is not None else np.zeros((4, 3))
            if not old.any():
                old = np.zeros((4, 3))
                old[:, 2] = self.mass * GRAVITY / feet[k]
            forces[k] = old * inputs.contacts[k][:, None]
        return ForcePlan(forces, inputs.intervals, time, yaw, False, iterations, 0.0)
