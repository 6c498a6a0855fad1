"""The node that judges, with cameras that are a few lines of Python."""

import numpy as np
import pytest
from std_msgs.msg import String

from pronk_node_kit.conversions import time_from_stamp
from pronk_node_kit.image_conversions import image_message, tile

pytestmark = pytest.mark.timeout(120, func_only=True)


def textured(seed):
    return np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8)


def values(message):
    return dict(zip(message.name, message.position, strict=True))


def test_progress_goes_from_the_start_to_the_goal_and_what_is_no_picture_is_refused(start, peer):
    node = start("-m", "pronk_planner.reward_node", "--ros-args", "-p", "judge:=pixels", "-p", "least_confidence:=0.0")
    peer.hear("task_progress", "task_judgement", "/diagnostics")
    node.wait_for("ready: judge 'pixels' looks through corner4", timeout=40.0)
    first, last = textured(0), textured(1)
    peer.match("camera/image", "goal/image", "instruction")
    peer.say("instruction", String(data="open the drawer"))
    node.wait_for("judges: open the drawer (without a picture of the goal)")
    peer.say("camera/image", image_message(first, 1.0, "corner4"))
    node.wait_for("refused: distance of pixels needs pictures of the goal, got none")
    peer.say("goal/image", image_message(tile(np.stack([first, last])), 0.0, "corner4"))
    peer.until(lambda: node.text.count("judges: open the drawer") == 2, what="judging anew")
    for time, picture, progress in ((2.0, first, 0.0), (3.0, last, 1.0)):
        peer.say("camera/image", image_message(picture, time, "corner4"))
        peer.until(
            lambda time=time: (
                peer.heard["task_judgement"] and time_from_stamp(peer.newest("task_judgement").header.stamp) == time
            ),
            what="a judgement",
        )
        told = values(peer.newest("task_judgement"))
        assert told["progress"] == told["success"] == progress and told["judge_time_s"] > 0.0
    peer.until(lambda: peer.newest("task_progress").data == 1.0, what="the progress by itself")
    peer.say("camera/image", image_message(np.zeros((64, 64, 3), np.uint8), 4.0, "corner4"))
    peer.until(
        lambda: "the picture of camera 'corner4' shows nothing" in (peer.diagnostics("/reward_node") or (b"", ""))[1],
        what="a complaint",
    )
