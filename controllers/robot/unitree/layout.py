"""Byte layout of LowCmd and LowState of the Go2: the C structures that the vendor computes checksums over.

Field names, types and order are those of the vendor's published interface (unitree_ros2, unitree_go/msg); structures
are aligned as a C compiler aligns them. A message is an array of one record, so that its bytes and its fields are
views of the same memory.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Record = npt.NDArray[np.void]
Bytes = npt.NDArray[np.uint8]

N_MOTORS = 20

HEAD = (0xFE, 0xEF)
LOW_LEVEL = 0xFF
MOTOR_ON = 0x01
# Targets with which a motor's position and velocity loop are off.
NO_POSITION = 2.146e9
NO_VELOCITY = 16000.0

MOTOR_COMMAND = np.dtype(
    [
        ("mode", "<u1"),
        ("q", "<f4"),
        ("dq", "<f4"),
        ("tau", "<f4"),
        ("kp", "<f4"),
        ("kd", "<f4"),
        ("reserve", "<u4", 3),
    ],
    align=True,
)
BATTERY_COMMAND = np.dtype([("off", "<u1"), ("reserve", "<u1", 3)], align=True)
LOW_COMMAND = np.dtype(
    [
        ("head", "<u1", 2),
        ("level_flag", "<u1"),
        ("frame_reserve", "<u1"),
        ("sn", "<u4", 2),
        ("version", "<u4", 2),
        ("bandwidth", "<u2"),
        ("motor_cmd", MOTOR_COMMAND, N_MOTORS),
        ("bms_cmd", BATTERY_COMMAND),
        ("wireless_remote", "<u1", 40),
        ("led", "<u1", 12),
        ("fan", "<u1", 2),
        ("gpio", "<u1"),
        ("reserve", "<u4"),
        ("crc", "<u4"),
    ],
    align=True,
)

IMU_STATE = np.dtype(
    [
        ("quaternion", "<f4", 4),
        ("gyroscope", "<f4", 3),
        ("accelerometer", "<f4", 3),
        ("rpy", "<f4", 3),
        ("temperature", "<i1"),
    ],
    align=True,
)
MOTOR_STATE = np.dtype(
    [
        ("mode", "<u1"),
        ("q", "<f4"),
        ("dq", "<f4"),
        ("ddq", "<f4"),
        ("tau_est", "<f4"),
        ("q_raw", "<f4"),
        ("dq_raw", "<f4"),
        ("ddq_raw", "<f4"),
        ("temperature", "<i1"),
        ("lost", "<u4"),
        ("reserve", "<u4", 2),
    ],
    align=True,
)
BATTERY_STATE = np.dtype(
    [
        ("version_high", "<u1"),
        ("version_low", "<u1"),
        ("status", "<u1"),
        ("soc", "<u1"),
        ("current", "<i4"),
        ("cycle", "<u2"),
        ("bq_ntc", "<i1", 2),
        ("mcu_ntc", "<i1", 2),
        ("cell_vol", "<u2", 15),
    ],
    align=True,
)
LOW_STATE = np.dtype(
    [
        ("head", "<u1", 2),
        ("level_flag", "<u1"),
        ("frame_reserve", "<u1"),
        ("sn", "<u4", 2),
        ("version", "<u4", 2),
        ("bandwidth", "<u2"),
        ("imu_state", IMU_STATE),
        ("motor_state", MOTOR_STATE, N_MOTORS),
        ("bms_state", BATTERY_STATE),
        ("foot_force", "<i2", 4),
        ("foot_force_est", "<i2", 4),
        ("tick", "<u4"),
        ("wireless_remote", "<u1", 40),
        ("bit_flag", "<u1"),
        ("adc_reel", "<f4"),
        ("temperature_ntc1", "<i1"),
        ("temperature_ntc2", "<i1"),
        ("power_v", "<f4"),
        ("power_a", "<f4"),
        ("fan_frequency", "<u2", 4),
        ("reserve", "<u4"),
        ("crc", "<u4"),
    ],
    align=True,
)


def numbers(layout: np.dtype[np.void], start: int = 0) -> Iterator[tuple[int, int]]:
    """List the numbers of a structure; what lies between them is padding.

    Args:
        layout: A structure.
        start: Offset of its beginning.

    Yields:
        Offset and size of every number, in order.
    """
    if layout.subdtype is not None:
        element, shape = layout.subdtype
        for i in range(int(np.prod(shape))):
            yield from numbers(element, start + i * element.itemsize)
    elif layout.names is not None and layout.fields is not None:
        for name in layout.names:
            kind, offset = layout.fields[name][:2]
            yield from numbers(kind, start + offset)
    else:
        yield start, layout.itemsize


def new_record(layout: np.dtype[np.void]) -> Record:
    """Make a message of zeros.

    Args:
        layout: `LOW_COMMAND` or `LOW_STATE`.

    Returns:
        Array of one record, shape (1,).
    """
    return np.zeros(1, dtype=layout)


def words(record: Record, name: str, kind: str = "<f4") -> npt.NDArray[Any]:
    """View a field of structures as a table of its 32-bit words, which is far quicker to use than field by field.

    Args:
        record: Message, shape (1,).
        name: One of its fields, made of whole words.
        kind: What the words are taken for: "<f4", "<u4" or "<i4".

    Returns:
        View of the message's memory, shape (structures, words of a structure).
    """
    assert record.dtype.fields is not None
    field, offset = record.dtype.fields[name][:2]
    size = field.base.itemsize
    return record.view(kind)[offset // 4 : (offset + field.itemsize) // 4].reshape(-1, size // 4)


def word_of(structure: np.dtype[np.void], name: str) -> int:
    """Tell in which word of a structure a field begins.

    Args:
        structure: Such as `MOTOR_STATE`.
        name: One of its fields.

    Returns:
        Index of the word.
    """
    assert structure.fields is not None
    return int(structure.fields[name][1]) // 4


def stop_command() -> Record:
    """Make the command with which no motor exerts a torque: every loop off, every gain zero.

    Returns:
        A LowCmd without checksum, shape (1,).
    """
    record = new_record(LOW_COMMAND)
    record["head"] = HEAD
    record["level_flag"] = LOW_LEVEL
    motors = record["motor_cmd"][0]
    motors["mode"] = MOTOR_ON
    motors["q"] = NO_POSITION
    motors["dq"] = NO_VELOCITY
    return record
