"""Dynamic regret on a synthetic system grows slower than time, for the gradient rule and for the filter."""

import numpy as np
import pytest

from controllers.residual.catalog import make_learner
from controllers.residual.learner import LearnerInputs, ResidualMeasurement

MASS, INERTIA = 15.2, np.diag([0.17, 0.48, 0.53])
DT, PERIOD = 0.01, 0.5
STEPS = 8000
TIMES = (500, 1000, 2000, 4000, 8000)


def stream(seed):
    """Make a wrench that jumps ever more rarely, on a state that moves, and noisy measurements of it.

    The number of jumps within T steps is about √T, so the path length of the best weights grows like √T.
    """
    rng = np.random.default_rng(seed)
    level, drag = np.zeros(6), np.zeros(6)
    jumps = {round(k**2) for k in range(1, int(np.sqrt(STEPS)) + 1)}
    for k in range(STEPS):
        if k in jumps:
            level = rng.uniform(-1.0, 1.0, 6) * [20.0, 20.0, 40.0, 2.0, 2.0, 1.0]
            drag = rng.uniform(-1.0, 1.0, 6) * [10.0, 10.0, 2.0, 0.05, 0.05, 0.05]
        state = np.zeros(9)
        state[3] = 0.4 * np.sin(0.021 * k)
        contacts = np.array([[1.0, 0.0, 0.0, 1.0]])
        foot_wrench = np.array([[0.0, 0.0, MASS * 9.81, 0.0, 0.0, 0.0]])
        inputs = LearnerInputs(state[None], foot_wrench, contacts, np.array([k * DT / PERIOD % 1.0]))
        truth = level + drag * state[3]
        noise = rng.normal(0.0, 1.0, 6) * [5.0, 5.0, 5.0, 0.5, 0.5, 0.5]
        yield inputs, truth, noise


def regret(name, seed):
    """Accumulate the squared error of the prediction over that of the comparator, which knows the truth."""
    learner, total, at = make_learner(name, MASS, INERTIA, seed), 0.0, []
    scale = np.array([20.0, 20.0, 40.0, 2.0, 2.0, 1.0])
    before = np.zeros(6)
    for k, (inputs, truth, noise) in enumerate(stream(seed), start=1):
        total += float(np.square((learner.predict(inputs)[0] - truth) / scale).sum())
        if k in TIMES:
            at.append(total)
        residual = truth + noise - before
        before = noise
        acceleration = np.concatenate((residual[:3] / MASS, np.linalg.solve(INERTIA, residual[3:])))
        learner.update(ResidualMeasurement(inputs, np.zeros(6), acceleration, np.zeros(6), MASS, INERTIA, DT))
    return np.array(at)


@pytest.mark.parametrize("name", ["pronk_default", "random_features_default"])
def test_the_logarithm_of_regret_grows_slower_than_that_of_time(name):
    slopes = [np.polyfit(np.log(TIMES), np.log(regret(name, seed)), 1)[0] for seed in range(3)]
    assert max(slopes) < 0.95
