import numpy as np
import pytest

from controllers.errors import InvalidValue, MissingModel
from policies.checkpoints import load_weights, save_arrays
from policies.sail.weight_mean import TRAININGS, write_mean


def put(path, value, **more):
    save_arrays(path, {"w": np.full((2, 3), value), **more}, {"kind": "x"}, kind="F16")
    return path


def test_what_a_loop_begins_with_is_no_part_of_the_mean_and_all_fine_tunings_count_alike(tmp_path):
    start, mean = put(tmp_path / "start", 100.0), tmp_path / "mean"
    values = [1.0, 2.0, 6.0, -5.0]
    for i, value in enumerate(values):
        write_mean(mean if i else start, put(tmp_path / "fresh", value), mean)
        arrays, texts = load_weights(mean, "")
        # In half precision.
        assert arrays["w"] == pytest.approx(np.full((2, 3), np.mean(values[: i + 1])), rel=1e-3)
        assert texts["kind"] == "x" and texts[TRAININGS] == str(i + 1)


def test_words_that_are_new_are_taken_as_they_are(tmp_path):
    mean = tmp_path / "mean"
    write_mean(put(tmp_path / "start", 0.0), put(tmp_path / "one", 0.0), mean)
    write_mean(mean, put(tmp_path / "two", 4.0, word=np.ones(3)), mean)
    arrays, _ = load_weights(mean, "")
    assert np.array_equal(arrays["word"], np.ones(3)) and arrays["w"] == pytest.approx(np.full((2, 3), 2.0))


def test_missing_and_damaged_weights_are_told(tmp_path):
    start = put(tmp_path / "start", 0.0)
    with pytest.raises(MissingModel, match=r"'.*none' are missing; this makes them: pronk train sail"):
        write_mean(start, tmp_path / "none", tmp_path / "mean")
    (tmp_path / "bad").write_bytes(b"no weights")
    with pytest.raises(InvalidValue, match="bad"):
        write_mean(start, tmp_path / "bad", tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
