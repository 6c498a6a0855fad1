import struct

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.robot.interface import JointCommand
from controllers.robot.joints import JOINT_NAMES
from controllers.robot.unitree.checksum import checksum
from controllers.robot.unitree.commands import LowCommandEncoder, read_command
from controllers.robot.unitree.layout import stop_command

FIELDS = ("position", "velocity", "effort", "stiffness", "damping")


def some_command():
    n = np.arange(12, dtype=float)
    return JointCommand(0.5, 0.1 * n - 0.5, 1.0 - n, 0.3 * n, 20.0 + n, 1.0 + 0.1 * n)


def motor(record, index):
    """The five numbers of a motor, read by the published format and not by field names."""
    return struct.unpack_from("<B3x5f", record.tobytes(), 24 + 36 * index)


def test_every_joint_commands_its_own_motor():
    record = LowCommandEncoder().encode(some_command())
    # RL_calf_joint is the ninth joint of Pronk and the twelfth motor of the vendor.
    assert JOINT_NAMES[8] == "RL_calf_joint"
    expected = [1, *(np.float32(v) for v in (0.1 * 8 - 0.5, 1.0 - 8, 0.3 * 8, 28.0, 1.8))]
    assert list(motor(record, 11)) == expected
    assert motor(record, 3)[1] == np.float32(-0.5)  # FL_hip_joint
    assert motor(record, 0)[1] == np.float32(-0.2)  # FR_hip_joint


def test_the_message_is_signed_and_low_level():
    record = LowCommandEncoder().encode(some_command())
    assert int(record["crc"][0]) == checksum(record) != 0
    assert record.tobytes()[:3] == b"\xfe\xef\xff"


def test_motors_that_the_robot_does_not_have_stay_off():
    record = LowCommandEncoder().encode(some_command())
    assert all(motor(record, i) == (1, np.float32(2.146e9), 16000.0, 0.0, 0.0, 0.0) for i in range(12, 20))


def test_a_loop_without_gain_is_switched_off():
    record = LowCommandEncoder().encode(JointCommand.damped(0.0, np.ones(12), 3.0))
    assert motor(record, 5) == (1, np.float32(2.146e9), 0.0, 0.0, 0.0, 3.0)


def test_what_was_encoded_is_read_back_to_the_precision_of_the_message():
    wanted = some_command()
    got = read_command(LowCommandEncoder().encode(wanted), 0.5)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(got, name), getattr(wanted, name), rtol=1e-6, atol=1e-7)


def test_the_stop_command_reads_as_no_command_at_all():
    got = read_command(stop_command(), 0.0)
    assert not any(getattr(got, name).any() for name in FIELDS)


def test_an_encoder_leaves_nothing_of_the_command_before():
    encoder = LowCommandEncoder()
    encoder.encode(some_command())
    damped = JointCommand.damped(0.0, np.zeros(12), 2.0)
    assert encoder.encode(damped).tobytes() == LowCommandEncoder().encode(damped).tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", FIELDS)
def test_what_is_not_finite_never_becomes_a_message(name, value):
    command = some_command()
    getattr(command, name)[4] = value
    with pytest.raises(InvalidValue, match=f"{name} must be finite, got NaN or Inf at index 4"):
        LowCommandEncoder().encode(command)


def test_absurd_numbers_never_become_a_message():
    command = some_command()
    command.effort[2] = 1e5
    with pytest.raises(InvalidValue, match=r"must hold numbers up to 1000, got 1e\+05"):
        LowCommandEncoder().encode(command)


def test_a_message_with_nan_is_refused_by_the_robots_side():
    record = stop_command()
    record["motor_cmd"]["tau"][0, 7] = np.nan
    with pytest.raises(InvalidValue, match="effort must be finite"):
        read_command(record, 0.0)
