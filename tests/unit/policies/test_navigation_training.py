import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from evaluation.navigation_rollout import run
from policies.checkpoints import fingerprint, load_arrays
from policies.navigation import evolution_training, training
from policies.navigation.curriculum import FIRST_SEED, training_scenes, validation_scenes
from policies.navigation.evolution import Evolution, EvolutionConfig, ranks
from policies.navigation.evolution_training import EvolutionTraining, EvolutionTrainingConfig
from policies.navigation.navigator import VARIANTS, Learned, make_navigator, weights_file
from policies.navigation.network import Network, NetworkConfig, config_of, initial
from policies.navigation.rollout import DETOUR, FAILED, LATE, LOST, measure
from policies.navigation.training import BEST, HISTORY, STATE
from sim.navigation_scenes import scene_maker

QUICK = EvolutionConfig(pairs=2)


@pytest.fixture
def small(monkeypatch):
    """Trainings whose scenes hold two robots."""
    make = scene_maker("random_2")
    monkeypatch.setattr(evolution_training, "training_scenes", lambda seed, generation: [make(FIRST_SEED + generation)])
    monkeypatch.setattr(training, "validation_scenes", lambda: [make(FIRST_SEED)])


def test_equal_costs_share_their_rank():
    assert ranks(np.array([3.0, 1.0, 3.0, 9.0])) == pytest.approx([0.0, -0.5, 0.0, 0.5])


def test_evolution_finds_the_bottom_of_a_bowl():
    bottom = np.array([0.5, -0.3, 0.2])
    search = Evolution(EvolutionConfig(), np.zeros(3), np.ones(3), 100, seed=1)
    for _ in range(100):
        search.tell(((search.ask() - bottom) ** 2).sum(axis=1))
    assert search.arrays["average"] == pytest.approx(bottom, abs=0.05)


def test_samples_are_mirrored_and_scaled():
    search = Evolution(QUICK, np.ones(2), np.array([1.0, 0.0]), 10, seed=1)
    asked = search.ask()
    assert asked[:2] + asked[2:] == pytest.approx(np.full((2, 2), 2.0))
    assert (asked[:, 1] == 1.0).all() and np.ptp(asked[:, 0]) > 0.0
    with pytest.raises(InvalidValue, match=r"costs must have shape \(4,\), got \(3,\)"):
        search.tell(np.zeros(3))


def test_no_scene_of_training_is_one_of_validation_or_holds_more_than_16_robots():
    trained, kept = training_scenes(0, 3), validation_scenes()
    assert max(scene.agents for scene in (*trained, *kept)) == 16
    starts = {scene.start.tobytes() for scene in kept}
    assert not any(scene.start.tobytes() in starts for scene in trained)
    assert not np.array_equal(trained[0].start, training_scenes(0, 4)[0].start)


def test_costs_are_what_the_evaluation_measures():
    scenes = [scene_maker("random_6")(seed) for seed in range(1000, 1006)]
    scenes[0] = replace(scenes[0], time_limit_s=3.0)
    navigator = Learned(Network(initial(NetworkConfig())))
    costs = measure(scenes, navigator)
    for i, outcome in enumerate(run(scenes, navigator)):
        found = outcome.metrics()
        assert costs.success[i] == (found["success"] == 1.0) and costs.spl[i] == pytest.approx(found["spl"])
        good = ~np.isnan(outcome.arrival)
        late = np.where(good, outcome.arrival - scenes[i].shortest / scenes[i].speed, LATE).clip(max=LATE)
        expected = late.mean() + LOST * (1.0 - good.mean()) + FAILED * (1.0 - good.all()) + DETOUR * (1 - found["spl"])
        assert costs.cost[i] == pytest.approx(expected)
        assert costs.robots[i].mean() == pytest.approx(expected)
        # Who has not arrived is not the only one who pays: the scene has failed for all.
        assert (costs.robots[i] >= FAILED * (1.0 - good.all()) + LOST * ~good).all()
    assert not costs.success[0] and costs.success[1:].all()


def test_members_in_one_world_cost_as_much_as_alone(small, tmp_path):
    one = EvolutionTraining(EvolutionTrainingConfig(evolution=QUICK), tmp_path)
    asked = one.search.ask()
    together = one.measure(asked, 2)
    alone = [one.measure(vector[None], 2) for vector in asked]
    assert together.cost == pytest.approx([costs.cost[0] for costs in alone])
    assert together.agent_steps == sum(costs.agent_steps for costs in alone)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(small, tmp_path, variant):
    config = EvolutionTrainingConfig(variant, budget=3, every=1, evolution=QUICK)
    whole = [progress.cost for progress in EvolutionTraining(config, tmp_path / "whole").run()]
    first = EvolutionTraining(config, tmp_path / "parts").run()
    parts = [next(first).cost, next(first).cost]
    parts += [progress.cost for progress in EvolutionTraining(config, tmp_path / "parts").run()]
    assert parts == pytest.approx(whole, nan_ok=True) and len(parts) == 4
    arrays = [load_arrays(tmp_path / name / STATE)[0] for name in ("whole", "parts")]
    assert all(np.array_equal(arrays[0][key], arrays[1][key]) for key in arrays[0])
    assert len((tmp_path / "parts" / HISTORY).read_text().splitlines()) == 4


def test_kept_weights_tell_how_they_were_made_and_can_be_used(small, tmp_path):
    config = EvolutionTrainingConfig(budget=1, seed=4, evolution=QUICK)
    list(EvolutionTraining(config, tmp_path).run())
    arrays, texts = load_arrays(tmp_path / BEST)
    assert texts["command"] == "pronk train navigation --variant pronk --budget 1 --seed 4"
    assert config_of(arrays) == NetworkConfig()
    scenes = [scene_maker("random_4")(1000)]
    assert run(scenes, make_navigator("pronk", tmp_path / BEST))[0].metrics()["collision"] == 0.0


def test_a_folder_with_another_training_is_refused(small, tmp_path):
    list(EvolutionTraining(EvolutionTrainingConfig(budget=1, evolution=QUICK), tmp_path).run())
    with pytest.raises(InvalidValue, match="holds a training with other settings"):
        EvolutionTraining(EvolutionTrainingConfig(budget=2, evolution=QUICK), tmp_path)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(UnknownName, match="unknown variant of the navigation policy 'x'; available: paper, pronk"):
        EvolutionTrainingConfig("x")
    with pytest.raises(InvalidValue, match=r"EvolutionTrainingConfig\.every must be at least 1, got 0"):
        EvolutionTrainingConfig(every=0)
    with pytest.raises(InvalidValue, match=r"EvolutionConfig\.noise must be positive and finite, got 0"):
        EvolutionConfig(noise=0.0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_shipped_weights_name_the_command_that_made_them(variant):
    arrays, texts = load_arrays(weights_file(variant))
    assert texts["command"].startswith(f"pronk train navigation --variant {variant} --budget ")
    # With the settings of today the command does the same as it did then.
    made = json.loads(texts["settings"])
    config = EvolutionTrainingConfig(variant, made["budget"], made["seed"])
    assert made == {"command": config.command, **asdict(config)} and texts["fingerprint"] == fingerprint(arrays)
    found = json.loads(texts["validation"])
    # Trained weights are shipped only where they cost less than none.
    assert (texts["trained"] == "yes") == (found["cost_s"] < found["untrained_cost_s"])
    answers = [name for name in arrays if name.startswith(("edge.", "node.", "share."))]
    assert any(arrays[name].any() for name in answers) == (texts["trained"] == "yes")


@pytest.mark.parametrize("variant", VARIANTS)
def test_shipped_policies_move_more_robots_than_they_were_trained_with(variant):
    outcome = run([scene_maker("random_24")(1)], make_navigator(variant))[0].metrics()
    assert outcome["agent_success"] > {"pronk": 0.9, "paper": 0.25}[variant]
    if variant == "pronk":
        assert outcome["collision"] == 0.0 and outcome["infeasible_count"] == 0.0


def test_an_unknown_variant_is_refused():
    with pytest.raises(UnknownName, match="unknown variant of the navigation policy 'x'; available: paper, pronk"):
        make_navigator("x")
