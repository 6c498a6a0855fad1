"""The safety filter on the bench: its time beside general solvers, its answers beside DAQP's, and adversaries."""

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.barrier import PlanarProgram, VelocityBounds, build_qp
from controllers.safety.dynamics import DoubleIntegrator, LaggedVelocity, SingleIntegrator
from controllers.safety.filter import FilterConfig, SafetyFilter
from controllers.safety.gains import FixedGains, Gains
from controllers.safety.graph import Neighbourhood, perceive
from controllers.safety.metrics import swept_clearance_m
from controllers.safety.obstacles import Obstacles
from controllers.safety.planar_qp import SOLVED, solve
from controllers.safety.unicycle import Unicycle

Array = npt.NDArray[np.float64]
Solver = Callable[[Array, Array, Array], Array | None]

DT = 0.1
NEIGHBOURS = 16
# Edges of the box that bounds velocities, as rows.
BOX = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
TEAMS = (2, 4, 8, 16, 32, 64)
# Robots of second order and on arcs are looked at so many times a period, between which their ways count as straight.
SUBSTEPS = 8
# Robots start in the middle of cells of this width, at most so large, and are sent elsewhere every so many periods.
CELL_M, RADIUS_M, ERRAND = 1.0, 0.22, 7
ROBOTS = {
    "single integrator": SingleIntegrator(DT, 1.0),
    "unicycle": Unicycle(DT, 1.0, 3.0, 0.15),
    "first-order lag": LaggedVelocity(DT, 1.0, 0.3),
    "double integrator": DoubleIntegrator(DT, 1.0, 2.5),
}


@dataclass(frozen=True)
class FilterTiming:
    """How long a program of one robot takes.

    Attributes:
        solver: Who solves it.
        p50_s: Time per robot, median [s].
        difference_mps: Largest distance of its solutions from ours [m/s].
        failures: Programs that it did not solve.
        n: Number of programs.
    """

    solver: str
    p50_s: float
    difference_mps: float
    failures: int
    n: int


@dataclass(frozen=True)
class Agreement:
    """How solutions of one kind of program compare with DAQP's.

    Attributes:
        kind: Kind of the programs.
        n: How many.
        solved: How many both solved.
        verdicts: How many only one of them solved.
        difference_mps: Largest distance between solutions of what both solved [m/s].
        apart: How many are further apart than 1e-9 m/s.
        violation_mps: Largest violation of a row by ours [m/s].
        violation_daqp_mps: The same by DAQP's.
    """

    kind: str
    n: int
    solved: int
    verdicts: int
    difference_mps: float
    apart: int
    violation_mps: float
    violation_daqp_mps: float


@dataclass(frozen=True)
class Siege:
    """What adversarial gains did to a kind of robot.

    Attributes:
        robot: Kind of robot.
        steps: Periods times robots.
        collisions: Pairs of a robot and a period in which it overlapped something by more than 1e-9 m.
        infeasible: Programs without a solution.
        clearance_m: Least clearance [m].
        time_s: Time per robot and period, perception, filter and motion included [s].
    """

    robot: str
    steps: int
    collisions: int
    infeasible: int
    clearance_m: float
    time_s: float


class Adversary:
    """Draws gains and shares anew in every period: at random, all at the limit, or all of a gap to one robot."""

    def __init__(self, rng: np.random.Generator, dt: float) -> None:
        """Set up.

        Args:
            rng: Draws.
            dt: Control period, whose inverse is the limit of gains [s].
        """
        self._rng, self._dt = rng, dt

    def gains(self, neighbourhood: Neighbourhood) -> Gains:
        """Draw.

        Args:
            neighbourhood: What N robots perceive.

        Returns:
            Anything that the filter's theorem allows.
        """
        rng, (n, k), m = self._rng, neighbourhood.valid.shape, neighbourhood.obstacle_valid.shape[1]
        score, sharpness = rng.normal(size=n), rng.choice([0.0, 1.0, 1000.0])
        share = 0.5 * (1.0 + np.tanh(sharpness * (score[:, None] - score[neighbourhood.index])))
        bold = rng.random(2) < 0.5
        gain = np.where(bold[0], 1.0, rng.random((n, k))) / self._dt
        wall = np.where(bold[1], 1.0, rng.random((n, m))) / self._dt
        return Gains(gain, share, wall, rng.uniform(-np.pi, np.pi, n), rng.choice([1.0, 0.5], size=n))


def crowds(rng: np.random.Generator, scenes: int, agents: int) -> tuple[Array, Array]:
    """Put robots into cells of a grid.

    Args:
        rng: Draws.
        scenes: S.
        agents: A.

    Returns:
        Positions, shape (S, A, 2), and radii, shape (S, A) [m].
    """
    side = int(np.ceil(np.sqrt(agents)))
    cells = CELL_M * np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    place = np.stack([rng.permutation(cells)[:agents] for _ in range(scenes)]).astype(float)
    radius = RADIUS_M * rng.uniform(0.6, 1.0, (scenes, agents))
    return place + rng.uniform(-0.2, 0.2, place.shape), radius


def crowded_programs(rng: np.random.Generator, scenes: int) -> tuple[Neighbourhood, Array, VelocityBounds]:
    """Make what robots see and want that have `NEIGHBOURS` neighbours each.

    Args:
        rng: Draws.
        scenes: Crowds of `NEIGHBOURS` + 1 robots.

    Returns:
        Neighbourhoods of N robots, preferred velocities, shape (N, 2) [m/s], and the box of velocities.
    """
    agents = NEIGHBOURS + 1
    place, radius = crowds(rng, scenes, agents)
    goal, velocity = place + 5.0 * rng.normal(size=place.shape), rng.normal(size=place.shape)
    view = perceive(SensingConfig(20.0, NEIGHBOURS, dt=DT), Agents.of(place, goal, radius, 1.0, velocity))
    n = scenes * agents
    box = VelocityBounds(np.zeros((n, 2, 2)), np.full((n, 2), np.inf), -np.ones((n, 2)), np.ones((n, 2)))
    return view, rng.normal(size=(n, 2)), box


def time_filter(rng: np.random.Generator, scenes: int, samples: int, passes: int = 5) -> list[FilterTiming]:
    """Time the programs of crowded robots: ours in batches, general solvers one by one.

    Args:
        rng: Draws.
        scenes: Number of crowds in a batch.
        samples: Programs that general solvers are given.
        passes: Times that everything is run; the fastest counts.

    Returns:
        Ours first: solving alone, then with the rows written as well.
    """
    view, preferred, box = crowded_programs(rng, scenes)
    gains = FixedGains(5.0).gains(view)
    program = build_qp(view, gains, preferred, DT, box)
    ours, n = solve(program), len(preferred)
    alone, whole = [], []
    for _ in range(passes):
        begin = clock.perf_counter()
        built = build_qp(view, gains, preferred, DT, box)
        middle = clock.perf_counter()
        solve(built)
        end = clock.perf_counter()
        alone.append((end - middle) / n)
        whole.append((end - begin) / n)
    found = [
        FilterTiming("ours, batch", min(alone), 0.0, int((~ours.found).sum()), n),
        FilterTiming("ours, rows written too", min(whole), 0.0, int((~ours.found).sum()), n),
    ]
    chosen = rng.choice(n, samples, replace=False)
    for name, solver in general_solvers().items():
        found.append(_time_solver(name, solver, program, ours.velocity, chosen, passes))
    return found


def _time_solver(
    name: str, solver: Solver, program: PlanarProgram, ours: Array, chosen: npt.NDArray[np.int64], passes: int
) -> FilterTiming:
    times, difference, failures = np.full((passes, len(chosen)), np.inf), 0.0, 0
    for k, i in enumerate(chosen):
        count = program.count[i]
        target, rows, bound = program.target[i], program.rows[i, :count].copy(), program.bound[i, :count].copy()
        for p in range(passes):
            begin = clock.perf_counter()
            got = solver(target, rows, bound)
            times[p, k] = clock.perf_counter() - begin
        if got is None:
            failures += 1
        else:
            difference = max(difference, float(np.linalg.norm(got - ours[i])))
    return FilterTiming(name, float(np.median(times.min(axis=0))), difference, failures, len(chosen))


def general_solvers() -> dict[str, Solver]:
    """Find the general-purpose solvers that are installed, each asked in the way that is fastest for it.

    Returns:
        Functions of target (2,), rows (R, 2) and bounds (R,); each returns the solution or None.
    """
    solvers: dict[str, Solver] = {"daqp": by_daqp, "osqp": _by_osqp}
    try:
        import quadprog

        solvers["quadprog"] = lambda target, rows, bound: _by_quadprog(quadprog, target, rows, bound)
    except ImportError:
        pass
    try:
        import cvxpy

        solvers["cvxpy"] = _by_cvxpy(cvxpy)
    except ImportError:
        pass
    return solvers


def by_daqp(target: Array, rows: Array, bound: Array) -> Array | None:
    """Solve by DAQP.

    Args:
        target: Shape (2,).
        rows: Shape (R, 2).
        bound: Shape (R,).

    Returns:
        The point of rows·u ≤ bound nearest to the target, shape (2,); None where DAQP finds none.
    """
    import daqp

    lower = np.full(bound.shape, -1e30)
    x, _, flag, _ = daqp.solve(np.eye(2), -target, rows, bound, lower, primal_tol=1e-11)
    return np.asarray(x) if flag == 1 else None


def _by_osqp(target: Array, rows: Array, bound: Array) -> Array | None:
    import osqp
    from scipy import sparse

    solver = osqp.OSQP()
    lower = np.full(len(bound), -np.inf)
    matrix = sparse.csc_matrix(rows)
    solver.setup(sparse.eye(2, format="csc"), -target, matrix, lower, bound, verbose=False, eps_abs=1e-6, eps_rel=1e-6)
    result = solver.solve(raise_error=False)
    return np.asarray(result.x) if result.info.status_val == 1 else None


def _by_quadprog(quadprog: Any, target: Array, rows: Array, bound: Array) -> Array | None:
    try:
        return np.asarray(quadprog.solve_qp(np.eye(2), target, -rows.T, -bound)[0])
    except ValueError:
        return None


def _by_cvxpy(cvxpy: Any) -> Solver:
    """State the problem once with parameters, which is the fast way to use cvxpy."""
    known: dict[int, Any] = {}

    def solver(target: Array, rows: Array, bound: Array) -> Array | None:
        if len(bound) not in known:
            u, wish = cvxpy.Variable(2), cvxpy.Parameter(2)
            left, right = cvxpy.Parameter(rows.shape), cvxpy.Parameter(len(bound))
            problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(u - wish)), [left @ u <= right])
            known[len(bound)] = problem, u, wish, left, right
        problem, u, wish, left, right = known[len(bound)]
        wish.value, left.value, right.value = target, rows, bound
        problem.solve(solver="OSQP", eps_abs=1e-6, eps_rel=1e-6)
        return None if u.value is None else np.asarray(u.value)

    return solver


def compare_with_daqp(rng: np.random.Generator, count: int) -> list[Agreement]:
    """Compare with DAQP on random programs, some without a solution, and on degenerate ones.

    Args:
        rng: Draws.
        count: Programs in all.

    Returns:
        One entry for each kind: rows at random of which zero meets all, rows at random, and rows through one point,
        twice the same, or opposite ones that leave a line.
    """
    share = count // 3
    found = []
    for kind, low in (("random, feasible", 0.0), ("random", -0.3), ("degenerate", -0.2)):
        target, rows, bound = _random_programs(rng, share, NEIGHBOURS, low)
        if kind == "degenerate":
            point = rng.uniform(-0.9, 0.9, (share, 1, 2))
            bound[:, :NEIGHBOURS] = (rows[:, :NEIGHBOURS] * point).sum(axis=2)
            rows[:, 1], bound[:, 1] = rows[:, 0], bound[:, 0]
            flat = rng.random(share) < 0.5
            rows[flat, 2], bound[flat, 2] = -rows[flat, 0], -bound[flat, 0]
        found.append(_compare(kind, target, rows, bound))
    return found


def _random_programs(rng: np.random.Generator, n: int, r: int, low: float) -> tuple[Array, Array, Array]:
    angle = rng.uniform(-np.pi, np.pi, (n, r))
    rows = np.concatenate((np.stack((np.cos(angle), np.sin(angle)), axis=-1), np.broadcast_to(BOX, (n, 4, 2))), axis=1)
    bound = np.concatenate((rng.uniform(low, 1.0, (n, r)), np.ones((n, 4))), axis=1)
    return rng.uniform(-2.0, 2.0, (n, 2)), rows, bound


def _compare(kind: str, target: Array, rows: Array, bound: Array) -> Agreement:
    n, r = bound.shape
    free = np.zeros((n, 2, 2)), np.full((n, 2), np.inf)
    ours = solve(PlanarProgram(target, rows, bound, np.zeros((n, r), dtype=bool), np.full(n, r), *free))
    solved = verdicts = apart = 0
    difference = violation = violation_daqp = 0.0
    for i in range(n):
        got, own = by_daqp(target[i], rows[i], bound[i]), bool(ours.status[i] == SOLVED)
        verdicts += int(own != (got is not None))
        if own:
            violation = max(violation, float((rows[i] @ ours.velocity[i] - bound[i]).max()))
        if got is not None:
            violation_daqp = max(violation_daqp, float((rows[i] @ got - bound[i]).max()))
        if own and got is not None:
            solved += 1
            off = float(np.abs(ours.velocity[i] - got).max())
            difference, apart = max(difference, off), apart + int(off > 1e-9)
    return Agreement(kind, n, solved, verdicts, difference, apart, violation, violation_daqp)


def besiege(rng: np.random.Generator, steps: int) -> list[Siege]:
    """Let adversarial gains drive teams of 2 to 64 robots of every kind into one another.

    Args:
        rng: Draws.
        steps: Periods times robots for each kind of robot, at least.

    Returns:
        What came of it, by kind of robot.
    """
    found = []
    for name, robot in ROBOTS.items():
        begin, done, hits, failed, least = clock.perf_counter(), 0, 0, 0, np.inf
        for agents in TEAMS:
            scenes = max(TEAMS[-1] // agents, 1)
            periods = -(-steps // (len(TEAMS) * scenes * agents))
            touched, unsolved, clearance = _drive(rng, robot, agents, scenes, periods)
            done += periods * scenes * agents
            hits, failed, least = hits + touched, failed + unsolved, min(least, clearance)
        found.append(Siege(name, done, hits, failed, least, (clock.perf_counter() - begin) / done))
    return found


def _drive(rng: np.random.Generator, robot: Any, agents: int, scenes: int, periods: int) -> tuple[int, int, float]:
    """Count contacts and programs without a solution, and measure the least clearance [m]."""
    place, radius = crowds(rng, scenes, agents)
    if isinstance(robot, Unicycle):
        # The cell must hold the point ahead, too.
        radius = 0.5 * radius
    wide = float(np.ceil(np.sqrt(agents))) * CELL_M
    obstacles = Obstacles.of([[]] * scenes, lower=-1.0, upper=wide)
    sensing = SensingConfig(2.5, neighbours=max(agents - 1, 1), obstacles=4, dt=robot.dt)
    gate = SafetyFilter(FilterConfig(robot.dt), Adversary(rng, robot.dt))
    state = robot.rest(place.reshape(-1, 2), rng.uniform(-np.pi, np.pi, scenes * agents))
    shape, present = place.shape, np.ones(place.shape[:2], dtype=np.bool_)
    goal, hits, failed, least = place, 0, 0, np.inf
    substeps = 1 if isinstance(robot, SingleIntegrator) else SUBSTEPS
    for period in range(periods):
        if period % ERRAND == 0:
            goal = rng.uniform(-1.0, wide, shape)
        head, tail = robot.head(state).reshape(shape), robot.tail(state).reshape(shape)
        velocity = robot.velocity(state).reshape(shape)
        team = Agents.of(head, goal, radius + robot.radius_margin, robot.head_speed, velocity, tail)
        wish = (goal - head).reshape(-1, 2) if period % 2 else 5.0 * rng.normal(size=(scenes * agents, 2))
        got = gate.filter(perceive(sensing, team, obstacles), wish, robot.bounds(state))
        failed += int((~got.found).sum() + (got.violation > 0.0).sum())
        command, before = robot.command(state, got.velocity), robot.position(state).reshape(shape)
        for part in range(1, substeps + 1):
            then = robot.advance(state, command, robot.dt * part / substeps)
            after = robot.position(then).reshape(shape)
            clearance = swept_clearance_m(before, after, radius, present, obstacles)
            least, hits = min(least, float(clearance.min())), hits + int((clearance < -1e-9).sum())
            before = after
        state = then
    return hits, failed, least
