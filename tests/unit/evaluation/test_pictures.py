from concurrent.futures import Future

import imageio.v2 as imageio
import numpy as np
import pytest
from made_runs import loaded_scenario, made_log, row, short_scenario

from controllers.quadruped.metrics import GAIT_CYCLE_S
from evaluation import video
from evaluation.plots import plot_runs, plot_summary
from evaluation.results import compile_results
from evaluation.trace import Trace
from sim.offscreen import NoRenderer, create_context


class Inline:
    def submit(self, function, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        return future


def renders():
    try:
        create_context(64, 64).free()
    except NoRenderer:
        return False
    return True


def trace(label="none"):
    return Trace.of(made_log(loaded_scenario()), label, (6.0, 9.0))


def test_a_trace_survives_its_file(tmp_path):
    trace().save(tmp_path / "t.npz")
    read = Trace.read(tmp_path / "t.npz")
    assert (read.label, read.fell, read.window, read.load) == ("none", False, (6.0, 9.0), (6.0, 9.0))
    np.testing.assert_allclose(read.values["height"], trace().values["height"], atol=1e-6)
    assert len(read.solve_time) == 1200


def test_a_trace_without_a_load_has_none(tmp_path):
    Trace.of(made_log(short_scenario()), "none", (5.0, 12.0)).save(tmp_path / "t.npz")
    assert Trace.read(tmp_path / "t.npz").load is None


def test_a_trace_keeps_the_uncertainty_of_a_run_that_has_one(tmp_path):
    log = made_log(short_scenario())
    assert "residual_std" not in Trace.of(log, "none", (5.0, 12.0)).values
    log.values["residual_std"] = np.outer(log.values["time"], np.arange(1.0, 7.0))
    Trace.of(log, "kalman", (5.0, 12.0)).save(tmp_path / "t.npz")
    read = Trace.read(tmp_path / "t.npz").values
    np.testing.assert_allclose(read["residual_std"], np.outer(read["time"], np.arange(1.0, 7.0)), rtol=1e-6)


@pytest.mark.parametrize("dt", [0.002, 0.01])
def test_a_trace_has_a_hundred_samples_a_second_whatever_the_rate(dt):
    assert len(Trace.of(made_log(short_scenario(), dt=dt), "none", (5.0, 12.0)).values["time"]) == 1200


def test_runs_are_drawn_over_each_other(tmp_path):
    plot_runs(tmp_path / "runs.png", "title", [trace(), trace("rls")])
    picture = imageio.imread(tmp_path / "runs.png")
    assert picture.shape[0] > 1000
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 50


def test_a_summary_is_drawn_although_some_trials_fell(tmp_path):
    results = compile_results("s", [row(0, fell=0.0, height_rmse_m=0.004), row(1, fell=1.0)])
    plot_summary(tmp_path / "s.png", "title", results["rows"], results["summary"])
    assert (tmp_path / "s.png").stat().st_size > 5000


def test_frames_come_at_the_rate_of_the_video_and_show_the_load_while_it_is_there():
    log = made_log(loaded_scenario())
    frames = video.frames_of(log.values, log.scenario, fps=20)
    assert len(frames) == 240
    assert [len(frames[i].payloads) for i in (110, 130, 190)] == [0, 1, 0]


def test_arrows_are_in_world_axes():
    log = made_log(short_scenario())
    log.values["yaw"][:] = np.pi / 2
    log.values["residual"][:] = (10.0, 0.0, -5.0, 0.0, 2.0, 0.0)
    np.testing.assert_allclose(video.frames_of(log.values, log.scenario)[5].estimate, [0, 10, -5, -2, 0, 0], atol=1e-12)


@pytest.mark.skipif(not renders(), reason="this machine cannot make pictures")
def test_a_video_of_two_parts_has_all_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "SIZE", (64, 64))
    log = made_log(short_scenario(), end=1.0)
    frames = video.frames_of(log.values, log.scenario, fps=20)
    parts = video.start_video(Inline(), tmp_path, frames, log.scenario, "run", parts=2, fps=20)
    assert video.finish_video(tmp_path / "run.mp4", parts) == len(frames) == 20
    assert imageio.get_reader(tmp_path / "run.mp4").count_frames() == 20


def test_an_arrow_does_not_swing_with_the_gait():
    log = made_log(short_scenario())
    log.values["residual"][:, 2] = -20.0 + 30.0 * np.sin(2.0 * np.pi * log.values["time"] / GAIT_CYCLE_S)
    frames = video.frames_of(log.values, log.scenario)
    assert [frame.estimate[2] for frame in frames[20:200]] == pytest.approx([-20.0] * 180, abs=1.0)
