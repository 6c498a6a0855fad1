import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.quadruped.posture import PostureConfig, PostureMotion
from controllers.robot.catalog import load_robot
from controllers.robot.kinematics import LegKinematics

BEGIN, DURATION = 3.0, 1.4


@pytest.fixture(params=["go2", "go1", "aliengo"])
def robot(request):
    return load_robot(request.param)


def rise(robot, start=None, config=None):
    start = np.array(robot.lying_position) if start is None else start
    target = np.array(robot.standing_position)
    return PostureMotion(config or PostureConfig(), robot, start, target, DURATION, BEGIN)


def test_a_motion_starts_where_the_joints_are_and_ends_in_the_pose(robot):
    motion = rise(robot)
    first = motion.command(np.array(robot.lying_position), 1.0, BEGIN)
    last = motion.command(np.array(robot.standing_position), 1.0, BEGIN + DURATION)
    assert first.position == pytest.approx(robot.lying_position, abs=1e-6)
    assert last.position == pytest.approx(robot.standing_position, abs=1e-6)
    assert first.velocity == pytest.approx(np.zeros(12), abs=1e-9)
    assert last.velocity == pytest.approx(np.zeros(12), abs=1e-9)
    assert first.time == BEGIN


def test_before_and_after_its_time_a_motion_holds_its_ends(robot):
    motion, pose = rise(robot), np.array(robot.standing_position)
    early, late = motion.command(pose, 1.0, BEGIN - 1.0), motion.command(pose, 1.0, BEGIN + 9.0)
    assert early.position == pytest.approx(robot.lying_position, abs=1e-6)
    assert late.position == pytest.approx(robot.standing_position, abs=1e-6)


def test_a_motion_is_done_after_its_duration(robot):
    motion = rise(robot)
    assert not motion.done(BEGIN + DURATION - 1e-6)
    assert motion.done(BEGIN + DURATION)


def test_feet_move_on_straight_lines(robot):
    motion, kinematics = rise(robot), LegKinematics(robot)
    start = kinematics.foot_positions(np.array(robot.lying_position))
    way = kinematics.foot_positions(np.array(robot.standing_position)) - start
    before = 0.0
    for share in np.linspace(0.05, 0.95, 10):
        position = motion.command(np.array(robot.lying_position), 1.0, BEGIN + share * DURATION).position
        gone = kinematics.foot_positions(position) - start
        progress = np.sum(gone * way) / np.sum(way * way)
        assert gone == pytest.approx(progress * way, abs=1e-6)
        assert progress > before
        before = progress
    assert motion.command(position, 1.0, BEGIN + 0.5 * DURATION).position == pytest.approx(
        kinematics.inverse(start + 0.5 * way)[0], abs=1e-9
    )


def test_joint_velocities_are_the_derivative_of_the_positions(robot):
    motion, eps = rise(robot), 1e-4
    for share in (0.2, 0.5, 0.8):
        time = BEGIN + share * DURATION
        before, after = (motion.command(np.zeros(12), 0.0, time + s * eps).position for s in (-1, 1))
        velocity = motion.command(0.5 * (before + after), 0.0, time).velocity
        # The damped inverse of the Jacobian takes a percent where a leg is nearly folded.
        assert velocity == pytest.approx((after - before) / (2 * eps), rel=0.05, abs=0.02)


@pytest.mark.parametrize("load", [0.0, 0.8, 1.0])
def test_the_feet_share_the_load(robot, load):
    motion, kinematics = rise(robot), LegKinematics(robot)
    pose = 0.5 * (np.array(robot.lying_position) + np.array(robot.standing_position))
    effort = motion.command(pose, load, BEGIN).effort
    _, jacobians = kinematics.foot_positions_and_jacobians(pose)
    share = np.array([0.0, 0.0, load * robot.mass * 9.81 / 4.0])
    assert effort.reshape(4, 3) == pytest.approx(np.array([-j.T @ share for j in jacobians]), abs=1e-9)


def test_gains_scale_with_the_mass(robot):
    command = rise(robot, config=PostureConfig(stiffness=4.0, damping=0.1)).command(np.zeros(12), 0.0, BEGIN)
    assert command.stiffness == pytest.approx(np.full(12, 4.0 * robot.mass))
    assert command.damping == pytest.approx(np.full(12, 0.1 * robot.mass))


def test_feet_out_of_reach_fall_back_to_straight_lines_of_the_joints(robot, monkeypatch):
    # A kinematics that reaches nothing stands for poses from which the straight line leaves the reach.
    motion = rise(robot)
    monkeypatch.setattr(LegKinematics, "inverse", lambda self, feet: (np.full(12, np.nan), np.zeros(4, dtype=bool)))
    middle = motion.command(np.array(robot.lying_position), 1.0, BEGIN + 0.5 * DURATION).position
    assert middle == pytest.approx(0.5 * (np.array(robot.lying_position) + np.array(robot.standing_position)))


@pytest.mark.parametrize("name", ["rise_time", "lower_time"])
@pytest.mark.parametrize("value", [0.1, 30.0, float("nan")])
def test_times_that_would_throw_the_robot_are_refused(name, value):
    with pytest.raises(InvalidValue, match=rf"PostureConfig.{name} must lie in \[0.3, 20\] s, got {value}"):
        PostureConfig(**{name: value})


@pytest.mark.parametrize("name", ["stiffness", "damping"])
@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan")])
def test_gains_must_be_finite_and_not_negative(name, value):
    with pytest.raises(InvalidValue, match=f"PostureConfig.{name} must be finite and >= 0, got {value}"):
        PostureConfig(**{name: value})
