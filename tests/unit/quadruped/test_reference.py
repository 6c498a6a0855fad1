import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.quadruped.reference import MotionReference, ReferenceConfig
from controllers.robot.interface import LocomotionCommand

DT = 0.002
HEIGHT = 0.3


def reference(position=(0.0, 0.0), yaw=0.0, height=HEIGHT, **settings):
    made = MotionReference(ReferenceConfig(**settings), HEIGHT)
    made.reset(np.array(position), yaw, height)
    return made


def follow(made, command, seconds, body=None, moving=True):
    """Advance; the body follows its reference exactly unless it is held somewhere."""
    for _ in range(round(seconds / DT)):
        position, yaw = (made.position.copy(), made.yaw) if body is None else body
        made.advance(command, position, yaw, DT, moving)
    return made


def test_velocity_rises_at_the_set_acceleration():
    made = reference(acceleration=1.5, yaw_acceleration=4.0)
    follow(made, LocomotionCommand(0.6, -0.3, 0.8, "trot"), 0.1)
    assert made.velocity == pytest.approx([0.15, -0.15])
    assert made.yaw_rate == pytest.approx(0.4)
    follow(made, LocomotionCommand(0.6, -0.3, 0.8, "trot"), 1.0)
    assert made.velocity == pytest.approx([0.6, -0.3]) and made.yaw_rate == pytest.approx(0.8)


def test_posture_moves_at_its_own_rate():
    made = reference(posture_rate=0.15)
    command = LocomotionCommand(gait="stand", body_height=0.25, roll=0.2, pitch=-0.1)
    follow(made, command, 0.2)
    assert (made.height, made.roll, made.pitch) == pytest.approx((0.27, 0.03, -0.03))
    follow(made, command, 2.0)
    assert (made.height, made.roll, made.pitch) == pytest.approx((0.25, 0.2, -0.1))


def test_without_a_height_the_robot_goes_to_its_standing_height():
    made = follow(reference(height=0.27), LocomotionCommand(gait="stand"), 1.0)
    assert made.height == pytest.approx(HEIGHT)


def test_commands_beyond_the_limits_are_clipped():
    made = reference(max_speed=1.5, max_yaw_rate=2.0, min_height=0.7, max_height=1.1, max_tilt=0.35)
    follow(made, LocomotionCommand(9.0, -9.0, 9.0, "trot", 0.9, 1.0, -1.0), 5.0)
    assert made.velocity == pytest.approx([1.5, -1.5]) and made.yaw_rate == pytest.approx(2.0)
    assert (made.height, made.roll, made.pitch) == pytest.approx((1.1 * HEIGHT, 0.35, -0.35))
    follow(made, LocomotionCommand(gait="trot", body_height=0.01), 5.0)
    assert made.height == pytest.approx(0.7 * HEIGHT)


def test_a_standing_robot_is_asked_for_no_velocity():
    made = follow(reference(), LocomotionCommand(0.5, 0.5, 0.5, "stand"), 1.0, moving=False)
    assert not made.velocity.any() and made.yaw_rate == 0.0
    assert made.position == pytest.approx([0.0, 0.0])


def test_a_robot_that_stops_walking_brakes_with_the_same_command():
    made, command = reference(acceleration=1.5), LocomotionCommand(0.6, 0.0, 0.0, "trot")
    follow(made, command, 1.0)
    follow(made, command, 0.2, moving=False)
    assert made.velocity == pytest.approx([0.3, 0.0])


def test_the_pose_integrates_the_velocity_along_the_heading():
    made = reference(position=(1.0, 2.0), yaw=np.pi / 2)
    command = LocomotionCommand(0.5, 0.0, 0.0, "trot")
    follow(made, command, 1.0)
    start = made.position.copy()
    follow(made, command, 1.0)
    assert made.position - start == pytest.approx([0.0, 0.5], abs=1e-9)


def test_walking_while_turning_draws_a_circle():
    made, command = reference(), LocomotionCommand(0.5, 0.0, 0.5, "trot")
    follow(made, command, 1.0)
    c, s = np.cos(made.yaw), np.sin(made.yaw)
    # Radius v / w = 1 m, centre to the left.
    centre = made.position + np.array([-s, c])
    for _ in range(5):
        follow(made, command, 1.0)
        assert np.linalg.norm(made.position - centre) == pytest.approx(1.0, abs=2e-3)
    assert made.yaw > 2.5


def test_a_body_that_is_held_back_does_not_wind_the_reference_up():
    made, held = reference(position_leash=0.1, yaw_leash=0.3), (np.zeros(2), 0.0)
    follow(made, LocomotionCommand(1.0, 0.0, 1.0, "trot"), 10.0, body=held)
    assert np.abs(made.position).max() <= 0.1 + 1e-12
    assert made.yaw == pytest.approx(0.3)


def test_a_body_that_is_carried_away_takes_its_reference_along():
    made = reference(position_leash=0.1, yaw_leash=0.3)
    follow(made, LocomotionCommand(gait="stand"), DT, body=(np.array([5.0, -3.0]), 2.0), moving=False)
    assert made.position == pytest.approx([4.9, -2.9])
    assert made.yaw == pytest.approx(1.7)


def test_a_reset_begins_at_rest_where_the_body_is():
    made = follow(reference(), LocomotionCommand(1.0, 0.5, 0.5, "trot", roll=0.1), 1.0)
    made.reset(np.array([3.0, 4.0, 0.3]), 1.2, 0.28)
    assert not made.velocity.any() and (made.yaw_rate, made.roll, made.pitch) == (0.0, 0.0, 0.0)
    assert made.position.tolist() == [3.0, 4.0] and (made.yaw, made.height) == (1.2, 0.28)


@pytest.mark.parametrize("name", ["max_speed", "max_yaw_rate", "acceleration", "yaw_acceleration", "posture_rate"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_limits_that_are_not_positive_are_refused(name, value):
    with pytest.raises(InvalidValue, match=f"ReferenceConfig.{name} must be > 0, got {value}"):
        ReferenceConfig(**{name: value})


@pytest.mark.parametrize("name", ["max_tilt", "position_leash", "yaw_leash"])
@pytest.mark.parametrize("value", [-0.1, float("nan")])
def test_negative_bounds_are_refused(name, value):
    with pytest.raises(InvalidValue, match=f"ReferenceConfig.{name} must be >= 0, got {value}"):
        ReferenceConfig(**{name: value})


@pytest.mark.parametrize("heights", [(0.0, 1.1), (1.05, 1.1), (0.7, 0.9)])
def test_heights_must_enclose_the_standing_height(heights):
    message = f"needs 0 < min_height <= 1 <= max_height, got min_height={heights[0]}, max_height={heights[1]}"
    with pytest.raises(InvalidValue, match=message):
        ReferenceConfig(min_height=heights[0], max_height=heights[1])
