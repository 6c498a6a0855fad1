import numpy as np
import pytest

from controllers.safety.obstacles import disc
from sim.offscreen import NoRenderer
from sim.team_render import COLOURS, TeamFrame, TeamRenderer, render_team_video
from sim.team_scenarios import TeamScenario
from sim.team_world import Place

SCENARIO = TeamScenario(
    "two",
    "go2",
    (Place("a", -1.0, 0.0), Place("b", 1.0, 0.0, np.pi)),
    ((1.0, 0.0), (-1.0, 0.0)),
    (disc([0.0, 0.8], 0.2),),
)


@pytest.fixture(scope="module")
def qpos():
    return SCENARIO.backend().data.qpos.copy()


@pytest.fixture(scope="module")
def renderer():
    try:
        made = TeamRenderer(SCENARIO, 0.45, (640, 320))
    except NoRenderer as error:
        pytest.skip(str(error))
    yield made
    made.close()


def share(picture, colour):
    """Share of the pixels whose hue is that of a colour."""
    pixels = picture.reshape(-1, 3).astype(float)
    pixels = pixels - pixels.mean(axis=1, keepdims=True)
    wanted = np.array(colour) - np.mean(colour)
    cosine = pixels @ wanted / (np.linalg.norm(pixels, axis=1) * np.linalg.norm(wanted) + 1e-9)
    return float(((cosine > 0.95) & (np.linalg.norm(pixels, axis=1) > 40.0)).mean())


def test_every_robot_has_its_colour(renderer, qpos):
    picture = renderer.render(TeamFrame(0.0, qpos))
    assert picture.shape == (320, 640, 3)
    assert share(picture, COLOURS[0]) > 0.002 and share(picture, COLOURS[1]) > 0.002


def test_robots_are_drawn_where_they_are(renderer, qpos):
    before = renderer.render(TeamFrame(0.0, qpos)).astype(float)
    moved = qpos.copy()
    moved[0] += 0.5
    after = renderer.render(TeamFrame(0.0, moved)).astype(float)
    changed = np.abs(after - before).sum(axis=2) > 60.0
    assert 0.003 < changed.mean() < 0.3


def test_the_caption_tells_barriers_and_modes(renderer, qpos):
    frame = TeamFrame(1.0, qpos, (0.25, float("nan")), (0.1, 0.0), ("filtered", "stopped"))
    texts = [text for text, _ in renderer._caption(frame)]
    assert texts == ["t =  1.00 s", "a  h +0.25 m  change 0.10", "b  h -  change 0.00  stopped"]
    assert not np.array_equal(renderer.render(frame), renderer.render(TeamFrame(1.0, qpos)))


def test_a_video_holds_every_frame(tmp_path, renderer, qpos):
    path = tmp_path / "deep" / "two.mp4"
    assert render_team_video(path, SCENARIO, [TeamFrame(0.1 * k, qpos) for k in range(3)], 0.45, 10) == 3
    assert path.stat().st_size > 1000
