"""The planner's world as a node, and the whole stack around it."""

import json

import numpy as np
import pytest
from conftest import ROOT
from recorded import Recording
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pronk_node_kit.conversions import time_from_stamp
from pronk_node_kit.image_conversions import picture_of, untile

pytestmark = pytest.mark.timeout(200, func_only=True)

ARENA = ("-p", "world:=arena", "-p", "task:=red-box", "-p", "seed:=1003")


def test_the_world_answers_each_step_once_and_resets_without_turning_time_back(start, peer):
    from sim.worlds import make_world

    node = start(
        *("-m", "pronk_gateway.world_node", "--ros-args", *ARENA),
        *("-p", "judged:=false", "-p", "settle_s:=0.2", "-p", "horizon:=60", "-p", "instruction:=fetch"),
    )
    peer.hear("camera/image", "effector_pose", "goal/image", "instruction", "sim_state", "/clock")
    peer.match("effector_step", "plan/state", "planner_state")
    node.wait_for("the world starts, in lockstep", timeout=60.0)
    expected, _ = make_world("arena", "red-box").reset(seed=1003)
    peer.until(lambda: peer.heard["effector_pose"] and peer.heard["instruction"], what="the first pose")
    peer.until(lambda: peer.heard["camera/image"], what="the picture")
    peer.until(lambda: peer.heard["goal/image"], what="the picture of the goal")
    np.testing.assert_array_equal(picture_of(peer.newest("camera/image")), expected["top"])
    assert peer.newest("instruction").data == "fetch"
    assert untile(picture_of(peer.newest("goal/image")), 2).shape == (2, 64, 64, 3)

    def newest():
        pose = peer.newest("effector_pose")
        return time_from_stamp(pose.header.stamp), np.array((pose.pose.position.x, pose.pose.position.y))

    def step(values, stamp):
        message = JointState(name=list(values), position=[float(v) for v in values.values()])
        peer.say("effector_step", peer.stamped(message, stamp))

    time, place = newest()
    np.testing.assert_allclose(place, expected["pose"][:2])
    step({"x": float("nan"), "y": 0.0}, time)
    node.wait_for("step refused: a step must be finite, got [nan, 0.0]")
    # An answer to another pose than the newest moves nothing, and of two answers the second comes too late.
    step({"x": 0.05, "y": 0.0}, time + 5.0)
    step({"y": 0.02, "x": 0.01, "gripper": 1.0}, time)
    step({"y": 0.02, "x": 0.01, "gripper": 1.0}, time)
    peer.until(lambda: newest()[0] > time, what="a step")
    peer.spin(0.3)
    assert newest()[0] == pytest.approx(time + 0.2)
    np.testing.assert_allclose(newest()[1], place + np.array([0.01, 0.02]), atol=1e-6)
    assert peer.call("reset", Trigger.Request()).success
    peer.until(lambda: newest()[0] > time + 0.3, what="the pose after the reset")
    np.testing.assert_allclose(newest()[1], place)
    peer.say("planner_state", String(data="ended: fetch: given up: the camera is frozen"))
    assert node.wait(30.0) == 1
    assert "| failure | the planner: ended: fetch: given up: the camera is frozen |" in node.text


def test_a_task_runs_from_an_instruction_to_table_bag_and_video(start, tmp_path):
    words = {"world": "arena", "views": "[top]", "task": "red-box", "seed": "1003", "namespace": "lab"}
    words |= {"planner": "perfect", "judge": "pixels"}
    words |= {"bag": str(tmp_path / "bag"), "output": str(tmp_path / "out"), "instruction": "go to the red box"}
    program = start(
        *("-m", "pronk_bringup.runner", str(ROOT / "launch" / "video_planner_sim.launch.yaml")),
        *[f"{name}:={value}" for name, value in words.items()],
        *("--time-limit", "150"),
        cwd=tmp_path,
    )
    assert program.wait(170.0) == 0, program.text
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["success"] is True and results["failure"] == "" and results["instruction"] == "go to the red box"
    assert results["plans"] >= 1 and results["confidence_mean"] == 1.0 and results["judgements"] > 1
    assert "| success | True |" in (tmp_path / "out" / "table.md").read_text()
    import imageio.v2 as imageio

    with imageio.get_reader(tmp_path / "out" / "red-box.mp4") as video:
        # A picture of every moment, and the last one for a second; imagined, real and progress beside each other.
        assert video.count_frames() == results["steps"] + 1 + 20
        assert video.get_data(0).shape == (376, 968, 3)
    bag = Recording(tmp_path / "bag")
    # The last pose may be answered before the end is known.
    assert 0 <= len(bag.messages("/lab/effector_step")) - results["steps"] <= 1
    assert len(bag.messages("/lab/plan/image")) == results["plans"]
    assert {"/lab/task_progress", "/lab/camera/image", "/lab/goal/image", "/clock"} <= set(bag.by_topic)
