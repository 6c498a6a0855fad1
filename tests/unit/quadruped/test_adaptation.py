import numpy as np
import pytest

from controllers.quadruped.adaptation import Adaptation
from controllers.residual.learner import LearnerInputs
from controllers.rotations import matrix_from_rpy

MASS, INERTIA = 15.0, np.array([[0.12, 0.004, -0.01], [0.004, 0.35, 0.002], [-0.01, 0.002, 0.4]])
FEET = np.array([[0.19, 0.14, -0.3], [0.19, -0.14, -0.3], [-0.19, 0.14, -0.3], [-0.19, -0.14, -0.3]])
DT = 0.002


class Recorder:
    """A learner that only remembers what it was told."""

    def __init__(self):
        self.seen, self.resets = [], 0

    def predict(self, inputs):
        return np.zeros((len(inputs.state), 6))

    def update(self, measurement):
        self.seen.append(measurement)

    def reset(self):
        self.resets += 1


class Body:
    """A rigid body, true mass and inertia its own, carried by four feet."""

    def __init__(self, mass=MASS, inertia=INERTIA, rpy=(0.1, -0.05, 0.8), wrench=(0.0,) * 6):
        self.recorder = Recorder()
        self.adaptation = Adaptation(self.recorder, MASS, INERTIA)
        self.mass, self.wrench = mass, np.array(wrench, dtype=float)
        self.yaw, self.rotation = rpy[2], matrix_from_rpy(*rpy)
        self.inertia = self.rotation @ inertia @ self.rotation.T
        self.velocity, self.spin = np.array([0.5, -0.1, 0.05]), np.zeros(3)
        self.levers = FEET @ self.rotation.T
        self.carrying = np.ones(4)

    def inputs(self, tag=0.0):
        return LearnerInputs(np.full((1, 9), tag), np.zeros((1, 6)), np.ones((1, 4)), np.zeros(1))

    def open(self, tag=0.0):
        self.adaptation.update(self.rotation, self.yaw, self.velocity, self.spin, self.inputs(tag))
        return self

    close = open

    def tick(self, forces, changed=False, valid=True, dt=DT):
        """Let the true body move for a tick under the forces of the feet that carry."""
        acting = forces * self.carrying[:, None]
        force = acting.sum(axis=0) + self.wrench[:3]
        moment = np.cross(self.levers, acting).sum(axis=0) + self.wrench[3:]
        self.velocity = self.velocity + dt * (force / self.mass - [0.0, 0.0, 9.81])
        gyroscopic = np.cross(self.spin, self.inertia @ self.spin)
        self.spin = self.spin + dt * np.linalg.solve(self.inertia, moment - gyroscopic)
        self.adaptation.accumulate(forces, self.levers, self.carrying, dt, changed, valid)
        return self

    @property
    def heading(self):
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def forces(seed=0, total=MASS * 9.81):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, 3)) * [5.0, 5.0, 10.0] + [0.0, 0.0, total / 4.0]


def test_a_body_as_heavy_as_its_model_has_no_residual():
    body = Body().open()
    for seed in range(5):
        body.tick(forces(seed))
    body.close()
    # The gyroscopic moment is taken at the end of the interval, which costs some hundredths.
    assert body.recorder.seen[0].residual_wrench() == pytest.approx(np.zeros(6), abs=2e-2)


@pytest.mark.parametrize("extra", [-2.0, 4.0, 8.0])
def test_a_heavier_body_misses_the_force_that_its_model_cannot_explain(extra):
    body = Body(mass=MASS + extra).open()
    mean = np.zeros(3)
    for seed in range(5):
        f = forces(seed, total=(MASS + extra) * 9.81)
        mean += f.sum(axis=0) / 5.0
        body.tick(f)
    body.close()
    # m (F / m_true - g) - m (F / m - g) = F (m / m_true - 1)
    expected = body.heading @ mean * (MASS / (MASS + extra) - 1.0)
    assert body.recorder.seen[0].residual_wrench()[:3] == pytest.approx(expected, abs=1e-9)


def test_a_payload_at_rest_is_seen_as_its_weight():
    body = Body(mass=MASS + 8.0)
    body.velocity[:] = 0.0
    body.open()
    carried = np.zeros((4, 3))
    carried[:, 2] = (MASS + 8.0) * 9.81 / 4.0
    body.tick(carried).close()
    assert body.recorder.seen[0].residual_wrench()[:3] == pytest.approx([0.0, 0.0, -8.0 * 9.81], abs=1e-9)


def test_an_external_wrench_is_seen_in_the_heading_frame():
    wrench = np.array([12.0, -7.0, 20.0, 1.5, -2.5, 0.8])
    body = Body(wrench=wrench).open()
    body.tick(forces()).close()
    expected = np.concatenate((body.heading @ wrench[:3], body.heading @ wrench[3:]))
    assert body.recorder.seen[0].residual_wrench() == pytest.approx(expected, abs=5e-3)


def test_a_wrong_inertia_is_seen_as_the_moment_that_it_needs():
    body = Body(inertia=1.5 * INERTIA)
    body.open()
    pushing = np.zeros((4, 3))
    pushing[:, 2] = [45.0, 30.0, 40.0, 32.15]
    moment = np.cross(body.levers, pushing).sum(axis=0)
    body.tick(pushing, dt=1e-4).close()
    # I (1.5 I)⁻¹ τ - τ; the spin is still nearly zero, so nothing gyroscopic acts.
    expected = body.heading @ moment * (1.0 / 1.5 - 1.0)
    assert body.recorder.seen[0].residual_wrench()[3:] == pytest.approx(expected, abs=1e-4)


def test_a_spinning_body_needs_no_moment_to_precess():
    body = Body()
    body.spin = np.array([1.5, -2.0, 1.0])
    body.open()
    body.tick(forces(), dt=1e-4).close()
    assert body.recorder.seen[0].residual_wrench()[3:] == pytest.approx(np.zeros(3), abs=2e-3)
    assert np.abs(np.cross(body.spin, body.inertia @ body.spin)).max() > 0.1, "the spin must matter"


def test_feet_in_the_air_count_for_nothing():
    body = Body()
    body.carrying = np.array([1.0, 0.0, 0.0, 1.0])
    body.open()
    body.tick(forces(total=2.0 * MASS * 9.81)).close()
    assert body.recorder.seen[0].residual_wrench() == pytest.approx(np.zeros(6), abs=5e-3)


def test_a_measurement_carries_the_model_and_the_interval():
    body = Body().open(tag=1.0)
    for seed in range(5):
        body.tick(forces(seed))
    body.close(tag=2.0)
    seen = body.recorder.seen[0]
    assert (seen.mass, seen.dt) == (MASS, pytest.approx(5 * DT))
    tilted = matrix_from_rpy(0.1, -0.05, 0.0)
    assert seen.inertia == pytest.approx(tilted @ INERTIA @ tilted.T, abs=1e-9)
    assert seen.velocity[:3] == pytest.approx(body.heading @ body.velocity)
    assert seen.velocity[3:] == pytest.approx(body.heading @ body.spin)
    assert (seen.inputs.state == 1.0).all(), "the inputs are those at the start of the interval"
    assert seen.valid and not seen.contacts_changed


def test_nothing_is_learned_before_an_interval_is_complete():
    body = Body().open()
    body.close()
    assert body.recorder.seen == []
    body.tick(forces()).close()
    assert len(body.recorder.seen) == 1


def test_intervals_do_not_leak_into_each_other():
    body = Body(wrench=[10.0, 0, 0, 0, 0, 0], rpy=(0.0, 0.0, 0.0)).open()
    body.tick(forces(0), changed=True, valid=False).close()
    body.wrench[0] = -10.0
    body.tick(forces(1)).close()
    first, second = body.recorder.seen
    assert first.residual_wrench()[0] == pytest.approx(10.0, abs=1e-6)
    assert second.residual_wrench()[0] == pytest.approx(-10.0, abs=1e-6)
    assert first.contacts_changed and not first.valid
    assert not second.contacts_changed and second.valid


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_one_bad_tick_marks_the_whole_interval(order):
    body = Body().open()
    for bad in order:
        body.tick(forces(), changed=bad, valid=not bad)
    body.close()
    assert body.recorder.seen[0].contacts_changed and not body.recorder.seen[0].valid


def test_an_interruption_forgets_the_open_interval_but_not_the_learner():
    body = Body().open()
    body.tick(forces(), changed=True, valid=False)
    body.adaptation.interrupt()
    body.velocity += 5.0
    body.open()
    assert body.recorder.seen == [] and body.recorder.resets == 0
    body.tick(forces()).close()
    assert body.recorder.seen[0].residual_wrench() == pytest.approx(np.zeros(6), abs=5e-3)
    assert body.recorder.seen[0].valid and not body.recorder.seen[0].contacts_changed


def test_a_reset_resets_the_learner_and_drops_the_open_interval():
    body = Body().open()
    body.tick(forces())
    body.adaptation.reset()
    assert body.recorder.resets == 1
    body.close()
    assert body.recorder.seen == []


class Unsure(Recorder):
    """A recorder that is as uncertain as the tag of the inputs says."""

    def standard_deviation(self, inputs):
        return inputs.state[:, :1] * np.arange(1.0, 7.0)


def test_the_uncertainty_is_that_at_the_newest_update():
    body = Body()
    body.adaptation.learner = Unsure()
    assert np.isnan(body.adaptation.standard_deviation()).all()
    body.open(tag=2.0).open(tag=3.0)
    assert body.adaptation.standard_deviation() == pytest.approx([3.0, 6.0, 9.0, 12.0, 15.0, 18.0])


def test_a_learner_without_uncertainty_has_none():
    assert np.isnan(Body().open().adaptation.standard_deviation()).all()
