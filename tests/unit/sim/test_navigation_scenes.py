import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.safety.dynamics import DoubleIntegrator
from sim.navigation_files import load_scenes, save_scenes
from sim.navigation_scene import Motion, Scene, with_uncooperative
from sim.navigation_scenes import FAMILIES, scene_maker


def swap(**more):
    return Scene("swap", [[0.0, 0.0], [4.0, 0.0]], [[4.0, 0.0], [0.0, 0.0]], [1.0, 0.5], [0.3, 0.2], **more)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_seed_makes_the_same_scene_again_and_another_seed_another(family):
    make = scene_maker(family)
    first, again, other = make(3), make(3), make(4)
    assert (first.start == again.start).all() and (first.goal == again.goal).all()
    assert not (first.start == other.start).all()


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_robots_neither_start_nor_end_in_one_another(family, seed):
    scene = scene_maker(family)(seed)
    assert scene.clearance > 0.0
    apart = np.linalg.norm(scene.goal[:, None] - scene.goal[None], axis=2)
    apart -= scene.radius[:, None] + scene.radius
    assert apart[~np.eye(scene.agents, dtype=bool)].min() > 0.0


@pytest.mark.parametrize("agents", [2, 4, 10])
def test_random_scenes_have_the_radii_and_speeds_of_published_suites(agents):
    scenes = [scene_maker(f"random_{agents}")(seed) for seed in range(30)]
    radius, speed = np.concatenate([s.radius for s in scenes]), np.concatenate([s.speed for s in scenes])
    assert 0.2 <= radius.min() < 0.35 and 0.65 < radius.max() <= 0.8
    assert 0.5 <= speed.min() < 0.75 and 1.25 < speed.max() <= 1.5
    assert all(scene.agents == agents for scene in scenes)


def test_a_circle_leads_every_robot_to_the_opposite_point():
    scene = scene_maker("circle_12")(0)
    assert np.allclose(scene.goal, -scene.start)
    # Even spacing: neighbours are a chord of 360/12 degrees apart.
    size = np.linalg.norm(scene.start[0])
    assert np.linalg.norm(scene.start[1] - scene.start[0]) == pytest.approx(2.0 * size * np.sin(np.pi / 12.0))


def test_blocks_are_four_times_twenty_five_robots_that_change_corners():
    scene = scene_maker("blocks")(0)
    assert scene.agents == 100
    quadrant = np.sign(scene.start)
    assert (np.sign(scene.goal) == -quadrant).all()
    assert {tuple(q) for q in quadrant} == {(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)}


def test_the_arena_has_the_published_limits():
    scene = scene_maker("arena")(0)
    dynamics = scene.motion.build(scene.dt, 0.5)
    assert scene.agents == 32 and len(scene.obstacles) == 8
    assert isinstance(dynamics, DoubleIntegrator) and dynamics.per_axis and dynamics.euler
    assert dynamics.acceleration == 10.0 and dynamics.speed == 0.5
    assert scene.time_limit_s == pytest.approx(7.68)
    assert np.abs(scene.start).max() <= 2.0


def test_an_unknown_scene_lists_the_known_ones():
    with pytest.raises(UnknownName, match="unknown scene 'maze'; available: arena, blocks, circle"):
        scene_maker("maze")


def test_a_scene_needs_robots():
    with pytest.raises(InvalidValue, match="positive number of robots"):
        scene_maker("circle_0")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"speed": [1.0, 0.0]}, "scene 'x': speed must be positive, got 0.0"),
        ({"radius": [0.3]}, r"scene 'x': radius must have shape \(2,\), got \(1,\)"),
        ({"goal": [[np.nan, 0.0], [1.0, 1.0]]}, "scene 'x': goal must be finite"),
        ({"time_limit_s": 0.0}, "time_limit_s must be positive and finite, got 0.0"),
        ({"cooperative": [True]}, r"cooperative must have shape \(2,\), got \(1,\)"),
    ],
)
def test_a_scene_that_makes_no_sense_is_refused(more, message):
    fields = {"start": np.zeros((2, 2)), "goal": np.ones((2, 2)), "speed": np.ones(2), "radius": np.ones(2), **more}
    with pytest.raises(InvalidValue, match=message):
        Scene("x", **fields)


def test_the_shortest_way_ends_at_the_goal_tolerance():
    assert swap(goal_tolerance=0.25).shortest == pytest.approx([3.75, 3.75])


def test_uncooperative_robots_are_chosen_by_number():
    assert with_uncooperative(swap(), [1]).cooperative.tolist() == [True, False]
    with pytest.raises(InvalidValue, match=r"has robots 0 … 1, got 2"):
        with_uncooperative(swap(), [2])


def test_an_unknown_kind_of_motion_is_refused():
    with pytest.raises(UnknownName, match="unknown dynamics 'bicycle'; available: "):
        Motion("bicycle")


@pytest.mark.parametrize("family", ["random", "clutter", "doorway", "arena", "blocks"])
def test_a_scene_survives_its_file(tmp_path, family):
    scene = with_uncooperative(scene_maker(family)(5), [1])
    save_scenes(tmp_path / "scenes.json", [scene])
    (read,) = load_scenes(tmp_path / "scenes.json")
    for name in ("start", "goal", "speed", "radius", "cooperative"):
        assert (getattr(read, name) == getattr(scene, name)).all()
    assert read.motion == scene.motion and read.dt == scene.dt and read.time_limit_s == scene.time_limit_s
    for mine, theirs in zip(read.obstacles, scene.obstacles, strict=True):
        assert np.allclose(mine.corners, theirs.corners) and mine.radius == theirs.radius


AGENT = '{"start": [0, 0], "goal": [1, 0], "speed": 1, "radius": 0.2}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[{"name": "a", "agents": [' + AGENT + '], "colour": 1}]',
            "scene a: unknown key 'colour' of a scene; known: n",
        ),
        ('[{"agents": [{"start": [0, 0], "goal": [1, 0], "speed": 1}]}]', "scene 1: an agent needs 'radius'"),
        ('[{"agents": [{"start": [0], "goal": [1, 0], "speed": 1, "radius": 1}]}]', "scene 1: .*start must have shape"),
        (
            '[{"agents": [' + AGENT + '], "obstacles": [{"box": 1}]}]',
            "unknown key 'box' of an obstacle; known: disc, p",
        ),
        ('[{"agents": [' + AGENT + '], "obstacles": [{}]}]', "must have one of disc, polygon, segment"),
        ('[{"agents": [' + AGENT + '], "dynamics": "car"}]', "unknown dynamics 'car'"),
        ('[{"agents": [' + AGENT + '], "dynamics": {"kind": "unicycle", "mass": 1}}]', "unknown key 'mass' of the dyn"),
        ('[{"agents": []}]', "'agents' must be a list of at least one agent"),
        ("{}", "must hold a list of at least one scene, got dict"),
        ("[", "is not valid JSON"),
    ],
)
def test_a_wrong_scene_file_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "scenes.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidValue, match=message) as error:
        load_scenes(path)
    assert str(path) in str(error.value)


def test_a_missing_scene_file_is_named(tmp_path):
    with pytest.raises(InvalidValue, match=r"cannot read the scene file .*none.json: No such file"):
        load_scenes(tmp_path / "none.json")
