"""Feeds damaged input to every parser, and counts what comes of it: `pronk fuzz`."""

import argparse
import random
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pronk.terminal import open_bar, open_console, split_names

SHARED_MEMORY = Path("/dev/shm")
KEPT_CRASHES = 10
SLOW_S = 2.0


@dataclass
class Tally:
    """What came of the inputs of a target.

    Attributes:
        inputs: How many there were.
        taken: How many were taken.
        refused: How many were refused with an error that says why.
        crashes: How many ended in anything else.
        slow: How many took longer than two seconds.
        seconds: Processor time of all [s].
        slowest_ms: Processor time of the slowest [ms].
        kinds: Crashes by the place that they come from.
    """

    inputs: int = 0
    taken: int = 0
    refused: int = 0
    crashes: int = 0
    slow: int = 0
    seconds: float = 0.0
    slowest_ms: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing crashed and nothing hung."""
        return self.crashes == 0 and self.slow == 0


def feed(target: Any, inputs: int, seed: int, crashes: Path, tick: Any = None) -> Tally:
    """Feed a target.

    Args:
        target: Of `pronk.fuzz_targets`.
        inputs: How many damaged inputs.
        seed: Each input depends on it and on its own number alone.
        crashes: Folder for inputs that crash it; made when there is one.
        tick: Called with each number, for a progress bar.

    Returns:
        What came of it.
    """
    from pronk.fuzz_damage import damage

    for example in target.examples:
        target.attempt(example)
    tally = Tally()
    for number in range(inputs):
        data = damage(random.Random(f"{target.name} {seed} {number}"), target.examples)
        # Of the processor: a busy computer makes no parser slow.
        start = time.process_time()
        try:
            target.attempt(data)
            tally.taken += 1
        except target.refusals:
            tally.refused += 1
        except Exception as error:
            tally.crashes += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
            tally.kinds[kind] = tally.kinds.get(kind, 0) + 1
            if tally.kinds[kind] == 1 and len(tally.kinds) <= KEPT_CRASHES:
                crashes.mkdir(parents=True, exist_ok=True)
                (crashes / f"{target.name}_{number}.bin").write_bytes(data)
                (crashes / f"{target.name}_{number}.txt").write_text(traceback.format_exc(), encoding="utf-8")
        took = time.process_time() - start
        tally.inputs, tally.seconds = number + 1, tally.seconds + took
        tally.slow += took > SLOW_S
        tally.slowest_ms = max(tally.slowest_ms, 1e3 * took)
        if tick is not None and number % 256 == 0:
            tick(number)
    return tally


def add_fuzz(commands: Any) -> None:
    """Add the command to the command line.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = commands.add_parser("fuzz", help="feed damaged input to every parser and to the gatekeeper")
    parser.add_argument("--targets", metavar="NAME,…", help="default: all")
    parser.add_argument("--inputs", type=int, default=10_000, metavar="N", help="of each target; default: 10000")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument("--out", type=Path, default=Path("results/fuzz"), metavar="DIR", help="default: results/fuzz")
    parser.set_defaults(run=_fuzz)


def _fuzz(options: argparse.Namespace) -> int:
    from controllers.errors import InvalidValue, UnknownName
    from evaluation.results import write_json
    from pronk.fuzz_targets import make_targets

    if options.inputs < 1:
        raise InvalidValue(f"--inputs must be at least 1, got {options.inputs}")
    console, tallies = open_console(), {}
    where = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where, prefix="pronk_fuzz_") as scratch:
        targets = make_targets(Path(scratch))
        names = split_names(options.targets) or list(targets)
        for name in names:
            if name not in targets:
                raise UnknownName("target", name, targets)
        with open_bar(console) as bar:
            for name in names:
                row = bar.add_task(name, total=options.inputs)
                tallies[name] = feed(
                    *(targets[name], options.inputs, options.seed, options.out / "crashes"),
                    lambda number, row=row: bar.update(row, completed=number),  # type: ignore[misc]
                )
                bar.update(row, completed=options.inputs)
                found = {target: asdict(tally) for target, tally in tallies.items()}
                write_json(options.out / "fuzz.json", {"seed": options.seed, "targets": found})
        console.print(_table([(targets[name].meaning, name, tally) for name, tally in tallies.items()]))
    for name, tally in tallies.items():
        for kind, count in tally.kinds.items():
            console.print(f"{name}: {count} times {kind}", markup=False)
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return int(not all(tally.clean for tally in tallies.values()))


def _table(rows: Sequence[tuple[str, str, Tally]]) -> Any:
    from rich.table import Table

    table = Table(title="Damaged input", title_justify="left")
    table.add_column("target")
    table.add_column("what it is")
    for name in ("inputs", "taken", "refused", "crashes", "over 2 s", "slowest [ms]", "inputs/s"):
        table.add_column(name, justify="right")
    for meaning, name, t in rows:
        rate = t.inputs / max(t.seconds, 1e-9)
        counts = (t.inputs, t.taken, t.refused, t.crashes, t.slow)
        table.add_row(name, meaning, *map(str, counts), f"{t.slowest_ms:.1f}", f"{rate:.0f}")
    return table
