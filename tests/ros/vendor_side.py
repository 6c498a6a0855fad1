"""The robot's end of the vendor's topics, through the generated message classes and not through bytes."""

import json
import time

import numpy as np
from rclpy.qos import QoSProfile
from std_srvs.srv import Trigger
from unitree_api.msg import Request, Response
from unitree_go.msg import LowCmd, LowState

from controllers.robot.catalog import load_robot
from controllers.robot.joints import JOINT_NAMES
from controllers.robot.unitree.checksum import checksum, sign
from controllers.robot.unitree.layout import LOW_COMMAND, LOW_STATE

GO2 = load_robot("go2")
STOP_KEYS = (1 << 5, 1 << 1)
NUMBER = {"FR": 0, "FL": 3, "RR": 6, "RL": 9}
MOTOR = [NUMBER[name[:2]] + ("hip", "thigh", "calf").index(name.split("_")[1]) for name in JOINT_NAMES]


def fill_message(message, record):
    """Copy a record into a message, field by field."""
    for name in record.dtype.names:
        value = record[name]
        kind = record.dtype[name]
        if kind.base.names and kind.shape:
            for element, part in zip(getattr(message, name), value, strict=True):
                fill_message(element, part)
        elif kind.names:
            fill_message(getattr(message, name), value)
        else:
            setattr(message, name, value.copy() if kind.shape else value.item())
    return message


def fill_record(record, message):
    """Copy a message into a record, field by field."""
    for name in record.dtype.names:
        kind = record.dtype[name]
        value = getattr(message, name)
        if kind.base.names and kind.shape:
            for i, element in enumerate(value):
                fill_record(record[name][i], element)
        elif kind.names:
            fill_record(record[name], value)
        else:
            record[name] = value
    return record


class VendorSide:
    """Publishes readings of a lying robot, answers the motion switcher and hears commands."""

    def __init__(self, peer, mode="mcf"):
        self._peer = peer
        self.mode = mode
        self.called = []
        self.commands = []
        self.pose = np.array(GO2.lying_position)
        self.keys, self.temperature, self.spoilt = (0, 0), 35, False
        self.gate_stops = 0
        node = peer.node
        self._state = node.create_publisher(LowState, "/lowstate", 10)
        self._answers = {}
        for service in ("motion_switcher", "sport"):
            self._answers[service] = node.create_publisher(Response, f"/api/{service}/response", 10)
            node.create_subscription(Request, f"/api/{service}/request", lambda m, s=service: self._on_call(s, m), 10)
        node.create_subscription(LowCmd, "/lowcmd", self.commands.append, QoSProfile(depth=500))
        node.create_service(Trigger, "stop", self._on_gate_stop)
        self._tick, self._last = 0, 0.0

    def _on_gate_stop(self, request, response):
        self.gate_stops += 1
        response.success = True
        return response

    def _on_call(self, service, message):
        function = message.header.identity.api_id
        self.called.append((service, function))
        response = Response()
        response.header.identity = message.header.identity
        if function == 1001:
            response.data = json.dumps({"form": "0", "name": self.mode})
        elif function == 1003:
            self.mode = ""
        elif function == 1002:
            self.mode = json.loads(message.parameter)["name"]
        self._answers[service].publish(response)

    def reading(self):
        self._tick += 2
        record = np.zeros(1, dtype=LOW_STATE)
        record["imu_state"]["quaternion"] = (0.8, 0.0, 0.0, 0.6)
        record["imu_state"]["accelerometer"] = (0.1, 0.2, 9.81)
        for joint, motor in enumerate(MOTOR):
            record["motor_state"]["q"][0, motor] = self.pose[joint]
            record["motor_state"]["dq"][0, motor] = 0.01 * joint
        record["motor_state"]["temperature"] = self.temperature
        record["bms_state"]["soc"] = 77
        record["foot_force"] = (20, 10, 40, 30)
        record["tick"] = self._tick
        record["wireless_remote"][0, 2:4] = self.keys
        sign(record)
        if self.spoilt:
            record["crc"] ^= 1
        return fill_message(LowState(), record[0])

    def feed(self):
        """Publish a reading when its time has come."""
        now = time.monotonic()
        if now - self._last > 0.005:
            self._last = now
            self._state.publish(self.reading())

    def run(self, seconds, feed=True):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if feed:
                self.feed()
            self._peer.spin(0.002)

    def until(self, condition, timeout=20.0, what="the condition"):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true within {timeout} s"
            self.feed()
            self._peer.spin(0.002)

    @property
    def newest(self):
        return self.commands[-1]


def is_signed(message):
    record = np.zeros(1, dtype=LOW_COMMAND)
    fill_record(record[0], message)
    return checksum(record) == message.crc


def damps(message):
    return all(m.kp == 0.0 and m.tau == 0.0 and m.kd > 0.0 for m in message.motor_cmd[:12])
