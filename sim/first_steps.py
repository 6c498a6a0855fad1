"""What to ask of a robot the first time: up, a few slow steps each way, and down again."""

from controllers.robot.interface import LocomotionCommand
from sim.scenarios import Scenario, TimedCommand


def first_steps(robot: str = "go2", seed: int = 0) -> Scenario:
    """Make the scenario; it is not one of those that methods are compared on.

    Args:
        robot: Name of the robot.
        seed: Seeds the sensor noise.

    Returns:
        Thirteen seconds that begin and end lying.
    """
    steps = (
        (0.0, LocomotionCommand(gait="rest")),
        (0.5, LocomotionCommand(gait="stand")),
        (3.0, LocomotionCommand(gait="trot")),
        (4.0, LocomotionCommand(0.3, gait="trot")),
        (6.0, LocomotionCommand(0.0, 0.15, gait="trot")),
        (7.5, LocomotionCommand(0.2, 0.0, 0.5, gait="trot")),
        (9.0, LocomotionCommand(gait="trot")),
        (9.7, LocomotionCommand(gait="stand")),
        (10.5, LocomotionCommand(gait="sit")),
    )
    return Scenario(
        "first_steps", robot, 13.0, tuple(TimedCommand(at_s, command) for at_s, command in steps), seed=seed
    )
