import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.quadruped.controller import LocomotionConfig, LocomotionController
from controllers.quadruped.gait import GAITS
from controllers.quadruped.posture import PostureConfig
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.robot.catalog import load_robot
from controllers.robot.interface import BaseEstimate, LocomotionCommand, RobotState
from controllers.robot.joints import JOINT_NAMES, index_of
from controllers.rotations import quaternion_from_rpy

DT = 0.002
QUICK = LocomotionConfig(posture=PostureConfig(rise_time=0.3, lower_time=0.3))
REST, SIT, STAND = (LocomotionCommand(gait=g) for g in ("rest", "sit", "stand"))
TROT = LocomotionCommand(0.3, 0.0, 0.0, "trot")


class Held:
    """A controller whose robot is held in a pose, whatever it is told."""

    def __init__(self, config=QUICK):
        self.robot = load_robot("go2")
        self.controller = LocomotionController(self.robot, config)
        self.pose, self.rpy, self.tick = np.array(self.robot.standing_position), (0.0, 0.0, 0.0), 0

    @property
    def time(self):
        return self.tick * DT

    def readings(self):
        orientation = quaternion_from_rpy(*self.rpy)
        up = np.array([0.0, 0.0, 9.81])
        state = RobotState(self.time, self.pose, np.zeros(12), np.zeros(12), orientation, np.zeros(3), up)
        position = np.array([0.0, 0.0, self.robot.standing_height])
        return state, BaseEstimate(self.time, position, orientation, np.zeros(3), np.zeros(3))

    def step(self, command, ticks=1):
        for _ in range(ticks):
            self.tick += 1
            self.joint, self.info = self.controller.step(*self.readings(), command, self.time)
        return self

    def until(self, mode, command, limit=1.0):
        start = self.time
        while self.controller.mode != mode:
            assert self.time - start < limit, f"still {self.controller.mode}"
            self.step(command)
        return self


def is_damped(joint, damping):
    return not joint.stiffness.any() and not joint.effort.any() and (joint.damping == damping).all()


def test_a_robot_at_rest_is_damped_until_a_gait_is_commanded():
    held = Held()
    for command in (REST, SIT):
        held.step(command, 50)
        assert held.info.mode == "resting"
        assert is_damped(held.joint, 0.2 * held.robot.mass)
        assert np.isnan(held.info.height) and held.info.plan is None
    held.step(STAND)
    assert held.info.mode == "rising"


@pytest.mark.parametrize("gait", sorted(GAITS))
def test_every_gait_makes_it_rise_and_then_walk(gait):
    held = Held().step(LocomotionCommand(gait=gait))
    assert held.info.mode == "rising" and (held.joint.stiffness > 0.0).all()
    held.until("walking", LocomotionCommand(gait=gait), limit=0.32)
    assert held.time >= 0.3 - 1e-9
    # A request made while the robot stands takes effect at once.
    held.step(LocomotionCommand(gait=gait), 2)
    assert held.info.gait == gait


def test_sitting_lets_it_stop_lower_and_rest():
    held = Held().until("walking", TROT).step(TROT, 100)
    held.step(SIT)
    assert held.info.mode == "walking", "it must come to a stand first"
    held.until("lowering", SIT)
    assert held.info.gait == "stand"
    begin = held.time
    held.until("resting", SIT)
    assert held.time - begin == pytest.approx(0.3, abs=2 * DT)
    assert is_damped(held.joint, 0.2 * held.robot.mass)


def test_a_gait_while_lowering_makes_it_lie_down_first_and_rise_again():
    held = Held().until("walking", STAND).step(STAND, 10).until("lowering", REST)
    held.step(STAND)
    assert held.info.mode == "lowering"
    held.until("resting", STAND)
    held.step(STAND)
    assert held.info.mode == "rising"


@pytest.mark.compiled
def test_a_robot_on_its_feet_is_taken_over_without_rising():
    held = Held()
    held.controller.take_over()
    held.step(TROT)
    assert held.info.mode == "walking" and held.info.gait == "trot"
    assert held.info.plan is not None and held.info.forces[:, 2].sum() > 0.5 * held.robot.mass * 9.81


def test_commands_carry_the_time_and_are_valid_in_every_mode():
    held, modes = Held(), set()
    for command, ticks in ((REST, 5), (TROT, 400), (SIT, 500)):
        for _ in range(ticks):
            held.step(command)
            held.joint.validate()
            assert held.joint.time == held.time
            modes.add(held.info.mode)
    assert modes == {"resting", "rising", "walking", "lowering"}


@pytest.mark.parametrize("rpy", [(1.1, 0.0, 0.0), (0.0, -1.1, 0.0), (3.0, 0.0, 1.0)])
def test_a_fallen_robot_is_damped_until_it_is_reset(rpy):
    held = Held().until("walking", TROT).step(TROT, 100)
    held.rpy = rpy
    held.step(TROT)
    assert held.info.mode == "fallen" and held.info.plan is None
    assert is_damped(held.joint, 0.2 * held.robot.mass)
    assert not held.info.forces.any() and np.isnan(held.info.height)
    held.rpy = (0.0, 0.0, 0.0)
    held.step(TROT, 200)
    assert held.info.mode == "fallen"
    held.controller.reset()
    held.step(TROT)
    assert held.info.mode == "rising"


def test_a_tilt_below_the_limit_is_no_fall():
    held = Held().until("walking", STAND)
    held.rpy = (0.9, 0.0, 0.0)
    held.step(STAND, 3)
    assert held.info.mode == "walking"


def test_a_fall_forgets_what_was_learned():
    held = Held().until("walking", STAND).step(STAND, 20)
    learner = held.controller.walking.adaptation.learner
    lifted = lift(held.robot, 60.0)
    learner.update(lifted)
    assert learner.predict(lifted.inputs).any()
    held.rpy = (1.2, 0.0, 0.0)
    held.step(STAND)
    assert not learner.predict(lifted.inputs).any()
    assert not held.info.residual.any()


def lift(robot, force):
    """The measurement of an interval in which something lifted the robot."""
    wrench = np.array([[0.0, 0.0, robot.mass * 9.81, 0.0, 0.0, 0.0]])
    inputs = LearnerInputs(np.zeros((1, 9)), wrench, np.ones((1, 4)), np.zeros(1))
    missed = np.array([0.0, 0.0, force / robot.mass, 0.0, 0.0, 0.0])
    return ResidualMeasurement(inputs, np.zeros(6), missed, np.zeros(6), robot.mass, np.array(robot.inertia), 0.01)


@pytest.mark.compiled
def test_a_reset_controller_repeats_itself_bit_for_bit():
    held = Held()
    first = [held.step(TROT).joint for _ in range(400)]
    held.controller.reset()
    held.tick = 0
    for before in first:
        after = held.step(TROT).joint
        for name in ("position", "velocity", "effort", "stiffness", "damping"):
            assert (getattr(before, name) == getattr(after, name)).all(), name


@pytest.mark.compiled
def test_readings_in_another_joint_order_give_the_same_commands():
    rng = np.random.default_rng(0)
    order = rng.permutation(12)
    names = [JOINT_NAMES[i] for i in order]
    straight, mapped = Held(), Held()
    for _ in range(300):
        straight.step(TROT)
        message = straight.pose[order]
        mapped.pose = message[index_of(names)]
        mapped.step(TROT)
        assert (straight.joint.effort == mapped.joint.effort).all()
    assert straight.info.mode == "walking" and names != list(JOINT_NAMES)


@pytest.mark.parametrize("step", [0.0, -0.01])
def test_time_that_does_not_advance_is_refused(step):
    held = Held().step(STAND, 5)
    with pytest.raises(InvalidValue, match=rf"time must increase, got {held.time + step:.6g}.* after {held.time}"):
        held.controller.step(*held.readings(), STAND, held.time + step)
    held.step(STAND)
    assert held.info.mode == "rising"


def test_an_unknown_gait_is_refused_with_all_names_and_changes_nothing():
    held = Held().step(STAND, 5)
    message = "unknown gait 'gallop'; available: crawl, pace, rest, sit, stand, trot, walking_trot"
    with pytest.raises(UnknownName, match=message):
        held.controller.step(*held.readings(), LocomotionCommand(gait="gallop"), held.time + DT)
    held.step(STAND)
    assert held.info.mode == "rising"


def test_an_unknown_learner_is_refused_with_the_names_that_exist():
    with pytest.raises(UnknownName, match=r"unknown .*'oracle'; available: .*l1.*none.*random_features"):
        LocomotionController(load_robot("go2"), LocomotionConfig(learner="oracle"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_tilt": 0.1}, r"LocomotionConfig.max_tilt must lie in \[0.2, 1.5\] rad, got 0.1"),
        ({"max_tilt": float("nan")}, r"LocomotionConfig.max_tilt must lie in \[0.2, 1.5\] rad, got nan"),
        ({"rest_damping": 0.0}, r"LocomotionConfig.rest_damping must lie in \(0, 1\], got 0.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        LocomotionConfig(**settings)
