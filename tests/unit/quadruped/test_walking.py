import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.quadruped.body import BodyState
from controllers.quadruped.gait import GAITS
from controllers.quadruped.limbs import LimbConfig
from controllers.quadruped.reference import ReferenceConfig
from controllers.quadruped.walking import Walking, WalkingConfig
from controllers.robot.catalog import load_robot
from controllers.robot.interface import BaseEstimate, LocomotionCommand, RobotState
from controllers.robot.kinematics import LegKinematics

DT = 0.002


class Fixed:
    """A learner with one answer."""

    def __init__(self, wrench=(0.0,) * 6):
        self.wrench, self.updates, self.resets, self.asked = np.array(wrench), [], 0, []

    def predict(self, inputs):
        self.asked.append(inputs)
        return np.tile(self.wrench, (len(inputs.state), 1))

    def update(self, measurement):
        self.updates.append(measurement)

    def reset(self):
        self.resets += 1


class Broken(Fixed):
    """A learner that once says nonsense, in answer to a question about so many nodes."""

    def __init__(self, nodes):
        super().__init__()
        self.nodes = nodes

    def predict(self, inputs):
        wrench = super().predict(inputs)
        if [len(a.state) for a in self.asked].count(self.nodes) == 5 and len(wrench) == self.nodes:
            wrench[:] = np.nan
        return wrench


class Held:
    """A robot held in its standing pose, whatever its legs are told."""

    def __init__(self, learner=None, config=None, yaw=0.0):
        self.robot = load_robot("go2")
        self.learner = learner or Fixed()
        self.walking = Walking(self.robot, config or WalkingConfig(), self.learner)
        kinematics = LegKinematics(self.robot)
        self.geometry = kinematics.packed
        self.jacobians = kinematics.foot_positions_and_jacobians(np.array(self.robot.standing_position))[1]
        self.orientation = np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])
        self.body, self.tick, self.plans = BodyState(), 0, []
        self.velocity, self.ratio = 0.0, 0.0
        # Feet feel what the gait has them do, unless told otherwise.
        self.contact = None

    @property
    def time(self):
        return self.tick * DT

    def slide(self, velocity, ratio):
        """Let the robot slide over ground that takes so much of the load, its joints at rest."""
        self.velocity, self.ratio = velocity, ratio
        return self

    def step(self, command, ticks=1):
        pose = np.array(self.robot.standing_position)
        for _ in range(ticks):
            self.tick += 1
            load = 0.25 * self.robot.mass * 9.81 * np.array([-self.ratio, 0.0, 1.0])
            effort = -np.einsum("lij,i->lj", self.jacobians, load).ravel()
            state = RobotState(
                self.time, pose, np.zeros(12), effort, self.orientation, np.zeros(3), np.array([0, 0, 9.81])
            )
            position = np.array([0.0, 0.0, self.robot.standing_height])
            velocity = np.array([self.velocity, 0.0, 0.0])
            contact = self.walking.standing.copy() if self.contact is None else self.contact
            estimate = BaseEstimate(self.time, position, self.orientation, velocity, np.zeros(3), contact=contact)
            self.body.update(self.geometry, np.array(self.robot.com), pose, estimate, self.walking.underfoot)
            self.joint = self.walking.step(state, estimate, self.body, command, self.time, DT)
            if self.walking.plan is not None:
                self.plans.append(self.walking.plan)
        return self


STAND, TROT = LocomotionCommand(gait="stand"), LocomotionCommand(0.3, 0.0, 0.0, "trot")


def test_a_robot_that_stands_still_is_told_to_carry_its_weight():
    held = Held().step(STAND, 20)
    weight = held.robot.mass * 9.81
    assert held.walking.forces.sum(axis=0) == pytest.approx([0.0, 0.0, weight], abs=0.05)
    assert held.walking.height == pytest.approx(held.robot.standing_height, abs=1e-6)
    assert held.walking.still and held.walking.gait == "stand"
    held.joint.validate()


def test_torques_hold_the_planned_forces_where_the_feet_touch_the_ground():
    held = Held(yaw=0.9).step(STAND, 5)
    pose, kinematics = np.array(held.robot.standing_position), LegKinematics(held.robot)
    idle = Held(learner=Fixed([0.0, 0.0, held.robot.mass * 9.81, 0.0, 0.0, 0.0]), yaw=0.9).step(STAND, 5)
    difference = held.walking.forces - idle.walking.forces
    below = held.robot.foot_radius * np.array([0.0, 0.0, -1.0])
    # The power of the torques is that of the forces on the points of the calves that touch the ground.
    for rates in np.eye(12):
        touching = kinematics.foot_velocities(pose, rates) + np.cross(kinematics.calf_rates(pose, rates), below)
        power = -np.sum(touching @ held.body.rotation.T * difference)
        assert (held.joint.effort - idle.joint.effort) @ rates == pytest.approx(power, abs=1e-9)
    assert np.abs(difference).max() > 20.0


def test_what_is_learned_is_taken_off_the_feet():
    light, heavy = Held().step(STAND, 5), Held(learner=Fixed([0.0, 0.0, -80.0, 0.0, 0.0, 0.0])).step(STAND, 5)
    more = heavy.walking.forces.sum(axis=0) - light.walking.forces.sum(axis=0)
    assert more == pytest.approx([0.0, 0.0, 80.0], abs=0.05)
    assert heavy.walking.residual.tolist() == [0.0, 0.0, -80.0, 0.0, 0.0, 0.0]


def test_the_load_is_what_stays_of_the_learned_wrench_where_the_learner_can_tell():
    class Parting(Fixed):
        def sustained(self, inputs):
            return np.array([1.0, 2.0, -50.0, 0.0, 0.0, 0.0])

    swinging = [0.0, 0.0, -80.0, 0.0, 0.0, 0.0]
    plain, parting = Held(learner=Fixed(swinging)).step(STAND, 5), Held(learner=Parting(swinging)).step(STAND, 5)
    assert plain.walking.load.tolist() == swinging
    assert parting.walking.load.tolist() == [1.0, 2.0, -50.0, 0.0, 0.0, 0.0]
    assert parting.walking.residual.tolist() == swinging


def test_plans_come_at_their_period_and_at_every_change_of_contacts():
    held, contacts = Held(), []
    for _ in range(300):
        held.step(TROT)
        contacts.append(held.walking.standing.copy())
    times = np.array([plan.time for plan in held.plans])
    assert np.diff(times).max() <= 0.01 + 1e-9
    switches = [DT * (i + 1) for i in range(1, 300) if (contacts[i] != contacts[i - 1]).any()]
    assert len(switches) >= 2
    for switch in switches:
        assert np.abs(times - switch).min() < 1e-9
    assert len(times) < 0.25 * 300


@pytest.mark.compiled
def test_contacts_change_on_the_grid_of_the_plan():
    held = Held().step(TROT, 500)
    gait = GAITS["trot"]
    checked = 0
    for plan in held.plans[-60:]:
        if plan.intervals[0] > plan.intervals[1] + 1e-9:
            # So close to a line that the first interval reaches to the next one.
            continue
        feet = plan.forces[..., 2] > 0.0
        lines = plan.time + np.cumsum(plan.intervals)
        for k in np.flatnonzero((feet[1:] != feet[:-1]).any(axis=1)):
            # The held robot began its trot at the first tick, so contacts change every half period from then.
            half = (lines[k] - DT) / (0.5 * gait.period)
            assert half == pytest.approx(round(half), abs=1e-6)
            checked += 1
    assert checked > 20


@pytest.mark.compiled
@pytest.mark.parametrize("gait", sorted(set(GAITS) - {"stand"}))
def test_intervals_are_about_as_long_as_set_whatever_the_gait(gait):
    held = Held().step(LocomotionCommand(gait=gait), 300)
    for plan in held.plans[1:]:
        assert len(plan.intervals) == 10
        assert plan.intervals[1:] == pytest.approx(np.full(9, plan.intervals[-1]))
        assert 0.7 * 0.04 < plan.intervals[-1] < 1.4 * 0.04
        assert 0.24 * plan.intervals[-1] < plan.intervals[0] <= 1.26 * plan.intervals[-1]


def test_swinging_feet_are_told_to_push_nothing_and_are_held_stiffly():
    held = Held().step(TROT, 30)
    swinging = held.walking.standing < 0.5
    assert swinging.sum() == 2
    assert not held.walking.forces[swinging].any() and (held.walking.forces[~swinging, 2] > 10.0).all()
    legs = held.joint.stiffness.reshape(4, 3)
    assert (legs[swinging] > 0.0).all() and (legs[~swinging] == 0.0).all()


@pytest.mark.compiled
def test_forces_are_planned_in_the_heading_frame_and_commanded_in_the_world():
    north, west = Held().step(TROT, 200), Held(yaw=np.pi / 2).step(TROT, 200)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert west.walking.forces == pytest.approx(north.walking.forces @ turn.T, abs=1e-4)
    assert west.joint.effort == pytest.approx(north.joint.effort, abs=1e-4)
    assert np.abs(north.walking.forces[:, 0]).max() > 1.0


def test_the_learner_is_asked_about_the_horizon_of_the_plan():
    held = Held().step(TROT, 150)
    asked, plan = [a for a in held.learner.asked if len(a.state) > 1][-1], held.plans[-1]
    assert asked.state.shape == (10, 9) and asked.contact_wrench.shape == (10, 6)
    assert (asked.contacts == (plan.forces[..., 2] > 0.0)).all()
    steps = np.diff(asked.gait_phase) % 1.0
    assert steps == pytest.approx(plan.intervals[:-1] / GAITS["trot"].period, abs=1e-9)


def test_a_robot_that_does_not_fall_although_nothing_carries_it_has_a_residual():
    # The hand that holds the robot hides from the model: in the balance it carries what the feet do not.
    held = Held(learner=Fixed([0.0, 0.0, 60.0, 0.0, 0.0, 0.0])).step(STAND, 50)
    residual = held.learner.updates[-1].residual_wrench()
    assert residual[2] == pytest.approx(60.0, abs=0.1)
    assert held.learner.updates[-1].dt == pytest.approx(0.01)


def test_intervals_in_which_contacts_change_are_marked():
    held = Held().step(TROT, 400)
    changed = [m.contacts_changed for m in held.learner.updates]
    assert 0.03 < np.mean(changed) < 0.2


def test_intervals_after_a_failed_solve_are_not_valid():
    held = Held(learner=Broken(nodes=10)).step(STAND, 100)
    assert held.walking.mpc.failures == 1
    assert [m.valid for m in held.learner.updates].count(False) == 1
    # The plan before carries the robot through.
    weight = held.robot.mass * 9.81
    assert [p.forces[0, :, 2].sum() for p in held.plans] == pytest.approx(np.full(len(held.plans), weight), abs=0.1)


def test_nonsense_between_two_plans_leaves_the_forces_as_planned():
    held = Held(learner=Broken(nodes=1)).step(STAND, 100)
    assert held.walking.mpc.failures == 0 and all(m.valid for m in held.learner.updates)
    assert held.walking.forces.sum(axis=0) == pytest.approx([0.0, 0.0, held.robot.mass * 9.81], abs=0.05)


@pytest.mark.parametrize(("follow", "expected"), [(True, 40.0), (False, 0.0)])
def test_stance_feet_follow_the_residual_between_plans_if_asked_to(follow, expected):
    held = Held(config=WalkingConfig(residual_in_torques=follow)).step(STAND, 6)
    before = held.walking.forces.copy()
    held.learner.wrench[2] = -40.0
    held.step(STAND)
    assert held.walking.plan is None, "the tick must lie between two plans"
    more = held.walking.forces.sum(axis=0) - before.sum(axis=0)
    # Damped least squares on four feet take up 4 / (4 + 0.5) of it.
    assert more == pytest.approx([0.0, 0.0, expected * 4.0 / 4.5], abs=0.5)


def test_feet_that_slip_are_asked_for_no_more_than_the_ground_gives():
    held = Held().step(STAND, 20).slide(0.4, 0.1).step(STAND, 60)
    assert held.walking.grip.friction == pytest.approx(0.8 * 0.1, abs=0.05)
    forces = held.plans[-1].forces
    # Braking from 0.4 m/s would take more than that.
    assert np.abs(forces[0, :, 0]).max() == pytest.approx(held.walking.grip.friction * forces[0, 0, 2], rel=0.5)
    assert (np.abs(forces[..., :2]) <= held.walking.grip.friction * forces[..., 2:] + 1e-2).all()
    loose = Held().slide(0.0, 0.9).step(STAND, 20).slide(0.4, 0.9).step(STAND, 60)
    assert loose.walking.grip.friction == WalkingConfig().mpc.friction


def test_a_slip_is_planned_for_at_once():
    config = WalkingConfig(mpc_period=0.1)
    held = Held(config=config).step(STAND, 20)
    plans = len(held.plans)
    held.slide(0.4, 0.0).step(STAND, 10)
    assert len(held.plans) > plans


def test_a_trot_on_ice_changes_feet_over_all_four_and_is_stepped_faster():
    held = Held().step(TROT, 60)
    assert held.walking.gait == "trot" and held.walking._gait.cadence == 1.0
    held.slide(0.4, 0.05).step(TROT, 300)
    assert held.walking.grip.friction < 0.2
    assert held.walking.gait == "walking_trot" and held.walking._gait.cadence > 1.1
    # Nothing slips any more: after a while the ground is trusted again.
    held.slide(0.0, 0.0).step(TROT, 4000)
    assert held.walking.gait == "trot"


def test_who_walks_otherwise_on_ice_walks_on():
    held = Held(config=WalkingConfig(slippery=0.0)).step(TROT, 60).slide(0.4, 0.05).step(TROT, 300)
    assert held.walking.grip.friction < 0.2 and held.walking.gait == "trot"
    crawl = LocomotionCommand(0.1, 0.0, 0.0, "crawl")
    held = Held().step(crawl, 60).slide(0.4, 0.05).step(crawl, 300)
    assert held.walking.grip.friction < 0.2 and held.walking.gait == "crawl"


def test_a_swinging_foot_that_strikes_early_bears_what_the_plan_asks_of_it():
    held = Held().step(TROT, 40)
    swings = held.walking.standing < 0.5
    while held.walking._swing.position[swings, 2].max() < 0.08:
        held.step(TROT)
        swings = held.walking.standing < 0.5
    leg = int(np.flatnonzero(swings)[0])
    held.step(TROT, 12)
    assert held.walking.standing[leg] == 0.0 and held.walking.forces[leg, 2] == 0.0
    held.contact = np.ones(4)
    held.step(TROT, 10)
    assert held.walking.standing[leg] == 1.0 and held.walking.forces[leg, 2] > 5.0


def test_velocity_commands_do_not_move_a_standing_robot():
    held = Held().step(LocomotionCommand(0.5, 0.2, 0.4, "stand"), 100)
    assert held.walking.still and not held.walking.reference.velocity.any()
    assert (held.walking.standing == 1.0).all()


@pytest.mark.compiled
def test_a_trotting_robot_is_not_still_until_it_stands_and_has_braked():
    held = Held().step(TROT, 200)
    assert not held.walking.still
    ticks = 0
    while not held.walking.still:
        held.step(STAND)
        ticks += 1
    braking = 0.3 / ReferenceConfig().acceleration
    assert 0.95 * braking <= ticks * DT <= braking + GAITS["trot"].swing_time + 0.02
    assert (held.walking.standing == 1.0).all() and held.walking.gait == "stand"


def test_beginning_again_keeps_what_was_learned_and_forgets_the_rest():
    held = Held().step(TROT, 200)
    held.walking.begin()
    assert held.learner.resets == 0
    assert held.walking.gait == "stand" and (held.walking.standing == 1.0).all()
    assert not held.walking.forces.any() and np.isnan(held.walking.height) and held.walking.plan is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mpc_period": 0.001}, r"WalkingConfig.mpc_period must lie in \[0.002, 0.1\] s, got 0.001"),
        ({"velocity_decay": 0.0}, r"WalkingConfig.velocity_decay must lie in \[0.01, 10\] s, got 0.0"),
        ({"landing_depth": 0.1}, r"WalkingConfig.landing_depth must lie in \[0, 0.05\] m, got 0.1"),
        ({"follow_slope": float("nan")}, r"WalkingConfig.follow_slope must lie in \[0, 1\], got nan"),
        ({"slippery": -0.1}, r"WalkingConfig.slippery must lie in \[0, 1\], got -0.1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        WalkingConfig(**settings)


def test_margins_that_leave_a_joint_no_room_are_refused():
    config = WalkingConfig(limb=LimbConfig(stop_margin=1.0))
    with pytest.raises(InvalidValue, match=r"less than half of every joint's range \(0.9.. rad\), got 1.0"):
        Walking(load_robot("go2"), config, Fixed())
