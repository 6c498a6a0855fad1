import numpy as np
import pytest
from recorded_episodes import made_up

from controllers.errors import InvalidValue
from policies.video.frame_pairs import join, take
from policies.video.imagined_pairs import imagine_pairs


class Counting:
    """Imagines that the brightness of a picture, which tells its number, goes on by ten."""

    size, steps_per_frame = 16, 2

    def imagine(self, images, instructions, rngs):
        assert len(images) == len(instructions) == len(rngs)
        return np.stack([images + np.uint8(10 * (i + 1)) for i in range(4)], axis=1)


def pairs(frames=2, count=40, **given):
    return imagine_pairs([made_up(12, **given), made_up(3, **given)], "top", Counting(), count, frames, seed=0)


def test_pairs_are_labelled_with_what_was_done_at_that_moment():
    batch = pairs()
    assert len(batch.before) == 80 and batch.displacement.shape == (80, 2)
    first = batch.before[::2, 0, 0, 0].astype(int)
    # In these episodes the place is the square of the number of the picture.
    assert batch.displacement[::2, 0] == pytest.approx((first + 2.0) ** 2 - first**2)
    assert batch.displacement[1::2, 0] == pytest.approx((first + 4.0) ** 2 - (first + 2.0) ** 2)
    assert first.max() <= 8


def test_the_second_pair_goes_on_from_an_imagined_picture():
    batch = pairs()
    assert np.array_equal(batch.after[::2], batch.before[1::2])
    assert np.array_equal(batch.after[::2], batch.before[::2] + 10)
    assert np.array_equal(batch.after[1::2], batch.before[::2] + 20)


def test_commands_to_the_gripper_are_means_of_the_interval():
    gripper = np.array([-1.0, 1.0] * 6)
    batch = imagine_pairs([gripping(gripper)], "top", Counting(), 5, 2, seed=0)
    assert batch.closing == pytest.approx([0.5] * 10) and batch.known.all()
    assert not pairs().known.any()


def gripping(gripper):
    from dataclasses import replace

    episode = made_up(12, gripper=gripper)
    return replace(episode, info=replace(episode.info, pose_names=("x_m", "y_m", "gripper_opening")))


def test_pairs_are_chosen_and_joined():
    batch = pairs()
    both = join(take(batch, np.array([3, 5])), take(batch, np.array([0])))
    assert np.array_equal(both.displacement, batch.displacement[[3, 5, 0]])
    assert np.array_equal(both.after, batch.after[[3, 5, 0]])


def test_episodes_that_are_too_short_are_refused():
    with pytest.raises(InvalidValue, match="needs an episode of at least 14 steps, got none"):
        pairs(frames=7)
