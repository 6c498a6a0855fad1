import numpy as np
import pytest
from go2_messages import LYING, MOTOR, low_state
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from controllers.robot.unitree.checksum import sign
from controllers.robot.unitree.layout import LOW_STATE
from controllers.robot.unitree.readings import LowStateReader


def spoilt(member, index, value, nested=None):
    record = low_state(seal=False)
    target = record[nested] if nested else record
    target[member][0, index] = value
    sign(record)
    return record


def test_motors_are_read_by_joint():
    reading = LowStateReader().read(low_state(), 1.5)
    state = reading.state
    assert state.time == 1.5
    np.testing.assert_array_equal(state.joint_position, LYING.astype(np.float32))
    np.testing.assert_allclose(state.joint_velocity, 0.01 * np.arange(12), rtol=1e-6)
    np.testing.assert_allclose(state.joint_effort, -0.1 * np.arange(12), rtol=1e-6)


def test_feet_and_temperatures_are_read_by_leg():
    record = low_state(seal=False)
    record["motor_state"]["temperature"][0, 3] = 61  # FL hip
    sign(record)
    reading = LowStateReader(newton_per_count=0.5).read(record, 0.0)
    # The vendor's feet are FR, FL, RR, RL = 20, 10, 40, 30.
    assert reading.state.foot_force.tolist() == [5.0, 10.0, 15.0, 20.0]
    assert reading.motor_temperature.tolist() == [61] + [35] * 11


def test_the_attitude_keeps_its_order():
    q = np.array([0.8, 0.0, 0.6, 0.0], dtype=np.float32)
    record = low_state(seal=False)
    record["imu_state"]["quaternion"] = q
    sign(record)
    assert LowStateReader().read(record, 0.0).state.orientation.tolist() == q.tolist()


def test_the_rest_of_the_robot_is_read():
    reading = LowStateReader().read(low_state(tick=77, battery=42, lost=3, keys=1 << 8), 0.0)
    assert (reading.tick, reading.battery, reading.voltage) == (77, 42, 29.5)
    assert reading.motor_lost.tolist() == [3] * 12
    assert reading.remote.pressed == {"A"}


def test_a_battery_that_reports_nothing_is_not_an_empty_one():
    assert LowStateReader().read(low_state(battery=0), 0.0).battery is None
    record = low_state(battery=0, seal=False)
    record["bms_state"]["cell_vol"] = 3000
    sign(record)
    assert LowStateReader().read(record, 0.0).battery == 0


def test_a_wrong_checksum_is_refused_unless_it_is_not_looked_at():
    record = low_state()
    record["crc"] ^= 1
    with pytest.raises(InvalidValue, match="lowstate must carry its checksum 0x"):
        LowStateReader().read(record, 0.0)
    assert LowStateReader(check_crc=False).read(record, 0.0).tick == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("member", "field"), [("q", "joint_position"), ("dq", "joint_velocity"), ("tau_est", "joint_effort")]
)
def test_motors_that_do_not_report_numbers_are_refused(member, field, value):
    with pytest.raises(InvalidValue, match=f"{field} must be finite, got NaN or Inf at index 5"):
        LowStateReader().read(spoilt(member, MOTOR[5], value, "motor_state"), 0.0)


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("q", 11.0, r"\|q\| must be <= 10, got 11"),
        ("dq", -201.0, r"\|dq\| must be <= 200, got 201"),
        ("tau_est", 501.0, r"\|tau_est\| must be <= 500, got 501"),
    ],
)
def test_numbers_that_no_motor_can_reach_are_refused(member, value, message):
    with pytest.raises(InvalidValue, match=message):
        LowStateReader().read(spoilt(member, 2, value, "motor_state"), 0.0)


def test_an_attitude_that_is_none_is_refused():
    record = low_state(seal=False)
    record["imu_state"]["quaternion"] = 0.0
    sign(record)
    with pytest.raises(InvalidValue, match="orientation must have norm 1"):
        LowStateReader().read(record, 0.0)


@given(st.binary(min_size=1180, max_size=1180))
def test_no_bytes_at_all_crash_the_reader(data):
    record = np.frombuffer(data, dtype=LOW_STATE).copy()
    try:
        reading = LowStateReader(check_crc=False).read(record, 0.0)
    except InvalidValue:
        return
    reading.state.validate()
