"""The fault drill: breaks every topic and node of the running simulated stack, one after the other, and judges."""

import itertools
import os
import signal
import time as clock
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rosbags.highlevel import AnyReader

from controllers.errors import InvalidValue
from evaluation.drill_cases import AT_ONCE, KILL, NODES, PAUSE, VELOCITY, DrillCase, Outcome, find_cases
from evaluation.drill_report import DrillJournal, Verdict, drill_table, write_drill
from evaluation.journal import digest_files
from pronk.drill_observer import DrillFailed, Observer
from pronk.drill_stack import LAUNCH_FILE, DrillSettings, DrillStack
from pronk_bringup.bag import read_messages
from pronk_bringup.bag_recovery import is_complete, recover
from pronk_bringup.domain import free_domain
from pronk_bringup.errors import BagError
from pronk_gateway.gatekeeper_node import GatekeeperParameters
from pronk_gateway.sim_node import SimParameters
from pronk_locomotion.mpc_node import MpcParameters
from pronk_node_kit.spin import REALTIME_VARIABLE
from pronk_node_kit.topics import CONTROLLER_STATE, SIM_STATE

# How long a fault that must change nothing is watched, in simulated time, and the longest wait for anything [s].
WATCHED_S, LONGEST_S = 1.0, 30.0
PAUSED_S = 1.0
# What a loaded computer and the telemetry's period may add to a time that is promised [s].
SLACK_S = 0.05
TELEMETRY_S = 0.1
BRAKING_S = 1.0
BAG_LOSS_S = 1.0
HEIGHT_M, SPEED_MPS = 0.2, 0.1
KILLED = 128 + signal.SIGKILL


def promises() -> dict[str, float]:
    """Read the times that the configuration of the launch promises.

    Returns:
        Time by name of the promise [s]; "watchdog_period_s" among them.
    """
    tree = yaml.safe_load((LAUNCH_FILE.parent / "params" / "go2_sim.yaml").read_text(encoding="utf-8"))
    given = {name.rpartition("/")[2]: values["ros__parameters"] for name, values in tree.items()}

    def find(cls: Any, node: str, name: str) -> float:
        return float(given.get(node, {}).get(name, getattr(cls, name)))

    gate = partial(find, GatekeeperParameters, "gatekeeper_node")
    return {
        "": 0.0,
        AT_ONCE: 0.0,
        **{name: gate(name) for name in ("state_timeout_s", "command_timeout_s", "watchdog_period_s")},
        "motor_timeout_s": find(SimParameters, "sim_node", "motor_timeout_s"),
        VELOCITY: find(MpcParameters, "mpc_node", "command_timeout_s"),
    }


def code_digest() -> str:
    """Digest the code under test and the code that judges it.

    Returns:
        Hexadecimal digest.
    """
    root = LAUNCH_FILE.parent.parent
    folders = [root / name for name in ("controllers", "sim", "pronk", "ros2_ws/src", "launch")]
    found = (path for folder in folders for path in sorted(folder.rglob("*")))
    files = (path for path in found if path.suffix in (".py", ".yaml", ".msg") and path.is_file())
    return digest_files((path.relative_to(root).as_posix(), path) for path in files)


class Trial:
    """One case on a running stack."""

    def __init__(self, case: DrillCase, stack: DrillStack, observer: Observer) -> None:
        """Prepare.

        Args:
            case: What is broken.
            stack: The launch.
            observer: The drill's node.
        """
        self._case, self._stack, self._observer = case, stack, observer
        self._promised = promises()
        self._faults: list[str] = []
        self._found = ""
        self._delay: float | None = None
        self._begin = 0.0
        self.end = 0.0

    def run(self) -> Verdict:
        """Break it, wait for what comes of it, and mend it.

        Returns:
            The verdict, without that on the bag, which is still being written.
        """
        case, o = self._case, self._observer
        before = o.counter(case.counter) if case.counter else 0
        o.forget()
        self._break()
        {
            Outcome.STOPPED: self._expect_stop,
            Outcome.WALKS: self._expect_walk,
            Outcome.STANDS: self._expect_halt,
            Outcome.MOTORS_ALONE: self._expect_motors_alone,
            Outcome.LIMITED: self._expect_limits,
            Outcome.ENDS: self._expect_end,
        }[case.outcome]()
        if case.counter:
            self._check(
                o.until(lambda: o.counter(case.counter) > before >= 0, LONGEST_S),
                f"'{case.counter}' was not counted up",
            )
        self._mend()
        unsafe = sum(not sent.safe for sent in o.sent)
        self._check(unsafe == 0, f"{unsafe} motor commands beyond a limit")
        return Verdict(
            case.name,
            not self._faults,
            self._found,
            tuple(self._faults),
            self._delay,
            self._allowed if self._delay is not None else None,
            unsafe,
            len(o.sent),
            None,
        )

    @property
    def _allowed(self) -> float:
        case, p = self._case, self._promised
        extra = {Outcome.STANDS: BRAKING_S, Outcome.MOTORS_ALONE: TELEMETRY_S}.get(case.outcome, 0.0)
        return p[case.promise] + p["watchdog_period_s"] + extra + SLACK_S

    def _check(self, good: bool, fault: str) -> None:
        if not good:
            self._faults.append(fault)

    def _break(self) -> None:
        case, o = self._case, self._observer
        if case.target in NODES:
            self._begin = o.sent[-1].stamp if o.sent else o.time
            self.end = clock.time()
            self._stack.signal(case.target, signal.SIGKILL if case.fault == KILL else signal.SIGSTOP)
        else:
            self._begin = o.set_fault(case.fault)

    def _mend(self) -> None:
        case, o = self._case, self._observer
        if case.fault == KILL:
            return
        if case.fault == PAUSE:
            self._stack.signal(case.target, signal.SIGCONT)
            if case.target == "gatekeeper_node":
                self._check(
                    o.until(lambda: o.gate.startswith("stopped: no check") and o.sent[-1].damps, 5.0),
                    f"the gatekeeper did not stop when it woke up: '{o.gate}'",
                )
                self._found += f"; then {o.gate}"
            o.spin(0.5)
        else:
            o.set_fault("none")
        self.end = clock.time()

    def _first_damping(self) -> int | None:
        return next((i for i, sent in enumerate(self._observer.sent) if sent.damps), None)

    def _measure_damping(self) -> None:
        o = self._observer
        first = self._first_damping()
        if first is None:
            self._check(False, "the motors were not damped")
            return
        self._delay = max(0.0, o.sent[first].stamp - self._begin)
        self._check(self._delay <= self._allowed, f"damped too late (allowed: {1e3 * self._allowed:.0f} ms)")
        self._check(all(sent.damps for sent in o.sent[first:]), "commands passed after the stop")

    def _expect_stop(self) -> None:
        o, case = self._observer, self._case
        o.until(lambda: o.gate.startswith("stopped") and o.sent[-1].damps, LONGEST_S)
        o.spin(0.3)
        self._found = o.gate
        self._check(o.gate.startswith("stopped"), f"not stopped but '{o.gate}'")
        self._check(case.reason in o.gate, f"the reason does not say '{case.reason}'")
        self._measure_damping()

    def _watch(self) -> None:
        o = self._observer
        begin = o.time
        self._check(o.until(lambda: o.time > begin + WATCHED_S, LONGEST_S), "the world stands still")

    def _check_upright(self) -> None:
        o = self._observer
        lowest = min((height for stamp, height, _ in o.track if stamp >= self._begin), default=0.0)
        self._check(all(gate.startswith("armed") for gate in o.gates), f"not armed throughout: {o.gates[-1]}")
        self._check(self._first_damping() is None, "the motors were damped")
        self._check(lowest > HEIGHT_M, f"the base went down to {lowest:.2f} m")

    def _expect_walk(self) -> None:
        o = self._observer
        if self._case.fault == PAUSE:
            o.spin(PAUSED_S)
        self._watch()
        speed = o.speed(0.5)
        self._found = f"walks at {speed:.2f} m/s"
        self._check_upright()
        self._check(speed > SPEED_MPS, f"walks at {speed:.2f} m/s only")

    def _expect_halt(self) -> None:
        o = self._observer
        halted = o.until(lambda: o.telemetry(CONTROLLER_STATE.name, "velocity_x_reference_mps") == 0.0, LONGEST_S)
        self._delay = o.time - self._begin
        self._check(halted and self._delay <= self._allowed, "not asked to stand still in time")
        self._watch()
        speed = abs(o.speed(0.4))
        self._found = f"stands ({speed:.2f} m/s)"
        self._check_upright()
        self._check(speed < SPEED_MPS, f"still moves at {speed:.2f} m/s")

    def _expect_motors_alone(self) -> None:
        o, begin = self._observer, clock.monotonic()
        alone = o.until(lambda: o.telemetry(SIM_STATE.name, "motors_alone") == 1.0, LONGEST_S)
        self._delay = clock.monotonic() - begin
        self._found = "motors damp alone" if alone else "motors do not damp"
        self._check(alone, "the motors do not damp")
        self._check(self._delay <= self._allowed, f"damped too late (allowed: {1e3 * self._allowed:.0f} ms)")
        o.spin(0.5)
        self._check(o.telemetry(SIM_STATE.name, "motors_alone") == 1.0, "the motors did not stay damped")

    def _expect_limits(self) -> None:
        self._watch()
        self._found = self._observer.gate

    def _expect_end(self) -> None:
        o = self._observer
        ended = o.until(lambda: self._stack.code is not None, 20.0)
        self._found = f"launch ended with {self._stack.code}"
        self._check(ended and self._stack.code == KILLED, f"exit code {self._stack.code}, expected {KILLED}")
        if self._case.target == "gatekeeper_node":
            return
        self._measure_damping()


def _judge_bag(stack: DrillStack, ends: Sequence[float], killed: bool) -> tuple[list[float], str]:
    """Read the bag of a launch with our reader and with a foreign one.

    Returns:
        Silence before each end [s], and what is wrong with the bag (empty when nothing).
    """
    try:
        times = np.sort([message.log_time * 1e-9 for message in read_messages(stack.bag)])
        if not killed and not is_complete(stack.bag):
            return [np.inf] * len(ends), "the recorder did not close its bag"
        count = recover(stack.bag)
        with AnyReader([stack.bag]) as reader:
            read = sum(1 for _ in reader.messages())
    except (BagError, OSError, ValueError) as error:
        return [np.inf] * len(ends), f"the bag cannot be read: {error}"
    if not count == read == len(times):
        return [np.inf] * len(ends), f"readers disagree: {len(times)}, {count} and {read} messages"
    places = np.searchsorted(times, ends, side="right")
    return [float(end - times[i - 1]) if i else np.inf for end, i in zip(ends, places, strict=True)], ""


class Drill:
    """Runs cases, those of one launch after the other, and keeps what comes of them."""

    def __init__(self, out: Path, console: Console, settings: DrillSettings) -> None:
        """Prepare.

        Args:
            out: Folder for results, launch files, logs and bags.
            console: Where to print.
            settings: Speed and priority.
        """
        self._out, self._console, self._settings = out, console, settings
        self._launches = itertools.count(1 + sum(1 for _ in out.glob("launch_*")))
        self._journal = DrillJournal(out / "drill.jsonl", code_digest())
        self.verdicts: dict[str, Verdict] = {}

    def run(self, cases: Sequence[DrillCase]) -> None:
        """Run what has not passed yet.

        Args:
            cases: Cases in order.
        """
        self.verdicts.update(self._journal.passed(cases))
        if self.verdicts:
            self._console.print(f"{len(self.verdicts)} cases have passed before and are not run again")
        left = [case for case in cases if case.name not in self.verdicts]
        groups: dict[tuple[str, str], list[DrillCase]] = {}
        for case in left:
            groups.setdefault(case.launch, []).append(case)
        for group in groups.values():
            while group:
                group = self._run_launch(group)
                self._report(cases)

    def _report(self, cases: Sequence[DrillCase]) -> None:
        write_drill(self._out / "results.json", cases, self.verdicts)

    def _run_launch(self, cases: list[DrillCase]) -> list[DrillCase]:
        """Run cases in one launch; return those that are left when it did not survive."""
        first = cases[0]
        topic = "" if first.target in NODES else first.target
        domain = free_domain()
        folder = self._out / f"launch_{next(self._launches):03d}"
        stack = DrillStack(first.stack, topic, folder, domain, self._settings)
        observer = Observer(domain, topic)
        found: list[tuple[DrillCase, Verdict, float]] = []
        try:
            for i, case in enumerate(cases):
                trial = Trial(case, stack, observer)
                try:
                    observer.make_walk(first=i == 0)
                    verdict = trial.run()
                except (DrillFailed, ProcessLookupError) as error:
                    ended = "" if stack.code is None else f"; the launch ended with {stack.code}"
                    verdict = Verdict(case.name, False, "", (f"{error}{ended}",), None, None, 0, 0, None)
                    trial.end = clock.time()
                found.append((case, verdict, trial.end))
                self._console.print(f"{case.name}: {verdict.found or '; '.join(verdict.faults)}", soft_wrap=True)
                if not verdict.found or stack.code is not None:
                    break
        finally:
            stack.stop()
            observer.close()
        killed = first.target == "recorder_node" and first.fault == KILL
        silences, complaint = _judge_bag(stack, [end for _, _, end in found], killed)
        for (case, verdict, _), silence in zip(found, silences, strict=True):
            self._keep(case, verdict, silence, complaint)
        return cases[len(found) :]

    def _keep(self, case: DrillCase, verdict: Verdict, silence: float, complaint: str) -> None:
        faults = list(verdict.faults)
        if complaint:
            faults.append(complaint)
        elif silence > BAG_LOSS_S:
            faults.append(f"the bag lacks the last {silence:.2f} s")
        values = {**verdict.__dict__, "passed": not faults, "faults": tuple(faults), "bag_silence_s": silence}
        self.verdicts[case.name] = Verdict(**values)
        self._journal.append(case, self.verdicts[case.name])


def run_drill(patterns: Sequence[str] | None, out: Path, console: Console, settings: DrillSettings) -> int:
    """Run the drill.

    Args:
        patterns: Names of cases or of their targets; None for all.
        out: Folder for the results; a drill that was stopped goes on there.
        console: Where to print.
        settings: Speed and priority.

    Returns:
        0 when every case ended as expected, else 1.

    Raises:
        UnknownName: A pattern fits no case.
        InvalidValue: This system does not tell the processes of a launch.
    """
    cases = find_cases(patterns)
    if not Path("/proc/self/task").is_dir():
        raise InvalidValue("the drill finds the processes of a launch in /proc, which this system lacks (Linux has it)")
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    os.environ[REALTIME_VARIABLE] = str(settings.realtime_priority)
    # A drill that is ended must not leave its launch behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    drill = Drill(out, console, settings)
    drill.run(cases)
    console.print(drill_table(cases, drill.verdicts))
    passed = sum(verdict.passed for verdict in drill.verdicts.values())
    commands = sum(verdict.commands for verdict in drill.verdicts.values())
    console.print(f"{passed} of {len(cases)} cases passed; {commands} motor commands were judged")
    console.print(f"results: {out.resolve()}", soft_wrap=True)
    return int(passed != len(cases))
