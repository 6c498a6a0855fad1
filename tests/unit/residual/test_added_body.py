"""The body on the robot's back against point masses that obey Newton."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from controllers.residual.added_body import (
    body_parameters,
    fill_regressor,
    into_base_axes,
    preview_added_body,
    solve_positive,
)

GRAVITY = np.array([0.0, 0.0, -9.81])
MASSES = np.array([1.2, 0.7, 2.0, 0.4, 0.9])
PLACES = np.array([[0.1, 0.2, 0.15], [-0.2, 0.05, 0.1], [0.0, -0.1, 0.2], [0.3, 0.0, -0.05], [-0.1, 0.1, 0.0]])


def point_mass_parameters():
    total = np.zeros(10)
    for mass, place in zip(MASSES, PLACES, strict=True):
        total += body_parameters(mass, place, np.zeros((3, 3)))
    return total


def motion(time):
    """Position and attitude (base to heading) of a frame that moves and turns about all axes, smooth in time."""
    position = np.array([0.3 * np.sin(2 * time), 0.1 * np.cos(3 * time), 0.05 * np.sin(5 * time)])
    angles = np.array([0.2 * np.sin(3 * time + 0.4), 0.15 * np.cos(4 * time)])
    return position, Rotation.from_euler("YX", [angles[1], angles[0]]), angles


def second_difference(f, time, step=1e-4):
    return (f(time + step) - 2.0 * f(time) + f(time - step)) / step**2


def kinematics(time):
    """Acceleration, angular acceleration and angular velocity by finite differences, heading axes."""
    step = 1e-5

    def spin(moment):
        change = motion(moment + step)[1] * motion(moment - step)[1].inv()
        return change.as_rotvec() / (2.0 * step)

    acceleration = second_difference(lambda t: motion(t)[0], time)
    return acceleration, (spin(time + 1e-3) - spin(time - 1e-3)) / 2e-3, spin(time)


def test_the_regressor_gives_the_reaction_of_points_that_are_dragged_along():
    time = 0.37
    _, rotation, (roll, pitch) = motion(time)
    acceleration, turning, spin = kinematics(time)
    force, moment = np.zeros(3), np.zeros(3)
    for mass, place in zip(MASSES, PLACES, strict=True):
        pull = mass * (GRAVITY - second_difference(lambda t, p=place: motion(t)[0] + motion(t)[1].apply(p), time))
        force += pull
        moment += np.cross(rotation.apply(place), pull)
    regressor = np.empty((6, 10))
    fill_regressor(roll, pitch, np.concatenate((acceleration, turning)), spin, regressor)
    wrench = regressor @ point_mass_parameters()
    assert np.linalg.norm(spin) > 0.5 and np.linalg.norm(turning) > 1.0
    assert rotation.apply(wrench[:3]) == pytest.approx(force, abs=2e-3)
    assert rotation.apply(wrench[3:]) == pytest.approx(moment, abs=2e-3)


def test_body_parameters_move_the_inertia_to_the_nominal_centre():
    # A rod along y, 0.6 m long, 0.2 m in front of the centre.
    rod = body_parameters(2.0, np.array([0.2, 0.0, 0.0]), np.diag([0.06, 0.0, 0.06]))
    assert rod == pytest.approx([2.0, 0.4, 0.0, 0.0, 0.06, 0.08, 0.14, 0.0, 0.0, 0.0])


def newton_euler(bench, wrench, spin, contact, rotation):
    """Accelerations of the nominal body under contact and missing wrench, heading axes."""
    inertia = rotation @ bench.inertia @ rotation.T
    linear = (contact[:3] + wrench[:3]) / bench.mass + GRAVITY
    return linear, np.linalg.solve(inertia, contact[3:] + wrench[3:] - np.cross(spin, inertia @ spin))


def test_the_preview_lets_both_bodies_move_together(bench):
    # Whatever the feet do, the wrench that is predicted must be the one that the motion it causes calls for.
    rng = np.random.default_rng(4)
    parameters = point_mass_parameters()
    state, contact = rng.normal(scale=0.2, size=(6, 9)), rng.normal(scale=20.0, size=(6, 6))
    contact[:, 2] += 180.0
    out = np.empty((6, 6))
    preview_added_body(parameters[None], state, contact, bench.mass, bench.inertia, 1.0, out)
    for row, wrench, planned in zip(state, out, contact, strict=True):
        rotation = Rotation.from_euler("YX", [row[1], row[0]]).as_matrix()
        linear, turning = newton_euler(bench, wrench, row[6:], planned, rotation)
        regressor = np.empty((6, 10))
        fill_regressor(row[0], row[1], np.concatenate((linear, turning)), row[6:], regressor)
        reaction = regressor @ parameters
        assert rotation @ reaction[:3] == pytest.approx(wrench[:3], abs=1e-9)
        assert rotation @ reaction[3:] == pytest.approx(wrench[3:], abs=1e-9)


def test_a_robot_that_carries_its_load_at_rest_misses_the_weight_and_its_moment(bench):
    parameters = body_parameters(8.0, np.array([-0.08, 0.04, 0.13]), np.eye(3) * 0.02)
    weight = 8.0 * GRAVITY
    load = np.concatenate((weight, np.cross([-0.08, 0.04, 0.13], weight)))
    contact = -load + np.array([0.0, 0.0, 9.81 * bench.mass, 0.0, 0.0, 0.0])
    out = np.empty((1, 6))
    for share in (0.0, 0.5, 1.0):
        preview_added_body(parameters[None], np.zeros((1, 9)), contact[None], bench.mass, bench.inertia, share, out)
        assert out[0] == pytest.approx(load, abs=1e-9)


def test_each_node_may_have_a_body_of_its_own(bench):
    parameters = np.zeros((2, 10))
    parameters[1, 0] = 3.0
    out = np.empty((2, 6))
    preview_added_body(parameters, np.zeros((2, 9)), np.zeros((2, 6)), bench.mass, bench.inertia, 0.0, out)
    assert out[:, 2] == pytest.approx([0.0, -3.0 * 9.81])


def test_parameters_of_no_possible_body_count_with_their_weight_only(bench):
    # A first moment without inertia to match: no distribution of mass has it.
    parameters = np.zeros((1, 10))
    parameters[0, :2] = 1.0, 30.0
    contact = np.full((1, 6), 50.0)
    out = np.empty((1, 6))
    preview_added_body(parameters, np.zeros((1, 9)), contact, bench.mass, bench.inertia, 1.0, out)
    assert out[0] == pytest.approx([0.0, 0.0, -9.81, 0.0, 30.0 * 9.81, 0.0])


def test_wrenches_turn_into_base_axes_by_roll_and_pitch():
    out = np.empty(6)
    into_base_axes(0.2, -0.3, np.arange(6.0), out)
    rotation = Rotation.from_euler("YX", [-0.3, 0.2]).as_matrix()
    assert out == pytest.approx(np.concatenate((rotation.T @ [0.0, 1.0, 2.0], rotation.T @ [3.0, 4.0, 5.0])))


def test_small_systems_are_solved_and_indefinite_ones_noticed():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    matrix, vector = root @ root.T + np.eye(6), rng.normal(size=6)
    solution = vector.copy()
    assert solve_positive(matrix.copy(), solution)
    assert matrix @ solution == pytest.approx(vector)
    assert not solve_positive(np.diag([1.0, -1.0]), np.ones(2))
    assert not solve_positive(np.full((2, 2), np.nan), np.ones(2))
