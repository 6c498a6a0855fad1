"""The stage cost in which regret is counted: errors of tracking, weighed as the force MPC weighs them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from controllers.quadruped.metrics import heading_velocity
from controllers.quadruped.mpc import MpcConfig
from sim.scenarios import Scenario
from sim.terrain import Flat

Array = npt.NDArray[np.float64]

# On what has a reference; x, y and yaw have none, since theirs follows the robot.
STAGE_WEIGHTS = {
    "roll": MpcConfig.orientation_weight[0],
    "pitch": MpcConfig.orientation_weight[1],
    "height": MpcConfig.position_weight[2],
    "vx": MpcConfig.velocity_weight[0],
    "vy": MpcConfig.velocity_weight[1],
}


def stage_cost(scenario: Scenario, values: Mapping[str, Array]) -> Array:
    """Weigh the error of every control period of a stretch.

        c = 100 (e_roll² + e_pitch²) + 2000 e_z² + 8 (e_vx² + e_vy²)

    with the default weights of `MpcConfig`, the same for every method and without unit as these are. On ground that is
    not level the trunk may follow the ground by an angle that the controller chooses, so there roll and pitch count
    about their means over the stretch.

    Args:
        scenario: Says what was asked.
        values: "time", "height", "height_reference", "roll", "pitch", "velocity_body", "orientation",
            "velocity_reference" as in `evaluation.rollout.RunLog`, of the stretch only, T samples.

    Returns:
        Cost, shape (T,).
    """
    asked = [scenario.command(float(t)) for t in values["time"]]
    velocity = heading_velocity(values["velocity_body"], values["orientation"])[:, :2] - values["velocity_reference"]
    errors = {
        "roll": values["roll"] - np.array([command.roll for command in asked]),
        "pitch": values["pitch"] - np.array([command.pitch for command in asked]),
        "height": values["height"] - values["height_reference"],
        "vx": velocity[:, 0],
        "vy": velocity[:, 1],
    }
    if not isinstance(scenario.terrain, Flat) and len(asked):
        for name in ("roll", "pitch"):
            errors[name] = values[name] - values[name].mean()
    return np.sum([weight * errors[name] ** 2 for name, weight in STAGE_WEIGHTS.items()], axis=0)
