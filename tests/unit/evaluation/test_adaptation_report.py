import io
import json
from concurrent.futures import Future
from dataclasses import replace

import imageio.v2 as imageio
import numpy as np
import pytest
from made_runs import loaded_scenario, made_log, row, short_scenario
from rich.console import Console

from controllers.errors import InvalidValue, UnknownName
from evaluation import side_by_side
from evaluation.adaptation_report import find_case, remake_reports, report_adaptation, truncated
from evaluation.height_strip import HeightStrip
from evaluation.results import compile_results, write_json
from evaluation.rollout import RolloutConfig, run
from evaluation.side_by_side import Shown, noted_frames, start_comparison
from evaluation.suite import Case, Suite
from evaluation.trace import Trace
from evaluation.video import finish_video
from evaluation.windows import steady
from evaluation.wrench_plots import plot_wrench
from sim.disturbances import Wrench
from sim.offscreen import NoRenderer, create_context
from sim.scenarios import get_scenario


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


def shown(method="none", fell_at=None, end=None):
    log = made_log(loaded_scenario(), end=end)
    if fell_at is not None:
        log = replace(log, fell=True, end_time=fell_at)
    return Shown(method, log, Trace.of(truncated(log), method, (5.0, 8.0)))


def rise(seed):
    return replace(get_scenario("flat_walk", seed=seed), name="rise", duration_s=2.2)


def test_a_case_that_does_not_exist_is_refused_with_those_that_do():
    suite = Suite("s", (Case("light", rise), Case("heavy", rise)), ("none",), (0,))
    assert find_case(suite, "heavy").name == "heavy"
    with pytest.raises(UnknownName, match="unknown case of suite 's' 'x'; available: heavy, light"):
        find_case(suite, "x")


def test_a_method_that_does_not_exist_is_refused_before_anything_is_run(tmp_path):
    with pytest.raises(UnknownName, match="unknown method 'magic'; available: bias, bias_default, clairvoyant, "):
        report_adaptation(Case("rise", rise), ["none", "magic"], 0, "kalman", tmp_path, Console(file=io.StringIO()))
    assert not list(tmp_path.iterdir())


def test_a_trial_is_told_and_drawn_for_each_method(tmp_path):
    console = Console(file=io.StringIO(), width=140)
    case = Case("rise", rise, steady)
    assert report_adaptation(case, ["none", "kalman"], 3, "kalman", tmp_path, console, video=False) == 0
    assert "Kalman filter" in console.file.getvalue()
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert (written["case"], written["seed"], list(written["metrics"])) == ("rise", 3, ["none", "kalman"])
    for name in ("curves.png", "wrench_none.png", "wrench_kalman.pdf"):
        assert (tmp_path / name).stat().st_size > 5000


def test_a_robot_that_fell_stays_down_while_the_run_goes_on():
    shove = Wrench(force_n=(0.0, 900.0, 0.0), at_s=2.6, until_s=2.8)
    scenario = replace(get_scenario("flat_walk"), duration_s=7.0, disturbances=(shove,))
    log = run(scenario, RolloutConfig(stop_on_fall=False))
    assert log.fell and 2.6 < log.end_time < 4.0
    assert log.values["time"][-1] == pytest.approx(7.0, abs=0.01)
    settled = log.values["height"][log.window(6.5, 7.0)]  # it tumbles for a while, longer on some machines
    assert settled.max() < 0.2
    assert truncated(log).values["time"][-1] <= log.end_time


def test_the_caption_tells_the_height_error_until_the_fall():
    run = shown("kalman", fell_at=8.0)
    run.log.values["height"][:] = 0.288
    frames = noted_frames(run, fps=20)
    assert len(frames) == 240
    assert frames[100].notes[0][0] == "height error   -12.0 mm"
    assert frames[161].notes[0][0] == "fell at 8.0 s"
    assert frames[0].estimate is not None
    assert noted_frames(shown("none"))[0].estimate is None


def test_the_strip_uncovers_its_curves():
    run = shown()
    run.trace.values["height"][:] += 0.02 * np.sin(run.trace.values["time"])
    strip = HeightStrip([run.trace], (1280, 180), 12.0)
    pictures = [strip.at(time).astype(int) for time in (0.0, 6.0, 12.0)]
    assert all(picture.shape == (180, 1280, 3) for picture in pictures)
    darkness = [(255 - picture).sum() for picture in pictures]
    assert darkness[0] < darkness[1] < darkness[2]
    # Left of the moment that is shown, nothing changes any more.
    assert (pictures[1][:, 150:400] == pictures[2][:, 150:400]).all()


@pytest.mark.skipif(not renders(), reason="this machine cannot make pictures")
def test_a_video_of_two_runs_in_two_parts_has_all_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "SIZE", (320, 240))
    runs = [shown("none", end=1.0), shown("kalman", end=1.0)]
    parts = start_comparison(Inline(), tmp_path, runs, parts=2, fps=20)
    assert finish_video(tmp_path / "video.mp4", parts) == 20
    with imageio.get_reader(tmp_path / "video.mp4") as reader:
        assert reader.get_meta_data()["size"] == (640, 240 + side_by_side.STRIP_HEIGHT)
        assert reader.count_frames() == 20


def test_a_video_of_too_many_runs_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match="a video shows 1 to 3 runs beside each other, got 4"):
        start_comparison(Inline(), tmp_path, [shown(end=1.0)] * 4, parts=1)


def test_the_band_of_a_wrench_is_twice_the_deviation(tmp_path):
    log = made_log(short_scenario())
    plain = plot_wrench(tmp_path / "plain.png", "t", Trace.of(log, "kalman", (5.0, 12.0)), pdf=False)
    log.values["residual_std"] = np.full((len(log.values["time"]), 6), 2.0)
    banded = plot_wrench(tmp_path / "band.png", "t", Trace.of(log, "kalman", (5.0, 12.0)), pdf=False)
    assert len(plain) == len(banded) == 1
    colours = [imageio.imread(files[0])[..., :3].astype(int) for files in (plain, banded)]
    # The colour of the Kalman filter (#B8A400), hardly opaque, on white.
    tint = [255 - 0.18 * (255 - part) for part in (0xB8, 0xA4, 0x00)]
    counts = [(np.abs(picture - tint).max(axis=2) < 4).sum() for picture in colours]
    assert counts[0] < 2000 < 20000 < counts[1]


def test_reports_are_made_again_from_results_and_curves(tmp_path):
    rows = [
        row(seed, method, fell=0.0, height_rmse_m=0.004 + 0.001 * seed)
        for method in ("none", "pronk")
        for seed in (0, 1)
    ]
    write_json(tmp_path / "results.json", compile_results("s", rows))
    Trace.of(made_log(short_scenario()), "pronk", (5.0, 12.0)).save(tmp_path / "traces" / "quiet__pronk__0.npz")
    report = remake_reports(tmp_path)
    assert report.ours == "pronk"
    for name in ("tables.md", "plots/summary.png", "plots/quiet.png", "plots/wrench/quiet__pronk.png"):
        assert (tmp_path / name).stat().st_size > 0


def test_reports_of_no_results_are_refused(tmp_path):
    with pytest.raises(InvalidValue, match=r"has no results\.json"):
        remake_reports(tmp_path)
