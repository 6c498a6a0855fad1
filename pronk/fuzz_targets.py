"""What `pronk fuzz` feeds: every parser of what comes from outside, and the gatekeeper itself."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from controllers.errors import ControlError
from controllers.gatekeeper import Gatekeeper, GatekeeperConfig, GatekeeperState
from controllers.robot.catalog import load_robot
from controllers.robot.interface import JointCommand, RobotState
from controllers.robot.unitree.checksum import sign
from controllers.robot.unitree.layout import LOW_STATE
from controllers.robot.unitree.readings import LowStateReader
from evaluation.replay.message_layout import MessageReader
from evaluation.replay.message_types import standard_types, types_of
from evaluation.replay.recording import Recording
from evaluation.replay.remapping import read_remapping
from policies.checkpoints import load_arrays
from sim.case_files import load_cases
from sim.navigation_files import load_scenes
from sim.tensor_file import write_tensors

CASES = b"""\
- name: everything
  robot: go1
  duration_s: 12
  initial_pose: lie
  command: [{at_s: 0, vx: 0.5}, {at_s: 5.0, vx: 0, gait: pace, body_height: 0.28, roll: 0.05}]
  payload: [{at_s: 2, until_s: 6, mass_kg: 5, offset_m: [-0.1, 0, 0.1]}]
  wrench: [{at_s: 7, until_s: 8, force_n: [0, 40, 0], torque_nm: [0, 0, 2], frame: body}]
  leg_strength: [1, 1, 0.85, 1]
  terrain: {kind: rough, peak_to_peak_m: 0.04, seed: 2}
  friction: {kind: patches, width_m: 0.3, values: [0.6, 0.3]}
"""
SCENES = b"""\
[{"name": "swap", "dynamics": "single_integrator", "time_limit_s": 60.0, "dt_s": 0.05, "arena": [[-5, -5], [5, 5]],
  "agents": [{"start": [0, 0], "goal": [3, 0], "speed": 1.0, "radius": 0.3, "cooperative": true},
             {"start": [3, 1], "goal": [0, 1], "speed": 1.0, "radius": 0.3}],
  "obstacles": [{"disc": [1, 3, 0.5]}, {"polygon": [[-1, -3], [1, -3], [0, -2]]},
                {"segment": [[-2, -4], [2, -4]], "radius": 0.05}]}]
"""
REMAPPING = b"""\
topics: {joint_states: /robot/joints, imu/data: /robot/imu}
joints: {FL_hip_joint: front_left_hip}
"""
LAUNCH = b"""\
launch:
  - arg: {name: a, default: "1", description: "A.", choice: [{value: "1"}, {value: "2"}]}
  - let: {name: b, value: $(var a)}
  - set_env: {name: X, value: $(env HOME /)}
  - group:
      - push_ros_namespace: {namespace: "$(if $(equals $(var a) 1) one two)"}
      - node:
          pkg: pronk_gateway
          exec: gatekeeper_node
          name: g
          if: $(var a)
          args: --x '$(dirname)'
          param: [{name: damping, value: $(var b), type: float}]
          remap: [{from: x, to: y}]
"""
PROFILE = b"topics:\n  - joint_states\n  - odom\n"
JOINTS = ["header.stamp.sec", "name", "position", "velocity", "effort"]
STANDING = np.tile([0.0, 0.8, -1.6], 4)
N_NUMBERS = 2 + 3 * 12 + 4 + 3 + 3 + 2 + 5 * 12


@dataclass(frozen=True)
class Target:
    """What is fed.

    Attributes:
        name: Name.
        meaning: What it is, in words.
        examples: Good inputs.
        attempt: Takes an input; raises one of `refusals` where it refuses it. Anything else that it raises is a crash.
        refusals: Errors that are answers.
    """

    name: str
    meaning: str
    examples: tuple[bytes, ...]
    attempt: Callable[[bytes], Any]
    refusals: tuple[type[Exception], ...] = (ControlError,)


def make_targets(folder: Path) -> dict[str, Target]:
    """Make all targets.

    Args:
        folder: For the files that they read; best in memory.

    Returns:
        Targets by name; those of launch files only where ROS is installed.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def of_file(name: str, load: Callable[[Path], Any]) -> Callable[[bytes], Any]:
        path = folder / name

        def attempt(data: bytes) -> Any:
            path.write_bytes(data)
            return load(path)

        return attempt

    weights = folder / "good.safetensors"
    write_tensors(weights, {"a": np.arange(6.0).reshape(2, 3), "b": np.ones(2, np.float32)}, {"made by": "hand"})
    targets = [
        Target("low_state", "LowState bytes of a Go2", (_low_state(),), _read_low_state),
        Target("messages", "serialised joint states of a bag", (_joint_states(),), _read_message),
        Target("bag", "MCAP bag, whole", (_small_bag(folder),), of_file("bag.mcap", _exhaust)),
        Target("weights", "weight files", (weights.read_bytes(),), of_file("w.safetensors", load_arrays)),
        Target("cases", "case files (YAML)", (CASES,), of_file("cases.yaml", load_cases)),
        Target("scenes", "scene files (JSON)", (SCENES,), of_file("scenes.json", load_scenes)),
        Target("remapping", "remapping files of the replay", (REMAPPING,), of_file("map.yaml", read_remapping)),
        Target("gatekeeper", "states and commands, one step each", _steps(), _Guarded().step, ()),
    ]
    try:
        targets += _ros_targets(folder, of_file)
    except ImportError:
        pass
    return {target.name: target for target in targets}


def _ros_targets(folder: Path, of_file: Callable[[str, Callable[[Path], Any]], Callable[[bytes], Any]]) -> list[Target]:
    from pronk_bringup.errors import LaunchError
    from pronk_bringup.expansion import expand
    from pronk_bringup.recorder_node import read_profile
    from pronk_node_kit.parameters import ParameterError

    return [
        Target(
            *("launch", "launch files", (LAUNCH,)),
            of_file("x.launch.yaml", lambda path: expand(path, {}, folder)),
            (LaunchError,),
        ),
        Target(
            *("profile", "recording profiles", (PROFILE,)), of_file("profile.yaml", read_profile), (ParameterError,)
        ),
    ]


def _low_state() -> bytes:
    record = np.zeros(1, dtype=LOW_STATE)
    record["head"] = (0xFE, 0xEF)
    record["imu_state"]["quaternion"] = (1.0, 0.0, 0.0, 0.0)
    record["imu_state"]["accelerometer"] = (0.0, 0.0, 9.81)
    record["motor_state"]["q"] = 0.1
    sign(record)
    return record.tobytes()


def _read_low_state(data: bytes) -> None:
    with np.errstate(all="ignore"):
        _read_record(data)


def _read_record(data: bytes) -> None:
    size = LOW_STATE.itemsize
    record = np.frombuffer(data[:size].ljust(size, b"\0"), dtype=LOW_STATE).copy()
    LowStateReader(check_crc=False).read(record, 0.0).state.validate()


def _joint_states() -> bytes:
    names = [f"joint_{i}".encode() + b"\0" for i in range(3)]
    body = struct.pack("<iI", 1, 2) + struct.pack("<I", 1) + b"\0"
    body += b"\0" * (-len(body) % 4) + struct.pack("<I", len(names))
    for name in names:
        body += b"\0" * (-len(body) % 4) + struct.pack("<I", len(name)) + name
    for values in ((0.1, 0.2, 0.3), (1.0, 2.0, 3.0), ()):
        body += b"\0" * (-len(body) % 4) + struct.pack("<I", len(values))
        body += (b"\0" * (-len(body) % 8) if values else b"") + struct.pack(f"<{len(values)}d", *values)
    return b"\0\1\0\0" + body


def _read_message(data: bytes) -> None:
    values = MessageReader(standard_types(), "sensor_msgs/msg/JointState", JOINTS).read(data)
    if 8 * len(values.numbers) > len(data):
        raise AssertionError(f"{len(values.numbers)} numbers came out of {len(data)} bytes")


def _small_bag(folder: Path) -> bytes:
    from mcap.writer import CompressionType, Writer

    path = folder / "good.mcap"
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD, chunk_size=1000)
        writer.start("ros2", "pronk fuzz")
        schema = writer.register_schema("sensor_msgs/msg/JointState", "ros2msg", b"float64[] position\n")
        channel = writer.register_channel("/joint_states", "cdr", schema)
        for i in range(12):
            writer.add_message(channel, i, _joint_states(), i)
        writer.finish()
    return path.read_bytes()


def _exhaust(path: Path) -> None:
    with Recording(path) as recording:
        for message in recording.messages():
            try:
                MessageReader(types_of(message.channel), message.channel.type, JOINTS).read(message.data)
            except ControlError:
                pass


def _steps() -> tuple[bytes, ...]:
    good = np.zeros(N_NUMBERS)
    good[0] = good[49] = 0.002
    good[2:14] = STANDING
    good[38] = 1.0
    good[50:62] = STANDING
    good[86:98], good[98:110] = 40.0, 1.0
    wild = good.copy()
    wild[50:110] = 1e6
    return good.tobytes(), wild.tobytes()


class _Guarded:
    """A gatekeeper that is fed for ever, armed again whenever it has stopped; unsafe output is a crash."""

    def __init__(self) -> None:
        self._robot = load_robot("go2")
        self._config = GatekeeperConfig.for_robot(self._robot)
        self._gatekeeper = Gatekeeper(self._config)
        self._time = 0.0
        self._seen = self._still()

    def _still(self) -> RobotState:
        return RobotState(self._time, STANDING, *np.zeros((2, 12)), np.eye(4)[0], *np.zeros((2, 3)))

    def _read(self, state: RobotState) -> None:
        # A reading that was refused, such as one from the future or one older than the last, is not what the robot
        # does as far as a gatekeeper can know: the last one that was taken is.
        if not self._gatekeeper.step(state, None, self._time)[1].refusal:
            self._seen = state

    def step(self, data: bytes) -> None:
        """Step once.

        Args:
            data: Numbers of a state and a command; what is missing is zero.

        Raises:
            AssertionError: The output is not safe.
        """
        n = np.frombuffer(data[: 8 * N_NUMBERS].ljust(8 * N_NUMBERS, b"\0"), dtype=np.float64).copy()
        with np.errstate(all="ignore"):
            self._step(n)

    def _step(self, n: Any) -> None:
        self._time += 0.002
        gate = self._gatekeeper
        if gate.state is GatekeeperState.STOPPED:
            gate.release()
        self._read(self._still())
        gate.arm(self._time)
        self._time += 0.002
        state = RobotState(
            self._time + n[0] - 0.002, n[2:14], n[14:26], n[26:38], n[38:42], n[42:45], n[45:48], foot_force=None
        )
        command = JointCommand(self._time + n[49] - 0.002, n[50:62], n[62:74], n[74:86], n[86:98], n[98:110])
        self._read(state)
        output, _ = gate.step(None, command, self._time)
        output.validate()
        robot, config = self._robot, self._config
        torque = np.abs(output.torque(self._seen.joint_position, self._seen.joint_velocity))
        if not (torque <= robot.torque_limit * (1.0 + 1e-9)).all():
            raise AssertionError(f"torque of {torque.max():.3f} N m")
        if (output.position < robot.joint_lower).any() or (output.position > robot.joint_upper).any():
            raise AssertionError("a position target lies outside of the joint's range")
        if (output.stiffness > config.max_stiffness).any() or (output.damping > config.max_damping).any():
            raise AssertionError("a gain is too high")
