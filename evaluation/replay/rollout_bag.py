"""Records a scenario that is run in this process, in the topics that the nodes would have published."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from controllers.robot.interface import JointCommand, RobotState
from evaluation.replay.bag_output import BagOutput
from evaluation.replay.remapping import (
    BODY_COMMAND,
    CMD_VEL,
    JOINT_COMMANDS,
    MOTOR_COMMANDS,
    RESIDUAL_WRENCH,
    TRUE_ODOM,
    TRUE_WRENCH,
)
from evaluation.rollout import Rollout, RolloutConfig, Tick
from sim.scenarios import Scenario

Record = TypeVar("Record", RobotState, JointCommand)

AUTHOR = "pronk rollout"
# How often commands are repeated and the truth is told [s], as by the simulator's node.
ASKING_PERIOD_S, TRUTH_PERIOD_S = 0.1, 0.01


def record_rollout(
    scenario: Scenario,
    folder: Path,
    config: RolloutConfig | None = None,
    start: float = 0.0,
    gate: bool = True,
    single: bool = False,
) -> list[Tick]:
    """Run a scenario and record it.

    Args:
        scenario: What is run.
        folder: Folder of the bag; one of the same kind is replaced.
        config: How.
        start: From when on it is recorded [s].
        gate: Whether to record what the motors got as well.
        single: Whether to round readings and commands to single precision, in which a Go2's bus carries them.

    Returns:
        The recorded control periods.

    Raises:
        InvalidValue: The folder exists and is something else.
    """
    rollout = Rollout(scenario, config)
    ticks = []
    next_asking = next_truth = start
    with BagOutput(folder, AUTHOR) as bag:
        while not rollout.done:
            tick = rollout.tick()
            time = tick.state.time
            if time < start - 1e-9:
                continue
            ticks.append(tick)
            if time >= next_asking - 1e-9:
                next_asking += ASKING_PERIOD_S
                asked = scenario.command(time)
                bag.velocity_command(CMD_VEL, time, (asked.velocity_x, asked.velocity_y), asked.yaw_rate)
                bag.posture_command(BODY_COMMAND, time, asked.gait, asked.body_height, asked.roll, asked.pitch)
            if time >= next_truth - 1e-9:
                next_truth += TRUTH_PERIOD_S
                truth = tick.truth
                bag.odometry(
                    TRUE_ODOM,
                    truth.time,
                    truth.position_world,
                    truth.orientation,
                    truth.velocity_body,
                    truth.angular_velocity_body,
                )
                bag.wrench(TRUE_WRENCH, truth.time, "odom", truth.external_wrench_world)
            bag.reading(_rounded(tick.state) if single else tick.state)
            bag.joint_command(JOINT_COMMANDS, _rounded(tick.wanted) if single else tick.wanted)
            if gate:
                bag.joint_command(MOTOR_COMMANDS, _rounded(tick.command) if single else tick.command)
            if tick.info.plan is not None:
                bag.wrench(RESIDUAL_WRENCH, time, "base_link_heading", tick.info.residual)
    return ticks


def _rounded(item: Record) -> Record:
    """Round all arrays to single precision."""
    arrays = {f.name: getattr(item, f.name) for f in fields(item) if isinstance(getattr(item, f.name), np.ndarray)}
    return replace(item, **{name: array.astype(np.float32).astype(np.float64) for name, array in arrays.items()})
