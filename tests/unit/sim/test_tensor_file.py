import os

import numpy as np
import pytest

from controllers.errors import InvalidValue
from sim.tensor_file import KINDS, read_metadata, read_tensors, write_tensors

TENSORS = {
    "picture": np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    "flag": np.array([True, False]),
    "count": np.array([1, -(2**40)]),
    "small": np.array([3, -4], dtype=np.int32),
    "single": np.float32([0.1, np.inf]),
    "empty": np.zeros((0, 5)),
}


def test_all_kinds_come_back_as_they_were(tmp_path):
    write_tensors(tmp_path / "new" / "x", TENSORS, {"made by": "hand"})
    tensors, texts = read_tensors(tmp_path / "new" / "x")
    assert texts == read_metadata(tmp_path / "new" / "x") == {"made by": "hand"}
    for name, tensor in TENSORS.items():
        assert np.array_equal(tensors[name], tensor) and tensors[name].dtype == tensor.dtype
    assert {np.dtype(kind) for kind in KINDS.values()} >= {tensor.dtype for tensor in TENSORS.values()}


def test_the_other_order_of_bytes_is_turned(tmp_path):
    write_tensors(tmp_path / "x", {"big": np.array([1.5, 2.5], dtype=">f8")})
    assert read_tensors(tmp_path / "x")[0]["big"].tolist() == [1.5, 2.5]


def test_the_library_of_the_format_reads_all_kinds(tmp_path):
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    write_tensors(tmp_path / "x", TENSORS)
    theirs = library.load_file(tmp_path / "x")
    assert all(np.array_equal(theirs[name], tensor) for name, tensor in TENSORS.items())


def test_a_kind_that_the_format_does_not_know_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match="array 'x' of type complex128 is none of F64, F32"):
        write_tensors(tmp_path / "x", {"x": np.zeros(2, dtype=complex)})


@pytest.mark.parametrize("read", [read_tensors, read_metadata])
def test_a_file_cut_anywhere_is_refused(tmp_path, read):
    write_tensors(tmp_path / "whole", TENSORS, {"a": "b"})
    data = (tmp_path / "whole").read_bytes()
    for length in (0, 7, 40, len(data) // 2, len(data) - 1):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(InvalidValue, match="is no safetensors file that can be read"):
            read(tmp_path / "cut")
    with pytest.raises(InvalidValue, match="none' cannot be read: No such file"):
        read(tmp_path / "none")


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    write_tensors(tmp_path / "x", {"a": np.zeros(3)})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_tensors(tmp_path / "x", {"a": np.ones(3)})
    assert read_tensors(tmp_path / "x")[0]["a"].tolist() == [0.0, 0.0, 0.0]
    assert [item.name for item in tmp_path.iterdir()] == ["x"]
