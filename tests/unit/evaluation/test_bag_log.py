import numpy as np
import pytest
from made_bags import write_bag
from made_runs import loaded_scenario, short_scenario

from controllers.errors import InvalidValue
from evaluation.bag_log import ODOM, Series, read_bag
from evaluation.recorded import find_fall, recorded_values, turn

FORCE_WORLD = (10.0, 0.0, -80.0, 0.0, 6.0, 1.0)


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bags") / "run"
    return write_bag(folder, loaded_scenario(), yaw=np.pi / 2, namespace="/go2", true_world=FORCE_WORLD)


@pytest.fixture(scope="module")
def values(bag):
    return recorded_values(read_bag(bag), loaded_scenario())


def test_topics_are_found_below_a_namespace(bag):
    log = read_bag(bag)
    assert log.complete
    assert log.counts[ODOM] == log.counts["joint_states"] == 1200


def test_time_is_that_of_the_stamps(values):
    np.testing.assert_allclose(values["time"], np.arange(0.0, 12.0, 0.01), atol=1e-9)


def test_joints_are_read_by_name_whatever_their_order(values):
    np.testing.assert_allclose(values["joint_position"][0], 0.01 * np.arange(12))


def test_a_true_wrench_in_world_axes_is_turned_into_the_heading_frame(values):
    # The robot looks along the world's y axis: what pushes along x comes from its left and pushes to its right.
    np.testing.assert_allclose(values["true_wrench"][500], [0.0, -10.0, -80.0, 6.0, 0.0, 1.0], atol=1e-9)


def test_velocity_stays_in_the_base_frame(values):
    assert values["velocity_body"][800, 0] == pytest.approx(0.5)
    assert values["yaw"][800] == pytest.approx(np.pi / 2)


def test_the_mass_of_the_payload_comes_and_goes(values):
    assert (values["payload_mass"][599], values["payload_mass"][601], values["payload_mass"][901]) == (0.0, 8.0, 0.0)


def test_a_bag_whose_recorder_was_killed_gives_what_it_holds(tmp_path):
    folder = write_bag(tmp_path / "killed", short_scenario())
    file = next(folder.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[: int(0.6 * file.stat().st_size)])
    (folder / "metadata.yaml").unlink()
    log = read_bag(folder)
    assert not log.complete
    assert 0 < log.counts[ODOM] < 1200


def test_a_folder_without_a_bag_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match="is no bag: there is no MCAP file"):
        read_bag(tmp_path)
    with pytest.raises(InvalidValue, match="is no bag"):
        read_bag(tmp_path / "missing")


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "notes.mcap"
    path.write_text("these are notes, not messages")
    with pytest.raises(InvalidValue, match="has no messages on ground_truth/odom; it has: nothing"):
        read_bag(path)


def test_no_fall_is_found_in_a_walk(values):
    assert find_fall(values, loaded_scenario()) is None


def test_a_trunk_on_the_ground_is_a_fall(values):
    low = {**values, "height": np.where(values["time"] >= 7.0, 0.1, values["height"])}
    assert find_fall(low, loaded_scenario()) == pytest.approx(7.0)


def test_a_tilt_beyond_one_radian_is_a_fall(values):
    tilted = {**values, "roll": np.where(values["time"] >= 8.0, 1.1, 0.0)}
    assert find_fall(tilted, loaded_scenario()) == pytest.approx(8.0)


def test_the_word_of_the_simulator_is_believed(values):
    told = {**values, "reported_fallen": (values["time"] >= 9.0).astype(float)}
    assert find_fall(told, loaded_scenario()) == pytest.approx(9.0)


def test_lying_before_standing_up_is_no_fall(values):
    early = {**values, "height": np.where(values["time"] < 1.5, 0.1, values["height"])}
    assert find_fall(early, loaded_scenario()) is None


def test_a_sample_holds_until_the_next_but_not_longer_than_asked():
    series = Series(np.array([1.0, 2.0]), {"x": np.array([10.0, 20.0])})
    np.testing.assert_array_equal(series.at("x", np.array([0.5, 1.0, 1.9, 2.5])), [np.nan, 10.0, 10.0, 20.0])
    np.testing.assert_array_equal(series.at("x", np.array([1.9, 2.05]), most_age_s=0.5), [np.nan, 20.0])


def test_values_that_were_never_reported_are_not_numbers():
    assert np.isnan(Series(np.array([1.0]), {}).at("x", np.array([2.0]))).all()


def test_a_quarter_turn_takes_x_to_y():
    np.testing.assert_allclose(turn(np.array([[1.0, 0.0, 3.0]]), np.array([np.pi / 2])), [[0.0, 1.0, 3.0]], atol=1e-12)


def test_a_load_is_read_where_it_was_recorded(tmp_path):
    told = (1.0, 2.0, -30.0, 0.1, 0.2, 0.3)
    bag = write_bag(tmp_path / "bag", loaded_scenario(), end=3.0, load=told)
    assert recorded_values(read_bag(bag), loaded_scenario())["load"][-1] == pytest.approx(told)
    old = write_bag(tmp_path / "old", loaded_scenario(), end=3.0)
    assert "load" not in recorded_values(read_bag(old), loaded_scenario())
