import builtins
import sys

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from controllers.errors import InvalidValue, MissingModel, UnknownName
from sim.image_world import WorldConfig
from sim.manipulation import ManipulationWorld
from sim.offscreen import NoRenderer
from sim.world_tasks import INSTRUCTIONS

BLIND = WorldConfig(cameras=())


@pytest.fixture
def metaworld():
    return pytest.importorskip("metaworld", reason="metaworld is not installed")


def seen(task, config=None, seed=1000):
    world = ManipulationWorld(task, config)
    try:
        return world, world.reset(seed=seed)[0]
    except NoRenderer as error:
        pytest.skip(str(error))


def run(world, seed, steps=200):
    states, info = [world.reset(seed=seed)[1]["state"]], {"success": False}
    for _ in range(steps):
        *_, terminated, _, info = world.step(world.expert())
        states.append(info["state"])
        if terminated:
            break
    return np.array(states), info["success"]


def test_every_task_of_the_package_has_an_instruction(metaworld):
    from metaworld.env_dict import ALL_V3_ENVIRONMENTS

    assert {f"{task}-v3" for task in INSTRUCTIONS} == set(ALL_V3_ENVIRONMENTS)


@pytest.mark.filterwarnings("ignore:.*infinity")
def test_manipulation_fulfils_the_contract_of_gymnasium(metaworld):
    world, _ = seen("drawer-close", WorldConfig(cameras=("corner4", "gripperPOV")))
    check_env(world, skip_render_check=True)
    world.close()


@pytest.mark.parametrize("task", ["drawer-close", "window-open", "pick-place"])
def test_the_expert_succeeds_and_a_seed_repeats_to_the_bit(metaworld, task):
    world = ManipulationWorld(task, BLIND)
    first, success = run(world, 1000)
    other, _ = run(world, 1001)
    again, _ = run(world, 1000)
    fresh, _ = run(ManipulationWorld(task, BLIND), 1000)
    assert success
    assert np.array_equal(first, again) and np.array_equal(first, fresh)
    assert not np.array_equal(first[0], other[0])


def test_a_moment_of_a_contact_can_be_come_back_to_exactly(metaworld):
    world = ManipulationWorld("pick-place", BLIND)
    run(world, 1000, steps=30)
    moment = world.save()
    first = [world.step(world.expert())[4]["state"] for _ in range(10)]
    for _ in range(2):
        world.load(moment)
        assert np.array_equal([world.step(world.expert())[4]["state"] for _ in range(10)], first)


def test_actions_are_metres_and_the_hand_follows(metaworld):
    world = ManipulationWorld("reach", BLIND)
    pose, _ = world.reset(seed=1000)
    for _ in range(10):
        after, *_ = world.step(np.array([0.005, 0.0, 0.0, -1.0]))
    moved = after["pose"] - pose["pose"]
    # Ten times half a centimetre, less the lag.
    assert 0.03 < moved[0] < 0.055 and np.abs(moved[1:3]).max() < 0.01
    beyond, *_ = world.step(np.array([1.0, 0.0, 0.0, -1.0]))
    assert beyond["pose"][0] - after["pose"][0] < 0.012


def test_the_gripper_opens_and_closes(metaworld):
    world = ManipulationWorld("reach", BLIND)
    world.reset(seed=1000)
    openings = []
    for command in (1.0, -1.0):
        for _ in range(20):
            observation, *_ = world.step(np.array([0.0, 0.0, 0.0, command]))
        openings.append(observation["pose"][3])
    assert openings[0] < 0.5 < openings[1]


def test_pictures_are_upright_and_follow_the_hand(metaworld):
    world, first = seen("reach", WorldConfig(cameras=("corner4", "topview")))
    for _ in range(25):
        after, *_ = world.step(np.array([0.0, 0.0, 0.01, -1.0]))
    # The hand alone moves; upright, a hand that rises changes rows above the middle of what changes at first.
    change = np.abs(after["corner4"].astype(int) - first["corner4"]).sum(axis=2)
    assert (change > 60).mean() < 0.3 and change.max() > 100
    red = [(p[..., 0].astype(int) - p[..., 1] > 60) for p in (first["corner4"], after["corner4"])]
    heights = [np.nonzero(mask)[0].mean() for mask in red]
    assert heights[1] < heights[0] - 1.0
    world.close()


def test_another_look_changes_pictures_and_not_the_physics(metaworld):
    usual, picture = seen("door-close")
    other, picture_other = seen("door-close", WorldConfig(look=3))
    assert np.abs(picture["corner4"].astype(int) - picture_other["corner4"]).mean() > 8.0
    action = np.array([0.004, 0.006, -0.002, 1.0])
    for _ in range(5):
        state, state_other = usual.step(action)[4]["state"], other.step(action)[4]["state"]
    assert np.array_equal(state, state_other)
    usual.close()
    other.close()


def test_wrong_names_are_refused_before_anything_is_loaded():
    with pytest.raises(
        UnknownName, match="unknown task of the world 'manipulation' 'drawer'; available: all, assembly"
    ):
        ManipulationWorld("drawer")
    with pytest.raises(UnknownName, match="unknown camera 'side'; available: behindGripper, corner, corner2"):
        ManipulationWorld("drawer-close", WorldConfig(cameras=("side",)))
    with pytest.raises(InvalidValue, match="horizon must be at most 500 in manipulation, got 501"):
        ManipulationWorld("drawer-close", WorldConfig(horizon=501))


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("metaworld"):
            raise ImportError("No module named 'metaworld'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    for module in [m for m in sys.modules if m.startswith("metaworld")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(MissingModel, match=r"needs MetaWorld .*: pip install --no-deps metaworld==3.1.1"):
        ManipulationWorld("drawer-close")
