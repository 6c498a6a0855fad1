"""The main job: a simulated Go2 walks over ROS 2, finds an unknown payload, and leaves a bag and a report."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

from rich.console import Console

from controllers.errors import MissingModel
from sim.scenarios import get_scenario

LAUNCH_FILE = Path(__file__).resolve().parent.parent / "launch" / "go2_sim.launch.yaml"
LONGEST_RUN_S = 600


def run_demo(
    scenario: str, robot: str, learner: str, lockstep: bool, out: Path | None, console: Console, video: bool = True
) -> int:
    """Run a scenario as separate processes, then report from the bag.

    Args:
        scenario: Name of the scenario.
        robot: Name of the robot.
        learner: Name of the residual learner.
        lockstep: Repeatable to the bit instead of real time.
        out: Folder for the results, which must not exist; None makes one from the time of day.
        console: Where to print.
        video: Make the video as well.

    Returns:
        0; 1 when the robot fell; the exit code of the launch when that failed.

    Raises:
        MissingModel: The launch file is not beside the sources (an installation without the repository).
    """
    from evaluation.run_report import report_run

    described = get_scenario(scenario, robot)
    if not LAUNCH_FILE.is_file():
        raise MissingModel(f"{LAUNCH_FILE} is missing; run the demo from a clone of the repository")
    folder = out if out is not None else Path("results") / f"{scenario}-{datetime.now():%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    bag = folder / "bag"
    console.print(f"running '{scenario}' with {robot} over ROS 2 ({described.duration_s:.0f} s) ...")
    arguments = {"scenario": scenario, "robot": robot, "learner": learner, "bag": str(bag.resolve())}
    arguments["lockstep"] = "true" if lockstep else "false"
    words = [f"{name}:={value}" for name, value in arguments.items()]
    command = [sys.executable, "-m", "pronk.cli", "launch", str(LAUNCH_FILE), *words]
    with (folder / "launch.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                log.write(line)
                console.print(line.rstrip(), markup=False, highlight=False)
            code = process.wait(timeout=LONGEST_RUN_S)
        except KeyboardInterrupt:
            process.wait(timeout=30)
            raise
    if code != 0:
        console.print(f"the launch ended with exit code {code}; its log is {folder / 'launch.log'}")
        return code
    code = report_run(bag, described, folder, console, video=video)
    console.print(f"results: {folder.resolve()}", soft_wrap=True)
    return code
