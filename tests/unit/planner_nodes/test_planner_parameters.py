import shutil

import pytest

pytest.importorskip("rclpy")

from controllers.errors import MissingModel, UnknownName
from policies.video.commitment import CommitmentConfig
from pronk_node_kit.parameters import ParameterError
from pronk_planner.planner_backends import PlannerChoice, make_planner
from pronk_planner.planner_parameters import PlannerParameters


def test_settings_reach_the_core():
    config = PlannerParameters(frames=3, max_step_m=0.02, image_slack_s=0.0, stalled_m=0.1, stalled_frames=5).config()
    assert (config.max_step, config.slack) == (0.02, 0.0)
    assert config.commitment == CommitmentConfig(3, 0.1, 5)


def test_a_perfect_planner_is_followed_for_as_long_as_it_expects():
    config = PlannerParameters(planner="perfect", task="push", frames=2, stalled_m=0.1).config()
    assert config.commitment.stalled_m == 0.0


def test_a_perfect_planner_needs_a_task():
    with pytest.raises(ParameterError, match="'perfect', which needs the parameter 'task' too, got ''"):
        PlannerParameters(planner="perfect")


def test_an_unknown_planner_is_refused_with_those_that_there_are():
    with pytest.raises(UnknownName, match="unknown planner 'psychic'; available: learned, perfect, straight"):
        make_planner(PlannerChoice("psychic", "arena", "", 0, 2))


def test_a_learned_planner_is_made_of_the_method_that_is_asked_for():
    pytest.importorskip("torch")
    with pytest.raises(UnknownName, match=r"unknown method of the planner 'guess'; available: .*unit_sum"):
        make_planner(PlannerChoice("learned", "manipulation", "", 0, 2, "guess"))


def test_missing_weights_are_named_with_the_command_that_makes_them(tmp_path):
    pytest.importorskip("torch")
    parameters = PlannerParameters(world="arena", weights=str(tmp_path))
    with pytest.raises(MissingModel, match=rf"{tmp_path}/planner_arena_video_in_domain.*pronk train video --data"):
        make_planner(parameters.choice())


def test_models_of_another_folder_take_the_place_of_the_shipped_ones(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from policies.video.shipped import CLONED, CLONING, weights_of

    monkeypatch.setattr("pronk_planner.planner_backends.rehearse", lambda planner: None)
    shutil.copy(weights_of(CLONING), tmp_path)
    assert make_planner(PlannerParameters(method=CLONED, weights=str(tmp_path)).choice()) is not None
    with pytest.raises(MissingModel, match=f"{tmp_path}/planner_manipulation_video_in_domain"):
        make_planner(PlannerParameters(weights=str(tmp_path)).choice())


def test_models_for_a_planner_that_has_none_are_refused():
    with pytest.raises(ParameterError, match="parameter 'weights' needs the planner 'learned', got 'straight'"):
        PlannerParameters(planner="straight", weights="/models")


def test_an_open_video_model_takes_the_place_of_the_shipped_ones(monkeypatch):
    pytest.importorskip("torch")
    from policies.video import shipped

    asked = []
    monkeypatch.setattr(shipped.OpenVideo, "load", lambda folder: asked.append(folder))
    monkeypatch.setattr(shipped, "VideoPlanner", lambda video, inverse: None)
    monkeypatch.setattr("pronk_planner.planner_backends.rehearse", lambda planner: None)
    for parameters in (PlannerParameters(pipeline="/models/wan"), PlannerParameters(pipeline="/m", method="open")):
        make_planner(parameters.choice())
    assert [str(folder) for folder in asked] == ["/models/wan", "/m"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"method": "open"}, "'method' is 'open', which needs the parameter 'pipeline' too, got ''"),
        (
            {"pipeline": "/m", "method": "prior"},
            "needs the planner 'learned' and the method 'open' or none, got 'learned' and 'prior'",
        ),
        ({"pipeline": "/m", "planner": "straight"}, "got 'straight' and ''"),
    ],
)
def test_settings_of_an_open_video_model_that_do_not_go_together_are_refused(given, reason):
    with pytest.raises(ParameterError, match=reason):
        PlannerParameters(**given)


def test_a_folder_without_an_open_video_model_is_named():
    pytest.importorskip("torch")
    with pytest.raises(MissingModel, match="there is no pipeline of a video model in '/nowhere'"):
        make_planner(PlannerParameters(pipeline="/nowhere").choice())
