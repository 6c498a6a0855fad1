import mujoco
import numpy as np
import pytest
from simulated_robot import ideal_robot, impedance

from controllers.errors import InvalidValue
from sim.terrain import Flat, Rough, Slope

TERRAINS = (Flat(), Slope(12.0), Slope(-8.0), Slope(10.0, "y"), Rough(0.08, 0.5, 3))


def measured_height(backend, x, y):
    """Height of the ground by a ray from above, robot moved out of the way."""
    geom = np.zeros(1, dtype=np.int32)
    start = np.array([x, y, 5.0])
    group = np.array([1, 0, 0, 0, 0, 0], dtype=np.uint8)
    distance = mujoco.mj_ray(backend.model, backend.data, start, np.array([0.0, 0.0, -1.0]), group, 1, -1, geom, None)
    assert backend.model.geom(int(geom[0])).name.startswith("floor")
    return 5.0 - distance


@pytest.mark.parametrize("terrain", TERRAINS, ids=str)
def test_the_height_function_agrees_with_the_geometry(terrain):
    backend = ideal_robot(terrain=terrain)
    backend.set_state(np.array([-50.0, 0, 1.0]), np.array([1.0, 0, 0, 0]), backend.description.standing_position)
    rng = np.random.default_rng(0)
    for x, y in zip(rng.uniform(-0.9, 8.0, 60), rng.uniform(-2.0, 2.0, 60), strict=True):
        assert terrain.height(x, y) == pytest.approx(measured_height(backend, x, y), abs=1e-4)


@pytest.mark.parametrize("terrain", TERRAINS, ids=str)
def test_the_robot_starts_on_a_flat_spot_at_height_zero(terrain):
    heights = [terrain.height(x, y) for x in np.linspace(-0.4, 0.4, 9) for y in np.linspace(-0.3, 0.3, 7)]
    assert np.abs(heights).max() < 1e-3
    backend = ideal_robot(terrain=terrain)
    backend.write(impedance(backend))
    for _ in range(100):
        backend.advance()
    truth = backend.ground_truth()
    assert truth.foot_force_world[:, 2].min() > 5.0
    assert abs(truth.roll) < 0.05


@pytest.mark.parametrize("angle", [15.0, -10.0])
def test_a_slope_has_its_angle(angle):
    slope = Slope(angle)
    rise = slope.height(4.0, 0.0) - slope.height(2.0, 0.0)
    assert np.degrees(np.arctan2(rise, 2.0)) == pytest.approx(angle)
    across = Slope(angle, "y")
    rise = across.height(5.0, 0.5) - across.height(5.0, -0.5)
    assert np.degrees(np.arctan2(rise, 1.0)) == pytest.approx(angle, abs=1e-6)


def test_the_ground_pushes_along_the_normal_of_a_slope():
    backend = ideal_robot(terrain=Slope(15.0))
    angle = np.radians(15.0)
    pitch = np.array([np.cos(0.5 * angle), 0.0, -np.sin(0.5 * angle), 0.0])
    up = np.array([-np.sin(angle), 0.0, np.cos(angle)])
    height = backend.description.standing_height
    position = np.array([3.0, 0.0, backend.terrain.height(3.0, 0.0)]) + height * up
    backend.set_state(position, pitch, backend.description.standing_position)
    backend.write(impedance(backend, 150.0, 4.0))
    for _ in range(400):
        backend.advance()
    truth = backend.ground_truth()
    weight = 9.81 * backend.model.body_subtreemass[1]
    assert truth.foot_force_world.sum(axis=0) == pytest.approx([0.0, 0.0, weight], abs=0.03 * weight)
    assert truth.pitch == pytest.approx(-angle, abs=0.06)
    assert backend.read().foot_force.sum() == pytest.approx(weight * np.cos(angle), rel=0.05)


def test_bumps_have_their_height_and_repeat_by_seed():
    rough = Rough(0.08, 0.5, 3)
    heights = rough._field.heights
    assert heights.max() - heights.min() == pytest.approx(0.08)
    assert np.array_equal(Rough(0.08, 0.5, 3)._field.heights, heights)
    assert not np.array_equal(Rough(0.08, 0.5, 4)._field.heights, heights)


@pytest.mark.parametrize("wavelength", [0.4, 1.0])
def test_bumps_have_their_wavelength(wavelength):
    heights = Rough(0.08, wavelength, 1)._field.heights[:, 100:]
    # A random isotropic field of wavelength L crosses zero about sqrt(2) / L times per metre along a line.
    crossings = np.mean(np.diff(np.sign(heights), axis=1) != 0) / 0.04
    assert crossings == pytest.approx(np.sqrt(2.0) / wavelength, rel=0.3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slope(50.0), r"angle_deg must lie in \[-35, 35\], got 50.0"),
        (lambda: Slope(5.0, "z"), "direction must be 'x' or 'y', got 'z'"),
        (lambda: Rough(peak_to_peak_m=0.0), r"peak_to_peak_m must lie in \(0, 0.5\], got 0.0"),
        (lambda: Rough(wavelength_m=0.01), "wavelength_m must be >= 0.16, got 0.01"),
    ],
)
def test_impossible_ground_is_refused(make, message):
    with pytest.raises(InvalidValue, match=message):
        make()
