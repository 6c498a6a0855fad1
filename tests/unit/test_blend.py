import pytest

from controllers.blend import quintic_blend


def test_it_starts_and_ends_at_rest_without_acceleration():
    step = 1e-4
    for end, inward in ((0.0, step), (1.0, -step)):
        assert quintic_blend(end) == (end, 0.0)
        # A curve that is flat to the second order leaves its end with the third power of the time.
        assert quintic_blend(end + inward)[0] - end == pytest.approx(0.0, abs=11.0 * step**3)


def test_the_rate_is_the_derivative():
    for share in (0.1, 0.37, 0.5, 0.92):
        slope = (quintic_blend(share + 1e-6)[0] - quintic_blend(share - 1e-6)[0]) / 2e-6
        assert quintic_blend(share)[1] == pytest.approx(slope, rel=1e-8)


def test_beyond_its_ends_it_stays():
    assert quintic_blend(-0.3) == (0.0, 0.0) and quintic_blend(1.7) == (1.0, 0.0)
