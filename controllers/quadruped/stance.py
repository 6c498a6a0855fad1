"""What stance feet do between two force plans: follow the residual as it changes with the state."""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]

# Regularisation of the distribution, in units of one foot's squared unit force and of a lever of 0.2 m.
FORCE_DAMPING = 0.5
MOMENT_DAMPING = 0.02


@njit(cache=True)
def describe_moment(
    rotation: Array,
    yaw: float,
    velocity: Array,
    spin: Array,
    height_error: float,
    forces: Array,
    levers: Array,
    state: Array,
    wrench: Array,
) -> None:
    """Describe the present to a learner, in the heading frame.

    Args:
        rotation: Base to world, shape (3, 3).
        yaw: Yaw of the base [rad].
        velocity: Of the centre of mass, world, shape (3,) [m/s].
        spin: Angular velocity, world, shape (3,) [rad/s].
        height_error: Height of the centre of mass minus its reference [m].
        forces: Commanded foot forces, world, shape (4, 3) [N].
        levers: From the centre of mass to where the ground touches the feet, world, shape (4, 3) [m].
        state: Output, shape (1, 9), see `LearnerInputs`.
        wrench: Output, shape (1, 6) [N, N·m].
    """
    c, s = np.cos(yaw), np.sin(yaw)
    heading = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    attitude = heading @ rotation
    state[0, 0] = 0.5 * (attitude[2, 1] - attitude[1, 2])
    state[0, 1] = 0.5 * (attitude[0, 2] - attitude[2, 0])
    state[0, 2] = height_error
    total = np.zeros(6)
    for leg in range(4):
        f, r = forces[leg], levers[leg]
        for i in range(3):
            total[i] += f[i]
        total[3] += r[1] * f[2] - r[2] * f[1]
        total[4] += r[2] * f[0] - r[0] * f[2]
        total[5] += r[0] * f[1] - r[1] * f[0]
    state[0, 3:6] = heading @ velocity
    state[0, 6:9] = heading @ spin
    wrench[0, :3] = heading @ total[:3]
    wrench[0, 3:] = heading @ total[3:]


@njit(cache=True)
def compensate(levers: Array, standing: Array, yaw: float, change: Array, friction: float, forces: Array) -> None:
    r"""Let the standing feet take up a change of the residual wrench.

    The change is distributed by damped least squares, :math:`\Delta u = -G^T (G G^T + \Lambda)^{-1} \Delta d`
    with G the map from foot forces to force and moment; what the feet cannot exert (two feet have
    no moment about the line between them) is left to the next plan. Forces stay in the friction pyramid.

    Args:
        levers: From the centre of mass to where the ground touches the feet, world, shape (4, 3) [m].
        standing: 1 for standing feet, shape (4,).
        yaw: Yaw of the heading frame of `change` [rad].
        change: Residual now minus residual in the plan, heading frame, shape (6,) [N, N·m].
        friction: Friction coefficient.
        forces: Foot forces, world, changed in place, shape (4, 3) [N].
    """
    c, s = np.cos(yaw), np.sin(yaw)
    d = np.empty(6)
    for k in range(2):
        x, y = change[3 * k], change[3 * k + 1]
        d[3 * k] = c * x - s * y
        d[3 * k + 1] = s * x + c * y
        d[3 * k + 2] = change[3 * k + 2]
    gram = np.zeros((6, 6))
    for i in range(3):
        gram[i, i] = FORCE_DAMPING
        gram[3 + i, 3 + i] = MOMENT_DAMPING
    maps = np.zeros((4, 6, 3))
    for leg in range(4):
        if standing[leg] < 0.5:
            continue
        x, y, z = levers[leg, 0], levers[leg, 1], levers[leg, 2]
        g = maps[leg]
        g[0, 0] = g[1, 1] = g[2, 2] = 1.0
        g[3, 1], g[3, 2] = -z, y
        g[4, 0], g[4, 2] = z, -x
        g[5, 0], g[5, 1] = -y, x
        gram += g @ g.T
    multiplier = np.linalg.solve(gram, d)
    for leg in range(4):
        if standing[leg] < 0.5:
            continue
        forces[leg] -= maps[leg].T @ multiplier
        forces[leg, 2] = max(forces[leg, 2], 0.0)
        limit = friction * forces[leg, 2]
        forces[leg, 0] = min(max(forces[leg, 0], -limit), limit)
        forces[leg, 1] = min(max(forces[leg, 1], -limit), limit)
