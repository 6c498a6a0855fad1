import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.robot.interface import LocomotionCommand
from sim.disturbances import Payload
from sim.scenarios import SCENARIOS, Scenario, TimedCommand, get_scenario, randomised


def test_a_command_holds_until_the_next():
    scenario = get_scenario("go2_payload")
    gaits = [scenario.command(t).gait for t in (0.0, 0.29, 0.3, 2.49, 2.5, 18.9, 19.0, 19.99, 20.0, 99.0)]
    assert gaits == ["rest", "rest", "stand", "stand", "trot", "trot", "stand", "stand", "sit", "sit"]
    assert [scenario.command(t).velocity_x for t in (2.9, 3.0, 18.99, 19.0)] == [0.0, 0.5, 0.5, 0.0]


def test_before_its_first_command_a_robot_rests():
    scenario = Scenario("late", "go2", 5.0, (TimedCommand(1.0, LocomotionCommand(gait="trot")),))
    assert scenario.command(0.5).gait == "rest"


def test_the_payload_of_the_demo_comes_and_goes():
    (payload,) = get_scenario("go2_payload").disturbances
    assert payload == Payload(8.0, (-0.08, 0.04, 0.13), at_s=8.0, until_s=16.0)


def test_a_robot_is_upright_between_standing_up_and_sitting_down():
    scenario = get_scenario("go2_payload")
    assert [scenario.upright(t) for t in (0.1, 1.0, 2.4, 10.0, 19.9, 20.0, 22.0)] == [
        *[False, False, True, True, True],
        *[False, False],
    ]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_can_be_built_and_started(name):
    scenario = get_scenario(name, seed=4)
    assert scenario.name == name and scenario.seed == 4
    backend = scenario.backend()
    backend.advance()
    backend.read().validate()


def test_a_scenario_runs_on_another_robot():
    assert get_scenario("flat_walk", robot="aliengo").backend().description.name == "aliengo"


def test_the_seed_of_a_scenario_seeds_its_noise():
    first = get_scenario("flat_walk", seed=1).backend().read().joint_position
    same = get_scenario("flat_walk", seed=1).backend().read().joint_position
    other = get_scenario("flat_walk", seed=2).backend().read().joint_position
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_trials_differ_within_their_tolerances_and_repeat_by_seed():
    scenario = get_scenario("go2_payload")
    trials = [randomised(scenario, seed) for seed in range(40)]
    assert trials[3] == randomised(scenario, 3)
    masses = np.array([trial.mass_scale for trial in trials])
    assert 0.95 <= masses.min() < 0.97 and 1.03 < masses.max() <= 1.05
    onsets = np.array([trial.disturbances[0].at_s for trial in trials])
    assert 8.0 <= onsets.min() < 8.1 and 8.4 < onsets.max() <= 8.5
    for trial in trials:
        payload = trial.disturbances[0]
        assert payload.until_s - payload.at_s == pytest.approx(8.0)
        assert trial.commands[0].at_s == 0.0
        assert 0.3 <= trial.commands[1].at_s <= 0.8


def test_an_unknown_scenario_is_refused_with_those_that_exist():
    with pytest.raises(UnknownName, match="unknown scenario 'moon'; available: fast_walk, flat_walk, gaits"):
        get_scenario("moon")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration_s": 0.0}, "scenario 'bad': duration_s must be finite and > 0, got 0.0"),
        ({"commands": ()}, "scenario 'bad': commands must have increasing times >= 0, got no command"),
        (
            {"commands": (TimedCommand(2.0, LocomotionCommand()), TimedCommand(1.0, LocomotionCommand()))},
            r"scenario 'bad': commands must have increasing times >= 0, got \[2.0, 1.0\]",
        ),
        ({"initial_pose": "sit"}, "scenario 'bad': initial_pose must be one of lie, stand, got 'sit'"),
    ],
)
def test_an_impossible_scenario_is_refused(change, message):
    values = {
        "name": "bad",
        "robot": "go2",
        "duration_s": 1.0,
        "commands": (TimedCommand(0.0, LocomotionCommand()),),
        **change,
    }
    with pytest.raises(InvalidValue, match=message):
        Scenario(**values)
