import numpy as np
import pytest
from simulated_robot import ideal_robot, impedance

from controllers.errors import InvalidValue
from controllers.safety.obstacles import disc, polygon, segment
from sim.disturbances import Payload
from sim.quadruped_backend import SimConfig
from sim.sensors import SensorConfig
from sim.team_backend import TeamBackend
from sim.team_world import OBSTACLES, Place

IDEAL = SimConfig(sensors=SensorConfig.ideal(), initial_pose="stand")


def team(*places, obstacles=(), **settings):
    return TeamBackend(
        [Place(*place) for place in places], config=SimConfig(**{**vars(IDEAL), **settings}), obstacles=obstacles
    )


def stand(members, ticks, damping=2.0):
    for _ in range(ticks):
        for member in members:
            member.write(impedance(member, damping=damping))
            member.advance()


def test_a_team_of_one_moves_as_the_robot_alone():
    alone, (one,) = ideal_robot(), team(("a", 0.0, 0.0)).members
    stand([alone], 150)
    stand([one], 150)
    expected, got = alone.ground_truth(), one.ground_truth()
    for name in ("position_world", "orientation", "joint_position", "joint_velocity", "foot_position_world"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), atol=1e-9, err_msg=name)
    np.testing.assert_allclose(got.foot_force_world, expected.foot_force_world, atol=1e-6)
    a, b = one.read(), alone.read()
    np.testing.assert_allclose(a.linear_acceleration_body, b.linear_acceleration_body, atol=1e-6)
    np.testing.assert_allclose(a.foot_force, b.foot_force, atol=1e-6)
    assert (got.height, got.trunk_contact, got.has_stood) == (pytest.approx(expected.height), False, True)


def test_robots_far_apart_do_not_know_of_each_other():
    (one,) = team(("a", 0.0, 0.0)).members
    first, second = team(("a", 0.0, 0.0), ("b", 7.0, -3.0, 2.0)).members
    stand([one], 100)
    # One stands stiff, the other falls in upon itself.
    for _ in range(100):
        first.write(impedance(first))
        first.advance()
        second.advance()
    np.testing.assert_allclose(first.ground_truth().joint_position, one.ground_truth().joint_position, atol=1e-9)
    assert second.ground_truth().height < first.ground_truth().height - 0.02


def test_a_place_turns_and_shifts_the_robot():
    (plain,), (placed,) = team(("a", 0.0, 0.0)).members, team(("a", 3.0, -2.0, 1.2)).members
    stand([plain], 50)
    stand([placed], 50)
    here, there = plain.ground_truth(), placed.ground_truth()
    c, s = np.cos(1.2), np.sin(1.2)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    # Up to the tolerance of the contact solver, which depends on the axes.
    np.testing.assert_allclose(there.position_world, turn @ here.position_world + (3.0, -2.0, 0.0), atol=2e-4)
    np.testing.assert_allclose(there.joint_position, here.joint_position, atol=2e-3)


def test_time_waits_until_every_robot_has_asked():
    world = team(("a", 0.0, 0.0), ("b", 2.0, 0.0))
    a, b = world.members
    a.advance()
    assert world.time == 0.0
    a.advance()
    b.advance()
    assert world.time == a.time == b.read().time == 0.002
    b.advance()
    assert world.time == 0.002


def test_robots_that_touch_are_noted_by_name():
    world = team(("b", 0.0, 0.0), ("a", 0.45, 0.0), ("c", 3.0, 0.0))
    assert world.touches == frozenset()
    world.advance()
    assert world.touches == {("a", "b")}
    world.reset(np.random.default_rng(0))
    assert world.touches == frozenset()


@pytest.mark.parametrize("obstacle", [disc([0.35, 0.0], 0.2), segment([0.3, -1.0], [0.3, 1.0], 0.05)])
def test_touching_an_obstacle_is_noted_and_is_not_lying_on_the_ground(obstacle):
    world = team(("a", 0.0, 0.0), obstacles=[obstacle])
    world.advance()
    assert world.touches == {("a", OBSTACLES)}
    assert not world.members[0].ground_truth().trunk_contact


def test_walls_are_as_long_and_thick_as_they_are_given():
    # A wall along y at x = 1 with half thickness 0.1 and round ends.
    world = team(("a", 9.0, 9.0), obstacles=[segment([1.0, 0.0], [1.0, 2.0], 0.1)])
    body = world.model.body(OBSTACLES).id
    sizes = {tuple(np.round(world.model.geom_size[g], 6)) for g in np.flatnonzero(world.model.geom_bodyid == body)}
    assert sizes == {(1.0, 0.1, 0.25), (0.1, 0.25, 0.0)}
    (box,) = (g for g in np.flatnonzero(world.model.geom_bodyid == body) if world.model.geom_size[g, 2] > 0.0)
    np.testing.assert_allclose(world.data.geom_xmat[box].reshape(3, 3)[:2, 0], [0.0, 1.0], atol=1e-9)


def test_a_payload_is_carried_by_its_robot_alone():
    places = [Place("a", 0.0, 0.0, payloads=(Payload(mass_kg=3.0),)), Place("b", 2.0, 0.0)]
    world = TeamBackend(places, config=IDEAL)
    world.advance()
    assert [member.ground_truth().payload_mass for member in world.members] == [3.0, 0.0]
    assert world.members[0].ground_truth().external_wrench_world[2] == pytest.approx(-3.0 * 9.81, rel=1e-3)


def test_each_robot_has_noise_of_its_own_and_a_seed_repeats_it():
    noisy = {"sensors": SensorConfig()}
    first, again = team(("a", 0.0, 0.0), ("b", 2.0, 0.0), **noisy), team(("a", 0.0, 0.0), ("b", 2.0, 0.0), **noisy)
    one, two = first.reset(np.random.default_rng(5)), again.reset(np.random.default_rng(5))
    for x, y in zip(one, two, strict=True):
        np.testing.assert_array_equal(x.joint_position, y.joint_position)
    assert not np.array_equal(one[0].joint_position, one[1].joint_position)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: team(), r"a team needs robots with names that differ, got \[\]"),
        (lambda: team(("a", 0.0, 0.0), ("a", 2.0, 0.0)), r"names that differ, got \['a', 'a'\]"),
        (lambda: Place("a/b", 0.0, 0.0), "must not be empty or hold '/', got 'a/b'"),
        (lambda: Place("a", float("nan"), 0.0), "the place of 'a' must be finite, got nan, 0.0, 0.0"),
        (
            lambda: team(("a", 0.0, 0.0), obstacles=[polygon([[3, 0], [4, 0], [4, 1]])]),
            "obstacles of a team must be discs or walls, got 3 corners",
        ),
        (lambda: team(("a", 0.0, 0.0), mass_scale=1.1), "robots of a team must be nominal"),
    ],
)
def test_teams_that_cannot_be_are_refused(make, message):
    with pytest.raises(InvalidValue, match=message):
        make()
