import numpy as np
import pytest
from scripted_planners import Steady, made_plan, textured

from controllers.errors import InvalidValue
from policies.video.commitment import CommitmentConfig
from policies.video.execution import ExecutionConfig, execute
from policies.video.plain_planners import PerfectPlanner, PlanShape, StraightPlanner
from policies.video.task_run import TaskConfig, TaskRun
from sim.image_world import POSE, WorldConfig
from sim.worlds import make_world

ORIGIN = np.zeros(3)
# As long for every plan, as a perfect planner expects.
EVEN = CommitmentConfig(2, stalled_m=0.0)


def ready(config=None, size=8):
    """A task that has seen a picture and stands at the origin at time 1."""
    run = TaskRun("go", size, 0, config)
    run.see(textured(size), 1.0)
    assert run.move(ORIGIN, 1.0) is None
    return run


def rollout(planner, task, seed):
    """Run an episode of the arena as the nodes do, one pose and one picture after the other."""
    world = make_world("arena", task, WorldConfig())
    observation, _ = world.reset(seed=seed)
    run, time, success, over = TaskRun(world.instruction, 64, seed, TaskConfig(EVEN, slack=0.0)), 0.0, False, False
    while not over:
        run.see(observation["top"], time)
        step = run.move(np.append(observation[POSE][:2].astype(float), 0.0), time)
        if step is None:
            step = run.take(planner.plan(run.request(0.0), run.instruction, run.rng))
        assert run.request(0.0) is None
        observation, _, done, cut, info = world.step(step.displacement)
        time, success, over = time + world.period, success or info["success"], done or cut
    return success, run.steps, run.plans


@pytest.mark.parametrize("seed", [1003, 1004])
def test_a_task_that_is_carried_out_over_messages_goes_as_the_core_does(seed):
    world = make_world("arena", "red-box", WorldConfig())
    expected = execute(world, PerfectPlanner("arena", "red-box", seed), seed, ExecutionConfig(EVEN))
    assert rollout(PerfectPlanner("arena", "red-box", seed), "red-box", seed) == (
        *(expected.success, expected.steps),
        len(expected.plans),
    )
    assert expected.success


def test_a_perfect_planner_notices_that_it_is_not_its_world():
    planner = PerfectPlanner("arena", "red-box", 1003)
    world = make_world("arena", "red-box", WorldConfig())
    observation, _ = world.reset(seed=1004)
    with pytest.raises(InvalidValue, match="the picture is not that of 'red-box' with seed 1003"):
        planner.plan(observation["top"], "go to the red box", np.random.default_rng(0))


def test_a_perfect_planner_begins_anew_with_its_episode_and_knows_its_instruction():
    planner, world = PerfectPlanner("arena", "red-box", 1003), make_world("arena", "red-box", WorldConfig())
    image, rng = world.reset(seed=1003)[0]["top"], np.random.default_rng(0)
    first = planner.plan(image, "go to the red box", rng)
    again = planner.plan(image, "go to the blue ball", rng)
    np.testing.assert_array_equal(first.displacement, again.displacement)
    assert (first.confidence, again.confidence) == (1.0, 0.0)


def test_legs_are_told_where_the_way_leads_some_steps_ahead():
    run = ready(TaskConfig(CommitmentConfig(2)))
    assert run.ahead(3) is None
    assert run.request(0.0) is not None
    # Two frames of two steps: along x, then along y; the first step is taken with the plan.
    run.take(made_plan([[0.04, 0.0, 0.0], [0.0, 0.04, 0.0]], [0.0, 0.0], steps_per_frame=2))
    assert run.ahead(1).tolist() == pytest.approx([0.04, 0.0, 0.0])
    assert run.ahead(2).tolist() == pytest.approx([0.04, 0.02, 0.0])
    # Behind the end of the plan there is nothing to be told.
    assert run.ahead(9).tolist() == pytest.approx([0.04, 0.04, 0.0])
    assert run.ahead(0) is None


def test_steps_lead_from_where_the_hand_is_to_where_it_should_be():
    run = ready(TaskConfig(CommitmentConfig(1)))
    assert run.request(0.0) is not None
    # One frame of two steps to x = 4 cm; after the first the hand lags by 1 cm.
    first = run.take(made_plan([[0.04, 0.0, 0.0]], [1.0], steps_per_frame=2))
    assert first.displacement[0] == pytest.approx(0.02) and first.gripper == 1.0
    second = run.move(np.array([0.01, 0.0, 0.0]), 1.1)
    assert second.displacement[0] == pytest.approx(0.03)
    # Told is not done: the next plan is wanted when the hand has got there.
    assert run.request(0.0) is None
    assert run.move(np.array([0.04, 0.0, 0.0]), 1.2) is None
    run.see(textured(8, seed=1), 1.2)
    assert run.request(0.0) is not None and (run.steps, run.plans, run.frames) == (2, 1, 1)


def test_who_lags_behind_gets_to_where_a_plan_ends_before_the_next_one():
    run = ready(TaskConfig(CommitmentConfig(1), within=0.01, lag_steps=3))
    assert run.request(0.0) is not None
    # It ends after its first frame: in the second nothing moves.
    run.take(made_plan([[0.04, 0.0, 0.0], [0.0, 0.0, 0.0]], [1.0, 1.0], steps_per_frame=1))
    assert run.steps == 1
    for i, x in enumerate((0.01, 0.02)):
        step = run.move(np.array([x, 0.0, 0.0]), 1.1 + 0.1 * i)
        assert step.displacement[0] == pytest.approx(0.04 - x) and step.gripper == 1.0
        assert run.request(0.0) is None
    assert run.move(np.array([0.035, 0.0, 0.0]), 1.3) is None
    run.see(textured(8, seed=1), 1.3)
    assert run.request(0.0) is not None


def test_who_hardly_moved_since_the_last_plan_follows_the_next_one_for_longer():
    run = ready(TaskConfig(CommitmentConfig(frames=1, stalled_m=0.03, stalled_frames=3)))
    plan = made_plan([[0.01, 0.0, 0.0]] * 4, [1.0] * 4, steps_per_frame=1)
    run.request(0.0)
    run.take(plan)
    assert run.move(np.array([0.01, 0.0, 0.0]), 1.1) is None
    run.see(textured(8, seed=1), 1.1)
    assert run.request(0.0) is not None
    run.take(plan)
    # Two of its three frames are left, from where the hand is.
    assert run.ahead(9).tolist() == pytest.approx([0.04, 0.0, 0.0])


def test_who_never_gets_there_is_not_waited_for_for_long():
    run = ready(TaskConfig(CommitmentConfig(1), within=0.01, lag_steps=3))
    run.request(0.0)
    run.take(made_plan([[0.04, 0.0, 0.0]], [1.0], steps_per_frame=1))
    found = [run.move(np.array([0.0, 0.001 * i, 0.0]), 1.1 + 0.1 * i) for i in range(4)]
    assert [step is not None for step in found] == [True, True, True, False]


def test_a_plan_that_soon_ends_is_acted_out_to_its_end():
    ends = []
    for finish in (0.05, 0.03):
        run = ready(TaskConfig(CommitmentConfig(1), finish=finish))
        run.request(0.0)
        run.take(made_plan([[0.04, 0.0, 0.0], [0.02, 0.0, 0.0], [0.02, 0.0, 0.0]], [1.0] * 3, steps_per_frame=1))
        ends.append(run.ahead(9))
    # 4 cm lie behind the first frame.
    assert ends[0].tolist() == pytest.approx([0.08, 0.0, 0.0]) and ends[1] is None


def test_standing_still_at_the_end_of_a_plan_is_not_acted_out():
    run = ready(TaskConfig(CommitmentConfig(1), finish=0.5, within=0.01))
    run.request(0.0)
    still = [[0.0, 0.0, 0.0]] * 6
    run.take(made_plan([[0.04, 0.0, 0.0], [0.04, 0.0, 0.0], *still], [1.0] * 8, steps_per_frame=2))
    # Four steps of 2 cm; what stands still is there after the fourth.
    found = [run.move(np.array([0.02 * i, 0.0, 0.0]), 1.0 + 0.1 * i) for i in range(1, 5)]
    assert [None if step is None else round(step.displacement[0], 6) for step in found] == [0.02, 0.02, 0.02, None]


def test_who_stands_still_all_the_time_is_planned_for_as_seldom_as_others():
    run = ready(TaskConfig(CommitmentConfig(2), finish=0.5, within=0.01))
    run.request(0.0)
    run.take(made_plan([[0.0, 0.0, 0.0]] * 8, [1.0] * 8, steps_per_frame=2))
    found = [run.move(ORIGIN, 1.0 + 0.1 * i) for i in range(1, 5)]
    assert [step is None for step in found] == [False, False, False, True]


@pytest.mark.parametrize("config", [TaskConfig(CommitmentConfig(1)), TaskConfig(CommitmentConfig(1), within=0.01)])
def test_where_a_plan_goes_on_nobody_is_waited_for(config):
    run = ready(config)
    run.request(0.0)
    run.take(made_plan([[0.04, 0.0, 0.0], [0.04, 0.0, 0.0]], [1.0, 1.0], steps_per_frame=1))
    assert run.move(np.array([0.01, 0.0, 0.0]), 1.1) is None


def test_a_plan_is_asked_for_once_and_anew_when_it_could_not_be_made():
    run = ready()
    assert run.request(0.0) is not None and run.request(0.0) is None and run.planning
    run.drop()
    assert run.request(0.0) is not None


def test_a_step_is_never_longer_than_allowed():
    run = ready(TaskConfig(max_step=0.05))
    run.request(0.0)
    step = run.take(made_plan([[5.0, -5.0]] * 2, steps_per_frame=1))
    np.testing.assert_array_equal(step.displacement, [0.05, -0.05])


def test_an_older_picture_is_waited_for_then_taken_and_refused_when_too_old():
    run = TaskRun("go", 8, 0, TaskConfig(slack=0.05, patience=0.3, timeout=0.5))
    run.see(textured(8), 1.0)
    run.move(ORIGIN, 1.2)
    assert run.request(10.0) is None and run.request(10.2) is None
    assert run.request(10.31) is not None
    run = TaskRun("go", 8, 0, TaskConfig(slack=0.05, patience=0.3, timeout=0.5))
    run.see(textured(8), 1.0)
    run.move(ORIGIN, 1.75)
    assert run.request(10.0) is None
    with pytest.raises(InvalidValue, match=r"the newest picture is 0\.75 s older than the newest pose"):
        run.request(10.4)


def test_what_kept_pictures_out_is_told_where_one_is_needed():
    run = TaskRun("go", 8, 0, TaskConfig(patience=0.3))
    run.move(ORIGIN, 1.0)
    assert run.request(0.0) is None
    with pytest.raises(InvalidValue, match="no picture has come: is the camera on"):
        run.request(0.4)
    with pytest.raises(InvalidValue, match="the picture shows nothing"):
        run.see(np.zeros((8, 8, 3), np.uint8), 1.0)
    with pytest.raises(InvalidValue, match="the picture shows nothing"):
        run.request(0.5)


def test_a_frozen_camera_is_noticed_from_one_plan_to_the_next():
    run = ready(TaskConfig(CommitmentConfig(1), slack=10.0, timeout=10.0))
    run.request(0.0)
    run.take(made_plan([[0.03, 0.0, 0.0]], steps_per_frame=1))
    run.move(np.array([0.03, 0.0, 0.0]), 1.1)
    with pytest.raises(InvalidValue, match=r"has not changed although 3\.0 cm were gone: the camera is frozen"):
        run.request(0.0)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda run: run.see(textured(8), 0.5), "pictures must come in order, got one of 0.500 s after 1.000 s"),
        (lambda run: run.see(textured(16), 2.0), r"a picture must be bytes of shape \(8, 8, 3\), got uint8 \(16"),
        (lambda run: run.move(np.array([0.0, np.nan, 0.0]), 2.0), r"a place must be finite with shape \(3,\), got"),
        (lambda run: run.move(ORIGIN, 1.0), "the time of places must increase, got 1.000 s after 1.000 s"),
        (lambda run: run.take(made_plan([[0.0, 0.0]])), "a plan has come that nobody asked for"),
        (lambda run: TaskRun(" \n", 8, 0), "an instruction must say what is to be done, got an empty one"),
        (lambda run: TaskConfig(CommitmentConfig(0)), "CommitmentConfig.frames must be at least 1, got 0"),
        (lambda run: TaskConfig(slack=1.0), r"TaskConfig.slack must lie in \[0, 0.5\], its timeout, got 1.0"),
        (lambda run: TaskConfig(max_step=np.inf), "TaskConfig.max_step must be finite and positive, got inf"),
        (lambda run: TaskConfig(finish=np.inf), "TaskConfig.finish must be finite and not negative, got inf"),
        (lambda run: TaskConfig(within=np.nan), "TaskConfig.within must be finite and not negative, got nan"),
        (lambda run: TaskConfig(lag_steps=-1), "TaskConfig.lag_steps must be at least 0, got -1"),
        (lambda run: TaskConfig(patience=-1.0), "TaskConfig.patience must not be negative, got -1.0"),
        (lambda run: PlanShape(2, 5, 3), "no more frames acted out than imagined"),
        (lambda run: StraightPlanner((np.nan,)), r"a displacement must be finite numbers, got \(nan,\)"),
    ],
)
def test_what_cannot_be_is_refused(act, message):
    with pytest.raises(InvalidValue, match=message):
        act(ready())


def test_a_task_ends_with_its_last_step():
    run = ready(TaskConfig(max_steps=2))
    run.request(0.0)
    run.take(Steady((0.01, 0.0, 0.0)).plan(textured(), "go", None))
    assert run.move(ORIGIN, 1.1) is not None and run.over
    assert run.move(ORIGIN, 1.2) is None and run.request(0.0) is None
