from types import SimpleNamespace

import numpy as np

from evaluation.replay.observers import SAMPLES, Trail


def moment(k, true=None):
    estimate = SimpleNamespace(time=0.002 * k, velocity_body=np.array((0.1, 0.0, 0.0)))
    truth = None if true is None else SimpleNamespace(velocity_body=np.array((true, 0.0, 0.0)))
    wrench = None if true is None else ("odom", np.array((0.0, 0.0, -true, 0.0, 0.0, 0.0)))
    return SimpleNamespace(estimate=estimate, tick=SimpleNamespace(truth=truth, true_wrench=wrench), candidates=())


def test_a_truth_that_is_recorded_between_samples_holds_until_the_next():
    trail = Trail(["none"], every=5)
    for k in range(20):
        trail.watch(moment(k, float(k) if k % 5 == 0 else None))
    values = trail.values()
    np.testing.assert_allclose(values["time"], [0.008, 0.018, 0.028, 0.038])
    np.testing.assert_array_equal(values["true_speed"], [0.0, 5.0, 10.0, 15.0])
    np.testing.assert_array_equal(values["true_force"], [0.0, -5.0, -10.0, -15.0])
    assert np.isnan(values["force none"]).all()


def test_samples_stay_few_and_even_however_long_the_bag_is():
    trail = Trail([], every=1)
    for k in range(5 * SAMPLES):
        trail.watch(moment(k))
    time = trail.values()["time"]
    assert SAMPLES // 2 <= len(time) <= SAMPLES
    np.testing.assert_allclose(np.diff(time), time[1] - time[0])
