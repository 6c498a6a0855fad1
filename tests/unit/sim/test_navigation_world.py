import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.safety.filter import FilterConfig, SafetyFilter
from controllers.safety.gains import FixedGains, Gains
from controllers.safety.obstacles import disc
from sim.navigation import NavigationWorld
from sim.navigation_faults import Faults
from sim.navigation_scene import KINDS, Motion, Scene, moved_by, with_uncooperative
from sim.navigation_scenes import scene_maker


def lane(name="lane", agents=1, **more):
    start = np.array([[0.0, 3.0 * i] for i in range(agents)])
    return Scene(name, start, start + np.array([4.0, 0.0]), np.full(agents, 1.0), np.full(agents, 0.3), **more)


def drive(world, steps, schedule=None):
    barrier = SafetyFilter(FilterConfig(world.dt), schedule or FixedGains(2.0))
    for _ in range(steps):
        world.step(barrier.filter(world.observe(), world.preferred(), world.bounds()).velocity)
    return world


def test_a_free_robot_goes_straight_at_its_speed_and_stops_at_its_goal():
    world = drive(NavigationWorld([lane()]), 60)
    assert world.position[0, 0] == pytest.approx([4.0, 0.0], abs=1e-9)
    # Within the tolerance of 0.1 m after 3.9 m at 1 m/s; the path counts until then.
    assert world.tally.arrival[0, 0] == pytest.approx(3.9) and world.tally.path[0, 0] == pytest.approx(3.9)
    assert world.over[0]


def test_robots_of_different_speeds_keep_their_own_limits():
    scene = Scene("two", [[0.0, 0.0], [0.0, 5.0]], [[9.0, 0.0], [9.0, 5.0]], [0.5, 1.5], [0.2, 0.2])
    world = drive(NavigationWorld([scene]), 10)
    assert world.position[0, :, 0] == pytest.approx([0.5, 1.5])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_robot_keeps_its_speed_limit_and_arrives(kind):
    slow = Scene("two", [[0.0, 0.0], [0.0, 5.0]], [[3.0, 0.0], [3.0, 5.0]], [0.5, 1.2], [0.2, 0.2])
    world = NavigationWorld([moved_by(slow, Motion(kind))])
    barrier = SafetyFilter(FilterConfig(world.dt), FixedGains(2.0))
    for _ in range(150):
        before = world.position
        world.step(barrier.filter(world.observe(), world.preferred(), world.bounds()).velocity)
        pace = np.linalg.norm(world.position - before, axis=2) / world.dt
        # A unicycle's axle may be faster than the point ahead of it, which is what the limit is for.
        assert (pace[0] <= [0.5, 1.2] * np.array(1.0 + 1e-9 if kind != "unicycle" else 2.5)).all()
    distance = 0.35 if kind == "unicycle" else 0.1
    assert (world.distance[0] <= distance).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_touches_whatever_the_schedule_says(kind):
    class Wild:
        def __init__(self):
            self.rng = np.random.default_rng(7)

        def gains(self, view):
            n, k = view.valid.shape
            m = view.obstacle_valid.shape[1]
            draw = self.rng.uniform
            return Gains(draw(-5, 40, (n, k)), draw(0, 1, (n, k)), draw(0, 40, (n, m)), draw(-4, 4, n), draw(0, 2, n))

    scenes = [moved_by(scene_maker("clutter_6")(seed), Motion(kind)) for seed in range(1000, 1004)]
    world = drive(NavigationWorld(scenes), 120, Wild())
    # The filter keeps inflated discs apart; where these overlap at the start only the true ones count.
    assert world.tally.clearance[world.present].min() >= -1e-9


def test_scenes_of_one_world_do_not_see_one_another():
    alone = drive(NavigationWorld([scene_maker("random_4")(1000)]), 50)
    together = drive(NavigationWorld([scene_maker("random_4")(1000), scene_maker("random_6")(1001)]), 50)
    assert (together.position[0, :4] == alone.position[0]).all()
    assert together.present.tolist() == [[True] * 4 + [False] * 2, [True] * 6]


def test_dropping_scenes_leaves_the_others_as_they_were():
    scenes = [scene_maker("random_4")(seed) for seed in (1000, 1001, 1002)]
    whole, part = drive(NavigationWorld(scenes), 20), drive(NavigationWorld(scenes), 20)
    part.keep(np.array([True, False, True]))
    drive(whole, 20)
    drive(part, 20)
    assert part.number.tolist() == [0, 2]
    assert (part.position == whole.position[[0, 2]]).all()
    assert (part.tally.path == whole.tally.path[[0, 2]]).all()


def test_time_without_progress_counts_until_the_robot_is_nearer_than_ever():
    world = NavigationWorld([lane()])
    for velocity in ([1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 0.0]):
        world.step(np.array([velocity]))
    # Forward is progress; aside, back, and forth again to where it was are not.
    assert world.stall[0, 0] == pytest.approx(0.3)
    world.step(np.array([[1.0, 0.0]]))
    assert world.stall[0, 0] == 0.0


def test_a_robot_that_is_pushed_off_its_goal_has_not_arrived():
    world = NavigationWorld([lane()])
    for _ in range(40):
        world.step(np.array([[1.0, 0.0]]))
    assert not np.isnan(world.tally.arrival[0, 0])
    for _ in range(3):
        world.step(np.array([[0.0, 1.0]]))
    assert np.isnan(world.tally.arrival[0, 0]) and world.tally.reached[0, 0]


def test_clearance_is_measured_between_samples():
    # Both cross at right angles through one point; at the samples they are apart, half way they are not.
    scene = Scene("cross", [[-0.5, 0.0], [0.0, -0.5]], [[9.0, 0.0], [0.0, 9.0]], [10.0, 10.0], [0.1, 0.1])
    world = NavigationWorld([scene])
    world.step(np.array([[10.0, 0.0], [0.0, 10.0]]))
    assert world.tally.clearance[0] == pytest.approx([-0.2, -0.2])


def test_uncooperative_movers_run_straight_on():
    scene = with_uncooperative(lane(agents=2), [1])
    world = drive(NavigationWorld([scene]), 10)
    assert world.position[0, 1] == pytest.approx([1.0, 3.0])
    assert world.observe().uncooperative[0, 0]


def test_obstacles_of_each_scene_stop_its_own_robots():
    free, blocked = lane("free"), lane("blocked", obstacles=(disc((2.0, 0.0), 0.5),))
    world = NavigationWorld([free, blocked])
    barrier = SafetyFilter(FilterConfig(world.dt), FixedGains(2.0))
    for _ in range(100):
        world.step(barrier.filter(world.observe(), np.array([[1.0, 0.0], [1.0, 0.0]])).velocity)
    assert world.position[0, 0, 0] == pytest.approx(10.0)
    assert world.position[1, 0, 0] == pytest.approx(2.0 - 0.5 - 0.3, abs=1e-3)


def test_a_delay_shows_others_where_they_were():
    world = NavigationWorld([lane(agents=2)], faults=Faults(delay_steps=3, inflate=False))
    for _ in range(6):
        view = world.observe()
        world.step(np.array([[1.0, 0.0], [0.5, 0.0]]))
    # At the sixth look both have taken five steps; what is told of the other is three old.
    assert view.relative_position[0, 0] == pytest.approx([0.5 * 0.2 - 0.5, 3.0])
    assert view.goal[0] == pytest.approx([3.5, 0.0])


def test_messages_of_uncertain_age_make_others_larger():
    world = NavigationWorld([lane(agents=2)], faults=Faults(position_noise_m=0.05, delay_steps=2))
    for _ in range(5):
        view = world.observe()
        world.step(np.zeros((2, 2)))
    # Own radius is known; the other's grows by the bound of the noise and what it may have moved in 0.2 s.
    assert view.neighbour_radius[0, 0] == pytest.approx(0.3 + 0.05 + 0.2 * 1.0)
    assert view.radius[0] == 0.3


def test_noise_stays_within_its_bound():
    world = NavigationWorld([lane(agents=3)] * 50, faults=Faults(position_noise_m=0.1), seed=3)
    view = world.observe()
    error = np.linalg.norm(view.relative_position[::3, 0] - [0.0, 3.0], axis=1)
    assert 0.05 < error.max() <= 0.1 + 1e-12 and error.min() < 0.05


def test_senders_that_fall_silent_count_as_uncooperative():
    world = NavigationWorld([lane(agents=2)], faults=Faults(loss=0.999999, stale_s=0.25))
    seen = []
    for _ in range(5):
        seen.append(bool(world.observe().uncooperative[0, 0]))
        world.step(np.zeros((2, 2)))
    assert seen == [False, False, False, True, True]


def test_robots_keep_apart_in_spite_of_noise_delay_and_loss():
    faults = Faults(position_noise_m=0.03, delay_steps=1, loss=0.2)
    scenes = [scene_maker("circle_6")(seed) for seed in range(1000, 1008)]
    world = drive(NavigationWorld(scenes, faults=faults, seed=1), 150)
    assert world.tally.clearance.min() > 0.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NavigationWorld([]), "at least one scene"),
        (lambda: NavigationWorld([lane(), lane(dt=0.2)]), "must have the same dynamics and period"),
        (lambda: Faults(loss=1.0), r"Faults.loss must lie in \[0, 1\), got 1.0"),
        (lambda: Faults(position_noise_m=-1.0), "Faults.position_noise_m must be finite and not negative, got -1.0"),
    ],
)
def test_worlds_that_make_no_sense_are_refused(make, message):
    with pytest.raises(InvalidValue, match=message):
        make()
