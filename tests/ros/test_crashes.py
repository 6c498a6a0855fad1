import os
import signal
import time
from pathlib import Path

import pytest
from fake_robot import damps
from recorded import Recording, seconds

pytestmark = pytest.mark.timeout(60, func_only=True)


def find_node(program, module):
    """Return the process id of a node of a launch."""
    children = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children").read_text().split()
    for child in children:
        if module in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
            return int(child)
    raise AssertionError(f"no process runs {module}")


def test_a_killed_controller_ends_the_launch_damps_the_robot_and_leaves_a_whole_bag(launch_go2, peer, tmp_path):
    peer.hear("motor_commands", "ground_truth/odom")
    program = launch_go2()
    peer.until(lambda: peer.heard["ground_truth/odom"] and _height(peer) > 0.2, 40.0, "standing up")
    assert not damps(peer.newest("motor_commands"))
    os.kill(find_node(program, "pronk_locomotion.mpc_node"), signal.SIGKILL)
    killed = time.time()
    peer.until(lambda: program.process.poll() is not None, 20.0, "the end of the launch")
    assert program.wait() == 128 + signal.SIGKILL
    assert "mpc_node was killed by SIGKILL" in program.text
    peer.spin(0.2)
    assert damps(peer.newest("motor_commands"))
    bag = Recording(tmp_path / "bag")
    assert max(time for time, _ in bag.by_topic["/joint_states"]) > killed - 0.2
    assert seconds(bag.messages("/ground_truth/odom")[-1].header.stamp) > 0.5


def _height(peer):
    return peer.newest("ground_truth/odom").pose.pose.position.z
