"""Whatever stands in a weight file, only our own error comes of it, and what is read is what the header says."""

import json

import numpy as np
import pytest
from fuzzing import damaged, many, spoilt
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from policies.checkpoints import load_arrays, save_arrays

HEADER = {
    "__metadata__": {"made by": "hand"},
    "a": {"dtype": "F64", "shape": [2, 3], "data_offsets": [0, 48]},
    "b": {"dtype": "F32", "shape": [2], "data_offsets": [48, 56]},
}
BODY = bytes(range(56))


def file_of(header, body=BODY):
    text = json.dumps(header, default=str).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "x.safetensors"


def read(file, content):
    file.write_bytes(content)
    try:
        arrays, texts = load_arrays(file)
    except InvalidValue as error:
        assert str(file) in str(error)
        return
    assert all(array.dtype == np.float64 for array in arrays.values())
    assert all(isinstance(text, str) for pair in texts.items() for text in pair)
    # Nothing can be read that is not there.
    assert sum(array.size for array in arrays.values()) <= len(content) * max(1, len(arrays))


def test_the_file_that_is_spoilt_is_good_to_begin_with(file):
    file.write_bytes(file_of(HEADER))
    arrays, texts = load_arrays(file)
    assert arrays["a"].shape == (2, 3) and arrays["b"].shape == (2,) and texts == {"made by": "hand"}


@many(300)
@given(spoilt(HEADER))
def test_a_header_with_something_wrong_is_read_or_refused(file, header):
    read(file, file_of(header))


@many(300)
@given(damaged(file_of(HEADER)) | st.binary(max_size=100))
def test_a_damaged_file_is_read_or_refused(file, content):
    read(file, content)


@many(100)
@given(st.integers(0, 2**64 - 1), st.binary(max_size=20))
def test_any_length_of_the_header_is_taken_or_refused(file, length, rest):
    read(file, length.to_bytes(8, "little") + rest)


@many(60)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5).filter(lambda name: name != "__metadata__"),
        st.lists(st.floats(allow_nan=False), max_size=5),
        max_size=4,
    )
)
def test_what_was_saved_comes_back(file, arrays):
    save_arrays(file, {name: np.array(values) for name, values in arrays.items()})
    found, _ = load_arrays(file)
    assert {name: array.tolist() for name, array in found.items()} == arrays
