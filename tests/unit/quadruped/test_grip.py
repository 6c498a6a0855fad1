import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from controllers.quadruped import grip
from controllers.quadruped.body import BodyState
from controllers.quadruped.controller import LocomotionConfig
from controllers.quadruped.grip import Grip, GripConfig, friction_found, slip_speeds
from controllers.quadruped.warmup import warm_up_controller
from controllers.robot.catalog import ROBOTS, load_robot
from controllers.robot.interface import BaseEstimate, RobotState
from controllers.robot.kinematics import LegKinematics
from controllers.rotations import matrix_from_rpy

DT = 0.002
UP = np.array([0.0, 0.0, 1.0])
FLAT = np.zeros(3)
USUAL = 0.5


class Sliding:
    """A robot in its standing pose that slides over the ground."""

    def __init__(self, config=None, robot="go2"):
        self.robot = load_robot(robot)
        self.grip = Grip(config or GripConfig(), self.robot, USUAL)
        self.pose = np.array(self.robot.standing_position)
        kinematics = LegKinematics(self.robot)
        self.geometry = kinematics.packed
        self.jacobians = kinematics.foot_positions_and_jacobians(self.pose)[1]
        self.body, self.tick = BodyState(), 0
        self.upright = np.array([1.0, 0.0, 0.0, 0.0])

    def step(self, seconds, speed=0.0, ratio=0.0, standing=(1.0,) * 4, contact=(1.0,) * 4, load=1.0):
        weight = load * self.robot.mass * 9.81
        # What carries the body pushes the feet: the weight of the legs themselves comes on top, and is small.
        effort = -np.einsum("lij,i->lj", self.jacobians, 0.25 * weight * np.array([ratio, 0.0, 1.0])).ravel()
        for _ in range(round(seconds / DT)):
            self.tick += 1
            time = self.tick * DT
            state = RobotState(time, self.pose, np.zeros(12), effort, self.upright, np.zeros(3), 9.81 * UP)
            velocity = np.array([speed, 0.0, 0.0])
            estimate = BaseEstimate(time, np.array([0.0, 0.0, 0.3]), self.upright, velocity, np.zeros(3))
            self.body.update(self.geometry, np.array(self.robot.com), self.pose, estimate, np.zeros(3))
            self.grip.update(state, self.body, np.array(standing), np.array(contact), FLAT, DT)
        return self.grip.friction


@pytest.mark.parametrize("robot", sorted(ROBOTS))
def test_the_friction_under_slipping_feet_is_found_within_a_tenth_of_a_second(robot):
    sliding = Sliding(robot=robot)
    assert sliding.step(0.1, ratio=0.15) == USUAL
    assert sliding.step(0.1, speed=0.5, ratio=0.15) == pytest.approx(0.8 * 0.15, abs=0.03)


def test_a_slip_on_ground_that_holds_more_than_is_planned_with_changes_nothing():
    sliding = Sliding()
    sliding.step(0.1, ratio=0.8)
    assert sliding.step(0.1, speed=1.0, ratio=0.8) == USUAL


def test_the_coefficient_falls_no_lower_than_allowed():
    sliding = Sliding(GripConfig(least=0.1))
    assert sliding.step(0.5, speed=1.0) == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize(
    "quiet",
    [
        {"standing": (0.0,) * 4},
        {"contact": (0.0,) * 4},
        {"speed": 0.1},
        {"load": 0.2},
    ],
)
def test_feet_that_swing_touch_nothing_hold_or_carry_little_tell_nothing(quiet):
    assert Sliding().step(0.2, **{"speed": 0.5, **quiet}) == USUAL


def test_a_foot_may_move_just_after_touchdown():
    sliding = Sliding(GripConfig(settle_time=0.05))
    assert sliding.step(0.04, speed=0.5) == USUAL
    assert sliding.step(0.04, speed=0.5) < 0.5 * USUAL


def test_the_coefficient_is_held_and_then_rises_to_the_usual_one():
    sliding = Sliding(GripConfig(hold_time=0.4, recovery_time=0.3))
    low = sliding.step(0.3, speed=0.5, ratio=0.2)
    assert sliding.step(0.39) == low
    assert sliding.step(0.3) == pytest.approx(low * np.e, rel=0.05)
    assert sliding.step(2.0) == USUAL


def test_a_reset_forgets_slips():
    sliding = Sliding()
    sliding.step(0.3, speed=0.5)
    sliding.grip.reset()
    assert sliding.grip.friction == USUAL


def test_friction_is_the_ratio_along_and_across_the_ground():
    normal = np.array([-np.sin(0.3), 0.0, np.cos(0.3)])
    along, across = np.array([np.cos(0.3), 0.0, np.sin(0.3)]), np.array([0.0, 1.0, 0.0])
    forces = np.array([50.0 * normal + 12.0 * along + 9.0 * across, 60.0 * normal, 10.0 * normal, 40.0 * normal])
    arguments = (np.ones(4), forces, normal, 0.1, 0.02, 20.0)
    assert friction_found(np.array([1.0, 0.0, 1.0, 0.0]), *arguments) == pytest.approx(15.0 / 50.0)
    assert friction_found(np.array([1.0, 1.0, 1.0, 0.0]), *arguments) == pytest.approx(0.0, abs=1e-9)
    assert friction_found(np.array([0.0, 0.0, 1.0, 0.0]), *arguments) == np.inf


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_soles_move_with_the_point_that_touches_the_ground(seed):
    rng = np.random.default_rng(seed)
    robot = load_robot("go2")
    kinematics = LegKinematics(robot)
    joints = np.array(robot.standing_position) + 0.2 * rng.normal(size=12)
    rates, spin, velocity = rng.normal(size=12), rng.normal(size=3), rng.normal(size=3)
    rotation = matrix_from_rpy(*(0.3 * rng.normal(size=3)))
    normal = np.array([0.2, -0.1, 1.0]) / np.linalg.norm([0.2, -0.1, 1.0])
    speeds = np.empty(4)
    slip_speeds(kinematics.packed, robot.foot_radius, joints, rates, rotation, velocity, spin, normal, speeds)
    # A point of the calf that is at the sole now, carried along by the motion of everything for an instant.
    eps = 1e-6
    for leg in range(4):
        moved = []
        for t in (-eps, eps):
            turned = rotation @ _turn(spin * t)
            foot = kinematics.foot_positions(joints + rates * t)[leg]
            calf = _calf(joints[3 * leg :] + rates[3 * leg :] * t)
            sole = _calf(joints[3 * leg :]).T @ rotation.T @ (-robot.foot_radius * normal)
            moved.append(velocity * t + turned @ (foot + calf @ sole))
        v = (moved[1] - moved[0]) / (2.0 * eps)
        assert speeds[leg] == pytest.approx(np.linalg.norm(v - (v @ normal) * normal), abs=1e-6)


def _turn(vector):
    angle = np.linalg.norm(vector)
    x, y, z = vector / angle
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * skew + (1.0 - np.cos(angle)) * skew @ skew


def _calf(angles):
    """Attitude of the calf: the hip turns about x, thigh and calf about y."""
    hip, pitch = angles[0], angles[1] + angles[2]
    about_y = np.array([[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]])
    return matrix_from_rpy(hip, 0.0, 0.0) @ about_y


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"slip_speed": 0.0}, r"GripConfig\.slip_speed must be finite and > 0, got 0\.0"),
        ({"recovery_time": np.inf}, r"GripConfig\.recovery_time must be finite and > 0, got inf"),
        ({"hold_time": -1.0}, r"GripConfig\.hold_time must be finite and >= 0, got -1\.0"),
        ({"margin": 1.5}, r"GripConfig\.margin must lie in \(0, 1\], got 1\.5"),
        ({"least": 0.0}, r"GripConfig\.least must lie in \[0\.01, 0\.5\], got 0\.0"),
    ],
)
def test_settings_out_of_range_are_refused(values, message):
    with pytest.raises(InvalidValue, match=message):
        GripConfig(**values)


def test_the_warm_up_reaches_what_only_slipping_feet_need(monkeypatch):
    """Otherwise the first slip would wait for the compiler, and the gatekeeper would stop the robot."""
    calls = []

    def noted(*arguments):
        calls.append(arguments)
        return friction_found(*arguments)

    monkeypatch.setattr(grip, "friction_found", noted)
    warm_up_controller(load_robot("go2"), LocomotionConfig())
    assert len(calls) > 10
