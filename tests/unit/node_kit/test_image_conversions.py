from array import array

import numpy as np
import pytest

pytest.importorskip("sensor_msgs")

from controllers.errors import InvalidValue
from pronk_node_kit.image_conversions import image_message, picture_of, tile, untile
from pronk_node_kit.stamps import time_from_stamp

PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def test_a_picture_survives_being_a_message():
    message = image_message(PICTURE, 1.5, "corner4")
    assert (message.height, message.width, message.step, message.encoding) == (2, 3, 9, "rgb8")
    assert (time_from_stamp(message.header.stamp), message.header.frame_id) == (1.5, "corner4")
    np.testing.assert_array_equal(picture_of(message), PICTURE)


def test_rows_may_be_padded_and_blue_may_come_first():
    message = image_message(PICTURE, 0.0, "")
    padded = np.pad(PICTURE[..., ::-1].reshape(2, 9), ((0, 0), (0, 2)), constant_values=7)
    message.encoding, message.step, message.data = "bgr8", 11, array("B", padded.tobytes())
    np.testing.assert_array_equal(picture_of(message), PICTURE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"encoding": "mono8"}, "must be encoded as one of: rgb8, bgr8; got 'mono8' of camera 'top'"),
        ({"height": 3}, "of 3 x 3 pixels needs 3 rows of at least 9 bytes, got 18 bytes in rows of 9"),
        ({"step": 8}, "got 18 bytes in rows of 8"),
        ({"width": 0}, "of 0 x 2 pixels"),
        ({"data": array("B")}, "got 0 bytes"),
    ],
)
def test_what_is_no_picture_is_refused(change, reason):
    message = image_message(PICTURE, 0.0, "top")
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(InvalidValue, match=reason):
        picture_of(message)


def test_pictures_in_a_row_come_apart_again():
    frames = np.random.default_rng(0).integers(0, 255, (4, 2, 3, 3), dtype=np.uint8)
    row = tile(frames)
    assert row.shape == (2, 12, 3)
    np.testing.assert_array_equal(row[:, 3:6], frames[1])
    np.testing.assert_array_equal(untile(row, 4), frames)
    with pytest.raises(InvalidValue, match="5 pictures in a row cannot be 12 pixels wide"):
        untile(row, 5)
