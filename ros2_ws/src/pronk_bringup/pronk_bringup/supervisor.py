"""Runs the processes of a launch, shows their output, and makes sure that all of them end."""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from pronk_bringup.expansion import ProcessSpec

_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
_PR_SET_PDEATHSIG = 1
_POLL = 0.05
_STEPS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


def _death_signal() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def request() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return request


class _Process:
    def __init__(self, spec: ProcessSpec, colour: int, before: Callable[[], None] | None) -> None:
        self.spec = spec
        self.colour = colour
        self.popen = subprocess.Popen(
            spec.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(spec.environment),
            cwd=spec.directory,
            start_new_session=True,
            preexec_fn=before,
        )
        assert self.popen.stdout is not None
        self.output: IO[bytes] = self.popen.stdout
        os.set_blocking(self.output.fileno(), False)
        self.partial = b""
        self.code: int | None = None
        self.step = -1
        self.escalate_at = 0.0

    def send(self, number: int) -> None:
        try:
            os.killpg(self.popen.pid, number)
        except ProcessLookupError:
            pass

    def reap(self) -> bool:
        """Return True once, when the process has ended; what it left behind in its group is killed."""
        if self.code is not None:
            return False
        # While the dead process is not collected, its id cannot be given to another process group.
        if os.waitid(os.P_PID, self.popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        self.send(signal.SIGKILL)
        self.code = self.popen.wait()
        return True


class Supervisor:
    """Starts processes, each in a process group of its own, and ends them all together."""

    def __init__(self, specs: Sequence[ProcessSpec], write: Callable[[str], None], colour: bool = False) -> None:
        """Prepare.

        Args:
            specs: Processes to start.
            write: Takes complete lines of text for the log.
            colour: Whether to colour the prefixes.
        """
        self._specs = specs
        self._sink: Callable[[str], None] | None = write
        self._colour = colour
        self._processes: list[_Process] = []
        self._selector = selectors.DefaultSelector()
        self._width = max((len(spec.label) for spec in specs), default=0)
        self._exit_code = 0
        self._stopping = False
        self._signals = 0
        self._handled = 0

    def run(self, time_limit: float | None = None) -> int:
        """Run until all processes have ended.

        Everything is stopped when a process that ends the launch ends, when any process fails, on SIGINT, SIGTERM or
        SIGHUP (a second signal hurries), and after the time limit.

        Args:
            time_limit: Longest time to run [s]; None for no limit.

        Returns:
            0, or the exit code of the first process that failed (128 + n for signal n), or 124 after the time limit.
        """
        guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guardian.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        assert guardian.stdin is not None
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        previous = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            self._start_all(guardian.stdin)
            self._supervise(time.monotonic() + time_limit if time_limit is not None else None)
        finally:
            for process in self._processes:
                if process.code is None:
                    process.send(signal.SIGKILL)
                    process.code = process.popen.wait()
                process.output.close()
            self._selector.close()
            for number, handler in previous.items():
                signal.signal(number, handler)
            for process in self._processes:
                guardian.stdin.write(f"-{process.popen.pid}\n")
            guardian.stdin.close()
            guardian.wait()
        return self._exit_code

    def _on_signal(self, number: int, frame: object) -> None:
        self._signals += 1

    def _start_all(self, guardian: IO[str]) -> None:
        before = _death_signal()
        for i, spec in enumerate(self._specs):
            if self._signals:
                return
            try:
                process = _Process(spec, _COLOURS[i % len(_COLOURS)], before)
            except OSError as error:
                self._note(f"{spec.label} cannot be started: {error}")
                self._fail(127, f"{spec.label} cannot be started")
                return
            guardian.write(f"+{process.popen.pid}\n")
            guardian.flush()
            self._processes.append(process)
            self._selector.register(process.output, selectors.EVENT_READ, process)

    def _supervise(self, end: float | None) -> None:
        while any(process.code is None for process in self._processes):
            for key, _ in self._selector.select(_POLL):
                self._read(key.data)
            for process in self._processes:
                if process.reap():
                    self._drain(process)
                    self._ended(process)
            if self._signals > self._handled:
                self._handled = self._signals
                self._stop("interrupted" if self._signals == 1 else "interrupted again", hurry=True)
            if end is not None and time.monotonic() > end and not self._stopping:
                self._fail(124, "time limit reached")
            self._escalate()

    def _ended(self, process: _Process) -> None:
        code, label = process.code or 0, process.spec.label
        asked = self._stopping and process.step >= 0
        if code == 0 or (asked and code in (-signal.SIGINT, -signal.SIGTERM)):
            if process.spec.ends_launch and not self._stopping:
                self._stop(f"{label} has finished")
            return
        shown = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"failed with exit code {code}"
        self._note(f"{label} {shown}")
        self._fail(128 - code if code < 0 else code, f"{label} {shown}")

    def _fail(self, code: int, reason: str) -> None:
        self._exit_code = self._exit_code or code
        self._stop(reason)

    def _stop(self, reason: str, hurry: bool = False) -> None:
        if not self._stopping:
            self._note(f"stopping: {reason}")
        elif not hurry:
            return
        self._stopping = True
        for process in self._processes:
            self._advance(process)

    def _advance(self, process: _Process) -> None:
        """Send the next stronger signal."""
        if process.code is not None or process.step == len(_STEPS) - 1:
            return
        process.step += 1
        spec, number = process.spec, _STEPS[process.step]
        if process.step > 0:
            self._note(f"{spec.label} has not ended; sending {number.name}")
        process.send(number)
        patience = spec.sigterm_timeout if process.step == 0 else spec.sigkill_timeout
        process.escalate_at = time.monotonic() + patience

    def _escalate(self) -> None:
        if self._stopping:
            for process in self._processes:
                if time.monotonic() > process.escalate_at:
                    self._advance(process)

    def _read(self, process: _Process) -> bool:
        try:
            data = os.read(process.output.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(process.output)
            return False
        *lines, process.partial = (process.partial + data).split(b"\n")
        self._show(process, lines)
        return True

    def _drain(self, process: _Process) -> None:
        if process.output in {key.fileobj for key in self._selector.get_map().values()}:
            while self._read(process):
                pass
        if process.partial:
            self._show(process, [process.partial])
            process.partial = b""

    def _show(self, process: _Process, lines: Sequence[bytes]) -> None:
        prefix = f"[{process.spec.label}]".ljust(self._width + 2)
        if self._colour:
            prefix = f"\x1b[{process.colour}m{prefix}\x1b[0m"
        text = "".join(f"{prefix} {line.decode(errors='replace')}\n" for line in lines)
        if text:
            self._write(text)

    def _write(self, text: str) -> None:
        if self._sink is None:
            return
        try:
            self._sink(text)
        except BrokenPipeError:
            # Nobody reads the log any more: that is a request to stop, as with any program in a pipe.
            self._sink = None
            self._signals += 1

    def _note(self, text: str) -> None:
        prefix = "[launch]".ljust(self._width + 2)
        self._write(f"\x1b[1m{prefix}\x1b[0m {text}\n" if self._colour else f"{prefix} {text}\n")
