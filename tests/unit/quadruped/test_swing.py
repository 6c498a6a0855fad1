import numpy as np
import pytest

from controllers.quadruped.swing import hold_within_reach, minimum_jerk_step, swing_height, swing_references

DT = 0.002


def follow(state, target, velocity, time_left, dt):
    out = [state.copy()]
    while time_left > 1e-9:
        minimum_jerk_step(state, target, velocity, time_left, dt)
        time_left -= dt
        out.append(state.copy())
    return np.array(out)


def quintic(start, target, velocity, duration, t):
    """The quintic through both ends, by solving for its coefficients."""

    def row(s, derivative):
        return [np.prod(np.arange(k, k - derivative, -1)) * s ** max(k - derivative, 0) for k in range(6)]

    matrix = np.array([row(0.0, d) for d in range(3)] + [row(duration, d) for d in range(3)])
    coefficients = np.linalg.solve(matrix, [*start, target, velocity, 0.0])
    return np.array([row(t, d) for d in range(3)]) @ coefficients


def test_a_step_lies_on_the_quintic_through_both_ends():
    rng = np.random.default_rng(0)
    for _ in range(20):
        start, (target, velocity) = rng.normal(size=3), rng.normal(size=2)
        duration = rng.uniform(0.1, 0.6)
        dt = rng.uniform(0.1, 0.9) * duration
        state = start.copy()
        minimum_jerk_step(state, target, velocity, duration, dt)
        assert state == pytest.approx(quintic(start, target, velocity, duration, dt), rel=1e-9, abs=1e-9)


def test_many_steps_stay_on_the_one_quintic():
    start = np.array([0.1, -0.5, 2.0])
    path = follow(start.copy(), 0.3, 0.2, 0.24, DT)
    for tick in range(0, 115, 10):
        assert path[tick] == pytest.approx(quintic(start, 0.3, 0.2, 0.24, tick * DT), abs=1e-7)


def test_the_reference_arrives_on_time_with_the_wanted_velocity():
    path = follow(np.array([0.0, 0.0, 0.0]), 0.12, -0.3, 0.24, DT)
    assert len(path) == 121
    assert path[-1] == pytest.approx([0.12, -0.3, 0.0], abs=1e-12)
    assert path[-2, :2] == pytest.approx([0.12 + 0.3 * DT, -0.3], abs=2e-3)


def test_velocity_and_acceleration_are_the_derivatives_of_the_position():
    path = follow(np.array([0.0, 0.4, -1.0]), 0.2, 0.0, 0.25, 1e-4)
    for column in (0, 1):
        slope = (path[2:, column] - path[:-2, column]) / 2e-4
        assert path[1:-1, column + 1] == pytest.approx(slope, abs=2e-4 * np.abs(path[:, 2]).max())


def test_a_target_that_jumps_bends_the_path_without_a_jump():
    state, path = np.zeros(3), []
    for tick in range(120):
        target = 0.1 if tick < 60 else 0.18
        minimum_jerk_step(state, target, 0.0, 0.24 - tick * DT, DT)
        path.append(state.copy())
    path = np.array(path)
    assert path[-1] == pytest.approx([0.18, 0.0, 0.0], abs=1e-12)
    # Velocity changes by no more than the acceleration allows, position by no more than the velocity allows.
    bound = 1.05 * np.abs(path[:, 2]).max() * DT
    assert np.abs(np.diff(path[:-1, 1])).max() < bound
    assert np.abs(np.diff(path[:-1, 0]) - DT * 0.5 * (path[1:-1, 1] + path[:-2, 1])).max() < bound * DT
    assert np.abs(np.diff(path[55:65, 1])).max() < 0.2


def height(phase, lift=0.02, land=0.05, apex=0.07, duration=0.24):
    out = np.empty(3)
    swing_height(phase, lift, land, apex, duration, out)
    return out


def test_a_foot_leaves_and_meets_the_ground_at_rest():
    assert height(0.0) == pytest.approx([0.02, 0.0, 32 * 0.07 / 0.24**2], abs=1e-12)
    assert height(1.0) == pytest.approx([0.05, 0.0, 32 * 0.07 / 0.24**2], abs=1e-12)


def test_the_apex_stands_above_the_mean_of_both_ends_in_the_middle():
    assert height(0.5)[0] == pytest.approx(0.5 * (0.02 + 0.05) + 0.07)
    assert height(0.5, land=0.02)[1] == pytest.approx(0.0, abs=1e-12)
    peak = max(height(p, land=0.02)[0] for p in np.linspace(0.0, 1.0, 1001))
    assert peak == pytest.approx(0.09, abs=1e-9)


def test_rates_of_the_height_are_its_derivatives():
    duration, eps = 0.24, 1e-5
    for phase in np.linspace(0.01, 0.99, 25):
        before, now, after = (height(phase + s * eps / duration) for s in (-1, 0, 1))
        assert now[1] == pytest.approx((after[0] - before[0]) / (2 * eps), abs=1e-6)
        assert now[2] == pytest.approx((after[1] - before[1]) / (2 * eps), rel=1e-5, abs=1e-4)


def test_a_phase_beyond_the_swing_holds_the_end():
    assert (height(1.2) == height(1.0)).all()
    assert (height(-0.1) == height(0.0)).all()


class Swing:
    """References of four legs over ticks in which legs 1 and 2 swing."""

    duration = 0.24
    clearance, depth, apex = 0.02, 0.005, 0.07

    def __init__(self, ground=(0.0, 0.0, 0.0), velocity=(0.5, 0.1, 0.0), yaw=0.3, yaw_rate=0.4, offset=(0.04, -0.02)):
        self.ground, self.velocity = np.array(ground), np.array(velocity)
        self.yaw, self.yaw_rate, self.offset = yaw, yaw_rate, np.array(offset)
        self.com = np.array([1.0, 2.0, 0.3])
        self.nominal = np.array([[0.19, 0.14], [0.19, -0.14], [-0.19, 0.14], [-0.19, -0.14]])
        self.hips = np.column_stack((self.nominal * [1.0, 0.35], np.full(4, 0.0)))
        self.leg_length = 0.41
        self.feet = np.column_stack((self.com[:2] + self.nominal, np.full(4, 0.025)))
        self.contact = np.array([1.0, 0.0, 0.0, 1.0])
        self.was_standing = np.ones(4)
        self.plane_state, self.lift_height = np.full((4, 2, 3), 7.0), np.zeros(4)
        self.targets, self.position = np.full((4, 3), np.nan), np.full((4, 3), np.nan)
        self.speed, self.acceleration = np.full((4, 3), np.nan), np.full((4, 3), np.nan)

    def tick(self, elapsed, dt=DT):
        left = np.where(self.contact > 0.5, 0.0, self.duration - elapsed)
        phase = np.where(self.contact > 0.5, 0.0, elapsed / self.duration)
        swing_references(
            *(self.contact, self.was_standing, left, phase, self.feet, self.com, self.velocity, self.yaw),
            *(
                self.yaw_rate,
                self.nominal,
                self.hips,
                self.leg_length,
                self.offset,
                self.ground,
                self.clearance,
                self.depth,
                self.apex,
            ),
            *(self.duration, dt, self.plane_state, self.lift_height, self.targets),
            *(self.position, self.speed, self.acceleration),
        )
        self.was_standing = self.contact.copy()
        return self


def test_targets_lie_under_the_hips_of_the_body_at_touchdown():
    swing = Swing(ground=(0.1, 0.05, -0.02)).tick(0.1)
    left = swing.duration - 0.1
    turned = swing.yaw + swing.yaw_rate * left
    rotation = np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]])
    for leg in (1, 2):
        expected = swing.com[:2] + swing.velocity[:2] * left + rotation @ swing.nominal[leg] + swing.offset
        assert swing.targets[leg, :2] == pytest.approx(expected, abs=1e-12)
        ground = 0.1 + 0.05 * expected[0] - 0.02 * expected[1]
        assert swing.targets[leg, 2] == pytest.approx(ground + swing.clearance, abs=1e-12)


def test_a_landing_point_out_of_reach_comes_as_near_the_hip_as_the_leg_is_long():
    target, hip = np.array([1.5, 0.4, 0.02]), np.array([1.2, 0.0, 0.3])
    hold_within_reach(target, *hip, 0.4)
    assert np.linalg.norm(target - hip) == pytest.approx(0.4)
    assert (target - hip)[:2] / np.hypot(*(target - hip)[:2]) == pytest.approx([0.6, 0.8])
    assert target[2] == 0.02


def test_a_landing_point_within_reach_stays():
    target = np.array([1.3, 0.1, 0.02])
    hold_within_reach(target, 1.2, 0.0, 0.3, 0.4)
    assert target.tolist() == [1.3, 0.1, 0.02]


def test_a_leg_too_short_for_the_ground_lands_almost_below_its_hip():
    target = np.array([1.5, 0.4, -0.5])
    hold_within_reach(target, 1.2, 0.0, 0.3, 0.4)
    assert np.hypot(target[0] - 1.2, target[1]) == pytest.approx(0.04)


def test_a_fast_body_steps_no_further_than_its_legs_reach():
    swing = Swing(velocity=(0.0, 2.0, 0.0), yaw=0.0, yaw_rate=0.0, offset=(0.0, 0.3)).tick(0.1)
    hips = swing.com + np.array([0.0, 2.0 * (swing.duration - 0.1), 0.0]) + swing.hips
    for leg in (1, 2):
        assert np.linalg.norm(swing.targets[leg] - hips[leg]) <= swing.leg_length + 1e-9
    assert np.linalg.norm(swing.targets[2] - hips[2]) == pytest.approx(swing.leg_length)


def test_standing_legs_are_left_alone():
    swing = Swing().tick(0.0).tick(DT)
    for leg in (0, 3):
        assert np.isnan(swing.targets[leg]).all() and np.isnan(swing.position[leg]).all()
        assert (swing.plane_state[leg] == 7.0).all()


def test_a_reference_starts_at_rest_where_the_foot_is():
    swing = Swing().tick(0.0, dt=1e-7)
    for leg in (1, 2):
        assert swing.position[leg] == pytest.approx(swing.feet[leg], abs=1e-9)
        assert swing.speed[leg] == pytest.approx(np.zeros(3), abs=1e-4)


def test_references_end_at_rest_just_below_their_target():
    swing = Swing(ground=(0.01, 0.02, 0.03))
    positions = []
    for tick in range(121):
        swing.tick(tick * DT)
        positions.append(swing.position[1].copy())
    goal = swing.targets[1] - [0.0, 0.0, swing.depth]
    assert positions[-1] == pytest.approx(goal, abs=1e-9)
    assert swing.speed[1] == pytest.approx(np.zeros(3), abs=1e-9)
    assert max(p[2] for p in positions) > swing.feet[1, 2] + 0.9 * swing.apex


def test_references_move_continuously_while_the_body_is_pushed():
    swing, positions, speeds = Swing(), [], []
    for tick in range(115):
        if tick == 50:
            swing.velocity = np.array([0.2, 0.8, 0.0])
        swing.tick(tick * DT)
        positions.append(swing.position[2, :2].copy())
        speeds.append(swing.speed[2, :2].copy())
    steps = np.diff(positions, axis=0)
    mean = 0.5 * (np.array(speeds[1:]) + np.array(speeds[:-1])) * DT
    assert steps == pytest.approx(mean, abs=1e-4)
    assert np.abs(np.diff(speeds, axis=0)).max() < 0.25
