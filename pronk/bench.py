"""Times every hot path on one thread, beside the solvers that a user would pick."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from evaluation.machine import describe_machine, describe_versions
from evaluation.results import write_json
from evaluation.table import rich_table
from pronk.bench_parts import PASSES, Timing, loop_factors, time_in_loop, time_learner, time_parts
from pronk.bench_programs import ProgramTiming, Recording, record_trot, time_programs
from sim.scenarios import get_scenario

LOOKAHEADS = (10, 20)
BUSY_LOAD = 1.5
RIVAL_NAME = "Quadruped-PyMPC"
RIVAL_SOURCE = "measured on the same class of machine, 2 cores: Go2, trot, 100 Hz, acados, 12 intervals of 20 ms"
RIVAL = {"mpc_p50_s": 2.6e-3, "mpc_p99_s": 8.8e-3, "cpu_realtime_factor": 0.48}


def bench(out: Path, console: Console, quick: bool = False) -> int:
    """Time everything, print tables and write `bench.json`.

    Args:
        out: Folder of the results.
        console: Where the tables go.
        quick: Take fewer samples.

    Returns:
        Exit code 0.
    """
    machine = describe_machine()
    console.print(f"{machine['processor']}, {machine['cores']} cores, load {machine['load_average']}; one thread")
    programs: dict[int, list[ProgramTiming]] = {}
    recordings: dict[int, Recording] = {}
    for horizon in LOOKAHEADS:
        console.print(f"recording a trot with pushes and a payload, N = {horizon}")
        recordings[horizon] = record_trot(horizon, 4.0 if quick else 12.0)
        programs[horizon] = time_programs(recordings[horizon], PASSES, 100 if quick else 500)
        _print_programs(console, horizon, programs[horizon])
    parts = [*time_learner(recordings[LOOKAHEADS[-1]]), *time_parts(recordings[LOOKAHEADS[0]])]
    parts += time_in_loop(replace(get_scenario("flat_walk"), duration_s=7.0))
    loop, factors = loop_factors(1 if quick else 3, 4.0 if quick else 10.0)
    _print_parts(console, [*parts, *loop])
    _print_rival(console, programs[LOOKAHEADS[0]][0], factors)
    load_after = os.getloadavg()
    if load_after[0] > BUSY_LOAD:
        console.print(f"the machine was busy (load {load_after[0]:.1f}); wall times are larger than on an idle one")
    write_json(
        out / "bench.json",
        {
            "machine": machine,
            "load_average_after": load_after,
            "versions": describe_versions(),
            "programs": {f"N={horizon}": [asdict(row) for row in rows] for horizon, rows in programs.items()},
            "parts": [asdict(timing) for timing in (*parts, *loop)],
            "realtime": factors,
            "rival": {"name": RIVAL_NAME, "source": RIVAL_SOURCE, **RIVAL},
        },
    )
    console.print(f"results: {(out / 'bench.json').resolve()}")
    return 0


def _print_programs(console: Console, horizon: int, rows: Sequence[ProgramTiming]) -> None:
    cells = []
    for row in rows:
        t = row.timing
        cells.append(
            [
                row.solver,
                f"{1e6 * t['p50_s']:.0f}",
                f"{1e6 * t['p99_s']:.0f}",
                f"{1e6 * t['raw_p99_s']:.0f}",
                f"{row.difference_max_n:.2g}",
                str(row.failures),
                f"{t['n']:.0f}",
            ]
        )
    heads = ["solver", "p50 [µs]", "p99 [µs]", "raw p99 [µs]", "largest force difference [N]", "failed", "QPs"]
    active = f"{100.0 * rows[0].active_share:.0f} % of the solutions rest on a constraint"
    console.print(rich_table(f"force plan: build and solve, N = {horizon}, trot; {active}", heads, cells, left=1))


def _print_parts(console: Console, timings: Sequence[Timing]) -> None:
    cells = [
        [t.name, f"{1e6 * t.p50_s:.1f}", f"{1e6 * t.p99_s:.1f}", f"{1e6 * t.raw_p99_s:.1f}", str(t.n)] for t in timings
    ]
    title = "parts; replayed back to back with warm caches unless in the loop"
    console.print(rich_table(title, ["part", "p50 [µs]", "p99 [µs]", "raw p99 [µs]", "n"], cells, left=1))


def _print_rival(console: Console, own: ProgramTiming, factors: Mapping[str, float]) -> None:
    t = own.timing
    rows = [
        [
            "force plan, median / raw p99 [ms]",
            f"{1e3 * t['p50_s']:.2f} / {1e3 * t['raw_p99_s']:.2f}",
            f"{1e3 * RIVAL['mpc_p50_s']:.1f} / {1e3 * RIVAL['mpc_p99_s']:.1f}",
        ],
        [
            "× real time, processor time: state → torques (learner included) and physics",
            f"{factors['cpu_realtime_factor']:.1f}",
            f"{RIVAL['cpu_realtime_factor']}",
        ],
        [
            "× real time, processor time: with estimator and gatekeeper as well",
            f"{factors['all_realtime_factor']:.1f}",
            "–",
        ],
        ["× real time, controller alone", f"{factors['controller_realtime_factor']:.1f}", "–"],
        ["× real time, physics alone", f"{factors['physics_realtime_factor']:.1f}", "–"],
    ]
    console.print(rich_table("trot at 0.5 m/s", ["", "Pronk", RIVAL_NAME], rows, left=1))
    console.print(f"{RIVAL_NAME}: {RIVAL_SOURCE}", soft_wrap=True)
