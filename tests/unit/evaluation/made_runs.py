"""Runs, trials and rows that tests make up."""

from dataclasses import replace

import numpy as np

from evaluation.results import Row
from evaluation.rollout import RunLog
from evaluation.suite import Case, Trial
from evaluation.windows import steady
from sim.disturbances import Payload
from sim.scenarios import Scenario, get_scenario

QUIET_S = 12.0


def short_scenario(seed: int = 0) -> Scenario:
    return replace(get_scenario("flat_walk", seed=seed), duration_s=QUIET_S)


def loaded_scenario() -> Scenario:
    payload = Payload(8.0, (-0.08, 0.04, 0.13), at_s=6.0, until_s=9.0)
    return replace(short_scenario(), name="loaded", disturbances=(payload,))


def trials(count: int = 4, method: str = "none") -> list[Trial]:
    case = Case("quiet", short_scenario, steady)
    return [Trial(case, method, seed, "kalman") for seed in range(count)]


def row(seed: int = 0, method: str = "none", case: str = "quiet", **metrics: float | None) -> Row:
    return Row(method, case, seed, metrics)


def made_log(scenario: Scenario, fell: bool = False, end: float | None = None, dt: float = 0.002) -> RunLog:
    """A robot that follows its command exactly at 0.3 m height."""
    end = scenario.duration_s if end is None else end
    time = np.arange(0.0, end, dt)
    count = len(time)
    asked = [scenario.command(float(t)) for t in time]
    speed = np.array([[c.velocity_x, c.velocity_y, 0.0] for c in asked])
    payload = np.array([sum(d.mass(t) for d in scenario.disturbances if isinstance(d, Payload)) for t in time])
    values = {
        "time": time,
        "height": np.full(count, 0.3),
        "height_reference": np.full(count, 0.3),
        "roll": np.zeros(count),
        "pitch": np.zeros(count),
        "yaw": np.zeros(count),
        "velocity_body": speed,
        "angular_velocity_body": np.zeros((count, 3)),
        "position_world": np.column_stack((np.cumsum(speed[:, 0]) * dt, np.zeros(count), np.full(count, 0.3))),
        "orientation": np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)),
        "joint_position": np.tile([0.0, 0.8, -1.6] * 4, (count, 1)),
        "velocity_reference": speed[:, :2].copy(),
        "residual": np.zeros((count, 6)),
        "true_wrench": np.zeros((count, 6)),
        "walking": np.ones(count),
        "solve_time": np.where(np.arange(count) % 5 == 0, 1e-4, np.nan),
        "solver_found": np.ones(count),
        "controller_time": np.full(count, 2e-4),
        "physics_time": np.full(count, 3e-4),
        "torque_saturation": np.zeros(count),
        "payload_mass": payload,
    }
    return RunLog(scenario, fell, end, values)
