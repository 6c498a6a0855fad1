from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy")
pytest.importorskip("torch")

from policies.rewards.reward_model import RewardModel
from policies.video.shipped import load_planner
from pronk_bringup.expansion import declared_arguments
from pronk_planner.judge_backends import make_judge
from pronk_planner.planner_backends import PlannerChoice, make_planner

FILE = Path(__file__).resolve().parents[3] / "launch" / "video_planner_sim.launch.yaml"


def default(name):
    return next(argument.default for argument in declared_arguments(FILE) if argument.name == name)


def test_the_launch_file_shows_the_shipped_judge_what_it_was_trained_to_see():
    views = tuple(yaml.safe_load(default("views")))
    assert default("judge") == "learned" and views == RewardModel.load().config.views
    assert make_judge("learned", views[::-1], 64).views == views[::-1]


def test_the_launch_file_s_planner_is_the_shipped_one():
    planner = make_planner(PlannerChoice(default("planner"), default("world"), "", 0, 2, default("method")))
    assert type(planner) is type(load_planner()) and planner.size == 64
