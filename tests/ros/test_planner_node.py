"""The planner's node, with a hand that is a few lines of Python."""

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from pronk_msgs.action import ExecuteTask
from rclpy.action import ActionClient
from std_msgs.msg import String

from pronk_node_kit.conversions import telemetry_message, time_from_stamp
from pronk_node_kit.image_conversions import image_message, picture_of, untile

pytestmark = pytest.mark.timeout(120, func_only=True)

NODE = ("-m", "pronk_planner.planner_node", "--ros-args", "-p", "planner:=straight", "-p", "image_slack_s:=0.0")
READY = "ready: planner 'straight', pictures of 64 pixels"


class FakeHand:
    """A hand with a camera: it goes where steps lead it, and shows and tells where it is after each."""

    def __init__(self, peer):
        self._peer, self.time, self.at = peer, 1.0, np.zeros(3)
        self.answered = 0
        peer.hear("effector_step", "plan/image", "plan/state", "planner_state", "/diagnostics", "instruction")
        self.rng = np.random.default_rng(0)

    def picture(self):
        return self.rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)

    def show(self, picture=None, time=None):
        image = self.picture() if picture is None else picture
        self._peer.say("camera/image", image_message(image, self.time if time is None else time, "corner4"))

    def tell(self):
        message = PoseStamped()
        message.pose.position.x, message.pose.position.y, message.pose.position.z = self.at.tolist()
        self._peer.say("effector_pose", self._peer.stamped(message, self.time))

    def begin(self, picture=None):
        self.show(picture)
        self.tell()

    def follow(self):
        """Take the steps that have come; each is the answer to the newest pose."""
        for _, step in self._peer.heard["effector_step"][self.answered :]:
            self.answered += 1
            if abs(time_from_stamp(step.header.stamp) - self.time) < 1e-6:
                assert step.name == ["x", "y", "z", "gripper"]
                self.at, self.time = self.at + step.position[:3], self.time + 0.25
                self.begin()

    def run_until(self, condition, what, timeout=30.0):
        def after_a_step():
            self.follow()
            return condition()

        self._peer.until(after_a_step, timeout, what)


def state(peer):
    return peer.newest("planner_state").data if peer.heard["planner_state"] else ""


def complaint(peer):
    return (peer.diagnostics("/planner_node") or (b"", ""))[1]


@pytest.fixture
def hand(peer):
    return FakeHand(peer)


def test_an_instruction_becomes_frames_and_steps_until_it_is_judged_done(start, peer, hand):
    node = start(*NODE, "-p", "least_confidence:=0.5", "-p", "frames:=2", "-p", "stalled_m:=0.0")
    node.wait_for(READY)
    peer.match("camera/image", "effector_pose", "task_judgement")
    peer.say("instruction", String(data="press the button"))
    node.wait_for("begins: press the button")
    hand.begin()
    hand.run_until(lambda: hand.answered > 12 and len(peer.heard["plan/state"]) > 1, "the second plan")
    # A plan of the straight planner goes 1 cm per frame of five steps, and two frames of it are acted out.
    np.testing.assert_allclose(hand.at, [0.002 * hand.answered, 0.0, 0.0], atol=1e-9)
    frames = untile(picture_of(peer.newest("plan/image")), 9)
    assert frames.shape == (9, 64, 64, 3) and (frames[8] == frames[0]).all()
    values = dict(zip(peer.newest("plan/state").name, peer.newest("plan/state").position, strict=True))
    assert (values["frames"], values["steps_per_frame"], values["confidence"]) == (9.0, 5.0, 0.0)
    # An instruction that it does not know is done all the same, but not silently.
    peer.until(lambda: "low confidence 0.00" in complaint(peer), what="a warning")
    told = {"progress": 1.0, "deviation": 0.1, "success": 0.95, "confidence": 1.0}
    peer.say("task_judgement", telemetry_message(told, hand.time))
    peer.until(
        lambda: state(peer) == "done: press the button: judged complete, chance of success 0.95",
        what="the end",
    )


def test_legs_are_led_by_a_goal_on_the_planned_way(start, peer, hand):
    node = start(*NODE, "-p", "instruction:=walk", "-p", "world:=arena", "-p", "goal_ahead_steps:=3")
    node.wait_for("begins: walk")
    peer.hear("goal_pose")
    peer.match("camera/image", "effector_pose", "goal_pose")
    hand.at[:2] = 1.0, -0.5
    hand.begin()
    peer.until(lambda: peer.heard["goal_pose"], what="a goal")
    goal = peer.newest("goal_pose")
    # In the arena the straight planner goes 10 cm along x per frame of five steps; the first step is told already.
    assert (goal.pose.position.x, goal.pose.position.y) == pytest.approx((1.08, -0.5))
    assert time_from_stamp(goal.header.stamp) == pytest.approx(hand.time)


BAD_PICTURES = [
    (np.zeros((64, 64, 3), np.uint8), 1.0, "the picture shows nothing, all its values lie in [0, 0]"),
    (np.full((48, 64, 3), 9, np.uint8), 1.0, "a picture must be bytes of shape (64, 64, 3), got uint8 (48, 64, 3)"),
    (None, 0.25, "the newest picture is 0.75 s older than the newest pose"),
]


def test_pictures_that_show_no_present_move_nothing_and_the_task_is_given_up(start, peer, hand):
    node = start(*NODE, "-p", "give_up_s:=8.0", "-p", "instruction:=go")
    node.wait_for("begins: go")
    peer.match("camera/image", "effector_pose")
    hand.tell()
    for picture, stamped, reason in BAD_PICTURES:
        hand.show(picture, stamped)
        peer.until(lambda reason=reason: reason in complaint(peer), what=f"'{reason}'")
    peer.until(lambda: "ended: go: given up: the newest picture is" in state(peer), what="giving up")
    assert not peer.heard["effector_step"]


def test_an_action_reports_is_superseded_canceled_and_refused_with_reasons(start, peer, hand):
    node = start(*NODE, "-p", "frames:=2", "-p", "stalled_m:=0.0")
    node.wait_for(READY)
    client = ActionClient(peer.node, ExecuteTask, "execute_task")
    peer.until(client.server_is_ready, what="the action server")
    told = []

    def send(text):
        goal = client.send_goal_async(
            ExecuteTask.Goal(instruction=text), feedback_callback=lambda m: told.append(m.feedback)
        )
        hand.run_until(goal.done, "acceptance")
        assert goal.result().accepted
        return goal.result(), goal.result().get_result_async()

    peer.match("camera/image", "effector_pose")
    _, first = send("open the drawer")
    hand.begin()
    hand.run_until(lambda: told and told[-1].frames_planned >= 16, "feedback of two plans")
    assert told[-1].status.endswith("open the drawer") and told[-1].confidence == 0.0
    # Whoever judges hears of it.
    assert peer.newest("instruction").data == "open the drawer"
    handle, second = send("close the drawer")
    hand.run_until(first.done, "the end of the first")
    result = first.result().result
    assert (result.success, result.message) == (False, "superseded by 'close the drawer'") and result.steps > 10
    cancel = handle.cancel_goal_async()
    hand.run_until(lambda: cancel.done() and second.done(), "the end of the second")
    assert (second.result().status, second.result().result.message) == (5, "canceled")
    _, third = send("   ")
    hand.run_until(third.done, "the end of the third")
    assert third.result().result.message == "an instruction must say what is to be done, got an empty one"
    client.destroy()


def test_a_node_without_weights_ends_and_says_what_brings_them(start):
    node = start("-m", "pronk_planner.planner_node", "--ros-args", "-p", "planner:=perfect", "-p", "task:=red-bx")
    assert node.wait(60.0) == 2
    assert "error: unknown task of the world 'manipulation' 'red-bx'" in node.text


def test_a_managed_node_acts_only_while_it_is_active(start, peer, hand):
    node = start(*NODE, "-p", "autostart:=false")
    node.wait_for("waits to be configured and activated")
    peer.client("planner_node/change_state", ChangeState)

    def change(transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        return peer.call("planner_node/change_state", request, timeout=30.0).success

    client = ActionClient(peer.node, ExecuteTask, "execute_task")
    peer.until(client.server_is_ready, what="the action server")
    goal = client.send_goal_async(ExecuteTask.Goal(instruction="go"))
    peer.until(goal.done, what="an answer")
    assert not goal.result().accepted
    assert not change(Transition.TRANSITION_ACTIVATE)
    assert change(Transition.TRANSITION_CONFIGURE)
    peer.match("instruction", "camera/image", "effector_pose")
    peer.say("instruction", String(data="go"))
    hand.begin()
    peer.spin(0.5)
    assert "begins" not in node.text and not peer.heard["effector_step"]
    # What it was told before is done from where things are now.
    assert change(Transition.TRANSITION_ACTIVATE)
    hand.run_until(lambda: hand.answered > 3, "steps")
    assert change(Transition.TRANSITION_DEACTIVATE)
    node.wait_for("the planner was deactivated")
    assert change(Transition.TRANSITION_INACTIVE_SHUTDOWN)
    assert node.wait(20.0) == 0
    client.destroy()
