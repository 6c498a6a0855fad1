import pytest
from go2_messages import low_state

from controllers.errors import InvalidValue
from controllers.robot.unitree.health import PERSISTENCE, Health, HealthLimits, HealthMonitor
from controllers.robot.unitree.readings import LowStateReader


class Stream:
    """Feeds a monitor with messages 2 ms and two ticks apart."""

    def __init__(self, **limits):
        self.monitor = HealthMonitor(HealthLimits(**limits))
        self.sample = 0
        self._reader = LowStateReader(check_crc=False)

    def __call__(self, n=1, skip=0, **what):
        for _ in range(n):
            self.sample += 1 + skip
            tick = (2 * self.sample + 2**32 - 100) % 2**32
            record = low_state(tick=tick, seal=False, **what)
            result = self.monitor.judge(self._reader.read(record, 0.002 * self.sample))
        return result


@pytest.fixture
def stream():
    return Stream()


def test_a_robot_that_is_well_is_left_alone(stream):
    assert stream(600) == (Health.GOOD, "well")
    assert (stream.monitor.missed, stream.monitor.received) == (0, 600)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"temperature": 85}, "motor of FL_hip_joint has 85 °C, allowed 85 °C"),
        ({"battery": 15}, "battery is at 15 %, allowed 15 %"),
    ],
)
def test_beyond_a_limit_the_robot_sits_once_it_has_lasted(stream, what, why):
    assert stream(PERSISTENCE - 1, **what)[0] is Health.WARN
    assert stream(**what) == (Health.SIT, why)


def test_a_glitch_does_not_sit_the_robot_down(stream):
    for _ in range(5):
        assert stream(PERSISTENCE - 1, temperature=120)[0] is Health.WARN
        assert stream() == (Health.GOOD, "well")


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"temperature": 70}, "motor of FL_hip_joint has 70 °C"),
        ({"battery": 25}, "battery is at 25 %"),
        ({"battery": 0}, "battery reports nothing"),
    ],
)
def test_near_a_limit_it_warns(stream, what, why):
    assert stream(200, **what) == (Health.WARN, why)


@pytest.mark.parametrize("what", [{"temperature": 69}, {"battery": 26}])
def test_short_of_a_warning_all_is_well(stream, what):
    assert stream(200, **what)[0] is Health.GOOD


def test_missing_readings_are_counted_whatever_the_counter_counts(stream):
    stream(50)
    stream(10, skip=3)
    assert stream.monitor.missed == 30


def test_the_counter_may_overflow(stream):
    # The first ticks lie just below 2**32.
    stream(200)
    assert stream.monitor.missed == 0


def test_most_readings_missing_sit_the_robot_down(stream):
    stream(100)
    level, why = stream(250, skip=2)
    assert level is Health.SIT and why == "67 % of the readings are missing, allowed 50 %"


def test_some_readings_missing_warn(stream):
    stream(100)
    for _ in range(60):
        stream(9)
        level, why = stream(skip=1)
    assert level is Health.WARN and why.endswith("% of the readings are missing")


def test_packets_lost_on_the_way_to_the_motors_count_by_their_increase(stream):
    assert stream(200, lost=5000)[0] is Health.GOOD
    assert stream(10, lost=5101)[0] is Health.WARN
    level, why = stream(PERSISTENCE, lost=5101)
    assert level is Health.SIT and why == "a motor lost 101 packets in a second, allowed 100"
    assert stream(600, lost=5101)[0] is Health.GOOD


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"motor_warn": 90.0}, "motor_warn must be <= motor_sit = 85.0, got 90.0"),
        ({"battery_warn": 5.0}, "battery_warn must be >= battery_sit = 15.0, got 5.0"),
        ({"missed_warn": 0.9}, "missed_warn must be <= missed_sit = 0.5, got 0.9"),
        ({"motor_sit": float("nan")}, "motor_sit must be finite and >= 0, got nan"),
    ],
)
def test_limits_without_sense_are_refused(limits, message):
    with pytest.raises(InvalidValue, match=message):
        HealthLimits(**limits)
