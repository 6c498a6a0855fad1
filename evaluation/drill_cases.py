"""The fault drill's table: what is broken, and what has to come of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from controllers.errors import InvalidValue, UnknownName


class Outcome(str, Enum):
    """Defined ends of a fault.

    STOPPED: the gatekeeper damps the motors, latched, in time and with the right reason.
    WALKS: the fault is harmless by design; the robot walks on, armed.
    STANDS: the robot stays up and armed and comes to a halt.
    MOTORS_ALONE: the motors damp on their own, as nobody commands them.
    LIMITED: commands are plausible in form but wrong; they stay within every limit, whatever the robot then does.
    ENDS: a process is gone; the launch ends, and the last word to the motors is damping.
    """

    STOPPED = "stopped"
    WALKS = "walks on"
    STANDS = "halts"
    MOTORS_ALONE = "motors damp alone"
    LIMITED = "within limits"
    ENDS = "launch ends"


# What a time to damping is promised by: names of the time-outs in the configuration, or at the next check.
AT_ONCE = "next check"
STATE, COMMAND, MOTORS, VELOCITY = "state_timeout_s", "command_timeout_s", "motor_timeout_s", "velocity_timeout_s"
PROMISES = ("", AT_ONCE, STATE, COMMAND, MOTORS, VELOCITY)

# Variants of the stack: those in which a topic is in the loop that otherwise only informs, and those whose world does
# not wait for late commands, as no real one does: a late message is late only there.
_IMPATIENT = ("sim_node", "max_command_age_s", 0.0)
STACKS: dict[str, tuple[tuple[str, str, object], ...]] = {
    "default": (),
    "impatient": (_IMPATIENT,),
    "foot_sensors": (_IMPATIENT, ("mpc_node", "foot_sensors", True), ("estimator_node", "foot_sensors", True)),
    "odom": (_IMPATIENT, ("mpc_node", "estimator", "odom"), ("estimator_node", "publish_period_s", 0.0)),
}
PAUSE, KILL = "pause", "kill"
NODES = ("sim_node", "estimator_node", "mpc_node", "gatekeeper_node", "recorder_node")
GATE, CONTROLLER = "/gatekeeper_node refused_messages", "/mpc_node refused_inputs"
REFUSED_STAMP = "/gatekeeper_node refused_command_stamp"


@dataclass(frozen=True)
class DrillCase:
    """One fault and what is expected of it.

    Attributes:
        target: Topic or node.
        fault: What happens to it: a fault of messages, "pause" or "kill".
        outcome: Defined end.
        why: Why this end is the right one.
        stack: Variant of the stack.
        promise: Time-out of the configuration within which it must come, one watchdog period on top; empty for none.
        reason: Text that the gatekeeper's state must hold; empty for none.
        counter: Node and counter of its diagnostics that must rise; empty for none.
    """

    target: str
    fault: str
    outcome: Outcome
    why: str
    stack: str = "default"
    promise: str = ""
    reason: str = ""
    counter: str = ""

    def __post_init__(self) -> None:
        """Check what refers to other tables.

        Raises:
            UnknownName: Unknown stack or promise.
            InvalidValue: A stop without promise and reason, or a fault of messages put on a node.
        """
        if self.stack not in STACKS:
            raise UnknownName("stack", self.stack, STACKS)
        if self.promise not in PROMISES:
            raise UnknownName("promise", self.promise, PROMISES)
        if self.outcome is Outcome.STOPPED and not (self.promise and self.reason):
            raise InvalidValue(f"case '{self.name}' is to be stopped: promise and reason must be given")
        if (self.target in NODES) != (self.fault in (PAUSE, KILL)):
            raise InvalidValue(f"case '{self.name}': nodes are paused or killed, topics are not")

    @property
    def name(self) -> str:
        """Name of the case, such as "joint_states.drop"."""
        variant = "" if self.stack == "default" else f"@{self.stack}"
        return f"{self.target}{variant}.{self.fault}".replace("/", "_")

    @property
    def launch(self) -> tuple[str, str]:
        """Cases with the same key share a launch: stack and topic under test ("" for nodes)."""
        if self.fault == KILL:
            return self.stack, self.name
        return self.stack, "" if self.target in NODES else self.target


def _stops(
    target: str, faults: Iterable[str], promise: str, reason: str, why: str, stack: str = "default", counter: str = ""
) -> tuple[DrillCase, ...]:
    return tuple(DrillCase(target, fault, Outcome.STOPPED, why, stack, promise, reason, counter) for fault in faults)


def _walks(
    target: str, faults: Iterable[str], why: str, stack: str = "default", counter: str = ""
) -> tuple[DrillCase, ...]:
    return tuple(DrillCase(target, fault, Outcome.WALKS, why, stack, counter=counter) for fault in faults)


SILENT, REFUSED, UNPAIRED = "nothing comes", "refused as a whole", "joins no other message of its stamp"
ORDERLY = "a message counts once, and only when newer than the last"
BY_NAME = "joints and feet are taken by name"
HALVED = "every second message is enough"
UNUSED = "nobody in the control loop listens"
STARVED = "the controller computes nothing without it, and its last command grows old"
OLD_READING, OLD_COMMAND = "robot state is", "command is"
ALL_TIMINGS = ("drop", "drop_half", "delay", "duplicate", "permute")
SPOILT = ("nan", "inf", "wrong_length", "wrong_name")

_JOINT_STATES = (
    *_stops("joint_states", ("drop", "delay"), STATE, OLD_READING, SILENT),
    *_stops("joint_states", ("old_stamp", "future_stamp"), STATE, OLD_READING, UNPAIRED),
    *_stops("joint_states", SPOILT, STATE, OLD_READING, REFUSED, counter=GATE),
    *_stops("joint_states", ("wrong_order", "huge"), AT_ONCE, "heads for", "no joint can be there"),
    *_walks("joint_states", ("drop_half",), HALVED),
    *_walks("joint_states", ("delay_short",), "5 ms are a fraction of every time-out"),
    *_walks("joint_states", ("duplicate", "permute"), ORDERLY),
    *_walks("joint_states", ("reordered",), BY_NAME),
)
_IMU = (
    *_stops("imu/data", ("drop", "delay"), STATE, OLD_READING, SILENT),
    *_stops("imu/data", ("old_stamp", "future_stamp"), STATE, OLD_READING, UNPAIRED),
    *_stops("imu/data", ("nan", "inf", "not_unit"), STATE, OLD_READING, REFUSED, counter=GATE),
    *_stops("imu/data", ("tilted",), AT_ONCE, "roll is", "a robot that lies on its side must not be driven"),
    *_walks("imu/data", ("drop_half",), HALVED),
    *_walks("imu/data", ("delay_short",), "5 ms are a fraction of every time-out"),
    *_walks("imu/data", ("duplicate", "permute"), ORDERLY),
    DrillCase("imu/data", "huge", Outcome.LIMITED, "a mad gyroscope misleads the controller, not the gatekeeper"),
)
_JOINT_COMMANDS = (
    *_stops("joint_commands", ("drop",), COMMAND, OLD_COMMAND, SILENT),
    *_stops("joint_commands", ("delay",), COMMAND, OLD_COMMAND, "all that comes is too old", "impatient"),
    *_stops("joint_commands", (*SPOILT, "negative_gain"), COMMAND, OLD_COMMAND, REFUSED, counter=GATE),
    *_stops("joint_commands", ("old_stamp",), COMMAND, OLD_COMMAND, REFUSED, counter=REFUSED_STAMP),
    *_stops("joint_commands", ("future_stamp",), COMMAND, OLD_COMMAND, "no reading that it could answer", counter=GATE),
    *_walks("joint_commands", ("drop_half",), HALVED),
    *_walks("joint_commands", ("duplicate", "permute"), ORDERLY),
    *_walks("joint_commands", ("reordered",), BY_NAME),
    DrillCase("joint_commands", "wrong_order", Outcome.LIMITED, "finite numbers for the wrong joints are only cut"),
    DrillCase("joint_commands", "huge", Outcome.LIMITED, "what exceeds a limit is cut to it"),
)
_CMD_VEL = (
    *(
        DrillCase("cmd_vel", fault, Outcome.STANDS, why, promise=VELOCITY, counter=counter)
        for fault, why, counter in (
            ("drop", "a silent operator asks for standing still", ""),
            ("old_stamp", "so does one whose last wish is old", ""),
            ("nan", REFUSED, CONTROLLER),
            ("inf", REFUSED, CONTROLLER),
        )
    ),
    *_walks("cmd_vel", ("drop_half", "delay"), "still younger than the velocity's time-out"),
    *_walks("cmd_vel", ("duplicate", "permute"), ORDERLY),
    *_walks("cmd_vel", ("future_stamp",), "a stamp of another clock is taken as now, with a warning"),
    DrillCase("cmd_vel", "huge", Outcome.LIMITED, "the controller asks for what it can do; the rest is cut"),
)
_BODY_COMMAND = (
    *_walks("body_command", ALL_TIMINGS, "the last gait holds until another one is asked for"),
    *_walks("body_command", ("nan", "inf", "wrong_name"), REFUSED, counter=CONTROLLER),
    *_walks("body_command", ("old_stamp", "future_stamp"), "the same gait is asked for"),
)
_ODOM = (
    *_walks("odom", ("drop", "delay", "permute", "nan", "old_stamp"), UNUSED),
    *_walks("foot_contacts", ("drop", "duplicate", "nan", "wrong_length"), UNUSED),
    *_stops("odom", ("drop", "delay", "nan", "inf", "old_stamp"), COMMAND, OLD_COMMAND, STARVED, "odom"),
    *_walks("odom", ("duplicate", "permute"), ORDERLY, "odom"),
    *_stops("foot_contacts", ("drop", *SPOILT), COMMAND, OLD_COMMAND, STARVED, "odom"),
    *_walks("foot_contacts", ("reordered",), BY_NAME, "odom"),
)
_FOOT_SENSORS = (
    *_stops("foot_sensors", ("drop", "delay", *SPOILT, "old_stamp"), COMMAND, OLD_COMMAND, STARVED, "foot_sensors"),
    *_stops("foot_sensors", ("future_stamp",), COMMAND, OLD_COMMAND, STARVED, "foot_sensors"),
    *_walks("foot_sensors", ("drop_half",), HALVED, "foot_sensors"),
    *_walks("foot_sensors", ("duplicate", "permute"), ORDERLY, "foot_sensors"),
    *_walks("foot_sensors", ("reordered",), BY_NAME, "foot_sensors"),
)
_MOTOR_COMMANDS = tuple(
    DrillCase("motor_commands", fault, Outcome.MOTORS_ALONE, why, promise=MOTORS)
    for fault, why in (("drop", SILENT), ("nan", REFUSED), ("wrong_length", REFUSED))
)
_PAUSES = (
    DrillCase("sim_node", PAUSE, Outcome.STOPPED, SILENT, promise=STATE, reason=OLD_READING),
    DrillCase("mpc_node", PAUSE, Outcome.STOPPED, SILENT, promise=COMMAND, reason=OLD_COMMAND),
    DrillCase("gatekeeper_node", PAUSE, Outcome.MOTORS_ALONE, "and it stays stopped when it wakes up", promise=MOTORS),
    DrillCase("estimator_node", PAUSE, Outcome.WALKS, "the controller has an estimator of its own"),
    DrillCase("recorder_node", PAUSE, Outcome.WALKS, "recording is no part of control"),
)
_KILLS = tuple(
    DrillCase(node, KILL, Outcome.ENDS, "the supervisor ends all others in order", promise=promise)
    for node, promise in zip(NODES, (STATE, STATE, COMMAND, "", STATE), strict=True)
)

CASES: tuple[DrillCase, ...] = (
    *(*_JOINT_STATES, *_IMU, *_JOINT_COMMANDS, *_CMD_VEL, *_BODY_COMMAND, *_ODOM, *_FOOT_SENSORS),
    *(*_MOTOR_COMMANDS, *_PAUSES, *_KILLS),
)
# A few of every kind, for a quick look and for the tests.
SMOKE = ("joint_states.drop", "joint_commands.nan", "joint_commands.permute", "joint_commands.old_stamp")


def find_cases(patterns: Iterable[str] | None) -> tuple[DrillCase, ...]:
    """Choose cases.

    Args:
        patterns: Names of cases, or of targets ("imu_data" for all cases of that topic); None for all.

    Returns:
        The cases in the order of the table, each once.

    Raises:
        UnknownName: A pattern fits no case.
    """
    if patterns is None:
        return CASES
    chosen = set()
    for pattern in patterns:
        fitting = {case.name for case in CASES if pattern in (case.name, case.name.partition(".")[0])}
        if not fitting:
            raise UnknownName("case", pattern, (case.name for case in CASES))
        chosen |= fitting
    return tuple(case for case in CASES if case.name in chosen)
