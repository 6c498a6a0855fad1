import imageio.v2 as imageio
import mujoco
import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.robot.catalog import load_robot
from sim import offscreen
from sim.disturbances import Payload
from sim.friction import FrictionPatches
from sim.offscreen import NoRenderer
from sim.overlay import annotate
from sim.render import ESTIMATE_RGBA, Frame, SceneRenderer
from sim.render_model import build_render_model
from sim.terrain import Flat, Slope
from sim.video import caption, render_side_by_side, render_video, write_video

SIZE = (160, 96)
ROBOT = load_robot("go2")


def frame(time=0.0, x=0.0, **more):
    position = np.array([x, 0.0, ROBOT.standing_height])
    return Frame(time, position, np.array([1.0, 0.0, 0.0, 0.0]), ROBOT.standing_position, **more)


@pytest.fixture(scope="module")
def renderer():
    with SceneRenderer("go2", size=(320, 240)) as scene:
        yield scene


def test_the_light_model_is_light_and_keeps_its_shape():
    light = build_render_model("go2", Flat(), SIZE)
    full = mujoco.MjModel.from_xml_path(str(ROBOT.model_path))
    assert light.nmeshvert < full.nmeshvert / 8
    for model in (light, full):
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        boxes = []
        for geom in np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_MESH):
            mesh = model.geom_dataid[geom]
            first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
            vertices = model.mesh_vert[first : first + count] @ data.geom_xmat[geom].reshape(3, 3).T
            vertices = vertices + data.geom_xpos[geom] - data.xpos[1]
            boxes.append((vertices.min(axis=0), vertices.max(axis=0)))
        if model is light:
            thinned = boxes
    assert len(thinned) == len(boxes)
    assert np.abs(np.array(thinned) - np.array(boxes)).max() < 0.01


def test_a_picture_shows_the_robot_where_it_is(renderer):
    near = renderer.render(frame()).astype(int)
    away = renderer.render(frame(x=-50.0)).astype(int)
    assert near.shape == (240, 320, 3)
    # Far away the camera has not followed yet in a fresh scene; a later time lets it follow.
    assert np.abs(near - away).sum() > 0
    assert near[110:170, 120:200].std() > 20.0


def test_the_camera_follows_the_robot(renderer):
    # Two tiles of the floor make one period of its pattern.
    first = renderer.render(frame(0.0)).astype(int)
    renderer.render(frame(1.0, 10.0))
    after = renderer.render(frame(9.0, 10.0)).astype(int)
    robot = (slice(90, 190), slice(110, 220))
    assert np.abs(first[robot] - after[robot]).mean() < 12.0


def test_a_payload_is_drawn_on_the_back(renderer):
    bare = renderer.render(frame()).astype(int)
    loaded = renderer.render(frame(payloads=(Payload(8.0),))).astype(int)
    blue = (loaded[..., 2] - loaded[..., 0] > 60) & (bare[..., 2] - bare[..., 0] <= 60)
    assert blue.sum() > 500
    assert np.argwhere(blue)[:, 0].mean() < 120


def orange(picture):
    picture = picture.astype(int)
    return (picture[..., 0] - picture[..., 2] > 90) & (picture[..., 0] > 150)


def test_the_arrow_of_an_estimate_points_at_the_load_with_the_length_of_the_force(renderer):
    def extent(newton):
        rows = np.argwhere(orange(renderer.render(frame(estimate=np.array([0, 0, -newton, 0, 0, 0.0])))))[:, 0]
        return rows.min(), rows.max()

    short, long = extent(40.0), extent(80.0)
    assert short[1] == pytest.approx(long[1], abs=1)
    assert (long[1] - long[0]) / (short[1] - short[0]) == pytest.approx(2.0, abs=0.25)
    # 80 N are 0.32 m; the trunk's standing height of 0.30 m spans about as many pixels.
    rows = np.argwhere(np.abs(renderer.render(frame()).astype(int).min(axis=2)) < 40)[:, 0]
    assert 0.6 < (long[1] - long[0]) / (rows.max() - rows.min()) < 1.8


def test_the_arrow_moves_to_the_line_of_action(renderer):
    def column(torque_y):
        wrench = np.array([0.0, 0.0, -80.0, 0.0, torque_y, 0.0])
        return np.argwhere(orange(renderer.render(frame(estimate=wrench))))[:, 1].mean()

    # A load at the back presses with a negative lever: pitch torque x_lever * -force_z < 0 nose up.
    back, front = column(80.0 * -0.1), column(80.0 * 0.1)
    assert front - back > 10


def test_a_tiny_or_missing_force_draws_no_arrow(renderer):
    assert not orange(renderer.render(frame())).any()
    assert not orange(renderer.render(frame(estimate=np.array([0, 0, 1.0, 0, 0, 0])))).any()


def test_patches_are_painted_on_the_ground():
    patches = FrictionPatches(0.4, (0.9, 0.05), start_m=-1.0)
    with SceneRenderer("go2", friction=patches, size=SIZE) as scene:
        painted = scene.render(frame()).astype(int)
    with SceneRenderer("go2", size=SIZE) as scene:
        plain = scene.render(frame()).astype(int)
    ground = np.abs(painted - plain)[60:].sum(axis=2)
    assert (ground > 20).mean() > 0.3


@pytest.mark.parametrize("robot", ["go1", "aliengo"])
def test_every_robot_and_ground_can_be_drawn(robot):
    with SceneRenderer(robot, Slope(10.0), size=SIZE) as scene:
        assert scene.render(frame()).std() > 5.0


def test_a_video_has_its_frames(tmp_path):
    path = tmp_path / "new" / "run.mp4"
    frames = [frame(0.04 * i, 0.02 * i, truth=np.array([0, 0, -50.0, 0, 0, 0])) for i in range(8)]
    assert render_video(path, frames, fps=25, size=SIZE, label="go2") == 8
    with imageio.get_reader(path) as reader:
        meta = reader.get_meta_data()
        pictures = [picture.astype(int) for picture in reader]
    assert meta["size"] == SIZE and meta["fps"] == 25 and meta["codec"] == "h264"
    assert meta["pix_fmt"].startswith("yuv420p")
    assert len(pictures) == 8 and np.abs(pictures[0] - pictures[-1]).mean() > 0.5


def test_runs_are_shown_beside_each_other_until_the_shortest_ends(tmp_path):
    runs = [("without", [frame(0.1 * i) for i in range(3)]), ("with", (frame(0.1 * i) for i in range(5)))]
    assert render_side_by_side(tmp_path / "two.mp4", runs, size=SIZE) == 3
    with imageio.get_reader(tmp_path / "two.mp4") as reader:
        assert reader.get_meta_data()["size"] == (2 * SIZE[0], SIZE[1])


def test_a_caption_tells_time_mass_and_forces():
    shown = frame(3.0, payloads=(Payload(8.0, at_s=1.0),), estimate=np.array([1.0, -2.0, -70.0, 0, 0, 0]))
    lines = caption(shown, "learner")
    assert lines[0] == ("learner", None)
    assert lines[1][0] == "t =   3.0 s   payload 8.0 kg"
    assert lines[2] == ("estimated force    +1.0   -2.0  -70.0 N", ESTIMATE_RGBA)


def test_a_caption_names_no_payload_where_there_is_none_and_adds_the_notes_of_the_frame():
    assert caption(frame(3.0, notes=(("height error", None),))) == [("t =   3.0 s", None), ("height error", None)]


def test_text_changes_only_its_corner():
    blank = np.full((200, 300, 3), 90, dtype=np.uint8)
    written = annotate(blank, [("hello", None), ("orange", (1.0, 0.5, 0.0))])
    changed = np.argwhere((written != blank).any(axis=2))
    assert len(changed) > 100
    assert changed[:, 0].max() < 70 and changed[:, 1].max() < 150
    assert (blank == 90).all()


def test_an_odd_size_is_refused():
    with pytest.raises(InvalidValue, match="the size of a picture must be even and >= 64, got 101 x 64"):
        SceneRenderer(size=(101, 64))


def test_a_video_without_frames_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match="a video needs at least one frame, got none"):
        write_video(tmp_path / "none.mp4", [], 25)
    with pytest.raises(InvalidValue, match="a video needs at least one run, got none"):
        render_side_by_side(tmp_path / "none.mp4", [])


def test_a_machine_without_opengl_is_told_what_to_install(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(offscreen.ctypes.util, "find_library", lambda name: None)
    with pytest.raises(NoRenderer, match="install one of the system packages libegl1"):
        offscreen.create_context(64, 64)


def test_a_context_that_fails_names_the_alternative(monkeypatch):
    class Broken:
        def __init__(self, width, height):
            raise RuntimeError("no display")

    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    monkeypatch.setattr(offscreen.importlib, "import_module", lambda name: type("M", (), {"GLContext": Broken}))
    with pytest.raises(NoRenderer, match=r"MUJOCO_GL=osmesa \(no display\); try MUJOCO_GL=egl"):
        offscreen.create_context(64, 64)
