import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from controllers.teleop import ARM, SIT, STAND, STOP, Teleop, TeleopConfig

CONFIG = TeleopConfig()
PERIOD = 0.02
DEAD_MAN, STAND_BUTTON, SIT_BUTTON, ARM_BUTTON, STOP_BUTTON = CONFIG.buttons


class Pad:
    """A gamepad in somebody's hands."""

    def __init__(self, config=CONFIG):
        self.teleop, self.time = Teleop(config), 0.0
        self.output = self.teleop.step(0.0)
        self.requests = []

    def read(self, *down, forward=0.0, left=0.0, turn=0.0):
        axes, buttons = [0.0] * 4, [0] * 8
        axes[1], axes[0], axes[3] = forward, left, turn
        for number in down:
            buttons[number] = 1
        self.teleop.read(axes, buttons, self.time)

    def step(self):
        self.time += PERIOD
        self.output = self.teleop.step(self.time)
        self.requests += self.output.requests
        return self.output

    def hold(self, duration, *down, **sticks):
        for _ in range(round(duration / PERIOD)):
            self.read(*down, **sticks)
            self.step()
        return self.output

    def wait(self, duration):
        for _ in range(round(duration / PERIOD)):
            self.step()
        return self.output


@pytest.fixture
def driving():
    """A pad that drives forward at full speed."""
    pad = Pad()
    pad.hold(0.1, DEAD_MAN)
    pad.hold(0.1, DEAD_MAN, STAND_BUTTON)
    assert pad.hold(2.0, DEAD_MAN, forward=1.0).velocity[0] == CONFIG.top_velocity[0]
    return pad


def test_nothing_is_sent_before_anybody_holds_the_dead_man_button():
    output = Pad().hold(1.0, forward=1.0)
    assert not output.active and output.velocity == (0.0, 0.0, 0.0) and output.gait == ""


def test_a_robot_that_was_not_told_to_stand_does_not_move():
    assert Pad().hold(1.0, DEAD_MAN, forward=1.0).velocity == (0.0, 0.0, 0.0)


def test_velocity_rises_at_the_acceleration_and_ends_at_full_speed():
    pad = Pad()
    pad.hold(0.1, DEAD_MAN)
    pad.hold(0.1, DEAD_MAN, STAND_BUTTON)
    # 1 m/s² for 0.4 s.
    assert pad.hold(0.4, DEAD_MAN, forward=1.0).velocity[0] == pytest.approx(0.4)
    assert pad.output.gait == CONFIG.gait
    assert pad.hold(1.0, DEAD_MAN, forward=1.0).velocity[0] == 0.8


def test_letting_go_brakes_smoothly_to_zero_then_stands_then_falls_silent(driving):
    # 0.8 m/s at 2 m/s²: half the speed after 0.2 s, none after 0.4 s.
    assert driving.hold(0.2, forward=1.0).velocity[0] == pytest.approx(0.4)
    assert driving.hold(0.2 + PERIOD, forward=1.0).velocity[0] == 0.0
    assert driving.output.active
    assert driving.hold(CONFIG.halt_s + PERIOD).gait == STAND
    assert not driving.hold(CONFIG.farewell_s).active


def test_silence_ends_driving_after_its_timeout(driving):
    assert driving.wait(CONFIG.timeout_s - 2 * PERIOD).velocity[0] == 0.8
    assert driving.wait(3 * PERIOD).velocity[0] < 0.8
    assert driving.wait(0.5).velocity == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.1])
def test_a_stick_that_is_no_number_ends_driving_at_once(driving, value):
    with pytest.raises(InvalidValue, match=r"joy.axes\[1\] must lie in -1 .. 1, got"):
        driving.read(DEAD_MAN, forward=value)
    assert driving.step().velocity[0] < 0.8
    assert driving.wait(0.5).velocity == (0.0, 0.0, 0.0)


def test_a_pad_with_too_few_sticks_is_refused_and_ends_driving(driving):
    text = "joy must have at least 4 axes and 8 buttons as assigned, got 2 and 8"
    with pytest.raises(InvalidValue, match=text):
        driving.teleop.read([0.0, 1.0], [0] * 8, driving.time)
    assert driving.step().velocity[0] < 0.8


def test_reversing_the_stick_brakes_through_zero_and_never_jumps(driving):
    speeds = [driving.hold(PERIOD, DEAD_MAN, forward=-1.0).velocity[0] for _ in range(100)]
    steps = [b - a for a, b in zip([0.8, *speeds], speeds, strict=False)]
    assert max(map(abs, steps)) <= 2.0 * PERIOD + 1e-12 and speeds[-1] == -0.8


def test_sitting_waits_until_the_robot_stands_still(driving):
    driving.hold(PERIOD, DEAD_MAN, SIT_BUTTON, forward=1.0)
    assert driving.output.gait == CONFIG.gait
    driving.hold(0.3, DEAD_MAN, forward=1.0)
    assert driving.output.gait == CONFIG.gait and 0.0 < driving.output.velocity[0] < 0.8
    assert driving.hold(1.0, DEAD_MAN, forward=1.0).gait == SIT
    assert driving.output.velocity == (0.0, 0.0, 0.0)


def test_the_stop_button_needs_no_dead_man_button_and_asks_once_per_press():
    pad = Pad()
    pad.hold(0.1)
    pad.hold(0.5, STOP_BUTTON)
    assert pad.requests == [STOP]
    pad.hold(0.1)
    pad.hold(0.1, STOP_BUTTON)
    assert pad.requests == [STOP, STOP]


def test_after_a_stop_the_robot_is_not_asked_to_rise_again(driving):
    driving.hold(0.1, DEAD_MAN, STOP_BUTTON, forward=1.0)
    assert driving.output.active and driving.output.gait == "rest"
    assert driving.hold(1.0, DEAD_MAN, forward=1.0).velocity == (0.0, 0.0, 0.0)
    assert driving.output.gait == "rest"


def test_arming_needs_the_dead_man_button():
    pad = Pad()
    pad.hold(0.1)
    pad.hold(0.1, ARM_BUTTON)
    assert pad.requests == []
    pad.hold(0.1, DEAD_MAN)
    pad.hold(0.1, DEAD_MAN, ARM_BUTTON)
    assert pad.requests == [ARM]


def test_buttons_that_are_down_at_the_start_or_after_silence_were_not_pressed():
    pad = Pad()
    pad.hold(0.2, DEAD_MAN, STOP_BUTTON, ARM_BUTTON)
    assert pad.requests == []
    pad.hold(0.1, DEAD_MAN)
    pad.wait(2 * CONFIG.timeout_s)
    pad.hold(0.2, DEAD_MAN, ARM_BUTTON)
    assert pad.requests == []


def test_the_dead_zone_is_cut_out_of_the_way_of_the_stick():
    pad = Pad()
    pad.hold(0.1, DEAD_MAN)
    pad.hold(0.1, DEAD_MAN, STAND_BUTTON)
    assert pad.hold(2.0, DEAD_MAN, forward=0.1).velocity[0] == 0.0
    # Half of the way from 0.1 to 1.
    assert pad.hold(2.0, DEAD_MAN, forward=0.55).velocity[0] == pytest.approx(0.4)


number = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1.0, 1.0)
reading = st.tuples(st.lists(number, max_size=6), st.lists(st.integers(0, 1), max_size=10))
good = st.tuples(st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=6), st.lists(st.integers(0, 1), min_size=8))
tick = st.tuples(st.none() | reading | good, st.floats(-0.05, 0.5) | st.just(PERIOD))


@settings(max_examples=200, deadline=None)
@given(st.lists(tick, max_size=60))
def test_whatever_comes_velocities_are_finite_within_limits_and_change_no_faster_than_allowed(ticks):
    teleop, time = Teleop(CONFIG), 0.0
    last, reached = teleop.step(time).velocity, time
    for given_reading, period in ticks:
        time += period
        if given_reading is not None:
            try:
                teleop.read(*given_reading, time)
            except InvalidValue:
                pass
        velocity = teleop.step(time).velocity
        elapsed, reached = max(0.0, time - reached), max(time, reached)
        for now, before, top, rate in zip(velocity, last, CONFIG.top_velocity, CONFIG.deceleration, strict=True):
            assert abs(now) <= top and abs(now - before) <= rate * min(elapsed, 0.1) + 1e-9
        last = velocity


@settings(max_examples=100, deadline=None)
@given(st.lists(good, min_size=1, max_size=40))
def test_without_the_dead_man_button_every_robot_comes_to_rest(readings):
    pad = Pad()
    for axes, buttons in readings:
        pad.teleop.read(axes, buttons, pad.time)
        pad.step()
    # The longest way to zero: 1 rad/s at 4 rad/s² and the timeout before.
    assert pad.wait(CONFIG.timeout_s + 0.5).velocity == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"top_velocity": (0.8, math.nan, 1.0)}, "TeleopConfig.top_velocity must be 3 numbers > 0"),
        ({"timeout_s": 0.0}, "TeleopConfig.timeout_s must be finite and > 0, got 0.0"),
        ({"dead_zone": 1.0}, "TeleopConfig.dead_zone must lie in"),
        ({"stand": 5}, "TeleopConfig: buttons must be different numbers >= 0"),
        ({"axes": (0, 0, 1)}, "TeleopConfig: axes must be different numbers >= 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(values, text):
    with pytest.raises(InvalidValue, match=text):
        TeleopConfig(**values)
