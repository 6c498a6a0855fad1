"""Intervals with a known residual, on a robot of the size of a Go2."""

from dataclasses import dataclass

import numpy as np
import pytest

from controllers.residual.learner import LearnerInputs, ResidualMeasurement

MASS = 15.2
INERTIA = np.diag([0.17, 0.48, 0.53])


def nodes(state=None, wrench=None, count=1):
    if state is None:
        state = np.zeros((count, 9))
    if wrench is None:
        wrench = np.tile([0.0, 0.0, MASS * 9.81, 0.0, 0.0, 0.0], (len(state), 1))
    return LearnerInputs(state, wrench, np.ones((len(state), 4)), np.zeros(len(state)))


def interval(residual, inputs=None, dt=0.005, **changes):
    """Make the measurement of an interval in which a given wrench was missing."""
    residual = np.asarray(residual, dtype=float)
    nominal = np.array([0.3, -0.2, 0.1, 0.5, 0.4, -0.3])
    missing = np.concatenate((residual[:3] / MASS, np.linalg.solve(INERTIA, residual[3:])))
    values = {
        "inputs": nodes() if inputs is None else inputs,
        "velocity": np.zeros(6),
        "acceleration": nominal + missing,
        "nominal_acceleration": nominal,
        "mass": MASS,
        "inertia": INERTIA,
        "dt": dt,
    }
    return ResidualMeasurement(**{**values, **changes})


def trot(time, speed=0.5):
    """Return states and contact wrenches of a trot at 2 Hz, shapes (N, 9) and (N, 6)."""
    p = 2.0 * np.pi * 2.0 * np.atleast_1d(time)
    state = np.stack(
        (
            *(0.01 * np.sin(p), 0.015 * np.sin(2 * p + 0.4), 0.004 * np.sin(2 * p)),
            *(speed + 0.05 * np.sin(2 * p + 1), 0.05 * np.sin(p), 0.06 * np.cos(2 * p)),
            *(0.3 * np.cos(p), 0.3 * np.cos(2 * p + 0.4), 0.1 * np.sin(p + 0.3)),
        ),
        axis=1,
    )
    wrench = np.stack(
        (
            *(12 * np.sin(2 * p), 10 * np.sin(p), MASS * 9.81 * (1 + 0.25 * np.sin(2 * p + 0.5))),
            *(2.5 * np.cos(p), 3 * np.cos(2 * p), np.sin(p)),
        ),
        axis=1,
    )
    return state, wrench


@dataclass
class Bench:
    """What the tests of learners share."""

    mass = MASS
    inertia = INERTIA
    nodes = staticmethod(nodes)
    interval = staticmethod(interval)
    trot = staticmethod(trot)


@pytest.fixture(scope="session")
def bench():
    return Bench()
