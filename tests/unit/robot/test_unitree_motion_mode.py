import json

import numpy as np
import pytest
from go2_messages import LYING, low_state

from controllers.robot.catalog import load_robot
from controllers.robot.unitree.motion_mode import ModePhase, ModeSwitch, Patience
from controllers.robot.unitree.readings import LowStateReader

STANDING = load_robot("go2").standing_position


def state(pose):
    return LowStateReader(check_crc=False).read(low_state(pose=pose, seal=False), 0.0).state


class Vendor:
    """The robot's side, played by hand; time goes on by 0.1 s a step."""

    def __init__(self, mode="mcf", **patience):
        self.mode, self.pose = mode, LYING
        self.called, self.time = [], 0.0
        self.switch = ModeSwitch(patience=Patience(**patience))
        self.deaf = self.stubborn = False
        self.code, self.check = 0, None

    def run(self, seconds):
        for _ in range(round(seconds / 0.1)):
            self.time += 0.1
            call = self.switch.step(state(self.pose), self.time)
            if call is not None:
                self.called.append((call.service, int(call.function), json.loads(call.parameter)))
                self._answer(call)
        return self.switch.phase

    def _answer(self, call):
        if self.deaf:
            return
        data = ""
        if call.function == 1001:
            data = json.dumps({"form": "0", "name": self.mode}) if self.check is None else self.check
        elif call.function == 1003 and not self.stubborn:
            self.mode = ""
        elif call.function == 1002:
            self.mode = json.loads(call.parameter)["name"]
        self.switch.on_answer(call.number, self.code, data, self.time)


def taking(**settings):
    vendor = Vendor(**settings)
    vendor.switch.take()
    return vendor


def test_nothing_is_called_before_it_is_asked_for():
    vendor = Vendor()
    assert vendor.run(5.0) is ModePhase.IDLE and vendor.called == []


def test_a_robot_without_an_active_mode_is_free_at_once():
    vendor = taking(mode="")
    assert vendor.run(0.2) is ModePhase.FREE
    assert vendor.called == [("motion_switcher", 1001, {})]


def test_a_mode_is_released_once_the_robot_lies():
    vendor = taking()
    vendor.pose = STANDING
    assert vendor.run(3.0) is ModePhase.LOWERING
    vendor.pose = LYING
    assert vendor.run(3.0) is ModePhase.FREE
    services = [(service, function) for service, function, _ in vendor.called]
    switcher = "motion_switcher"
    assert services == [(switcher, 1001), ("sport", 1005), (switcher, 1003), (switcher, 1001)]


def test_a_robot_that_does_not_lie_down_keeps_its_mode():
    vendor = taking()
    vendor.pose = STANDING
    assert vendor.run(11.0) is ModePhase.FAILED
    assert vendor.switch.reason == "the robot did not lie down within 10 s; its mode 'mcf' stays active"
    assert not [function for _, function, _ in vendor.called if function == 1003]


def test_a_mode_that_stays_is_no_success():
    vendor = taking(releases=2)
    vendor.stubborn = True
    assert vendor.run(10.0) is ModePhase.FAILED
    assert vendor.switch.reason == "mode 'mcf' is still active after 2 releases"


def test_a_service_that_does_not_answer_is_asked_again_and_then_given_up():
    vendor = taking(answer=1.0, calls=3)
    vendor.deaf = True
    assert vendor.run(10.0) is ModePhase.FAILED
    assert vendor.switch.reason == "'motion_switcher' of the robot gave no answer to 3 calls"
    assert len(vendor.called) == 3


def test_an_error_of_the_service_is_reported():
    vendor = taking()
    vendor.code = 3104
    assert vendor.run(0.2) is ModePhase.FAILED
    assert vendor.switch.reason == "'motion_switcher' of the robot answered CHECK_MODE with error 3104"


@pytest.mark.parametrize("data", ["", "no JSON", "[]", "{}", '{"name": 3}', "null"])
def test_an_answer_that_makes_no_sense_is_not_taken_for_a_release(data):
    vendor = taking()
    vendor.check = data
    assert vendor.run(0.2) is ModePhase.FAILED
    assert vendor.switch.reason == f"the robot answered CHECK_MODE with '{data}', expected JSON with a name"


def test_an_answer_to_another_call_is_not_looked_at():
    switch = ModeSwitch(first_number=7)
    switch.take()
    assert switch.step(None, 0.0).number == 7
    switch.on_answer(6, 0, '{"name": ""}', 0.1)
    assert switch.phase is ModePhase.CHECKING
    switch.on_answer(7, 0, '{"name": ""}', 0.1)
    assert switch.phase is ModePhase.FREE


def test_the_mode_that_was_active_is_given_back():
    vendor = taking(mode="ai")
    vendor.run(3.0)
    assert vendor.mode == "" and vendor.switch.give_back()
    assert vendor.run(0.2) is ModePhase.RETURNED and vendor.mode == "ai"
    assert vendor.called[-1] == ("motion_switcher", 1002, {"name": "ai"})


def test_without_a_mode_there_is_nothing_to_give_back():
    vendor = taking(mode="")
    vendor.run(1.0)
    assert not vendor.switch.give_back() and vendor.switch.phase is ModePhase.FREE
    assert vendor.switch.give_back("normal")


def test_legs_in_motion_do_not_lie():
    moving = state(LYING)
    moving.joint_velocity = np.full(12, 0.6)
    switch = ModeSwitch()
    switch.take()
    switch.on_answer(switch.step(moving, 0.0).number, 0, '{"name": "mcf"}', 0.0)
    call = switch.step(moving, 0.1)
    switch.on_answer(call.number, 0, "", 0.1)
    assert switch.step(moving, 0.2) is None and switch.phase is ModePhase.LOWERING
