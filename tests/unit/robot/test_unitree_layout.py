import ctypes

import numpy as np
import pytest

from controllers.robot.unitree.layout import LOW_COMMAND, LOW_STATE, stop_command

u8, i8, u16, i16 = ctypes.c_uint8, ctypes.c_int8, ctypes.c_uint16, ctypes.c_int16
u32, i32, f32 = ctypes.c_uint32, ctypes.c_int32, ctypes.c_float


def structure(name, *fields):
    """A structure that ctypes aligns as the C compiler of this machine does."""
    return type(name, (ctypes.LittleEndianStructure,), {"_fields_": list(fields)})


MotorCmd = structure(
    "MotorCmd", ("mode", u8), ("q", f32), ("dq", f32), ("tau", f32), ("kp", f32), ("kd", f32), ("reserve", u32 * 3)
)
BmsCmd = structure("BmsCmd", ("off", u8), ("reserve", u8 * 3))
FRAME = (
    *(("head", u8 * 2), ("level_flag", u8), ("frame_reserve", u8), ("sn", u32 * 2), ("version", u32 * 2)),
    ("bandwidth", u16),
)
LowCmd = structure(
    "LowCmd",
    *(*FRAME, ("motor_cmd", MotorCmd * 20), ("bms_cmd", BmsCmd), ("wireless_remote", u8 * 40), ("led", u8 * 12)),
    *(("fan", u8 * 2), ("gpio", u8), ("reserve", u32), ("crc", u32)),
)
ImuState = structure(
    "ImuState",
    *(("quaternion", f32 * 4), ("gyroscope", f32 * 3), ("accelerometer", f32 * 3), ("rpy", f32 * 3)),
    ("temperature", i8),
)
MotorState = structure(
    "MotorState",
    *(("mode", u8), ("q", f32), ("dq", f32), ("ddq", f32), ("tau_est", f32), ("q_raw", f32), ("dq_raw", f32)),
    *(("ddq_raw", f32), ("temperature", i8), ("lost", u32), ("reserve", u32 * 2)),
)
BmsState = structure(
    "BmsState",
    *(("version_high", u8), ("version_low", u8), ("status", u8), ("soc", u8), ("current", i32), ("cycle", u16)),
    *(("bq_ntc", i8 * 2), ("mcu_ntc", i8 * 2), ("cell_vol", u16 * 15)),
)
LowState = structure(
    "LowState",
    *(*FRAME, ("imu_state", ImuState), ("motor_state", MotorState * 20), ("bms_state", BmsState)),
    *(("foot_force", i16 * 4), ("foot_force_est", i16 * 4), ("tick", u32), ("wireless_remote", u8 * 40)),
    *(("bit_flag", u8), ("adc_reel", f32), ("temperature_ntc1", i8), ("temperature_ntc2", i8), ("power_v", f32)),
    *(("power_a", f32), ("fan_frequency", u16 * 4), ("reserve", u32), ("crc", u32)),
)


def places(kind):
    """Name, offset and size of every field."""
    return [(name, getattr(kind, name).offset, getattr(kind, name).size) for name, _ in kind._fields_]


@pytest.mark.parametrize(("layout", "kind"), [(LOW_COMMAND, LowCmd), (LOW_STATE, LowState)])
def test_fields_lie_where_a_c_compiler_puts_them(layout, kind):
    assert layout.itemsize == ctypes.sizeof(kind)
    assert [(n, layout.fields[n][1], layout.fields[n][0].itemsize) for n in layout.names] == places(kind)


@pytest.mark.parametrize(
    ("layout", "kind"),
    [
        (LOW_COMMAND["motor_cmd"].base, MotorCmd),
        (LOW_STATE["motor_state"].base, MotorState),
        (LOW_STATE["imu_state"], ImuState),
        (LOW_STATE["bms_state"], BmsState),
    ],
)
def test_nested_fields_lie_where_a_c_compiler_puts_them(layout, kind):
    assert layout.itemsize == ctypes.sizeof(kind)
    assert [(n, layout.fields[n][1], layout.fields[n][0].itemsize) for n in layout.names] == places(kind)


def test_sizes_are_the_published_ones():
    # The comments in unitree_sdk2_python, utils/crc.py.
    assert (LOW_COMMAND.itemsize, LOW_STATE.itemsize) == (812, 1180)


def test_the_stop_command_holds_the_published_constants():
    c = LowCmd.from_buffer_copy(stop_command().tobytes())
    assert bytes(c.head) == b"\xfe\xef" and c.level_flag == 0xFF and c.crc == 0
    for motor in c.motor_cmd:
        assert (motor.mode, motor.q, motor.dq) == (1, np.float32(2.146e9), 16000.0)
        assert (motor.tau, motor.kp, motor.kd) == (0.0, 0.0, 0.0)
