import numpy as np
import pytest
from scipy.integrate import trapezoid

from controllers.quadruped.footholds import FootholdConfig, foothold_offset
from controllers.quadruped.horizon import fill_horizon, preview

RADIUS = 0.022
N = 10
NOMINAL = np.array([[0.19, 0.14], [0.19, -0.14], [-0.19, 0.14], [-0.19, -0.14]])
HEIGHT, STANCE, DECAY = 0.3, 0.24, 0.25
CAPTURE = np.sqrt(HEIGHT / 9.81)


def turn(yaw):
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


class Preview:
    """A horizon seen from a body at an arbitrary place."""

    def __init__(self, contacts, swinging=(0, 0, 0, 0), velocity=(0.7, -0.1, 0.05), yaw_rate=0.0):
        self.intervals = np.full(N, 0.04)
        self.intervals[0] = 0.017
        self.contacts = np.array(contacts, dtype=float)
        self.swinging = np.array(swinging, dtype=float)
        self.com = np.array([2.0, -1.0, 0.3])
        self.velocity, self.reference = np.array(velocity), np.array([0.5, 0.1, 0.0])
        self.yaw, self.yaw_rate = 0.6, yaw_rate
        self.ground = np.array([0.01, 0.02, -0.03])
        self.feet = np.column_stack((self.com[:2] + NOMINAL @ turn(self.yaw)[:2, :2].T, np.full(4, 0.02)))
        self.targets = self.feet + np.array([0.08, 0.02, 0.01])
        self.offset = foothold_offset(FootholdConfig(), self.reference, self.reference, 0.0, HEIGHT, STANCE)
        self.levers = np.full((N, 4, 3), np.nan)
        preview(
            *(self.intervals, self.contacts, self.com, self.velocity, self.reference, self.yaw, self.yaw_rate, DECAY),
            *(self.feet, self.targets, self.swinging, NOMINAL, self.offset, CAPTURE, self.ground, RADIUS, self.levers),
        )

    @property
    def starts(self):
        return np.concatenate(([0.0], np.cumsum(self.intervals)[:-1]))

    def velocity_at(self, time):
        return self.reference[:2] + (self.velocity - self.reference)[:2] * np.exp(-time / DECAY)

    def body_at(self, time):
        """Centre of mass: the predicted velocity integrated numerically, at constant height above the ground."""
        grid = np.linspace(0.0, time, 2001)
        way = trapezoid(np.array([self.velocity_at(t) for t in grid]), grid, axis=0)
        return self.com + np.array([*way, self.ground[1:] @ way])

    def places(self):
        """Where the centres of the feet are in the world in each interval, shape (N, 4, 3)."""
        middles = self.starts + 0.5 * self.intervals
        normal = np.array([*-self.ground[1:], 1.0]) / np.linalg.norm([*self.ground[1:], 1.0])
        return self.levers + RADIUS * normal + np.array([self.body_at(t) for t in middles])[:, None]


def test_standing_feet_stay_where_they_are_in_the_world():
    seen = Preview(np.ones((N, 4)))
    for place in seen.places():
        assert place == pytest.approx(seen.feet, abs=1e-6)


def test_swinging_feet_land_on_their_targets():
    contacts = np.ones((N, 4))
    contacts[:3, 1:3] = 0.0
    seen = Preview(contacts, swinging=(0, 1, 1, 0))
    for place in seen.places()[3:]:
        assert place[1:3] == pytest.approx(seen.targets[1:3], abs=1e-6)
        assert place[[0, 3]] == pytest.approx(seen.feet[[0, 3]], abs=1e-6)


def test_later_touchdowns_follow_the_foothold_rule_for_the_velocity_of_their_moment():
    contacts = np.ones((N, 4))
    contacts[2:6, 0] = 0.0
    seen = Preview(contacts)
    landing = seen.starts[6]
    velocity = seen.velocity_at(landing)
    rule = foothold_offset(FootholdConfig(max_step=1.0), velocity, seen.reference, 0.0, HEIGHT, STANCE)
    expected = seen.body_at(landing)[:2] + turn(seen.yaw)[:2, :2] @ NOMINAL[0] + rule
    place = seen.places()[6:, 0]
    assert place[:, :2] == pytest.approx(np.tile(expected, (4, 1)), abs=1e-6)
    ground = seen.ground @ [1.0, *expected]
    assert place[:, 2] == pytest.approx(np.full(4, ground + RADIUS), abs=1e-6)


def test_feet_that_land_twice_land_on_the_target_first_and_by_the_rule_then():
    contacts = np.ones((N, 4))
    contacts[[0, 1, 5, 6, 7], 3] = 0.0
    seen = Preview(contacts, swinging=(0, 0, 0, 1))
    places = seen.places()
    assert places[3, 3] == pytest.approx(seen.targets[3], abs=1e-6)
    landing = seen.starts[8]
    rule = foothold_offset(FootholdConfig(max_step=1.0), seen.velocity_at(landing), seen.reference, 0.0, HEIGHT, STANCE)
    expected = seen.body_at(landing)[:2] + turn(seen.yaw)[:2, :2] @ NOMINAL[3] + rule
    assert places[8, 3, :2] == pytest.approx(expected, abs=1e-6)


def test_touchdowns_of_a_turning_body_turn_with_its_hips():
    contacts = np.ones((N, 4))
    contacts[1:5] = 0.0
    seen = Preview(contacts, velocity=(0.5, 0.1, 0.0), yaw_rate=0.9)
    landing = seen.starts[5]
    hips = NOMINAL @ turn(seen.yaw + 0.9 * landing)[:2, :2].T
    expected = seen.body_at(landing)[:2] + hips + seen.offset
    assert seen.places()[5, :, :2] == pytest.approx(expected, abs=1e-6)


class Filled:
    """State, reference and learner's inputs of a tilted, moving robot on a slope."""

    def __init__(self, world=0.0, tilt=(0.03, -0.02), yaw=0.4, slope=(0.1, -0.06), yaw_rate=0.3, follow=1.0):
        rng = np.random.default_rng(3)
        to_world = turn(world)
        roll, pitch = tilt
        level = turn(yaw)
        self.rotation = to_world @ level @ _tilt(roll, pitch)
        self.inertia_body = np.diag([0.1, 0.3, 0.4]) + 0.01 * np.ones((3, 3))
        self.levers_heading = rng.normal(size=(N, 4, 3)) * 0.2
        self.forces = rng.normal(size=(N, 4, 3)) * 30.0
        self.heading_velocity, self.heading_spin = np.array([0.6, -0.2, 0.1]), np.array([0.3, -0.4, 0.5])
        self.heading_reference = np.array([0.5, 0.1, 0.0])
        self.heading_error = np.array([0.05, -0.03])
        heading = to_world @ level
        gradient = heading[:2, :2] @ slope
        self.intervals = np.full(N, 0.04)
        self.levers = np.ascontiguousarray(self.levers_heading @ heading.T)
        self.position, self.rates = np.full(6, np.nan), np.full(6, np.nan)
        self.position_reference, self.velocity_reference = np.full((N, 6), np.nan), np.full((N, 6), np.nan)
        self.inertia, self.state = np.full((N, 3, 3), np.nan), np.full((N, 9), np.nan)
        self.wrench = np.full((N, 6), np.nan)
        fill_horizon(
            *(self.intervals, self.rotation, world + yaw, to_world @ [1.0, 2.0, 0.3], 0.29),
            *(heading @ self.heading_velocity, heading @ self.heading_spin, self.inertia_body),
            *(heading @ self.heading_reference, yaw_rate, 0.07, heading[:2, :2] @ self.heading_error),
            *(np.array([0.01, 0.02]), 0.31, np.array([0.0, *gradient]), follow, DECAY, self.levers, self.forces),
            *(self.position, self.rates, self.position_reference, self.velocity_reference, self.inertia),
            *(self.state, self.wrench),
        )


def _tilt(roll, pitch):
    cr, sr, cp, sp = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch)
    about_y = np.array([[cp, 0.0, sp], [0.0, 1.0, 0.0], [-sp, 0.0, cp]])
    return about_y @ np.array([[1.0, 0.0, 0.0], [0.0, cr, -sr], [0.0, sr, cr]])


def test_the_heading_frame_makes_everything_independent_of_where_north_is():
    here, there = Filled(), Filled(world=2.1)
    for name in ("position", "rates", "position_reference", "velocity_reference", "inertia", "state", "wrench"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), abs=1e-12), name


def test_levers_are_turned_into_the_heading_frame():
    filled = Filled(world=1.0)
    assert filled.levers == pytest.approx(filled.levers_heading, abs=1e-12)


def test_the_state_is_tilt_height_and_the_velocities_in_the_heading_frame():
    filled = Filled()
    assert filled.position == pytest.approx([0.03, -0.02, 0.0, 0.0, 0.0, 0.29], abs=1e-3)
    assert filled.rates[:3] == pytest.approx(filled.heading_spin)
    assert filled.rates[3:] == pytest.approx(filled.heading_velocity)


def test_the_reference_moves_with_the_commanded_velocity_and_starts_at_the_error():
    filled = Filled(slope=(0.0, 0.0))
    for k in range(N):
        t = 0.04 * (k + 1)
        expected = [0.01, 0.02, 0.07 + 0.3 * t, 0.05 + 0.5 * t, -0.03 + 0.1 * t, 0.31]
        assert filled.position_reference[k] == pytest.approx(expected)
        assert filled.velocity_reference[k] == pytest.approx([0.0, 0.0, 0.3, 0.5, 0.1, 0.0])


def test_on_a_slope_the_body_climbs_and_stands_parallel_to_the_ground():
    filled = Filled(slope=(0.1, -0.06))
    climb = 0.1 * 0.5 - 0.06 * 0.1
    assert filled.velocity_reference[:, 5] == pytest.approx(np.full(N, climb))
    assert filled.position_reference[4, 5] == pytest.approx(0.31 + climb * 0.2)
    roll, pitch = filled.position_reference[0, :2] - [0.01, 0.02]
    normal = _tilt(roll, pitch) @ [0.0, 0.0, 1.0]
    ground = np.array([-0.1, 0.06, 1.0]) / np.linalg.norm([-0.1, 0.06, 1.0])
    assert normal == pytest.approx(ground, abs=1e-3)


def test_the_body_can_stay_level_on_a_slope():
    filled = Filled(slope=(0.1, -0.06), follow=0.0)
    assert filled.position_reference[:, :2] == pytest.approx(np.tile([0.01, 0.02], (N, 1)))


def test_the_inertia_is_that_of_the_tilted_body():
    filled = Filled()
    tilted = _tilt(0.03, -0.02)
    assert filled.inertia[-1] == pytest.approx(tilted @ filled.inertia_body @ tilted.T, abs=1e-12)


def test_the_learner_sees_the_state_return_to_the_command():
    filled = Filled()
    for k in range(N):
        fade = np.exp(-0.04 * k / DECAY)
        tilt = [0.03 * fade, -0.02 * fade, (0.29 - 0.31) * fade]
        velocity = filled.heading_reference + fade * (filled.heading_velocity - filled.heading_reference)
        spin = fade * filled.heading_spin + [0.0, 0.0, (1.0 - fade) * 0.3]
        assert filled.state[k] == pytest.approx([*tilt, *velocity, *spin], abs=1e-3)


def test_the_learner_sees_the_wrench_of_the_previous_plan():
    filled = Filled()
    assert filled.wrench[:, :3] == pytest.approx(filled.forces.sum(axis=1))
    assert filled.wrench[:, 3:] == pytest.approx(np.cross(filled.levers_heading, filled.forces).sum(axis=1))
