import numpy as np
import pytest
from recorded_episodes import made_up

from controllers.errors import InvalidValue
from policies.video.frame_pairs import FramePairs, PairBatch, jitter


def test_a_pair_tells_the_displacement_between_its_pictures():
    batch = FramePairs([made_up(), made_up(9)], "top", has_gripper=False).draw(500, np.random.default_rng(0), (1, 4))
    first, second = batch.before[:, 0, 0, 0].astype(int), batch.after[:, 0, 0, 0].astype(int)
    assert batch.displacement == pytest.approx(np.stack([second**2 - first**2] * 2, axis=1))
    assert set((second - first).tolist()) == {1, 2, 3, 4} and not batch.known.any()


def test_pairs_stay_within_their_episode():
    # Places of the second begin again at 0: a pair across would go backwards.
    batch = FramePairs([made_up(3), made_up(3)], "top", has_gripper=False).draw(300, np.random.default_rng(1), (1, 8))
    assert (batch.displacement > 0.0).all()


def test_time_runs_backwards_in_the_wanted_share_and_then_no_command_is_known():
    pairs = FramePairs([made_up(40, gripper=np.ones(40))], "top", has_gripper=True)
    batch = pairs.draw(2000, np.random.default_rng(2), (1, 3), reversed_share=0.3)
    back = batch.displacement[:, 0] < 0.0
    assert 0.25 < back.mean() < 0.35 and np.array_equal(batch.known, ~back)


def test_the_command_is_the_mean_of_those_on_the_way():
    gripper = np.array([-1.0, -1.0, 1.0, 1.0, 0.0, 1.0])
    batch = FramePairs([made_up(6, gripper=gripper)], "top", has_gripper=True).draw(
        300, np.random.default_rng(3), (1, 6)
    )
    for before, after, closing in zip(batch.before, batch.after, batch.closing, strict=True):
        i, j = int(before[0, 0, 0]), int(after[0, 0, 0])
        assert closing == pytest.approx(np.mean(0.5 * (gripper[i:j] + 1.0)), abs=1e-6)


def test_jitter_moves_and_tints_both_pictures_alike():
    rng = np.random.default_rng(4)
    images = rng.integers(60, 200, (5, 16, 16, 3)).astype(np.uint8)
    batch = PairBatch(images, images.copy(), np.zeros((5, 2), np.float32), np.zeros(5, np.float32), np.ones(5, bool))
    other = jitter(batch, np.random.default_rng(5))
    assert np.array_equal(other.before, other.after) and not np.array_equal(other.before, images)
    still = jitter(batch, np.random.default_rng(6), shift=0, tint=0.0)
    assert np.array_equal(still.before, images)
    moved = jitter(batch, np.random.default_rng(7), shift=2, tint=0.0)
    inside = moved.before[0, 4:12, 4:12]
    shifts = [images[0, 4 + r : 12 + r, 4 + c : 12 + c] for r in range(-2, 3) for c in range(-2, 3)]
    assert any(np.array_equal(inside, shift) for shift in shifts)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FramePairs([], "top", False), "at least one episode, got none"),
        (lambda: FramePairs([made_up()], "side", False), "camera 'side' was not recorded in 't'; recorded: top"),
        (
            lambda: FramePairs([made_up()], "top", False).draw(3, np.random.default_rng(0), (0, 2)),
            "range of at least 1",
        ),
    ],
)
def test_nothing_to_learn_from_is_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()
