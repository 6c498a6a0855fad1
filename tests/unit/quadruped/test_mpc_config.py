import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.quadruped.mpc import MPC_SOLVERS, ConvexMpc, MpcConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizon": 0}, r"MpcConfig.horizon must lie in \[1, 60\], got 0"),
        ({"horizon": 61}, r"MpcConfig.horizon must lie in \[1, 60\], got 61"),
        ({"interval": 0.004}, r"MpcConfig.interval must lie in \[0.005, 0.2\] s, got 0.004"),
        ({"interval": float("nan")}, r"MpcConfig.interval must lie in \[0.005, 0.2\] s, got nan"),
        ({"friction": 0.0}, r"MpcConfig.friction must lie in \[0.05, 2\], got 0.0"),
        ({"position_weight": (1.0, -2.0, 3.0)}, r"MpcConfig.position_weight must be three finite numbers >= 0, got "),
        ({"velocity_weight": (1.0, 2.0)}, r"MpcConfig.velocity_weight must be three .* got \(1.0, 2.0\)"),
        ({"orientation_weight": (np.nan, 0.0, 0.0)}, r"MpcConfig.orientation_weight must be three finite numbers"),
        ({"angular_velocity_weight": (np.inf, 0.0, 0.0)}, r"MpcConfig.angular_velocity_weight must be three finite"),
        ({"force_weight": 0.0}, r"MpcConfig.force_weight must be finite and > 0, got 0.0"),
        ({"force_weight": float("nan")}, r"MpcConfig.force_weight must be finite and > 0, got nan"),
        ({"min_normal_force": -1.0}, r"MpcConfig.min_normal_force must be finite and >= 0 N, got -1.0"),
        ({"max_normal_force": 0.0}, r"MpcConfig.max_normal_force must be finite and > 0, got 0.0"),
        ({"max_iterations": 0}, r"MpcConfig.max_iterations must be >= 1, got 0"),
    ],
)
def test_settings_that_give_no_sensible_program_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        MpcConfig(**settings)


def test_an_unknown_solver_is_refused_with_the_names_that_exist():
    with pytest.raises(UnknownName, match=r"unknown MPC solver 'gurobi'; available: active_set, daqp, osqp"):
        MpcConfig(solver="gurobi")
    assert set(MPC_SOLVERS) == {"active_set", "daqp", "osqp"}


@pytest.mark.parametrize("mass", [0.0, -3.0, float("nan")])
def test_a_mass_that_is_not_positive_is_refused(mass):
    with pytest.raises(InvalidValue, match=f"mass must be > 0 kg, got {mass}"):
        ConvexMpc(MpcConfig(), mass)


@pytest.mark.parametrize("horizon", [1, 60])
def test_the_shortest_and_the_longest_horizon_are_allowed(horizon):
    assert MpcConfig(horizon=horizon).horizon == horizon
