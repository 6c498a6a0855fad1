import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.quadruped import ground_reaction
from controllers.quadruped.body import BodyState
from controllers.quadruped.controller import LocomotionConfig
from controllers.quadruped.ground_reaction import GroundReaction, GroundReactionConfig, move_forces
from controllers.quadruped.warmup import warm_up_controller
from controllers.robot.catalog import load_robot
from controllers.robot.interface import BaseEstimate
from controllers.robot.kinematics import LegKinematics
from evaluation.adaptation_cases import case
from evaluation.rollout import run
from evaluation.wrench_response import wrench_response

ROBOT = load_robot("go2")
KINEMATICS = LegKinematics(ROBOT)
STANDING = np.array(ROBOT.standing_position)
UNDERFOOT = np.array([0.0, 0.0, -ROBOT.foot_radius])


def moved(forces, joints=STANDING, rotation=None, underfoot=UNDERFOOT):
    out = np.empty((4, 3))
    move_forces(KINEMATICS.packed, joints, np.eye(3) if rotation is None else rotation, underfoot, forces, out)
    return out


def test_a_sideways_force_is_smaller_at_its_longer_lever():
    joints = STANDING.copy()
    joints[0::3] = 0.0
    below_hip = -KINEMATICS.foot_positions(joints)[:, 2] + np.array(ROBOT.packed()[:, 0, 2])
    found = moved(np.tile([0.0, 30.0, 0.0], (4, 1)), joints)
    assert found[:, 1] == pytest.approx(30.0 * below_hip / (below_hip + ROBOT.foot_radius), rel=1e-9)


def test_the_joints_feel_moved_forces_as_they_felt_the_first():
    # Power is torque times rate: the force times the velocity of the point that it acts on. That of a point of the
    # calf is found by turning the calf: hips about x, thigh and calf about the y axis that they have turned.
    rng = np.random.default_rng(0)
    joints, forces, rates = STANDING + 0.2 * rng.normal(size=12), rng.normal(size=(4, 3)), rng.normal(size=12)
    step = 1e-6

    def velocity(offset):
        def point(q):
            places = KINEMATICS.foot_positions(q).copy()
            for leg in range(4):
                a, b = q[3 * leg], q[3 * leg + 1] + q[3 * leg + 2]
                a0, b0 = joints[3 * leg], joints[3 * leg + 1] + joints[3 * leg + 2]
                places[leg] += turned(a, b) @ turned(a0, b0).T @ offset
            return places

        return (point(joints + step * rates) - point(joints - step * rates)) / (2.0 * step)

    def turned(a, b):
        x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        return x @ np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])

    before = (forces * velocity(np.zeros(3))).sum(axis=1)
    after = (moved(forces, joints) * velocity(UNDERFOOT)).sum(axis=1)
    assert after == pytest.approx(before, abs=1e-7)


def test_a_stretched_leg_tells_nothing():
    joints = STANDING.copy()
    joints[1] = joints[2] = 0.0
    found = moved(np.ones((4, 3)), joints)
    assert np.isnan(found[0]).all() and np.isfinite(found[1:]).all()


@pytest.fixture
def body():
    state = BodyState()
    state.rotation = np.eye(3)
    state.levers = np.array([[0.2, 0.15, -0.3], [0.2, -0.15, -0.3], [-0.2, 0.15, -0.3], [-0.2, -0.15, -0.3]])
    state.yaw = 0.5 * np.pi
    return state


def estimate(force, contact=(1.0, 1.0, 1.0, 1.0)):
    return BaseEstimate(
        0.0,
        np.zeros(3),
        np.array([1.0, 0, 0, 0]),
        np.zeros(3),
        np.zeros(3),
        np.zeros(4),
        np.array(contact),
        force,
    )


def follow(reaction, body, commanded, standing, given, seconds):
    for _ in range(round(seconds / 0.002)):
        reaction.update(commanded, standing, given, body, STANDING, np.zeros(3), 0.002)


def test_the_average_comes_to_what_commands_exceed_the_ground_by(body):
    reaction = GroundReaction(GroundReactionConfig(0.25), KINEMATICS.packed)
    commanded = np.array([[0.0, 8.0, 50.0], [0, 0, 0], [0, 0, 0], [0.0, 8.0, 50.0]])
    ground = np.array([[0.0, 6.0, 48.0], [0, 0, 9.0], [0, 0, 0], [0.0, 6.0, 48.0]])
    follow(reaction, body, commanded, np.array([1.0, 0, 0, 1.0]), estimate(ground, (1.0, 1.0, 0.0, 1.0)), 0.25)
    # Facing the world's y: x of the heading is what is left of y. The foot that stands too early bears 9 N as well.
    excess = np.array([4.0, 0.0, 4.0 - 9.0])
    assert reaction.excess[:3] == pytest.approx(excess * (1.0 - np.exp(-1.0)), rel=0.01, abs=1e-9)
    # About the world's x: y f_z, of which opposite feet cancel, less z f_y; about y: minus x f_z.
    about_x, about_y = 0.3 * 4.0 + 0.15 * 9.0, 0.2 * 9.0
    assert reaction.excess[3:5] == pytest.approx(
        np.array([about_y, -about_x]) * (1.0 - np.exp(-1.0)), rel=0.01, abs=1e-9
    )
    reaction.reset()
    assert not reaction.excess.any()


def test_where_the_ground_is_not_known_nothing_is_averaged(body):
    reaction = GroundReaction(GroundReactionConfig(), KINEMATICS.packed)
    follow(reaction, body, np.ones((4, 3)), np.ones(4), estimate(None), 0.1)
    assert not reaction.excess.any()


def test_forces_that_cannot_be_told_leave_the_average(body):
    reaction = GroundReaction(GroundReactionConfig(), KINEMATICS.packed)
    follow(reaction, body, np.ones((4, 3)), np.ones(4), estimate(np.full((4, 3), np.nan)), 0.1)
    assert not reaction.excess.any()


@pytest.mark.parametrize("value", [0.0, -1.0, 11.0, float("nan")])
def test_a_time_constant_out_of_range_is_refused(value):
    with pytest.raises(InvalidValue, match=r"GroundReactionConfig.time_constant must lie in \(0, 10\], got"):
        GroundReactionConfig(value)


def test_a_pull_to_the_side_is_told_within_a_twentieth():
    log = run(case("force_left_4g").build(5000))
    told = wrench_response(log.scenario, log.values)["wrench_steady_error"]
    learned = wrench_response(log.scenario, {k: v for k, v in log.values.items() if k != "load"})["wrench_steady_error"]
    assert told < 0.05 and told < 0.75 * learned


def test_the_warm_up_reaches_it(monkeypatch):
    """Otherwise the first step would wait for the compiler."""
    known = []
    follow_it = ground_reaction._follow
    monkeypatch.setattr(ground_reaction, "_follow", lambda *a: (known.append(a), follow_it(*a)))
    warm_up_controller(ROBOT, LocomotionConfig())
    assert len(known) > 10
