import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.robot.joints import FOOT_NAMES, JOINT_NAMES
from evaluation.replay.message_layout import Layout, Values
from evaluation.replay.readings import UNPAIRED, ReadingJoiner
from evaluation.replay.remapping import AUTO, EXACT, FOOT_SENSORS, IMU, JOINT_STATES, LATEST

GYRO = (0.1, 0.2, 0.3)


def joints(stamp, names=JOINT_NAMES, position=None, layout=None):
    position = np.arange(12.0) if position is None else np.asarray(position, dtype=float)
    numbers = np.concatenate((position, position + 100.0, position + 200.0))
    layout = layout or Layout(False, (len(position),) * 3)
    return Values((*divmod(stamp, 10**9), list(names)), numbers, layout)


def imu(stamp, quaternion=(1.0, 0.0, 0.0, 0.0)):
    return Values(divmod(stamp, 10**9), np.array((*quaternion, *GYRO, 0.0, 0.0, 9.81)), Layout(False))


def feet(stamp):
    names = FOOT_NAMES[::-1]
    return Values((*divmod(stamp, 10**9), list(names)), np.array((4.0, 3.0, 2.0, 1.0)), Layout(False, (0, 0, 4)))


def joiner(with_feet=False, pairing=AUTO):
    return ReadingJoiner(JOINT_NAMES, FOOT_NAMES if with_feet else None, pairing)


def test_messages_of_one_stamp_make_a_reading_whatever_their_order():
    chosen = joiner()
    assert chosen.add(IMU, imu(2_000_000)) is None
    state = chosen.add(JOINT_STATES, joints(2_000_000))
    assert chosen.add(JOINT_STATES, joints(4_000_000)) is None
    later = chosen.add(IMU, imu(4_000_000))
    assert (state.time, later.time) == (0.002, 0.004)
    np.testing.assert_array_equal(state.joint_effort, np.arange(200.0, 212.0))
    np.testing.assert_array_equal(state.angular_velocity_body, GYRO)
    assert state.foot_force is None


def test_joints_and_feet_are_ordered_by_name():
    chosen = joiner(with_feet=True)
    chosen.add(IMU, imu(1))
    assert chosen.add(FOOT_SENSORS, feet(1)) is None and chosen.add(IMU, imu(1)) is None
    state = chosen.add(JOINT_STATES, joints(1, JOINT_NAMES[::-1]))
    np.testing.assert_array_equal(state.joint_position, np.arange(12.0)[::-1])
    np.testing.assert_array_equal(state.foot_force, [1.0, 2.0, 3.0, 4.0])


def test_a_time_that_does_not_increase_is_refused():
    chosen = joiner()
    chosen.add(IMU, imu(10))
    chosen.add(JOINT_STATES, joints(10))
    chosen.add(IMU, imu(5))
    with pytest.raises(InvalidValue, match=r"stamps of readings must increase, got 0\.000000 s after"):
        chosen.add(JOINT_STATES, joints(5))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (joints(1, JOINT_NAMES[:11], np.arange(11.0)), "missing names: RR_calf_joint"),
        (joints(1, position=[np.nan, *range(11)]), "position of FL_hip_joint must be finite"),
        (joints(1, layout=Layout(False, (12, 12, 0))), "effort must have 12 values, one per name, got 0"),
    ],
)
def test_joint_states_that_make_no_reading_are_refused(message, text):
    chosen = joiner()
    chosen.add(IMU, imu(1))
    with pytest.raises(InvalidValue, match=text):
        chosen.add(JOINT_STATES, message)


def test_a_quaternion_without_length_one_is_refused():
    chosen = joiner()
    chosen.add(JOINT_STATES, joints(1))
    with pytest.raises(InvalidValue, match="orientation"):
        chosen.add(IMU, imu(1, (0.5, 0.0, 0.0, 0.0)))


def test_topics_that_never_share_a_stamp_are_joined_by_the_latest():
    chosen, states = joiner(), []
    for i in range(3 * UNPAIRED):
        assert chosen.add(IMU, imu(2_000_000 * i)) is None
        states.append(chosen.add(JOINT_STATES, joints(2_000_000 * i + 700_000)))
    assert chosen.pairing == LATEST
    assert sum(state is not None for state in states) > UNPAIRED and states[-1].time == pytest.approx(
        0.002 * (3 * UNPAIRED - 1) + 0.0007
    )


def test_once_stamps_were_shared_a_loss_does_not_change_the_rule():
    chosen, states = joiner(), []
    for i in range(1, UNPAIRED + 1):
        states += [chosen.add(IMU, imu(i)), chosen.add(JOINT_STATES, joints(i))]
    assert chosen.pairing == EXACT
    for i in range(100, 100 + 3 * UNPAIRED):
        states.append(chosen.add(JOINT_STATES, joints(i)))
    assert (
        sum(state is not None for state in states) == UNPAIRED
        and chosen.pairing == EXACT
        and chosen.incomplete > UNPAIRED
    )


def test_an_old_reading_of_the_imu_is_not_taken_for_the_latest():
    chosen = joiner(pairing=LATEST)
    assert chosen.add(JOINT_STATES, joints(1)) is None
    chosen.add(IMU, imu(1_000_000_000))
    assert chosen.add(JOINT_STATES, joints(2_000_000_000)) is None
    assert chosen.add(JOINT_STATES, joints(1_040_000_000)) is not None
    assert chosen.incomplete == 2
