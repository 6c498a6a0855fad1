import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from controllers.errors import InvalidValue, UnknownName
from sim.coloured_arena import RADIUS_M, ArenaWorld, clear, colour_of, distances_to, draw_layout, pushed_out
from sim.image_world import WorldConfig, box_downsample
from sim.world_tasks import ARENA_PRIOR, ARENA_TASKS, ARENA_TRAIN, COLOURS
from sim.worlds import make_world

BLIND = WorldConfig(cameras=())


@pytest.mark.filterwarnings("ignore:.*infinity")
def test_it_fulfils_the_contract_of_gymnasium():
    check_env(ArenaWorld("red-box"), skip_render_check=True)


def test_the_expert_goes_to_what_it_was_told():
    for i in range(24):
        world = make_world("arena", ARENA_TASKS[i % len(ARENA_TASKS)], BLIND)
        _, info = world.reset(seed=1000 + i)
        assert not info["success"]
        for _ in range(world.config.horizon):
            _, reward, terminated, _, info = world.step(world.expert())
            if terminated:
                break
        assert terminated and reward == 1.0 and info["reached"] == world.task


def test_a_seed_decides_the_layout_and_another_gives_another():
    world, other = ArenaWorld("blue-box"), ArenaWorld("blue-box")
    first, again = world.reset(seed=3)[0]["top"], other.reset(seed=3)[0]["top"]
    assert np.array_equal(first, again) and not np.array_equal(first, world.reset(seed=4)[0]["top"])


def test_things_differ_in_colour_and_a_training_task_shows_only_training_things():
    for seed in range(30):
        layout = draw_layout("red-box", np.random.default_rng(seed))
        assert layout.things[0] == "red-box" and set(layout.things) <= set(ARENA_TRAIN)
        assert len({thing.partition("-")[0] for thing in layout.things}) == len(layout.things) == 4
        # All have room, and so has the robot at its start.
        assert clear(layout.start[:2], layout.start[:2], layout.posts)


def test_a_task_of_the_prior_shows_only_things_of_the_prior_that_can_be_told_apart():
    for seed in range(10):
        things = draw_layout("gold-box", np.random.default_rng(seed)).things
        assert things[0] == "gold-box" and set(things) <= set(ARENA_PRIOR)
        colours = np.array([colour_of(thing.partition("-")[0]) for thing in things], dtype=float)
        apart = np.linalg.norm(colours[:, None] - colours[None], axis=2)[np.triu_indices(4, 1)]
        assert apart.min() >= 70.0


def test_the_goal_shows_its_colour_where_it_stands():
    world = ArenaWorld("yellow-ball", WorldConfig(size=128))
    for seed in range(5):
        picture = world.reset(seed=seed)[0]["top"].astype(int)
        x, y = world.layout.places[0]
        pixel = picture[int((2.0 - y) / 4.0 * 128), int((x + 2.0) / 4.0 * 128)]
        assert np.abs(pixel - COLOURS["yellow"]).max() <= 2


def test_a_wrong_thing_is_no_success():
    world = ArenaWorld("red-box", BLIND)
    world.reset(seed=0)
    world._robot[:2] = world.layout.places[1]
    _, reward, terminated, _, info = world.step(np.zeros(2))
    assert info["reached"] == world.layout.things[1] and not info["success"] and reward == 0.0 and not terminated


def test_success_pays_once_and_the_episode_goes_on_if_wanted():
    world = ArenaWorld("red-box", WorldConfig(cameras=(), end_on_success=False, horizon=5))
    world.reset(seed=0)
    world._robot[:2] = world.layout.places[0]
    paid = [world.step(np.zeros(2)) for _ in range(5)]
    assert [p[1] for p in paid] == [1.0, 0.0, 0.0, 0.0, 0.0] and all(p[4]["success"] for p in paid)
    assert not any(p[2] for p in paid) and [p[3] for p in paid] == [False] * 4 + [True]
    with pytest.raises(gymnasium.error.ResetNeeded, match="after an episode is over"):
        world.step(np.zeros(2))


def test_an_expert_that_lingers_goes_on_to_the_middle_of_the_thing():
    world, short = (ArenaWorld("red-box", WorldConfig(cameras=(), linger=n)) for n in (5, 0))
    ends = []
    for place in (world, short):
        place.reset(seed=0)
        steps = [place.step(place.expert())]
        while not steps[-1][2]:
            steps.append(place.step(place.expert()))
        ends.append(
            (len(steps), [s[1] for s in steps].count(1.0), np.hypot(*(place._robot[:2] - place.layout.places[0])))
        )
        with pytest.raises(gymnasium.error.ResetNeeded):
            place.step(np.zeros(2))
    # The same way, five steps longer, of 0.1 m at most: from 0.3 m off to the middle.
    assert ends[0][:2] == (ends[1][0] + 5, 1) and ends[1][1] == 1
    assert ends[0][2] < 0.01 and 0.15 < ends[1][2] <= 0.3


def test_lingering_ends_at_the_horizon_too():
    world = ArenaWorld("red-box", WorldConfig(cameras=(), horizon=2, linger=5))
    world.reset(seed=0)
    world._robot[:2] = world.layout.places[0]
    assert [world.step(np.zeros(2))[2:4] for _ in range(2)] == [(False, False), (True, False)]


def test_less_than_no_lingering_is_refused():
    with pytest.raises(InvalidValue, match=r"linger must be at least 0, got -1"):
        WorldConfig(linger=-1)


def test_posts_and_walls_stop_the_robot():
    posts = np.array([[0.0, 0.0, 0.3]])
    # Wanted 0.2 m from the centre of a post of 0.3 m; a robot of 0.3 m ends up 0.6 m from it, on the same side.
    assert pushed_out(np.array([0.2, 0.0]), posts) == pytest.approx([0.6, 0.0])
    assert pushed_out(np.array([5.0, -5.0]), posts) == pytest.approx([2.0 - RADIUS_M, -2.0 + RADIUS_M])


def test_the_way_around_a_post_is_longer_than_the_straight_one():
    posts, goal = np.array([[0.0, 0.0, 0.3]]), np.array([1.0, 0.0])
    around, straight = distances_to(goal, posts), distances_to(goal, np.zeros((0, 3)))
    # Row 17 is y = 0; column 7 is x = -1.
    assert straight[17, 7] == pytest.approx(2.0, abs=0.01) and 2.2 < around[17, 7] < 2.8
    assert np.isinf(around[17, 17])
    assert not clear(np.array([-1.0, 0.0]), goal, posts) and clear(np.array([-1.0, 0.7]), np.array([1.0, 0.7]), posts)


def test_a_moment_can_be_come_back_to():
    world = ArenaWorld("green-ball")
    world.reset(seed=2)
    world.step(world.expert())
    moment = world.save()
    first = [world.step(world.expert())[0]["top"] for _ in range(4)]
    world.load(moment)
    assert all(np.array_equal(world.step(world.expert())[0]["top"], picture) for picture in first)


def test_another_look_changes_the_picture_and_nothing_else():
    usual, other = ArenaWorld("red-box"), ArenaWorld("red-box", WorldConfig(look=1))
    (seen, info), (seen_other, info_other) = usual.reset(seed=1), other.reset(seed=1)
    assert np.array_equal(info["state"], info_other["state"])
    assert np.abs(seen["top"].astype(int) - seen_other["top"]).mean() > 5.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ArenaWorld("red-cone"), "unknown task of the world 'arena' 'red-cone'"),
        (lambda: ArenaWorld("red-box", WorldConfig(cameras=("side",))), "unknown camera 'side'; available: top"),
        (lambda: make_world("kitchen", "red-box"), "unknown world 'kitchen'; available: arena, manipulation"),
        (lambda: WorldConfig(size=63), r"WorldConfig.size must be even and in \[8, 512\], got 63"),
        (lambda: WorldConfig(horizon=0), "WorldConfig.horizon must be at least 1, got 0"),
        (lambda: WorldConfig(look=-1), "WorldConfig.look must be None or at least 0, got -1"),
        (lambda: ArenaWorld("red-box").reset(options={"x": 1}), "unknown reset options: x; known: none"),
    ],
)
def test_what_no_world_can_do_is_refused(call, message):
    with pytest.raises((InvalidValue, UnknownName), match=message):
        call()


@pytest.mark.parametrize("action", [np.array([np.nan, 0.0]), np.zeros(3)])
def test_what_is_no_action_is_refused(action):
    world = ArenaWorld("red-box", BLIND)
    world.reset(seed=0)
    with pytest.raises(InvalidValue, match=r"an action must be finite with shape \(2,\)"):
        world.step(action)


def test_squares_of_pixels_are_averaged():
    image = np.zeros((2, 4, 3), np.uint8)
    image[0, 0], image[1, 3] = 255, 10
    # 255 / 4 rounded, 10 / 4 rounded.
    assert box_downsample(image, 2)[0, :, 0].tolist() == [64, 3]
