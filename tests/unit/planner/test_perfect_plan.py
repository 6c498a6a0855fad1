import io
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from controllers.errors import InvalidValue, UnknownName
from evaluation.inverse_gate import gate
from policies.video.perfect_plan import ALL, EXPERT, MODES, TRUE, follow, plan_perfectly
from sim.coloured_arena import ArenaWorld
from sim.image_world import WorldConfig
from sim.manipulation import ManipulationWorld
from sim.offscreen import NoRenderer

BLIND = WorldConfig(cameras=(), horizon=60)


def arena(seed=1000):
    world = ArenaWorld("red-box", BLIND)
    return world, world.reset(seed=seed)[0]


def test_a_plan_shows_the_future_of_the_expert_and_leaves_the_world_where_it_was():
    world, observation = arena()
    position = observation["pose"][:2].astype(float)
    plan = plan_perfectly(world, position, 4)
    assert np.array_equal(world.render(), plan.before)
    for _ in range(4):
        observation, *_ = world.step(world.expert())
    assert plan.displacement == pytest.approx(observation["pose"][:2] - position, abs=1e-6)
    assert np.array_equal(world.render(), plan.after) and plan.steps == 4


def test_a_plan_ends_with_success():
    world, _ = arena()
    world._robot[:2] = world.layout.places[0] - np.array([0.42, 0.0])
    plan = plan_perfectly(world, world._robot[:2].copy(), 50)
    assert 1 <= plan.steps <= 5
    world.step(world.expert())


def test_true_displacements_succeed_where_the_expert_does_and_nonsense_does_not():
    world, _ = arena()
    for seed in range(1000, 1004):
        assert follow(world, seed, EXPERT).success and follow(world, seed, TRUE).success
    nonsense = SimpleNamespace(displacement=np.array([[0.3, 0.0]]), closing=np.array([0.5]))
    outcomes = [follow(world, seed, ALL, lambda before, after: nonsense) for seed in range(1000, 1004)]
    assert sum(outcome.success for outcome in outcomes) <= 1 and all(outcome.error_m > 0.1 for outcome in outcomes)


def test_inverse_dynamics_is_asked_with_the_pictures_of_the_plan():
    world, _ = arena()
    asked = []

    def infer(before, after):
        asked.append((before.shape, after.shape))
        return SimpleNamespace(displacement=np.zeros((1, 2)), closing=np.zeros(1))

    follow(world, 1000, ALL, infer, steps=20)
    assert asked == [((1, 64, 64, 3), (1, 64, 64, 3))] * 3


@pytest.mark.parametrize("task", ["button-press-wall", "plate-slide-back"])
def test_a_hand_that_follows_pushes_and_presses_as_well(task):
    pytest.importorskip("metaworld", reason="metaworld is not installed")
    world = ManipulationWorld(task, WorldConfig(cameras=(), horizon=150))
    try:
        assert follow(world, 1000, TRUE).success
    except NoRenderer as error:
        pytest.skip(str(error))
    finally:
        world.close()


def test_the_gate_compares_all_modes_on_the_same_seeds(tmp_path):
    right = SimpleNamespace(displacement=np.zeros((1, 2)), closing=np.zeros(1))
    output = io.StringIO()
    rows = gate("arena", ["red-box"], [1000, 1001], lambda a, b: right, 5, tmp_path, Console(file=output, width=120))
    assert [(row.method, row.seed) for row in rows] == [(mode, seed) for mode in MODES for seed in (1000, 1001)]
    assert "red-box: expert 100 %, true_displacement 100 %, learned_displacement 0 %, learned 0 %" in output.getvalue()
    assert (tmp_path / "results.json").exists()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: follow(arena()[0], 0, "best"), "unknown mode of the gate 'best'; available: expert, learned"),
        (lambda: follow(arena()[0], 0, ALL), "the mode 'learned' needs inverse dynamics, got none"),
        (lambda: follow(arena()[0], 0, TRUE, steps=0), "a plan must have at least 1 step, got 0"),
    ],
)
def test_what_cannot_be_followed_is_refused(call, message):
    with pytest.raises((InvalidValue, UnknownName), match=message):
        call()
