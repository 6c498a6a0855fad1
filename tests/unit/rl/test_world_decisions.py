import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.plain_judges import make_plain_judge
from policies.rl.progress import JUDGED, NONE, ORACLE, OracleProgress
from policies.rl.setups import LEDGE_WORLD, RlSetup, make_decisions
from policies.rl.training import first_seed
from policies.rl.world_decisions import DecisionConfig, WorldDecisions
from sim.coloured_arena import ArenaWorld
from sim.image_world import WorldConfig

SEED = 1000


def arena(lasting=3, discount=0.9, horizon=100):
    world = ArenaWorld("red-box", WorldConfig(cameras=(), horizon=horizon))
    return WorldDecisions(world, DecisionConfig(lasting, discount), OracleProgress())


def test_a_decision_is_what_its_steps_are_one_after_the_other():
    decisions, world = arena(), ArenaWorld("red-box", WorldConfig(cameras=(), horizon=100))
    decisions.reset(SEED)
    world.reset(seed=SEED)
    outcome = decisions.step(np.array([0.5, -1.0]))
    for _ in range(3):
        *_, info = world.step(world.action_space.high * np.array([0.5, -1.0]))
    assert np.array_equal(outcome.seen.observation, info["state"])
    assert outcome.duration == 3 and outcome.seen.value == world.progress()


def test_success_on_the_nth_step_of_a_decision_is_discounted_to_its_beginning():
    rollout = arena().demonstrate(SEED)
    steps, last = rollout.shaped.duration, int(rollout.shaped.duration[-1])
    assert rollout.success and rollout.shaped.terminated
    assert (steps[:-1] == 3).all() and 1 <= last <= 3
    assert rollout.shaped.reward[-1] == pytest.approx(0.9 ** (last - 1)) and not rollout.shaped.reward[:-1].any()
    assert rollout.shaped.value[-1] == 1.0


def test_the_horizon_cuts_an_episode_and_its_last_state_still_has_a_value():
    decisions = arena(horizon=4)
    decisions.reset(SEED)
    first = decisions.step(np.zeros(2))
    last = decisions.step(np.zeros(2))
    assert (first.duration, last.duration) == (3, 1)
    assert not first.truncated and last.truncated and not last.terminated
    assert last.seen.value == pytest.approx(first.seen.value)


def test_demonstrated_actions_are_means_of_the_experts_in_the_range_of_the_policy():
    rollout = arena().demonstrate(SEED)
    world = ArenaWorld("red-box", WorldConfig(cameras=(), horizon=100))
    world.reset(seed=SEED)
    taken = []
    for _ in range(3):
        taken.append(world.expert())
        world.step(taken[-1])
    assert rollout.action[0] == pytest.approx(np.mean(taken, axis=0) / world.action_space.high)
    assert np.abs(rollout.action).max() <= 1.0


def test_progress_is_not_asked_for_while_a_policy_is_evaluated():
    decisions = arena()
    decisions.evaluating(True)
    assert decisions.step(np.zeros(2)).seen.value == 0.0 if decisions.reset(SEED) else False
    decisions.evaluating(False)
    decisions.reset(SEED)
    decisions.step(np.ones(2))
    assert decisions.step(np.ones(2)).seen.value == decisions.world.progress()


def test_a_judge_sees_the_pictures_of_each_state_and_of_start_and_goal_of_the_demonstration():
    shown, known = [], []

    class Watching:
        views, size = ("top",), 32

        def begin(self, images, instruction, goal=None, start=None):
            assert instruction == "go to the red box"
            known.append((goal["top"], start["top"]))
            return self.step(images)

        def step(self, images):
            shown.append(images["top"])
            return make_plain_judge("pixels", ("top",), 32).begin(images, "", *({"top": p} for p in known[-1]))

    decisions = make_decisions(RlSetup("red-box", JUDGED), 0, Watching())
    rollout = decisions.demonstrate(first_seed(0))
    # The success is worth 1 whatever the judge says; the first state looks like the start.
    assert len(shown) == len(rollout.action) and rollout.shaped.value[0] == pytest.approx(0.0, abs=1e-9)
    assert np.array_equal(shown[0], known[0][1]) and np.array_equal(known[0][0], decisions.world.draw("top"))
    assert rollout.shaped.value[-1] == 1.0


def test_a_judge_is_adapted_to_all_of_the_demonstration():
    lengths = []

    def adapt(judge, pictures, instruction):
        lengths.append((len(pictures["top"]), instruction))
        return judge

    decisions = make_decisions(RlSetup("red-box", JUDGED), 0, make_plain_judge("pixels", ("top",), 32), adapt)
    assert lengths == [(len(decisions.demonstrate(first_seed(0)).observation), "go to the red box")]


@pytest.mark.parametrize("progress", [NONE, ORACLE])
def test_the_ledge_is_a_task_of_its_own(progress):
    decisions = make_decisions(RlSetup(LEDGE_WORLD, progress), 0)
    rollout = decisions.demonstrate(0)
    # Down, up the right way, to the goal.
    assert rollout.observation.argmax(axis=1).tolist() == [0, 1, 2, 3] and rollout.success
    assert decisions.reset(0).value == 0.9


def test_setups_that_cannot_be_made_are_refused():
    with pytest.raises(UnknownName, match="source of progress 'guess'; available: judge, none, oracle"):
        RlSetup("red-box", "guess")
    with pytest.raises(UnknownName, match="task of the world 'manipulation' 'juggle'"):
        RlSetup("juggle")
    with pytest.raises(InvalidValue, match="progress from a judge needs a judge, got none"):
        make_decisions(RlSetup("red-box", JUDGED), 0)
    with pytest.raises(InvalidValue, match="must end at success"):
        WorldDecisions(ArenaWorld("red-box", WorldConfig(end_on_success=False)))


def test_true_progress_of_the_arena_rises_to_one_along_the_expert():
    world = ArenaWorld("red-box", WorldConfig(cameras=()))
    world.reset(seed=SEED)
    told, over = [world.progress()], False
    while not over:
        *_, over, _, _ = world.step(world.expert())
        told.append(world.progress())
    assert told[0] == pytest.approx(0.0, abs=0.05) and told[-1] == 1.0
    assert np.mean(np.diff(told) > 0.0) > 0.9


def test_true_progress_of_manipulation_ends_at_one_and_asking_changes_nothing():
    pytest.importorskip("metaworld", reason="metaworld is not installed")
    from sim.manipulation import ManipulationWorld

    states = []
    for asked in (True, False):
        world, told, over = ManipulationWorld("drawer-close", WorldConfig(cameras=())), [], False
        _, info = world.reset(seed=SEED)
        while not over:
            if asked:
                told.append(world.progress())
            *_, over, _, info = world.step(world.expert())
        states.append(info["state"])
        if asked:
            assert 0.0 <= told[0] < 0.5 and world.progress() == 1.0
    assert np.array_equal(*states)
