"""What holds for the gatekeeper under every sequence of inputs."""

import math
from types import SimpleNamespace

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import arrays
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from controllers.gatekeeper import Clamp, Gatekeeper, GatekeeperConfig, GatekeeperState
from controllers.robot.interface import JointCommand, RobotState

LOWER = np.tile([-1.05, -1.57, -2.72], 4)
UPPER = np.tile([1.05, 3.49, -0.84], 4)
TORQUE = np.tile([23.7, 23.7, 45.4], 4)
SPEED = np.tile([30.0, 30.0, 20.0], 4)
CONFIG = GatekeeperConfig.for_robot(
    SimpleNamespace(joint_lower=LOWER, joint_upper=UPPER, torque_limit=TORQUE, velocity_limit=SPEED)
)
STANDING = np.tile([0.0, 0.8, -1.6], 4)

anything = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-3.0, 3.0),
    st.sampled_from([0.0, -0.0, 1e300, -1e300, math.nan]),
)
wild = st.one_of(
    arrays(float, 12, elements=anything),
    arrays(float, st.sampled_from([(), (1,), (11,), (13,), (3, 4), (0,)]), elements=st.floats(-1.0, 1.0)),
)
tame = arrays(float, 12, elements=st.floats(-3.0, 3.0))
huge = arrays(float, 12, elements=st.floats(-1e6, 1e6))
gains = arrays(float, 12, elements=st.floats(0.0, 1e4))
stamp_error = st.one_of(st.just(0.0), st.floats(-0.06, 0.06), anything)


@st.composite
def commands(draw):
    stamp = draw(stamp_error)
    if draw(st.booleans()):
        return stamp, tuple(draw(wild) for _ in range(5))
    return stamp, (draw(huge), draw(huge), draw(huge), draw(gains), draw(gains))


@st.composite
def states(draw):
    stamp = draw(stamp_error)
    turn = draw(st.one_of(st.just(0.0), st.floats(-4.0, 4.0)))
    values = [
        STANDING + 0.3 * draw(tame),
        draw(tame),
        np.zeros(12),
        np.array([math.cos(turn / 2), math.sin(turn / 2), 0.0, 0.0]),
        np.zeros(3),
        np.zeros(3),
    ]
    if draw(st.integers(0, 3)) == 0:
        values[draw(st.integers(0, 5))] = draw(wild)
    return stamp, values


def is_braking(output):
    return not (output.velocity.any() or output.effort.any() or output.stiffness.any())


class AnySequence(RuleBasedStateMachine):
    """Feeds everything that could come in, in any order."""

    def __init__(self):
        super().__init__()
        self.gatekeeper = Gatekeeper(CONFIG)
        self.now = 0.0
        self.seen = None
        self.output = None
        self.info = None
        self.before = GatekeeperState.DISARMED
        self.asked_to_arm = self.released = False

    def step(self, state, command):
        self.before = self.gatekeeper.state
        self.output, self.info = self.gatekeeper.step(state, command, self.now)

    @rule(state=st.none() | states(), command=st.none() | commands(), advance=st.floats(0.0, 0.03))
    def messages_come_in(self, state, command, advance):
        self.now = (self.now if math.isfinite(self.now) else 0.0) + advance
        if state is not None:
            stamp, values = state
            state = RobotState(self.now + stamp, *values)
        if command is not None:
            stamp, values = command
            command = JointCommand(self.now + stamp, *values)
        self.step(state, command)

    @rule(position=tame, velocity=tame)
    def all_is_well(self, position, velocity):
        self.now = (self.now if math.isfinite(self.now) else 0.0) + 0.002
        state = RobotState(
            self.now,
            STANDING + 0.1 * position,
            velocity,
            np.zeros(12),
            np.array([1.0, 0, 0, 0]),
            np.zeros(3),
            np.zeros(3),
        )
        command = JointCommand(self.now, STANDING, np.zeros(12), position, np.full(12, 40.0), np.ones(12))
        self.step(state, command)
        # Most interesting sequences run armed, so this rule arms again whatever happened before.
        self.gatekeeper.release()
        self.gatekeeper.arm(self.now)
        self.step(None, None)

    @rule(time=st.one_of(anything, st.floats(0.0, 100.0)))
    def clock_jumps(self, time):
        self.now = time
        self.step(None, None)

    @rule()
    def operator_stops(self):
        self.gatekeeper.stop("button")
        self.step(None, None)
        assert self.info.state is GatekeeperState.STOPPED

    @rule()
    def operator_disarms(self):
        stopped = self.gatekeeper.state is GatekeeperState.STOPPED
        assert self.gatekeeper.disarm().accepted != stopped
        self.step(None, None)

    @rule()
    def operator_arms(self):
        granted = self.gatekeeper.arm(self.now).accepted
        assert granted == (self.gatekeeper.state is GatekeeperState.ARMED)

    @precondition(lambda self: self.gatekeeper.state is GatekeeperState.STOPPED)
    @rule()
    def operator_releases(self):
        self.gatekeeper.release()
        assert self.gatekeeper.state is GatekeeperState.DISARMED

    @invariant()
    def output_is_finite_and_within_limits(self):
        if self.output is None:
            return
        out = self.output
        out.validate()
        assert (out.position >= LOWER).all() and (out.position <= UPPER).all()
        assert (np.abs(out.velocity) <= SPEED).all()
        assert (np.abs(out.effort) <= TORQUE).all()
        assert (out.stiffness <= CONFIG.max_stiffness).all()
        assert (out.damping <= CONFIG.max_damping).all()

    @invariant()
    def only_an_armed_gatekeeper_does_more_than_brake(self):
        if self.output is not None and not is_braking(self.output):
            assert self.info.state is GatekeeperState.ARMED and self.info.passed

    @invariant()
    def a_step_never_arms_or_releases(self):
        if self.info is not None:
            assert self.info.state is self.before or self.info.state is GatekeeperState.STOPPED

    @invariant()
    def what_passes_is_fresh(self):
        if self.info is not None and self.info.passed:
            assert self.info.command_age_s <= CONFIG.command_timeout_s + 1e-6
            assert self.info.state_age_s <= CONFIG.state_timeout_s + 1e-6


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(
    max_examples=120, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


def ready(position, velocity):
    gatekeeper = Gatekeeper(CONFIG)
    state = RobotState(0.0, position, velocity, np.zeros(12), np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3), np.zeros(3))
    gatekeeper.step(state, None, 0.0)
    assert gatekeeper.arm(0.0).accepted
    return gatekeeper


within = arrays(float, 12, elements=st.floats(-1.0, 1.0))


@settings(max_examples=150, deadline=None)
@given(offset=within, velocity=huge, target=huge, speed=huge, effort=huge, stiffness=gains, damping=gains)
def test_no_command_asks_for_more_than_the_torque_limit(offset, velocity, target, speed, effort, stiffness, damping):
    position = STANDING + 0.5 * offset
    velocity = np.clip(velocity, -15.0, 15.0)
    gatekeeper = ready(position, velocity)
    output, info = gatekeeper.step(None, JointCommand(0.0, target, speed, effort, stiffness, damping), 0.0)
    assert info.passed
    assert (np.abs(output.torque(position, velocity)) <= TORQUE * (1.0 + 1e-9)).all()


@settings(max_examples=150, deadline=None)
@given(offset=within, target=within, speed=within, effort=within, stiffness=within, damping=within)
def test_every_command_within_limits_passes_bit_for_bit(offset, target, speed, effort, stiffness, damping):
    position = STANDING + 0.5 * offset
    command = JointCommand(
        0.0,
        position + 0.03 * target,
        2.0 * speed,
        10.0 * effort,
        30.0 * np.abs(stiffness),
        2.0 * np.abs(damping),
    )
    output, info = ready(position, np.zeros(12)).step(None, command, 0.0)
    assert info.clamped == Clamp(0)
    for name in ("position", "velocity", "effort", "stiffness", "damping"):
        assert getattr(output, name).tobytes() == getattr(command, name).tobytes()


@settings(max_examples=60, deadline=None)
@given(velocity=arrays(float, 12, elements=st.floats(-1e3, 1e3)))
def test_braking_never_asks_for_more_than_the_torque_limit(velocity):
    gatekeeper = Gatekeeper(CONFIG)
    state = RobotState(0.0, STANDING, velocity, np.zeros(12), np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3), np.zeros(3))
    output, _ = gatekeeper.step(state, None, 0.0)
    assert (np.abs(output.torque(STANDING, velocity)) <= TORQUE * (1.0 + 1e-9)).all()
    assert (output.damping[np.abs(velocity) < 7.0] == CONFIG.damping).all()
