import numpy as np
import pytest
from scripted_planners import Brightening, BrightnessTells, Seer, Steady, made_plan, textured

from controllers.errors import InvalidValue
from policies.video.commitment import Commitment, CommitmentConfig
from policies.video.execution import ExecutionConfig, execute, execute_all, way_of
from policies.video.planned_behaviour import PlannedBehaviour
from policies.video.planner import Plan, check_picture
from policies.video.video_planner import VideoPlanner
from sim.coloured_arena import ArenaWorld
from sim.episodes import read_episode, record, write_episode
from sim.image_world import WorldConfig

# As long for every plan.
EVEN = CommitmentConfig(2, stalled_m=0.0)
BLIND = WorldConfig(cameras=(), horizon=40)
SEEING = WorldConfig(horizon=40)


def planner():
    return VideoPlanner(Brightening(), BrightnessTells())


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_plan_joins_imagined_frames_with_what_brings_them_about():
    image = textured() // 2
    plan = planner().plan(image, "go", rng())
    assert plan.frames.shape == (5, 64, 64, 3) and np.array_equal(plan.frames[0], image)
    # Each frame is brighter by one than the last, which is a centimetre along the first axis.
    assert plan.displacement == pytest.approx(np.array([[0.01, 0.0]] * 4))
    assert plan.closing == pytest.approx([0.25] * 4) and plan.steps_per_frame == 3


def test_confidence_falls_with_unknown_words_and_doubt():
    image = textured() // 2
    # A deviation of 1 cm halves it.
    assert planner().plan(image, "go", rng()).confidence == pytest.approx(0.5)
    assert planner().plan(image, "sing", rng()).confidence == pytest.approx(0.05)


def test_many_plans_are_those_made_one_by_one():
    images = np.stack([textured(seed=i) // 2 for i in range(3)])
    many = planner().plan_all(images, ["go"] * 3, [rng(i) for i in range(3)])
    for i, plan in enumerate(many):
        assert np.array_equal(plan.frames, planner().plan(images[i], "go", rng(i)).frames)


def test_a_way_leads_from_corner_to_corner_in_equal_steps():
    plan = made_plan([[0.1, 0.0], [0.0, 0.2], [5.0, 5.0]], closing=[1.0, 0.5, 0.0], steps_per_frame=2)
    way, commands = way_of(plan, np.array([1.0, 1.0]), frames=2)
    assert way == pytest.approx(np.array([[1.05, 1.0], [1.1, 1.0], [1.1, 1.1], [1.1, 1.2]]))
    assert commands == pytest.approx([1.0, 1.0, 0.0, 0.0])
    assert len(way_of(plan, np.zeros(2), frames=9)[0]) == 6


def test_a_robot_goes_where_its_plans_say_and_asks_again_after_some_frames():
    world, steady = ArenaWorld("red-box", BLIND), Steady([0.0, 0.05], steps_per_frame=5)
    start = world.reset(seed=1003)[0]["pose"][:2]
    rollout = execute(world, steady, 1003, ExecutionConfig(EVEN))
    assert rollout.made_at == tuple(range(0, rollout.steps, 10)) and len(rollout.plans) == len(steady.asked)
    assert set(steady.asked) == {("go to the red box",)}
    assert world._robot[1] > start[1] + 0.2 or not rollout.success


def test_who_hardly_moved_follows_the_next_plan_for_longer():
    commitment = Commitment(CommitmentConfig(frames=1, stalled_m=0.03, stalled_frames=4))
    # It moves by 10, 2 and 4 cm, along one axis and along two.
    places = [[0.0, 0.0], [0.1, 0.0], [0.1, 0.02], [0.124, 0.052]]
    assert [commitment.begin(np.array(place)) for place in places] == [1, 1, 4, 1]


def test_what_is_always_followed_for_longer_is_not_cut_where_it_stands():
    commitment = Commitment(CommitmentConfig(frames=6, stalled_frames=4))
    assert [commitment.begin(np.zeros(3)) for _ in range(2)] == [6, 6]


def test_who_never_counts_as_standing_still_looks_again_as_soon_as_ever():
    commitment = Commitment(CommitmentConfig(frames=2, stalled_m=0.0))
    assert [commitment.begin(np.zeros(3)) for _ in range(3)] == [2, 2, 2]


def test_a_robot_that_stands_still_holds_on_to_its_plan():
    # From the second plan on it has stood still, and follows four frames of two steps each.
    rollout = execute(ArenaWorld("red-box", BLIND), Steady([0.0, 0.0], steps_per_frame=2), 1000)
    assert rollout.made_at[:4] == (0, 2, 10, 18)


def test_plans_to_the_goal_succeed_and_plans_away_from_it_do_not():
    found = []
    for seed in range(1000, 1012):
        world = ArenaWorld("red-box", BLIND)
        world.reset(seed=seed)
        found.append(execute(world, Seer(world), seed).success)
    # Posts are in the way now and then, which this planner knows nothing of.
    assert np.mean(found) >= 0.6
    assert not execute(ArenaWorld("red-box", BLIND), Steady([0.0, 0.0]), 1000).success


def test_worlds_together_fare_as_each_alone():
    worlds = [ArenaWorld("red-box", BLIND) for _ in range(3)]
    steady = Steady([0.1, 0.03])
    together = execute_all(worlds, steady, [1000, 1001, 1002])
    assert steady.asked[0] == ("go to the red box",) * 3
    for seed, rollout in zip((1000, 1001, 1002), together, strict=True):
        alone = execute(ArenaWorld("red-box", BLIND), Steady([0.1, 0.03]), seed)
        assert (alone.success, alone.steps, alone.made_at) == (rollout.success, rollout.steps, rollout.made_at)


def test_a_recorded_rollout_is_an_episode_like_any_other(tmp_path):
    rollout = execute(ArenaWorld("blue-ball", SEEING), Steady([0.05, 0.0]), 1001, ExecutionConfig(record=True))
    episode = rollout.episode
    assert episode.info.behaviour == "planner" and episode.info.steps == rollout.steps == len(episode.action)
    write_episode(tmp_path / "e.safetensors", episode)
    assert np.array_equal(read_episode(tmp_path / "e.safetensors").images["top"], episode.images["top"])


def test_a_planner_behaves_as_its_execution_does():
    def seer(world):
        world.reset(seed=1001)
        return Seer(world)

    executed, world = ArenaWorld("blue-ball", SEEING), ArenaWorld("blue-ball", SEEING)
    wanted = execute(executed, seer(executed), 1001, ExecutionConfig(EVEN, record=True)).episode
    behaviour, rng = PlannedBehaviour(seer(world)), np.random.default_rng(1001)
    found = record(world, "planner", behaviour.act, 1001, lambda: behaviour.begin(world, rng))
    assert found.info == wanted.info and found.info.steps > 4
    for name in ("pose", "action", "success", "reward"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name))


def test_a_planner_that_behaves_notices_a_frozen_camera():
    world, behaviour = ArenaWorld("red-box", BLIND), PlannedBehaviour(Steady([0.05, 0.05]))
    world.reset(seed=1000)
    frozen = world.render()
    world.render = lambda: frozen
    with pytest.raises(InvalidValue, match="the camera is frozen"):
        record(world, "planner", behaviour.act, 1000, lambda: behaviour.begin(world, rng()))


def test_a_frozen_camera_is_noticed():
    world = ArenaWorld("red-box", BLIND)
    world.reset(seed=1000)
    frozen = world.render()
    world.render = lambda: frozen
    with pytest.raises(InvalidValue, match=r"has not changed although \d+\.\d cm were gone"):
        for seed in range(1000, 1004):
            execute(world, Steady([0.05, 0.05]), seed)


def test_who_stands_still_may_see_the_same():
    assert execute(ArenaWorld("red-box", BLIND), Steady([0.0, 0.0]), 1000).steps == 40


BRIGHT = np.full((64, 64, 3), 200, np.uint8)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((64, 64, 3), np.uint8), r"shows nothing, all its values lie in \[0, 0\]: the camera is covered"),
        (BRIGHT, r"all its values lie in \[200, 200\]"),
        (textured(32), r"must be bytes of shape \(64, 64, 3\), got uint8 \(32, 32, 3\)"),
        (textured().astype(float), "got float64"),
    ],
)
def test_pictures_that_show_nothing_are_refused(image, message):
    with pytest.raises(InvalidValue, match=message):
        check_picture(image, 64)
    with pytest.raises(InvalidValue, match=message):
        planner().plan(image, "go", rng())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: planner().plan(textured(), " ", rng()), "must say what is to be done, got an empty one"),
        (lambda: planner().plan_all(textured()[None], [], [rng()]), "got 1 pictures, 0 instructions and 1 generators"),
        (lambda: CommitmentConfig(0), "CommitmentConfig.frames must be at least 1, got 0"),
        (lambda: CommitmentConfig(stalled_frames=0), "CommitmentConfig.stalled_frames must be at least 1, got 0"),
        (lambda: CommitmentConfig(stalled_m=np.nan), "stalled_m must be finite and not negative, got nan"),
        (lambda: execute(ArenaWorld("red-box", BLIND), Steady([0.0, 0.0]), 0, ExecutionConfig(record=True)), "camera"),
        (lambda: execute(ArenaWorld("red-box", BLIND), Steady([0.0] * 3), 0), "must displace 2 coordinates, got 3"),
        (lambda: execute_all([ArenaWorld("red-box", BLIND)] * 2, Steady([0.0, 0.0]), [0, 1]), "2 seeds and 1 worlds"),
    ],
)
def test_what_cannot_be_planned_or_executed_is_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"displacement": np.full((2, 3), np.nan)}, "Plan.displacement must be finite, got nan"),
        (
            {"displacement": np.zeros((3, 3))},
            r"Plan.displacement must have 2 rows, one per imagined frame, got \(3, 3\)",
        ),
        ({"deviation": np.full((2, 3), -1.0)}, "Plan.deviation must be at least 0"),
        ({"closing": np.array([0.0, 1.5])}, r"Plan.closing must lie in \[0, 1\]"),
        ({"confidence": float("nan")}, r"Plan.confidence must lie in \[0, 1\], got nan"),
        ({"steps_per_frame": 0}, "Plan.steps_per_frame must be at least 1, got 0"),
        ({"frames": np.zeros((1, 8, 8, 3), np.uint8)}, "with K at least 1"),
    ],
)
def test_a_plan_that_nobody_should_follow_is_refused(change, message):
    whole = {
        "frames": np.zeros((3, 8, 8, 3), np.uint8),
        "displacement": np.zeros((2, 3)),
        "deviation": np.zeros((2, 3)),
        "closing": np.zeros(2),
        "steps_per_frame": 5,
        "confidence": 0.5,
    }
    Plan(**whole)
    with pytest.raises(InvalidValue, match=message):
        Plan(**{**whole, **change})


def test_a_video_model_that_answers_with_another_shape_is_refused():
    class Short(Brightening):
        def imagine(self, images, instructions, rngs):
            return super().imagine(images, instructions, rngs)[:, :, :32]

    with pytest.raises(InvalidValue, match=r"must answer with shape \(1, K, 64, 64, 3\), got \(1, 4, 32, 64, 3\)"):
        VideoPlanner(Short(), BrightnessTells()).plan(textured(), "go", rng())
