import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from policies.rewards.keyframes import KeyframeConfig, find_keyframes, gripper_events, smooth
from policies.rewards.step_labels import check_keyframes, label_steps, progress_of_frames


def reach(start, end, frames):
    """A smooth straight motion from rest to rest (minimum jerk)."""
    s = np.linspace(0.0, 1.0, frames)[:, None]
    return np.array(start) + (10 * s**3 - 15 * s**4 + 6 * s**5) * (np.array(end) - np.array(start))


def pick():
    """Reach, grasp for ten frames, carry: rest at frame 40, grasp begins at 41."""
    down, up = reach([0.0, 0.0, 0.3], [0.2, 0.0, 0.0], 41), reach([0.2, 0.0, 0.0], [0.2, 0.3, 0.2], 41)
    still = np.repeat(down[-1:], 10, axis=0)
    gripper = np.where(np.arange(92) < 41, -1.0, 1.0)
    return np.vstack([down, still, up]), gripper


def test_a_grasp_cuts_and_the_rest_around_it_does_not_cut_again():
    assert find_keyframes(*pick()).tolist() == [0, 41, 91]


def test_without_a_gripper_the_hand_cuts_where_it_rests():
    # It rests from frame 40 to 51.
    found = find_keyframes(pick()[0])
    assert len(found) == 3 and abs(found[1] - 45.5) <= 1


def test_a_via_point_that_is_passed_slowly_cuts_too():
    legs = [reach([0.0, 0.0], [0.1, 0.0], 30), reach([0.1, 0.0], [0.1, 0.2], 30), reach([0.1, 0.2], [0.3, 0.2], 30)]
    found = find_keyframes(np.vstack(legs))
    assert len(found) == 4 and np.abs(found - [0, 29.5, 59.5, 89]).max() <= 2


def test_a_motion_at_one_speed_is_one_step():
    assert find_keyframes(np.linspace([0.0, 0.0], [1.0, 0.0], 50)).tolist() == [0, 49]
    assert find_keyframes(np.zeros((50, 3))).tolist() == [0, 49]


def test_a_noisy_command_counts_once_and_the_undecided_middle_not_at_all():
    command = np.concatenate(
        [np.full(20, -1.0), [0.4, 0.1, 0.35, 0.0, -0.2], np.full(20, 1.0), np.zeros(5), [-0.9] * 5]
    )
    assert gripper_events(command, KeyframeConfig()).tolist() == [20, 50]
    assert gripper_events(np.zeros(9), KeyframeConfig()).tolist() == []


@given(st.integers(2, 60), st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_whatever_happens_the_cuts_are_in_order_and_apart(frames, seed, gap):
    rng = np.random.default_rng(seed)
    position = np.cumsum(rng.normal(size=(frames, 3)) * rng.integers(0, 2, (frames, 1)), axis=0)
    found = find_keyframes(position, rng.uniform(-1.0, 1.0, frames), KeyframeConfig(gap=gap))
    assert found[0] == 0 and found[-1] == frames - 1
    assert (np.diff(found) >= (gap if len(found) > 2 else 1)).all()


def test_smoothing_averages_a_window_that_shrinks_at_the_ends():
    # (3 + 6) / 2, (3 + 6 + 0) / 3, (6 + 0 + 9) / 3, (0 + 9) / 2.
    assert smooth(np.array([3.0, 6.0, 0.0, 9.0]), 3) == pytest.approx([4.5, 3.0, 5.0, 4.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: find_keyframes(np.zeros((1, 3))), r"at least 2 frames, got \(1, 3\)"),
        (lambda: find_keyframes(np.zeros(9)), r"position must have shape \(L, D\)"),
        (lambda: find_keyframes(np.zeros((9, 3)), np.zeros(8)), r"gripper must have shape \(9,\), got \(8,\)"),
        (lambda: find_keyframes(np.full((9, 3), np.nan)), "position and gripper must be finite"),
        (lambda: KeyframeConfig(smoothing=4), "smoothing must be odd and at least 1, got 4"),
        (lambda: KeyframeConfig(still=1.0), r"still must lie in \[0, 1\), got 1.0"),
        (lambda: KeyframeConfig(closed=-0.5), "opened must not exceed closed, got -0.3 and -0.5"),
        (lambda: KeyframeConfig(gap=0), "gap must be at least 1, got 0"),
        (lambda: check_keyframes([0]), "at least 2 whole numbers"),
        (lambda: check_keyframes([0.0, 3.0]), "at least 2 whole numbers"),
        (lambda: check_keyframes([1, 3]), "must begin with 0 and increase"),
        (lambda: check_keyframes([0, 3, 3]), "must begin with 0 and increase"),
        (lambda: label_steps([0, 3], 0), "chunk must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_cut_is_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()


def test_every_step_gets_the_same_number_of_points():
    # L = 100, N = 2, C = 10: 5 points a step; the first step is three times as fast.
    labels = label_steps([0, 25, 99], chunk=10)
    assert labels.frame.tolist() == [0, 5, 10, 15, 20, 25, 40, 55, 69, 84, 99]
    assert labels.progress == pytest.approx(np.arange(11) / 10)
    assert labels.local_frames[[0, 1, 5, 10]].tolist() == [5, 10, 20, 15]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 50))
def test_labels_agree_with_the_progress_of_their_frames(lengths, chunk):
    keyframes = np.concatenate([[0], np.cumsum(lengths)])
    labels, dense = label_steps(keyframes, chunk), progress_of_frames(keyframes)
    steps = len(lengths)
    assert len(labels.frame) == steps * max((keyframes[-1] + 1) // (steps * chunk), 1) + 1
    assert len(dense) == keyframes[-1] + 1 and dense[0] == 0.0 and dense[-1] == 1.0
    assert dense[keyframes] == pytest.approx(np.arange(steps + 1) / steps)
    # A point lies within half a frame of its progress; one frame is at most the share of a step over its length.
    assert np.abs(dense[labels.frame] - labels.progress).max() <= 0.5 / steps / min(lengths) + 1e-9
