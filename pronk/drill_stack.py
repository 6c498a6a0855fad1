"""The stack under a fault drill: the shipped launch file with one topic led through the fault node."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from controllers.errors import InvalidValue, MissingModel
from evaluation.drill_cases import STACKS
from pronk_bringup.message_faults import INTACT

LAUNCH_FILE = Path(__file__).resolve().parent.parent / "launch" / "go2_sim.launch.yaml"
# Who publishes what can be spoilt; velocities and gaits come from the drill itself.
PUBLISHERS = {
    "joint_states": "sim_node",
    "imu/data": "sim_node",
    "foot_sensors": "sim_node",
    "odom": "estimator_node",
    "foot_contacts": "estimator_node",
    "joint_commands": "mpc_node",
    "motor_commands": "gatekeeper_node",
}
PATIENCE_S = 20.0


@dataclass(frozen=True)
class DrillSettings:
    """How a drill shares its machine.

    Attributes:
        real_time_factor: Speed of the simulated world; below 1 for a machine that is busy with other things.
        realtime_priority: Real-time priority of the nodes and of the drill itself, where allowed; 0 for none, for a
            machine whose other work must not be held up.
    """

    real_time_factor: float = 1.0
    realtime_priority: int = 10

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        if not 0.01 <= self.real_time_factor <= 100.0:
            raise InvalidValue(f"the real-time factor must lie in 0.01 .. 100, got {self.real_time_factor}")
        if not 0 <= self.realtime_priority <= 99:
            raise InvalidValue(f"the real-time priority must lie in 0 .. 99, got {self.realtime_priority}")


def drill_launch_file(stack: str, topic: str) -> str:
    """Write the launch file of a drill.

    Args:
        stack: Variant of the stack, one of `STACKS`.
        topic: Topic that is led through the fault node; empty for none.

    Returns:
        The shipped file with that topic's publisher remapped, the fault node added, and the variant's parameters.

    Raises:
        MissingModel: The launch file is not beside the sources (an installation without the repository).
    """
    if not LAUNCH_FILE.is_file():
        raise MissingModel(f"{LAUNCH_FILE} is missing; run the drill from a clone of the repository")
    text = LAUNCH_FILE.read_text(encoding="utf-8").replace("$(dirname)", str(LAUNCH_FILE.parent))
    tree = yaml.safe_load(text)
    children: list[dict[str, Any]] = tree["launch"][-1]["group"]
    nodes = {entity["node"]["exec"]: entity["node"] for entity in children if "node" in entity}
    for node, name, value in STACKS[stack]:
        written = str(value).lower() if isinstance(value, bool) else str(value)
        nodes[node]["param"].append({"name": name, "value": written})
    if topic:
        if topic in PUBLISHERS:
            nodes[PUBLISHERS[topic]]["remap"] = [{"from": topic, "to": f"{topic}/{INTACT}"}]
        children.append(
            {
                "node": {
                    **{"pkg": "pronk_bringup", "exec": "fault_node", "name": "fault_node", "output": "screen"},
                    "param": [{"name": "topic", "value": topic}],
                }
            }
        )
    return yaml.safe_dump(tree, sort_keys=False)


class DrillStack:
    """One launch of the stack, with its log and its bag in a folder."""

    def __init__(self, stack: str, topic: str, folder: Path, domain: int, settings: DrillSettings) -> None:
        """Start it.

        Args:
            stack: Variant of the stack.
            topic: Topic that is led through the fault node; empty for none.
            folder: New folder for launch file, log and bag.
            domain: ROS domain.
            settings: Speed and priority.
        """
        folder.mkdir(parents=True)
        self.folder, self.bag = folder, folder / "bag"
        file = folder / "drill.launch.yaml"
        file.write_text(drill_launch_file(stack, topic), encoding="utf-8")
        chosen = {
            **{"scenario": "flat_walk", "learner": "none", "publish_commands": "false", "exit_at_end": "false"},
            "real_time_factor": str(float(settings.real_time_factor)),
            "realtime_priority": str(settings.realtime_priority),
            "bag": str(self.bag.resolve()),
        }
        words = [f"{name}:={value}" for name, value in chosen.items()]
        command = [sys.executable, "-m", "pronk.cli", "launch", str(file), *words, "--domain-id", str(domain)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    @property
    def log(self) -> Path:
        """File of all output."""
        return self.folder / "launch.log"

    @property
    def code(self) -> int | None:
        """Exit code of the launch; None while it runs."""
        return self._process.poll()

    def _process_of(self, node: str) -> int | None:
        launcher = self._process.pid
        for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text(encoding="utf-8").split():
            words: Sequence[str] = Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8").split("\0")
            if any(word.endswith((f".{node}", f"/{node}")) for word in words):
                return int(child)
        return None

    def signal(self, node: str, number: int) -> None:
        """Send a signal to one node.

        Args:
            node: Name of its program.
            number: The signal.

        Raises:
            ProcessLookupError: No process runs it.
        """
        process = self._process_of(node)
        if process is None:
            raise ProcessLookupError(f"no process of the launch runs {node}")
        os.kill(process, number)

    def stop(self) -> int:
        """End the launch as an operator does, and by force when that does not help.

        Returns:
            Its exit code.
        """
        if self.code is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            # The guardian of the launch ends what its end leaves behind.
            self._process.kill()
            return self._process.wait()
