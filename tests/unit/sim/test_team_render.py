from dataclasses import replace

import numpy as np
import pytest

from controllers.safety.obstacles import disc
from sim.coloured_arena import colour_of
from sim.offscreen import NoRenderer
from sim.team_render import COLOURS, TeamFrame, TeamRenderer, render_team_video
from sim.team_scenarios import TeamScenario, errands
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


def test_errands_show_things_what_is_imagined_and_progress():
    scenario = errands(seed=0)
    try:
        made = TeamRenderer(scenario, 0.45, (640, 320))
    except NoRenderer as error:
        pytest.skip(str(error))
    try:
        qpos = scenario.backend().data.qpos.copy()
        plan = np.zeros((64, 9 * 64, 3), np.uint8)
        plan[:, :, 1] = np.repeat(np.arange(9, dtype=np.uint8) * 20, 64)
        frame = TeamFrame(0.0, qpos, plans=(None, plan), progress=(float("nan"), 0.5))
        texts = [text for text, _ in made._caption(replace(frame, barriers=(0.1, 0.2)))]
        assert texts[2] == f"  {scenario.errands.instructions[0]}"
        assert texts[4] == f"  {scenario.errands.instructions[1]}: 50 %"
        before, after = made.render(replace(frame, plans=(None, None))), made.render(frame)
    finally:
        made.close()
    # Every other frame of the plan stands in a row along the lower left, in the colour of its robot.
    row = after[320 - 8 - 3 - 32, 8 + 3 :: 64][:5]
    assert row.tolist() == [[0, 40 * k, 0] for k in range(5)]
    assert after[320 - 8 - 1, 8].tolist() == [int(255 * part) for part in COLOURS[1]]
    assert np.abs(before[:200].astype(int) - after[:200]).mean() < 1.0
    for thing in scenario.errands.things:
        assert share(before, np.array(colour_of(thing.partition("-")[0])) / 255.0) > 0.001


def test_a_video_holds_every_frame(tmp_path, renderer, qpos):
    path = tmp_path / "deep" / "two.mp4"
    assert render_team_video(path, SCENARIO, [TeamFrame(0.1 * k, qpos) for k in range(3)], 0.45, 10) == 3
    assert path.stat().st_size > 1000
