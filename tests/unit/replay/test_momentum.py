import numpy as np
import pytest

from controllers.rotations import matrix_from_rpy
from evaluation.replay.momentum import Foresight

MASS, DT = 12.0, 0.002
INERTIA = np.diag([0.1, 0.3, 0.35])
AHEAD = np.array([0.01, 0.1, 0.3])
LEVERS = np.array([[0.2, 0.1, -0.3], [0.2, -0.1, -0.3], [-0.2, 0.1, -0.3], [-0.2, -0.1, -0.3]])
CARRYING = np.array([1.0, 0.0, 1.0, 1.0])
INTERVALS = np.full(8, 0.04)


def fly(foresight, wrench_world, predictions, yaw=0.0, seconds=1.0, gap_at=None):
    """Let a body move by its feet's forces and a constant wrench, and ask about it every 10 ms."""
    rotation = matrix_from_rpy(0.0, 0.0, yaw)
    inertia = rotation @ INERTIA @ rotation.T
    forces = np.random.default_rng(0).normal(size=(4, 3)) + np.array([0.0, 0.0, 0.25 * MASS * 9.81])
    forces[1] = np.nan  # A foot in the air exerts nothing, whatever is said of it.
    force = forces[[0, 2, 3]].sum(axis=0) + np.array([0.0, 0.0, -MASS * 9.81]) + wrench_world[:3]
    moment = np.cross(LEVERS, forces)[[0, 2, 3]].sum(axis=0) + wrench_world[3:]
    for k in range(round(seconds / DT)):
        time = k * DT
        # About the vertical spin and momentum are parallel; so small an angle changes no direction.
        velocity, spin = force / MASS * time, np.linalg.solve(inertia, moment) * time
        if gap_at is not None and k == gap_at:
            foresight.surplus.interrupt()
        foresight.surplus.advance(time, rotation, velocity, spin, LEVERS, forces, CARRYING)
        foresight.observe(time)
        if k % 5 == 0:
            for name, wrench in predictions.items():
                errors = foresight.errors[name]
                errors.predict(time, yaw, foresight.surplus, INTERVALS, np.tile(wrench, (8, 1)))
    foresight.settle()
    return foresight.errors


def foresight(*names):
    return Foresight(MASS, INERTIA, AHEAD, names)


@pytest.mark.parametrize("yaw", [0.0, 1.0, -2.5])
def test_who_knows_the_wrench_makes_no_error_in_any_heading(yaw):
    heading = np.array([5.0, -3.0, -40.0, 0.3, -0.2, 0.1])
    turn = matrix_from_rpy(0.0, 0.0, yaw)
    world = np.concatenate((turn @ heading[:3], turn @ heading[3:]))
    errors = fly(foresight("knows"), world, {"knows": heading}, yaw)["knows"]
    assert errors.count == pytest.approx(100 - 30, abs=1)
    np.testing.assert_allclose(errors.velocity_rmse(), 0.0, atol=1e-9)
    np.testing.assert_allclose(errors.spin_rmse(), 0.0, atol=1e-9)


def test_who_knows_nothing_errs_by_the_impulse_of_the_wrench():
    world = np.array([3.0, 4.0, 0.0, 0.0, 0.0, 0.7])
    errors = fly(foresight("none"), world, {"none": np.zeros(6)})["none"]
    # Force 5 N on 12 kg and moment 0.7 N·m on 0.35 kg·m², for as long as is looked ahead.
    np.testing.assert_allclose(errors.velocity_rmse(), 5.0 / MASS * AHEAD, rtol=1e-9)
    np.testing.assert_allclose(errors.spin_rmse(), 0.7 / 0.35 * AHEAD, rtol=1e-9)


def test_a_wrench_that_changes_within_the_horizon_is_summed_up():
    chosen = foresight("a")
    wrench = np.zeros((8, 6))
    wrench[2:5, 2] = 10.0
    chosen.errors["a"].predict(0.0, 0.0, chosen.surplus, INTERVALS, wrench)
    (prediction,) = chosen.errors["a"]._pending
    # Nothing until 0.08 s, then 10 N until 0.2 s.
    np.testing.assert_allclose(prediction.gains[:, 2], [0.0, 10.0 * 0.02, 10.0 * 0.12])


def test_predictions_across_a_gap_do_not_count():
    errors = fly(foresight("none"), np.zeros(6), {"none": np.zeros(6)}, gap_at=250)["none"]
    # Of those before the gap at 0.5 s the ones that look beyond it are lost, the last 0.3 s before it.
    assert errors.count == pytest.approx(20 + 20, abs=2)
    np.testing.assert_allclose(errors.velocity_rmse(), 0.0, atol=1e-9)


def test_without_predictions_there_is_no_error():
    assert np.isnan(foresight("a").errors["a"].velocity_rmse()).all()


def test_memory_is_bounded_by_what_is_looked_ahead():
    chosen = foresight("none")
    fly(chosen, np.zeros(6), {"none": np.zeros(6)}, seconds=10.0)
    assert len(chosen._times) < 200 and len(chosen.errors["none"]._pending) < 40
