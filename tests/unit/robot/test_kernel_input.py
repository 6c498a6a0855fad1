import numpy as np
import pytest
from numba import config

from controllers.robot.catalog import load_robot
from controllers.robot.composite import CompositeBody, composite_kernel
from controllers.robot.dynamics import LegDynamics, inverse_dynamics_kernel, mass_matrix_kernel
from controllers.robot.kernel_input import kernel_input
from controllers.robot.kinematics import (
    LegKinematics,
    calf_rate_kernel,
    forward_kernel,
    inverse_kernel,
    velocity_kernel,
)


def test_an_array_that_fits_is_passed_on_itself():
    array = np.ones((4, 3))
    assert kernel_input(array) is array


@pytest.mark.parametrize("kind", ["read-only", "strided", "transposed", "float32", "integers", "list"])
def test_anything_else_becomes_a_writable_contiguous_copy_with_the_same_values(kind):
    array = np.arange(12.0).reshape(4, 3)
    given = {
        "read-only": array.copy(),
        "strided": np.repeat(array, 2, axis=1)[:, ::2],
        "transposed": np.ascontiguousarray(array.T).T,
        "float32": array.astype(np.float32),
        "integers": array.astype(np.int64),
        "list": array.tolist(),
    }[kind]
    if kind == "read-only":
        given.setflags(write=False)
    found = kernel_input(given)
    assert found is not given
    assert found.flags.writeable
    assert found.flags.c_contiguous
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, array)


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_no_method_compiles_a_second_time_for_read_only_arrays():
    robot = load_robot("go2")
    legs, dynamics, body = LegKinematics(robot), LegDynamics(robot), CompositeBody(robot)
    kernels = (
        forward_kernel,
        velocity_kernel,
        calf_rate_kernel,
        inverse_kernel,
        inverse_dynamics_kernel,
        mass_matrix_kernel,
        composite_kernel,
    )

    def call_all(writable):
        def given(*shape):
            array = np.zeros(shape)
            array.setflags(write=writable)
            return array

        q = given(12)
        legs.foot_velocities(q, q)
        legs.calf_rates(q, q)
        legs.inverse(given(4, 3))
        dynamics.leg_inverse_dynamics(q, q, q, given(3), given(3), given(3), given(3))
        dynamics.leg_mass_matrices(q)
        body.at(q)
        return [len(kernel.signatures) for kernel in kernels]

    compiled = call_all(writable=True)
    assert call_all(writable=False) == compiled
