import struct

import numpy as np
import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from controllers.errors import InvalidValue
from controllers.robot.unitree.cdr import CdrCodec
from controllers.robot.unitree.layout import LOW_COMMAND, LOW_STATE

CODECS = {"LowCmd": CdrCodec("lowcmd", LOW_COMMAND), "LowState": CdrCodec("lowstate", LOW_STATE)}
LAYOUTS = {"LowCmd": LOW_COMMAND, "LowState": LOW_STATE}


@pytest.fixture(scope="module")
def store(request):
    """A serialiser that knows nothing of this project but the interface files."""
    types = {}
    for path in (request.config.rootpath / "ros2_ws" / "src" / "unitree_go" / "msg").glob("*.msg"):
        types.update(get_types_from_msg(path.read_text(), f"unitree_go/msg/{path.stem}"))
    store = get_typestore(Stores.EMPTY)
    store.register(types)
    return store


def filled(layout, seed=0):
    """A record whose every number differs, without NaN, and with padding of zero."""
    rng = np.random.default_rng(seed)
    record = np.zeros(1, dtype=layout)

    def fill(view, kind):
        for name in kind.names:
            base = kind[name].base
            if base.names:
                fill(view[name], base)
            elif base.kind == "f":
                view[name] = rng.uniform(-1e3, 1e3, view[name].shape)
            else:
                limits = np.iinfo(base)
                view[name] = rng.integers(limits.min, limits.max, view[name].shape, dtype=base, endpoint=True)

    fill(record, layout)
    return record


def message(store, kind, record):
    """The same content as a message of the other serialiser."""
    definition = store.fielddefs[kind][1]
    values = {}
    for name, (node, description) in definition:
        value = record[name]
        if description[0] is not None and node.name == "NAME":
            values[name] = message(store, description, value)
        elif node.name == "ARRAY" and description[0][0].name == "NAME":
            values[name] = [message(store, description[0][1], element) for element in value]
        else:
            values[name] = value if isinstance(value, np.ndarray) else value.item()
    return store.types[kind](**values)


@pytest.mark.parametrize("name", sorted(CODECS))
def test_the_bytes_are_those_of_an_independent_serialiser(store, name):
    record = filled(LAYOUTS[name])
    kind = f"unitree_go/msg/{name}"
    expected = bytes(store.serialize_cdr(message(store, kind, record[0]), kind))
    assert CODECS[name].encode(record) == expected


@pytest.mark.parametrize("name", sorted(CODECS))
def test_decoding_undoes_encoding(name):
    record = filled(LAYOUTS[name], 3)
    codec = CODECS[name]
    assert codec.decode(codec.encode(record)).tobytes() == record.tobytes()


def test_a_number_stands_where_the_standard_puts_it():
    record = np.zeros(1, dtype=LOW_COMMAND)
    record["bandwidth"] = 0x1234
    record["motor_cmd"]["mode"][0, 0] = 7
    record["motor_cmd"]["q"][0, 0] = 1.5
    data = CODECS["LowCmd"].encode(record)[4:]
    # head 2, flags 2, sn 8, version 8: bandwidth at 20, the mode right behind it, q at the next multiple of four.
    assert struct.unpack_from("<HBxf", data, 20) == (0x1234, 7, 1.5)


@pytest.mark.parametrize("name", sorted(CODECS))
def test_both_little_endian_encodings_are_read(name):
    record = filled(LAYOUTS[name], 5)
    data = CODECS[name].encode(record)
    assert CODECS[name].decode(b"\x00\x07" + data[2:]).tobytes() == record.tobytes()


def test_another_encoding_is_refused():
    data = CODECS["LowState"].encode(filled(LOW_STATE))
    with pytest.raises(InvalidValue, match=r"lowstate must be little-endian CDR \(0001, 0007\), got header 0000"):
        CODECS["LowState"].decode(b"\x00\x00" + data[2:])


@pytest.mark.parametrize("length", [0, 3, 100, -1, 1])
def test_another_length_is_refused(length):
    codec = CODECS["LowState"]
    data = codec.encode(filled(LOW_STATE))
    data = data + b"x" if length == 1 else data[:length]
    with pytest.raises(InvalidValue, match=f"lowstate must be {codec.size} bytes long, got {len(data)}"):
        codec.decode(data)
