import json

import numpy as np
import pytest
from toy_clips import VIEWS, toy_clip, toy_episode

from controllers.errors import InvalidValue
from policies.rewards.clips import GRID, elapsed_share, load_clips, make_clip, step_curve
from sim.episodes import write_episode

NAN = np.nan


def test_an_experts_time_is_its_progress_until_it_succeeds():
    shares = [0.0, 0.2, 0.5, 0.9, 1.0, 1.0]
    assert elapsed_share(toy_episode(shares)) == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0, 1.0])


def test_a_success_that_is_lost_again_is_of_no_known_worth():
    assert elapsed_share(toy_episode([0.0, 1.0, 0.5, 1.0])) == pytest.approx([0.0, 1.0, NAN, 1.0], nan_ok=True)


def test_what_an_expert_would_still_need_counts_whoever_acted():
    # From the start 40 steps; going astray costs, and beyond the start nothing is done.
    episode = toy_episode([0.0, 0.1, 0.0, 0.5, 1.0], [40, 30, 50, np.inf, 0], behaviour="stumble")
    assert elapsed_share(episode) == pytest.approx([0.0, 0.25, 0.0, NAN, 1.0], nan_ok=True)


def test_nothing_is_known_where_the_expert_is_lost_from_the_start_or_was_not_asked():
    lost = toy_episode([0.0, 0.5, 1.0], [np.inf, 20, 0], behaviour="stumble")
    unasked = toy_episode([0.0, 0.5, 1.0], behaviour="play")
    for episode in (lost, unasked):
        assert elapsed_share(episode) == pytest.approx([NAN, NAN, 1.0], nan_ok=True)


def test_steps_of_equal_worth_bend_time():
    # Fast for 5 states, a rest around state 6, then slow to state 20: two steps.
    place = np.concatenate([np.linspace(0.0, 0.6, 6), [0.6, 0.6], np.linspace(0.63, 1.0, 13)])
    curve = step_curve([toy_episode(place)])
    assert curve[0] == 0.0 and curve[-1] == 1.0 and (np.diff(curve) > 0.0).all()
    # The rest ends the first of two steps; half of the curve is plain time.
    assert np.interp(6 / 20, GRID, curve) == pytest.approx(0.5 * 6 / 20 + 0.5 * 0.5, abs=0.02)
    assert np.array_equal(step_curve([toy_episode([0.0, 0.5, 0.6])]), GRID)


def test_folders_become_clips_and_what_shall_be_left_out_is(tmp_path):
    for task in ("right", "down"):
        episode = toy_episode([0.0, 0.5, 1.0], task=task)
        write_episode(tmp_path / "a" / task / "000000.safetensors", episode)
    write_episode(tmp_path / "b" / "000000.safetensors", toy_episode([0.0, 0.5, 1.0]))
    (tmp_path / "b" / "collection.json").write_text(json.dumps({"look": 7}))
    clips = load_clips([tmp_path / "a", tmp_path / "b"], VIEWS, ("down",))
    assert [(c.task, c.look, c.expert, c.done) for c in clips] == [("right", "", True, 2), ("right", "7", True, 2)]
    assert clips[0].images.shape == (3, 2, 16, 16, 3)
    with pytest.raises(InvalidValue, match="there are no episodes in"):
        load_clips([tmp_path / "a"], VIEWS, ("right", "down"))
    with pytest.raises(InvalidValue, match="'right' has no pictures of top; it has those of front, side"):
        make_clip(toy_episode([0.0, 1.0]), ("front", "top"))


def test_points_to_draw_pairs_from_are_the_states_of_known_worth():
    clip = toy_clip(shares=[0.0, NAN, 0.5, 0.25, 1.0])
    assert clip.labels.frame.tolist() == [0, 2, 3, 4] and clip.labels.progress.tolist() == [0.0, 0.5, 0.25, 1.0]
    assert clip.labels.local_frames.tolist() == [2, 3, 2, 1] and clip.done == 4
