"""Makes the bag of `tests/unit/replay/test_committed_bag.py`: 1.2 s of a Go2 that trots with a load.

python tests/data/make_walk_bag.py [FOLDER]
"""

import sys
from pathlib import Path

from controllers.robot.interface import LocomotionCommand
from evaluation.replay.rollout_bag import record_rollout
from sim.disturbances import Payload
from sim.scenarios import Scenario, TimedCommand

COMMANDS = (
    TimedCommand(0.0, LocomotionCommand(gait="stand")),
    TimedCommand(1.6, LocomotionCommand(0.4, 0.0, 0.0, "trot")),
)
SCENARIO = Scenario("walk_with_load", "go2", 5.5, COMMANDS, (Payload(mass_kg=5.0, at_s=2.0),), seed=1002)
START_S = 4.3

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("go2_walk_with_load")
    # The foot sensors stay in the simulator, and what the motors got is what was asked for: both cost space.
    record_rollout(SCENARIO, folder, start=START_S, gate=False, single=True)
