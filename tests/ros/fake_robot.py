"""A robot that stands, and its controller, for tests of the gatekeeper alone."""

import time

import numpy as np
from pronk_msgs.msg import JointCommand
from sensor_msgs.msg import Imu, JointState

from controllers.robot.catalog import load_robot
from controllers.robot.joints import JOINT_NAMES

PERIOD = 0.01


class FakeRobot:
    """Publishes readings of a standing Go2 and commands that hold it there, with stamps of its own clock."""

    def __init__(self, peer):
        self._peer = peer
        self._begin = time.monotonic()
        self._last = -1.0
        self.behave()
        peer.hear("motor_commands", "gatekeeper_state", "/diagnostics")

    def behave(self):
        """Go back to flawless readings and commands."""
        self.pose = np.array(load_robot("go2").standing_position)
        self.reading_names = list(JOINT_NAMES)
        self.command_names = list(JOINT_NAMES)
        self.stiffness = np.linspace(20.0, 42.0, 12)
        self.orientation = (1.0, 0.0, 0.0, 0.0)
        self.feeds_readings = self.feeds_commands = True
        self.spoil = lambda command: command
        self.last_reading = self.last_command = None

    def _ordered(self, values, names):
        by_name = dict(zip(JOINT_NAMES, np.asarray(values, dtype=float).tolist(), strict=True))
        return [by_name[name] for name in names]

    def feed(self):
        """Publish one reading and the command that answers it, when their time has come."""
        now = time.monotonic() - self._begin
        if now - self._last < PERIOD:
            return
        self._last = now
        say, stamped = self._peer.say, self._peer.stamped
        if self.feeds_readings:
            names, zeros = self.reading_names, [0.0] * len(self.reading_names)
            joints = JointState(name=names, position=self._ordered(self.pose, names), velocity=zeros, effort=zeros)
            imu = Imu()
            imu.orientation.w, imu.orientation.x, imu.orientation.y, imu.orientation.z = self.orientation
            imu.linear_acceleration.z = 9.81
            say("imu/data", stamped(imu, now))
            say("joint_states", stamped(joints, now))
            self.last_reading = time.monotonic()
        if self.feeds_commands:
            names, zeros = self.command_names, [0.0] * len(self.command_names)
            command = JointCommand(
                name=names,
                position=self._ordered(self.pose, names),
                velocity=zeros,
                effort=zeros,
                stiffness=self._ordered(self.stiffness, names),
                damping=[0.5] * len(names),
            )
            say("joint_commands", self.spoil(stamped(command, now)))
            self.last_command = time.monotonic()

    def run(self, duration):
        end = time.monotonic() + duration
        while time.monotonic() < end:
            self.feed()
            self._peer.spin(0.002)

    def run_until(self, condition, timeout=10.0, what="the condition"):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true within {timeout} s; state: {self.state}"
            self.feed()
            self._peer.spin(0.002)

    def call(self, service):
        return self._peer.call(service, meanwhile=self.feed)

    def arm(self, timeout=10.0):
        """Ask until it is granted: the first readings may still be on their way."""
        end = time.monotonic() + timeout
        while not (answer := self.call("arm")).success:
            assert time.monotonic() < end, answer.message
            self.run(0.05)

    @property
    def state(self):
        inbox = self._peer.heard["gatekeeper_state"]
        return inbox[-1][1].data if inbox else ""

    @property
    def motors_follow(self):
        """Whether the newest motor command is the wanted one, joint by joint."""
        inbox = self._peer.heard["motor_commands"]
        if not inbox:
            return False
        message = inbox[-1][1]
        by_name = dict(zip(message.name, message.stiffness, strict=True))
        return np.allclose([by_name[name] for name in JOINT_NAMES], self.stiffness)

    @property
    def motors_damp(self):
        """Whether the newest motor command brakes: no stiffness, no torque, some damping."""
        inbox = self._peer.heard["motor_commands"]
        return bool(inbox) and damps(inbox[-1][1])


def damps(message):
    return not any(message.stiffness) and not any(message.effort) and min(message.damping) > 0.0
