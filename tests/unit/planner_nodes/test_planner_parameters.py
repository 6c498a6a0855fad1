import pytest

pytest.importorskip("rclpy")

from controllers.errors import UnknownName
from pronk_node_kit.parameters import ParameterError
from pronk_planner.planner_backends import PlannerChoice, make_planner
from pronk_planner.planner_parameters import PlannerParameters


def test_settings_reach_the_core():
    config = PlannerParameters(frames=3, max_step_m=0.02, image_slack_s=0.0).config()
    assert (config.frames, config.max_step, config.slack) == (3, 0.02, 0.0)


def test_a_perfect_planner_needs_a_task():
    with pytest.raises(ParameterError, match="'perfect', which needs the parameter 'task' too, got ''"):
        PlannerParameters(planner="perfect")


def test_an_unknown_planner_is_refused_with_those_that_there_are():
    with pytest.raises(UnknownName, match="unknown planner 'psychic'; available: learned, perfect, straight"):
        make_planner(PlannerChoice("psychic", "arena", "", 0, 2))
