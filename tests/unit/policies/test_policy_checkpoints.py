import numpy as np
import pytest

from controllers.errors import InvalidValue, MissingModel, UnknownName
from policies.checkpoints import fingerprint, load_arrays, load_weights, save_arrays

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([0.1]), "empty": np.zeros((0, 4)), "one": np.array(2.5)}


def test_arrays_and_texts_come_back(tmp_path):
    path = tmp_path / "new" / "x.safetensors"
    save_arrays(path, ARRAYS, {"made by": "hand"})
    arrays, texts = load_arrays(path)
    assert texts == {"made by": "hand"} and arrays.keys() == ARRAYS.keys()
    assert all(
        np.array_equal(arrays[name], value) and arrays[name].shape == value.shape for name, value in ARRAYS.items()
    )
    assert [item.name for item in path.parent.iterdir()] == ["x.safetensors"]


def test_the_library_of_the_format_reads_what_is_written_and_the_other_way_round(tmp_path):
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    save_arrays(tmp_path / "ours", ARRAYS)
    theirs = library.load_file(tmp_path / "ours")
    assert all(np.array_equal(theirs[name], value) for name, value in ARRAYS.items())
    library.save_file({"single": np.float32([1.5, -2.0])}, tmp_path / "theirs", {"k": "v"})
    arrays, texts = load_arrays(tmp_path / "theirs")
    assert arrays["single"].tolist() == [1.5, -2.0] and texts == {"k": "v"}


def test_a_file_by_hand_is_read(tmp_path):
    header = b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header + np.array([1.0, 2.0], "<f4").tobytes())
    assert load_arrays(tmp_path / "x")[0]["x"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no header"),
        (b"\xff" * 40, "no header"),
        (b"\x02" + b"\0" * 7 + b"{]", "is no safetensors file"),
        (b"\x02" + b"\0" * 7 + b"[]", "is no safetensors file"),
        (b'\x36\0\0\0\0\0\0\0{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}abc', "'x' is cut off"),
        (
            b'\x36\0\0\0\0\0\0\0{"x":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}abcdefgh',
            "type I32 of 'x' is none",
        ),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, data, message):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(InvalidValue, match=message):
        load_arrays(tmp_path / "x")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidValue, match="none' cannot be read: No such file"):
        load_arrays(tmp_path / "none")


def test_a_fingerprint_tells_contents_apart_but_not_their_order():
    assert fingerprint(ARRAYS) == fingerprint(dict(reversed(ARRAYS.items())))
    assert fingerprint(ARRAYS) != fingerprint({**ARRAYS, "b": np.array([0.2])})


@pytest.mark.parametrize(("kind", "bytes_each", "error"), [("F64", 8, 0.0), ("F32", 4, 1e-7), ("F16", 2, 1e-3)])
def test_less_precision_takes_less_room(tmp_path, kind, bytes_each, error):
    values = {"x": np.random.default_rng(0).uniform(0.5, 1.0, 10_000)}
    save_arrays(tmp_path / "x", values, kind=kind)
    assert (tmp_path / "x").stat().st_size == pytest.approx(bytes_each * 10_000, abs=400)
    assert load_arrays(tmp_path / "x")[0]["x"] == pytest.approx(values["x"], rel=error, abs=0.0)


def test_weights_that_were_changed_on_disk_are_refused(tmp_path):
    save_arrays(tmp_path / "x", {"x": np.ones(4)}, kind="F32")
    data = bytearray((tmp_path / "x").read_bytes())
    data[-1] ^= 1
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(InvalidValue, match=r"is damaged: its hash is [0-9a-f]{16}, it should be [0-9a-f]{16}"):
        load_arrays(tmp_path / "x")


def test_who_misses_weights_is_told_what_makes_them(tmp_path):
    with pytest.raises(MissingModel, match="are missing; this makes them: pronk train x"):
        load_weights(tmp_path / "x", "pronk train x")


@pytest.mark.parametrize(
    ("kind", "message"), [("F8", "unknown precision of weights 'F8'"), ("F16", "'x' holds a number that is too large")]
)
def test_a_precision_that_does_not_suffice_is_refused(tmp_path, kind, message):
    with pytest.raises((InvalidValue, UnknownName), match=message):
        save_arrays(tmp_path / "x", {"x": np.array([1e6])}, kind=kind)
