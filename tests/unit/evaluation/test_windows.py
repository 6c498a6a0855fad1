from dataclasses import replace

import pytest
from made_runs import loaded_scenario, short_scenario

from controllers.robot.interface import LocomotionCommand
from evaluation import windows
from sim.disturbances import Payload, push
from sim.scenarios import TimedCommand, get_scenario


def test_steady_walk_begins_two_seconds_after_the_last_walking_command():
    assert windows.steady(short_scenario()) == (5.0, 12.0)


def test_steady_walk_ends_where_the_robot_is_told_to_stand():
    assert windows.steady(get_scenario("go2_payload")) == (5.0, 19.0)


def test_a_run_without_walking_counts_as_a_whole():
    standing = replace(short_scenario(), commands=(TimedCommand(0.0, LocomotionCommand(gait="stand")),))
    assert windows.steady(standing) == (0.0, 12.0)


def test_loaded_window_is_the_last_five_seconds_of_the_payload():
    assert windows.loaded(get_scenario("go2_payload")) == (11.0, 16.0)


def test_a_short_load_is_measured_from_its_beginning():
    assert windows.loaded(loaded_scenario()) == (6.0, 9.0)


def test_a_payload_that_stays_is_measured_until_the_walk_ends():
    stays = replace(get_scenario("go2_payload"), disturbances=(Payload(5.0, at_s=8.0),))
    assert windows.loaded(stays) == (14.0, 19.0)


def test_without_a_load_the_steady_walk_counts():
    assert windows.loaded(short_scenario()) == windows.steady(short_scenario())
    assert windows.load(short_scenario()) is None


def test_a_payload_goes_before_an_earlier_push():
    both = replace(loaded_scenario(), disturbances=(push(5.0, (0.0, 9.0, 0.0)), *loaded_scenario().disturbances))
    assert windows.load(both) == (6.0, 9.0)


def test_before_and_after_leave_out_two_seconds_of_settling():
    scenario = get_scenario("go2_payload")
    assert windows.first_steady(scenario) == (5.0, 8.0)
    assert windows.last_steady(scenario) == (18.0, 19.0)


@pytest.mark.parametrize(("gait", "walking"), [("trot", True), ("crawl", True), ("stand", False), ("sit", False)])
def test_only_gaits_that_lift_feet_walk(gait, walking):
    assert windows.walks(gait) is walking
