import dataclasses
import errno
import shutil
from pathlib import Path

import line_world
import numpy as np
import pytest
from line_world import EXPLORER, SKILL, LineStudio, reached

from controllers.errors import InvalidValue, UnknownName
from evaluation.sail_spread import spread_over
from policies.sail import loop as loop_module
from policies.sail import rollouts as rollouts_module
from policies.sail.filters import KeepAll, KeepSuccesses, Verdict
from policies.sail.loop import EVALUATED, EVALUATIONS, ROLLED_OUT, SailConfig, SailLoop
from policies.sail.loop_folder import KEPT, MODELS, REPORT, ROLLOUTS, VERDICTS
from policies.sail.records import read_json, write_json
from policies.sail.rollouts import Batch, play, run_batch
from policies.sail.side_by_side import frames_of
from sim.episodes import read_episode

CONFIG = SailConfig("line", iterations=2, rollouts=6, goals=8, batch=4)


def contents(folder):
    """All that a loop leaves behind, without times and without what a training may keep for itself."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name == REPORT:
            found[path.relative_to(folder)] = {k: v for k, v in read_json(path).items() if k != "seconds"}
        elif path.is_file():
            found[path.relative_to(folder)] = path.read_bytes()
    return found


def by_hand(filtered):
    """Success on evaluation goals, and kept rollouts, iteration by iteration."""
    skill, told = 0.05, []
    for iteration in range(CONFIG.iterations + 1):
        share = sum(reached(EVALUATED + i, skill) for i in range(CONFIG.goals)) / CONFIG.goals
        seeds = range(ROLLED_OUT + iteration * CONFIG.rollouts, ROLLED_OUT + (iteration + 1) * CONFIG.rollouts)
        true = sum(reached(seed, skill) for seed in seeds)
        told.append((share, true))
        # Data accumulate: rollouts of all iterations so far are learned from again.
        kept = sum(t for _, t in told) if filtered else len(told) * CONFIG.rollouts
        skill += 0.01 * kept
    return told


@pytest.mark.parametrize("keep", [KeepSuccesses(), KeepAll()])
def test_it_collects_filters_and_learns_from_all_that_was_kept_so_far(tmp_path, keep):
    reports = list(SailLoop(LineStudio(), keep, CONFIG, tmp_path).run())
    expected = by_hand(isinstance(keep, KeepSuccesses))
    assert [r.success for r in reports] == [share for share, _ in expected]
    assert [round(r.collected_success * 6) for r in reports[:-1]] == [true for _, true in expected[:-1]]
    assert reports[-1].success > reports[0].success and reports[-1].collected == 0
    first = reports[0]
    if isinstance(keep, KeepAll):
        assert first.kept == 6 and first.precision == pytest.approx(expected[0][1] / 6) and first.recall == 1.0
    else:
        assert first.kept == expected[0][1] and first.precision == first.recall == 1.0


class SeesTheEnd:
    """Takes a rollout for a success from where the point is at the end, and keeps it up to there."""

    def judge(self, episode):
        there = np.flatnonzero(episode.success)
        return Verdict(bool(len(there)), float(len(there) > 0), int(there[0]) if len(there) else -1)

    def compare(self, verdicts):
        return list(verdicts)


def test_where_nobody_tells_of_success_rollouts_go_on_and_are_learned_from_up_to_where_it_is_seen(tmp_path):
    config = dataclasses.replace(CONFIG, goes_on=True)
    loop = SailLoop(LineStudio(), SeesTheEnd(), config, tmp_path)
    reports = list(loop.run())
    files = loop.rollouts(0)
    assert {read_episode(file).info.steps for file in files} == {line_world.HORIZON}
    found = {file.name: int(np.argmax(e.success)) for file in files if (e := read_episode(file)).success.any()}
    assert found and len(set(found.values())) > 1
    for name, end in found.items():
        kept, whole = (read_episode(tmp_path / "iteration_0" / part / name) for part in (KEPT, ROLLOUTS))
        assert kept.info.steps == end and np.array_equal(kept.pose, whole.pose[: end + 1])
    assert len(found) == reports[0].kept == len(list((tmp_path / "iteration_0" / KEPT).iterdir()))
    # Evaluations end with their success, as ever; and it learns as where the world tells.
    told = read_json(tmp_path / "iteration_0" / EVALUATIONS[0])
    assert all((r["steps"] < line_world.HORIZON) for r in told if r["success"])
    ended = list(SailLoop(LineStudio(), KeepSuccesses(), CONFIG, tmp_path / "ended").run())
    assert [r.success for r in reports] == [r.success for r in ended]


class LikesTheFar(SeesTheEnd):
    """Never sure of anything; scores a rollout by how far it came, and keeps the better half."""

    def judge(self, episode):
        return Verdict(False, float(episode.pose.max()))

    def compare(self, verdicts):
        middle = float(np.median([verdict.score for verdict in verdicts]))
        return [dataclasses.replace(verdict, kept=verdict.score > middle) for verdict in verdicts]


def test_a_filter_may_compare_the_rollouts_of_an_iteration(tmp_path):
    loop = SailLoop(LineStudio(), LikesTheFar(), CONFIG, tmp_path)
    report = next(iter(loop.run()))
    far = sorted(loop.rollouts(0), key=lambda file: -read_episode(file).pose.max())
    verdicts = read_json(tmp_path / "iteration_0" / VERDICTS)
    assert report.kept == 3 and all(verdicts[file.name]["kept"] == (file in far[:3]) for file in far)


def test_the_first_rollouts_of_each_iteration_may_explore_and_nothing_else_does(tmp_path):
    config = dataclasses.replace(CONFIG, iterations=1, explored=4)
    loop = SailLoop(LineStudio(), KeepSuccesses(), config, tmp_path)
    first = next(loop.run())
    found = {path.stem: read_episode(path).info.successful for path in loop.rollouts(0)}
    skills = [EXPLORER] * 4 + [LineStudio.skill(None)] * 2
    assert list(found.values()) == [reached(ROLLED_OUT + i, skill) for i, skill in enumerate(skills)]
    assert first.success == sum(reached(EVALUATED + i, LineStudio.skill(None)) for i in range(8)) / 8
    assert first.collected_success > first.success
    with pytest.raises(InvalidValue, match=r"SailConfig.explored must lie in \[0, rollouts = 6\], got 7"):
        dataclasses.replace(CONFIG, explored=7)


def test_nobody_explores_any_more_once_enough_was_kept(tmp_path):
    # Explorers always arrive; the planner, which learns nothing here, does now and then.
    config = dataclasses.replace(CONFIG, iterations=3, explored=4, enough=5)
    reports = list(SailLoop(LineStudio(gain=0.0), KeepSuccesses(), config, tmp_path).run())
    kept = np.cumsum([0] + [r.kept for r in reports])
    assert [r.explored for r in reports[:-1]] == [4 if k < 5 else 0 for k in kept[:3]]
    assert {r.explored for r in reports[:-1]} == {0, 4}


def test_nobody_explores_any_more_once_planners_find_more(tmp_path, monkeypatch):
    monkeypatch.setattr(line_world, "EXPLORER", 0.0)
    config = dataclasses.replace(CONFIG, rollouts=12, explored=4, enough=1000)
    reports = list(SailLoop(LineStudio(gain=0.0), KeepSuccesses(), config, tmp_path / "worse").run())
    assert reports[0].kept > 0 and [r.explored for r in reports[:-1]] == [4, 0]
    # Nobody finds anything: who looks elsewhere goes on.
    monkeypatch.setattr(LineStudio, "skill", staticmethod(lambda models: 0.0))
    reports = list(SailLoop(LineStudio(gain=0.0), KeepSuccesses(), config, tmp_path / "nothing").run())
    assert [r.kept for r in reports[:-1]] == [0, 0] and [r.explored for r in reports[:-1]] == [4, 4]


def test_play_explores_without_a_planner_and_ends_at_success(tmp_path):
    log = tmp_path / "log"
    config = dataclasses.replace(CONFIG, iterations=1, explored=6)
    loop = SailLoop(LineStudio(play="play", log=log), KeepSuccesses(), config, tmp_path / "loop")
    report = next(loop.run())
    episodes = [read_episode(path) for path in loop.rollouts(0)]
    assert [e.info.behaviour for e in episodes] == ["play"] * 6
    assert [e.info.seed for e in episodes] == list(range(ROLLED_OUT, ROLLED_OUT + 6))
    assert all(e.info.terminated == e.info.successful for e in episodes)
    assert report.explored == 6 and report.collected == 6
    # The only planners were those of the evaluation.
    assert log.read_text().count("planner") == 2


def test_what_was_kept_is_tried_again_from_the_next_round_on(tmp_path, monkeypatch):
    monkeypatch.setattr(loop_module, "ROUND", 4)
    config = dataclasses.replace(CONFIG, iterations=2, rollouts=12, explored=12, enough=100)
    loop = SailLoop(LineStudio(gain=0.0, play="play"), KeepAll(), config, tmp_path)
    list(loop.run())
    names = [[read_episode(path).info.behaviour for path in loop.rollouts(i)] for i in range(2)]
    assert names[0][:4] == ["play"] * 4 and "retrace" in names[0][4:8]
    assert names[1].count("retrace") > 4 and set(names[1]) == {"play", "retrace"}


def test_what_was_there_before_is_filtered_and_learned_from_and_does_not_count_as_found(tmp_path):
    log = tmp_path / "log"
    earlier = SailLoop(LineStudio(), KeepAll(), dataclasses.replace(CONFIG, iterations=1), tmp_path / "earlier")
    first = next(earlier.run())
    given = earlier.rollouts(0)
    good = sum(read_episode(path).info.successful for path in given)
    assert 0 < good == round(6 * first.collected_success) < 6
    config = dataclasses.replace(CONFIG, seed=1, iterations=1, explored=4, enough=1)
    loop = SailLoop(LineStudio(log=log), KeepSuccesses(), config, tmp_path / "loop", given=given)
    report = next(loop.run())
    assert report.explored == 4 and f"improve {good + report.kept} of 6 from" in log.read_text()
    with pytest.raises(InvalidValue, match=r"holds another loop \(given\)"):
        SailLoop(LineStudio(), KeepSuccesses(), config, tmp_path / "loop")


def test_rounds_of_explorers_that_are_killed_end_up_with_the_same_files(tmp_path, monkeypatch):
    monkeypatch.setattr(loop_module, "ROUND", 2)
    config = dataclasses.replace(CONFIG, explored=6, enough=100, batch=1)
    list(SailLoop(LineStudio(play="play"), KeepAll(), config, tmp_path / "whole").run())
    original, left = rollouts_module.write_episode, [0]

    def write(path, episode):
        left[0] -= 1
        if left[0] < 0:
            left[0] = 2
            raise Stopped
        original(path, episode)

    monkeypatch.setattr(rollouts_module, "write_episode", write)
    for _ in range(40):
        try:
            list(SailLoop(LineStudio(play="play"), KeepAll(), config, tmp_path / "cut").run())
            break
        except Stopped:
            continue
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


@pytest.mark.parametrize(("cautious", "chosen"), [(0.3, 1), (0.0, 0)])
def test_of_a_bold_and_a_cautious_planner_the_one_that_is_kept_more_often_is_gone_on_from(tmp_path, cautious, chosen):
    log = tmp_path / "log"
    config = dataclasses.replace(CONFIG, rollouts=12)
    studio = LineStudio(gain=0.002, cautious=cautious, log=log)
    loop = SailLoop(studio, KeepSuccesses(), config, tmp_path / "loop")
    reports = list(loop.run())
    bold = 0.05 + 0.002 * reports[0].kept
    # Seeds 12 to 17 are those of the bold one, 18 to 23 those of the cautious one.
    shares = [
        sum(reached(ROLLED_OUT + 12 + 6 * i + k, skill) for k in range(6)) for i, skill in enumerate((bold, cautious))
    ]
    assert reports[1].kept == sum(shares) and (shares[1] > shares[0]) == bool(chosen)
    better = max(bold, cautious)
    assert reports[1].success == sum(reached(EVALUATED + i, better) for i in range(8)) / 8
    assert f"improve {reports[0].kept + reports[1].kept} of 24 from {better:.3f}" in log.read_text()
    # After the last training nobody was tried: where boldness did not pay, nothing is changed any more.
    names = ["first", "cautious", "same"] if chosen else ["first", "bold", "bold"]
    assert [r.planner for r in reports] == names
    assert loop.models(2) == (loop.models(1) if chosen else loop.candidates(2)[0])
    assert not chosen or reports[2].reached == reports[1].reached


def test_a_loop_that_goes_on_after_a_planner_that_stayed_tries_what_was_not_tried(tmp_path):
    config = dataclasses.replace(CONFIG, rollouts=12, iterations=1)
    studio = LineStudio(gain=0.002, cautious=0.3)
    longer = dataclasses.replace(config, iterations=3)
    list(SailLoop(studio, KeepSuccesses(), dataclasses.replace(config, iterations=2), tmp_path / "a").run())
    list(SailLoop(studio, KeepSuccesses(), longer, tmp_path / "a").run())
    reports = list(SailLoop(studio, KeepSuccesses(), longer, tmp_path / "b").run())
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert [r.planner for r in reports] == ["first", "cautious", "bold", "bold"]


def test_of_equals_the_bold_planner_is_gone_on_from(tmp_path):
    studio = LineStudio(gain=0.0, cautious=0.05)
    loop = SailLoop(studio, KeepSuccesses(), CONFIG, tmp_path)
    list(loop.run())
    verdicts = read_json(loop.place(1) / VERDICTS)
    write_json(loop.place(1) / VERDICTS, {name: {**entry, "kept": True} for name, entry in verdicts.items()})
    assert len(loop.candidates(1)) == 2 and loop.chosen(1) == 0


def test_a_loop_may_be_bold_all_the_time(tmp_path):
    config = dataclasses.replace(CONFIG, cautious=False)
    reports = list(SailLoop(LineStudio(cautious=0.3), KeepSuccesses(), config, tmp_path).run())
    assert [r.success for r in reports] == [share for share, _ in by_hand(True)]


def test_steps_are_those_of_all_collected_episodes(tmp_path):
    loop = SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path)
    reports = list(loop.run())
    lengths = [sum(read_episode(path).info.steps for path in loop.rollouts(i)) for i in range(2)]
    assert [r.steps for r in reports] == [lengths[0], sum(lengths), sum(lengths)]


class Stopped(Exception):
    pass


@pytest.mark.parametrize("at", range(9))
def test_a_loop_that_is_killed_anywhere_ends_up_with_the_same_files(tmp_path, at, monkeypatch):
    """Kills it at the n-th thing that is told or written, until it is through."""
    whole = tmp_path / "whole"
    list(SailLoop(LineStudio(), KeepSuccesses(), CONFIG, whole).run())
    written = []
    original = rollouts_module.write_episode
    left = [at]

    def count(*_):
        left[0] -= 1
        if left[0] < 0:
            left[0] = at + 6
            raise Stopped

    def write(path, episode):
        count()
        original(path, episode)
        written.append(path)

    monkeypatch.setattr(rollouts_module, "write_episode", write)
    for _ in range(40):
        try:
            list(SailLoop(LineStudio(), KeepSuccesses(), CONFIG, tmp_path / "cut", tell=count).run())
            break
        except Stopped:
            continue
    assert contents(tmp_path / "cut") == contents(whole)
    assert len(written) == len(set(written)) == 12


def test_no_goal_of_an_evaluation_is_rolled_out_and_all_iterations_have_the_same(tmp_path):
    loop = SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path)
    list(loop.run())
    goals = [{r["seed"] for r in read_json(loop.place(i) / EVALUATIONS[0])} for i in range(3)]
    assert goals == [set(range(EVALUATED, EVALUATED + 8))] * 3
    collected = [read_episode(path).info.seed for i in range(2) for path in loop.rollouts(i)]
    assert len(set(collected)) == 12 and not set(collected) & goals[0]


def test_what_is_forgotten_is_measured_at_the_start_and_at_the_end(tmp_path):
    config = dataclasses.replace(CONFIG, seen_tasks=("old", "older"), seen_goals=3)
    reports = list(SailLoop(LineStudio(), KeepAll(), config, tmp_path).run())
    assert [set(r.seen) for r in reports] == [{"old", "older"}, set(), {"old", "older"}]
    assert reports[0].goals == 8 and len(reports[0].reached) == 8


def test_a_training_that_fails_leaves_the_last_good_models(tmp_path):
    list(SailLoop(LineStudio(), KeepAll(), dataclasses.replace(CONFIG, iterations=1), tmp_path).run())
    good = (tmp_path / "iteration_0" / MODELS / SKILL).read_bytes()
    loop = SailLoop(LineStudio(gain=float("nan")), KeepAll(), CONFIG, tmp_path)
    with pytest.raises(InvalidValue, match="the loss is nan in step 3"):
        list(loop.run())
    assert (tmp_path / "iteration_0" / MODELS / SKILL).read_bytes() == good
    assert read_json(tmp_path / "iteration_1" / REPORT)["collected"] == 0
    assert len(list(SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path).run())) == 3


def test_a_full_disk_stops_it_and_it_goes_on_when_there_is_room(tmp_path, monkeypatch):
    original, room = rollouts_module.write_episode, [3]

    def write(path, episode):
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(path, episode)

    monkeypatch.setattr(rollouts_module, "write_episode", write)
    loop = SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path)
    with pytest.raises(OSError, match="No space left"):
        list(loop.run())
    assert len(loop.rollouts(0)) == 3
    room[0] = 1000
    assert len(list(SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path).run())) == 3


def test_a_finished_loop_runs_nothing_again_and_one_that_goes_on_longer_keeps_what_it_has(tmp_path):
    log = tmp_path / "log"
    short = dataclasses.replace(CONFIG, iterations=1)
    list(SailLoop(LineStudio(log=log), KeepAll(), short, tmp_path / "loop").run())
    before = log.read_text()
    list(SailLoop(LineStudio(log=log), KeepAll(), short, tmp_path / "loop").run())
    assert log.read_text() == before
    list(SailLoop(LineStudio(log=log), KeepAll(), CONFIG, tmp_path / "loop").run())
    list(SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path / "other").run())
    assert contents(tmp_path / "loop") == contents(tmp_path / "other")
    # Evaluated already, the once last iteration had only to collect and to learn.
    assert log.read_text()[len(before) :].count("improve") == 1


def test_batches_may_be_of_another_size_after_a_stop_and_change_nothing(tmp_path):
    list(SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path / "a").run())
    list(SailLoop(LineStudio(), KeepAll(), dataclasses.replace(CONFIG, batch=3), tmp_path / "b").run())
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_batches_can_be_run_elsewhere_and_come_back_in_any_order(tmp_path):
    def backwards(batches, keep):
        for batch in reversed(batches):
            keep(run_batch(batch))

    list(SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path / "a").run())
    list(SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path / "b", spread=backwards).run())
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_another_loop_in_the_same_folder_and_damaged_files_are_refused(tmp_path):
    list(SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path, "none").run())
    with pytest.raises(InvalidValue, match=r"holds another loop \(goals, name\); choose another folder"):
        SailLoop(LineStudio(), KeepAll(), dataclasses.replace(CONFIG, goals=9), tmp_path, "success")
    (tmp_path / "iteration_0" / REPORT).write_text("{}")
    with pytest.raises(InvalidValue, match="holds no report of an iteration"):
        list(SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path, "none").run())
    (tmp_path / "iteration_0" / REPORT).write_text("{")
    with pytest.raises(InvalidValue, match="cannot be read"):
        list(SailLoop(LineStudio(), KeepAll(), CONFIG, tmp_path, "none").run())
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("name", ["rollouts", "goals", "frames", "batch"])
def test_settings_that_are_no_loop_are_refused(name):
    with pytest.raises(InvalidValue, match=rf"SailConfig\.{name} must be at least 1, got 0"):
        SailConfig("line", **{name: 0})


def test_every_iteration_can_be_shown_imagined_beside_real(tmp_path):
    loop = SailLoop(LineStudio(), KeepAll(), dataclasses.replace(CONFIG, iterations=0), tmp_path)
    list(loop.run())
    path = loop.film(0)
    kept = path.read_bytes()
    assert len(kept) > 500 and loop.film(0).read_bytes() == kept
    # Showing it records nothing.
    assert loop.rollouts(0) == []


def test_pictures_of_a_video_are_those_that_were_imagined_for_their_moment():
    rollout = play(Batch(LineStudio(), None, "line", (1,), 2, Path("unused")))[0]
    shown = list(frames_of(rollout))
    real = rollout.episode.images["side"]
    assert len(shown) == len(real)
    for moment, picture in enumerate(shown):
        # This planner imagines that nothing changes, and plans anew every second step.
        believed = real[2 * min(moment // 2, len(rollout.plans) - 1)]
        assert np.array_equal(picture[::4, :64:4], believed) and np.array_equal(picture[::4, 72::4], real[moment])
    with pytest.raises(InvalidValue, match="must be recorded"):
        next(frames_of(dataclasses.replace(rollout, episode=None)))


@pytest.mark.parametrize("jobs", [1, 2])
def test_rollouts_can_be_spread_over_processes(tmp_path, jobs):
    # Other processes start slowly, and anew for every phase.
    config = dataclasses.replace(CONFIG, iterations=2 - jobs)
    list(SailLoop(LineStudio(), KeepAll(), config, tmp_path / "a").run())
    list(SailLoop(LineStudio(), KeepAll(), config, tmp_path / "b", spread=spread_over("process", jobs)).run())
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_an_unknown_engine_is_refused():
    with pytest.raises(UnknownName, match="engine 'cloud'; available: process, ray"):
        spread_over("cloud", 1)
