import cvxpy
import numpy as np
import pytest

from controllers.quadruped.mpc import MPC_SOLVERS, ConvexMpc, ForcePlan, MpcConfig, MpcInput

MASS = 15.0
WEIGHT = MASS * 9.81
HEIGHT = 0.3
INERTIA = np.array([[0.12, 0.002, -0.01], [0.002, 0.35, 0.001], [-0.01, 0.001, 0.4]])
FEET = np.array([[0.19, 0.14, -HEIGHT], [0.19, -0.14, -HEIGHT], [-0.19, 0.14, -HEIGHT], [-0.19, -0.14, -HEIGHT]])


def standing(horizon=10, **changes):
    """A robot that stands still where it should."""
    level = np.zeros((horizon, 6))
    level[:, 5] = HEIGHT
    values = {
        "intervals": np.full(horizon, 0.04),
        "contacts": np.ones((horizon, 4)),
        "levers": np.tile(FEET, (horizon, 1, 1)),
        "position": level[0].copy(),
        "velocity": np.zeros(6),
        "position_reference": level,
        "velocity_reference": np.zeros((horizon, 6)),
        "residual": np.zeros((horizon, 6)),
        "inertia": np.tile(INERTIA, (horizon, 1, 1)),
    }
    return MpcInput(**{**values, **changes})


def trotting(horizon=10, seed=0):
    """A disturbed robot in mid-trot, the feet under the hips moving with the planned steps."""
    rng = np.random.default_rng(seed)
    inputs = standing(horizon)
    diagonal = (np.arange(horizon) // 6) % 2
    inputs.contacts = np.where(diagonal[:, None] == 0, [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0])
    inputs.intervals[0] = 0.013
    inputs.levers += rng.normal(size=inputs.levers.shape) * [0.03, 0.02, 0.005]
    inputs.position += rng.normal(size=6) * [0.05, 0.05, 0.05, 0.02, 0.02, 0.02]
    inputs.velocity += rng.normal(size=6) * [0.5, 0.5, 0.5, 0.2, 0.2, 0.2]
    inputs.velocity_reference[:, 3] = 0.5
    inputs.position_reference[:, 3] = 0.5 * np.cumsum(inputs.intervals)
    inputs.residual[:] = rng.normal(size=6) * [10, 10, 30, 3, 3, 3]
    return inputs


def stated_in_cvxpy(inputs, config):
    """The whole problem, states as variables and dynamics as constraints; first forces, shape (4, 3)."""
    horizon = len(inputs.intervals)
    q, v = cvxpy.Variable((horizon + 1, 6)), cvxpy.Variable((horizon + 1, 6))
    constraints = [q[0] == inputs.position, v[0] == inputs.velocity]
    position_weight = np.sqrt(config.orientation_weight + config.position_weight)
    velocity_weight = np.sqrt(config.angular_velocity_weight + config.velocity_weight)
    cost, shares = 0.0, []
    for k in range(horizon):
        dt, residual, feet = inputs.intervals[k], inputs.residual[k], inputs.contacts[k].sum()
        f = cvxpy.Variable((4, 3))
        shares.append(f)
        total, moment = residual[:3], residual[3:]
        for leg in range(4):
            total = total + WEIGHT * f[leg]
            x, y, z = inputs.levers[k, leg]
            moment = moment + np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ (WEIGHT * f[leg])
            if inputs.contacts[k, leg] < 0.5:
                constraints.append(f[leg] == 0.0)
                continue
            constraints += [cvxpy.abs(f[leg, :2]) <= config.friction * f[leg, 2]]
            constraints += [f[leg, 2] >= config.min_normal_force / WEIGHT, f[leg, 2] <= config.max_normal_force]
            share = np.array([0.0, 0.0, (WEIGHT - residual[2]) / feet / WEIGHT])
            cost += config.force_weight * cvxpy.sum_squares(f[leg] - share)
        spin = np.linalg.inv(inputs.inertia[k]) @ moment
        a = cvxpy.hstack([spin, total / MASS - np.array([0.0, 0.0, 9.81])])
        constraints += [q[k + 1] == q[k] + dt * v[k] + 0.5 * dt**2 * a, v[k + 1] == v[k] + dt * a]
        cost += cvxpy.sum_squares(cvxpy.multiply(position_weight, q[k + 1] - inputs.position_reference[k]))
        cost += cvxpy.sum_squares(cvxpy.multiply(velocity_weight, v[k + 1] - inputs.velocity_reference[k]))
    cvxpy.Problem(cvxpy.Minimize(0.5 * cost), constraints).solve(
        solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    return WEIGHT * shares[0].value


def acceleration(plan, inputs):
    """Acceleration of the body in the first interval, shape (6,)."""
    force, moment = plan.forces[0].sum(axis=0), np.cross(inputs.levers[0], plan.forces[0]).sum(axis=0)
    spin = np.linalg.solve(inputs.inertia[0], moment + inputs.residual[0, 3:])
    return np.concatenate((spin, (force + inputs.residual[0, :3]) / MASS - [0, 0, 9.81]))


@pytest.mark.parametrize("seed", range(4))
def test_all_solvers_find_the_forces_of_the_problem_stated_in_cvxpy(seed):
    inputs = trotting(seed=seed)
    expected = stated_in_cvxpy(inputs, MpcConfig())
    for solver in MPC_SOLVERS:
        plan = ConvexMpc(MpcConfig(solver=solver), MASS).plan(inputs, 0.0, 0.0)
        assert plan.found, solver
        assert plan.forces[0] == pytest.approx(expected, abs=0.1 if solver == "osqp" else 1e-3), solver


@pytest.mark.parametrize("horizon", [1, 2, 3, 7, 20])
def test_horizons_of_any_length_give_the_forces_of_the_stated_problem(horizon):
    inputs, config = trotting(horizon, seed=9), MpcConfig(horizon=horizon)
    plan = ConvexMpc(config, MASS).plan(inputs, 0.0, 0.0)
    assert plan.found and plan.forces.shape == (horizon, 4, 3)
    assert plan.forces[0] == pytest.approx(stated_in_cvxpy(inputs, config), abs=1e-3)


@pytest.mark.parametrize("horizon", range(1, 21))
def test_the_active_set_solver_agrees_with_daqp_over_the_whole_horizon(horizon):
    for seed in range(3):
        inputs = trotting(horizon, seed)
        own = ConvexMpc(MpcConfig(horizon=horizon), MASS).plan(inputs, 0.0, 0.0)
        other = ConvexMpc(MpcConfig(horizon=horizon, solver="daqp"), MASS).plan(inputs, 0.0, 0.0)
        assert own.found and other.found
        assert own.forces == pytest.approx(other.forces, abs=1e-4)


def test_consecutive_solves_that_start_from_the_last_active_set_are_exact():
    warm = ConvexMpc(MpcConfig(), MASS)
    rng = np.random.default_rng(0)
    total = 0
    for seed in range(20):
        inputs = trotting(seed=seed // 5)
        inputs.velocity += rng.normal(size=6) * 0.05
        plan = warm.plan(inputs, 0.01 * seed, 0.0)
        cold = ConvexMpc(MpcConfig(), MASS).plan(inputs, 0.0, 0.0)
        assert plan.forces == pytest.approx(cold.forces, abs=1e-5)
        total += plan.iterations - cold.iterations
    assert total < 0, "the start from the last active set must save iterations"


def test_planned_forces_stay_in_the_pyramids_and_swinging_feet_push_nothing():
    config = MpcConfig()
    active = False
    for seed in range(10):
        inputs = trotting(seed=seed)
        forces = ConvexMpc(config, MASS).plan(inputs, 0.0, 0.0).forces
        swinging = inputs.contacts < 0.5
        assert (forces[swinging] == 0.0).all()
        stance = forces[~swinging]
        assert stance[:, 2].min() >= config.min_normal_force - 1e-6
        assert stance[:, 2].max() <= config.max_normal_force * WEIGHT + 1e-6
        margin = config.friction * stance[:, 2:] - np.abs(stance[:, :2])
        assert margin.min() >= -1e-6
        active |= bool((margin < 1e-6).any())
    assert active, "no plan came to the edge of its pyramid, so nothing was tested"


def test_a_bound_on_the_normal_force_holds():
    forces = ConvexMpc(MpcConfig(), MASS).plan(trotting(), 0.0, 0.0, max_normal_force=60.0).forces
    assert forces[..., 2].max() == pytest.approx(60.0, abs=1e-6)


def test_forces_keep_to_a_friction_coefficient_of_the_moment():
    inputs = trotting()
    inputs.velocity[3] = -0.5
    mpc = ConvexMpc(MpcConfig(friction=0.5), MASS)
    for friction in (0.5, 0.05):
        forces = mpc.plan(inputs, 0.0, 0.0, friction=friction).forces
        loaded = forces[forces[..., 2] > 1.0]
        ratio = np.abs(loaded[:, :2]).max(axis=1) / loaded[:, 2]
        assert ratio.max() == pytest.approx(friction, abs=1e-6)


def test_a_robot_that_stands_still_carries_its_weight():
    inputs = standing()
    plan = ConvexMpc(MpcConfig(), MASS).plan(inputs, 0.0, 0.0)
    assert plan.forces[0].sum(axis=0) == pytest.approx([0.0, 0.0, WEIGHT], abs=1e-3)
    assert acceleration(plan, inputs) == pytest.approx(np.zeros(6), abs=1e-3)
    # The feet are symmetric about the centre of mass.
    assert plan.forces[0, :, 2] == pytest.approx(np.full(4, WEIGHT / 4), abs=1e-3)


@pytest.mark.parametrize("force", [60.0, -60.0])
def test_a_learned_lift_is_taken_off_the_feet(force):
    inputs = standing()
    inputs.residual[:, 2] = force
    plan = ConvexMpc(MpcConfig(), MASS).plan(inputs, 0.0, 0.0)
    assert plan.forces[0].sum(axis=0) == pytest.approx([0.0, 0.0, WEIGHT - force], abs=1e-3)


def test_a_learned_moment_is_balanced_by_the_feet():
    # A load on the left turns the body about -x: the left feet must take more.
    inputs = standing()
    inputs.residual[:, 3] = -4.0
    plan = ConvexMpc(MpcConfig(), MASS).plan(inputs, 0.0, 0.0)
    moment = np.cross(FEET, plan.forces[0]).sum(axis=0)
    # The cost on single forces leaves a part in a hundred unbalanced.
    assert moment == pytest.approx([4.0, 0.0, 0.0], abs=0.05)
    left, right = plan.forces[0, 0::2, 2].sum(), plan.forces[0, 1::2, 2].sum()
    assert left - right == pytest.approx(4.0 / 0.14, rel=0.02)


def test_a_robot_in_the_air_gets_no_forces():
    mpc = ConvexMpc(MpcConfig(), MASS)
    plan = mpc.plan(standing(contacts=np.zeros((10, 4))), 0.0, 0.0)
    assert plan.found and not plan.forces.any() and mpc.failures == 0


@pytest.mark.parametrize("solver", MPC_SOLVERS)
def test_a_failed_solve_returns_the_previous_plan_shifted_and_is_counted(solver):
    mpc = ConvexMpc(MpcConfig(solver=solver), MASS)
    first = mpc.plan(trotting(), 1.0, 0.2)
    broken = trotting()
    broken.intervals[:] = 0.04
    broken.residual[3, 2] = np.nan
    second = mpc.plan(broken, 1.1, 0.25)
    assert first.found and not second.found and mpc.failures == 1
    assert (second.time, second.yaw) == (1.1, 0.25)
    # 0.1 s later the new interval k lies in the old interval whose span holds its middle.
    ends = 1.0 + np.cumsum(first.intervals)
    for k in range(10):
        middle = 1.1 + 0.04 * (k + 0.5)
        if middle < ends[-1]:
            old = first.forces[int(np.searchsorted(ends, middle, side="right"))]
        else:
            old = np.tile([0.0, 0.0, WEIGHT / 2.0], (4, 1))
        assert second.forces[k] == pytest.approx(old * broken.contacts[k][:, None], abs=1e-12)


def test_a_failure_without_a_previous_plan_shares_the_weight():
    mpc = ConvexMpc(MpcConfig(horizon=2), MASS)
    broken = standing(2)
    broken.contacts[:] = [[1, 1, 1, 1], [0, 1, 1, 0]]
    broken.velocity[0] = np.nan
    plan = mpc.plan(broken, 0.0, 0.0)
    assert not plan.found and mpc.failures == 1
    assert plan.forces[0, :, 2] == pytest.approx(np.full(4, WEIGHT / 4))
    assert plan.forces[1, :, 2] == pytest.approx([0.0, WEIGHT / 2, WEIGHT / 2, 0.0])
    assert not plan.forces[..., :2].any()


def test_a_solver_recovers_after_a_failure():
    mpc = ConvexMpc(MpcConfig(), MASS)
    expected = mpc.plan(trotting(), 0.0, 0.0).forces.copy()
    broken = trotting()
    broken.levers[0, 0, 0] = np.nan
    assert not mpc.plan(broken, 0.01, 0.0).found
    again = mpc.plan(trotting(), 0.02, 0.0)
    assert again.found and mpc.failures == 1
    assert again.forces == pytest.approx(expected, abs=1e-6)


def test_bounds_that_no_force_meets_are_a_failure_too():
    for solver in MPC_SOLVERS:
        mpc = ConvexMpc(MpcConfig(solver=solver, min_normal_force=50.0), MASS)
        plan = mpc.plan(trotting(), 0.0, 0.0, max_normal_force=40.0)
        assert not plan.found and mpc.failures == 1, solver


def test_a_reset_forgets_the_previous_plan():
    mpc = ConvexMpc(MpcConfig(), MASS)
    mpc.plan(trotting(), 0.0, 0.0)
    mpc.reset()
    broken = standing()
    broken.residual[:] = np.nan
    assert mpc.plan(broken, 0.01, 0.0).forces[0, :, 2] == pytest.approx(np.full(4, WEIGHT / 4))


def test_a_plan_tells_the_forces_at_any_time_of_its_horizon():
    forces = np.arange(24.0).reshape(2, 4, 3) + 1.0
    plan = ForcePlan(forces, np.array([0.01, 0.04]), 5.0, 0.0, True, 0, 0.0)
    assert (plan.at(5.0) == forces[0]).all()
    assert (plan.at(5.0099) == forces[0]).all()
    assert (plan.at(5.01) == forces[1]).all()
    assert (plan.at(5.0499) == forces[1]).all()
    assert not plan.at(5.05).any()
