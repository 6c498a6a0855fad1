import numpy as np
import pytest

pytest.importorskip("rclpy")

from controllers.errors import InvalidValue
from controllers.safety.reading import Observation, Reading, Wish
from controllers.safety.run_time_filter import RunTimeConfig, RunTimeFilter
from policies.checkpoints import save_arrays
from policies.navigation.network import NetworkConfig, initial
from pronk_navigation.filter_parameters import FilterParameters


def test_the_defaults_of_node_and_core_are_the_same():
    assert FilterParameters().filter() == RunTimeConfig()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"discs": (1.0, 2.0)}, "parameter 'discs' must hold 3 numbers for each obstacle, got 2"),
        ({"walls": (1.0,) * 4}, "parameter 'walls' must hold 5 numbers for each obstacle, got 4"),
        (
            {"neighbours": ("/b",), "origins": (0.0,) * 3},
            "parameter 'origins' must hold 3 numbers for each robot and neighbour, 6, got 3",
        ),
        ({"lost_s": 0.2}, "parameter 'lost_s' must not be below stale_s = 0.3, got 0.2"),
        ({"robots": ("a", "a")}, r"parameter 'robots' must not name a robot twice, got \['a', 'a'\]"),
        ({"discs": (0.0, 0.0, -1.0)}, "radius"),
    ],
)
def test_lists_that_do_not_fit_are_refused(values, message):
    with pytest.raises(InvalidValue, match=message):
        FilterParameters(**values)


def test_obstacles_and_origins_are_read_in_groups():
    parameters = FilterParameters(
        robots=("a", "b"),
        origins=(1.0, 2.0, 0.5, 3.0, 4.0, -0.5),
        discs=(0.0, 1.0, 0.2),
        walls=(0.0, 0.0, 1.0, 0.0, 0.1, 2.0, 2.0, 2.0, 3.0, 0.2),
    )
    origin = parameters.origin(1)
    assert (origin.x, origin.y, origin.yaw) == (3.0, 4.0, -0.5)
    obstacles = parameters.obstacles()
    np.testing.assert_array_equal(obstacles.count, [[1, 2, 2]])
    np.testing.assert_allclose(obstacles.radius, [[0.2, 0.1, 0.2]])


def test_the_network_takes_weights_of_ones_own(tmp_path):
    file = tmp_path / "mine.safetensors"
    parameters = initial(NetworkConfig(), 3)
    save_arrays(file, parameters)
    schedule = FilterParameters(schedule="network", weights=str(file)).gain_schedule()
    assert np.array_equal(schedule.network.layers[0][0], parameters["message.weight"].T)
    with pytest.raises(InvalidValue, match=r"nothing\.safetensors"):
        FilterParameters(schedule="network", weights=str(tmp_path / "nothing.safetensors")).gain_schedule()


def test_one_shared_frame_needs_no_origins():
    assert FilterParameters(robots=("a",)).origin(0) is None


@pytest.mark.parametrize("schedule", ["fixed", "liveness", "network"])
def test_every_schedule_drives_a_robot_past_another(schedule):
    parameters = FilterParameters(schedule=schedule)
    pilot = RunTimeFilter("a", parameters.gain_schedule(), parameters.filter(), parameters.obstacles())
    still = np.zeros(2)
    others = {"b": Reading(5.0, np.array([1.5, 0.6]), 0.0, still)}
    wish = Wish(5.0, np.array([0.5, 0.0]))
    command, info = pilot.step(Observation(5.0, Reading(5.0, still, 0.0, still), others, wish, np.array([4.0, 0.0])))
    assert info.mode == "filtered" and info.clamped == pilot.schedule_failures == 0
    assert np.linalg.norm(command.velocity) > 0.05
