"""Times every hot path on one thread, beside the solvers that a user would pick."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from evaluation.machine import describe_machine, describe_versions
from evaluation.results import write_json
from evaluation.table import rich_table
from pronk.bench_filter import Agreement, FilterTiming, Siege, besiege, compare_with_daqp, time_filter
from pronk.bench_parts import PASSES, Timing, loop_factors, time_in_loop, time_learner, time_parts
from pronk.bench_programs import ProgramTiming, Recording, record_trot, time_programs
from sim.scenarios import get_scenario

LOOKAHEADS = (10, 20)
BUSY_LOAD = 1.5
PARTS = ("locomotion", "filter")
RIVAL_NAME = "Quadruped-PyMPC"
RIVAL_SOURCE = "measured on the same class of machine, 2 cores: Go2, trot, 100 Hz, acados, 12 intervals of 20 ms"
RIVAL = {"mpc_p50_s": 2.6e-3, "mpc_p99_s": 8.8e-3, "cpu_realtime_factor": 0.48}


def bench(out: Path, console: Console, quick: bool = False, parts: Sequence[str] = PARTS) -> int:
    """Time everything, print tables and write `bench.json`.

    Args:
        out: Folder of the results.
        console: Where the tables go.
        quick: Take fewer samples.
        parts: What to time, of `PARTS`.

    Returns:
        Exit code 0.
    """
    machine = describe_machine()
    console.print(f"{machine['processor']}, {machine['cores']} cores, load {machine['load_average']}; one thread")
    found: dict[str, Any] = {}
    if "locomotion" in parts:
        found |= _bench_locomotion(console, quick)
    if "filter" in parts:
        found["filter"] = _bench_filter(console, quick)
    load_after = os.getloadavg()
    if load_after[0] > BUSY_LOAD:
        console.print(f"the machine was busy (load {load_after[0]:.1f}); wall times are larger than on an idle one")
    about = {"machine": machine, "load_average_after": load_after, "versions": describe_versions()}
    write_json(out / "bench.json", {**about, **found})
    console.print(f"results: {(out / 'bench.json').resolve()}")
    return 0


def _bench_locomotion(console: Console, quick: bool) -> dict[str, Any]:
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
    return {
        "programs": {f"N={horizon}": [asdict(row) for row in rows] for horizon, rows in programs.items()},
        "parts": [asdict(timing) for timing in (*parts, *loop)],
        "realtime": factors,
        "rival": {"name": RIVAL_NAME, "source": RIVAL_SOURCE, **RIVAL},
    }


def _bench_filter(console: Console, quick: bool) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    timings = time_filter(rng, 20 if quick else 400, 20 if quick else 300)
    _print_filter(console, timings)
    agreements = compare_with_daqp(rng, 600 if quick else 100_000)
    _print_agreements(console, agreements)
    sieges = besiege(rng, 3_000 if quick else 1_000_000)
    _print_sieges(console, sieges)
    return {
        "timings": [asdict(timing) for timing in timings],
        "agreement": [asdict(agreement) for agreement in agreements],
        "adversaries": [asdict(siege) for siege in sieges],
    }


def _print_filter(console: Console, timings: Sequence[FilterTiming]) -> None:
    own = timings[0].p50_s
    cells = [
        [t.solver, f"{1e6 * t.p50_s:.2f}", f"{t.p50_s / own:.0f}", f"{t.difference_mps:.2g}", str(t.failures), str(t.n)]
        for t in timings
    ]
    heads = ["solver", "per robot [µs]", "× ours", "largest difference [m/s]", "failed", "QPs"]
    console.print(rich_table("safety filter: two variables, 16 neighbours, box of velocities", heads, cells, left=1))


def _print_agreements(console: Console, agreements: Sequence[Agreement]) -> None:
    cells = [
        [
            a.kind,
            str(a.n),
            str(a.solved),
            str(a.verdicts),
            f"{a.difference_mps:.2g}",
            str(a.apart),
            f"{a.violation_mps:.2g}",
            f"{a.violation_daqp_mps:.2g}",
        ]
        for a in agreements
    ]
    heads = ["programs", "n", "both solved", "other verdict", "largest difference [m/s]", "> 1e-9"]
    heads += ["violation, ours [m/s]", "DAQP [m/s]"]
    console.print(rich_table("safety filter beside DAQP", heads, cells, left=1))


def _print_sieges(console: Console, sieges: Sequence[Siege]) -> None:
    cells = [
        [s.robot, str(s.steps), str(s.collisions), str(s.infeasible), f"{s.clearance_m:.2g}", f"{1e6 * s.time_s:.1f}"]
        for s in sieges
    ]
    heads = ["robot", "robot-periods", "contacts", "no solution", "least clearance [m]", "whole loop [µs]"]
    console.print(rich_table("safety filter under adversarial gains, 2 to 64 robots", heads, cells, left=1))


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
