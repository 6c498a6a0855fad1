"""The filter of the published method: power-law barriers with a soft Lyapunov constraint, tuned online.

With h_ij = |p_i − p_j|² − (r_i + r_j)² each robot obeys 2 (p_i − p_j)·u_i ≥ −½ α(h), α(h) = ζ h^η, and drives to its
goal by V = |p − goal|², V̇ + λ V ≤ δ with δ penalised. After Gao, Yang and Prorok, "Online Control Barrier Functions for
Decentralized Multi-Agent Navigation" (MRS 2023), where a policy chooses (ζ, η); its parameters were not available, so
this is the idea, not a reproduction. Nothing bounds α(h): large ζ lets a robot overshoot into h < 0 within one period,
where the program may have no solution. `clamp` bounds α(h) by h / dt, which brings the theorem of `barrier` back.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.qp import QuadraticProgram
from controllers.safety.graph import Neighbourhood
from controllers.safety.lyapunov_qp import solve_lyapunov

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PowerGains:
    """Parameters of α(h) = ζ h^η for N robots with K neighbour and M obstacle slots.

    Attributes:
        zeta: Towards neighbours, shape (N, K).
        eta: Exponent towards neighbours, shape (N, K).
        obstacle_zeta: Towards obstacles, shape (N, M).
        obstacle_eta: Exponent towards obstacles, shape (N, M).
    """

    zeta: Array
    eta: Array
    obstacle_zeta: Array
    obstacle_eta: Array


class PowerSchedule(Protocol):
    """Chooses (ζ, η) from what each robot perceives."""

    def power_gains(self, neighbourhood: Neighbourhood) -> PowerGains:
        """Choose parameters for every robot of a batch; each may depend on its own row only."""
        ...


@dataclass(frozen=True)
class FixedPower:
    """The same (ζ, η) everywhere.

    Attributes:
        zeta: Factor.
        eta: Exponent.
    """

    zeta: float
    eta: float = 1.0

    def __post_init__(self) -> None:
        """Refuse parameters for which α is no class-K function.

        Raises:
            InvalidValue: Names the field.
        """
        for name in ("zeta", "eta"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise InvalidValue(f"FixedPower.{name} must be positive and finite, got {value}")

    def power_gains(self, neighbourhood: Neighbourhood) -> PowerGains:
        """Return the fixed parameters in the shapes of a batch.

        Args:
            neighbourhood: What N robots perceive.

        Returns:
            Parameters of every slot.
        """
        near, still = neighbourhood.valid.shape, neighbourhood.obstacle_valid.shape
        return PowerGains(
            np.full(near, self.zeta), np.full(near, self.eta), np.full(still, self.zeta), np.full(still, self.eta)
        )


@dataclass(frozen=True)
class PowerConfig:
    """Settings of the published filter.

    Attributes:
        dt: Control period [s].
        decrease: λ, rate at which V should fall [1/s].
        slack_weight: Penalty on δ².
        clamp: Whether α(h) is bounded by h / dt.
    """

    dt: float
    decrease: float = 0.5
    slack_weight: float = 100.0
    clamp: bool = False

    def __post_init__(self) -> None:
        """Refuse values that are not positive.

        Raises:
            InvalidValue: Names the field.
        """
        for name in ("dt", "decrease", "slack_weight"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise InvalidValue(f"PowerConfig.{name} must be positive and finite, got {value}")


@dataclass(frozen=True)
class LyapunovProgram:
    """N programs: minimise |u|² + weight max(0, gradient·u + offset)² s.t. rows·u ≤ bound, |u| ≤ speed.

    Attributes:
        rows: Shape (N, R, 2).
        bound: Shape (N, R).
        count: How many rows count, shape (N,).
        gradient: Gradient of V, shape (N, 2).
        offset: λ V, shape (N,).
        weight: Penalty on the slack.
        speed: Shape (N,) [m/s].
    """

    rows: Array
    bound: Array
    count: IntArray
    gradient: Array
    offset: Array
    weight: float
    speed: Array

    def general(self, row: int) -> QuadraticProgram:
        """Write one program for a general solver, with the slack as third variable and a box for the speed.

        Args:
            row: Which of the N programs.

        Returns:
            The program over (ux, uy, δ).
        """
        c, speed = int(self.count[row]), float(self.speed[row])
        matrix = np.zeros((c + 3, 3))
        matrix[:c, :2], matrix[c, :2], matrix[c, 2] = self.rows[row, :c], self.gradient[row], -1.0
        matrix[c + 1 :, :2] = np.eye(2)
        upper = np.concatenate((self.bound[row, :c], [-self.offset[row], speed, speed]))
        lower = np.concatenate((np.full(c + 1, -np.inf), [-speed, -speed]))
        return QuadraticProgram(np.diag([2.0, 2.0, 2.0 * self.weight]), np.zeros(3), matrix, lower, upper)


def _alpha(h: Array, zeta: Array, eta: Array, config: PowerConfig) -> Array:
    """Odd power law, so that a robot in overlap is asked to leave."""
    value = np.sign(h) * zeta * np.abs(h) ** eta
    return np.minimum(value, h / config.dt) if config.clamp else value


def build_power_qp(neighbourhood: Neighbourhood, gains: PowerGains, config: PowerConfig) -> LyapunovProgram:
    """Write the published program for every robot of a batch; robots are taken as single integrators.

    Args:
        neighbourhood: What N robots perceive.
        gains: (ζ, η) of every slot; what is not a number or negative counts as zero.
        config: Settings.

    Returns:
        The programs.

    Raises:
        InvalidValue: A shape does not fit the neighbourhood.
    """
    view = neighbourhood
    n, k = view.valid.shape
    m = view.obstacle_valid.shape[1]
    given = {}
    for name, shape in (("zeta", (n, k)), ("eta", (n, k)), ("obstacle_zeta", (n, m)), ("obstacle_eta", (n, m))):
        array = np.asarray(getattr(gains, name), dtype=np.float64)
        if array.shape != shape:
            raise InvalidValue(f"PowerGains.{name} must have shape {shape}, got {array.shape}")
        given[name] = np.where(array >= 0.0, array, 0.0)
    body = view.radius[:, None] + view.neighbour_radius
    distance = np.linalg.norm(view.relative_position, axis=2)
    alpha = _alpha(distance**2 - body**2, given["zeta"], given["eta"], config)
    share = np.where(view.uncooperative, 1.0, 0.5)
    away = np.maximum(2.0 * distance, 1e-9)
    bound = share * alpha / away - np.where(view.uncooperative, view.neighbour_speed, 0.0)
    far = view.obstacle_gap + view.radius[:, None]
    alpha = _alpha(
        far**2 * np.sign(far) - view.radius[:, None] ** 2, given["obstacle_zeta"], given["obstacle_eta"], config
    )
    wall = alpha / np.maximum(2.0 * np.abs(far), 1e-9)
    rows = np.concatenate((-view.normal, -view.obstacle_normal), axis=1)
    bound = np.concatenate((bound, wall), axis=1)
    valid = np.concatenate((view.valid, view.obstacle_valid), axis=1) & view.present[:, None]
    # Slots fill from the front of each kind: bring those that count together.
    order = np.argsort(~valid, axis=1, kind="stable")
    rows, bound = np.take_along_axis(rows, order[:, :, None], 1), np.take_along_axis(bound, order, 1)
    goal = view.goal
    offset = config.decrease * (goal**2).sum(axis=1)
    count = valid.sum(axis=1).astype(np.int64)
    return LyapunovProgram(rows, bound, count, -2.0 * goal, offset, config.slack_weight, view.speed)


class PowerFilter:
    """The published filter with parameters from a schedule."""

    def __init__(self, config: PowerConfig, schedule: PowerSchedule) -> None:
        """Keep settings and schedule.

        Args:
            config: Settings.
            schedule: Chooses (ζ, η).
        """
        self.config = config
        self.schedule = schedule

    def filter(self, neighbourhood: Neighbourhood) -> tuple[Array, IntArray]:
        """Filter one period of a batch.

        Args:
            neighbourhood: What N robots perceive.

        Returns:
            Velocities, zero where the program has no solution, shape (N, 2) [m/s], and status SOLVED or INFEASIBLE of
            `planar_qp`, shape (N,).
        """
        program = build_power_qp(neighbourhood, self.schedule.power_gains(neighbourhood), self.config)
        n = neighbourhood.present.shape[0]
        velocity, status = np.zeros((n, 2)), np.zeros(n, dtype=np.int64)
        solve_lyapunov(
            program.rows,
            program.bound,
            program.count,
            program.gradient,
            program.offset,
            program.weight,
            program.speed,
            velocity,
            status,
        )
        return velocity, status
