"""Ends process groups when the launch runner dies without having done so, even by SIGKILL.

Runs as a program of its own, with nothing but the standard library. It reads "+pid" and "-pid" lines from its standard
input; when that ends, whatever is still listed is ended.
"""

import os
import signal
import sys
import time

PATIENCE = 5.0


def _signal_all(groups: set[int], number: int) -> set[int]:
    alive = set()
    for group in groups:
        try:
            os.killpg(group, number)
            alive.add(group)
        except (ProcessLookupError, PermissionError):
            continue
    return alive


def main() -> None:
    """Wait for the runner's end, then for that of its processes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    groups = _signal_all(groups, signal.SIGINT)
    end = time.monotonic() + PATIENCE
    while groups and time.monotonic() < end:
        time.sleep(0.05)
        groups = _signal_all(groups, 0)
    _signal_all(groups, signal.SIGKILL)


if __name__ == "__main__":
    main()
