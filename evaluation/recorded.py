"""A recorded run in the form in which a simulated one comes: arrays by name on the stamps of the true odometry."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from controllers.robot.catalog import load_robot
from controllers.rotations import rpy_from_quaternion
from evaluation.bag_log import CONTROLLER, JOINTS, LOAD, ODOM, PAYLOAD, RESIDUAL, SIMULATOR, TRUE_WRENCH, BagLog, Series
from evaluation.falls import find_collapse
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]

WORLD_FRAMES = ("odom", "map", "world")
BODY_FRAME = "base_link"
# The learner speaks with every force plan; an older word is about a robot that no longer walks.
LATEST_WRENCH_S = 0.1


def recorded_values(log: BagLog, scenario: Scenario) -> dict[str, Array]:
    """Bring the topics of a run onto one time.

    Args:
        log: The recorded run.
        scenario: What was run; says what was asked where the controller did not report its reference.

    Returns:
        "time", "height", "height_reference", "roll", "pitch", "yaw", "velocity_body", "angular_velocity_body",
        "position_world", "orientation", "joint_position", "velocity_reference", "residual", "true_wrench" (both in
        the heading frame) and "payload_mass", as in `evaluation.rollout.RunLog`; "load" (heading frame) where it was
        recorded; and "reported_fallen", the simulator's own word (0/1).
    """
    odom = log.series[ODOM]
    time, orientation = odom.time, odom.values["orientation"]
    position = odom.values["position_world"]
    rpy = np.array([rpy_from_quaternion(q) for q in orientation])
    ground = np.array([scenario.terrain.height(float(x), float(y)) for x, y in position[:, :2]])
    controller = log.series.get(CONTROLLER, Series(np.empty(0), {}))
    asked = [scenario.command(float(t)) for t in time]
    height = [command.body_height for command in asked]
    nominal = load_robot(scenario.robot).standing_height
    values = {
        "time": time,
        "height": position[:, 2] - ground,
        "height_reference": _reported(
            controller, time, "height_reference_m", [nominal if h is None else h for h in height]
        ),
        "roll": rpy[:, 0],
        "pitch": rpy[:, 1],
        "yaw": rpy[:, 2],
        "velocity_body": odom.values["velocity_body"],
        "angular_velocity_body": odom.values["angular_velocity_body"],
        "position_world": position,
        "orientation": orientation,
        "joint_position": _values(log, JOINTS, "joint_position", time, 12),
        "velocity_reference": np.stack(
            (
                _reported(controller, time, "velocity_x_reference_mps", [c.velocity_x for c in asked]),
                _reported(controller, time, "velocity_y_reference_mps", [c.velocity_y for c in asked]),
            ),
            axis=1,
        ),
        "residual": np.nan_to_num(_heading_wrench(log, RESIDUAL, time, orientation, rpy[:, 2])),
        "true_wrench": np.nan_to_num(_heading_wrench(log, TRUE_WRENCH, time, orientation, rpy[:, 2])),
        "payload_mass": np.nan_to_num(_values(log, PAYLOAD, "mass_kg", time, 0)),
        "reported_fallen": np.nan_to_num(_values(log, SIMULATOR, "fell", time, 0)),
    }
    # Bags of before it was published have none.
    if LOAD in log.series:
        values["load"] = np.nan_to_num(_heading_wrench(log, LOAD, time, orientation, rpy[:, 2]))
    return values


def find_fall(values: Mapping[str, Array], scenario: Scenario) -> float | None:
    """Find when the robot fell, by what was recorded or by the word of the simulator (its trunk on the ground).

    Args:
        values: Arrays as `recorded_values` returns them.
        scenario: Says when the robot should be on its feet.

    Returns:
        Time of the fall [s], or None.
    """
    down = find_collapse(scenario, values)
    told = np.flatnonzero(values["reported_fallen"] > 0.5)
    times = [] if down is None else [down]
    times += [float(values["time"][told[0]])] if len(told) else []
    return min(times, default=None)


def _values(log: BagLog, topic: str, name: str, time: Array, width: int) -> Array:
    series = log.series.get(topic)
    if series is None:
        return np.zeros((len(time), width) if width else len(time))
    return series.at(name, time)


def _reported(series: Series, time: Array, name: str, otherwise: list[float]) -> Array:
    """Take what the controller reported, and what is expected where it did not."""
    found = series.at(name, time)
    return np.where(np.isfinite(found), found, np.array(otherwise, dtype=np.float64))


def _heading_wrench(log: BagLog, topic: str, time: Array, orientation: Array, yaw: Array) -> Array:
    series = log.series.get(topic)
    if series is None:
        return np.zeros((len(time), 6))
    wrench = series.at("wrench", time, LATEST_WRENCH_S)
    force, moment = wrench[:, :3], wrench[:, 3:]
    if series.frame == BODY_FRAME:
        force, moment = _rotate(orientation, force), _rotate(orientation, moment)
    if series.frame in (*WORLD_FRAMES, BODY_FRAME):
        force, moment = turn(force, -yaw), turn(moment, -yaw)
    return np.concatenate((force, moment), axis=1)


def turn(vectors: Array, angle: Array) -> Array:
    """Turn vectors about the vertical.

    Args:
        vectors: Shape (T, 3).
        angle: Angles, shape (T,) [rad].

    Returns:
        The vectors in the same axes after the turn, shape (T, 3).
    """
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = vectors.T
    return np.stack((c * x - s * y, s * x + c * y, z), axis=1)


def _rotate(orientation: Array, vectors: Array) -> Array:
    axis = orientation[:, 1:]
    twist = 2.0 * np.cross(axis, vectors)
    return np.asarray(vectors + orientation[:, :1] * twist + np.cross(axis, twist))
