"""A short walk with a load that comes in the middle of it."""

from controllers.robot.interface import LocomotionCommand
from sim.disturbances import Payload
from sim.scenarios import Scenario, TimedCommand

COMMANDS = (
    TimedCommand(0.0, LocomotionCommand(gait="stand")),
    TimedCommand(1.5, LocomotionCommand(0.3, 0.0, 0.1, "trot")),
)
SCENARIO = Scenario("short", "go2", 2.8, COMMANDS, (Payload(mass_kg=4.0, at_s=2.0),), seed=1001)
